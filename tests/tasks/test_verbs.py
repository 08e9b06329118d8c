"""Verbs: their cache key, their call and their plan stand for one request."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prefect import flow

from prefect_media import Video, generate_image, generate_speech, generate_video, lip_sync, plan
from prefect_media.testing.simulator import Simulator

FABRIC = "fal:veed/fabric-1.0"


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Any:
    with Simulator(latency=0.05) as running:
        for name, value in running.env.items():
            monkeypatch.setenv(name, value)
        yield running


async def speaking() -> Video:
    face = await generate_image("a face", model="local:landscape", size="512x512")
    voice = await generate_speech("Good morning.", model="local:voice")
    return await lip_sync.with_options(name="speak")(face, voice, model=FABRIC)


async def test_a_picture_that_speaks_is_planned_bought_and_cached(simulator: Simulator) -> None:
    found = await asyncio.to_thread(plan, flow(speaking))
    assert found.ok, found.problems
    assert found.price.expected > 0
    made = await speaking()
    assert simulator.bill.calls == 1
    face = await generate_image("a face", model="local:landscape", size="512x512")
    voice = await generate_speech("Good morning.", model="local:voice")
    again = await lip_sync(face, voice, model=FABRIC, return_state=True)
    assert (again.name, await again.result()) == ("Cached", made)
    assert simulator.bill.calls == 1


async def lifted() -> Video:
    picture = await generate_image("a wave", model="local:landscape", size="1280x720")
    return await generate_video(
        "it breaks",
        image=picture,
        model="fal:fal-ai/kling-video/v2.5-turbo/pro/image-to-video",
        seconds=3.5,
        size="640x360",
        fps=30,
    )


async def test_what_is_asked_beyond_the_steps_of_a_model_is_one_encode(simulator: Simulator) -> None:
    found = await asyncio.to_thread(plan, flow(lifted))
    assert found.ok, found.problems
    assert [item.task for item in found.items if item.kind == "conversion"] == ["edit_video"]
    assert all(asked in found.items[-1].about for asked in ("640x360 was asked", "3.5 s was asked", "30 was asked"))
    made = await lifted()
    assert (made.size, made.frame_rate) == ((640, 360), 30)
    assert [note for note in made.made.notes if "edit_video" in note] != []
    assert made.duration_s == pytest.approx(3.5, abs=1 / 30)
    assert simulator.bill.calls == 1
