"""Run asynchronous work from a command, so that Ctrl-C and SIGTERM cancel it and its remote jobs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

from ._output import err

__all__ = ["complete"]

T = TypeVar("T")


def complete(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end. The first signal cancels and waits for clean-up; Python's own second Ctrl-C ends at once.

    Raises:
        KeyboardInterrupt: After a signal.
    """
    return asyncio.run(_watched(work))


async def _watched(work: Coroutine[Any, Any, T]) -> T:
    loop = asyncio.get_running_loop()
    running = asyncio.ensure_future(work)
    stopped = False

    def stop() -> None:
        nonlocal stopped
        if stopped:
            raise KeyboardInterrupt
        stopped = True
        if sys.stderr.isatty():
            err.print("\nStopping: cancelling remote jobs. Once more to stop at once.")
        running.cancel()

    with contextlib.suppress(NotImplementedError):  # Windows has no signal handlers on loops
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop)
    try:
        return await running
    except BaseException:
        if stopped:
            raise KeyboardInterrupt from None
        raise
