"""The life of a call: reuse, claim, send, follow, fetch, check, record. What is paid for is never paid for twice.

Everything here runs on the loop for provider calls. The order of durable steps is the ledger's (`ledger/journal.py`);
this module decides what comes next.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from weakref import WeakValueDictionary

from pydantic import TypeAdapter

from ..adapters.base import Job, JobStatus, Snapshot, Submission
from ..adapters.prices import actual
from ..errors import (
    DegenerateOutputError,
    JobFailedError,
    OutputMismatchError,
    PrefectMediaError,
    ProviderError,
    TransientProviderError,
)
from ..ledger import Attempt, Budget, Call, Claimed, Labels, Ledger, hold
from ..ledger import CallSpec as Spec
from ..media.store import Store
from ..media.types import AnyMedia, Media, Origin
from ._collect import collect
from ._follow import follow
from ._providers import provider_for
from ._reconcile import reconcile
from ._submit import send
from ._work import Candidate, Work, backoff
from .tally import CallRecord

__all__ = ["Made", "make"]

PAID_TRIES = 2
"""Paid attempts at one model when its job fails in passing or its output is worthless; then the next fallback."""

_output: TypeAdapter[Any] = TypeAdapter(AnyMedia | str)
_locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()


@dataclass(frozen=True)
class Made:
    """What a call gave.

    Attributes:
        outputs: Media values, or texts.
        record: How it went in this process.
        wasted_usd: Known cost of attempts that failed before.
    """

    outputs: list[Any]
    record: CallRecord
    wasted_usd: Decimal = Decimal(0)


async def make(candidate: Candidate, caps: Sequence[Budget], labels: Labels) -> Made:
    """Return a call's outputs: from the ledger when it was made before, by another task's work, or by making it.

    Raises:
        BudgetExceeded, SubmissionUnknown, ProviderError, OutputMismatchError: It could not be made with this model.
    """
    ledger = Ledger.current()
    lock = _locks.setdefault((ledger.place, candidate.key), asyncio.Lock())
    async with lock:  # tasks of this process that ask for the same call wait here, not in the database
        return await _make(candidate, tuple(caps), labels, ledger)


async def _make(candidate: Candidate, caps: tuple[Budget, ...], labels: Labels, ledger: Ledger) -> Made:
    card = candidate.card
    spec = Spec(
        key=candidate.key,
        card_id=card.id,
        capability=card.capability,
        provider=card.provider,
        parameters=candidate.resolved.parameters,
        inputs=tuple(media.digest for media in _inputs(candidate)),
        take=candidate.take,
    )
    lost: int | None = None
    while True:
        async with hold(ledger, spec, labels=labels, lost=lost) as held:
            if isinstance(held, Claimed):
                return await _claimed(held, candidate, caps, ledger)
            outputs = _stored(held.call)
            if outputs is not None:
                _count_reuse(ledger, held.call, labels)
                return Made(outputs, CallRecord(candidate.key, "reused", held.call.cost))
            lost = held.call.result_attempt  # the store does not hold it any more: make it again


def _count_reuse(ledger: Ledger, call: Call, labels: Labels) -> None:
    ledger.statistics.reused(
        provider=call.provider, card_id=call.card_id, cost=call.cost, flow=labels.flow, batch=labels.batch
    )


def _inputs(candidate: Candidate) -> list[Media]:
    values = candidate.request.media.values()
    return [media for value in values for media in (value if isinstance(value, list) else [value])]


def _stored(call: Call) -> list[Any] | None:
    """Return a finished call's outputs, or None when the store lost one of them."""
    outputs = [_output.validate_python(value) for value in call.outputs or ()]
    return outputs if all(item.exists() for item in outputs if isinstance(item, Media)) else None


async def _claimed(claimed: Claimed, candidate: Candidate, caps: tuple[Budget, ...], ledger: Ledger) -> Made:
    provider = await provider_for(candidate.card.provider)
    work = Work(candidate, provider.adapter, provider.gate, ledger, claimed.claim, caps)
    if candidate.card.is_local:
        return await _work_it(work, claimed.last)
    async with provider.gate.place():
        return await _work_it(work, claimed.last)


async def _work_it(work: Work, last: Attempt | None) -> Made:
    """Take up the last attempt where it stands, or make new ones, until there is a result or no way on."""
    waits = backoff(first_s=1.0)
    paid = 0
    attempt = last if last is not None and last.state.open else None
    while True:
        with Store.current().scratch() as scratch:
            submission: Submission | None = None
            if attempt is None:
                attempt, submission = await send(work, scratch)
            job = submission.job if submission is not None else attempt.job
            if job is None:
                job = await reconcile(work, attempt)
            if job is None:
                attempt = None
                continue
            try:
                snapshot = submission.snapshot if submission is not None else None
                return await _result(work, attempt, job, snapshot, scratch)
            except _Again as again:
                paid += 1
                if paid >= PAID_TRIES:
                    raise again.error from again.error.__cause__
                work.notes.append(f"tried again after: {again.error}")
                attempt = None
                await asyncio.sleep(next(waits))


class _Again(Exception):  # noqa: N818 - not an error: another attempt may succeed
    def __init__(self, error: PrefectMediaError) -> None:
        super().__init__(str(error))
        self.error = error


async def _result(work: Work, attempt: Attempt, job: Job, known: Snapshot | None, scratch: Any) -> Made:
    """Follow a job to its end and bank what it gave.

    Raises:
        _Again: It failed in a way that another attempt may not.
    """
    reattached = known is None and work.submissions == 0
    snapshot = await follow(work, attempt, job, known, scratch)
    if snapshot.status is not JobStatus.SUCCEEDED:
        await _failed(work, attempt, job, snapshot)
    card = work.candidate.card
    origin = Origin(
        made_by=card.id,
        call_key=work.candidate.key,
        cost_usd=_cost(work, snapshot, []),
        seconds=round(time.time() - attempt.intent_at, 3),
        notes=(*work.candidate.resolved.notes, *work.notes),
    )
    try:
        outputs = await collect(work, job, snapshot, scratch, origin)
    except OutputMismatchError as exc:
        await work.ledger.run(
            work.ledger.journal.submitted, attempt, job
        )  # answers that came at once are not yet known
        cost = _cost(work, snapshot, [])
        work.wasted_usd += cost or Decimal(0)
        await work.ledger.run(
            work.ledger.journal.failed, work.claim, attempt, exc, billed=True, cost=cost, usage=snapshot.usage
        )
        if isinstance(exc, DegenerateOutputError):
            raise _Again(exc) from exc
        raise
    cost = _cost(work, snapshot, [item for item in outputs if isinstance(item, Media)])
    if cost != origin.cost_usd:
        origin = origin.model_copy(update={"cost_usd": cost})
        outputs = [item.model_copy(update={"origin": origin}) if isinstance(item, Media) else item for item in outputs]
    await work.ledger.run(
        work.ledger.journal.done, work.claim, attempt, outputs, cost=cost, usage=snapshot.usage, job=job
    )
    how = "reattached" if reattached else "submitted"
    return Made(outputs, CallRecord(work.candidate.key, how, cost, work.submissions), work.wasted_usd)


def _cost(work: Work, snapshot: Snapshot, outputs: list[Any]) -> Decimal | None:
    return actual(work.candidate.card, work.candidate.resolved, snapshot.usage, outputs or None)


async def _failed(work: Work, attempt: Attempt, job: Job, snapshot: Snapshot) -> None:
    """Record a job that failed or was canceled, and raise what it means."""
    error: ProviderError = snapshot.error or JobFailedError(
        f"{work.candidate.card.id}: job {job.remote_id} ended as {snapshot.native_status or snapshot.status} without a reason.",
        provider=work.adapter.name,
        remote_id=job.remote_id,
    )
    error.model = work.candidate.card.id
    cost = snapshot.usage.cost_usd
    if cost is not None:
        work.wasted_usd += cost
    billed = error.billed if error.billed is not None else work.candidate.card.cancel.failure_billed
    await work.ledger.run(work.ledger.journal.submitted, attempt, job)
    await work.ledger.run(
        work.ledger.journal.failed, work.claim, attempt, error, billed=billed, cost=cost, usage=snapshot.usage
    )
    if isinstance(error, TransientProviderError):
        raise _Again(error)
    raise error
