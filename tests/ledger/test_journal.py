from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from prefect_media.adapters.base import Usage
from prefect_media.errors import (
    CallOrderError,
    ClaimLostError,
    ConfigurationError,
    ContentRejectedError,
    DegenerateOutputError,
    JobCanceledError,
    JobFailedError,
    LedgerError,
    ParameterError,
    RequestRejectedError,
)
from prefect_media.ledger import Attempt, Budget, CallSpec, CallState, Claimed, Done, Labels, Ledger, Timing
from prefect_media.ledger.moves import SOURCES

Begin = Callable[..., tuple[Claimed, Attempt]]
S = CallState
CENT = Decimal("0.01")
CAP = Budget("cap", Decimal(1))


def _states(ledger: Ledger, key: str) -> list[str]:
    return [attempt.state for attempt in ledger.calls.attempts(key)]


def test_a_call_is_recorded_step_by_step(ledger: Ledger, begin: Begin, job: Any, image: Any, clock: Any) -> None:
    start = clock.now
    claimed, attempt = begin(ledger, estimate="0.04", labels=Labels("clip", "run", "b1", "r1"))
    clock.pass_s(1)
    ledger.journal.submitted(attempt, job())
    clock.pass_s(2)
    ledger.journal.progressed(claimed.claim, attempt)
    clock.pass_s(3)
    ledger.journal.progressed(claimed.claim, attempt)
    usage = Usage(units={"images": Decimal(1)})
    call = ledger.journal.done(
        claimed.claim,
        attempt,
        [image],
        cost=Decimal("0.035"),
        usage=usage,
        timing=Timing(start + 5, 2.0, 3.5),
    )
    (recorded,) = ledger.calls.attempts(call.key)
    assert (recorded.state, recorded.job, recorded.billed) == (S.DONE, job(), True)
    assert (recorded.estimate, recorded.reserved, recorded.cost) == (Decimal("0.04"), Decimal("0.04"), Decimal("0.035"))
    times = (recorded.intent_at, recorded.submitted_at, recorded.first_poll_at, recorded.fetched_at, recorded.ended_at)
    assert times == (start, start + 1, start + 3, start + 5, start + 6)
    assert (recorded.queue_s, recorded.run_s) == (2.0, 3.5)
    assert recorded.labels == Labels("clip", "run", "b1", "r1")
    assert recorded.usage == {"cost_usd": None, "units": {"images": "1"}}
    assert (call.state, call.result_attempt, call.outputs) == (S.DONE, 1, [image])


def test_a_provider_that_answers_at_once_needs_no_separate_submission(ledger: Ledger, begin: Begin, job: Any) -> None:
    claimed, attempt = begin(ledger)
    ledger.journal.done(claimed.claim, attempt, ["words"], cost=None, job=job("req-1"))
    (recorded,) = ledger.calls.attempts(attempt.call_key)
    assert recorded.job == job("req-1")
    assert recorded.cost is None
    assert recorded.billed is None


def test_a_second_attempt_needs_the_first_to_be_closed(ledger: Ledger, begin: Begin) -> None:
    claimed, attempt = begin(ledger)
    with pytest.raises(CallOrderError) as caught:
        ledger.journal.intend(claimed.claim, estimate=CENT)
    assert str(caught.value) == (
        f"Call {attempt.call_key[:12]} has an open attempt 1 (intent); another one could be paid twice. Follow it, or settle "
        "it first."
    )
    ledger.journal.failed(claimed.claim, attempt, JobFailedError("boom"), billed=False)
    assert ledger.journal.intend(claimed.claim, estimate=CENT).number == 2


REACH: dict[S, list[str]] = {
    S.INTENT: [],
    S.SUBMITTED: ["submitted"],
    S.RUNNING: ["submitted", "progressed"],
    S.DONE: ["done"],
    S.FAILED: ["failed"],
    S.REFUSED: ["refused"],
    S.CANCELED: ["canceled"],
    S.UNKNOWN: ["unknown"],
    S.HELD: ["unknown", "held"],
    S.ABANDONED: ["unknown", "abandoned"],
}
MOVES = {
    "submitted": S.SUBMITTED,
    "progressed": S.RUNNING,
    "done": S.DONE,
    "failed": S.FAILED,
    "refused": S.REFUSED,
    "canceled": S.CANCELED,
    "unknown": S.UNKNOWN,
    "held": S.HELD,
    "abandoned": S.ABANDONED,
}


def _move(ledger: Ledger, claimed: Claimed, attempt: Attempt, move: str, job: Any) -> None:
    journal, claim = ledger.journal, claimed.claim
    match move:
        case "submitted":
            journal.submitted(attempt, job())
        case "done":
            journal.done(claim, attempt, ["x"], cost=CENT)
        case "failed":
            journal.failed(claim, attempt, JobFailedError("it broke"))
        case "refused":
            journal.failed(claim, attempt, ContentRejectedError("not that"))
        case _:
            getattr(journal, move)(claim, attempt)


@pytest.mark.parametrize("state", list(REACH))
@pytest.mark.parametrize("move", list(MOVES))
def test_steps_follow_the_life_of_a_call_and_nothing_else(
    sqlite_url: str, begin: Begin, job: Any, state: CallState, move: str
) -> None:
    with Ledger(sqlite_url, synchronous="NORMAL") as ledger:
        claimed, attempt = begin(ledger, budgets=(CAP,))
        for step in REACH[state]:
            _move(ledger, claimed, attempt, step, job)
        if state is S.DONE:  # a finished call has given its claim back
            if move in ("submitted", "done"):
                _move(ledger, claimed, attempt, move, job)
            else:
                with pytest.raises(ClaimLostError):
                    _move(ledger, claimed, attempt, move, job)
            assert ledger.calls.attempts(attempt.call_key)[0].state is S.DONE
            return
        before = ledger.calls.attempts(attempt.call_key), ledger.budgets.status("cap")
        assert before[0][0].state is state
        target = MOVES[move]
        repeats = target is state and target in (S.RUNNING, S.UNKNOWN, S.HELD)
        late = move == "submitted" and not state.open
        again = move == "submitted" and state in (S.SUBMITTED, S.RUNNING)
        if state in SOURCES[target] or repeats or late or again:
            _move(ledger, claimed, attempt, move, job)
            after = ledger.calls.attempts(attempt.call_key)[0]
            assert after.state is (state if late or again else target)
            call = ledger.calls.find(attempt.call_key)
            assert call is not None
            assert call.state is after.state
        else:
            with pytest.raises(
                CallOrderError, match=f"it is {state}; only .* can become {target}. Nothing was written"
            ):
                _move(ledger, claimed, attempt, move, job)
            assert (ledger.calls.attempts(attempt.call_key), ledger.budgets.status("cap")) == before


@pytest.mark.parametrize(
    ("error", "state", "billed"),
    [
        (ContentRejectedError("no", billed=True), S.REFUSED, True),
        (RequestRejectedError("no", billed=False), S.REFUSED, False),
        (JobCanceledError("gone"), S.CANCELED, None),
        (JobFailedError("boom"), S.FAILED, None),
        (DegenerateOutputError("black"), S.FAILED, None),
        (RuntimeError("?"), S.FAILED, None),
    ],
)
def test_an_error_says_how_an_attempt_ended(
    ledger: Ledger, begin: Begin, error: Exception, state: CallState, billed: bool | None
) -> None:
    claimed, attempt = begin(ledger)
    assert ledger.journal.failed(claimed.claim, attempt, error) is state
    (recorded,) = ledger.calls.attempts(attempt.call_key)
    assert (recorded.state, recorded.billed) == (state, billed)
    assert (recorded.error_class, recorded.error) == (type(error).__name__, str(error))
    assert recorded.cost == (Decimal(0) if billed is False else None), "unknown cost stays unknown"


def test_the_job_is_recorded_once(ledger: Ledger, begin: Begin, job: Any) -> None:
    _, attempt = begin(ledger)
    ledger.journal.submitted(attempt, job("a"))
    ledger.journal.submitted(attempt, job("a"))
    with pytest.raises(CallOrderError, match=r"Attempt 1 at call .* cannot be given job 'b': it has job 'a'"):
        ledger.journal.submitted(attempt, job("b"))


def test_the_answer_is_recorded_even_after_a_takeover(
    ledger: Ledger, begin: Begin, spec: Callable[..., CallSpec], job: Any, clock: Any
) -> None:
    # Given a sender whose lease ran out between sending and the answer
    _, attempt = begin(ledger)
    clock.pass_s(61)
    taken = ledger.calls.claim(spec())
    assert isinstance(taken, Claimed)
    assert taken.last is not None
    # When its answer comes after all
    ledger.journal.submitted(attempt, job())
    # Then the successor cannot give the attempt up any more
    with pytest.raises(CallOrderError, match="it is submitted"):
        ledger.journal.abandoned(taken.claim, taken.last)
    assert _states(ledger, attempt.call_key) == ["submitted"]


def test_a_late_result_is_banked_and_the_successor_finds_it(
    ledger: Ledger, begin: Begin, spec: Callable[..., CallSpec], job: Any, clock: Any
) -> None:
    old, attempt = begin(ledger)
    ledger.journal.submitted(attempt, job())
    clock.pass_s(61)
    new = ledger.calls.claim(spec())
    assert isinstance(new, Claimed)
    assert ledger.journal.done(old.claim, attempt, ["late"], cost=CENT).outputs == ["late"]
    with pytest.raises(ClaimLostError):
        ledger.journal.progressed(new.claim, attempt)
    outcome = ledger.calls.claim(spec())
    assert isinstance(outcome, Done)
    assert outcome.call.outputs == ["late"]


def test_the_first_result_stands_and_both_costs_are_kept(
    ledger: Ledger, begin: Begin, spec: Callable[..., CallSpec], job: Any, clock: Any
) -> None:
    # Given an attempt that was given up and sent again by a successor
    old, first = begin(ledger)
    clock.pass_s(61)
    new = ledger.calls.claim(spec())
    assert isinstance(new, Claimed)
    assert new.last is not None
    ledger.journal.abandoned(new.claim, new.last)
    second = ledger.journal.intend(new.claim, estimate=CENT, possible_duplicate=True)
    # When both come in
    ledger.journal.submitted(first, job("first"))
    ledger.journal.submitted(second, job("second"))
    ledger.journal.done(old.claim, first, ["first"], cost=CENT)
    call = ledger.journal.done(new.claim, second, ["second"], cost=2 * CENT)
    # Then
    assert call.outputs == ["first"]
    assert (call.result_attempt, call.cost) == (1, CENT)
    attempts = ledger.calls.attempts(call.key)
    assert [(each.state, each.cost, each.possible_duplicate) for each in attempts] == [
        (S.DONE, CENT, False),
        (S.DONE, 2 * CENT, True),
    ]


def test_a_result_can_be_banked_after_a_successor_called_it_failed(
    ledger: Ledger, begin: Begin, spec: Callable[..., CallSpec], job: Any, clock: Any
) -> None:
    old, attempt = begin(ledger, budgets=(CAP,))
    clock.pass_s(61)
    new = ledger.calls.claim(spec())
    assert isinstance(new, Claimed)
    ledger.journal.failed(new.claim, attempt, JobFailedError("not listed by the provider"), billed=False)
    assert ledger.budgets.status("cap").spent == 0
    ledger.journal.submitted(attempt, job())
    assert ledger.budgets.status("cap").assumed == Decimal("0.04"), "accepted after all: its cost is not known"
    ledger.journal.done(old.claim, attempt, ["late"], cost=CENT)
    status = ledger.budgets.status("cap")
    assert (status.spent, status.reserved, status.assumed) == (CENT, 0, 0)


def test_a_stale_claim_cannot_say_that_something_failed(
    ledger: Ledger, begin: Begin, spec: Callable[..., CallSpec], clock: Any
) -> None:
    old, attempt = begin(ledger)
    clock.pass_s(61)
    ledger.calls.claim(spec())
    for step in ("canceled", "unknown", "held", "abandoned", "progressed"):
        with pytest.raises(ClaimLostError):
            getattr(ledger.journal, step)(old.claim, attempt)
    with pytest.raises(ClaimLostError):
        ledger.journal.failed(old.claim, attempt, JobFailedError("my own deadline"))


def test_done_twice_changes_nothing(ledger: Ledger, begin: Begin) -> None:
    claimed, attempt = begin(ledger, budgets=(CAP,))
    first = ledger.journal.done(claimed.claim, attempt, ["a"], cost=CENT)
    assert ledger.journal.done(claimed.claim, attempt, ["b"], cost=2 * CENT) == first
    assert ledger.budgets.status("cap").spent == CENT


def test_an_intent_that_was_not_sent_is_withdrawn_for_free(ledger: Ledger, begin: Begin) -> None:
    claimed, attempt = begin(ledger, budgets=(CAP,))
    ledger.journal.withdrawn(claimed.claim)
    ledger.journal.withdrawn(claimed.claim)
    (recorded,) = ledger.calls.attempts(attempt.call_key)
    assert (recorded.state, recorded.cost, recorded.billed) == (S.CANCELED, Decimal(0), False)
    assert ledger.budgets.status("cap").left == 1


def test_withdrawing_leaves_what_was_sent(ledger: Ledger, begin: Begin, job: Any) -> None:
    claimed, attempt = begin(ledger)
    ledger.journal.submitted(attempt, job())
    ledger.journal.withdrawn(claimed.claim)
    assert _states(ledger, attempt.call_key) == ["submitted"]


def test_several_steps_can_be_one_transaction(ledger: Ledger, begin: Begin, job: Any) -> None:
    claimed, attempt = begin(ledger)

    def two_steps() -> None:
        with ledger.together():
            ledger.journal.submitted(attempt, job())
            ledger.journal.held(claimed.claim, attempt)

    with pytest.raises(CallOrderError):
        two_steps()
    assert _states(ledger, attempt.call_key) == ["intent"]


# resolve


def _held(ledger: Ledger, begin: Begin, **how: Any) -> Attempt:
    claimed, attempt = begin(ledger, **how)
    ledger.journal.unknown(claimed.claim, attempt, RuntimeError("connection reset"))
    ledger.journal.held(claimed.claim, attempt)
    ledger.calls.release(claimed.claim)
    return attempt


def test_a_held_call_resolved_as_not_submitted_is_free(ledger: Ledger, begin: Begin) -> None:
    attempt = _held(ledger, begin, budgets=(CAP,))
    assert ledger.budgets.status("cap").reserved == Decimal("0.04"), "while it is held its price stays reserved"
    call = ledger.resolve(attempt.call_key, "not-submitted")
    assert (call.state, call.owner) == (S.FAILED, None)
    (recorded,) = ledger.calls.attempts(attempt.call_key)
    assert (recorded.billed, recorded.cost) == (False, 0)
    assert ledger.budgets.status("cap").left == 1


def test_a_held_call_resolved_as_submitted_can_be_followed(
    ledger: Ledger, begin: Begin, spec: Callable[..., CallSpec]
) -> None:
    attempt = _held(ledger, begin)
    assert ledger.resolve(attempt.call_key[:20], "submitted:abc:def").state is S.SUBMITTED
    taken = ledger.calls.claim(spec())
    assert isinstance(taken, Claimed)
    assert taken.last is not None
    assert taken.last.job is not None
    assert (taken.last.job.remote_id, taken.last.job.provider) == ("abc:def", "fal")


@pytest.mark.parametrize("as_", ["failed", "lost"])
def test_a_held_call_resolved_as_paid_counts_as_reserved_or_as_stated(ledger: Ledger, begin: Begin, as_: str) -> None:
    attempt = _held(ledger, begin, budgets=(CAP,))
    assert ledger.resolve(attempt.call_key, as_).state is S.FAILED
    status = ledger.budgets.status("cap")
    assert (status.spent, status.assumed, status.reserved) == (Decimal("0.04"), Decimal("0.04"), 0)
    _, second = begin(ledger, budgets=(CAP,))
    assert second.number == 2
    with pytest.raises(LedgerError, match=f"Call {attempt.call_key[:12]} is being worked on by"):
        ledger.resolve(attempt.call_key, as_, cost=CENT)


def test_a_stated_cost_is_recorded(ledger: Ledger, begin: Begin) -> None:
    attempt = _held(ledger, begin, budgets=(CAP,))
    ledger.resolve(attempt.call_key, "lost", cost=CENT)
    assert ledger.calls.attempts(attempt.call_key)[0].cost == CENT
    assert ledger.budgets.status("cap").spent == CENT


@pytest.mark.parametrize("as_", ["", "done", "submitted", "submitted:", "submitted: ", "lost:1", "not-submitted:x"])
def test_only_known_resolutions_are_taken(ledger: Ledger, begin: Begin, as_: str) -> None:
    attempt = _held(ledger, begin)
    with pytest.raises(ParameterError, match="Allowed: not-submitted, submitted:<remote id>, failed, lost"):
        ledger.resolve(attempt.call_key, as_)
    assert _states(ledger, attempt.call_key) == ["held"]


def test_resolve_names_what_it_cannot_find(ledger: Ledger, begin: Begin) -> None:
    with pytest.raises(ConfigurationError, match="The ledger has no call 'abc'"):
        ledger.resolve("abc", "lost")
    _held(ledger, begin)
    claimed, attempt = begin(ledger, 2)
    with pytest.raises(ConfigurationError, match="'00' is the beginning of 2 calls or more: 0000000000000000, 00000"):
        ledger.resolve("00", "lost")
    ledger.journal.done(claimed.claim, attempt, [], cost=None)
    with pytest.raises(ConfigurationError, match="is done; there is nothing to resolve"):
        ledger.resolve(attempt.call_key, "lost")
