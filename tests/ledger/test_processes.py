"""Real processes that race, wait for each other, and are killed."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from prefect_media.ledger import Budget, Busy, CallSpec, CallState, Claimed, Done, Ledger, hold

Child = Callable[..., "subprocess.Popen[str]"]


def _hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _tell(process: subprocess.Popen[str], word: str = "go") -> None:
    assert process.stdin is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()


def _kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


STEPS = ["claimed", "intended", "submitted", "running", "done"]


@pytest.mark.parametrize("last", STEPS)
def test_what_a_killed_process_was_told_is_recorded_is_there(
    sqlite_url: str, child: Child, spec: Callable[..., CallSpec], last: str
) -> None:
    # Given a process that is killed the moment after a step returned
    process = child("steps", sqlite_url)
    for step in STEPS[: STEPS.index(last) + 1]:
        assert _hear(process) == step
        if step != last:
            _tell(process)
    _kill(process)
    # Then its step is on record, and the call can be taken over without waiting for the lease
    with Ledger(sqlite_url) as ledger:
        outcome = ledger.calls.claim(spec(1))
        if last == "done":
            assert isinstance(outcome, Done)
            assert outcome.call.outputs == ["text"]
            return
        assert isinstance(outcome, Claimed), "the holder is dead, its lease need not be waited out"
        if last == "claimed":
            assert outcome.last is None
            return
        assert outcome.last is not None
        expected = {"intended": CallState.UNKNOWN, "submitted": CallState.SUBMITTED, "running": CallState.RUNNING}
        assert outcome.last.state is expected[last]
        assert (outcome.last.job is None) == (last == "intended")
        status = ledger.budgets.status("cap")
        assert (status.budget, status.reserved, status.spent) == (Budget("cap", Decimal(10)), Decimal("0.5"), 0)


def test_on_a_shared_server_the_lease_or_the_death_of_the_holder_decides(
    url: str, child: Child, spec: Callable[..., CallSpec]
) -> None:
    process = child("steps", url)
    assert _hear(process) == "claimed"
    with Ledger(url) as ledger:
        busy = ledger.calls.claim(spec(1))
        assert isinstance(busy, Busy), "it lives"
        assert f"|{process.pid}|" in busy.owner
        _kill(process)
        assert isinstance(ledger.calls.claim(spec(1)), Claimed)


def test_of_two_processes_exactly_one_wins_each_call(url: str, child: Child) -> None:
    Ledger(url).close()
    processes = [child("race", url, 60) for _ in range(2)]
    for process in processes:
        assert _hear(process) == "ready"
    for process in processes:
        _tell(process)
    lines = [process.communicate(timeout=60)[0].splitlines() for process in processes]
    won = [line.split()[1] for many in lines for line in many if line.startswith("won")]
    assert sorted(map(int, won)) == list(range(60))
    with Ledger(url) as ledger:
        assert [len(ledger.calls.attempts(call.key)) for call in ledger.calls.listing()] == [1] * 60


async def test_a_task_waits_for_the_result_of_another_process(
    url: str, child: Child, spec: Callable[..., CallSpec]
) -> None:
    process = child("hold_then_finish", url)
    assert _hear(process) == "holding"
    with Ledger(url) as ledger:

        async def ask() -> Any:
            async with hold(ledger, spec(1)) as outcome:
                return outcome

        asking = [asyncio.create_task(ask()) for _ in range(20)]
        done, _ = await asyncio.wait(asking, timeout=0.3)
        assert not done, "nobody may go on while the other process works"
        _tell(process)
        outcomes = await asyncio.wait_for(asyncio.gather(*asking), timeout=30)
    assert all(isinstance(outcome, Done) and outcome.call.outputs == ["made elsewhere"] for outcome in outcomes)


async def test_a_waiting_task_takes_over_from_a_process_that_is_killed(
    url: str, child: Child, spec: Callable[..., CallSpec]
) -> None:
    process = child("hold_then_finish", url)
    assert _hear(process) == "holding"
    with Ledger(url) as ledger:

        async def ask() -> CallState | None:
            async with hold(ledger, spec(1)) as outcome:
                assert isinstance(outcome, Claimed)
                return outcome.last.state if outcome.last else None

        asking = asyncio.create_task(ask())
        await asyncio.sleep(0.2)
        _kill(process)
        assert await asyncio.wait_for(asking, timeout=30) is CallState.UNKNOWN


def test_what_was_written_before_a_kill_can_all_be_read(sqlite_url: str, child: Child) -> None:
    process = child("write_forever", sqlite_url)
    said = [int(_hear(process)) for _ in range(50)]
    _kill(process)
    assert process.stdout is not None
    said += [int(line) for line in process.stdout.read().splitlines() if line.strip()]
    with Ledger(sqlite_url) as ledger:
        keys = [f"{number:064x}" for number in said]
        assert list(ledger.uploads.known("fal", keys)) == keys


def test_processes_share_a_limit_fairly_and_get_the_whole_of_it_back(url: str, child: Child) -> None:
    first, second = child("share", url, 100), child("share", url, 3)

    def ask(process: subprocess.Popen[str], in_use: int) -> tuple[int, ...]:
        _tell(process, str(in_use))
        return tuple(map(int, _hear(process).split()))

    assert ask(first, 0) == (10, 10, 1)
    assert ask(second, 0) == (0, 10, 2), "all is given out for now"
    assert ask(first, 8) == (8, 10, 2), "what is in use is not cut off"
    assert ask(second, 0) == (2, 10, 2)
    assert ask(first, 5) == (7, 10, 2)
    assert ask(second, 2) == (3, 10, 2), "a small wish is met in full"
    _kill(second)
    assert ask(first, 7) == (10, 10, 1), "the share of a dead process falls back at once"
