"""Follow a remote job to its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

from ..adapters.base import Job, JobStatus, Snapshot
from ..errors import ProviderTimeoutError, RateLimitedError, TransientProviderError
from ..ledger import Attempt
from ._pace import pace_of
from ._submit import cancel_remote
from ._work import Work, backoff

__all__ = ["follow"]

GRACE_AFTER_REATTACH_S = 60.0
"""A job found after a restart is looked at for at least this long, however old it is."""
SHARE_OF_RATE = 0.8
"""Of the provider's request rate that polling may take."""


async def follow(work: Work, attempt: Attempt, job: Job, known: Snapshot | None, scratch: Path) -> Snapshot:
    """Poll until the job has ended.

    Two polls are as far apart as what is known of the model says (`_pace.py`), and never closer than the provider's rate,
    and this process, allow for all jobs in flight.

    Raises:
        ProviderTimeoutError: The card's deadline has passed. The job stays in the journal: the next run takes it up.
    """
    if known is not None and known.status.ended:
        return known
    started = attempt.submitted_at or time.time()
    deadline = max(
        started + work.candidate.card.times.deadline_s, time.time() + GRACE_AFTER_REATTACH_S * (known is None)
    )
    snapshot = known
    waits = backoff()
    failure: TransientProviderError | None = None
    seen_running = attempt.first_poll_at is not None
    pace, last_look = pace_of(work.candidate.card), started if known is not None else None
    try:
        while True:
            if snapshot is not None or failure is not None:
                await asyncio.sleep(_pause_s(work, pace.pause_s(time.time() - started), snapshot, failure, waits))
            looked = time.time()
            try:
                snapshot, failure = await work.adapter.check(job, scratch), None
            except TransientProviderError as exc:
                failure = exc
            else:
                waits = backoff()
                if snapshot.status.ended:
                    if snapshot.status is JobStatus.SUCCEEDED and last_look is not None:
                        pace.learn(last_look - started, looked - started)
                    return snapshot
                last_look = looked
                if snapshot.status is JobStatus.RUNNING and not seen_running:
                    seen_running = True
                    await work.ledger.run(work.ledger.journal.progressed, work.claim, attempt)
            if time.time() > deadline:
                raise _too_late(work, job, snapshot, failure)
    except asyncio.CancelledError:
        queued = not seen_running and snapshot is not None and snapshot.status is JobStatus.QUEUED
        await asyncio.shield(cancel_remote(work, attempt, job, queued=queued))
        raise


def _pause_s(
    work: Work,
    pause_s: float,
    snapshot: Snapshot | None,
    failure: TransientProviderError | None,
    waits: Iterator[float],
) -> float:
    if failure is not None:
        if isinstance(failure, RateLimitedError):
            return work.gate.pushed_back(failure.retry_after_s)
        return max(next(waits), failure.retry_after_s or 0.0)
    asked = (snapshot and snapshot.poll_after_s) or 0.0
    return max(pause_s, work.gate.spacing_s(SHARE_OF_RATE), asked)


def _too_late(
    work: Work, job: Job, snapshot: Snapshot | None, failure: TransientProviderError | None
) -> ProviderTimeoutError:
    status = f"last seen {snapshot.native_status or snapshot.status}" if snapshot is not None else "never answered"
    why = f" ({failure})" if failure is not None else ""
    return ProviderTimeoutError(
        f"{work.candidate.card.id}: job {job.remote_id} passed its deadline of "
        f"{work.candidate.card.times.deadline_s:g} s, {status}{why}. It may still finish: running the same again takes it "
        "up without a new request.",
        provider=work.adapter.name,
        model=work.candidate.card.id,
        remote_id=job.remote_id,
    )
