"""Verbs that make videos.

What all verbs take (`model`, `options`, `fit`, `strict`, `take`, `budget`) is told in `tasks`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..media.types import Audio, Image, Video
from ._candidates import Wanted
from ._verbs import Cap, FitPolicy, Model, Options, answer, verb, wanted

__all__ = ["generate_video", "lip_sync"]


def _video(parameters: Mapping[str, Any]) -> Wanted:
    return wanted("text-to-video" if parameters.get("image") is None else "image-to-video", parameters)


def _lip_sync(parameters: Mapping[str, Any]) -> Wanted:
    """The face is a video, or a picture: cards name the one that they take."""
    face = parameters["video"]
    return wanted("lip-sync", {**parameters, "video": None, ("video" if face.kind == "video" else "image"): face})


@verb(_video)
async def generate_video(
    prompt: str,
    *,
    model: Model = "local:ken-burns",
    image: Image | None = None,
    last_image: Image | None = None,
    seconds: float | None = None,
    fps: float | None = None,
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
) -> Video:
    """Make a video from a prompt, or from a picture and a prompt.

    Args:
        prompt: What happens.
        model: See `tasks`.
        image: First frame; without it the model has to make video from text.
        last_image: Last frame, for models that take one.
        seconds: Length. A length that the model offers only in steps is made longer and trimmed.
        fps: Frames a second.
        size: `"1280x720"` or `(1280, 720)`, in pixels.
        width, height: The same, one by one.
        aspect_ratio: `"16:9"`, for the model's own size of that shape.
        negative_prompt, seed, format: As for `generate_image`.
        options, fit, strict, take, budget: See `tasks`.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        PrefectMediaError: The model, and every fallback, failed.
    """
    return await answer(generate_video, locals())


@verb(_lip_sync)
async def lip_sync(
    video: Video | Image,
    audio: Audio,
    *,
    model: Model,
    seed: int | None = None,
    options: Options = None,
    fit: FitPolicy = "cover",
    strict: bool = False,
    take: int = 0,
    budget: Cap = None,
) -> Video:
    """Make a face speak.

    Args:
        video: The face: a video, or a picture for models that take one.
        audio: What is said.
        model: See `tasks`.
        seed: For models that have one.
        options, fit, strict, take, budget: See `tasks`.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        PrefectMediaError: The model, and every fallback, failed.
    """
    return await answer(lip_sync, locals())
