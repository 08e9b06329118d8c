"""`media_task`: a Prefect task whose result is JSON and whose cache key is made of content."""

from __future__ import annotations

import contextlib
import copy
import functools
import hashlib
import inspect
import json
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from importlib import import_module
from typing import Any, ParamSpec, TypeVar

from prefect import Task
from prefect.cache_policies import CacheKeyFnPolicy
from prefect.context import TaskRunContext
from prefect.runtime import task_run
from pydantic import BaseModel

from ..ledger import Budget as Cap
from ..media.types import Media
from ._planning import PLANNER
from ._results import MediaSerializer
from ._whole import unmade, whole
from .budgets import Budget, current_caps, spending
from .labels import current_row

__all__ = ["MediaTask", "content_key", "media_task"]

P = ParamSpec("P")
R = TypeVar("R")


def content_of(value: Any) -> Any:
    """Return what of a parameter decides the result: media by digest, all else as JSON."""
    if isinstance(value, Media):
        return {"media": value.identity}
    if isinstance(value, BaseModel):
        return content_of(value.model_dump(mode="json"))
    if isinstance(value, Mapping):
        return {str(key): content_of(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [content_of(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)  # a default of 5 is 5.0 where Prefect has checked the flow's parameters
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def content_key(name: str, version: int, parameters: Mapping[str, Any]) -> str:
    """Return the cache key of a local operation: its name and version, its parameters, the digests of its inputs."""
    content = json.dumps([name, version, content_of(parameters)], sort_keys=True, ensure_ascii=False)
    return f"media-{name.replace('_', '-')}-{hashlib.sha256(content.encode()).hexdigest()}"


def _whole_inputs(function: Callable[..., Coroutine[Any, Any, R]]) -> Callable[..., Coroutine[Any, Any, R]]:
    @functools.wraps(function)
    async def run(*args: Any, **kwargs: Any) -> R:
        if unmade((args, kwargs)):
            args, kwargs = await whole(args), await whole(kwargs)
        return await function(*args, **kwargs)

    return run


def _within_budgets(function: Callable[..., Coroutine[Any, Any, R]]) -> Callable[..., Coroutine[Any, Any, R]]:
    """Run a task's function inside the budgets that surround the code which submitted it, also in another process."""

    @functools.wraps(function)
    async def run(*args: Any, **kwargs: Any) -> R:
        context = TaskRunContext.get()
        told = context.task.surrounding if context is not None and isinstance(context.task, MediaTask) else ()
        with contextlib.ExitStack() as stack:
            for cap in () if current_caps() else told:
                stack.enter_context(spending(Budget(cap.cap, name=cap.name, scope=cap.scope)))
            return await function(*args, **kwargs)

    return run


def _run_name(name: str) -> Callable[[], str]:
    def run_name() -> str:
        parameters = task_run.parameters
        about = next((parameters[key] for key in ("prompt", "text") if isinstance(parameters.get(key), str)), "")
        short = " ".join(about.split())[:48]
        done = parameters.get("operation") or name  # a planned conversion is named after what it does
        return " · ".join(part for part in (current_row(), done.replace("_", "-"), short) if part)

    return run_name


def _named(module: str, name: str) -> MediaTask[Any, Any]:
    """Return a copy of a task of a module."""
    task = getattr(import_module(module), name)
    other = object.__new__(type(task))
    other.__dict__.update(task.__dict__)
    return other


class MediaTask(Task[P, R]):
    """A Prefect task of this package. Everything a task can do, and it keeps its kind under `with_options`.

    Attributes:
        surrounding: Budgets around the code that submitted it.
    """

    surrounding: Sequence[Cap] = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task; what is to be awaited carries the task's name, for messages."""
        if (planner := PLANNER.get()) is not None:
            return planner.call(self, args, kwargs)
        running = super().__call__(*args, **kwargs)
        if inspect.iscoroutine(running):
            running.__name__ = self.name
        return running

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Submit the task to the flow's task runner, as `Task.submit`."""
        planner = PLANNER.get()
        if planner is not None:
            return planner.submit(self, args, kwargs)
        return super(MediaTask, self.as_submitted()).submit(*args, **kwargs)

    def map(self, *args: Any, **kwargs: Any) -> Any:
        """Submit the task once for each element, as `Task.map`."""
        planner = PLANNER.get()
        if planner is not None:
            return planner.map(self, args, kwargs)
        return super(MediaTask, self.as_submitted()).map(*args, **kwargs)

    def as_submitted(self) -> MediaTask[P, R]:
        """Return the task as a task runner with other processes or machines needs it: it tells the budgets of here."""
        surrounding = current_caps()
        if not surrounding:
            return self
        submitted = copy.copy(self)
        submitted.surrounding = surrounding
        return submitted

    def with_options(self, *args: Any, **kwargs: Any) -> MediaTask[P, R]:
        """Return a copy with other options, as `Task.with_options`."""
        other = super().with_options(*args, **kwargs)
        other.__class__ = type(self)
        return other  # type: ignore[return-value]

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Name the task, and the options that it was given, for another process: a copy of its code would not run there.

        Such a copy has only the globals that the code reads, not those that its annotations name.
        """
        module, name = self.fn.__module__, self.fn.__name__
        known = getattr(sys.modules.get(module), name, None)
        if not isinstance(known, MediaTask) or known.fn is not self.fn:
            return super().__reduce_ex__(protocol)
        own = {key: value for key, value in self.__dict__.items() if known.__dict__.get(key, ...) is not value}
        return _named, (module, name), own


def media_task(
    *,
    key: Callable[[dict[str, Any]], str | None],
    kind: type[MediaTask[Any, Any]] = MediaTask,
    chains: bool = False,
    **options: Any,
) -> Callable[[Callable[P, Coroutine[Any, Any, R]]], MediaTask[P, Coroutine[Any, Any, R]]]:
    """Declare an asynchronous function as a task of this package.

    Args:
        key: Gives the cache key from the task's parameters (futures resolved); None means never cached.
        kind: Class of the task.
        chains: Whether it takes videos that are put off (see `_chains`) as they are; for others they are encoded before.
        options: Further options of `prefect.task`.
    """

    def declare(function: Callable[P, Coroutine[Any, Any, R]]) -> MediaTask[P, Coroutine[Any, Any, R]]:
        def cache_key(_context: TaskRunContext, parameters: dict[str, Any]) -> str | None:
            return key(parameters)

        return kind(
            _within_budgets(function if chains else _whole_inputs(function)),
            name=function.__name__.replace("_", "-"),
            task_run_name=_run_name(function.__name__),
            cache_policy=CacheKeyFnPolicy(cache_key_fn=cache_key),
            persist_result=True,
            # A batch must not hold the result of every row; and what is reused is counted where a record is read.
            cache_result_in_memory=False,
            result_serializer=MediaSerializer(),  # pyright: ignore[reportCallIssue]
            **options,
        )

    return declare
