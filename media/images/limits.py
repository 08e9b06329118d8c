"""Limits on pictures, checked before anything is decoded: bytes, pixels, frames, scans."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import MediaLimitError
from ...settings import get_settings

__all__ = [
    "MAX_ANIMATION",
    "check_pixels",
    "check_result_size",
    "check_scans",
    "check_size",
    "check_webp_header",
    "gif_frames",
]

MAX_SCANS = 200
"""Most scans of a progressive JPEG. Encoders write about 10; each is a pass over all pixels."""
MAX_ANIMATION = 10
"""Pixels of all frames of an animation together, in multiples of the pixel limit."""


def check_size(path: Path) -> None:
    """Refuse a file with more bytes than the settings allow.

    Raises:
        MediaLimitError: It has more.
    """
    size, limit = path.stat().st_size, get_settings().max_media_bytes
    if size > limit:
        raise MediaLimitError(
            f"Cannot use '{path.name}': it has {size} bytes, at most {limit} are allowed. "
            "Make it smaller, or raise PREFECT_MEDIA_MAX_MEDIA_BYTES."
        )


def check_pixels(path: Path, width: int, height: int, frames: int = 1) -> None:
    """Refuse a picture with more pixels than the settings allow, in one frame or in all.

    Raises:
        MediaLimitError: It has more.
    """
    limit = get_settings().max_image_pixels
    if width * height > limit:
        raise MediaLimitError(
            f"Cannot use '{path.name}': {width}x{height} is {width * height} pixels, at most {limit} are allowed. "
            "Make it smaller, or raise PREFECT_MEDIA_MAX_IMAGE_PIXELS."
        )
    if width * height * frames > limit * MAX_ANIMATION:
        raise MediaLimitError(
            f"Cannot use '{path.name}': {frames} frames of {width}x{height} are {width * height * frames} pixels, at most "
            f"{limit * MAX_ANIMATION} are allowed. Make it smaller, or raise PREFECT_MEDIA_MAX_IMAGE_PIXELS."
        )


def check_result_size(path: Path, size: tuple[int, int]) -> None:
    """Refuse to make a picture that could not be read again.

    Raises:
        MediaLimitError: Over the pixel limit of the settings.
    """
    limit = get_settings().max_image_pixels
    if size[0] * size[1] > limit:
        raise MediaLimitError(
            f"Cannot make {size[0]}x{size[1]} from '{path.name}': that is {size[0] * size[1]} pixels, at most {limit} are "
            "allowed. Ask for less, or raise PREFECT_MEDIA_MAX_IMAGE_PIXELS."
        )


def check_webp_header(path: Path, head: bytes) -> None:
    """Refuse a large WebP by its first 30 bytes: the decoder allocates the canvas as soon as it is created.

    Raises:
        MediaLimitError: As for `check_pixels`.
    """
    if head[12:16] == b"VP8X" and len(head) == 30:
        check_pixels(path, int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1)
    elif head[12:16] == b"VP8L" and len(head) >= 25:
        bits = int.from_bytes(head[21:25], "little")
        check_pixels(path, (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)


def check_scans(path: Path, picture: Any) -> None:
    """Refuse a progressive JPEG that takes endless passes.

    Raises:
        MediaLimitError: It has too many scans.
    """
    if picture.info.get("progressive") and (scans := path.read_bytes().count(b"\xff\xda")) > MAX_SCANS:
        raise MediaLimitError(
            f"Cannot use '{path.name}': this progressive JPEG has {scans} scans, at most {MAX_SCANS} are allowed. "
            "Save it anew."
        )


def gif_frames(path: Path, enough: int) -> int:
    """Count the frames of a GIF by its blocks, without decoding; stop when there are more than enough."""
    data = path.read_bytes()
    at, frames = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0), 0
    while at + 10 < len(data) and data[at] in (0x21, 0x2C) and frames <= enough:
        if data[at] == 0x2C:
            frames += 1
            at += 11 + (3 << (data[at + 9] & 7) + 1 if data[at + 9] & 0x80 else 0)
        else:
            at += 2
        while at < len(data) and data[at]:
            at += data[at] + 1
        at += 1
    return frames
