"""`together`: results in order, the first failure cancels the rest and says so."""

from __future__ import annotations

import asyncio

import pytest

from prefect_media import together


async def value(result: int) -> int:
    await asyncio.sleep(0)
    return result


async def failing() -> int:
    await asyncio.sleep(0.01)
    raise ValueError("broken")


class Slow:
    """Work that takes long, and notes how it ended."""

    def __init__(self) -> None:
        self.ended = ""

    async def work(self) -> int:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)  # clean-up takes a moment
            self.ended = "cancelled and cleaned up"
            raise
        return 1


async def test_results_come_in_order() -> None:
    assert await together(value(1), value(2), value(3)) == (1, 2, 3)
    assert await together() == ()


async def test_the_first_failure_cancels_the_others_and_names_them() -> None:
    slow = Slow()
    with pytest.raises(ValueError, match="broken") as caught:
        await together(value(1), failing(), slow.work())
    assert slow.ended == "cancelled and cleaned up"
    assert caught.value.__notes__ == ["failing failed; cancelled with it: work."]


async def test_a_sibling_that_failed_as_well_is_told() -> None:
    async def also() -> int:
        try:
            await asyncio.sleep(60)
        finally:
            raise KeyError("second")

    with pytest.raises(ValueError, match="broken") as caught:
        await together(failing(), also())
    assert caught.value.__notes__ == ["also failed as well: KeyError: 'second'"]


async def test_cancelling_it_cancels_all() -> None:
    slow, other = Slow(), Slow()
    running = asyncio.ensure_future(together(slow.work(), other.work()))
    await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert slow.ended == other.ended == "cancelled and cleaned up"
