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
    scenes: Annotated[
        list[str], Field(min_length=1, max_length=100, description="One prompt for each scene, in order.")
    ],
    narration: Annotated[str, Field(min_length=1, description="The voice-over across all scenes.")],
    music: Annotated[str, Field(description="Mood of a quiet music bed under the voice. Empty for none.")] = "",
    size: Annotated[str, Field(pattern=r"^\d+x\d+$", description="Frame size, width x height in pixels.")] = "1280x720",
    seed: Annotated[
        int | None, Field(ge=0, description="Another number gives other pictures and motion. For models that have one.")
    ] = None,
    image_model: Annotated[
        str | list[str], Field(description="Model, or first choice and fallbacks.")
    ] = "local:landscape",
    video_model: Annotated[
        str | list[str], Field(description="Model, or first choice and fallbacks.")
    ] = "local:ken-burns",
    voice_model: Annotated[str | list[str], Field(description="Model, or first choice and fallbacks.")] = "local:voice",
    music_model: Annotated[str | list[str], Field(description="Model, or first choice and fallbacks.")] = "local:score",
) -> Video:
    """Make one film of several scenes: the voice-over sets its length, every scene gets an equal share."""
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
