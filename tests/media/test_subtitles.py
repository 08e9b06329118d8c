"""Reading and writing subtitles, and cues from word timings."""

from __future__ import annotations

import itertools
import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from prefect_media.errors import DecodeError, MediaError, MediaLimitError, ParameterError, UnsupportedMediaError
from prefect_media.media.captions.cues import columns, cues_from_words
from prefect_media.media.captions.subtitles import Cue, read_subtitles, srt_text, vtt_text, write_subtitles
from prefect_media.media.types import Word

SRT = """1
00:00:01,000 --> 00:00:02,500
<i>Hello</i>, <font color="red">world</font>

2
00:00:03,000 --> 00:00:04,000
{\\an8}a path C:\\new {really}
count to
10
"""

VTT = """WEBVTT - a title

STYLE
::cue { color: red }

NOTE a note --> with an arrow
that must not show

intro
00:01.000 --> 00:02.500 position:10% line:0
<v Bob>Tom &amp; Jerry &lt;3

00:00:03.000 --> 00:00:04.000
<00:00:03.000><c>one</c><00:00:03.500> two
1984
"""

ASS = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Arial,20

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:03.00,0:00:04.00,Default,,0,0,0,,{\\b1}second{\\b0}\\Nline
Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,first, with comma
Comment: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,not shown
Dialogue: 0,0:00:05.00,0:00:06.00,Default,,0,0,0,,{\\p1}m 0 0 l 9 9{\\p0}
"""


def written(folder: Path, text: str | bytes, name: str = "file.txt") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def spoken(text: str, start: float = 0.0, step: float = 0.3) -> list[Word]:
    return [Word(text=w, start_s=start + i * step, end_s=start + (i + 0.9) * step) for i, w in enumerate(text.split())]


@pytest.mark.parametrize(
    ("source", "texts"),
    [
        (SRT, ["Hello, world", "a path C:\\new {really}\ncount to\n10"]),
        (VTT, ["Tom & Jerry <3", "one two\n1984"]),
        (ASS, ["first, with comma", "second\nline"]),
    ],
    ids=["srt", "vtt", "ass"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_read_gives_plain_text_in_order_of_time(
    tmp_path: Path, source: str, texts: list[str], encoding: str, newline: str
) -> None:
    cues = read_subtitles(written(tmp_path, source.replace("\n", newline).encode(encoding)))
    assert [cue.text for cue in cues] == texts
    assert [(cue.start_s, cue.end_s) for cue in cues] == [(1.0, 2.5), (3.0, 4.0)]


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ("just text", UnsupportedMediaError, "neither SubRip"),
        ("", UnsupportedMediaError, "neither SubRip"),
        (SRT.encode() + "café".encode("latin-1"), UnsupportedMediaError, "Save the file as UTF-8"),
        ("1\n00:00:05,000 --> 00:00:02,000\nbackwards\n", DecodeError, "end after it starts"),
        ("1\n00:00:01,000 --> 00:00:02,000\nx\n" + " " * 16_000_000, MediaLimitError, "16000000 are allowed"),
    ],
)
def test_read_refuses_what_it_cannot_use(
    tmp_path: Path, content: str | bytes, error: type[MediaError], words: str
) -> None:
    with pytest.raises(error, match=words):
        read_subtitles(written(tmp_path, content))


@pytest.mark.parametrize(
    "timing",
    [
        "100:00:01,000 --> 100:00:02,000",
        "99:59:58,000 --> 100:00:02,000",
        "100:00:01 --> 100:00:02",
        "12345:00:01,000 --> 12345:00:02,000",
        f"{'9' * 5000}:00:01,000 --> {'9' * 5000}:00:02,000",
        "\u200b100:00:01,000 --> 100:00:02,000",
    ],
)
@pytest.mark.parametrize("head", ["1\n", "WEBVTT\n\n"], ids=["srt", "vtt"])
def test_times_from_100_hours_on_are_refused_and_never_taken_for_others(tmp_path: Path, timing: str, head: str) -> None:
    if head.startswith("WEBVTT"):
        timing = timing.lstrip("\u200b").replace(",", ".")
    with pytest.raises(DecodeError, match="within 100 hours"):
        read_subtitles(written(tmp_path, f"{head}{timing}\nhello\n"))


def test_the_last_moments_before_100_hours_are_kept(tmp_path: Path) -> None:
    text = "1\n099:59:58,000 --> 0099:59:59,999\nhello\n\n2\n000:00:01,000 --> 000:00:02,000\nfirst\n"
    cues = read_subtitles(written(tmp_path, text))
    assert [(cue.start_s, cue.end_s) for cue in cues] == [(1.0, 2.0), (359_998.0, 359_999.999)]
    write_subtitles(cues, tmp_path / "again.srt")
    assert read_subtitles(tmp_path / "again.srt") == cues


def test_words_from_100_hours_on_are_refused() -> None:
    told = r"Word 2 \('late'\) goes from 359999\.9 s to 360000\.2 s\. Subtitles end before 100 hours\."
    with pytest.raises(ParameterError, match=told):
        cues_from_words([Word(text="x", start_s=1, end_s=2), Word(text="late", start_s=359_999.9, end_s=360_000.2)])
    cues = cues_from_words([Word(text="last", start_s=359_999.8, end_s=359_999.9)])
    assert cues[0].end_s == 359_999.999


@pytest.mark.filterwarnings("ignore:Failed to parse:RuntimeWarning")  # the library's remark on a damaged ASS margin
def test_damaged_files_are_read_or_refused_never_crash(tmp_path: Path) -> None:
    dice = random.Random(7)
    outcomes: set[str] = set()
    for source in (SRT, VTT, ASS):
        for _ in range(120):
            data = bytearray(source.encode())
            for _ in range(dice.randint(1, 12)):
                data[dice.randrange(len(data))] = dice.randrange(256)
            try:
                read_subtitles(written(tmp_path, bytes(data[: dice.randrange(1, len(data))])))
                outcomes.add("read")
            except MediaError as exc:
                outcomes.add(type(exc).__name__)
    assert {"read", "UnsupportedMediaError"} <= outcomes


HOSTILE = [
    "a\n\n2\n00:00:00,000 --> 09:00:00,000\ninjected",
    "x --> y ---> z",
    "<script>alert(1)</script> a < b > c & d &amp; e",
    "{\\an8}{\\b1}top {plain} C:\\Nope \\h",
    "bell\x07 null\x00 line\u2028separator\x85next",
    "NOTE\nSTYLE\nWEBVTT",
    "日本語\nעברית 😀",
    "counting to\n10",
]


@pytest.mark.parametrize("suffix", [".srt", ".vtt"])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_one_cue_and_comes_back(tmp_path: Path, suffix: str, text: str) -> None:
    cue = Cue(start_s=1.25, end_s=3.5, text=text)
    later = Cue(start_s=4, end_s=5, text="later")
    target = tmp_path / f"out{suffix}"
    write_subtitles([later, cue], target)
    assert read_subtitles(target) == [cue, later]
    assert len(re.findall("-->", target.read_text(encoding="utf-8"))) == 2


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80))
def test_any_text_survives_a_round_trip(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp()
    cleaned = Cue(start_s=0, end_s=1, text="x" + text)
    if "\u2060" in text:
        return
    for suffix in (".srt", ".vtt"):
        write_subtitles([cleaned], folder / f"round{suffix}")
        assert read_subtitles(folder / f"round{suffix}") == [cleaned]


def test_write_gives_the_exact_text_of_both_formats() -> None:
    cues = [Cue(start_s=0.5, end_s=3661.0015, text="a < b\n<b>c</b>")]
    assert srt_text(cues) == "1\n00:00:00,500 --> 01:01:01,002\na < b\n<\u2060b>c<\u2060/b>\n"
    assert vtt_text(cues) == ("WEBVTT\n\n00:00:00.500 --> 01:01:01.002\na &lt; b\n&lt;b&gt;c&lt;/b&gt;\n")


def test_write_refuses_other_suffixes(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"suffix must be \.srt or \.vtt"):
        write_subtitles([], tmp_path / "out.ass")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("times", [(2.0, 2.0), (3.0, 2.0), (-1.0, 2.0), (0.0, 400_000.0), (float("nan"), 1.0)])
def test_an_impossible_cue_cannot_be_made(times: tuple[float, float]) -> None:
    with pytest.raises(ValidationError):
        Cue(start_s=times[0], end_s=times[1], text="x")
    with pytest.raises(ValidationError):
        Cue(start_s=0, end_s=1, text=" \n\x00 ")


# Cues from words ----------------------------------------------------------------------------------------------------

STORY = (
    "Every evening the keeper climbs the stairs and lights the lamp. He has done so for thirty years, in storm and "
    "calm, without missing one night. Tonight is different."
)


def test_cues_break_at_sentences_and_keep_every_word() -> None:
    cues = cues_from_words(spoken(STORY))
    assert " ".join(cue.text.replace("\n", " ") for cue in cues) == STORY
    assert [cue.text.split()[-1] for cue in cues][-1] == "different."
    assert "lamp." in [cue.text.split()[-1] for cue in cues]
    for cue in cues:
        assert [w.text for w in cue.words] == cue.text.split()
        assert all(columns(line) <= 42 for line in cue.text.split("\n"))
        assert cue.text.count("\n") <= 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text("abc,. é漢字", min_size=1, max_size=30), st.floats(0, 2), st.floats(0, 1)), max_size=25),
    st.integers(4, 40),
    st.integers(1, 3),
)
def test_cues_never_overlap_or_outgrow_their_lines(
    raw: list[tuple[str, float, float]], line_chars: int, lines: int
) -> None:
    words: list[Word] = []
    at = 0.0
    for text, length, gap in raw:
        words.append(Word(text=text, start_s=at, end_s=at + length))
        at += length + gap + 0.01
    cues = cues_from_words(words, line_chars=line_chars, lines=lines, max_s=3.0)
    assert "".join("".join(c.text.split()) for c in cues) == "".join("".join(w.text.split()) for w in words)
    for cue, following in itertools.pairwise(cues):
        assert cue.end_s <= following.start_s + 0.0015
    for cue in cues:
        assert cue.text.count("\n") < lines
        assert all(columns(line) <= line_chars for line in cue.text.split("\n"))
        assert len(cue.words) == 1 or cue.words[-1].end_s - cue.words[0].start_s <= 3.0


def test_a_pause_ends_a_cue_and_short_cues_stay_readable() -> None:
    words = [Word(text="Wait", start_s=0, end_s=0.2), Word(text="what", start_s=2, end_s=2.2)]
    first, second = cues_from_words(words)
    assert (first.text, first.start_s, first.end_s) == ("Wait", 0, 0.8)
    assert (second.text, second.start_s, second.end_s) == ("what", 2, 2.8)


def test_text_without_spaces_is_cut_and_joined_without_spaces() -> None:
    text = "毎晩灯台守は階段を上り明かりを灯します。三十年間一晩も欠かしたことはありません。"
    cues = cues_from_words([Word(text=text, start_s=0, end_s=8)], line_chars=24, max_s=6)
    assert "".join(c.text.replace("\n", "") for c in cues) == text
    assert all(columns(line) <= 24 for c in cues for line in c.text.split("\n"))
    assert cues[0].text.endswith("。")


def test_no_cue_begins_with_what_ends_a_sentence_or_a_quotation() -> None:
    spoken = [Word(text="一二三四五。六七八「九」十", start_s=0, end_s=4)]
    cues = cues_from_words(spoken, line_chars=10, lines=1)
    assert [cue.text for cue in cues] == ["一二三四", "五。", "六七八", "「九」十"]


def test_cues_refuse_bad_limits_and_words_out_of_order() -> None:
    with pytest.raises(ParameterError, match="line_chars=0"):
        cues_from_words([], line_chars=0)
    with pytest.raises(ParameterError, match="in order of time"):
        cues_from_words([Word(text="b", start_s=1, end_s=2), Word(text="a", start_s=0, end_s=1)])
    assert cues_from_words([]) == []
