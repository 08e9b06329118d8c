"""Facts that a plan predicts for local operations are those of the files that they write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from prefect import flow

from prefect_media import Image, Media, Video, generate_image, generate_speech, plan
from prefect_media.flows.clip import clip
from prefect_media.flows.storyboard import storyboard
from prefect_media.media.facts import Facts
from prefect_media.tasks import concat, contact_sheet, fit_image, ken_burns, merge, resample_video, thumbnail


async def picture(size: str = "320x180") -> Image:
    return await generate_image("a calm sea", model="local:landscape", size=size)


async def moving(seconds: float = 0.7, fps: float = 24) -> Video:
    return await ken_burns(await picture(), seconds=seconds, width=160, height=90, fps=fps)


async def fitted() -> list[Media]:
    image = await picture()
    return [
        await fit_image(image, width=100, height=100),
        await fit_image(image, width=101),
        await fit_image(image, width=90, height=90, fit="contain", format="jpeg"),
        await fit_image(image, multiple=64, max_megapixels=0.02),
        await thumbnail(image, width=64, height=64),
        await thumbnail(await moving(), width=512, height=512, format="png"),
        await contact_sheet([image, image]),
    ]


async def joined() -> list[Media]:
    shots = [await moving(), await moving(0.5, 12)]
    return [
        await concat(shots),
        await concat(shots, transition="crossfade", transition_s=0.2),
        await concat(shots, width=128, height=96, fps="30000/1001"),
        await resample_video(shots[0], fps="24000/1001"),
        await concat([shots[0]]),
    ]


async def merged() -> list[Media]:
    video, voice = await moving(), await generate_speech("One two three.", model="local:voice")
    ways = ("extend", "loop", "trim", "video", "tempo", "slow")
    return [await merge(video, voice, duration=way) for way in ways]  # type: ignore[arg-type]


async def ready() -> list[Media]:
    tiny: dict[str, Any] = {"size": "160x96"}
    return [
        await clip.fn("a calm sea", narration="The sea.", seconds=0.6, music="calm", **tiny),
        await storyboard.fn(["a hill", "a sea"], "A hill. A sea.", **tiny),
    ]


def wrong(planned: Facts, made: Media) -> list[str]:
    found = [] if planned.kind == made.kind else [f"kind {made.kind}"]  # type: ignore[attr-defined]
    for name in ("width_px", "height_px", "duration_s", "frame_rate", "frames"):
        span, value = getattr(planned, name), getattr(made, name, None)
        if span is not None and value is not None and not span.low - 0.002 <= float(value) <= span.high + 0.002:
            found.append(f"{name} is {value}, planned {span}")
    for name in ("has_audio", "has_alpha", "media_type", "codec"):
        known, value = getattr(planned, name), getattr(made, name, None)
        if known is not None and value is not None and known != value:
            found.append(f"{name} is {value}, planned {known}")
    return found


@pytest.mark.parametrize("body", [fitted, joined, merged, ready])
async def test_facts_of_local_operations(body: Callable[[], Coroutine[Any, Any, list[Media]]]) -> None:
    found = await asyncio.to_thread(plan, flow(body))
    assert found.ok, found.problems
    made = await body()
    assert len(found.outputs) == len(made)
    assert [wrong(planned, media) for planned, media in zip(found.outputs, made, strict=True)] == [[] for _ in made]
