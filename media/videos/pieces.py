"""Divide what a reel shows of a file into pieces: the longest that can be copied, and what is left at its ends.

Copied and encoded pictures can follow each other only where the file is in the form that this library's encoder writes,
such as a clip that was fitted or joined before.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

from .. import ffmpeg
from ..streams import VideoStream
from .copying import shown_range
from .joining import encode_parts
from .opening import open_reel
from .reel import Reel
from .remux import Shot, matches, shot_of, widest_shot
from .targets import Target

__all__ = ["Piece", "is_own_form", "last_frame", "pieces"]

Piece = tuple[Reel, Shot | None]
"""A reel, and its picture where that is copied."""
LEAST_SHARE = 0.3
"""A copied piece that is less of the whole is not worth the seams."""


def pieces(reel: Reel, kind: Target) -> list[Piece] | None:
    """Return pieces that together show what a reel shows, at least one of them copied.

    Returns:
        None where all of it has to be encoded, or too much to be worth it.
    """
    shown = shown_range(reel, kind)
    if shown is None:
        return None
    coded, stream, first = shown
    end = first + reel.frames
    if (shot := shot_of(coded.path, coded.found, first, end)) is not None:
        return [(reel, shot)]
    widest = widest_shot(coded.path, coded.found, first, end)
    if widest is None or widest[1] - widest[0] < LEAST_SHARE * reel.frames or not is_own_form(stream, kind):
        return None
    begins, ends = widest
    body: Piece = (_part(reel, first, begins, ends), shot_of(coded.path, coded.found, begins, ends))
    head: list[Piece] = [(_part(reel, first, first, begins), None)] if begins > first else []
    tail: list[Piece] = [(_part(reel, first, ends, end), None)] if ends < end else []
    return [*head, body, *tail]


def last_frame(reel: Reel) -> Reel:
    """Return the last frame of what a reel shows of a file as a reel of its own, without sound."""
    assert reel.coded is not None
    first, silent = reel.coded.first, replace(reel, sound=None)
    return _part(silent, first, first + reel.frames - 1, first + reel.frames)


def _part(reel: Reel, first: int, begins: int, ends: int) -> Reel:
    """Return frames of the file as a reel of their own, which decodes no more than it needs."""
    part = reel.cut(begins - first, ends - first)
    assert reel.coded is not None
    sought = open_reel(reel.coded.path, found=reel.coded.found, from_s=float(begins / reel.rate), keep_sound=False)
    return replace(part, picture=sought.cut(0, ends - begins).picture)


def is_own_form(stream: VideoStream, kind: Target) -> bool:
    """Whether a stream can be followed by what this library encodes."""
    return stream.codec == "h264" and matches(stream, _form(stream.width_px, stream.height_px, stream.frame_rate, kind))


@lru_cache(maxsize=64)
def _form(width: int, height: int, rate: Fraction, kind: Target) -> VideoStream:
    """Return what the encoder writes: found out by encoding two black frames."""
    black = ffmpeg.generated(f"color=c=black:s={width}x{height}:r={rate}")["v"].filter("trim", end_frame=2)
    reel = Reel("black", black.filter("format", "yuv420p"), None, width, height, rate, 2, stored=(width, height))
    with tempfile.TemporaryDirectory() as folder:
        (part,) = encode_parts([reel], Path(folder), kind, what="find out how videos are encoded")
        return part.shot.stream
