"""Run asynchronous work from a command, so that Ctrl-C and SIGTERM cancel it and its remote jobs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

import httpx

from ..errors import ConfigurationError
from ._output import err

__all__ = ["complete", "require_api"]

T = TypeVar("T")


def require_api() -> None:
    """Make sure that the Prefect API that is configured, if one is, answers.

    Raises:
        ConfigurationError: It does not.
    """
    from prefect.settings import get_current_settings

    url = get_current_settings().api.url
    if url is None:
        return
    try:
        httpx.get(f"{url}/health", timeout=10)
    except httpx.HTTPError as exc:
        raise ConfigurationError(
            f"No Prefect API answers at {url} ({exc}). Start it with `prefect server start`, or unset PREFECT_API_URL to "
            "use a temporary one."
        ) from exc


def complete(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end. The first signal cancels and waits for clean-up; Python's own second Ctrl-C ends at once.

    Raises:
        KeyboardInterrupt: After a signal.
        ConfigurationError: The Prefect API that is configured does not answer.
    """
    try:
        require_api()
    except BaseException:
        work.close()
        raise
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
