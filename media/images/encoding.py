"""Writing pictures: formats, fixed settings (equal pixels give equal bytes), byte limits, no torn files.

Settings measured on photographs of 1024x1024: PNG level 4 takes a third of the time of level 6 for 4 % more bytes; JPEG
at 90 and above keeps full colour resolution, which models that read the picture again are grateful for.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from PIL import Image

from ...errors import EncodeError, MediaLimitError, ParameterError
from ..control import check_not_cancelled
from ..durable import FILE_MODE, PARTIAL
from .colour import Rgba, flattened
from .limits import check_result_bytes

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["ALPHA_FORMATS", "PictureFormat", "encode_picture", "encode_within", "format_of", "publish", "save_picture"]

PictureFormat = Literal["png", "jpeg", "webp", "avif", "gif", "tiff", "bmp"]

SUFFIX_FORMATS: dict[str, PictureFormat] = {
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".webp": "webp",
    ".avif": "avif",
    ".gif": "gif",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".bmp": "bmp",
}
SETTINGS: dict[PictureFormat, dict[str, Any]] = {
    "png": {"compress_level": 4},
    "jpeg": {},
    "webp": {"method": 4},
    "avif": {"speed": 8, "max_threads": 1},
    "gif": {},
    "tiff": {"compression": "tiff_adobe_deflate"},
    "bmp": {},
}
QUALITY: dict[PictureFormat, int] = {"jpeg": 92, "webp": 90, "avif": 80}
"""Default quality of the formats that have one."""
LEAST_QUALITY = 40
"""A byte limit never pushes quality below this; artefacts would be plain to see."""
ALPHA_FORMATS = ("png", "webp", "avif", "gif", "tiff")
LONGEST_PX: dict[PictureFormat, int] = {"jpeg": 65_500, "webp": 16_383, "gif": 65_535, "avif": 32_768}
"""Of a side. What libavif writes beyond that it does not read (`AVIF_DEFAULT_IMAGE_DIMENSION_LIMIT`)."""
CLOSE_ENOUGH = 0.9
"""A search for quality ends when the file has this share of its limit."""


def format_of(target: Path, name: str | None = None) -> PictureFormat:
    """Return the picture format to write: the one named, else the one of the target's suffix.

    Raises:
        ParameterError: It is not one that can be written.
    """
    if name is not None:
        for known in get_args(PictureFormat):
            if known == ("jpeg" if name == "jpg" else name):
                return known
        raise ParameterError(f"format={name!r} cannot be written. Known: {', '.join(get_args(PictureFormat))}.")
    try:
        return SUFFIX_FORMATS[target.suffix.lower()]
    except KeyError:
        raise ParameterError(
            f"Cannot tell the picture format of '{target.name}' from its suffix. "
            f"Known: {', '.join(SUFFIX_FORMATS)}; or give format=."
        ) from None


def check_quality(kind: PictureFormat, quality: int | None) -> None:
    """Refuse a quality that the format cannot have.

    Raises:
        ParameterError: Out of range, or the format is lossless.
    """
    if quality is None:
        return
    if kind not in QUALITY:
        raise ParameterError(f"quality={quality} has no meaning for {kind}, which is lossless. Leave it out.")
    if not 1 <= quality <= 100:
        raise ParameterError(f"quality={quality} is not between 1 and 100.")


class _Output(io.BytesIO):
    """Bytes of a file; most encoders write them bit by bit, and can be stopped between two."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what

    def write(self, data: ReadableBuffer, /) -> int:
        check_not_cancelled(self._what)
        return super().write(data)


def encode_picture(
    image: Image.Image, kind: PictureFormat, *, quality: int | None = None, background: Rgba = (0, 0, 0, 255)
) -> bytes:
    """Return an image as a file's bytes.

    Args:
        image: Mode `RGB` or `RGBA`, in sRGB; for jpeg also `YCbCr`, which is written as it is.
        kind: What to write.
        quality: 1 to 100; default `QUALITY`.
        background: Laid under transparency when the format has none.

    Raises:
        EncodeError: The format cannot hold it, or it was cancelled.
    """
    longest = LONGEST_PX.get(kind)
    if longest and max(image.size) > longest:
        raise EncodeError(
            f"Cannot write {image.width}x{image.height} as {kind}: its longest side is {longest} pixels. Use png."
        )
    if image.mode != "RGB" and kind not in ALPHA_FORMATS and (image.mode, kind) != ("YCbCr", "jpeg"):
        image = flattened(image, background)
    settings = dict(SETTINGS[kind])
    if kind in QUALITY:
        settings["quality"] = quality or QUALITY[kind]
    if kind == "jpeg":
        settings["subsampling"] = "4:4:4" if settings["quality"] >= 90 else "4:2:0"
    if kind == "gif" and image.mode == "RGBA":
        image, settings = _with_clear_colour(image, background)
    # What a decoder returns still knows its file, and the encoder would write that file's tags.
    clean = image if type(image) is Image.Image and not image.info else image.copy()
    clean.info = {}
    out = _Output(f"write {image.width}x{image.height} as {kind}")
    try:
        clean.save(out, kind.upper(), **settings)
    except (OSError, ValueError, MemoryError) as exc:
        raise EncodeError(f"Cannot write {image.width}x{image.height} as {kind}: {exc}.") from exc
    return out.getvalue()


def _with_clear_colour(image: Image.Image, background: Rgba) -> tuple[Image.Image, dict[str, Any]]:
    """A picture of 255 colours and a clear one, for what is less than half opaque; the rest lies over the background."""
    clear = image.getchannel("A").point([255 * (level < 128) for level in range(256)])
    if clear.getextrema() == (0, 0):
        return flattened(image, background), {}
    colours = flattened(image, background).convert("P", palette=Image.Palette.ADAPTIVE, colors=255)
    colours.paste(255, mask=clear)
    return colours, {"transparency": 255}


def encode_within(
    image: Image.Image,
    kind: PictureFormat,
    max_bytes: int,
    *,
    quality: int | None = None,
    background: Rgba = (0, 0, 0, 255),
) -> tuple[bytes | None, int]:
    """Encode with the best quality that stays within a byte limit.

    Args:
        image: As for `encode_picture`, likewise the rest.
        kind: See there.
        max_bytes: Limit of the file. For base64 in JSON a third more is sent than this.
        quality: Quality to start from; the search goes down to 40.
        background: See there.

    Returns:
        The bytes, or None when even the least quality is too large; and the size of the smallest attempt.
    """
    top = quality or QUALITY.get(kind, 0)

    def encode(level: int, picture: Image.Image = image) -> bytes:
        return encode_picture(picture, kind, quality=level or None, background=background)

    first = encode(top)
    if len(first) <= max_bytes or kind not in QUALITY or top <= LEAST_QUALITY:
        return (first if len(first) <= max_bytes else None), len(first)
    guess = None
    if kind != "jpeg" and min(image.size) >= 512:  # slow to encode: a first guess from a copy of a sixteenth the area
        small = image.resize((image.width // 4, image.height // 4), Image.Resampling.BOX)
        guess = _best_level(lambda level: encode(level, small), top, max_bytes // 16)[0]
    level, data, least = _best_level(encode, top, max_bytes, guess)
    return (data if level else None), least


def _best_level(
    encode: Callable[[int], bytes], top: int, limit: int, guess: int | None = None
) -> tuple[int, bytes | None, int]:
    """Search between the least quality and `top` (which is too large); 0 when none fits."""
    low, high, best, least = LEAST_QUALITY - 1, top, None, 1 << 62
    level = min(max(guess or (low + high + 1) // 2, LEAST_QUALITY), top - 1)
    while low + 1 < high:
        data = encode(level)
        least = min(least, len(data))
        if len(data) <= limit:
            low, best = level, data
            if len(data) >= limit * CLOSE_ENOUGH:
                break
        else:
            high = level
        level = (low + high + 1) // 2
    return (low if best else 0), best, least


def publish(data: bytes, target: Path) -> None:
    """Write a file so that `target` is its old self or complete, never torn.

    Raises:
        MediaLimitError: It has more bytes than the settings allow.
        EncodeError: It cannot be written there.
    """
    check_result_bytes(target, len(data))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=PARTIAL, suffix=target.suffix, dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data)
            Path(name).chmod(FILE_MODE)
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except (OSError, ValueError) as exc:  # ValueError: a name with a NUL
        raise EncodeError(f"Cannot write {str(target)!r}: {getattr(exc, 'strerror', None) or exc}.") from exc


def save_picture(
    image: Image.Image,
    target: Path,
    *,
    kind: str | None = None,
    quality: int | None = None,
    max_bytes: int | None = None,
    background: Rgba = (0, 0, 0, 255),
) -> None:
    """Write an image; parameters as for `encode_within`, `kind` as for `format_of`.

    Raises:
        ParameterError: A parameter is not possible.
        EncodeError: It cannot be written.
        MediaLimitError: Over `max_bytes` even at the least quality, or over the limit of the settings.
    """
    chosen = format_of(target, kind)
    check_quality(chosen, quality)
    if max_bytes is None:
        publish(encode_picture(image, chosen, quality=quality, background=background), target)
        return
    data, least = encode_within(image, chosen, max_bytes, quality=quality, background=background)
    if data is None:
        raise over_limit(image, chosen, least, max_bytes)
    publish(data, target)


def over_limit(image: Image.Image, kind: PictureFormat, least: int, max_bytes: int) -> MediaLimitError:
    """Return the error for a picture that does not get small enough."""
    how = f"at quality {LEAST_QUALITY} " if kind in QUALITY else ""
    hint = "Ask for a smaller size" if kind in QUALITY else "Write jpeg or webp, or ask for a smaller size"
    return MediaLimitError(
        f"Cannot write {image.width}x{image.height} as {kind} within {max_bytes} bytes: {how}it has {least}. {hint}."
    )
