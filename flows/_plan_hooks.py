"""Let a plan stand in for what is Prefect's own: flows called inside a flow, plain tasks, artifacts.

Tasks of this package hand over by themselves. For the others Prefect offers no hook, so the methods are wrapped, once, when the
first plan is made: outside a plan a wrapped method does exactly what it did.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from prefect import Flow, Task
from prefect.artifacts import Artifact
from prefect.utilities.callables import get_call_parameters

from ..tasks._planning import PLANNER

__all__ = ["install"]

_installed = False


def _flow_call(planner: Any, flow: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    kwargs = {name: value for name, value in kwargs.items() if name not in ("wait_for", "return_state")}
    return planner.flow(flow, get_call_parameters(flow.fn, args, kwargs, apply_defaults=False))


def _no_artifact(*_: Any) -> Any:
    """Answer with an id that stands for nothing."""
    return SimpleNamespace(id=uuid.uuid4())


def _no_artifact_async(*_: Any) -> Any:
    async def nothing() -> Any:
        return _no_artifact()

    return nothing()


WRAPPED: tuple[tuple[type[Any], str, Callable[..., Any]], ...] = (
    (Flow, "__call__", _flow_call),
    (Task, "__call__", lambda planner, task, args, kwargs: planner.call(task, args, kwargs)),
    (Task, "submit", lambda planner, task, args, kwargs: planner.submit(task, args, kwargs)),
    (Task, "map", lambda planner, task, args, kwargs: planner.map(task, args, kwargs)),
    (Task, "delay", lambda planner, task, args, kwargs: planner.submit(task, *args, **kwargs)),
    (Artifact, "acreate", _no_artifact_async),
    (Artifact, "create", _no_artifact),
)


def _wrap(owner: type[Any], name: str, answer: Callable[..., Any]) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        planner = PLANNER.get()
        return original(self, *args, **kwargs) if planner is None else answer(planner, self, args, kwargs)

    setattr(owner, name, wrapped)


def install() -> None:
    """Wrap the methods, unless they are wrapped already."""
    global _installed
    if not _installed:
        _installed = True
        for owner, name, answer in WRAPPED:
            _wrap(owner, name, answer)
