"""`batch`: map any flow over rows, under one flow run, resumable and under a budget."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from prefect import Flow, flow
from prefect.states import Cancelled
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from ..settings import get_settings
from ..tasks.budgets import Budget
from ._cancellable import CancelledFromOutside, cancellable
from ._handed import HANDED, Handed, OnRow
from ._outputs import usable_folder
from ._run_rows import Batch, run_batch
from .admission import Admit, Admitted, Confirm, admitted, check_admit, publish_plan
from .parameters import Parameters
from .pipelines import Pipeline, find_pipeline
from .results import Report
from .rows import Refused, read_rows

__all__ = ["batch", "batch_flow"]

SUBMITTED_TASKS = 64
"""Threads for tasks that a row's flow submits instead of awaiting."""


async def batch(
    pipeline: str | Flow[Any, Any],
    rows: str | Path | Iterable[Mapping[str, Any]],
    *,
    budget: str | Budget | None = None,
    concurrency: int | None = None,
    out: str | Path | None = None,
    on_error: str = "continue",
    on_row: OnRow | None = None,
    admit: str = "all",
    confirm: Confirm | None = None,
) -> Report:
    """Run a flow once for each row, and return what came of it.

    All rows are checked and planned before the first runs. Rows that an earlier run finished are skipped without a task run; one
    bad row never stops the others unless `on_error="stop"`.

    Args:
        pipeline: A flow, or a name: a ready flow (`clip`), `module:flow`, `path/to/file.py:flow`.
        rows: Path of a .jsonl, .csv or .parquet file, or mappings. Keys are the flow's parameters, plus an optional
            unique `id`.
        budget: Most that this batch may spend (`"25 USD"`), over restarts, or a `Budget`.
        concurrency: Rows at a time; `PREFECT_MEDIA_CONCURRENCY` unless given.
        out: Folder for `<row id>.<ext>`, `manifest.jsonl` and `report.html`.
        on_error: `continue` or `stop`.
        on_row: Called after each row.
        admit: `all` refuses the batch when any row has a problem, `valid` runs the rows that have none, `unplanned` does
            not plan.
        confirm: Called with the plan, and whether it may spend more than the budget covers; False stops the batch.

    Raises:
        ConfigurationError: The pipeline, the rows (`RowsError`, every problem at once), the plan (`PlanError`) or the
            budget cannot be used; nothing was run.
    """
    found = find_pipeline(pipeline)
    folder = Path(rows).expanduser().resolve().parent if isinstance(rows, str | Path) and str(rows) != "-" else None
    word = check_admit(admit)
    cap = Budget.of(budget) if budget is not None else None
    given = await _admitted(found, rows, folder, word, cap, confirm)
    if out is not None:
        usable_folder(out)
    label = str(rows) if isinstance(rows, str | Path) else f"{len(given.rows)} rows"
    token = HANDED.set(Handed(found, given.rows, on_row, given.plan, given.refused))
    try:
        result = await batch_flow(
            pipeline=found.reference,
            rows=label,
            budget=str(cap) if cap else None,
            concurrency=concurrency or get_settings().concurrency,
            out=str(out) if out is not None else None,
            on_error=on_error,
            admit=word,
        )
    finally:
        HANDED.reset(token)
    return result


@flow(
    name="batch",
    flow_run_name="batch · {pipeline} · {rows}",
    validate_parameters=True,
    persist_result=False,
    task_runner=ThreadPoolTaskRunner(max_workers=SUBMITTED_TASKS),  # type: ignore[arg-type]
)
async def batch_flow(
    pipeline: str = "clip",
    rows: str | list[dict[str, Any]] = "prompts.jsonl",
    budget: str | None = None,
    concurrency: Annotated[int, Field(ge=1, le=10_000)] = 32,
    out: str | None = None,
    on_error: Annotated[str, Field(pattern="^(continue|stop)$")] = "continue",
    admit: Annotated[str, Field(pattern="^(all|valid|unplanned)$")] = "all",
) -> Any:
    """Run a flow once for each row: the deployable form of `batch`.

    Finished rows are skipped, bad rows do not stop the others, and the run ends with a gallery artifact.

    Args:
        pipeline: A ready flow (clip), module:flow or path/to/file.py:flow.
        rows: A file of rows (.jsonl, .csv, .parquet) where the worker runs, or the rows themselves.
        budget: Most that the batch may spend, for example "25 USD".
        concurrency: Rows at a time.
        out: Folder for the outputs, the manifest and the report.
        on_error: continue or stop after a failed row.
        admit: What a problem in the plan comes to. all: the batch is refused; valid: the good rows run; unplanned: no plan.
    """
    handed = HANDED.get()
    HANDED.set(None)  # a batch that a row's flow starts reads its own parameters
    cap = Budget.of(budget) if budget else None
    if handed is None:
        found = find_pipeline(pipeline)
        given = await _admitted(found, rows, _folder(rows), check_admit(admit), cap, None)
        handed = Handed(found, given.rows, None, given.plan, given.refused)
    if handed.plan is not None:
        await publish_plan(handed.plan)
    work = Batch(
        pipeline=handed.pipeline,
        parameters=Parameters(handed.pipeline.flow, _folder(rows)),
        rows=handed.rows,
        label=rows if isinstance(rows, str) else f"{len(handed.rows)} rows",
        budget=cap,
        concurrency=concurrency,
        out=usable_folder(out) if out else None,
        stop_on_error=on_error == "stop",
        on_row=handed.on_row,
        refused=handed.refused,
    )
    try:
        return await cancellable(run_batch(work))
    except CancelledFromOutside:
        return Cancelled(message="Cancelled from the UI or the API; what was finished is kept and a rerun goes on.")


def _folder(rows: str | list[dict[str, Any]]) -> Path | None:
    if isinstance(rows, str) and rows != "-" and Path(rows).suffix:
        return Path(rows).expanduser().resolve().parent
    return None


async def _admitted(
    pipeline: Pipeline, rows: Any, folder: Path | None, admit: Admit, budget: Budget | None, confirm: Confirm | None
) -> Admitted:
    parameters = Parameters(pipeline.flow, folder)
    unreadable: list[Refused] = []
    checked = read_rows(rows, parameters, unreadable if admit == "valid" else None)
    cap = budget.cap if budget is not None else None
    return await admitted(pipeline, parameters, checked, admit=admit, cap=cap, unreadable=unreadable, confirm=confirm)
