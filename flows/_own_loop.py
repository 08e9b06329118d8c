"""An event loop of one's own, from code that may or may not be running in one."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["in_own_loop"]

T = TypeVar("T")


def in_own_loop(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in a thread of its own: the caller may have a running event loop (a notebook, a flow)."""
    found: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(asyncio.run(work()))
        except BaseException as exc:  # noqa: BLE001 - raised again in the caller's thread
            failed.append(exc)

    thread = threading.Thread(
        target=contextvars.copy_context().run, args=(run,), name="prefect-media-plan", daemon=True
    )
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]
