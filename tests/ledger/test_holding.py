from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from decimal import Decimal

import pytest

from prefect_media.ledger import Busy, CallSpec, CallState, Claimed, Done, Ledger, hold

Spec = Callable[..., CallSpec]


async def _make(ledger: Ledger, spec: CallSpec, output: str, wait: asyncio.Event | None = None) -> object:
    async with hold(ledger, spec) as outcome:
        if isinstance(outcome, Done):
            return outcome.call.outputs
        attempt = await ledger.run(ledger.journal.intend, outcome.claim, estimate=Decimal(0))
        if wait is not None:
            await wait.wait()
        call = await ledger.run(ledger.journal.done, outcome.claim, attempt, [output], cost=Decimal(0))
        return call.outputs


async def test_tasks_that_want_the_same_call_share_one_result(ledger: Ledger, spec: Spec) -> None:
    outputs = await asyncio.gather(*(_make(ledger, spec(), str(number)) for number in range(50)))
    assert all(output == outputs[0] for output in outputs)
    assert len(ledger.calls.attempts(spec().key)) == 1


async def test_the_end_of_a_call_wakes_those_who_wait_in_this_process(
    url: str, spec: Spec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefect_media.ledger.waiting.SHORTEST_S", 3600.0)
    monkeypatch.setattr("prefect_media.ledger.waiting.LONGEST_S", 3600.0)
    with Ledger(url) as ledger:
        go_on = asyncio.Event()
        first = asyncio.create_task(_make(ledger, spec(), "first", go_on))
        while not ledger.calls._held:
            await asyncio.sleep(0.01)
        assert isinstance(await ledger.run(ledger.calls.claim, spec()), Busy)
        second = asyncio.create_task(_make(ledger, spec(), "second"))
        while not ledger.waiting._futures:
            await asyncio.sleep(0.01)
        go_on.set()
        assert await asyncio.wait_for(asyncio.gather(first, second), 30) == [["first"], ["first"]]


async def test_a_claim_is_given_back_when_the_block_fails(ledger: Ledger, spec: Spec) -> None:
    async def fail() -> None:
        async with hold(ledger, spec()):
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError):
        await fail()
    assert ledger.calls.find(spec().key) is None
    assert ledger.calls._held == {}


async def test_a_claim_is_given_back_when_its_task_is_cancelled_inside(ledger: Ledger, spec: Spec) -> None:
    inside = asyncio.Event()

    async def stay() -> None:
        async with hold(ledger, spec()):
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(stay())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert isinstance(ledger.calls.claim(spec()), Claimed)


@pytest.mark.parametrize("begun", [False, True])
async def test_a_claim_made_for_a_cancelled_task_is_given_back(ledger: Ledger, spec: Spec, begun: bool) -> None:
    # Given a writer that is at the claim, or before it
    reached, leave = threading.Event(), threading.Event()
    real = ledger.calls.claim

    def slow(*args: object, **kwargs: object) -> object:
        reached.set()
        leave.wait(30)
        return real(*args, **kwargs)  # type: ignore[arg-type]

    if begun:
        ledger.calls.claim = slow  # type: ignore[method-assign]
    else:
        ledger.submit(slow, spec(99))

    async def ask() -> None:
        async with hold(ledger, spec()):
            raise AssertionError("cancelled before it could get here")

    task = asyncio.create_task(ask())
    await asyncio.to_thread(reached.wait, 30)
    await asyncio.sleep(0)
    # When the task is cancelled
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    leave.set()
    # Then nobody holds the call
    ledger.calls.claim = real  # type: ignore[method-assign]
    await ledger.run(lambda: None)
    await ledger.run(lambda: None)
    assert isinstance(await ledger.run(ledger.calls.claim, spec()), Claimed)


async def test_a_cancelled_waiter_does_not_disturb_the_others(ledger: Ledger, spec: Spec) -> None:
    go_on = asyncio.Event()
    first = asyncio.create_task(_make(ledger, spec(), "first", go_on))
    waiters = [asyncio.create_task(_make(ledger, spec(), "x")) for _ in range(5)]
    while sum(len(futures) for futures in ledger.waiting._futures.values()) < 5:
        await asyncio.sleep(0.01)
    waiters[2].cancel()
    await asyncio.sleep(0)
    go_on.set()
    outcomes = await asyncio.wait_for(asyncio.gather(first, *waiters, return_exceptions=True), 30)
    assert isinstance(outcomes[3], asyncio.CancelledError)
    assert [outcome for number, outcome in enumerate(outcomes) if number != 3] == [["first"]] * 5


async def test_the_next_task_goes_on_where_a_failed_one_stopped(ledger: Ledger, spec: Spec) -> None:
    async with hold(ledger, spec()) as outcome:
        assert isinstance(outcome, Claimed)
        await ledger.run(ledger.journal.intend, outcome.claim, estimate=Decimal(1))
    async with hold(ledger, spec()) as outcome:
        assert isinstance(outcome, Claimed)
        assert outcome.last is not None
        assert outcome.last.state is CallState.UNKNOWN


async def test_waiting_ends_with_the_error_of_a_broken_ledger(url: str, spec: Spec) -> None:
    with Ledger(url) as ledger:
        ledger.calls.claim(spec())

        def broken(_keys: object) -> list[str]:
            raise OSError("gone")

        ledger.waiting._free = broken  # type: ignore[assignment]
        with pytest.raises(OSError, match="gone"):
            await asyncio.wait_for(_make(ledger, spec(), "x"), 30)


async def test_closing_the_ledger_wakes_those_who_wait(url: str, spec: Spec) -> None:
    ledger = Ledger(url)
    ledger.calls.claim(spec())
    future = ledger.waiting.future(spec().key)
    ledger.close()
    assert future.done()
    assert ledger.waiting.future(spec().key).done(), "nobody can wait on a closed ledger"


def test_the_current_ledger_is_the_one_that_the_settings_name(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_HOME", str(tmp_path))
    monkeypatch.delenv("PREFECT_MEDIA_LEDGER", raising=False)
    ledger = Ledger.current()
    assert ledger.place == f"{tmp_path}/ledger.db"
    assert Ledger.current() is ledger
    monkeypatch.setenv("PREFECT_MEDIA_LEDGER", f"sqlite:///{tmp_path}/other.db")
    other = Ledger.current()
    assert other.place == f"{tmp_path}/other.db"
    monkeypatch.setenv("PREFECT_MEDIA_KEEP_PARAMETERS", "false")
    without = Ledger.current()
    claimed = without.calls.claim(CallSpec("1", "m", "c", "p", {"prompt": "private"}))
    assert isinstance(claimed, Claimed)
    assert claimed.call.parameters == {}
    for each in (ledger, other, without):
        each.close()
    assert Ledger.current() is not without, "a closed ledger is opened anew"
    Ledger.current().close()
