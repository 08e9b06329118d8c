"""Calls to generative models, one verb for each capability.

Every verb takes `model` (a card id, a family name, or a list: first choice, then fallbacks), unified parameters that the
card translates, the provider's own extras in `options`, and:

- `fit`: how input media is made to fit the model's contract (`cover`, `contain`, `pad`, `stretch`, `refuse`);
- `strict`: refuse local conversions of the result instead of planning them;
- `take`: another number is another sample of the same request;
- `budget`: most that this call may cost.

A call that was made before, by any flow in any process, is answered from the ledger and the store.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from ..media.types import Audio, Image, Video
from ._candidates import Wanted, request_key
from ._generate import generate
from ._task import media_task
from .budgets import Budget

__all__ = [
    "edit_image",
    "generate_image",
    "generate_music",
    "generate_sound",
    "generate_speech",
    "generate_video",
    "lip_sync",
    "remove_background",
    "transcribe",
    "upscale_image",
]

Model = str | list[str]
FitPolicy = Literal["cover", "contain", "pad", "stretch", "refuse"]
Options = Mapping[str, Any] | None
Cap = Budget | str | float | None

COMMON = ("model", "options", "fit", "strict", "take", "budget")
MEDIA = ("image", "last_image", "images", "mask", "video", "audio")


def _wanted(capability: str, parameters: Mapping[str, Any]) -> Wanted:
    model = parameters["model"]
    given = {name: value for name, value in parameters.items() if name not in (*COMMON, *MEDIA)}
    size = given.get("size")
    if isinstance(size, list | tuple):
        given["size"] = "x".join(str(side) for side in size)
    return Wanted(
        capability=capability,
        models=(model,) if isinstance(model, str) else tuple(model),
        given=given,
        inputs={name: parameters[name] for name in MEDIA if parameters.get(name) is not None},
        options=parameters.get("options") or {},
        fit=parameters.get("fit", "cover"),
        strict=parameters.get("strict", False),
        take=parameters.get("take", 0),
    )


def _key(capability: str | None = None) -> Any:
    def key(parameters: dict[str, Any]) -> str:
        return request_key(_wanted(capability or _video_capability(parameters), parameters))

    return key


def _face(face: Video | Image) -> dict[str, Any]:
    return {"video": face} if isinstance(face, Video) else {"image": face}


def _video_capability(parameters: Mapping[str, Any]) -> str:
    return "image-to-video" if parameters.get("image") is not None else "text-to-video"


async def _answer(capability: str, budget: Cap, **parameters: Any) -> Any:
    return await generate(_wanted(capability, parameters), budget)


@media_task(key=_key("text-to-image"))
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
        model: See the module.
        size: `"1280x720"` or `(1280, 720)`, in pixels.
        width, height: The same, one by one.
        aspect_ratio: `"16:9"`, for the model's own size of that shape.
        negative_prompt: What it must not show, where the model takes that.
        seed: For models that have one; the same seed asks for the same picture.
        format: `png`, `jpeg` or `webp`.
        options, strict, take, budget: See the module.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        PrefectMediaError: The model, and every fallback, failed.
    """
    return await _answer(
        "text-to-image",
        budget,
        prompt=prompt,
        model=model,
        size=size,
        width=width,
        height=height,
        aspect_ratio=aspect_ratio,
        negative_prompt=negative_prompt,
        seed=seed,
        format=format,
        options=options,
        strict=strict,
        take=take,
    )


@media_task(key=_key("image-to-image"))
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
        model: See the module.
        mask: Where to change it, for models that take one.
        size: `"1280x720"` or `(1280, 720)`, in pixels.
        width, height: The same, one by one.
        aspect_ratio: `"16:9"`, for the model's own size of that shape.
        negative_prompt, seed, format: As for `generate_image`.
        options, fit, strict, take, budget: See the module.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        PrefectMediaError: The model, and every fallback, failed.
    """
    return await _answer(
        "image-to-image",
        budget,
        image=image,
        prompt=prompt,
        model=model,
        mask=mask,
        size=size,
        width=width,
        height=height,
        aspect_ratio=aspect_ratio,
        negative_prompt=negative_prompt,
        seed=seed,
        format=format,
        options=options,
        fit=fit,
        strict=strict,
        take=take,
    )


@media_task(key=_key())
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
        model: See the module.
        image: First frame; without it the model has to make video from text.
        last_image: Last frame, for models that take one.
        seconds: Length. A length that the model offers only in steps is made longer and trimmed.
        fps: Frames a second.
        size: `"1280x720"` or `(1280, 720)`, in pixels.
        width, height: The same, one by one.
        aspect_ratio: `"16:9"`, for the model's own size of that shape.
        negative_prompt, seed, format: As for `generate_image`.
        options, fit, strict, take, budget: See the module.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        PrefectMediaError: The model, and every fallback, failed.
    """
    return await _answer(
        _video_capability({"image": image}),
        budget,
        prompt=prompt,
        model=model,
        image=image,
        last_image=last_image,
        seconds=seconds,
        fps=fps,
        size=size,
        width=width,
        height=height,
        aspect_ratio=aspect_ratio,
        negative_prompt=negative_prompt,
        seed=seed,
        format=format,
        options=options,
        fit=fit,
        strict=strict,
        take=take,
    )


@media_task(key=_key("speech"))
async def generate_speech(
    text: str,
    *,
    model: Model = "local:voice",
    voice: str | None = None,
    language: str | None = None,
    seed: int | None = None,
    format: str | None = None,
    options: Options = None,
    strict: bool = False,
    take: int = 0,
    budget: Cap = None,
) -> Audio:
    """Speak a text.

    Args:
        text: What is said.
        model: See the module.
        voice: Name or id of the voice, as the model knows it.
        language: ISO 639-1 code, where the model takes one.
        seed: For models that have one.
        format: `mp3`, `wav`, `opus`, ...
        options, strict, take, budget: See the module.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        PrefectMediaError: The model, and every fallback, failed.
    """
    return await _answer(
        "speech",
        budget,
        text=text,
        model=model,
        voice=voice,
        language=language,
        seed=seed,
        format=format,
        options=options,
        strict=strict,
        take=take,
    )


@media_task(key=_key("music"))
async def generate_music(
    prompt: str,
    *,
    model: Model = "local:score",
    seconds: float | None = None,
    seed: int | None = None,
    format: str | None = None,
    options: Options = None,
    strict: bool = False,
    take: int = 0,
    budget: Cap = None,
) -> Audio:
    """Make music from a description.

    Args:
        prompt: Mood, instruments, style.
        model: See the module.
        seconds: Length.
        seed: For models that have one.
        format: `mp3`, `wav`, ...
        options, strict, take, budget: See the module.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        PrefectMediaError: The model, and every fallback, failed.
    """
    return await _answer(
        "music",
        budget,
        prompt=prompt,
        model=model,
        seconds=seconds,
        seed=seed,
        format=format,
        options=options,
        strict=strict,
        take=take,
    )


@media_task(key=_key("sound"))
async def generate_sound(
    prompt: str,
    *,
    model: Model = "local:ambience",
    video: Video | None = None,
    seconds: float | None = None,
    negative_prompt: str | None = None,
    seed: int | None = None,
    format: str | None = None,
    options: Options = None,
    fit: FitPolicy = "cover",
    strict: bool = False,
    take: int = 0,
    budget: Cap = None,
) -> Audio | Video:
    """Make a sound effect from a description, or the sound of a video.

    Args:
        prompt: What is heard.
        model: See the module.
        video: For models that make the sound of a video.
        seconds: Length.
        negative_prompt: What must not be heard, where the model takes that.
        seed: For models that have one.
        format: `mp3`, `wav`, ...
        options, fit, strict, take, budget: See the module.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        PrefectMediaError: The model, and every fallback, failed.
    """
    return await _answer(
        "sound",
        budget,
        prompt=prompt,
        model=model,
        video=video,
        seconds=seconds,
        negative_prompt=negative_prompt,
        seed=seed,
        format=format,
        options=options,
        fit=fit,
        strict=strict,
        take=take,
    )


@media_task(key=_key("upscale"))
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
        model: See the module.
        scale: Factor for both sides.
        prompt: What it shows, for models that invent detail.
        seed: For models that have one.
        format: `png`, `jpeg` or `webp`.
        options, fit, strict, take, budget: See the module.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        PrefectMediaError: The model, and every fallback, failed.
    """
    return await _answer(
        "upscale",
        budget,
        image=image,
        model=model,
        scale=scale,
        prompt=prompt,
        seed=seed,
        format=format,
        options=options,
        fit=fit,
        strict=strict,
        take=take,
    )


@media_task(key=_key("remove-background"))
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
        model: See the module.
        format: `png` or `webp`.
        options, fit, strict, take, budget: See the module.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        PrefectMediaError: The model, and every fallback, failed.
    """
    return await _answer(
        "remove-background",
        budget,
        image=image,
        model=model,
        format=format,
        options=options,
        fit=fit,
        strict=strict,
        take=take,
    )


@media_task(key=_key("lip-sync"))
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
        model: See the module.
        seed: For models that have one.
        options, fit, strict, take, budget: See the module.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        PrefectMediaError: The model, and every fallback, failed.
    """
    return await _answer(
        "lip-sync",
        budget,
        **_face(video),
        audio=audio,
        model=model,
        seed=seed,
        options=options,
        fit=fit,
        strict=strict,
        take=take,
    )


@media_task(key=_key("transcribe"))
async def transcribe(
    audio: Audio,
    *,
    model: Model,
    language: str | None = None,
    options: Options = None,
    fit: FitPolicy = "cover",
    strict: bool = False,
    take: int = 0,
    budget: Cap = None,
) -> str:
    """Write down what is said.

    Args:
        audio: Speech.
        model: See the module.
        language: ISO 639-1 code, where the model takes one.
        options, fit, strict, take, budget: See the module.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        PrefectMediaError: The model, and every fallback, failed.
    """
    return await _answer(
        "transcribe",
        budget,
        audio=audio,
        model=model,
        language=language,
        options=options,
        fit=fit,
        strict=strict,
        take=take,
    )
