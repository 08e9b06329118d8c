"""Opening pictures safely: the decoder that the content calls for, limits before decoding, every failure a MediaError.

A picture comes out upright, in a mode that can be resampled (`L`, `LA`, `RGB`, `RGBA`, `CMYK`), still in its own colour space; see
`colour.to_srgb` for the rest. Of an animation the first frame is taken.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from ...errors import DecodeError, ProbeError, UnsupportedMediaError
from ...settings import get_settings
from ..sniff import describe, sniff
from .limits import MAX_ANIMATION, check_metadata, check_pixels, check_scans, check_size, check_webp, gif_frames
from .pixels import check_samples, resamplable, scale_clear_colour
from .quiet import quietly

__all__ = ["Picture", "PictureFacts", "decode_fully", "opened", "orientation_of", "picture_facts", "read_picture"]

DECODERS = {
    "image/png": ("PngImagePlugin", "PngImageFile"),
    "image/jpeg": ("JpegImagePlugin", "JpegImageFile"),
    "image/webp": ("WebPImagePlugin", "WebPImageFile"),
    "image/avif": ("AvifImagePlugin", "AvifImageFile"),
    "image/gif": ("GifImagePlugin", "GifImageFile"),
    "image/tiff": ("TiffImagePlugin", "TiffImageFile"),
    "image/bmp": ("BmpImagePlugin", "BmpImageFile"),
}
ORIENTATION_TAG = 0x0112
SELF_ORIENTING = ("image/tiff",)
"""Decoders that apply the orientation themselves."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How a picture is turned upright, by its EXIF orientation (Source: Exif 2.32, 4.6.4 A)."""
AtLeast = Callable[[int, int], tuple[float, float]]


@dataclass(frozen=True)
class PictureFacts:
    """What a picture file says of itself.

    Attributes:
        width_px, height_px: Size as displayed (orientation applied).
        mode: Pillow's name of the stored pixels (`RGB`, `P`, `I;16`, `CMYK`).
        has_profile: Whether an ICC profile is embedded.
    """

    media_type: str
    width_px: int
    height_px: int
    mode: str
    has_alpha: bool
    frames: int
    orientation: int
    has_profile: bool


@dataclass
class Picture:
    """A decoded picture, upright.

    Attributes:
        image: Pixels, maybe already at a fraction of the full size (see `scale`).
        profile: ICC profile that the pixels are in, None for sRGB.
        width_px, height_px: Full size as displayed.
        scale: Size of `image` divided by the full size: 1, or 1/2, 1/4, 1/8.
    """

    image: Image.Image
    profile: bytes | None
    width_px: int
    height_px: int
    scale: float = 1.0


@contextmanager
def opened(path: Path) -> Generator[tuple[Any, str]]:
    """Open a picture with the one decoder that fits its content; nothing is decoded yet, and nobody is warned of anything.

    Yields:
        Pillow's picture and the media type.

    Raises:
        ProbeError, UnsupportedMediaError, MediaLimitError: As for `picture_facts`.
    """
    media_type = sniff(path)
    if media_type not in DECODERS:
        raise UnsupportedMediaError(
            f"Cannot use '{path.name}' as a picture: it is {media_type or describe(path)}. "
            f"Allowed: {', '.join(sorted(DECODERS))}."
        )
    check_size(path)
    module, name = DECODERS[media_type]
    with path.open("rb") as file, quietly():
        check_webp(path, file)
        file.seek(0)
        try:
            # Not Image.open: it warns about large pictures (ours is the limit that counts) and tries every decoder.
            picture = getattr(importlib.import_module(f"PIL.{module}"), name)(file)
        except Exception as exc:  # a decoder that is fed hostile bytes may raise anything
            check_metadata(path, exc)
            raise ProbeError(f"Cannot read '{path.name}' as {media_type}: {_reason(exc)}.") from exc
        with picture:
            check_pixels(path, *picture.size)
            _forget_xmp(picture)
            scale_clear_colour(picture, media_type)
            yield picture, media_type


def _forget_xmp(picture: Any) -> None:
    """Let nothing but EXIF turn the picture, as in browsers: Pillow would look for an orientation in XMP, too."""
    for key in ("xmp", "XML:com.adobe.xmp"):
        picture.info.pop(key, None)


def _reason(exc: BaseException) -> str:
    text = str(exc).strip().rstrip(".") or type(exc).__name__
    return text if isinstance(exc, (OSError, SyntaxError, ValueError)) else f"{type(exc).__name__}: {text}"


def orientation_of(picture: Any, media_type: str) -> int:
    """Return the EXIF orientation that is still to be applied, 1 to 8."""
    if media_type in SELF_ORIENTING:
        return 1
    try:
        value = picture.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # noqa: BLE001 - a broken EXIF block must not lose the picture: it is shown as stored
        return 1
    return value if value in TURNS else 1


def _frames(path: Path, picture: Any, media_type: str) -> int:
    if media_type == "image/gif":
        width, height = picture.size
        return max(1, gif_frames(path, get_settings().max_image_pixels * MAX_ANIMATION // (width * height) + 1))
    if media_type == "image/tiff":
        return 1  # pages are not an animation
    return max(1, int(getattr(picture, "n_frames", 1)))


def picture_facts(path: Path) -> PictureFacts:
    """Return the facts of a picture from its header.

    Raises:
        ProbeError: Not readable as a picture.
        UnsupportedMediaError: Not a picture, or of a kind that is not handled.
        MediaLimitError: Over the limit of bytes or pixels of the settings.
    """
    with opened(path) as (picture, media_type):
        return _facts(path, picture, media_type)


def _facts(path: Path, picture: Any, media_type: str) -> PictureFacts:
    width, height = picture.size
    has_profile, mode, has_alpha = bool(picture.info.get("icc_profile")), picture.mode, picture.has_transparency_data
    frames = _frames(path, picture, media_type)
    check_pixels(path, width, height, frames)
    orientation = orientation_of(picture, media_type)
    if orientation >= 5:
        width, height = height, width
    return PictureFacts(media_type, width, height, mode, bool(has_alpha), frames, orientation, has_profile)


def decode_fully(path: Path) -> tuple[PictureFacts, Picture]:
    """Decode the picture (of an animation the first frame) to see that it can be; return its facts and itself.

    Raises:
        DecodeError: It is truncated or damaged.
        ProbeError, UnsupportedMediaError, MediaLimitError: As for `picture_facts`.
    """
    with opened(path) as (picture, media_type):
        facts = _facts(path, picture, media_type)
        return facts, _decoded(path, picture, media_type, facts.orientation)


def _load(path: Path, picture: Any) -> None:
    check_scans(path, picture)
    try:
        picture.load()
    except Exception as exc:  # as above: anything may come out of a decoder
        check_metadata(path, exc)
        raise DecodeError(f"Cannot decode '{path.name}': {_reason(exc)}. The file is truncated or damaged.") from exc


def read_picture(path: Path, *, at_least: AtLeast | None = None) -> Picture:
    """Decode a picture.

    Args:
        path: The file.
        at_least: Says, for the full width and height, which width and height suffice. A JPEG is then decoded at 1/2, 1/4 or
            1/8 of its size when that is still as large, which costs a fraction of the time and memory.

    Raises:
        DecodeError, ProbeError, UnsupportedMediaError, MediaLimitError: As for `decode_fully`.
    """
    with opened(path) as (picture, media_type):
        return _decoded(path, picture, media_type, orientation_of(picture, media_type), at_least)


def _decoded(path: Path, picture: Any, media_type: str, orientation: int, at_least: AtLeast | None = None) -> Picture:
    check_samples(path, picture)
    profile = picture.info.get("icc_profile")
    width, height = picture.size[::-1] if orientation >= 5 else picture.size
    scale = 1.0
    if at_least:
        wanted = at_least(width, height)
        if media_type == "image/jpeg":
            scale = _draft(picture, (wanted[1], wanted[0]) if orientation >= 5 else wanted)
    _load(path, picture)
    check_pixels(path, *picture.size)
    try:
        image = resamplable(picture)
        image.info = {}
    except Exception as exc:
        raise DecodeError(f"Cannot decode '{path.name}': {_reason(exc)}.") from exc
    if orientation != 1:
        image = image.transpose(TURNS[orientation])
    return Picture(image, profile, width, height, scale)


def _draft(picture: Any, wanted: tuple[float, float]) -> float:
    full = picture.size[0]
    drafted = picture.draft(picture.mode, (max(1, math.ceil(wanted[0])), max(1, math.ceil(wanted[1]))))
    return drafted[1][2] / full if drafted else 1.0
