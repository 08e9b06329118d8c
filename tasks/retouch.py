"""Changes to one picture, as tasks. No model, no cost; results are cached by content."""

from __future__ import annotations

from typing import Literal

from ..media.images import edit as image_edit
from ..media.images import fit as operations
from ..media.types import Image
from ._keys import key_of
from ._kinds import checked
from ._operate import operate
from ._suffixes import image_suffix
from ._task import media_task

__all__ = ["adjust_image", "convert_image", "crop_image", "flatten_image", "rotate_image"]


@media_task(key=key_of(image_edit.crop_image))
@checked
async def crop_image(
    image: Image,
    *,
    left: float,
    top: float,
    right: float,
    bottom: float,
    format: str | None = None,
    quality: int | None = None,
) -> Image:
    """Cut a part out of a picture, pixel by pixel.

    Args:
        image: The picture.
        left, top, right, bottom: Edges of the part. When all four lie between 0 and 1 they are fractions of the picture,
            else pixels.
        format: As for `fit_image`.
        quality: 1 to 100, for lossy formats.

    Raises:
        ParameterError: The part is empty or reaches outside the picture.
        MediaError: The picture cannot be used.
    """
    return await operate(
        image_edit.crop_image, [image], Image, image_suffix(image, format),
        left=left, top=top, right=right, bottom=bottom, quality=quality,
    )  # fmt: skip


@media_task(key=key_of(image_edit.rotate_image))
@checked
async def rotate_image(
    image: Image,
    *,
    degrees: float = 0.0,
    flip: Literal["none", "horizontal", "vertical"] = "none",
    expand: bool = True,
    background: str = "#00000000",
    format: str | None = None,
    quality: int | None = None,
) -> Image:
    """Turn a picture clockwise, and flip it first if asked for. Right angles keep every pixel.

    Args:
        image: The picture.
        degrees: Clockwise.
        flip: `horizontal` exchanges left and right.
        expand: Make room for the turned corners; otherwise the size stays and they are cut off.
        background: Colour of the corners that come into view; transparent where the format can.
        format: As for `fit_image`.
        quality: 1 to 100, for lossy formats.

    Raises:
        ParameterError: A parameter is not possible.
        MediaError: The picture cannot be used, or the turned one is over the limits.
    """
    return await operate(
        image_edit.rotate_image, [image], Image, image_suffix(image, format),
        degrees=degrees, flip=flip, expand=expand, background=background, quality=quality,
    )  # fmt: skip


@media_task(key=key_of(image_edit.adjust_image))
@checked
async def adjust_image(
    image: Image,
    *,
    brightness: float = 1.0,
    contrast: float = 1.0,
    saturation: float = 1.0,
    gamma: float = 1.0,
    sharpness: float = 1.0,
    format: str | None = None,
    quality: int | None = None,
) -> Image:
    """Adjust colours and sharpness, in the order of the parameters: 1 leaves as it is, 0 takes all away, 2 doubles.

    Args:
        image: The picture.
        brightness: 0 to 10. 0 is black.
        contrast: 0 to 10. 0 is one grey.
        saturation: 0 to 10. 0 is black and white.
        gamma: 0.1 to 10. Above 1 lifts the middle tones; black and white stay.
        sharpness: 0 to 10. 0 is soft.
        format: As for `fit_image`.
        quality: 1 to 100, for lossy formats.

    Raises:
        ParameterError: A parameter is out of range.
        MediaError: The picture cannot be used.
    """
    return await operate(
        image_edit.adjust_image, [image], Image, image_suffix(image, format),
        brightness=brightness, contrast=contrast, saturation=saturation, gamma=gamma, sharpness=sharpness, quality=quality,
    )  # fmt: skip


@media_task(key=key_of(operations.convert_image))
@checked
async def convert_image(
    image: Image,
    *,
    format: str,
    quality: int | None = None,
    max_bytes: int | None = None,
    background: str = "#000000",
) -> Image:
    """Write a picture in another format, at its own size.

    Args:
        image: The picture.
        format: `png`, `jpeg`, `webp`, `avif`, `gif`, `tiff` or `bmp`.
        quality: 1 to 100, for lossy formats.
        max_bytes: Limit of the file; lowers the quality as far as 40.
        background: Colour under transparency where the format has none.

    Raises:
        ParameterError: A parameter is not possible.
        MediaError: The picture cannot be used, or not within the limit at that quality.
    """
    return await operate(
        operations.convert_image, [image], Image, image_suffix(image, format),
        quality=quality, max_bytes=max_bytes, background=background,
    )  # fmt: skip


@media_task(key=key_of(operations.flatten))
@checked
async def flatten_image(
    image: Image,
    *,
    background: str = "#ffffff",
    format: str | None = None,
    quality: int | None = None,
) -> Image:
    """Lay a picture with transparency over a colour.

    Args:
        image: The picture.
        background: The colour.
        format: As for `fit_image`.
        quality: 1 to 100, for lossy formats.

    Raises:
        ParameterError: A parameter is not possible.
        MediaError: The picture cannot be used.
    """
    return await operate(
        operations.flatten, [image], Image, image_suffix(image, format), background=background, quality=quality
    )
