"""What the calls and task runs of one row, or of one piece of code, came to."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ..media.types import Media

__all__ = ["CallRecord", "Tally", "current_tally", "tallying"]


@dataclass(frozen=True)
class CallRecord:
    """One call as it went in this process.

    Attributes:
        key: The call key.
        how: `submitted`, `reused` (finished before, nothing sent) or `reattached` (job submitted by another process).
        cost_usd: None when unknown.
        submissions: Requests that were sent, more than 1 after a recorded duplicate or a paid failure.
    """

    key: str
    how: str
    cost_usd: Decimal | None
    submissions: int = 0


@dataclass
class Tally:
    """Counts over calls. Safe to fill from several threads."""

    calls: dict[str, CallRecord] = field(default_factory=dict)
    degraded: list[str] = field(default_factory=list)
    spent_on_failures: Decimal = Decimal(0)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, record: CallRecord) -> None:
        """Count a call; a later look at the same call does not count twice."""
        with self._lock:
            if self.calls.get(record.key) is None or record.how != "reused":
                self.calls[record.key] = record

    def see(self, result: Any) -> None:
        """Count what a task run returned: media carry the record of how they were made."""
        if isinstance(result, list | tuple):
            for item in result:
                self.see(item)
        elif isinstance(result, Media) and result.origin is not None:
            origin = result.origin
            if origin.call_key is not None:
                self.add(CallRecord(origin.call_key, "reused", origin.cost_usd))
            with self._lock:
                self.degraded.extend(line for line in origin.degraded_from if line not in self.degraded)

    def count(self, how: str) -> int:
        """Return how many calls went that way."""
        return sum(record.how == how for record in self.calls.values())

    @property
    def submissions(self) -> int:
        """Requests sent to providers by this process."""
        return sum(record.submissions for record in self.calls.values())

    @property
    def cost_usd(self) -> Decimal:
        """Known cost of what was not reused."""
        new = (record.cost_usd for record in self.calls.values() if record.how != "reused")
        return sum((cost for cost in new if cost is not None), self.spent_on_failures)

    @property
    def saved_usd(self) -> Decimal:
        """Known cost of what was reused."""
        old = (record.cost_usd for record in self.calls.values() if record.how == "reused")
        return sum((cost for cost in old if cost is not None), Decimal(0))

    @property
    def unknown(self) -> int:
        """Calls of unknown cost."""
        return sum(record.cost_usd is None for record in self.calls.values() if record.how != "reused")


_current: ContextVar[tuple[Tally, ...]] = ContextVar("prefect_media_tallies", default=())


@contextmanager
def tallying() -> Generator[Tally]:
    """Count every call made inside this block, also by tasks submitted from it."""
    tally = Tally()
    token = _current.set((*_current.get(), tally))
    try:
        yield tally
    finally:
        _current.reset(token)


def current_tally() -> tuple[Tally, ...]:
    """Return the tallies that surround the current code, outermost first."""
    return _current.get()
