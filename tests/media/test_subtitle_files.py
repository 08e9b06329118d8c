"""Subtitle files as people have them: unusual times and notes, files that are none, and odd characters."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from prefect_media.errors import ParameterError, ProbeError
from prefect_media.media.captions.captioning import captions_of
from prefect_media.media.captions.styles import style_of
from prefect_media.media.captions.subtitles import Cue, read_subtitles, write_subtitles


def read(folder: Path, text: str) -> list[tuple[float, float, str]]:
    path = folder / "file.txt"
    path.write_text(text, encoding="utf-8")
    return [(cue.start_s, cue.end_s, cue.text) for cue in read_subtitles(path)]


@pytest.mark.parametrize("opening", ["", "\n\n"])
def test_a_caption_may_quote_the_header_of_another_format(tmp_path: Path, opening: str) -> None:
    text = "Write\n[Script Info]\nfirst"
    assert read(tmp_path, f"{opening}1\n00:00:01,000 --> 00:00:02,000\n{text}\n") == [(1.0, 2.0, text)]
    assert read(tmp_path, f"{opening}WEBVTT\n\n00:01.000 --> 00:02.000\n{text}\n") == [(1.0, 2.0, text)]


@pytest.mark.parametrize("opening", ["", "\n \n", "; by hand\n!: old\n\n", ";\n"])
def test_comments_may_stand_before_the_header_of_ass(tmp_path: Path, opening: str) -> None:
    events = "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    events += "Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,hello\n"
    assert read(tmp_path, f"{opening}[script info]\nScriptType: v4.00+\n\n{events}") == [(1.0, 2.0, "hello")]


@pytest.mark.parametrize(
    ("timing", "times"),
    [
        ("00:00:03.000-->00:00:03.500", (3.0, 3.5)),
        ("00:03.000  -->\t00:03.500 line:0", (3.0, 3.5)),
        ("101:00:03.000 --> 101:00:03.500", None),
        ("00:00:03 --> 00:00:04", (3.0, 4.0)),
    ],
)
def test_vtt_times_are_read_however_they_are_spaced(
    tmp_path: Path, timing: str, times: tuple[float, float] | None
) -> None:
    text = f"WEBVTT\n\n00:01.000 --> 00:02.000\nfirst\n\n{timing}\nsecond\n"
    if times is None:
        with pytest.raises(Exception, match="within 100 hours"):
            read(tmp_path, text)
    else:
        assert read(tmp_path, text) == [(1.0, 2.0, "first"), (*times, "second")]


def test_only_notes_are_left_out_of_vtt(tmp_path: Path) -> None:
    blocks = [
        "WEBVTT",
        "NOTE one line",
        "NOTE\nof lines",
        "NOTE\ttab",
        "NOTEBOOK-7\n00:01.000 --> 00:02.000\nfirst",
        "NOTE",
        "NOTE 8\n00:03.000 --> 00:04.000\nsecond",
    ]
    assert [text for *_, text in read(tmp_path, "\n\n".join(blocks) + "\n")] == ["first", "second"]


@pytest.mark.parametrize(
    ("timing", "times"),
    [
        ("00:00:01 --> 00:00:02", (1.0, 2.0)),
        ("00:00:01,5 --> 00:00:02.25", (1.5, 2.25)),
        ("0:0:1-->0:0:2", (1.0, 2.0)),
        ("00:01,000 --> 00:02,000", (1.0, 2.0)),
        ("00:00:01,000 --> 00:00:02,000 X1:1 Y1:2", (1.0, 2.0)),
        ("00: 00: 01, 000 --> 00 : 00 : 02 , 000", (1.0, 2.0)),
    ],
)
def test_srt_times_may_be_short_or_spaced(tmp_path: Path, timing: str, times: tuple[float, float]) -> None:
    text = f"1\n{timing}\nfirst\n\n2\n00:00:08 --> 00:00:09\nat 10:30:00\n"
    assert read(tmp_path, text) == [(*times, "first"), (8.0, 9.0, "at 10:30:00")]


@pytest.mark.parametrize("suffix", [".srt", ".vtt"])
@pytest.mark.parametrize(
    ("start", "end", "read_as"),
    [(1.0001, 1.0004, (1.0, 1.001)), (0.0, 1e-9, (0.0, 0.001)), (359999.9986, 359999.999, (359999.998, 359999.999))],
)
def test_the_shortest_cue_is_not_lost(
    tmp_path: Path, suffix: str, start: float, end: float, read_as: tuple[float, float]
) -> None:
    target = tmp_path / f"out{suffix}"
    write_subtitles([Cue(start_s=start, end_s=end, text="blink")], target)
    assert [(cue.start_s, cue.end_s) for cue in read_subtitles(target)] == [read_as]


@pytest.mark.parametrize("suffix", [".srt", ".vtt"])
def test_characters_of_private_use_stay_and_noncharacters_go(tmp_path: Path, suffix: str) -> None:
    private = "\ue000\ue001\ue002\ue003 {a} <3 \\ :"
    cue = Cue(start_s=1, end_s=2, text=private + "\ufdd0\ufdd1\ufdd2\ufdd3")
    assert cue.text == private
    target = tmp_path / f"out{suffix}"
    write_subtitles([cue], target)
    assert read_subtitles(target) == [cue]
    target.write_text(target.read_text(encoding="utf-8").replace("a", "\ufdd0a\ufdd1"), encoding="utf-8")
    assert read_subtitles(target) == [cue]


# Files and values that are not what was wanted ----------------------------------------------------------------------


def test_a_file_that_cannot_be_read_is_told_once(tmp_path: Path) -> None:
    for path, words in (
        (tmp_path / "none.srt", "there is no such file"),
        (tmp_path, "it is not a file"),
        (tmp_path / ("long" * 100), "File name too long"),
    ):
        with pytest.raises(ProbeError, match=f"Cannot read subtitles '{path}': {words}. Name an .srt"):
            read_subtitles(path)
        with pytest.raises(ProbeError, match=words):
            captions_of(subtitles=path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="everything may be read")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "secret.srt"
    path.write_text("1\n00:00:01,000 --> 00:00:02,000\nx\n")
    path.chmod(0)
    with pytest.raises(ProbeError, match="Permission denied"):
        read_subtitles(path)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cues": 5}, "cues=5 is not a list. Allowed: a list of objects with start_s, end_s and text."),
        ({"cues": "ab"}, "cues='ab' is not a list. Allowed: a list of objects with start_s, end_s and text."),
        ({"words": {"text": "a"}}, "words={'text': 'a'} is not a list. Allowed: a list of objects with start_s, end_s and text."),
        ({"subtitles": 5}, "subtitles=5 is not a path. Allowed: an SRT, WebVTT or ASS file."),
    ],
)  # fmt: skip
def test_what_captions_come_from_is_told_when_it_is_of_a_wrong_type(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        captions_of(**given)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": ["a"]}, "style=['a'] is unknown. Known: outline, box, shadow, bold."),
        ({"name": "box", "size": "big"}, "size='big' is not a number. Allowed: 0.02 to 0.25 of the frame's shorter side."),
        ({"name": "box", "size": True}, "size=True is not a number. Allowed: 0.02 to 0.25 of the frame's shorter side."),
    ],
)  # fmt: skip
def test_looks_of_a_wrong_type_are_told(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ParameterError) as caught:
        style_of(**given)
    assert str(caught.value) == message


def test_ssa_is_read_like_ass(tmp_path: Path) -> None:
    path = tmp_path / "old.ssa"
    path.write_text(
        "[Script Info]\nScriptType: v4.00\n\n[V4 Styles]\nFormat: Name, Fontname, Fontsize\nStyle: Default,Arial,20\n\n"
        "[Events]\nFormat: Marked, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
        "Dialogue: Marked=0,0:00:01.00,0:00:02.00,Default,,0000,0000,0000,,Hello, {\\i1}Marked=1{\\i0}\n"
        "Comment: Marked=1,0:00:01.00,0:00:02.00,Default,,0000,0000,0000,,no\n"
    )
    assert read_subtitles(path) == [Cue(start_s=1, end_s=2, text="Hello, Marked=1")]


@pytest.mark.parametrize("between", ["", " \n", "\t\n2\n", " \nname\n"])
def test_a_cue_of_vtt_begins_at_its_times_also_without_an_empty_line(tmp_path: Path, between: str) -> None:
    path = tmp_path / "tight.vtt"
    path.write_text(f"WEBVTT\n\n00:01.000 --> 00:02.000\n \nA --> 1\n{between}00:03.000 --> 00:04.000 line:0\nB\n")
    assert read_subtitles(path) == [Cue(start_s=1, end_s=2, text="A -> 1"), Cue(start_s=3, end_s=4, text="B")]
