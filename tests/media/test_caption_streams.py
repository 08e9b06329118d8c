"""Subtitle streams: every text that goes in is what a player reads from the packets."""

from __future__ import annotations

import html
import random
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from prefect_media.errors import ParameterError
from prefect_media.media.captions.captioning import caption
from prefect_media.media.captions.subtitles import clean_text

from .make_clips import ffmpeg

TEXTS = [
    "{curly}",
    "{\\an8}x",
    "{y:i}x {b}",
    "C:\\new \\N \\h \\\\n end\\",
    "x\\{y\\}",
    "<b>bold?",
    "<i>x</i> <font color=red> </b> <!-- x",
    "a < b & c > d &amp; &lt;",
    "1 <2> < /i > <\nu> <>",
    "two\nlines",
    "counting to\n10",
    "1\n2",
    "日本語 שלום 😀",
]


def clip(path: Path) -> Path:
    """Write a plain video of 2 s."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libvpx-vp9" if path.suffix == ".webm" else "libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 110, np.uint8), format="rgb24")
            frame.pts = number
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path


def packets(path: Path, number: int = 0) -> list[tuple[int, int, bytes]]:
    """Return start and length in milliseconds, and bytes, of each packet of a subtitle stream."""
    with av.open(str(path)) as file:
        stream = file.streams.subtitles[number]
        return [
            (round(p.pts * p.time_base * 1000), round((p.duration or 0) * p.time_base * 1000), bytes(p))
            for p in file.demux(stream)
            if p.size and p.pts is not None
        ]


def shown(path: Path, number: int = 0) -> list[str]:
    """Return the texts that a player shows, as the format of each container has them."""
    raw = [data for *_, data in packets(path, number)]
    if path.suffix in (".mp4", ".mov"):  # a length of 16 bits, then text and perhaps boxes of styles, which no text has
        for data in raw:
            assert len(data) == 2 + int.from_bytes(data[:2], "big")
        raw = [data[2:] for data in raw if len(data) > 2]
    texts = [data.decode() for data in raw]
    if path.suffix == ".webm":
        assert not any("<" in text for text in texts)
        return [html.unescape(text) for text in texts]
    return [text.replace("<\u2060", "<").replace("{\u2060", "{") for text in texts]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_packets_hold_the_text_as_it_is(tmp_path: Path, suffix: str) -> None:
    source, target = clip(tmp_path / f"in{suffix}"), tmp_path / f"out{suffix}"
    cues = [{"start_s": 0.1 * n + 0.1, "end_s": 0.1 * n + 0.15, "text": text} for n, text in enumerate(TEXTS)]
    caption(source, target, cues=cues, burn=False)
    assert shown(target) == TEXTS
    times = [(start, length) for start, length, data in packets(target) if data != b"\0\0"]
    assert times == [(100 * n + 100, 50) for n in range(len(TEXTS))]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_a_stream_that_is_there_already_is_copied(tmp_path: Path, suffix: str) -> None:
    source, one, two = clip(tmp_path / f"in{suffix}"), tmp_path / f"one{suffix}", tmp_path / f"two{suffix}"
    caption(source, one, cues=[{"start_s": 0.1, "end_s": 0.6, "text": TEXTS[3]}], burn=False)
    caption(one, two, cues=[{"start_s": 0.2, "end_s": 0.7, "text": TEXTS[0]}], burn=False)
    assert packets(two) == packets(one)
    assert shown(two, 1) == [TEXTS[0]]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"cues": 5}, "cues=5 is not"),
        ({"size": "big"}, "size='big' is not a number"),
        ({"style": ["a"]}, r"style=\['a'\] is"),
        ({"font": 5}, "font=5 is not a"),
        ({"language": 5, "burn": False}, "language=5 is not"),
    ],
)
def test_options_of_a_wrong_type_are_told(tmp_path: Path, given: dict[str, Any], words: str) -> None:
    cues = [{"start_s": 0, "end_s": 1, "text": "x"}]
    with pytest.raises(ParameterError, match=words):
        caption(clip(tmp_path / "in.mp4"), tmp_path / "out.mp4", **{"cues": cues, **given})
    assert not (tmp_path / "out.mp4").exists()


def test_equal_inputs_give_equal_streams(tmp_path: Path) -> None:
    for suffix in (".mov", ".webm"):
        source = clip(tmp_path / f"in{suffix}")
        for name in "ab":
            caption(source, tmp_path / f"{name}{suffix}", cues=[{"start_s": 0, "end_s": 1, "text": "\\n"}], burn=False)
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_no_text_at_all_is_taken_for_codes(tmp_path: Path, suffix: str) -> None:
    dice = random.Random(5)
    texts = [clean_text("".join(dice.choices("<>/{}\\nNhbiuys &;:!1-\n", k=dice.randint(1, 24)))) for _ in range(400)]
    texts = [text for text in texts if text]
    cues = [{"start_s": 0.004 * n, "end_s": 0.004 * n + 0.004, "text": text} for n, text in enumerate(texts)]
    caption(clip(tmp_path / f"in{suffix}"), tmp_path / f"out{suffix}", cues=cues, burn=False)
    assert shown(tmp_path / f"out{suffix}") == texts


TOGETHER = [(0.0, 1.2, "A"), (0.4, 0.8, "B"), (0.4001, 1.6, "C"), (0.4, 0.8, "B"), (1.7, 1.9, "D")]


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_captions_at_the_same_time_are_shown_together_where_a_stream_has_one_at_a_time(
    tmp_path: Path, suffix: str
) -> None:
    source, target = clip(tmp_path / f"in{suffix}"), tmp_path / f"out{suffix}"
    caption(source, target, cues=[{"start_s": a, "end_s": b, "text": text} for a, b, text in TOGETHER], burn=False)
    found = [(at, length, data[2:].decode()) for at, length, data in packets(target) if len(data) > 2]
    assert found == [(0, 400, "A"), (400, 400, "A\nB\nC"), (800, 400, "A\nC"), (1200, 400, "C"), (1700, 200, "D")]


def test_captions_at_the_same_time_stay_apart_where_a_stream_holds_that(tmp_path: Path) -> None:
    source, target = clip(tmp_path / "in.mkv"), tmp_path / "out.mkv"
    caption(source, target, cues=[{"start_s": a, "end_s": b, "text": text} for a, b, text in TOGETHER[:2]], burn=False)
    assert packets(target) == [(0, 1200, b"A"), (400, 400, b"B")]


def test_far_too_many_captions_at_the_same_time_are_refused(tmp_path: Path) -> None:
    crowd = [{"start_s": 0.1, "end_s": 1.9, "text": f"{number} " + "x" * 96} for number in range(60)]
    with pytest.raises(ParameterError, match=r"^Too many captions at 0\.10 s"):
        caption(clip(tmp_path / "in.mp4"), tmp_path / "out.mp4", cues=crowd, burn=False)


def languages(path: Path) -> list[str | None]:
    """Return the language of each stream but the picture."""
    with av.open(str(path)) as file:
        return [stream.metadata.get("language") for stream in file.streams if stream.type != "video"]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_languages_of_what_is_copied_stay(tmp_path: Path, suffix: str) -> None:
    silent, source = clip(tmp_path / "silent.mkv"), tmp_path / f"in{suffix}"
    tones = " ".join(f"-f lavfi -i sine=d=2:f={hertz}" for hertz in (300, 400))
    ffmpeg(
        f"-i {silent} {tones} -map 0 -map 1 -map 2 -c:v copy -c:a aac -metadata:s:a:0 language=fra "
        f"-metadata:s:a:1 language=jpn {source}"
    )
    said = [{"start_s": 0, "end_s": 1, "text": "x"}]
    caption(source, tmp_path / f"one{suffix}", cues=said, burn=False, language="eng")
    caption(tmp_path / f"one{suffix}", tmp_path / f"two{suffix}", cues=said, burn=False, language="ita")
    assert languages(tmp_path / f"two{suffix}") == ["fra", "jpn", "eng", "ita"]


@pytest.mark.parametrize(("language", "told"), [("deu", "ger"), ("zho", "chi"), ("fre", "fra"), ("swe", "sve")])
def test_quicktime_gets_the_language_by_the_name_that_it_knows(tmp_path: Path, language: str, told: str) -> None:
    said = [{"start_s": 0, "end_s": 1, "text": "x"}]
    caption(clip(tmp_path / "in.mov"), tmp_path / "out.mov", cues=said, burn=False, language=language)
    assert languages(tmp_path / "out.mov") == [told]
