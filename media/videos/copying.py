"""When a video stream may go into a result as it is."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

from .. import ffmpeg
from ..container import Container
from .opening import picture_of
from .reel import Reel
from .targets import Target

__all__ = ["is_copyable", "whole_copy"]


def is_copyable(found: Container, path: Path, kind: Target, reel: Reel, rate: Fraction | None = None) -> bool:
    """Whether the reel's picture is the file's stream, frame by frame, and the target takes it.

    Args:
        found: Facts of the file.
        path: The file.
        kind: Where it goes.
        reel: The file opened, without any step.
        rate: Frame rate that is asked for; None for its own.
    """
    stream = picture_of(found, path)
    return (
        kind.takes(stream)
        and not stream.hidden  # a new file would show them
        and stream.is_constant_rate
        and (rate or reel.rate) == stream.frame_rate
        and reel.frames == stream.frames
    )


def whole_copy(found: Container, path: Path, kind: Target) -> tuple[Any, dict[str, Any]]:
    """Return the node of the whole stream and the options that copy it, beginning at time zero.

    Whatever else the file holds may begin before the picture; in the result the picture is where time begins.
    """
    stream = picture_of(found, path)
    lead = stream.start_s - found.start_s
    shift = {"itsoffset": ffmpeg.number(-lead)} if lead > 0 else {}
    return ffmpeg.source(path, **shift)[str(stream.index)], kind.copying(stream)
