"""Operations on a video's time: cut, repeat, reverse, other frame rate. Undecoded where that is exact."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ...errors import ParameterError
from ..container import scan
from ..operation import operation
from . import steps
from .copying import shown_range
from .joining import join
from .opening import open_reel, parse_rate
from .reel import Reel
from .remux import shot_of
from .targets import target_of
from .writing import write_reel

__all__ = ["loop_video", "resample_video", "reverse_video", "trim_video"]

REVERSE_BYTES = 200_000_000
"""Frames that are held in memory at a time to be played backwards."""
MAX_TIMES = 1000


@operation(version=5)
def trim_video(
    source: Path, target: Path, *, start_s: float = 0.0, end_s: float | None = None, seconds: float | None = None
) -> None:
    """Keep the part of a video between two times, to the nearest frame.

    The picture is copied undecoded when the part begins at a key frame and ends where no later frame is needed. In a video of
    this library's own encoder's form only the frames that are not so are encoded.

    Args:
        source: Any video.
        target: `.mp4`, `.mov`, `.mkv` or `.webm`.
        start_s: Where the part begins.
        end_s: Where it ends; by default the end of the video. Not together with `seconds`.
        seconds: How long it is.

    Raises:
        ParameterError: The times are not inside the video.
        MediaError: The source cannot be used, or the target not written.
    """
    what = f"trim '{source.name}'"
    found = scan(source)
    reel = open_reel(source, found=found)
    first, end = steps.span_of(reel, start_s, end_s, seconds)
    sought = open_reel(source, found=found, from_s=float(first / reel.rate))
    write_reel(sought.cut(0, end - first), target, what=what)


@operation(version=4)
def loop_video(source: Path, target: Path, *, times: int | None = None, seconds: float | None = None) -> None:
    """Repeat a video, a number of times or for a length.

    The picture is copied undecoded where that is exact, and encoded only once otherwise.

    Args:
        source: Any video.
        target: `.mp4`, `.mov`, `.mkv` or `.webm`.
        times: How often it is played in all, 1 to 1000. Not together with `seconds`.
        seconds: Length of the result.

    Raises:
        ParameterError: A value is not possible.
        MediaError: The source cannot be used, or the target not written.
    """
    if (times is None) == (seconds is None):
        raise ParameterError("loop_video needs either times or seconds.")
    kind, found = target_of(target), scan(source)
    reel = open_reel(source, found=found)
    frames = reel.frames * times if times is not None else reel.frame_at(seconds or 0)
    if not 1 <= frames <= reel.frames * MAX_TIMES:
        raise ParameterError(
            f"Cannot repeat '{source.name}' for times={times}, seconds={seconds}: it lasts {float(reel.duration):.3f} s. "
            f"Allowed: from one frame up to {MAX_TIMES} times its length."
        )
    whole, rest = divmod(frames, reel.frames)
    parts = [(0, reel.frames, reel)] * whole + (
        [(0, rest, open_reel(source, found=found, twin=1).cut(0, rest))] if rest else []
    )
    what = f"repeat '{source.name}'"
    if len(parts) == 1:
        write_reel(parts[0][2], target, what=what)
        return
    copyable = shown_range(reel, kind) is not None
    cuts = {end: shot_of(source, found, 0, end) if copyable else None for _, end, _ in parts}
    join([part for _, _, part in parts], target, what=what, coded=[cuts[end] for _, end, _ in parts])


@operation(version=3)
def reverse_video(source: Path, target: Path) -> None:
    """Play a video and its sound backwards.

    Long videos are reversed in parts, so that memory does not grow with their length.

    Args:
        source: Any video.
        target: `.mp4`, `.mov`, `.mkv` or `.webm`.

    Raises:
        MediaError: The source cannot be used, or the target not written.
    """
    what, found = f"reverse '{source.name}'", scan(source)
    reel = open_reel(source, found=found)
    at_a_time = max(1, REVERSE_BYTES // (reel.width * reel.height * 3 // 2))
    if reel.frames <= at_a_time:
        write_reel(_backwards(reel), target, what=what)
        return
    parts: list[Reel] = []
    for first in reversed(range(0, reel.frames, at_a_time)):
        part = open_reel(source, found=found, from_s=float(first / reel.rate))
        parts.append(_backwards(part.cut(0, min(at_a_time, reel.frames - first))))
    join(parts, target, what=what)


def _backwards(reel: Reel) -> Reel:
    turned = reel.settled()
    picture = turned.picture.filter("reverse").filter("setpts", "PTS-STARTPTS")
    return replace(turned, picture=picture).heard("areverse").heard("asetpts", "N/SR/TB")


@operation(version=4)
def resample_video(source: Path, target: Path, *, fps: float | str) -> None:
    """Give a video another, constant frame rate, by repeating or leaving out frames. Its length stays.

    Args:
        source: Any video.
        target: `.mp4`, `.mov`, `.mkv` or `.webm`.
        fps: Frames per second, 1 to 240; a ratio may be a string (`"30000/1001"`).

    Raises:
        ParameterError: Not a frame rate.
        MediaError: The source cannot be used, or the target not written.
    """
    write_reel(open_reel(source, fps=parse_rate(fps)), target, what=f"change the frame rate of '{source.name}'")
