"""Garbage is collected less often while many calls are in flight, and as before afterwards."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import AsyncExitStack

import pytest

from prefect_media.tasks._collector import MANY, RARELY, many_calls


@pytest.fixture(autouse=True)
def usual() -> Generator[tuple[int, int, int]]:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield gc.get_threshold()
    gc.set_threshold(*before)


async def calls(stack: AsyncExitStack, count: int) -> None:
    for _ in range(count):
        await stack.enter_async_context(many_calls())


async def test_few_calls_change_nothing(usual: tuple[int, int, int]) -> None:
    async with AsyncExitStack() as stack:
        await calls(stack, MANY - 1)
        assert gc.get_threshold() == usual


async def test_many_calls_change_it_until_they_have_ended(usual: tuple[int, int, int]) -> None:
    for _ in range(2):
        async with AsyncExitStack() as stack:
            await calls(stack, MANY)
            assert gc.get_threshold() == RARELY
        assert gc.get_threshold() == usual


async def test_what_was_set_meanwhile_stays() -> None:
    async with AsyncExitStack() as stack:
        await calls(stack, MANY)
        gc.set_threshold(1000, 5, 5)
    assert gc.get_threshold() == (1000, 5, 5)


@pytest.mark.parametrize("own", [(0, 10, 10), (50_000, 10, 10)])
async def test_a_collector_that_is_off_or_rarer_stays(own: tuple[int, int, int]) -> None:
    gc.set_threshold(*own)
    async with AsyncExitStack() as stack:
        await calls(stack, MANY)
        assert gc.get_threshold() == own
