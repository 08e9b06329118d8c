"""Where a plan evaluates: Prefect's contexts of a flow run, without a run.

Whatever a flow's code asks of Prefect goes through contexts: the task runner for `.submit()`, the result store for a task run, the
client for a flow run, an artifact, a block. The evaluation has its own. So nothing runs, is written, or starts a server, however
the code comes by a task; and real runs beside it, which have other contexts, never notice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Generator, Iterable
from contextvars import Context, ContextVar, copy_context
from types import SimpleNamespace
from typing import Any, NoReturn

from prefect import Flow, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.context import AsyncClientContext, FlowRunContext, SyncClientContext, TaskRunContext
from prefect.futures import PrefectFuture, PrefectFutureList
from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_EPHEMERAL_ENABLED, get_current_settings, temporary_settings
from prefect.task_runners import TaskRunner

from ..tasks._planning import PLANNER, Planner
from ._stand_in import Maker
from ._symbolic import Unforeseen

__all__ = ["RefusedRun", "planning_context"]

LOGGERS = ("prefect.flow_runs", "prefect.task_runs")


class RefusedRun(Exception):  # noqa: N818 - it is no error of the flow
    """Prefect was about to run a task. An `Exception`: anything else Prefect would report as a crash of that task run."""


def _planner() -> Planner:
    planner = PLANNER.get()
    assert planner is not None
    return planner


class _Runner(TaskRunner[Any]):
    """Takes submitted tasks to the planner."""

    def duplicate(self) -> _Runner:
        return self

    def submit(self, task: Any, parameters: dict[str, Any], wait_for: Any = None, dependencies: Any = None) -> Any:
        return _planner().submit(task, (), parameters)

    def map(
        self, task: Any, parameters: dict[str, Any], wait_for: Iterable[PrefectFuture[Any]] | None = None
    ) -> PrefectFutureList[Any]:
        return _planner().map(task, (), parameters)


class _Results:
    """Asked by Prefect before it runs a task."""

    def __init__(self, maker: Maker) -> None:
        self._maker = maker

    def update_for_task(self, task: Any, **_: Any) -> NoReturn:
        raise RefusedRun(self._maker.note(f"{task.name} is called in a way that the plan cannot follow"))

    aupdate_for_task = update_for_task


class _Client:
    """Reads from the server that is configured, drops artifacts, refuses everything else."""

    def __init__(self, outside: Context) -> None:
        self._outside = outside

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in ("create_task_run", "create_flow_run"):
            raise Unforeseen("a flow is called in a way that the plan cannot follow")
        if not name.startswith("read_"):
            raise Unforeseen(f"the flow's code writes to Prefect's server ({name})")
        if self._outside.copy().run(get_current_settings).api.url is None:
            raise Unforeseen(f"the flow's code reads from Prefect's server ({name}), and none is configured")
        return self._reading(name)

    def _reading(self, name: str) -> Any: ...


class _SyncClient(_Client):
    def __enter__(self) -> _SyncClient:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def create_artifact(self, *_: Any, **__: Any) -> Any:
        return SimpleNamespace(id=uuid.uuid4())

    def _reading(self, name: str) -> Any:
        def read(*args: Any, **kwargs: Any) -> Any:
            with get_client(sync_client=True) as client:
                return getattr(client, name)(*args, **kwargs)

        return lambda *args, **kwargs: self._outside.copy().run(read, *args, **kwargs)


class _AsyncClient(_Client):
    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop that asks: this client belongs to none."""
        try:
            return asyncio.get_running_loop()
        except RuntimeError:
            return None

    _loop = loop

    async def __aenter__(self) -> _AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def create_artifact(self, *_: Any, **__: Any) -> Any:
        return SimpleNamespace(id=uuid.uuid4())

    def _reading(self, name: str) -> Any:
        async def read(*args: Any, **kwargs: Any) -> Any:
            async with get_client() as client:
                return await getattr(client, name)(*args, **kwargs)

        async def in_outside(*args: Any, **kwargs: Any) -> Any:
            return await asyncio.create_task(read(*args, **kwargs), context=self._outside.copy())

        return in_outside


class _NotPlanned(logging.Filter):
    """Keeps quiet what a planned flow logs as if it ran."""

    def filter(self, record: logging.LogRecord) -> bool:
        return PLANNER.get() is None


def _contexts(flow: Flow[Any, Any], maker: Maker) -> list[tuple[ContextVar[Any], Any]]:
    outside = copy_context()
    client = _AsyncClient(outside)
    run = FlowRunContext.model_construct(
        flow=flow,
        flow_run=FlowRun(flow_id=uuid.uuid4(), name="plan"),
        client=client,
        parameters={},
        task_runner=_Runner(),
        result_store=_Results(maker),
    )
    return [
        (SyncClientContext.__var__, SyncClientContext.model_construct(client=_SyncClient(outside))),
        (AsyncClientContext.__var__, AsyncClientContext.model_construct(client=client)),
        (FlowRunContext.__var__, run),
        (TaskRunContext.__var__, None),
    ]


@contextlib.contextmanager
def planning_context(flow: Flow[Any, Any], maker: Maker) -> Generator[None]:
    """Enter Prefect's contexts for the evaluation of a flow: for this code and what it starts in its context.

    Args:
        flow: The flow.
        maker: Keeps notes of what was refused.
    """
    with contextlib.ExitStack() as stack:
        for variable, value in _contexts(flow, maker):
            stack.callback(variable.reset, variable.set(value))
        # Even where Prefect would go past the contexts, there is no server to be found or started.
        stack.enter_context(
            temporary_settings({PREFECT_SERVER_EPHEMERAL_ENABLED: False}, restore_defaults={PREFECT_API_URL})
        )
        for name in LOGGERS:
            quiet = _NotPlanned()
            logging.getLogger(name).addFilter(quiet)
            stack.callback(logging.getLogger(name).removeFilter, quiet)
        yield
