from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from prefect_media.errors import ClaimLostError, ConfigurationError
from prefect_media.ledger import Attempt, Busy, CallSpec, CallState, Claimed, Done, Labels, Ledger

Begin = Callable[..., tuple[Claimed, Attempt]]
Spec = Callable[..., CallSpec]


def _claimed(outcome: object) -> Claimed:
    assert isinstance(outcome, Claimed)
    return outcome


def test_a_new_call_is_claimed_with_all_that_is_known_of_it(ledger: Ledger, spec: Spec) -> None:
    claimed = _claimed(ledger.calls.claim(spec(), labels=Labels("clip", "run-1", "b1", "r1")))
    assert claimed.last is None
    assert claimed.call == ledger.calls.find(spec().key)
    assert claimed.call.state is CallState.NEW
    assert claimed.call.labels == Labels("clip", "run-1", "b1", "r1")
    assert claimed.call.parameters["prompt"] == "a lighthouse at dawn"


def test_a_claimed_call_is_busy_for_everybody_else_until_its_lease_ends(ledger: Ledger, spec: Spec, clock: Any) -> None:
    claimed = _claimed(ledger.calls.claim(spec(), lease_s=60))
    busy = ledger.calls.claim(spec())
    assert busy == Busy(spec().key, claimed.claim.owner, clock.now + 60)
    clock.pass_s(61)
    assert isinstance(ledger.calls.claim(spec()), Claimed)


def test_a_renewed_claim_stays(ledger: Ledger, spec: Spec, clock: Any) -> None:
    claimed = _claimed(ledger.calls.claim(spec(), lease_s=60))
    clock.pass_s(50)
    assert ledger.calls.renew(claimed.claim) == []
    clock.pass_s(50)
    assert isinstance(ledger.calls.claim(spec()), Busy)


def test_claims_are_renewed_in_the_background_when_a_third_of_the_lease_is_over(
    ledger: Ledger, spec: Spec, clock: Any
) -> None:
    _claimed(ledger.calls.claim(spec(), lease_s=60))
    before = clock.now
    for _ in range(10):
        clock.pass_s(19)
        ledger.calls.renew_due()
    found = ledger.calls.find(spec().key)
    assert found is not None
    assert found.lease_until is not None
    assert before + 190 < found.lease_until <= clock.now + 60
    assert isinstance(ledger.calls.claim(spec()), Busy)


def test_an_expired_claim_that_nobody_took_can_still_be_renewed(ledger: Ledger, spec: Spec, clock: Any) -> None:
    claimed = _claimed(ledger.calls.claim(spec(), lease_s=60))
    clock.pass_s(600)
    assert ledger.calls.renew(claimed.claim) == []
    assert isinstance(ledger.calls.claim(spec()), Busy)


def test_a_claim_that_was_taken_over_cannot_be_renewed_or_used(ledger: Ledger, spec: Spec, clock: Any) -> None:
    old = _claimed(ledger.calls.claim(spec(), lease_s=60))
    clock.pass_s(61)
    new = _claimed(ledger.calls.claim(spec()))
    assert ledger.calls.renew(old.claim, new.claim) == [old.claim]
    assert not ledger.calls.holds(old.claim)
    assert ledger.calls.holds(new.claim)
    with pytest.raises(ClaimLostError) as caught:
        ledger.journal.intend(old.claim, estimate=Decimal(0))
    assert caught.value.call_key == spec().key
    assert str(caught.value) == (
        f"The claim on call {spec().key[:12]} has been taken over by {new.claim.owner}: it was not renewed for 60 s, or it "
        "was released. Claim the call again."
    )
    ledger.calls.release(old.claim)
    assert isinstance(ledger.calls.claim(spec()), Busy), "releasing a lost claim must not free its successor's"


def test_a_released_call_that_was_never_attempted_is_forgotten(ledger: Ledger, spec: Spec) -> None:
    claimed = _claimed(ledger.calls.claim(spec()))
    ledger.calls.release(claimed.claim)
    assert ledger.calls.find(spec().key) is None
    ledger.calls.release(claimed.claim)


def test_a_finished_call_is_done_for_everybody(ledger: Ledger, begin: Begin, spec: Spec, image: Any) -> None:
    claimed, attempt = begin(ledger)
    call = ledger.journal.done(claimed.claim, attempt, [image], cost=Decimal("0.03"))
    assert ledger.calls.claim(spec()) == Done(call)
    assert call.outputs == [image]
    assert call.cost == Decimal("0.03")
    assert call.owner is None


def test_whoever_takes_over_sees_how_far_the_call_came(
    ledger: Ledger, begin: Begin, spec: Spec, job: Any, clock: Any
) -> None:
    _, attempt = begin(ledger)
    ledger.journal.submitted(attempt, job())
    clock.pass_s(61)
    last = _claimed(ledger.calls.claim(spec())).last
    assert last is not None
    assert (last.state, last.job, last.number) == (CallState.SUBMITTED, job(), 1)


def test_an_intent_whose_sender_is_gone_is_unknown_to_whoever_takes_over(
    ledger: Ledger, begin: Begin, spec: Spec, clock: Any
) -> None:
    begin(ledger)
    clock.pass_s(61)
    taken = _claimed(ledger.calls.claim(spec()))
    assert taken.last is not None
    assert taken.last.state is CallState.UNKNOWN
    assert taken.call.state is CallState.UNKNOWN


def test_lost_media_makes_a_finished_call_claimable_once(ledger: Ledger, begin: Begin, spec: Spec, image: Any) -> None:
    claimed, attempt = begin(ledger)
    ledger.journal.done(claimed.claim, attempt, [image], cost=Decimal(1))
    again = _claimed(ledger.calls.claim(spec(), lost=1))
    assert isinstance(ledger.calls.claim(spec(), lost=1), Busy)
    second = ledger.journal.intend(again.claim, estimate=Decimal(1))
    assert second.number == 2
    ledger.journal.done(again.claim, second, [image], cost=Decimal(1))
    assert isinstance(ledger.calls.claim(spec(), lost=1), Done), "somebody else has made it again meanwhile"
    assert isinstance(ledger.calls.claim(spec(), lost=2), Claimed)


def test_a_claim_for_lost_media_that_is_given_back_leaves_the_record(
    ledger: Ledger, begin: Begin, spec: Spec, image: Any
) -> None:
    claimed, attempt = begin(ledger)
    ledger.journal.done(claimed.claim, attempt, [image], cost=Decimal(1))
    ledger.calls.release(_claimed(ledger.calls.claim(spec(), lost=1)).claim)
    assert isinstance(ledger.calls.claim(spec()), Done)


def test_of_many_threads_exactly_one_gets_the_claim(ledger: Ledger, spec: Spec) -> None:
    with ThreadPoolExecutor(16) as pool:
        for number in range(5):
            outcomes = list(pool.map(ledger.calls.claim, [spec(number)] * 16))
            assert sum(isinstance(outcome, Claimed) for outcome in outcomes) == 1


def test_find_many_returns_what_is_known(ledger: Ledger, begin: Begin, spec: Spec) -> None:
    with ledger.together():
        for number in range(1200):
            ledger.calls.claim(spec(number))
    found = ledger.calls.find_many([spec(number).key for number in range(1100, 1300)] * 2)
    assert list(found) == [spec(number).key for number in range(1100, 1200)]
    assert ledger.calls.find("no such key") is None


def test_listing_is_newest_first_whole_and_by_state(ledger: Ledger, begin: Begin, clock: Any, job: Any) -> None:
    with ledger.together():
        for number in range(450):
            clock.pass_s(0.5 if number % 3 else 0)
            _, attempt = begin(ledger, number, labels=Labels(batch="even" if number % 2 == 0 else "odd"))
            if number % 10 == 0:
                ledger.journal.submitted(attempt, job())
    listed = list(ledger.calls.listing())
    assert len({call.key for call in listed}) == 450
    assert [call.created_at for call in listed] == sorted((call.created_at for call in listed), reverse=True)
    assert len(list(ledger.calls.listing(state=CallState.SUBMITTED))) == 45
    assert len(list(ledger.calls.listing(state="intent", batch="odd"))) == 225
    assert [call.key for call in ledger.calls.listing(limit=7)] == [call.key for call in listed[:7]]


def test_listing_refuses_a_state_that_does_not_exist(ledger: Ledger) -> None:
    with pytest.raises(
        ConfigurationError, match=r"There is no call state 'finished'\. Allowed: new, intent, submitted"
    ):
        list(ledger.calls.listing(state="finished"))


def test_jobs_of_other_calls_are_known_by_their_remote_id(ledger: Ledger, begin: Begin, job: Any) -> None:
    _, attempt = begin(ledger)
    ledger.journal.submitted(attempt, job("mine"))
    assert ledger.calls.known_jobs("fal", ["mine", "other"]) == {"mine"}
    assert ledger.calls.known_jobs("replicate", ["mine"]) == set()


def test_parameters_can_be_left_out(url: str, spec: Spec) -> None:
    with Ledger(url, keep_parameters=False) as ledger:
        assert _claimed(ledger.calls.claim(spec())).call.parameters == {}


def test_text_that_databases_cannot_hold_is_kept_legible(ledger: Ledger, spec: Spec) -> None:
    odd = CallSpec(spec().key, "m", "c", "p", {"prompt": "nul \0 half \ud83d pair"})
    claimed = _claimed(ledger.calls.claim(odd, labels=Labels(row="a\0b\udc00")))
    attempt = ledger.journal.intend(claimed.claim, estimate=None)
    ledger.journal.failed(claimed.claim, attempt, RuntimeError("bad \0 byte \udcff"))
    assert claimed.call.labels.row == "a\ufffdb?"
    assert ledger.calls.attempts(odd.key)[0].error == "bad \ufffd byte ?"
    found = ledger.calls.find(odd.key)
    assert found is not None
    assert found.parameters == {"prompt": "nul \0 half \ud83d pair"}
