"""Local operations on pictures, as tasks. No model, no cost; results are cached by content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..media.images import compose
from ..media.images import fit as operations
from ..media.types import Image, Video
from ._keys import key_of
from ._kinds import checked
from ._operate import operate
from ._suffixes import chosen_image, image_suffix
from ._task import media_task

__all__ = ["contact_sheet", "fit_image", "thumbnail"]

Fit = Literal["cover", "contain", "pad", "stretch", "exact"]


@media_task(key=key_of(operations.fit_image))
@checked
async def fit_image(
    image: Image,
    *,
    width: int | None = None,
    height: int | None = None,
    fit: Fit = "cover",
    gravity: str = "auto",
    focus: tuple[float, float] | None = None,
    multiple: int | None = None,
    max_megapixels: float | None = None,
    max_bytes: int | None = None,
    format: str | None = None,
    quality: int | None = None,
    background: str = "#000000",
    transparent: bool = True,
) -> Image:
    """Fit a picture into a size, a format and a number of bytes, with one resampling.

    Args:
        image: The picture.
        width, height: In pixels. With only one of them the other follows from the aspect ratio.
        fit: `cover` crops, `contain` fits inside, `pad` adds bars, `stretch` distorts, `exact` refuses another size.
        gravity: The part to keep: `center top bottom left right top-left ...`; `auto` keeps the middle across and one
            third down; `smart` follows what stands out, where that gains much over `auto`.
        focus: Point to keep in the middle, as fractions of width and height; overrides `gravity`.
        multiple: Both sides are rounded down to a multiple of this.
        max_megapixels: Area limit in millions of pixels.
        max_bytes: Limit of the file; lowers the quality.
        format: `png`, `jpeg`, `webp` or `avif`; by default the picture's own.
        quality: 1 to 100, for lossy formats.
        background: Colour of bars, and under transparency where the format has none.
        transparent: Keep transparency where the format can; otherwise it is laid over `background`.

    Raises:
        ParameterError: A parameter is not possible.
        MediaError: The picture cannot be used, or not within the limits.
    """
    return await operate(
        operations.fit_image, [image], Image, image_suffix(image, format),
        width=width, height=height, fit=fit, gravity=gravity, focus=focus, multiple=multiple,
        max_megapixels=max_megapixels, max_bytes=max_bytes, format=format, quality=quality, background=background,
        transparent=transparent,
    )  # fmt: skip


@media_task(key=key_of(compose.thumbnail))
@checked
async def thumbnail(
    media: Image | Video,
    *,
    width: int = 512,
    height: int = 512,
    fit: Fit = "contain",
    at_s: float | None = None,
    background: str = "#000000",
    format: str = "jpeg",
    quality: int | None = None,
) -> Image:
    """Make a small picture of a picture or a video.

    Args:
        media: The picture or video.
        width, height: In pixels.
        fit: As for `fit_image`.
        at_s: Where in the video, in seconds; by default a telling frame.
        background: Colour of bars, and under transparency where the format has none.
        format: `jpeg`, `png` or `webp`.
        quality: 1 to 100, for lossy formats.

    Raises:
        ParameterError: A parameter is not possible.
        MediaError: The input cannot be used.
    """
    return await operate(
        compose.thumbnail,
        [media],
        Image,
        chosen_image(format),
        width=width,
        height=height,
        fit=fit,
        at_s=at_s,
        background=background,
        quality=quality,
    )


@media_task(key=key_of(compose.contact_sheet))
@checked
async def contact_sheet(
    media: Sequence[Image | Video],
    *,
    columns: int | None = None,
    cell: tuple[int, int] | None = None,
    labels: Sequence[str] | None = None,
    title: str | None = None,
    background: str = "#16181c",
    format: str = "jpeg",
    quality: int | None = None,
) -> Image:
    """Lay pictures and frames of videos out on one sheet.

    Args:
        media: Pictures and videos, in order.
        columns: By default what makes a well-shaped sheet.
        cell: Width and height of each picture, in pixels.
        labels: One line under each picture.
        title: One line above all.
        background: Colour of the sheet.
        format: `jpeg`, `png` or `webp`.
        quality: 1 to 100, for lossy formats.

    Raises:
        ParameterError: A parameter is not possible.
        MediaError: An input cannot be used.
    """
    return await operate(
        compose.contact_sheet, [media], Image, chosen_image(format),
        columns=columns, cell=cell, labels=labels, title=title, background=background, quality=quality,
    )  # fmt: skip
