"""How much a simulated account may do at once and in a minute."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import ConfigurationError
from .jobs import Job

__all__ = ["Limit", "Limits"]

MINUTE_S = 60.0


class Limit(BaseModel):
    """Limits of one provider; None is no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    concurrent: int | None = Field(None, ge=1)
    per_minute: int | None = Field(None, ge=1)


class Limits:
    """Limits by provider, and what counts against them."""

    def __init__(self, limits: Mapping[str, Limit] | None = None) -> None:
        self._limits = dict(limits or {})
        self._open: defaultdict[str, list[Job]] = defaultdict(list)
        self._recent: defaultdict[str, deque[float]] = defaultdict(deque)

    @staticmethod
    def parse(given: Mapping[str, Any]) -> Limits:
        """Read `{provider: {"concurrent": n, "per_minute": n}}`.

        Raises:
            ConfigurationError: It is something else.
        """
        try:
            return Limits({name: Limit(**values) for name, values in given.items()})
        except (ValidationError, TypeError) as exc:
            raise ConfigurationError(
                f"Cannot use limits {dict(given)!r}. Give each provider whole numbers for concurrent, per_minute, or both."
            ) from exc

    def count(self, job: Job) -> None:
        """Count an accepted job."""
        if job.provider in self._limits:
            self._open[job.provider].append(job)
            self._recent[job.provider].append(time.monotonic())

    def excess(self, provider: str) -> tuple[bool, float | None]:
        """Return whether one more job would be too many, and for how many seconds when that is known."""
        limit = self._limits.get(provider)
        if limit is None:
            return False, None
        running = self._open[provider] = [job for job in self._open[provider] if not job.phase().ended]
        if limit.concurrent is not None and len(running) >= limit.concurrent:
            return True, None
        recent, now = self._recent[provider], time.monotonic()
        while recent and recent[0] < now - MINUTE_S:
            recent.popleft()
        if limit.per_minute is not None and len(recent) >= limit.per_minute:
            return True, float(math.ceil(recent[0] + MINUTE_S - now))
        return False, None
