"""Read the kind and shape of media bytes in memory, for the provider simulator."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Literal

__all__ = ["Measured", "measure"]


@dataclass(frozen=True)
class Measured:
    """Shape of media: sizes in pixels (0 for sound), length in seconds (0 for pictures)."""

    kind: Literal["image", "video", "audio"]
    width: int = 0
    height: int = 0
    seconds: float = 0.0
    sound: bool = False


def measure(data: bytes) -> Measured | None:
    """Return the shape of a file, or None when it is not readable as media."""
    return _measure_image(data) or _measure_container(data)


def _measure_image(data: bytes) -> Measured | None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as picture:
            return Measured("image", *picture.size)
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        return None


def _measure_container(data: bytes) -> Measured | None:
    import av
    from av.error import FFmpegError

    try:
        with av.open(io.BytesIO(data), "r") as container:
            seconds = (container.duration or 0) / 1_000_000
            if container.streams.video:
                video = container.streams.video[0]
                return Measured("video", video.width, video.height, seconds, bool(container.streams.audio))
            return Measured("audio", seconds=seconds, sound=True) if container.streams.audio else None
    except (FFmpegError, ValueError):
        return None
