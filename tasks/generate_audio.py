"""Verbs that make sound, and one that writes it down.

What all verbs take (`model`, `options`, `fit`, `strict`, `take`, `budget`) is told in `tasks`.
"""

from __future__ import annotations

from ..media.types import Audio, Video
from ._verbs import Cap, FitPolicy, Model, Options, answer, asking, verb

__all__ = ["generate_music", "generate_sound", "generate_speech", "transcribe"]


@verb(asking("speech"))
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
        model: See `tasks`.
        voice: Name or id of the voice, as the model knows it.
        language: ISO 639-1 code, where the model takes one.
        seed: For models that have one.
        format: `mp3`, `wav`, `opus`, ...
        options, strict, take, budget: See `tasks`.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        PrefectMediaError: The model, and every fallback, failed.
    """
    return await answer(generate_speech, locals())


@verb(asking("music"))
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
        model: See `tasks`.
        seconds: Length.
        seed: For models that have one.
        format: `mp3`, `wav`, ...
        options, strict, take, budget: See `tasks`.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        PrefectMediaError: The model, and every fallback, failed.
    """
    return await answer(generate_music, locals())


@verb(asking("sound"))
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
        model: See `tasks`.
        video: For models that make the sound of a video.
        seconds: Length.
        negative_prompt: What must not be heard, where the model takes that.
        seed: For models that have one.
        format: `mp3`, `wav`, ...
        options, fit, strict, take, budget: See `tasks`.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        PrefectMediaError: The model, and every fallback, failed.
    """
    return await answer(generate_sound, locals())


@verb(asking("transcribe"))
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
        model: See `tasks`.
        language: ISO 639-1 code, where the model takes one.
        options, fit, strict, take, budget: See `tasks`.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        PrefectMediaError: The model, and every fallback, failed.
    """
    return await answer(transcribe, locals())
