"""How fast a provider is called: jobs in flight, requests started in a minute, and waits that the provider asked for.

One gate for each provider and key in a process. It learns: an answer 429 lowers the number of jobs in flight, quiet
successes raise it again. Processes of one ledger share the provider's limits: each asks the ledger every few seconds for
its part, and keeps away as long as any of them was told to.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from ..adapters.credentials import Limits
from ..ledger import Ledger

__all__ = ["Gate"]

MINUTE_S = 60.0
SHRINK = 0.7
"""Share of the jobs in flight that is kept after a 429."""
DEFAULT_WAIT_S = 2.0
"""Wait after a 429 that names none."""
LONGEST_WAIT_S = 600.0
UNLIMITED = 10_000
LOOKS_PER_S = 250
"""Polls of all jobs together, so that following many of them leaves time for sending and fetching."""
ASK_EVERY_S = 5.0
"""How often the ledger is asked for this process's part; it is leased for three times as long."""


class Gate:
    """Admits submissions to one provider.

    Args:
        limits: Published limits of the key; None means none is stated.
        shared: Name under which processes share them in the ledger; empty for limits of this process alone.
    """

    def __init__(self, limits: Limits, shared: str = "") -> None:
        self._shared = shared
        self._part = UNLIMITED
        self._members = 1
        self._asked = float("-inf")
        self._asking = asyncio.Lock()
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
        """Jobs that may be in flight now in this process."""
        return max(1, min(int(self._limit), self._part))

    @asynccontextmanager
    async def place(self) -> AsyncGenerator[None]:
        """Hold a place for one job, from before it is submitted to its end."""
        await self._ask()
        async with self._changed:
            while self._in_flight >= self.limit:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), ASK_EVERY_S)
                await self._ask()
            self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1
            async with self._changed:
                self._changed.notify()

    async def turn(self) -> None:
        """Wait until one more request may be started."""
        await self._ask()
        while (wait := self._wait_s()) > 0:
            await asyncio.sleep(wait)
        if self._per_minute is not None:
            self._started.append(time.monotonic())

    async def _ask(self) -> None:
        """Ask the ledger for this process's part, unless it was asked a moment ago."""
        if not self._shared or time.monotonic() - self._asked < ASK_EVERY_S:
            return
        async with self._asking:
            if time.monotonic() - self._asked < ASK_EVERY_S:
                return
            ledger = Ledger.current()
            # Everything is wanted, so processes get equal parts and none waits for the next round when it speeds up.
            share = await ledger.run(
                ledger.limits.share, self._shared, limit=self._most, wanted=self._most, in_use=self._in_flight
            )
            self._part, self._members = share.granted, share.members
            self._not_before = max(self._not_before, time.monotonic() + share.not_before - time.time())
            self._asked = time.monotonic()

    def _wait_s(self) -> float:
        now = time.monotonic()
        wait = self._not_before - now
        if self._per_minute is not None:
            while self._started and self._started[0] <= now - MINUTE_S:
                self._started.popleft()
            if len(self._started) >= max(1, self._per_minute // self._members):
                wait = max(wait, self._started[0] + MINUTE_S - now)
        return wait

    def spacing_s(self, share: float) -> float:
        """Return how far apart each job's polls have to be for all of them to take this share of the request rate."""
        rate = float("inf") if self._looks_per_minute is None else self._looks_per_minute * share / MINUTE_S
        return self._in_flight / min(rate, LOOKS_PER_S)

    def pushed_back(self, retry_after_s: float | None) -> float:
        """Learn from an answer 429, and return the seconds until the next request may start."""
        wait = min(DEFAULT_WAIT_S if retry_after_s is None else retry_after_s, LONGEST_WAIT_S)
        self._not_before = max(self._not_before, time.monotonic() + wait)
        self._limit = max(1.0, min(self._limit, self._in_flight) * SHRINK)
        if self._shared:
            ledger = Ledger.current()
            ledger.submit(ledger.limits.push_back, self._shared, time.time() + wait)
        return wait

    def succeeded(self) -> None:
        """Learn from a job that was accepted: about one more place for each round of them."""
        if self._limit < self._most:
            self._limit = min(self._most, self._limit + 1 / max(1.0, self._limit))
