"""How fast a provider is called: jobs in flight, requests started in a minute, and waits that the provider asked for.

One gate for each provider and key in a process. It learns: an answer 429 lowers the number of jobs in flight, quiet
successes raise it again.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ..adapters.credentials import Limits

__all__ = ["Gate"]

MINUTE_S = 60.0
SHRINK = 0.7
"""Share of the jobs in flight that is kept after a 429."""
DEFAULT_WAIT_S = 2.0
"""Wait after a 429 that names none."""
LONGEST_WAIT_S = 600.0
UNLIMITED = 10_000


class Gate:
    """Admits submissions to one provider.

    Args:
        limits: Published limits of the key; None means none is stated.
    """

    def __init__(self, limits: Limits) -> None:
        self._most = limits.concurrent or UNLIMITED
        self._limit = float(self._most)
        self._per_minute = limits.submits_per_minute
        self._looks_per_minute = limits.requests_per_minute
        self._in_flight = 0
        self._started: deque[float] = deque()
        self._not_before = 0.0
        self._changed = asyncio.Condition()

    @property
    def in_flight(self) -> int:
        """Jobs that hold a place now."""
        return self._in_flight

    @property
    def limit(self) -> int:
        """Jobs that may be in flight now."""
        return max(1, int(self._limit))

    @asynccontextmanager
    async def place(self) -> AsyncGenerator[None]:
        """Hold a place for one job, from before it is submitted to its end."""
        async with self._changed:
            while self._in_flight >= self.limit:
                await self._changed.wait()
            self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1
            async with self._changed:
                self._changed.notify()

    async def turn(self) -> None:
        """Wait until one more request may be started."""
        while (wait := self._wait_s()) > 0:
            await asyncio.sleep(wait)
        if self._per_minute is not None:
            self._started.append(time.monotonic())

    def _wait_s(self) -> float:
        now = time.monotonic()
        wait = self._not_before - now
        if self._per_minute is not None:
            while self._started and self._started[0] <= now - MINUTE_S:
                self._started.popleft()
            if len(self._started) >= self._per_minute:
                wait = max(wait, self._started[0] + MINUTE_S - now)
        return wait

    def spacing_s(self, share: float) -> float:
        """Return how far apart each job's polls have to be for all of them to take this share of the request rate."""
        if self._looks_per_minute is None:
            return 0.0
        return self._in_flight * MINUTE_S / (self._looks_per_minute * share)

    def pushed_back(self, retry_after_s: float | None) -> float:
        """Learn from an answer 429, and return the seconds until the next request may start."""
        wait = min(DEFAULT_WAIT_S if retry_after_s is None else retry_after_s, LONGEST_WAIT_S)
        self._not_before = max(self._not_before, time.monotonic() + wait)
        self._limit = max(1.0, min(self._limit, self._in_flight) * SHRINK)
        return wait

    def succeeded(self) -> None:
        """Learn from a job that was accepted: about one more place for each round of them."""
        if self._limit < self._most:
            self._limit = min(self._most, self._limit + 1 / max(1.0, self._limit))
