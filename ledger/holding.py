"""Holding a call for the time of a block: claim it, wait for others, give it back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import Future
from contextlib import asynccontextmanager

from .calls import LEASE_S
from .ledger import Ledger
from .records import NO_LABELS, Busy, CallSpec, Claimed, Done, Labels

__all__ = ["hold"]


@asynccontextmanager
async def hold(
    ledger: Ledger, spec: CallSpec, *, labels: Labels = NO_LABELS, lease_s: float = LEASE_S, lost: int | None = None
) -> AsyncGenerator[Claimed | Done]:
    """Claim a call, waiting for whoever works on it, and give the claim back at the end of the block.

    Safe against cancellation at any point: a claim that was made for a task that is gone is given back.

    Args:
        ledger: Where.
        spec, labels, lease_s, lost: As for `Calls.claim`.
    """
    outcome = await _claim(ledger, spec, labels, lease_s, lost)
    while isinstance(outcome, Busy):
        await asyncio.wrap_future(ledger.waiting.future(spec.key))
        outcome = await _claim(ledger, spec, labels, lease_s, lost)
    if isinstance(outcome, Done):
        yield outcome
        return
    try:
        yield outcome
    finally:
        if ledger.calls.holds(outcome.claim):
            released = ledger.submit(ledger.calls.release, outcome.claim)
            await asyncio.shield(asyncio.wrap_future(released))


async def _claim(
    ledger: Ledger, spec: CallSpec, labels: Labels, lease_s: float, lost: int | None
) -> Claimed | Busy | Done:
    future = ledger.submit(ledger.calls.claim, spec, labels=labels, lease_s=lease_s, lost=lost)

    def give_back(ended: Future[Claimed | Busy | Done]) -> None:
        outcome = None if ended.cancelled() or ended.exception() else ended.result()
        if isinstance(outcome, Claimed):
            ledger.submit(ledger.calls.release, outcome.claim)

    try:
        return await asyncio.shield(asyncio.wrap_future(future))
    except asyncio.CancelledError:
        if not future.cancel():
            future.add_done_callback(give_back)
        raise
