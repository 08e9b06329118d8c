from __future__ import annotations

import subprocess
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prefect_media.errors import BudgetExceeded, ConfigurationError, JobFailedError, ParameterError
from prefect_media.ledger import Attempt, Budget, CallState, Claimed, Ledger

Begin = Callable[..., tuple[Claimed, Attempt]]
USD = Decimal


def _facts(ledger: Ledger, name: str, scope: str = "") -> tuple[Decimal, Decimal, Decimal]:
    status = ledger.budgets.status(name, scope)
    return status.spent, status.reserved, status.assumed


def _check_history(ledger: Ledger, name: str, scope: str = "") -> int:
    """Check that the history adds up and never passes the cap, except by what a provider overcharged."""
    spent = reserved = USD(0)
    events = list(ledger.budgets.history(name, scope))
    for event in events:
        spent += event.delta_spent
        reserved += event.delta_reserved
        assert (event.spent, event.reserved) == (spent, reserved)
        assert spent >= 0
        assert reserved >= 0
        if event.event == "reserve":
            assert event.spent + event.reserved <= event.cap
        if event.spent + event.reserved > event.cap:
            assert event.delta_spent + event.delta_reserved <= 0 or event.event in ("overrun", "cap")
    status = ledger.budgets.status(name, scope)
    assert (status.spent, status.reserved) == (spent, reserved)
    return len(events)


def test_a_price_is_reserved_with_the_intent_and_settled_with_the_result(ledger: Ledger, begin: Begin) -> None:
    cap = Budget("b", USD(1))
    claimed, attempt = begin(ledger, estimate="0.30", budgets=(cap,))
    assert _facts(ledger, "b") == (USD(0), USD("0.3"), USD(0))
    ledger.journal.done(claimed.claim, attempt, ["x"], cost=USD("0.2"))
    assert _facts(ledger, "b") == (USD("0.2"), USD(0), USD(0))
    assert ledger.budgets.status("b").left == USD("0.8")
    assert [event.event for event in ledger.budgets.history("b")] == ["open", "reserve", "settle"]
    assert _check_history(ledger, "b") == 3


def test_over_the_cap_nothing_is_recorded_and_everything_is_named(ledger: Ledger, begin: Begin) -> None:
    cap = Budget("trailers", USD(1))
    claimed, attempt = begin(ledger, 1, estimate="0.5", budgets=(cap,))
    ledger.journal.done(claimed.claim, attempt, ["x"], cost=USD("0.25"))
    begin(ledger, 2, estimate="0.5", budgets=(cap,))
    with pytest.raises(BudgetExceeded) as caught:
        begin(ledger, 3, estimate="0.255", budgets=(cap,))
    assert str(caught.value) == (
        "Budget 'trailers' has no room for fal:fal-ai/flux/dev: 0.255 USD asked, cap 1.00 USD, 0.25 USD spent, 0.50 USD "
        "reserved for calls under way. Nothing was sent. Raise the cap, or choose a cheaper model."
    )
    error = caught.value
    assert (error.budget, error.cap, error.spent, error.reserved, error.asked) == (
        "trailers",
        USD(1),
        USD("0.25"),
        USD("0.5"),
        USD("0.255"),
    )
    assert ledger.calls.attempts(f"{3:064x}") == []
    begin(ledger, 4, estimate="0.25", budgets=(cap,))
    _check_history(ledger, "trailers")


def test_a_call_has_to_fit_every_budget_or_counts_in_none(ledger: Ledger, begin: Begin) -> None:
    large, small = Budget("large", USD(10)), Budget("small", USD("0.1"))
    with pytest.raises(BudgetExceeded, match="Budget 'small' has no room"):
        begin(ledger, 1, estimate="0.2", budgets=(large, small))
    begin(ledger, 2, estimate="0.05", budgets=(large, small))
    assert _facts(ledger, "large") == _facts(ledger, "small") == (USD(0), USD("0.05"), USD(0))


def test_an_unpriced_call_under_a_cap_is_refused_unless_a_ceiling_is_stated(ledger: Ledger, begin: Begin) -> None:
    cap = Budget("b", USD(1))
    with pytest.raises(BudgetExceeded) as caught:
        begin(ledger, estimate=None, budgets=(cap,))
    assert str(caught.value) == (
        "The price of fal:fal-ai/flux/dev is not known, so it cannot be held under budget 'b' (cap 1.00 USD). Nothing was "
        "sent. State the most that one call may cost, or run without a budget."
    )
    claimed, attempt = begin(ledger, 2, estimate=None)
    assert attempt.reserved is None
    ledger.journal.failed(claimed.claim, attempt, JobFailedError("x"), billed=False)
    attempt = ledger.journal.intend(claimed.claim, estimate=None, reserve=USD("0.6"), budgets=(cap,))
    assert _facts(ledger, "b")[1] == USD("0.6")
    ledger.journal.done(claimed.claim, attempt, ["x"], cost=None)
    assert _facts(ledger, "b") == (USD("0.6"), USD(0), USD("0.6")), "unknown cost is counted as the ceiling"
    assert ledger.calls.attempts(attempt.call_key)[1].cost is None, "but it stays unknown"


@pytest.mark.parametrize(
    ("billed", "cost", "spent", "assumed"),
    [(False, None, "0", "0"), (None, None, "0.4", "0.4"), (True, None, "0.4", "0.4"), (True, "0.1", "0.1", "0")],
)
def test_a_failure_counts_as_far_as_it_is_billed(
    ledger: Ledger, begin: Begin, billed: bool | None, cost: str | None, spent: str, assumed: str
) -> None:
    claimed, attempt = begin(ledger, estimate="0.4", budgets=(Budget("b", USD(1)),))
    price = None if cost is None else USD(cost)
    ledger.journal.failed(claimed.claim, attempt, JobFailedError("boom"), billed=billed, cost=price)
    assert _facts(ledger, "b") == (USD(spent), USD(0), USD(assumed))
    _check_history(ledger, "b")


def test_what_was_assumed_is_corrected_when_the_truth_comes(ledger: Ledger, begin: Begin, job: Any) -> None:
    claimed, attempt = begin(ledger, estimate="0.4", budgets=(Budget("b", USD(1)),))
    ledger.journal.unknown(claimed.claim, attempt)
    ledger.journal.abandoned(claimed.claim, attempt)
    assert _facts(ledger, "b") == (USD("0.4"), USD(0), USD("0.4"))
    ledger.journal.done(claimed.claim, attempt, ["late"], cost=USD("0.1"))
    assert _facts(ledger, "b") == (USD("0.1"), USD(0), USD(0))
    _check_history(ledger, "b")


def test_a_provider_that_charges_more_is_recorded_as_it_is_and_stops_the_rest(ledger: Ledger, begin: Begin) -> None:
    cap = Budget("b", USD(1))
    claimed, attempt = begin(ledger, 1, estimate="0.9", budgets=(cap,))
    ledger.journal.done(claimed.claim, attempt, ["x"], cost=USD("1.5"))
    status = ledger.budgets.status("b")
    assert (status.spent, status.overrun, status.left) == (USD("1.5"), USD("0.5"), USD(0))
    assert status.overrun_at is not None
    assert [event.event for event in ledger.budgets.history("b")][-1] == "overrun"
    with pytest.raises(BudgetExceeded):
        begin(ledger, 2, estimate="0.000000001", budgets=(cap,))
    begin(ledger, 3, estimate="0", budgets=(cap,))
    _check_history(ledger, "b")


def test_a_free_call_that_costs_something_all_the_same_is_counted(ledger: Ledger, begin: Begin) -> None:
    claimed, attempt = begin(ledger, estimate="0", budgets=(Budget("b", USD(1)),))
    assert _check_history(ledger, "b") == 1, "a free call leaves no trace in the history"
    ledger.journal.done(claimed.claim, attempt, ["x"], cost=USD("0.3"))
    assert _facts(ledger, "b") == (USD("0.3"), USD(0), USD(0))
    _check_history(ledger, "b")


def test_a_budget_goes_on_where_it_was_after_a_restart(url: str, begin: Begin) -> None:
    cap = Budget("b", USD(1))
    with Ledger(url) as ledger:
        begin(ledger, 1, estimate="0.7", budgets=(cap,))
    with Ledger(url) as ledger:
        with pytest.raises(BudgetExceeded):
            begin(ledger, 2, estimate="0.4", budgets=(cap,))
        begin(ledger, 3, estimate="0.4", budgets=(Budget("b", USD(1), scope="another month"),))
        assert [status.budget.scope for status in ledger.budgets.listing()] == ["", "another month"]


def test_a_cap_that_was_changed_elsewhere_is_not_changed_back(url: str, begin: Begin) -> None:
    first, raised = Budget("b", USD(1)), Budget("b", USD(2))
    with Ledger(url) as here, Ledger(url) as there:
        begin(here, 1, estimate="0.9", budgets=(first,))
        assert there.budgets.open(raised).left == USD("1.1")
        begin(here, 2, estimate="0.9", budgets=(first,))
        there.budgets.open(first)
        with pytest.raises(BudgetExceeded, match=r"cap 1\.00 USD, 0\.00 USD spent, 1\.80 USD reserved"):
            begin(here, 3, estimate="0.1", budgets=(first,))
    with Ledger(url) as later:
        begin(later, 4, estimate="0.1", budgets=(raised,))
        assert [event.event for event in later.budgets.history("b")].count("cap") == 3


def test_budgets_are_made_from_what_users_write() -> None:
    assert Budget.of("25 USD", name="n", scope="s") == Budget("n", USD(25), "s")
    assert Budget.of(Budget("x", USD(1))) == Budget("x", USD(1))
    with pytest.raises(ParameterError, match="A budget needs a name"):
        Budget(" ", USD(1))
    with pytest.raises(ParameterError, match="-1 USD is not an amount"):
        Budget("b", USD(-1))


def test_a_budget_that_was_never_opened_is_named(ledger: Ledger) -> None:
    ledger.budgets.open(Budget("known", USD(1)))
    with pytest.raises(ConfigurationError, match=r"There is no budget 'other'\. Known: 'known'\."):
        ledger.budgets.status("other")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "begin",
                "begin",
                "begin",
                "done",
                "fail free",
                "fail",
                "unknown",
                "hold",
                "abandon",
                "resolve",
                "late",
                "cap",
            ]
        ),
        st.integers(0, 2),
        st.integers(0, 400),
    ),
    min_size=10,
    max_size=60,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_budgets_add_up_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, begin: Begin, steps: list[tuple[str, int, int]]
) -> None:
    two = (Budget("a", USD(1)), Budget("b", USD("0.7")))
    with Ledger(str(tmp_path_factory.mktemp("l") / "l.db"), synchronous="NORMAL") as ledger:
        for budget in two:
            ledger.budgets.open(budget)
        work: dict[int, tuple[Claimed, Attempt]] = {}
        for number, (step, slot, amount) in enumerate(steps):
            price = USD(amount) / 1000
            if step == "cap":
                ledger.budgets.open(Budget("a", price + USD("0.5")))
            elif step == "begin":
                _begin_one(ledger, begin, two, work, slot, number, price)
            elif slot in work:
                _end_one(ledger, work, slot, step, price)
        for budget in two:
            _check_history(ledger, budget.name)
            attempts = [attempt for call in ledger.calls.listing() for attempt in ledger.calls.attempts(call.key)]
            status = ledger.budgets.status(budget.name)
            assert status.reserved == sum(each.reserved or 0 for each in attempts if each.state.open)
            assert status.spent == sum(
                (each.reserved or 0) if each.cost is None else each.cost for each in attempts if not each.state.open
            )


def _begin_one(
    ledger: Ledger,
    begin: Begin,
    budgets: tuple[Budget, ...],
    work: dict[int, tuple[Claimed, Attempt]],
    slot: int,
    number: int,
    price: Decimal,
) -> None:
    try:
        if slot not in work:
            work[slot] = begin(ledger, number, estimate=str(price), budgets=budgets)
            return
        claimed, attempt = work[slot]
        if not ledger.calls.attempts(attempt.call_key)[-1].state.open:
            work[slot] = claimed, ledger.journal.intend(claimed.claim, estimate=price, budgets=budgets)
    except BudgetExceeded:
        status = [ledger.budgets.status(budget.name) for budget in budgets]
        assert any(price > each.left for each in status), "refused although there was room"


def _end_one(ledger: Ledger, work: dict[int, tuple[Claimed, Attempt]], slot: int, step: str, price: Decimal) -> None:
    claimed, attempt = work[slot]
    state = ledger.calls.attempts(attempt.call_key)[-1].state
    journal, claim, cost = ledger.journal, claimed.claim, price or None
    match step:
        case "done" if state in (CallState.INTENT, CallState.UNKNOWN):
            journal.done(claim, attempt, ["x"], cost=cost)
            del work[slot]
        case "fail free" if state.open:
            journal.failed(claim, attempt, JobFailedError("x"), billed=False)
        case "fail" if state.open:
            journal.failed(claim, attempt, JobFailedError("x"), cost=cost)
        case "unknown" if state is CallState.INTENT:
            journal.unknown(claim, attempt)
        case "hold" if state is CallState.UNKNOWN:
            journal.held(claim, attempt)
        case "abandon" if state in (CallState.UNKNOWN, CallState.HELD):
            journal.abandoned(claim, attempt)
        case "late" if state is CallState.ABANDONED:
            journal.done(claim, attempt, ["x"], cost=cost)
            del work[slot]
        case "resolve" if state.open:
            ledger.calls.release(claim)
            ledger.resolve(attempt.call_key, "lost", cost=price)
            del work[slot]
        case _:
            pass


def test_sixty_four_threads_in_four_processes_never_pass_the_cap(
    url: str, child: Callable[..., subprocess.Popen[str]]
) -> None:
    # Given four processes of 16 threads that spend from one budget of 3 USD until it is used up
    with Ledger(url) as ledger:
        ledger.budgets.open(Budget("shared", USD(3)))
    processes = [child("spend", url, seed, 16, 4) for seed in range(1, 5)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    answers = [process.stdin for process in processes]
    for stdin in answers:
        assert stdin is not None
        stdin.write("go\n")
        stdin.flush()
    counts = [tuple(map(int, process.communicate(timeout=120)[0].split())) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    # Then at no instant of the history is the cap passed
    with Ledger(url) as ledger:
        events = list(ledger.budgets.history("shared"))
        assert all(event.spent + event.reserved <= event.cap == 3 for event in events)
        _check_history(ledger, "shared")
        sent, exceeded = (sum(numbers) for numbers in zip(*counts, strict=True))
        assert sent + exceeded == 4 * 16 * 4
        assert exceeded > 0, "the budget was used up"
        assert sent == sum(event.event == "reserve" for event in events)
        assert len([call for call in ledger.calls.listing() if call.attempt]) == sent
