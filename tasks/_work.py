"""One call being worked on in this process: what is asked for, and with what."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from ..adapters.base import Adapter, Request
from ..adapters.card import Card
from ..adapters.prices import Estimate
from ..adapters.resolve import Resolved
from ..ledger import Budget, Claim, Ledger
from ._gate import Gate

__all__ = ["Candidate", "Work", "backoff"]


@dataclass(frozen=True)
class Candidate:
    """One model that could answer a request, with everything resolved.

    Attributes:
        card: The model.
        resolved: Parameters, payload, media, and what is promised.
        key: The call key.
        request: What the adapter is given.
        estimate: Price before it is sent.
        take: Which sample.
    """

    card: Card
    resolved: Resolved
    key: str
    request: Request
    estimate: Estimate
    take: int = 0


@dataclass
class Work:
    """A claimed call.

    Attributes:
        candidate: What is asked for.
        adapter: Speaks to the provider.
        gate: Holds the provider's limits.
        ledger: Where every step is journaled.
        claim: The right to work on it.
        caps: Budgets that it has to fit.
        began: When this process took it up (monotonic seconds).
        submissions: Requests that this process sent and the provider accepted, or may have.
        unanswered: Numbers of attempts that this process sent without learning whether they were accepted.
        wasted_usd: Known cost of attempts that failed.
        notes: What happened that was not asked for (retries, duplicates).
    """

    candidate: Candidate
    adapter: Adapter
    gate: Gate
    ledger: Ledger
    claim: Claim
    caps: tuple[Budget, ...]
    began: float = field(default_factory=time.monotonic)
    submissions: int = 0
    unanswered: set[int] = field(default_factory=set)
    wasted_usd: Decimal = Decimal(0)
    notes: list[str] = field(default_factory=list)

    @property
    def patience_s(self) -> float:
        """Seconds left of the card's deadline."""
        return self.candidate.card.times.deadline_s - (time.monotonic() - self.began)


def backoff(first_s: float = 0.5, most_s: float = 30.0) -> Iterator[float]:
    """Yield growing waits in seconds, each moved by up to a quarter at random so that callers do not march in step."""
    wait = first_s
    while True:
        yield wait * random.uniform(0.75, 1.25)  # noqa: S311 - no secret depends on it
        wait = min(most_s, wait * 2)
