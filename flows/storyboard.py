"""`storyboard`: several scenes under one voice-over, joined."""

from __future__ import annotations

from typing import Annotated

from prefect import flow
from pydantic import Field

from ..media.types import Video
from ..tasks import concat, generate_image, generate_music, generate_speech, generate_video, merge
from .together import together

__all__ = ["storyboard"]

SHORTEST_SCENE_S = 1.5


@flow(name="storyboard", validate_parameters=True)
async def storyboard(
    scenes: Annotated[list[str], Field(min_length=1, max_length=100)],
    narration: Annotated[str, Field(min_length=1)],
    music: str = "",
    size: Annotated[str, Field(pattern=r"^\d+x\d+$")] = "1280x720",
    seed: Annotated[int | None, Field(ge=0)] = None,
    image_model: str | list[str] = "local:landscape",
    video_model: str | list[str] = "local:ken-burns",
    voice_model: str | list[str] = "local:voice",
    music_model: str | list[str] = "local:score",
) -> Video:
    """Make one film of several scenes: the voice-over sets its length, every scene gets an equal share.

    Args:
        scenes: One prompt for each scene, in order.
        narration: The voice-over across all scenes.
        music: Mood of a quiet music bed under the voice. Empty for none.
        size: Frame size, width x height in pixels.
        seed: Another number gives other pictures and motion. For models that have one.
        image_model: Model, or first choice and fallbacks.
        video_model: Model, or first choice and fallbacks.
        voice_model: Model, or first choice and fallbacks.
        music_model: Model, or first choice and fallbacks.
    """
    voice = await generate_speech(narration, model=voice_model)
    share = max(SHORTEST_SCENE_S, round(voice.duration_s / len(scenes) + 0.05, 1))

    async def scene(number: int, prompt: str) -> Video:
        image = await generate_image(prompt, model=image_model, size=size, seed=None if seed is None else seed + number)
        return await generate_video(
            prompt,
            image=image,
            model=video_model,
            seconds=share,
            size=size,
            seed=None if seed is None else seed + number,
        )

    shots = await together(*(scene(number, prompt) for number, prompt in enumerate(scenes)))
    film = await concat(list(shots))
    bed = await generate_music(music, model=music_model, seconds=film.duration_s) if music.strip() else None
    return await merge(film, voice, music=bed)
