"""Verbs: their cache key, their call and their plan stand for one request."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from prefect import flow

from prefect_media import Video, generate_image, generate_speech, lip_sync, plan
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
