"""`together`: run awaitables side by side; the first failure cancels the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar, overload

from ..tasks._planning import PLANNER

__all__ = ["together"]

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")


@overload
async def together(first: Awaitable[A], /) -> tuple[A]: ...
@overload
async def together(first: Awaitable[A], second: Awaitable[B], /) -> tuple[A, B]: ...
@overload
async def together(first: Awaitable[A], second: Awaitable[B], third: Awaitable[C], /) -> tuple[A, B, C]: ...
@overload
async def together(
    first: Awaitable[A], second: Awaitable[B], third: Awaitable[C], fourth: Awaitable[D], /
) -> tuple[A, B, C, D]: ...
@overload
async def together(*awaitables: Awaitable[A]) -> tuple[A, ...]: ...
async def together(*awaitables: Awaitable[Any]) -> tuple[Any, ...]:
    """Run awaitables at the same time and return their results in order.

    The first failure cancels the others, waits until they have cleaned up (a cancelled call asks its provider to
    cancel), and is raised with a note that names what was cancelled. Cancelling `together` cancels all of them.

    Raises:
        Exception: Whatever the first failing awaitable raised; failures of others that ended before they could be
            cancelled are in its notes.
    """
    if (planner := PLANNER.get()) is not None:
        return await planner.together(awaitables)
    running: list[asyncio.Future[Any]] = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    names = {
        task: _name(awaitable, number) for number, (task, awaitable) in enumerate(zip(running, awaitables, strict=True))
    }
    if not running:
        return ()
    try:
        await asyncio.wait(running, return_when=asyncio.FIRST_EXCEPTION)
    except asyncio.CancelledError:
        await _cancel(running)
        raise
    failed = [task for task in running if task.done() and (task.cancelled() or task.exception() is not None)]
    if not failed:
        return tuple(task.result() for task in running)
    first = failed[0]
    siblings = [task for task in running if not task.done()]
    await _cancel(siblings)
    if first.cancelled():
        raise asyncio.CancelledError
    error = first.exception()
    assert error is not None
    _explain(error, names, first, siblings, failed[1:])
    raise error


def _name(awaitable: Awaitable[Any], number: int) -> str:
    name = getattr(awaitable, "__name__", "")
    return name.strip("_") if name and not name.startswith("run_task") else f"awaitable {number + 1}"


async def _cancel(tasks: list[asyncio.Future[Any]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


def _explain(
    error: BaseException,
    names: dict[asyncio.Future[Any], str],
    first: asyncio.Future[Any],
    siblings: list[asyncio.Future[Any]],
    others: list[asyncio.Future[Any]],
) -> None:
    cancelled = [names[task] for task in siblings if task.cancelled()]
    finished = [names[task] for task in siblings if not task.cancelled() and task.exception() is None]
    if cancelled:
        error.add_note(f"{names[first]} failed; cancelled with it: {', '.join(cancelled)}.")
    if finished:
        error.add_note(f"Finished before it could be cancelled (its result is kept): {', '.join(finished)}.")
    for task in [*others, *siblings]:
        if not task.cancelled() and (also := task.exception()) is not None:
            error.add_note(f"{names[task]} failed as well: {type(also).__name__}: {also}")
