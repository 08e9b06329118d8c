from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from prefect_media.errors import ConfigurationError, ContentRejectedError, JobFailedError
from prefect_media.ledger import GROUPS, Attempt, Claimed, Labels, Ledger

Begin = Callable[..., tuple[Claimed, Attempt]]
CENT = Decimal("0.01")


def _run(
    ledger: Ledger, begin: Begin, clock: Any, number: int, seconds: float, cost: Decimal | None, **how: Any
) -> None:
    claimed, attempt = begin(ledger, number, **how)
    clock.pass_s(seconds)
    ledger.journal.done(claimed.claim, attempt, ["x"], cost=cost)


@pytest.fixture
def busy(ledger: Ledger, begin: Begin, clock: Any) -> Ledger:
    """Two models, two days, two flows; successes, failures, unknown costs, and what is under way."""
    clips = Labels(flow="clip", batch="b1")
    for number in range(10):
        _run(ledger, begin, clock, number, number + 1, 2 * CENT, labels=clips)
    claimed, attempt = begin(ledger, 20, labels=clips)
    ledger.journal.failed(claimed.claim, attempt, JobFailedError("x"), billed=True, cost=CENT)
    ledger.journal.done(claimed.claim, ledger.journal.intend(claimed.claim, estimate=CENT), ["x"], cost=2 * CENT)
    claimed, attempt = begin(ledger, 21, labels=clips)
    ledger.journal.failed(claimed.claim, attempt, ContentRejectedError("no", billed=False))
    clock.pass_s(86_400)
    voice = "elevenlabs:eleven_v3"
    _run(ledger, begin, clock, 30, 5, None, labels=Labels("podcast", batch="b2"), model=voice)
    claimed, attempt = begin(ledger, 31, model=voice)
    ledger.journal.unknown(claimed.claim, attempt)
    begin(ledger, 32, model=voice)
    return ledger


def test_costs_by_model_tell_spend_success_and_times(busy: Ledger) -> None:
    flux, voice = busy.statistics.costs("model")
    assert flux.name == "fal:fal-ai/flux/dev"
    assert (flux.spent, flux.unknown) == (23 * CENT, 0), "failed attempts cost money too"
    assert (flux.attempts, flux.done, flux.failed, flux.open) == (13, 11, 2, 0)
    assert flux.success_rate == pytest.approx(11 / 13)
    assert (flux.median_s, flux.p90_s) == (5, 9)
    assert (voice.spent, voice.unknown) == (Decimal(0), 2), "unknown cost is counted, never as 0"
    assert (voice.attempts, voice.done, voice.failed, voice.open) == (3, 1, 0, 2)


def test_costs_group_by_everything_that_is_offered(busy: Ledger) -> None:
    names = {by: [line.name for line in busy.statistics.costs(by)] for by in GROUPS}
    assert names == {
        "model": ["fal:fal-ai/flux/dev", "elevenlabs:eleven_v3"],
        "provider": ["fal", "elevenlabs"],
        "day": ["2027-01-15", "2027-01-16"],
        "flow": ["clip", "", "podcast"],
        "batch": ["b1", "", "b2"],
    }
    for by in GROUPS:
        lines = busy.statistics.costs(by)
        assert sum(line.spent for line in lines) == 23 * CENT
        assert sum(line.attempts for line in lines) == 16


def test_costs_can_be_of_one_batch_or_since_a_moment(busy: Ledger, clock: Any) -> None:
    assert [line.attempts for line in busy.statistics.costs("provider", batch="b1")] == [13]
    assert [line.name for line in busy.statistics.costs("provider", since=clock.now - 3600)] == ["elevenlabs"]


def test_costs_refuse_other_groups(ledger: Ledger) -> None:
    with pytest.raises(ConfigurationError, match=r"grouped by 'colour'\. Allowed: model, provider, day, flow, batch"):
        ledger.statistics.costs("colour")
    assert ledger.statistics.costs() == []


def test_reuse_is_counted_with_what_it_saved(ledger: Ledger, clock: Any) -> None:
    for _ in range(3):
        ledger.statistics.reused(provider="fal", card_id="fal:a", cost=2 * CENT, flow="clip", batch="b1")
    ledger.statistics.reused(provider="fal", card_id="fal:a", cost=None, flow="clip", batch="b2")
    ledger.statistics.flush()
    ledger.statistics.reused(provider="", card_id="", cost=10 * CENT, calls=4, flow="clip", batch="b1")
    (line,) = ledger.statistics.costs("flow")
    assert (line.name, line.reused, line.saved, line.reused_unpriced) == ("clip", 8, 16 * CENT, 1)
    assert (line.attempts, line.success_rate, line.median_s) == (0, None, None)
    assert {line.name: line.saved for line in ledger.statistics.costs("batch")} == {"b1": 16 * CENT, "b2": Decimal(0)}
    assert [line.reused for line in ledger.statistics.costs("model", batch="b2")] == [1]
    clock.pass_s(86_400)
    assert ledger.statistics.costs("model", since=clock.now) == []


def test_counters_are_written_when_the_ledger_closes_and_add_up(url: str) -> None:
    for _ in range(2):
        with Ledger(url) as ledger:
            ledger.statistics.reused(provider="fal", card_id="fal:a", cost=CENT)
    with Ledger(url) as ledger:
        assert [(line.reused, line.saved) for line in ledger.statistics.costs()] == [(2, 2 * CENT)]


def test_counters_are_written_by_the_beat(ledger: Ledger, url: str) -> None:
    ledger.statistics.reused(provider="fal", card_id="fal:a", cost=CENT)
    ledger.beat()
    with Ledger(url) as other:
        assert [line.reused for line in other.statistics.costs()] == [1]


def test_costs_over_several_pages_are_whole(sqlite_url: str, begin: Begin, clock: Any) -> None:
    with Ledger(sqlite_url, clock=clock) as ledger:
        with ledger.together():
            for number in range(2100):
                _run(ledger, begin, clock, number, 1, CENT)
        assert [(line.attempts, line.spent) for line in ledger.statistics.costs()] == [(2100, 21)]
