"""`clip`: one narrated clip from one prompt."""

from __future__ import annotations

from typing import Annotated

from prefect import flow
from pydantic import Field

from ..media.types import Audio, Video
from ..tasks import generate_image, generate_music, generate_speech, generate_video, merge
from .together import together

__all__ = ["clip"]


@flow(name="clip", flow_run_name="clip · {prompt}", validate_parameters=True)
async def clip(
    prompt: Annotated[str, Field(min_length=1)],
    narration: str = "",
    seconds: Annotated[float, Field(gt=0, le=60)] = 5,
    music: str = "",
    size: Annotated[str, Field(pattern=r"^\d+x\d+$")] = "1280x720",
    seed: Annotated[int | None, Field(ge=0)] = None,
    image_model: str | list[str] = "local:landscape",
    video_model: str | list[str] = "local:ken-burns",
    voice_model: str | list[str] = "local:voice",
    music_model: str | list[str] = "local:score",
) -> Video:
    """Make a narrated clip: a picture, motion, a voice, and optionally music, merged into one mp4.

    The defaults are the offline `local` models: free, no key, no network.

    Args:
        prompt: What the picture shows.
        narration: What the voice says. Empty for none.
        seconds: Length of the picture; a longer narration extends it.
        music: Mood of a quiet music bed under the voice. Empty for none.
        size: Frame size, width x height in pixels.
        seed: Another number gives another picture and motion. For models that have one.
        image_model: Model, or first choice and fallbacks.
        video_model: Model, or first choice and fallbacks.
        voice_model: Model, or first choice and fallbacks.
        music_model: Model, or first choice and fallbacks.
    """
    image, voice = await together(
        generate_image(prompt, model=image_model, size=size, seed=seed),
        _voice(narration, voice_model),
    )
    video, bed = await together(
        generate_video(prompt, image=image, model=video_model, seconds=seconds, size=size, seed=seed),
        _music(music, music_model, seconds, voice),
    )
    if voice is None and bed is None:
        return video
    return await merge(video, voice, music=bed)


async def _voice(narration: str, model: str | list[str]) -> Audio | None:
    return await generate_speech(narration, model=model) if narration.strip() else None


async def _music(mood: str, model: str | list[str], seconds: float, voice: Audio | None) -> Audio | None:
    if not mood.strip():
        return None
    return await generate_music(mood, model=model, seconds=max(seconds, voice.duration_s if voice else 0))
