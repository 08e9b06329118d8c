"""What happens to a call: each step of an attempt, durable when the method returns.

Order of a paid call: `intend` (the intent and the reservations, together), send, `submitted`, `progressed`, fetch into
the store, `done`. Nothing here talks to a provider.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from sqlalchemy import bindparam, insert, select

from ..adapters.base import Job, Usage
from ..errors import CallOrderError, ContentRejectedError, JobCanceledError, ProviderError, RequestRejectedError
from .budgets import Budget
from .calls import label_columns
from .money import to_nano
from .moves import ATTEMPT, SET_CALL, SOURCES, Moves
from .records import NO_TIMING, Attempt, Call, CallState, Claim, Timing, attempt_of, call_of, clean, to_json
from .schema import ATTEMPTS, CALLS

__all__ = ["Journal"]

S = CallState

UNSET = [
    "job",
    "cost",
    "billed",
    "error_class",
    "error",
    "usage",
    "submitted_at",
    "first_poll_at",
    "fetched_at",
    "ended_at",
    "queue_s",
    "run_s",
]

NEW_ATTEMPT = insert(ATTEMPTS)
CALL = select(CALLS).where(CALLS.c.key == bindparam("k"))
STAND = SET_CALL.where(CALLS.c.result_attempt.is_(None))


class Journal(Moves):
    """The steps of calls. Each method is one transaction, or a part of the one it is called in.

    Those that take a claim raise `ClaimLostError` when it was taken over (except `done`), and `CallOrderError` when the
    attempt is not where the step can begin. Nothing is recorded then.
    """

    def intend(
        self,
        claim: Claim,
        *,
        estimate: Decimal | None,
        reserve: Decimal | None = None,
        budgets: Sequence[Budget] = (),
        possible_duplicate: bool = False,
    ) -> Attempt:
        """Record that a paid request is about to be sent, and set its price aside in every budget.

        Args:
            claim: On the call.
            estimate: Expected price in USD; None when nobody knows.
            reserve: What to set aside when that is more than the estimate: its upper bound, or the ceiling that the
                user states for a call without a price.
            budgets: That it counts against.
            possible_duplicate: The attempt before may have been accepted.

        Raises:
            BudgetExceeded: No room, or no price. Nothing was recorded.
            CallOrderError: The attempt before is still open.
            ClaimLostError: The claim was taken over.
        """
        with self._database.write() as tx:
            call = self._calls.require(tx, claim)
            if call.attempt and CallState(call.state).open:
                raise CallOrderError(
                    f"Call {claim.key[:12]} has an open attempt {call.attempt} ({call.state}); another one could be paid twice. "
                    "Follow it, or settle it first."
                )
            number = call.attempt + 1
            amount = estimate if reserve is None else reserve
            self._budgets.reserve(tx, budgets, amount, call_key=claim.key, number=number, what=call.card_id)
            new = {
                **dict.fromkeys(UNSET),
                "call_key": claim.key,
                "number": number,
                "state": S.INTENT,
                "estimate": None if estimate is None else to_nano(estimate),
                "reserved": None if amount is None else to_nano(amount, up=True),
                "possible_duplicate": possible_duplicate,
                "intent_at": tx.now,
                **label_columns(claim.labels),
            }
            tx.execute(NEW_ATTEMPT, new)
            started = {"attempt": number, "state": S.INTENT, "result_attempt": None, "outputs": None, "cost": None}
            tx.execute(SET_CALL, {"k": claim.key, "updated_at": tx.now, **started})
            return attempt_of(SimpleNamespace(**new))

    def submitted(self, attempt: Attempt, job: Job) -> None:
        """Record the provider's acceptance and the remote id, before the first poll.

        Needs no claim: what was accepted is paid for, even when the call has been taken over meanwhile. An attempt that
        was given up in the meantime keeps its state, but its cost is not known any more and its result can be banked.

        Raises:
            CallOrderError: The attempt has another job.
        """
        with self._database.write() as tx:
            row = self._row(tx, attempt)
            if row.remote_id is not None:
                if row.remote_id == clean(job.remote_id):
                    return
                raise self._out_of_order(row, f"given job {job.remote_id!r}", f"it has job {row.remote_id!r}")
            facts = _job_columns(job) | {"submitted_at": tx.now}
            if row.state in SOURCES[S.SUBMITTED]:
                self._move(tx, row, S.SUBMITTED, **facts)
            elif row.state == S.DONE:
                self._update(tx, row, **facts)
            else:
                self._update(tx, row, **facts, billed=None, cost=None)
                self._settle(tx, row, cost=None, billed=None)

    def progressed(self, claim: Claim, attempt: Attempt) -> None:
        """Record that the job was seen at work. Worth calling once an attempt; more often changes nothing."""
        with self._database.write() as tx:
            self._calls.require(tx, claim)
            row = self._row(tx, attempt)
            if row.state != S.RUNNING:
                self._move(tx, row, S.RUNNING, first_poll_at=tx.now)

    def done(
        self,
        claim: Claim,
        attempt: Attempt,
        outputs: Sequence[Any],
        *,
        cost: Decimal | None,
        usage: Usage | None = None,
        job: Job | None = None,
        timing: Timing = NO_TIMING,
    ) -> Call:
        """Record the result, settle the reservations and give the claim back.

        The outputs must be in the store. A claim that was taken over may still bank its result; when the call has a
        result already, that one stays, and only the cost of this attempt is recorded.

        Args:
            claim, attempt: What is done.
            outputs: Media values, or texts.
            cost: Actual cost in USD; None when it is not known (then budgets count what was reserved).
            usage: What the provider reported.
            job: For providers that answer at once, whose remote id was not recorded before.
            timing: How long it took, as far as that is known.

        Returns:
            The call with the result that stands.

        Raises:
            CallOrderError: The attempt has failed before.
        """
        with self._database.write() as tx:
            row = self._row(tx, attempt)
            nano = None if cost is None else to_nano(cost)
            if row.state == S.FAILED and self._calls.is_lost(tx, claim):  # failed for its successor, not for its sender
                row = SimpleNamespace(**{**row._mapping, "state": S.ABANDONED})
            if row.state != S.DONE:
                facts: dict[str, Any] = {
                    "cost": nano,
                    "billed": None if nano is None else nano > 0,
                    "fetched_at": timing.fetched_at or tx.now,
                    "queue_s": timing.queue_s,
                    "run_s": timing.run_s,
                    "error_class": None,
                    "error": None,
                }
                if usage is not None:
                    facts["usage"] = to_json(usage)
                if job is not None and row.job is None:
                    facts |= _job_columns(job) | {"submitted_at": tx.now}
                self._end(tx, row, S.DONE, **facts)
                result = {"state": S.DONE, "result_attempt": row.number, "outputs": to_json(outputs), "cost": nano}
                free = {"owner": None, "token": None, "lease_until": None}
                tx.execute(STAND, {"k": attempt.call_key, "updated_at": tx.now, **result, **free})
            self._calls.release(claim)
            return call_of(tx.execute(CALL, {"k": attempt.call_key}).one())

    def failed(
        self,
        claim: Claim,
        attempt: Attempt,
        error: BaseException,
        *,
        billed: bool | None = None,
        cost: Decimal | None = None,
        usage: Usage | None = None,
    ) -> CallState:
        """Record that an attempt failed, was refused or was canceled at the provider, by the class of its error.

        Args:
            claim, attempt: What failed. The claim stays, for another attempt.
            error: Its message must hold no secret.
            billed: Whether the provider charges for it; default what the error says. False gives the reservation back.
            cost: In USD, when known.
            usage: What the provider reported.
        """
        if billed is None and isinstance(error, ProviderError):
            billed = error.billed
        state = _state_for(error)
        facts = {"error_class": type(error).__name__, "error": clean(str(error))[:2000]}
        if usage is not None:
            facts["usage"] = to_json(usage)
        self._finish(claim, attempt, state, billed=billed, cost=cost, **facts)
        return state

    def canceled(
        self, claim: Claim, attempt: Attempt, *, billed: bool | None = None, cost: Decimal | None = None
    ) -> None:
        """Record that the provider confirmed a cancellation. A result that comes all the same can still be banked."""
        self._finish(claim, attempt, S.CANCELED, billed=billed, cost=cost)

    def unknown(self, claim: Claim, attempt: Attempt, error: BaseException | None = None) -> None:
        """Record that the answer to a request was lost. Its reservation stays."""
        facts = {} if error is None else {"error_class": type(error).__name__, "error": clean(str(error))[:2000]}
        self._step(claim, attempt, S.UNKNOWN, **facts)

    def held(self, claim: Claim, attempt: Attempt) -> None:
        """Record that an unknown attempt waits for the user, because it is too dear to send again unasked."""
        self._step(claim, attempt, S.HELD)

    def abandoned(self, claim: Claim, attempt: Attempt) -> None:
        """Record that an unknown attempt is given up, so that the request can be sent again.

        It may have been paid for: its cost stays unknown and budgets count what was reserved.

        Raises:
            CallOrderError: It turned out to be accepted meanwhile.
        """
        self._finish(claim, attempt, S.ABANDONED, billed=None, cost=None)

    def withdrawn(self, claim: Claim) -> None:
        """Record that nothing was sent after the latest intent, for example because the task was cancelled before.

        Does nothing when the latest attempt is not at its intent.
        """
        with self._database.write() as tx:
            call = self._calls.require(tx, claim)
            row = tx.execute(ATTEMPT, {"k": claim.key, "n": call.attempt}).one_or_none()
            if row is not None and row.state == S.INTENT:
                self._end(tx, row, S.CANCELED, billed=False, cost=0)


def _job_columns(job: Job) -> dict[str, Any]:
    return {"job": job.model_dump_json(), "remote_id": clean(job.remote_id)}


def _state_for(error: BaseException) -> CallState:
    match error:
        case ContentRejectedError() | RequestRejectedError():
            return S.REFUSED
        case JobCanceledError():
            return S.CANCELED
        case _:
            return S.FAILED
