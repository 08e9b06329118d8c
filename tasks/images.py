"""Local operations on pictures, as tasks. No model, no cost; results are cached by content."""

from __future__ import annotations

from typing import Any, Literal

from ..media import images as operations
from ..media.types import Image
from ._operate import operate, operation_key
from ._task import media_task

__all__ = ["fit_image"]

Fit = Literal["cover", "contain", "pad", "stretch", "exact"]
SUFFIX = {"jpeg": ".jpg", "jpg": ".jpg", "png": ".png", "webp": ".webp", "avif": ".avif"}


def _key(operation: Any) -> Any:
    return lambda parameters: operation_key(operation, parameters)


def suffix_for(media: Image, format: str | None) -> str:  # noqa: A002 - the name that users know
    """Return the suffix of the result: of the wanted format, else of the picture itself."""
    return SUFFIX.get(format, f".{format}") if format else media.suffix


@media_task(key=_key(operations.fit_image))
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
    format: str | None = None,  # noqa: A002
    quality: int | None = None,
    background: str = "#000000",
) -> Image:
    """Fit a picture into a size, a format and a number of bytes, with one resampling.

    Args:
        image: The picture.
        width, height: In pixels. With only one of them the other follows from the aspect ratio.
        fit: `cover` crops, `contain` fits inside, `pad` adds bars, `stretch` distorts, `exact` refuses another size.
        gravity: The part to keep: `center top bottom left right top-left ...`; `auto` keeps the middle across and one
            third down.
        focus: Point to keep in the middle, as fractions of width and height; overrides `gravity`.
        multiple: Both sides are rounded down to a multiple of this.
        max_megapixels: Area limit in millions of pixels.
        max_bytes: Limit of the file; lowers the quality.
        format: `png`, `jpeg`, `webp` or `avif`; by default the picture's own.
        quality: 1 to 100, for lossy formats.
        background: Colour of bars, and under transparency where the format has none.

    Raises:
        ParameterError: A parameter is not possible.
        MediaError: The picture cannot be used, or not within the limits.
    """
    return await operate(
        operations.fit_image, [image], Image, suffix_for(image, format),
        width=width, height=height, fit=fit, gravity=gravity, focus=focus, multiple=multiple,
        max_megapixels=max_megapixels, max_bytes=max_bytes, format=format, quality=quality, background=background,
    )  # fmt: skip
