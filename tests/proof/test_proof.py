"""The client is killed at every moment of every protocol, restarted, and its bill compared; a reduced set for each change.

`make proof` runs more, and 200 random times; docs/proof.md has its table.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from . import harness

# Few rows keep it short; every provider is in it.
ROWS = [("replicate", 1), ("fal", 1), ("openai", 1), ("speech", 1)]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[harness.Bench]:
    with harness.Bench(tmp_path_factory.mktemp("proof"), ROWS, latency=0.05) as bench:
        yield bench


@pytest.mark.parametrize(("provider", "moment"), [(p, m) for p, moments in harness.PROTOCOLS.items() for m in moments])
def test_killed_at_a_moment(bench: harness.Bench, provider: str, moment: str) -> None:
    outcome = bench.run(f"{moment}, {provider}", [{"provider": provider, "moment": moment, "count": 1}])
    assert outcome.kills == 1
    assert outcome.fine, outcome


def test_killed_before_the_request_leaves(bench: harness.Bench) -> None:
    outcome = bench.run("before sending", before_sending=2)
    assert (outcome.kills, outcome.accepted) == (1, bench.calls)
    assert outcome.fine, outcome


def test_killed_at_random_times(bench: harness.Bench) -> None:
    outcome = bench.run("random", random_kills=random.Random(3))
    assert outcome.fine, outcome


def test_two_processes_with_the_same_rows_buy_each_call_once(bench: harness.Bench) -> None:
    outcome = bench.run_twice_at_once("two processes")
    assert outcome.accepted == bench.calls
    assert outcome.fine, outcome
