"""Where the work of tasks runs: a loop for provider calls, threads for local media operations and for taking files in.

Prefect gives every submitted task an event loop of its own, and a user's flow may block its loop. Provider calls
therefore live on a loop of their own, in a daemon thread: connections, rate limits and claims are shared by all tasks
of the process, and leases are renewed whatever the flow does.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Any, ParamSpec, TypeVar

from ..media.control import cancellation
from ..settings import get_settings
from .progress import progress_shown

__all__ = ["at_the_door", "in_worker", "on_loop"]

P = ParamSpec("P")
T = TypeVar("T")

GRACE_S = 20.0
"""Longest that a cancelled call may take to cancel its remote job and write its journal."""
DOORS = 8
"""Files that are taken in at the same time, or as many as local operations where those are more."""

_lock = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}


def _loop() -> asyncio.AbstractEventLoop:
    """Return this process's loop for provider calls, starting its thread on first use (and anew after a fork)."""
    with _lock:
        loop = _loops.get(os.getpid())
        if loop is None or loop.is_closed():
            loop = _loops[os.getpid()] = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="prefect-media-calls", daemon=True).start()
        return loop


async def on_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the loop for provider calls and wait for it.

    When the caller is cancelled, so is the work; its own clean-up (cancelling the remote job) is waited for, at most
    `GRACE_S` seconds.
    """
    loop = _loop()
    outcome: Future[T] = Future()
    running: list[asyncio.Task[T]] = []
    context = contextvars.copy_context()

    def start() -> None:
        running.append(loop.create_task(work, context=context))
        running[0].add_done_callback(lambda done: _copy_outcome(done, outcome))

    loop.call_soon_threadsafe(start)
    waiting = asyncio.wrap_future(outcome)
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        if not waiting.cancelled():
            loop.call_soon_threadsafe(running[0].cancel)
            await _settled(waiting)
        raise


def _copy_outcome(done: asyncio.Task[T], outcome: Future[T]) -> None:
    if done.cancelled():
        outcome.cancel()
    elif (error := done.exception()) is not None:
        outcome.set_exception(error)
    else:
        outcome.set_result(done.result())


async def _settled(waiting: asyncio.Future[Any]) -> None:
    """Wait until cancelled work has ended, without passing on what it ended with."""
    await asyncio.wait({waiting}, timeout=GRACE_S)
    if waiting.done() and not waiting.cancelled():
        waiting.exception()


@lru_cache(maxsize=4)
def _pool(process: int, name: str, workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, thread_name_prefix=name)


async def in_worker(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking media operation in the pool for local work and wait for it.

    When the caller is cancelled, the operation's child processes are stopped and its end is waited for, so that nothing
    writes into a folder that is already gone. What takes long says how far it is; see `progress`.
    """
    pool = _pool(os.getpid(), "prefect-media-work", get_settings().workers)
    async with progress_shown():
        return await _in_pool(pool, function, *args, **kwargs)


async def at_the_door(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Take a file in, in a pool of its own, and wait for it; cancelled as in `in_worker`.

    Reading, checking and storing a result is much waiting, for the disk and for the interpreter: in as few threads as
    there are cores, a thousand results that come at once would stand in line for half a minute.
    """
    pool = _pool(os.getpid(), "prefect-media-intake", max(DOORS, get_settings().workers))
    return await _in_pool(pool, function, *args, **kwargs)


async def _in_pool(pool: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    stop = threading.Event()

    def run() -> T:
        with cancellation(stop):
            return function(*args, **kwargs)

    working = asyncio.get_running_loop().run_in_executor(pool, contextvars.copy_context().run, run)
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        stop.set()
        await _settled(working)
        raise
