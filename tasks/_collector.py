"""Collect garbage less often while many calls are in flight.

Python's collector looks at every object of the process again and again while their number grows. With a thousand calls in
flight that was a sixth of all processor time (measured, Python 3.11), and it found nothing: what calls leave behind is
freed by its reference counts. So it is made to wait longer for as long as there are many calls, and set back afterwards.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

__all__ = ["many_calls"]

MANY = 64
RARELY = (20_000, 20, 50)
"""Python's default is (700, 10, 10)."""

_lock = threading.Lock()
_in_flight = 0
_usual: tuple[int, int, int] | None = None


@asynccontextmanager
async def many_calls() -> AsyncGenerator[None]:
    """Count the block as a call in flight."""
    _count(1)
    try:
        yield
    finally:
        _count(-1)


def _count(change: int) -> None:
    global _in_flight, _usual
    with _lock:
        _in_flight += change
        now = gc.get_threshold()
        if _usual is None and _in_flight >= MANY and 0 < now[0] < RARELY[0]:  # 0: the user has turned it off
            _usual = now
            gc.set_threshold(*RARELY)
        elif _usual is not None and _in_flight < MANY // 2:
            if now == RARELY:  # nobody else has set it meanwhile
                gc.set_threshold(*_usual)
            _usual = None
