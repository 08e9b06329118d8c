"""Captions from right to left: where the parts of a line stand, with and without a lit word.

Each test draws letters that are told apart by colour or by ink, so that no picture needs to be compared.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from prefect_media.errors import ParameterError
from prefect_media.media.captions.captioning import caption
from prefect_media.media.images.fonts import find_font

GREY = 110
LINES = [
    "שלום Python עולם!",
    "مرحبا Python عالم!",
]


@pytest.fixture(autouse=True)
def _needs_a_font() -> None:
    try:
        find_font("".join(LINES))
    except ParameterError as exc:
        pytest.skip(str(exc))


def clip(path: Path, width: int = 640) -> Path:
    """Write a plain grey video of 2 s."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = width, 120, "yuv420p"
        for number in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((120, width, 3), GREY, np.uint8), format="rgb24")
            frame.pts = number
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    return path


def frames(path: Path) -> list[Any]:
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in file.decode(video=0)]


def spoken(text: str) -> list[dict[str, Any]]:
    """Return the words of a text, one for each 0.4 s."""
    return [{"text": word, "start_s": n * 0.4, "end_s": n * 0.4 + 0.4} for n, word in enumerate(text.split())]


def ink(frame: Any) -> Any:
    """Return which pixels are letters of any colour, shape (h, w)."""
    return frame.max(axis=2) > 190


def red(frame: Any) -> Any:
    return (frame[..., 0] > 150) & (frame[..., 1] < 100)


def lit(tmp_path: Path, text: str) -> list[Any]:
    """Return one frame for each word of a caption whose spoken word is red."""
    source, target = clip(tmp_path / "in.mp4"), tmp_path / "lit.mp4"
    caption(source, target, words=spoken(text), highlight="word", highlight_colour="#ff0000", size=0.2)
    pictures = frames(target)
    return [pictures[n * 4 + 2] for n in range(len(text.split()))]


def middle(mask: Any) -> float:
    return float(np.nonzero(mask)[1].mean())


def drawn(tmp_path: Path, text: str) -> Any:
    source, target = clip(tmp_path / "in.mp4"), tmp_path / "plain.mp4"
    caption(source, target, cues=[{"start_s": 0, "end_s": 9, "text": text}], size=0.15, style="shadow")
    return ink(frames(target)[5])


def glyphs(picture: Any) -> list[tuple[int, int]]:
    """Return from where to where each group of letters that touch goes, from left to right."""
    columns = np.flatnonzero(picture.any(axis=0))
    parts = np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)
    return [(int(part[0]), int(part[-1])) for part in parts]


@pytest.mark.parametrize("text", LINES)
def test_a_line_ends_at_its_left_when_its_first_letter_runs_that_way(tmp_path: Path, text: str) -> None:
    first, *_, last = glyphs(drawn(tmp_path, text))
    assert first[1] - first[0] < 5 < last[1] - last[0]  # the exclamation mark is the narrowest


def test_a_line_ends_at_its_right_when_its_first_letter_runs_that_way(tmp_path: Path) -> None:
    first, *_, last = glyphs(drawn(tmp_path, "Wir sagen שלום!"))
    assert last[1] - last[0] < 5 < first[1] - first[0]


@pytest.mark.parametrize("text", LINES)
def test_the_light_goes_from_right_to_left_and_nothing_moves(tmp_path: Path, text: str) -> None:
    pictures = lit(tmp_path, text)
    spots = [middle(red(picture)) for picture in pictures]
    assert spots[0] > spots[1] > spots[2]
    rims = [picture.max(axis=2) < 60 for picture in pictures]  # black whatever the letter's colour
    for other in rims[1:]:  # but for its inner edge
        assert (rims[0] ^ other).sum() < rims[0].sum() * 0.25
    # The mark that ends the line is at its left end, and lit with its word.
    left = np.flatnonzero(rims[0].any(axis=0)).min()
    assert [bool(red(picture)[:, left : left + 8].any()) for picture in pictures] == [False, False, True]


def test_words_of_the_other_direction_keep_their_own_order_inside_a_line(tmp_path: Path) -> None:
    spots = [middle(red(picture)) for picture in lit(tmp_path, "גר New York, היום")]
    assert spots[0] > spots[2] > spots[1] > spots[3]
    spots = [middle(red(picture)) for picture in lit(tmp_path, "Say שלום עולם, now")]
    assert spots[0] < spots[2] < spots[1] < spots[3]


@pytest.mark.parametrize(
    ("text", "leftward"), [("כולנו אוהבים את Python היום", True), ("We all say hello: שלום עולם, today", False)]
)
def test_a_line_runs_as_the_caption_that_it_was_broken_from(tmp_path: Path, text: str, leftward: bool) -> None:
    source, target = clip(tmp_path / "in.mp4", 300), tmp_path / "out.mp4"
    words = [{"text": word, "start_s": 0.1 * n, "end_s": 0.1 * n + 0.1} for n, word in enumerate(text.split())]
    whole = {"start_s": 0, "end_s": 2, "text": text, "words": words}
    caption(source, target, cues=[whole], highlight="word", highlight_colour="#ff0000", size=0.25, style="shadow")
    picture = frames(target)[15]
    assert ink(picture)[:80].any()
    assert not red(picture)[:80].any()
    line = picture[80:]  # the second of two: it begins with a letter of the other direction
    assert (middle(red(line)) < middle(ink(line) & ~red(line))) == leftward


def test_equal_captions_give_equal_bytes(tmp_path: Path) -> None:
    source = clip(tmp_path / "in.mp4")
    for name in "ab":
        caption(source, tmp_path / f"{name}.mp4", words=spoken(LINES[0]), highlight="word")
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
