"""Limits on pictures, checked before anything is decoded: bytes, pixels, frames, scans."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any

from PIL import PngImagePlugin

from ...errors import DecodeError, MediaLimitError
from ...settings import get_settings

__all__ = [
    "MAX_ANIMATION",
    "check_metadata",
    "check_pixels",
    "check_result_bytes",
    "check_result_size",
    "check_scans",
    "check_size",
    "check_webp",
    "gif_frames",
]

MAX_SCANS = 200
"""Most scans of a progressive JPEG. Encoders write about 10; each is a pass over all pixels."""
MAX_ANIMATION = 10
"""Pixels of all frames of an animation together, in multiples of the pixel limit."""
MAX_CHUNKS = 100
"""Chunks of a WebP that are looked through for the picture."""
SPARE_BITS = 64
"""Bits that a decoder of WebP may read after the end before it notices, and a few more."""
PACKED = {
    "MAX_TEXT_CHUNK": "a text or a colour profile in it has",
    "MAX_TEXT_MEMORY": "the texts in it have together",
}
"""Pillow's names of its limits on what a PNG has packed, and what passes them."""


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


def check_result_bytes(target: Path, size_bytes: int) -> None:
    """Refuse to write a picture that could not be read again.

    Raises:
        MediaLimitError: It has more bytes than the settings allow.
    """
    limit = get_settings().max_media_bytes
    if size_bytes > limit:
        raise MediaLimitError(
            f"Cannot write '{target.name}': it has {size_bytes} bytes, at most {limit} are allowed. "
            "Ask for less, or raise PREFECT_MEDIA_MAX_MEDIA_BYTES."
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


def check_webp(path: Path, file: IO[bytes]) -> None:
    """Refuse, by its chunks, a WebP that is over the pixel limit, or whose bytes cannot hold the pixels that it claims.

    The decoder clears its canvas, four bytes a pixel, before it looks at what is to be drawn on it.

    Args:
        path: The file; one of another type is left alone.
        file: The same, open at its beginning.

    Raises:
        MediaLimitError: As for `check_pixels`.
        DecodeError: It is a lossy picture with less than a bit for each block of 16 by 16 pixels. Of lossless ones nothing
            can be said: in one colour they take no bits at all.
    """
    head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WEBP":
        return
    for _ in range(MAX_CHUNKS):
        head = file.read(18)
        name, size, body = head[:4], int.from_bytes(head[4:8], "little"), head[8:]
        if len(body) < 10 or name == b"ANMF":
            return
        if name == b"VP8X":
            check_pixels(path, int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1)
        elif name == b"VP8L":
            bits = int.from_bytes(body[1:5], "little")
            check_pixels(path, (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
            return
        elif name == b"VP8 ":
            _check_lossy(path, body, min(size, path.stat().st_size - file.tell() + 10))
            return
        file.seek(size + (size & 1) - 10, os.SEEK_CUR)


def _check_lossy(path: Path, head: bytes, size: int) -> None:
    """Check the frame that begins with these ten bytes. Source: RFC 6386, 9.1, 9.2, 11.2 and 11.3.

    The first partition says of each block how it is predicted: 0.8 bits at least for the brightness, as much for the colours.
    """
    width, height = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    check_pixels(path, width, height)
    first_bytes = max(0, min(int.from_bytes(head[:3], "little") >> 5, size - 10))
    blocks = -(-width // 16) * -(-height // 16)
    if blocks > 8 * first_bytes + SPARE_BITS:
        raise DecodeError(
            f"Cannot decode '{path.name}': {first_bytes} bytes cannot say how {width}x{height} pixels look. The file is truncated "
            "or damaged."
        )


def check_metadata(path: Path, error: BaseException) -> None:
    """Tell Pillow's refusal to unpack what a PNG carries beside its pixels as what it is: a limit that is passed.

    Args:
        path: The file.
        error: What opening or decoding it raised.

    Raises:
        MediaLimitError: That was it.
    """
    for name, what in PACKED.items():
        if isinstance(error, ValueError) and name in str(error):
            raise MediaLimitError(
                f"Cannot use '{path.name}': {what} more than {getattr(PngImagePlugin, name)} bytes when unpacked, which is the "
                "most that is allowed. Save it without metadata."
            ) from error


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
