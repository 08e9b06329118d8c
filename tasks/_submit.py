"""Send a paid request: intent first, then the request, then its remote id, each durable before the next."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..adapters.base import CancelOutcome, Job, Request, Submission
from ..errors import (
    PrefectMediaError,
    ProviderError,
    RateLimitedError,
    SubmissionUnknown,
    TransientProviderError,
)
from ..ledger import Attempt
from ..media.store import Store
from ..media.types import Media
from ._work import Work, backoff

__all__ = ["cancel_remote", "send"]

ANSWER_GRACE_S = 8.0
"""After a cancellation, how long the answer to a request under way is still waited for: it carries the job's id."""
CANCEL_S = 8.0
LONGEST_UPLOAD_WAIT_S = 15.0
NOT_ACCEPTED_TRIES = 6
"""Requests that surely were not accepted (no connection, overloaded); a 429 is waited out however often it comes."""


async def send(work: Work, scratch: Path) -> tuple[Attempt, Submission | None]:
    """Send the request until it is accepted, refused, or nobody knows.

    Returns:
        The attempt and the answer; no answer when it was lost, and the attempt is journaled as unknown.

    Raises:
        BudgetExceeded: The price does not fit; nothing was sent.
        OSError: The disk has no room for a result; nothing was sent.
        PermanentProviderError: Refused.
        TransientProviderError: Not accepted, and the deadline has passed.
    """
    request = await _with_uploads(work)
    waits, failures = backoff(), 0
    duplicate = any("duplicate" in note for note in work.notes)
    while True:
        await work.gate.turn()
        if not work.candidate.card.is_local:
            Store.current().check_room()
        attempt = await _intend(work, possible_duplicate=duplicate)
        try:
            return attempt, await _answered(work, attempt, request, scratch)
        except TransientProviderError as exc:
            if exc.accepted is not False:
                work.unanswered.add(attempt.number)
                await work.ledger.run(work.ledger.journal.unknown, work.claim, attempt, exc)
                return attempt, None
            await work.ledger.run(work.ledger.journal.failed, work.claim, attempt, exc, billed=False)
            failures += not isinstance(exc, RateLimitedError)
            wait = _wait_s(work, exc, waits)
            if failures >= NOT_ACCEPTED_TRIES or wait > work.patience_s:
                raise
            await asyncio.sleep(wait)
        except PrefectMediaError as exc:
            billed = False if work.candidate.card.is_local else None
            await work.ledger.run(work.ledger.journal.failed, work.claim, attempt, exc, billed=billed)
            raise


async def _intend(work: Work, *, possible_duplicate: bool) -> Attempt:
    price = work.candidate.estimate
    try:
        return await work.ledger.run(
            work.ledger.journal.intend,
            work.claim,
            estimate=price.expected,
            reserve=price.high,
            budgets=work.caps,
            possible_duplicate=possible_duplicate,
        )
    except asyncio.CancelledError:
        # The intent may be recorded all the same; nothing was sent after it.
        await asyncio.shield(work.ledger.run(work.ledger.journal.withdrawn, work.claim))
        raise


def _wait_s(work: Work, error: TransientProviderError, waits: Iterator[float]) -> float:
    if isinstance(error, RateLimitedError):
        return work.gate.pushed_back(error.retry_after_s)
    return max(next(waits), error.retry_after_s or 0.0)


async def _answered(work: Work, attempt: Attempt, request: Request, scratch: Path) -> Submission:
    """Submit and journal the answer. A cancellation does not tear the request apart: its answer is waited for."""
    sending = asyncio.ensure_future(work.adapter.submit(request, scratch))
    try:
        submission = await asyncio.shield(sending)
    except asyncio.CancelledError:
        await asyncio.shield(_after_cancel(work, attempt, sending))
        raise
    work.submissions += 1
    work.gate.succeeded()
    if submission.reattachable or not submission.snapshot.status.ended:
        # An answer that already holds the result is journaled with it, in one step.
        await work.ledger.run(work.ledger.journal.submitted, attempt, submission.job)
    return submission


async def _after_cancel(work: Work, attempt: Attempt, sending: asyncio.Future[Submission]) -> None:
    """Settle an attempt whose caller was cancelled while the request was under way."""
    if work.candidate.card.is_local:
        sending.cancel()
    await asyncio.wait({sending}, timeout=ANSWER_GRACE_S)
    if not sending.done():
        sending.cancel()
        await asyncio.wait({sending}, timeout=1)
    if sending.cancelled():
        if work.candidate.card.is_local:
            error = PrefectMediaError("Cancelled while it ran on this machine.")
            await work.ledger.run(work.ledger.journal.failed, work.claim, attempt, error, billed=False)
        else:
            await work.ledger.run(work.ledger.journal.unknown, work.claim, attempt)
        return
    error = sending.exception()
    if error is None:
        job = sending.result().job
        await work.ledger.run(work.ledger.journal.submitted, attempt, job)
        await cancel_remote(work, attempt, job, queued=True)
    elif isinstance(error, TransientProviderError) and error.accepted is None:
        await work.ledger.run(work.ledger.journal.unknown, work.claim, attempt, error)
    else:
        billed = False if isinstance(error, TransientProviderError) else None
        await work.ledger.run(work.ledger.journal.failed, work.claim, attempt, error, billed=billed)


async def cancel_remote(work: Work, attempt: Attempt, job: Job, *, queued: bool) -> None:
    """Ask the provider to cancel a job nobody waits for any more; what it cannot cancel stays re-attachable.

    Args:
        work, attempt, job: What to cancel.
        queued: Whether it waited for its start when it was last seen; what a running one costs is not known.
    """
    with contextlib.suppress(ProviderError, TimeoutError):
        outcome = await asyncio.wait_for(work.adapter.cancel(job), CANCEL_S)
        if outcome is CancelOutcome.CANCELED:
            truth = work.candidate.card.cancel.queued
            billed = {"free": False, "billed": True}.get(truth) if queued else None
            await work.ledger.run(work.ledger.journal.canceled, work.claim, attempt, billed=billed)


async def _with_uploads(work: Work) -> Request:
    """Hand over input media ahead of the request; what the provider still holds is not uploaded again."""
    request = work.candidate.request
    inputs = [media for value in request.media.values() for media in (value if isinstance(value, list) else [value])]
    if not inputs:
        return request
    name = work.adapter.name
    digests = [media.digest for media in inputs]
    known = await work.ledger.run(work.ledger.uploads.known, name, digests)
    for media in inputs:
        if media.digest not in known and (url := await _upload(work, media)) is not None:
            known = {**known, media.digest: url}
    return replace(request, uploads=known)


async def _upload(work: Work, media: Media) -> str | None:
    waits = backoff()
    while True:
        try:
            upload = await work.adapter.upload(media)  # type: ignore[arg-type]
            break
        except TransientProviderError as exc:
            pause = max(next(waits), exc.retry_after_s or 0.0)
            if pause > min(work.patience_s, LONGEST_UPLOAD_WAIT_S):
                raise
            await asyncio.sleep(pause)
    if upload is None:
        return None
    await work.ledger.run(work.ledger.uploads.remember, work.adapter.name, media.digest, upload.url, upload.expires)
    return upload.url


def held(work: Work, attempt: Attempt) -> SubmissionUnknown:
    """Return the error for a submission that nobody can account for and that is too dear to send again unasked."""
    price = "an unknown price" if attempt.estimate is None else f"{attempt.estimate} USD"
    key = work.candidate.key
    return SubmissionUnknown(
        f"{work.candidate.card.id}: a request of {price} was sent and its answer was lost; {work.adapter.name} cannot be "
        f"asked whether it was accepted. It is held, so that nothing is paid twice. Look at your account there, then say: "
        f"prefect-media calls resolve {key[:16]} --as not-submitted, --as submitted:<remote id>, or --as lost.",
        call_key=key,
    )
