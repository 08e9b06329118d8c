"""Let a flow run that no worker watches be cancelled from the UI or the API."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import httpx
from prefect import get_client
from prefect.context import FlowRunContext
from prefect.exceptions import PrefectException

__all__ = ["CancelledFromOutside", "cancellable"]

T = TypeVar("T")


class CancelledFromOutside(Exception):  # noqa: N818 - an outcome, caught at once by the flow
    """The flow run was cancelled from the UI or the API."""


async def cancellable(work: Coroutine[Any, Any, T], every_s: float = 2.0) -> T:
    """Run the body of a flow; cancel it when the flow run's state becomes Cancelling.

    Prefect cancels runs that a worker or `serve` started by a signal; a run started from a script or a notebook would
    go on to its end.

    Raises:
        CancelledFromOutside: After the body was cancelled and has cleaned up.
    """
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return await work
    body = asyncio.ensure_future(work)
    asked = False

    async def watch(flow_run_id: Any) -> None:
        nonlocal asked
        async with get_client() as client:
            while True:
                await asyncio.sleep(every_s)
                try:
                    state = (await client.read_flow_run(flow_run_id)).state
                except (httpx.HTTPError, PrefectException):
                    continue  # the server may be restarting; the run goes on without it
                if state is not None and state.is_cancelling():
                    asked = True
                    body.cancel()
                    return

    watching = asyncio.ensure_future(watch(context.flow_run.id))
    try:
        return await body
    except asyncio.CancelledError:
        body.cancel()
        await asyncio.wait({body})
        if asked:
            raise CancelledFromOutside from None
        raise
    finally:
        watching.cancel()
