"""How far long local work is: shown at its task run, and told to whoever watches in this process.

What ends within a few seconds shows nothing. Work reports from its own thread (`media.control`); only the latest figure is
kept, and looked at every two seconds, so that reporting costs the work nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import httpx
from prefect import get_client
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.context import FlowRunContext, TaskRunContext
from prefect.exceptions import PrefectException
from prefect.logging import get_logger

from ..media.control import following
from .labels import current_row

__all__ = ["Working", "progress_shown", "watching", "work_of"]

AFTER_S = 5.0
"""Work that ends earlier shows nothing: an artifact costs a request and 20 to 40 ms."""
EVERY_S = 2.0

logger = get_logger("prefect_media.progress")


@dataclass(frozen=True)
class Working:
    """How far one piece of work is.

    Attributes:
        name: Name of the task run; that of an earlier one whose work was put off, where it is done after all task runs.
        done_s: Seconds of media written so far.
        total_s: Seconds that there will be, when known.
        ended: Whether this is the last word on it: it is complete, failed or cancelled.
        run: Id of the task run, or of its own. Several may have one name.
    """

    name: str
    done_s: float
    total_s: float | None
    ended: bool = False
    run: str = ""

    @property
    def percent(self) -> float | None:
        """From 0 to 100, when the total is known."""
        return min(100.0, max(0.0, 100 * self.done_s / self.total_s)) if self.total_s else None

    def __str__(self) -> str:
        if self.percent is None or self.total_s is None:
            return f"{self.done_s:.1f} s written"
        return f"{self.percent:.0f} % of {self.total_s:.1f} s"


Watcher = Callable[[Working], None]
_watcher: ContextVar[Watcher | None] = ContextVar("prefect_media_watcher", default=None)


@contextmanager
def watching(watcher: Watcher) -> Generator[None]:
    """Tell of all long local work inside this block, from the threads that it is awaited in."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)


_work: ContextVar[str] = ContextVar("prefect_media_work", default="")


@contextmanager
def work_of(task: str) -> Generator[None]:
    """Show local work inside this block, where no task run does it, as that of a task."""
    token = _work.set(task)
    try:
        yield
    finally:
        _work.reset(token)


def _name_and_id() -> tuple[str, str] | None:
    """Return what the work that begins now is called; None for what is not shown."""
    context, task = TaskRunContext.get(), _work.get()
    if context is not None:
        return context.task_run.name, str(context.task_run.id)
    return (" · ".join(part for part in (current_row(), task) if part), uuid4().hex) if task else None


class _Meter:
    """The latest figures; they are written by the work's thread."""

    def __init__(self, name: str, run: str) -> None:
        self.name, self.run = name, run
        self.now: Working | None = None

    def __call__(self, done_s: float, total_s: float | None) -> None:
        self.now = Working(self.name, done_s, total_s, run=self.run)


@asynccontextmanager
async def progress_shown() -> AsyncGenerator[None]:
    """Show the progress of local work that is awaited inside this block, when it belongs to a task and takes long."""
    work = _name_and_id()
    if work is None:
        yield
        return
    meter, ended = _Meter(*work), asyncio.Event()
    outcome: list[bool] = []
    showing: list[asyncio.Task[None]] = []
    loop = asyncio.get_running_loop()
    # A timer, not a task: most work ends before it, and costs nothing then.
    timer = loop.call_later(AFTER_S, lambda: showing.append(loop.create_task(_show(meter, ended, outcome))))
    try:
        with following(meter):
            yield
        outcome.append(True)
    finally:
        timer.cancel()
        ended.set()
        for task in showing:
            await asyncio.shield(task)


async def _show(meter: _Meter, ended: asyncio.Event, outcome: list[bool]) -> None:
    artifact, watcher, shown = _Artifact(), _watcher.get(), False
    while not ended.is_set():
        if meter.now is not None:
            shown = True
            if watcher is not None:
                watcher(meter.now)
            await artifact.show(meter.now)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), EVERY_S)
    if shown and meter.now is not None:
        if watcher is not None:
            watcher(replace(meter.now, ended=True))
        await artifact.end(complete=bool(outcome))


class _Artifact:
    """A progress artifact of the current run, if there is one. The work goes on when the server does not take it."""

    def __init__(self) -> None:
        self._id: UUID | None = None
        self._refused = TaskRunContext.get() is None and FlowRunContext.get() is None

    async def show(self, working: Working) -> None:
        """Make it, or move it."""
        percent = working.percent
        if percent is None or self._refused:
            return
        with self._kept_apart():
            if self._id is None:
                self._id = await acreate_progress_artifact(percent, description=f"{working.name}: {working}")
            else:
                await aupdate_progress_artifact(self._id, percent, description=f"{working.name}: {working}")

    async def end(self, *, complete: bool) -> None:
        """Move it to the end, or take it away: a bar that stands still says that something is still going on."""
        if self._id is None:
            return
        with self._kept_apart():
            if complete:
                await aupdate_progress_artifact(self._id, 100.0, description="complete")
            else:
                async with get_client() as client:
                    await client.delete_artifact(self._id)

    @contextmanager
    def _kept_apart(self) -> Generator[None]:
        try:
            yield
        except (httpx.HTTPError, PrefectException, OSError) as exc:
            self._refused = True
            logger.warning("The progress of local work cannot be shown: %s", exc)
