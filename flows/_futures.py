"""Futures of planned tasks: they are done from the start."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator
from contextvars import ContextVar
from typing import Any

from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.states import Completed

__all__ = ["CLOCK", "PlannedFuture", "settled"]

CLOCK: ContextVar[float] = ContextVar("prefect_media_plan_clock", default=0.0)
"""Planned seconds since the start of the flow, along the code that is evaluated now."""


PLAIN = {str, int, float, bool, type(None)}


class PlannedFuture(PrefectFuture[Any]):
    """What `submit` gives in a plan.

    Args:
        value: The planned result.
        ready_s: When it will be there, in planned seconds.
    """

    def __init__(self, value: Any, ready_s: float) -> None:
        self._value = value
        self._ready_s = ready_s
        self._id = uuid.uuid4()
        self._final_state = Completed(data=value)  # what `wait`, `as_completed` and lists of futures look at

    @property
    def task_run_id(self) -> uuid.UUID:
        """An id of its own."""
        return self._id

    @property
    def state(self) -> State[Any]:
        """A completed state."""
        assert self._final_state is not None
        return self._final_state

    def wait(self, timeout: float | None = None) -> None:
        """Pass the planned time."""
        CLOCK.set(max(CLOCK.get(), self._ready_s))

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
        """Return the planned result."""
        self.wait()
        return self._value

    async def wait_async(self, timeout: float | None = None) -> None:
        """Pass the planned time."""
        self.wait()

    async def result_async(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
        """Return the planned result."""
        return self.result()

    aresult = result_async

    def add_done_callback(self, fn: Callable[[PrefectFuture[Any]], Any]) -> None:
        """Call at once: it is done."""
        fn(self)

    def peek(self) -> Any:
        """Return the planned result without waiting."""
        return self._value

    def __await__(self) -> Generator[Any, Any, Any]:
        yield from ()
        return self.result()


def settled(value: Any) -> Any:
    """Return a parameter with the results of futures in their place."""
    if type(value) in PLAIN:
        return value
    if isinstance(value, PlannedFuture):
        return value.peek()
    if isinstance(value, list):
        return [settled(item) for item in value]
    if type(value) is tuple:
        return tuple(settled(item) for item in value)
    if type(value) is dict:
        return {name: settled(item) for name, item in value.items()}
    return value
