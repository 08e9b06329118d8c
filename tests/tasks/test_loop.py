"""Where work runs: results are taken in beside each other, however few local operations may run."""

from __future__ import annotations

import asyncio
import threading

import pytest

from prefect_media.media.control import check_not_cancelled
from prefect_media.tasks._loop import DOORS, at_the_door


async def test_results_are_taken_in_beside_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_MEDIA_WORKERS", "1")
    together = threading.Barrier(DOORS)
    places = await asyncio.gather(*(at_the_door(together.wait, 30) for _ in range(DOORS)))
    assert sorted(places) == list(range(DOORS))


async def test_a_cancelled_intake_has_ended_when_its_caller_goes_on() -> None:
    begun, ended = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        try:
            while True:
                check_not_cancelled("take it in")
        finally:
            ended.set()

    running = asyncio.ensure_future(at_the_door(work))
    assert await asyncio.to_thread(begun.wait, 30)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended.is_set()
