"""Verbs that make or change pictures.

What all verbs take (`model`, `options`, `fit`, `strict`, `take`, `budget`) is told in `tasks`.
"""

from __future__ import annotations

from ..media.types import Image
from ._verbs import Cap, FitPolicy, Model, Options, answer, asking, verb

__all__ = ["edit_image", "generate_image", "remove_background", "upscale_image"]


@verb(asking("text-to-image"))
async def generate_image(
    prompt: str,
    *,
    model: Model = "local:landscape",
    size: str | tuple[int, int] | None = None,
    width: int | None = None,
    height: int | None = None,
    aspect_ratio: str | None = None,
    negative_prompt: str | None = None,
    seed: int | None = None,
    format: str | None = None,
    options: Options = None,
    strict: bool = False,
    take: int = 0,
    budget: Cap = None,
) -> Image:
    """Make a picture from a prompt.

    Args:
        prompt: What it shows.
        model: See `tasks`.
        size: `"1280x720"` or `(1280, 720)`, in pixels.
        width, height: The same, one by one.
        aspect_ratio: `"16:9"`, for the model's own size of that shape.
        negative_prompt: What it must not show, where the model takes that.
        seed: For models that have one; the same seed asks for the same picture.
        format: `png`, `jpeg` or `webp`.
        options, strict, take, budget: See `tasks`.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        PrefectMediaError: The model, and every fallback, failed.
    """
    return await answer(generate_image, locals())


@verb(asking("image-to-image"))
async def edit_image(
    image: Image | list[Image],
    prompt: str,
    *,
    model: Model = "local:remix",
    mask: Image | None = None,
    size: str | tuple[int, int] | None = None,
    width: int | None = None,
    height: int | None = None,
    aspect_ratio: str | None = None,
    negative_prompt: str | None = None,
    seed: int | None = None,
    format: str | None = None,
    options: Options = None,
    fit: FitPolicy = "cover",
    strict: bool = False,
    take: int = 0,
    budget: Cap = None,
) -> Image:
    """Make a picture from a picture and a prompt.

    Args:
        image: What to start from; a list for models that take several.
        prompt: What to make of it.
        model: See `tasks`.
        mask: Where to change it, for models that take one.
        size: `"1280x720"` or `(1280, 720)`, in pixels.
        width, height: The same, one by one.
        aspect_ratio: `"16:9"`, for the model's own size of that shape.
        negative_prompt, seed, format: As for `generate_image`.
        options, fit, strict, take, budget: See `tasks`.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        PrefectMediaError: The model, and every fallback, failed.
    """
    return await answer(edit_image, locals())


@verb(asking("upscale"))
async def upscale_image(
    image: Image,
    *,
    model: Model = "local:lanczos",
    scale: float | None = None,
    prompt: str | None = None,
    seed: int | None = None,
    format: str | None = None,
    options: Options = None,
    fit: FitPolicy = "cover",
    strict: bool = False,
    take: int = 0,
    budget: Cap = None,
) -> Image:
    """Enlarge a picture.

    Args:
        image: What to enlarge.
        model: See `tasks`.
        scale: Factor for both sides.
        prompt: What it shows, for models that invent detail.
        seed: For models that have one.
        format: `png`, `jpeg` or `webp`.
        options, fit, strict, take, budget: See `tasks`.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        PrefectMediaError: The model, and every fallback, failed.
    """
    return await answer(upscale_image, locals())


@verb(asking("remove-background"))
async def remove_background(
    image: Image,
    *,
    model: Model,
    format: str | None = None,
    options: Options = None,
    fit: FitPolicy = "cover",
    strict: bool = False,
    take: int = 0,
    budget: Cap = None,
) -> Image:
    """Cut out what a picture shows: a picture with a transparent background.

    Args:
        image: What to cut out.
        model: See `tasks`.
        format: `png` or `webp`.
        options, fit, strict, take, budget: See `tasks`.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        PrefectMediaError: The model, and every fallback, failed.
    """
    return await answer(remove_background, locals())
