"""Jobs of the simulated providers. A job's phase follows from the clock, so a waiting job costs nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from .product import Product

__all__ = ["Job", "Phase"]


class Phase(StrEnum):
    """Where a job stands; providers have their own words for these."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    ABORTED = "aborted"
    """Ended before it started, free of charge."""

    @property
    def ended(self) -> bool:
        """Whether it will not change any more."""
        return self not in (Phase.QUEUED, Phase.RUNNING)


@dataclass
class Job:
    """One accepted submission.

    Attributes:
        payload: What was submitted, as the provider would show it again.
        payload_hash: SHA-256 of endpoint and payload, uploaded and inlined media standing for their content.
        created, queue_s, run_s: Seconds: since the epoch when accepted, waiting, running.
        fate: How it ends if nobody interferes.
        error: Text of a failure.
        refused: Whether that failure is a refusal by the content policy.
        charge_usd: Price when it is billed; None when the model has no known price.
        units: Billed quantity in the price's own unit.
        faults: Kinds of faults drawn for it when it was accepted, with their rules.
        deadline_s: Seconds after creation at which the client wants it stopped.
        canceled_at: When a cancel was accepted.
        polls: How often its status was asked for.
        digests: SHA-256 of each output that was rendered, by position.
    """

    id: str
    provider: str
    endpoint: str
    payload: Mapping[str, Any]
    payload_hash: str
    product: Product
    queue_s: float = 0.0
    run_s: float = 0.0
    created: float = field(default_factory=time.time)
    fate: Phase = Phase.SUCCEEDED
    error: str = ""
    refused: bool = False
    charge_usd: Decimal | None = None
    units: Decimal = Decimal(0)
    faults: dict[str, Any] = field(default_factory=dict)
    deadline_s: float | None = None
    canceled_at: float | None = None
    polls: int = 0
    digests: dict[int, str] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def started(self) -> float:
        """When it leaves the queue."""
        return self.created + self.queue_s

    @property
    def finishes(self) -> float:
        """When it ends if nobody interferes."""
        return self.started + self.run_s

    @property
    def stopped(self) -> float | None:
        """When it is cut short by a cancel or by its deadline; None if by neither."""
        deadline = self.created + self.deadline_s if self.deadline_s is not None else None
        stops = [at for at in (self.canceled_at, deadline) if at is not None and at < self.finishes]
        return min(stops) if stops else None

    def phase(self, now: float | None = None) -> Phase:
        """Return where it stands at `now` (default: the clock)."""
        now = time.time() if now is None else now
        stopped = self.stopped
        if stopped is not None and now >= stopped:
            by_client = self.canceled_at is not None and stopped == self.canceled_at
            return Phase.CANCELED if by_client or stopped >= self.started else Phase.ABORTED
        if now < self.started:
            return Phase.QUEUED
        return Phase.RUNNING if now < self.finishes else self.fate

    def ended_at(self, now: float | None = None) -> float | None:
        """Return when it ended, or None while it has not."""
        if not self.phase(now).ended:
            return None
        return self.stopped if self.stopped is not None else self.finishes

    def ran_s(self, now: float | None = None) -> float:
        """Return how many seconds it has run."""
        ended = self.ended_at(now)
        return max(0.0, (ended or time.time()) - self.started)

    def billed(self, now: float | None = None) -> bool | None:
        """Return whether the provider charges for it; None while it has not ended.

        Source:
            Replicate bills canceled runs and not aborted ones; fal bills neither queued cancellations nor errors
            of its own (provider documentation, read 2026-11-23). What is undocumented counts as not billed.
        """
        phase = self.phase(now)
        if not phase.ended:
            return None
        if phase is Phase.CANCELED:
            return self.provider == "replicate" and (self.stopped is None or self.stopped >= self.started)
        return phase is Phase.SUCCEEDED
