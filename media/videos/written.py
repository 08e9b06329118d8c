"""Check what was written before it counts: streams, length, frame rate, size."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from ...errors import EncodeError, MediaError, MediaLimitError
from ...settings import get_settings
from ..container import Container, VideoStream, scan

__all__ = ["check_limits", "tolerance", "verify"]

LEAST_TOLERANCE_S = 0.025
CLOCK_S = 0.002
"""By how much two rounded ends may differ from the true ones, together."""


def tolerance(rate: Fraction) -> float:
    """Return by how much a length may differ: one frame or 25 ms, whichever is larger."""
    return max(LEAST_TOLERANCE_S, float(1 / rate)) + 1e-6


def check_limits(what: str, width: int, height: int, duration: Fraction) -> None:
    """Refuse a video that would be over a limit of the settings, before any of it is made.

    Args:
        what: Completes "Cannot ..." in the error.
        width, height: In pixels.
        duration: In seconds.

    Raises:
        MediaLimitError: It would.
    """
    limits = get_settings()
    if width * height > limits.max_video_pixels:
        raise MediaLimitError(
            f"Cannot {what}: frames of {width}x{height} are {width * height} pixels, at most {limits.max_video_pixels} are "
            "allowed. Ask for less, or raise PREFECT_MEDIA_MAX_VIDEO_PIXELS."
        )
    if duration > limits.max_duration_s:
        raise MediaLimitError(
            f"Cannot {what}: it would last {float(duration):.3f} s, at most {limits.max_duration_s:g} s are allowed. Ask for "
            "less, or raise PREFECT_MEDIA_MAX_DURATION_S."
        )


def _is_at(picture: VideoStream, rate: Fraction) -> bool:
    """Whether a stream has a frame rate, as far as times tell that a clock of 1 ms has rounded."""
    apart = abs(picture.frames / picture.frame_rate - picture.frames / rate)
    return abs(picture.frame_rate - rate) <= rate / 1000 or apart <= CLOCK_S


def verify(
    path: Path,
    *,
    what: str,
    duration: Fraction,
    rate: Fraction | None = None,
    size: tuple[int, int] | None = None,
    has_audio: bool | None = None,
) -> Container:
    """Return the facts of a written video after holding them against what was meant.

    Args:
        path: The file.
        what: Completes "Cannot ..." in the error.
        duration: Seconds that picture and sound should each last.
        rate: Frame rate, when it was set. `size`: as displayed, likewise. `has_audio`: likewise.

    Raises:
        EncodeError: It is not what was meant; `reason` is `wrong`.
    """
    try:
        found = scan(path)
    except MediaError as exc:
        raise EncodeError(f"Cannot {what}: the result does not read back. {exc}", reason="wrong") from exc
    wrong: list[str] = []
    picture, sound = found.picture, found.sound
    if picture is None:
        wrong.append("it has no video")
    else:
        if picture.hidden:
            wrong.append(f"it hides {picture.hidden} frames")
        allowed = tolerance(rate or picture.frame_rate)
        for kind, stream in (("video", picture), ("audio", sound)):
            if stream is not None and abs(stream.duration_s - float(duration)) > allowed:
                wrong.append(f"its {kind} lasts {stream.duration_s:.3f} s instead of {float(duration):.3f} s")
        if rate is not None and picture.frames > 1 and not _is_at(picture, rate):
            wrong.append(f"it has {float(picture.frame_rate):.3f} frames a second instead of {float(rate):.3f}")
        if size is not None and picture.display_size != size:
            wrong.append("it is {}x{} instead of {}x{}".format(*picture.display_size, *size))
    if has_audio is not None and has_audio != (sound is not None):
        wrong.append("it has no sound" if has_audio else "it has sound")
    if wrong:
        raise EncodeError(
            f"Cannot {what}: the result is wrong, {'; '.join(wrong)}. Please report this.", reason="wrong"
        )
    return found
