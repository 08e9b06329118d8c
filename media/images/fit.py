"""Operations that change the size or format of a picture. See `image_edit` for the others.

All results are upright, in sRGB with 8 bits, without metadata of the source; of an animation the first frame is taken.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image

from ...errors import ParameterError
from ..control import check_not_cancelled
from ..operation import operation
from .colour import Rgba, flattened, parse_colour, to_srgb
from .encoding import PictureFormat, check_quality, encode_within, format_of, over_limit, publish, save_picture
from .fitting import Fit, Fitted, Gravity, fitted_size
from .jpeg_planes import fitted_planes
from .limits import check_result_size
from .opening import AtLeast, Picture, read_picture
from .resample import resample

__all__ = ["convert_image", "fit_image", "flatten", "load_rgb", "upscale_image", "with_bars"]

ENOUGH = 2.0
"""A JPEG is decoded at no less than this multiple of the wanted size; at 1 it would lose 9 dB."""
SHRINK_TRIES = 8


def load_rgb(path: Path, *, at_least: AtLeast | None = None) -> Image.Image:
    """Return a picture upright in sRGB, `RGBA` where something is transparent and `RGB` otherwise.

    Raises:
        DecodeError, ProbeError, UnsupportedMediaError, MediaLimitError: As for `read_picture`.
    """
    picture = read_picture(path, at_least=at_least)
    return opaque_if_it_is(to_srgb(picture.image, picture.profile))


def opaque_if_it_is(image: Image.Image) -> Image.Image:
    """Return the image without its transparency when nothing of it is transparent."""
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (255, 255):
        return image.convert("RGB")
    return image


def check_max_bytes(max_bytes: int | None) -> None:
    """Refuse a byte limit that no file can meet.

    Raises:
        ParameterError: It is below 1.
    """
    if max_bytes is not None and max_bytes < 1:
        raise ParameterError(f"max_bytes={max_bytes} is not at least 1.")


@operation(version=4)
def fit_image(
    source: Path,
    target: Path,
    *,
    width: int | None = None,
    height: int | None = None,
    fit: Fit = "cover",
    gravity: Gravity = "auto",
    focus: tuple[float, float] | None = None,
    multiple: int | None = None,
    max_megapixels: float | None = None,
    max_bytes: int | None = None,
    format: str | None = None,
    quality: int | None = None,
    background: str = "#000000",
    transparent: bool = True,
) -> None:
    """Fit a picture into a size, a format and a number of bytes, with one resampling.

    Args:
        source: Any picture that is handled.
        target: File to write.
        width: See `fitted_size`, which tells beforehand what will come out; likewise the next six.
        height: See `width`.
        fit: See `width`.
        gravity: See `width`; `smart` follows what stands out in the picture, where that gains much over the default.
        focus: See `width`.
        multiple: See `width`.
        max_megapixels: See `width`.
        max_bytes: Limit of the file; lowers the quality as far as 40. With `fit="contain"`, or without a size, the
            picture also shrinks when that is not enough.
        format: `png jpeg webp avif gif tiff bmp`; default from the target's suffix.
        quality: 1 to 100, for jpeg, webp and avif.
        background: Colour of bars, and under transparency.
        transparent: Keep transparency where the format can; otherwise it is laid over `background`.

    Raises:
        ParameterError: A parameter is not possible.
        MediaLimitError: Over a limit of the settings, or over `max_bytes` at the least quality.
        UnsupportedMediaError: Not a picture that is handled, or `fit="exact"` and it is not.
        ProbeError, DecodeError, EncodeError: It cannot be read or written.
    """
    chosen, under = format_of(target, format), parse_colour(background)
    check_quality(chosen, quality)
    check_max_bytes(max_bytes)
    sizing = {"width": width, "height": height, "fit": fit, "gravity": gravity, "focus": focus, "multiple": multiple}
    plan = partial(fitted_size, **sizing)  # pyright: ignore[reportArgumentType]
    limits = {"max_megapixels": max_megapixels}
    if chosen == "jpeg" and max_bytes is None and (gravity != "smart" or focus is not None):
        planes = fitted_planes(source, partial(plan, **limits))
        if planes:
            save_picture(planes, target, kind=chosen, quality=quality)
            return
    picture = read_picture(source, at_least=lambda wide, high: _needed(plan(wide, high, **limits), wide, high))
    fitted = plan(picture.width_px, picture.height_px, **limits)
    if gravity == "smart" and focus is None:
        plan = partial(plan, focus=_focus(picture, fitted))
        fitted = plan(picture.width_px, picture.height_px, **limits)
    check_result_size(source, (fitted.width_px, fitted.height_px))
    image = _render(picture, fitted, under, transparent)
    if max_bytes and (fit == "contain" or (width is None and height is None and fit == "cover")):

        def smaller(megapixels: float) -> tuple[Fitted, Image.Image]:
            less = plan(picture.width_px, picture.height_px, max_megapixels=megapixels)
            return less, _render(picture, less, under, transparent)

        publish(_shrunk(image, fitted, smaller, chosen, max_bytes, quality, under), target)
    else:
        save_picture(image, target, kind=chosen, quality=quality, max_bytes=max_bytes, background=under)


def _focus(picture: Picture, fitted: Fitted) -> tuple[float, float] | None:
    from .attention import attention, smart_focus  # brings NumPy

    return smart_focus(attention(picture.image, picture.profile), fitted, picture.width_px, picture.height_px)


def _needed(fitted: Fitted, width: int, height: int) -> tuple[float, float]:
    return ENOUGH * fitted.scale_x * width, ENOUGH * fitted.scale_y * height


def _render(picture: Picture, fitted: Fitted, under: Rgba, transparent: bool) -> Image.Image:
    left, top, right, bottom = (edge * picture.scale for edge in fitted.box)
    box = (left, top, min(right, picture.image.width), min(bottom, picture.image.height))
    size = fitted.inner[2:]
    image = picture.image
    if image.mode == "LAB" or size[0] * size[1] > image.width * image.height:
        result = resample(to_srgb(image, picture.profile), size, box)
    else:  # the colours of fewer pixels are cheaper to convert
        result = to_srgb(resample(image, size, box), picture.profile)
    result = opaque_if_it_is(result)
    if fitted.inner != (0, 0, fitted.width_px, fitted.height_px):
        result = with_bars(result, fitted, under)
    return result if transparent else flattened(result, under)


def with_bars(image: Image.Image, fitted: Fitted, under: Rgba) -> Image.Image:
    """Return a fitted image between bars of a colour; what is transparent in either stays so."""
    canvas = Image.new("RGBA", (fitted.width_px, fitted.height_px), under)
    canvas.paste(image.convert("RGBA"), fitted.inner[:2])
    return opaque_if_it_is(canvas)


def _shrunk(
    image: Image.Image,
    fitted: Fitted,
    smaller: Callable[[float], tuple[Fitted, Image.Image]],
    kind: PictureFormat,
    max_bytes: int,
    quality: int | None,
    under: Rgba,
) -> bytes:
    """Encode within a byte limit, giving up size (as little as needed) when quality alone does not do it."""
    data, least = encode_within(image, kind, max_bytes, quality=quality, background=under)
    for _ in range(SHRINK_TRIES):
        if data is not None:
            return data
        before = fitted.width_px, fitted.height_px
        try:
            fitted, image = smaller(before[0] * before[1] / 1e6 * min(1.0, max_bytes / least) * 0.94)
        except ParameterError:  # not even one block of the multiple would be left
            break
        if (fitted.width_px, fitted.height_px) == before:
            break
        data, least = encode_within(image, kind, max_bytes, quality=quality, background=under)
    raise over_limit(image, kind, least, max_bytes)


@operation(version=3)
def convert_image(
    source: Path,
    target: Path,
    *,
    format: str | None = None,
    quality: int | None = None,
    max_bytes: int | None = None,
    background: str = "#000000",
) -> None:
    """Write a picture in another format at its own size; parameters and errors as for `fit_image`."""
    chosen, under = format_of(target, format), parse_colour(background)
    check_quality(chosen, quality)
    check_max_bytes(max_bytes)
    save_picture(load_rgb(source), target, kind=chosen, quality=quality, max_bytes=max_bytes, background=under)


@operation(version=3)
def flatten(source: Path, target: Path, *, background: str = "#ffffff", quality: int | None = None) -> None:
    """Lay a picture with transparency over a colour.

    Raises:
        ParameterError, MediaError: As for `fit_image`.
    """
    under = parse_colour(background)
    save_picture(flattened(load_rgb(source), under), target, quality=quality)


@operation(version=3)
def upscale_image(source: Path, target: Path, *, factor: float = 2.0, quality: int | None = None) -> None:
    """Enlarge a picture with Lanczos: no new detail, no model, no cost.

    Args:
        source: Any picture that is handled.
        target: File to write.
        factor: Of both sides, above 1 and at most 16.
        quality: See `fit_image`.

    Raises:
        ParameterError: The factor is out of range.
        MediaLimitError: The result would be over the pixel limit of the settings.
        MediaError: As for `fit_image`.
    """
    if not 1 < factor <= 16:
        raise ParameterError(f"factor={factor} is not above 1 and at most 16.")
    picture = read_picture(source)
    size = (max(1, round(picture.width_px * factor)), max(1, round(picture.height_px * factor)))
    check_result_size(source, size)
    what = f"enlarge '{source.name}'"
    check_not_cancelled(what)
    image = opaque_if_it_is(resample(to_srgb(picture.image, picture.profile), size, what=what))
    check_not_cancelled(what)
    save_picture(image, target, quality=quality)
