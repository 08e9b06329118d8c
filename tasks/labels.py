"""Where the current code is asked from: flow, flow run, batch, row. For listings and sums, never for identity."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

from prefect.context import FlowRunContext, TaskRunContext

from ..ledger import Labels

__all__ = ["current_labels", "current_row", "labelled"]

_batch: ContextVar[tuple[str, str]] = ContextVar("prefect_media_batch", default=("", ""))


@contextmanager
def labelled(*, batch: str, row: str) -> Generator[None]:
    """Mark what runs inside this block as work for one row of a batch."""
    token = _batch.set((batch, row))
    try:
        yield
    finally:
        _batch.reset(token)


def current_row() -> str:
    """Return the id of the row that the current code works for; empty outside a batch."""
    return _batch.get()[1]


def current_labels() -> Labels:
    """Return the labels of the current code."""
    batch, row = _batch.get()
    context = FlowRunContext.get()
    if context is not None and context.flow_run is not None:
        name = context.flow.name if context.flow is not None else ""
        return Labels(flow=name, flow_run=str(context.flow_run.id), batch=batch, row=row)
    task = TaskRunContext.get()
    run = str(task.task_run.flow_run_id) if task is not None and task.task_run.flow_run_id is not None else ""
    return Labels(flow="", flow_run=run, batch=batch, row=row)
