"""Where a plan takes the place of running: tasks hand their calls to the planner of the current context, when there is one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any, Protocol

__all__ = ["PLANNER", "Planner"]


class Planner(Protocol):
    """Answers tasks with what they would give, and runs none of them."""

    def call(self, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Answer `task(...)`; something to await when the task is asynchronous."""
        ...

    def submit(self, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Answer `task.submit(...)` with a future."""
        ...

    def map(self, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Answer `task.map(...)` with a list of futures."""
        ...

    async def together(self, awaitables: Iterable[Any]) -> tuple[Any, ...]:
        """Answer `together(...)`."""
        ...

    def flow(self, flow: Any, parameters: Mapping[str, Any]) -> Any:
        """Answer the call of a flow inside the planned one."""
        ...


PLANNER: ContextVar[Planner | None] = ContextVar("prefect_media_planner", default=None)
