"""Find out what became of a request whose answer was lost."""

from __future__ import annotations

import asyncio
import math
import time
from datetime import UTC, datetime, timedelta

from ..adapters.base import Job, MatchUnclear, RecentJob
from ..errors import ProviderUnavailableError, TransientProviderError
from ..ledger import Attempt, CallState
from ..settings import get_settings
from ._submit import held
from ._work import Work

__all__ = ["reconcile"]

LOOKS_S = (0.5, 2.0, 5.0)
"""Waits before each look: a job may be listed a moment after it was accepted."""
LISTED_AFTER = 2.0
"""Times its usual duration, from the intent, that a job is looked for before it counts as never accepted."""
MOST_RESENT = 2
"""Times that a call is sent again after its answer was lost; each could be a purchase."""
CLOCK_SKEW = timedelta(seconds=60)


async def reconcile(work: Work, attempt: Attempt) -> Job | None:
    """Settle an attempt without a remote id.

    Returns:
        The job that the provider had accepted; None when the request is to be sent (again).

    Raises:
        SubmissionUnknown: Nobody can tell, and its price is over `PREFECT_MEDIA_RESUBMIT_BELOW`.
        TransientProviderError: The look-up failed; nothing is decided.
    """
    ledger = work.ledger
    if work.candidate.card.is_local:
        error = ProviderUnavailableError("The process ended while this ran on this machine.", provider="local")
        await ledger.run(ledger.journal.failed, work.claim, attempt, error, billed=False)
        return None
    if work.adapter.can_find(work.candidate.request):
        try:
            job = await _look_up(work, attempt)
        except MatchUnclear:
            return await _decide(work, attempt)
        if job is not None:
            work.submissions += attempt.number in work.unanswered
            await ledger.run(ledger.journal.submitted, attempt, job)
            return job
        error = ProviderUnavailableError(
            "The answer was lost; the provider lists no such job, so it was not accepted.", provider=work.adapter.name
        )
        await ledger.run(ledger.journal.failed, work.claim, attempt, error, billed=False)
        return None
    return await _decide(work, attempt)


async def _decide(work: Work, attempt: Attempt) -> None:
    ledger = work.ledger
    if attempt.state is CallState.HELD:
        raise held(work, attempt)
    if attempt.estimate is None or attempt.estimate > get_settings().resubmit_below:
        await ledger.run(ledger.journal.held, work.claim, attempt)
        raise held(work, attempt)
    work.submissions += attempt.number in work.unanswered
    attempts = await ledger.look(ledger.calls.attempts, work.candidate.key)
    given_up = sum(each.state is CallState.ABANDONED for each in attempts)
    await ledger.run(ledger.journal.abandoned, work.claim, attempt)
    if given_up >= MOST_RESENT:
        raise ProviderUnavailableError(
            f"{work.candidate.card.id}: the answer was lost {given_up + 1} times; sending it again could buy it once more. "
            "Try later, or name a fallback.",
            provider=work.adapter.name,
            model=work.candidate.card.id,
        )
    work.notes.append(f"possible duplicate: the answer to attempt {attempt.number} was lost and the request sent again")


async def _look_up(work: Work, attempt: Attempt) -> Job | None:
    """Return the request's job; raises `MatchUnclear` when one is listed that may be it."""
    since = datetime.fromtimestamp(attempt.intent_at, UTC) - CLOCK_SKEW
    # A provider that answers at once lists a job only when it has finished.
    until = attempt.intent_at + LISTED_AFTER * work.candidate.card.times.expected_s
    waits = list(LOOKS_S)
    waits += [LOOKS_S[-1]] * max(0, math.ceil((until - time.time() - sum(waits)) / LOOKS_S[-1]))
    for number, wait in enumerate(waits, 1):
        await asyncio.sleep(wait)
        last = number == len(waits)
        try:
            jobs = await work.adapter.recent(work.candidate.card.id, since)
        except TransientProviderError:
            if last:
                raise
            continue
        job, unclear = await _fitting(work, jobs)
        if job is not None:
            return job
        if unclear and last:
            raise MatchUnclear(work.candidate.key)
    return None


async def _fitting(work: Work, jobs: list[RecentJob]) -> tuple[Job | None, bool]:
    """Return the oldest listed job that is this request's and no other call's, and whether one of them may be."""
    ids = [found.job.remote_id for found in jobs]
    taken = await work.ledger.run(work.ledger.calls.known_jobs, work.adapter.name, ids)
    unclear = False
    for found in sorted(jobs, key=lambda found: found.created):
        if found.job.remote_id in taken:
            continue
        try:
            job = work.adapter.match(work.candidate.request, found)
        except MatchUnclear:
            unclear = True
            continue
        if job is not None:
            return job, unclear
    return None, unclear
