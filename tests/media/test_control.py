"""Parts of one work side by side: one progress, one cancellation, the first failure ends all."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from prefect_media.errors import EncodeError, ParameterError
from prefect_media.media.control import cancellation, control, side_by_side
from prefect_media.media.runner import run

FOREVER = [sys.executable, "-c", "import time; time.sleep(600)"]


def waits(started: threading.Event) -> Callable[[], object]:
    def job() -> None:
        started.set()
        run(FOREVER, what="wait")

    return job


def test_each_part_runs_once_and_their_progress_is_one() -> None:
    told: list[tuple[float, float | None]] = []
    done: list[int] = []

    def part(number: int) -> None:
        tell = control().on_progress
        assert tell is not None
        tell(0.5, 1.0)
        tell(9.0, 1.0)  # an encoder may report a little more than there is
        done.append(number)

    with cancellation(on_progress=lambda at, total: told.append((at, total))):
        side_by_side([(1.0, partial(part, number)) for number in range(6)], what="work", at_a_time=3)
    assert sorted(done) == [0, 1, 2, 3, 4, 5]
    assert [at for at, _ in told] == sorted(at for at, _ in told)
    assert told[-1] == (6.0, 6.0)


def test_the_first_failure_ends_the_others_and_begins_no_more(tmp_path: Path) -> None:
    running = threading.Event()

    def fails() -> None:
        assert running.wait(60)
        raise ParameterError("a reason")

    later = tmp_path / "later"
    jobs = [(1.0, waits(running)), (1.0, fails), (1.0, later.touch)]
    with pytest.raises(ParameterError, match="a reason"):
        side_by_side(jobs, what="work", at_a_time=2)
    assert not later.exists()


def test_cancelling_from_above_ends_all_parts() -> None:
    running = [threading.Event(), threading.Event()]
    with cancellation() as cancel:

        def stops() -> None:
            for each in running:
                assert each.wait(60)
            cancel.set()

        helper = threading.Thread(target=stops)
        helper.start()
        with pytest.raises(EncodeError, match="was cancelled") as caught:
            side_by_side([(1.0, waits(each)) for each in running], what="work", at_a_time=2)
        helper.join()
    assert caught.value.reason == "cancelled"


def test_an_exception_out_of_the_progress_ends_all_parts() -> None:
    class Stop(Exception):
        """Whatever a caller raises."""

    def refuse(at: float, total: float | None) -> None:
        raise Stop

    def part() -> None:
        tell = control().on_progress
        assert tell is not None
        tell(1.0, 1.0)

    with cancellation(on_progress=refuse), pytest.raises(Stop):
        side_by_side([(1.0, part), (1.0, waits(threading.Event()))], what="work", at_a_time=2)
