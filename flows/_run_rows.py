"""Run the rows of a batch: skip finished ones, bound concurrency, keep every outcome."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import BudgetExceeded, CallsFailed
from ..ledger import Ledger, RowResult, current_ledger, row_key
from ..tasks.budgets import Budget, spending
from ..tasks.imports import import_media
from ..tasks.labels import labelled
from ..tasks.tally import Tally, tallying
from ._gallery import publish_gallery
from ._handed import OnRow
from ._outputs import save_outputs
from .parameters import MediaSource, Parameters
from .pipelines import Pipeline
from .results import Report, RowReport, media_in, read_manifest, write_manifest
from .rows import Row

__all__ = ["Batch", "run_batch"]


@dataclass
class Batch:
    """Everything that one batch run needs."""

    pipeline: Pipeline
    parameters: Parameters
    rows: list[Row]
    label: str
    budget: Budget | None
    concurrency: int
    out: Path | None
    stop_on_error: bool
    on_row: OnRow | None
    id: str = ""
    keys: list[str] = field(default_factory=list)
    reports: list[RowReport | None] = field(default_factory=list)
    stopped_by: Any = None


async def run_batch(batch: Batch) -> Report:
    """Run every row that is not finished yet, write the folder, publish the gallery."""
    began = time.monotonic()
    ledger = current_ledger()
    batch.keys = await asyncio.to_thread(_keys, batch)
    batch.id = await ledger.run(
        ledger.begin_batch, batch.pipeline.reference, batch.pipeline.fingerprint, batch.label, batch.keys
    )
    batch.reports = [None] * len(batch.rows)
    ended = "interrupted"
    try:
        await _skip_finished(batch, ledger)
        with spending(batch.budget, scope=batch.id):
            await _run_all(batch, ledger)
        ended = "stopped" if batch.stopped_by else "finished"
    finally:
        report = _report(batch, time.monotonic() - began)
        await asyncio.to_thread(_write_folder, batch, report)
        await ledger.run(ledger.end_batch, batch.id, ended, report.summary())
    await publish_gallery(report)
    return report


def _keys(batch: Batch) -> list[str]:
    flow = f"{batch.pipeline.reference}@{batch.pipeline.fingerprint}"
    return [row_key(flow, batch.parameters.canonical(row.given)) for row in batch.rows]


async def _skip_finished(batch: Batch, ledger: Ledger) -> None:
    """Settle every row that an earlier run finished and whose media is still there."""
    finished = await ledger.run(ledger.finished_rows, batch.keys)
    before = read_manifest(batch.out) if batch.out else {}

    def settle() -> None:
        for number, (row, key) in enumerate(zip(batch.rows, batch.keys, strict=True)):
            result = finished.get(key)
            media = _media_of(result) if result is not None else None
            if result is None or media is None:
                continue
            output = save_outputs(batch.out, row.id, media, before.get(row.id)) if batch.out else None
            batch.reports[number] = RowReport(
                id=row.id,
                status="skipped",
                output=output,
                digest=media[0].digest if media else None,
                media=tuple(media),
                degraded=tuple(result.degraded),
                prompt=_prompt(row),
            )
            _tell(batch, number)

    await asyncio.to_thread(settle)


def _media_of(result: RowResult) -> list[Any] | None:
    """Return a finished row's media, or None when the row has to run again."""
    if result.status != "succeeded":
        return None
    media = [item for item in result.values()]
    return media if all(item.exists() for item in media) else None


def _prompt(row: Row) -> str:
    for name in ("prompt", "text", "narration"):
        if isinstance(row.given.get(name), str):
            return row.given[name]
    return next((value for value in row.given.values() if isinstance(value, str)), "")


def _tell(batch: Batch, number: int) -> None:
    report = batch.reports[number]
    if batch.on_row is not None and report is not None:
        batch.on_row(report, len(batch.rows))


async def _run_all(batch: Batch, ledger: Ledger) -> None:
    waiting = iter([number for number, report in enumerate(batch.reports) if report is None])

    async def worker() -> None:
        for number in waiting:  # the workers share one iterator
            if batch.stopped_by is not None:
                return
            await _run_row(batch, ledger, number)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(batch.concurrency, len(batch.rows))):
            group.create_task(worker())


async def _run_row(batch: Batch, ledger: Ledger, number: int) -> None:
    row = batch.rows[number]
    began = time.monotonic()
    value, error = None, None
    with tallying() as tally, labelled(batch=batch.id, row=row.id):
        try:
            value = await _call_flow(batch, row)
            media = list(media_in(value))
            output = await asyncio.to_thread(save_outputs, batch.out, row.id, media) if batch.out else None
        except Exception as exc:
            error, media, output = exc, [], None
    report = _row_report(row, media, output, tally, error, time.monotonic() - began)
    batch.reports[number] = report
    if error is None:
        await ledger.run(ledger.finish_row, batch.id, batch.keys[number], _result(report))
    _tell(batch, number)
    if error is not None and batch.stopped_by is None:
        if _is_budget(error):
            batch.stopped_by = "budget"
        elif batch.stop_on_error:
            batch.stopped_by = "error"


def _is_budget(error: BaseException) -> bool:
    if isinstance(error, CallsFailed):
        return any(isinstance(each, BudgetExceeded) for each in error.errors)
    return isinstance(error, BudgetExceeded)


async def _call_flow(batch: Batch, row: Row) -> Any:
    """Call the row's flow as a function of the batch's flow run: its tasks are task runs of the batch."""
    given = batch.parameters.check(row.given)
    values = {name: await _imported(value) for name, value in given.items()}
    function = batch.pipeline.flow.fn
    if inspect.iscoroutinefunction(function):
        return await function(**values)
    context = contextvars.copy_context()
    return await asyncio.to_thread(context.run, lambda: function(**values))


async def _imported(value: Any) -> Any:
    if isinstance(value, MediaSource):
        return await import_media(value.source, kind=value.kind)
    if isinstance(value, list) and any(isinstance(item, MediaSource) for item in value):
        return [await _imported(item) for item in value]
    return value


def _row_report(
    row: Row, media: list[Any], output: str | None, tally: Tally, error: Exception | None, seconds: float
) -> RowReport:
    return RowReport(
        id=row.id,
        status="succeeded" if error is None else "failed",
        output=output,
        digest=media[0].digest if media else None,
        media=tuple(media),
        cost_usd=tally.cost_usd,
        cost_unknown_calls=tally.unknown,
        calls=len(tally.calls),
        submitted=tally.submissions,
        reused=tally.count("reused"),
        reattached=tally.count("reattached"),
        saved_usd=tally.saved_usd,
        degraded=tuple(tally.degraded),
        error=_explained(error) if error is not None else None,
        seconds=round(seconds, 3),
        prompt=_prompt(row),
    )


def _explained(error: Exception) -> str:
    notes = "".join(f"\n{note}" for note in getattr(error, "__notes__", ()))
    return f"{type(error).__name__}: {error}{notes}"


def _result(report: RowReport) -> RowResult:
    return RowResult(
        status=report.status,
        output=report.output,
        media=[media.model_dump(mode="json") for media in report.media],
        cost=report.cost_usd,
        calls=report.calls,
        degraded=list(report.degraded),
        error=report.error,
    )


def _report(batch: Batch, seconds: float) -> Report:
    rows = [
        report or RowReport(id=row.id, status="not run", prompt=_prompt(row))
        for row, report in zip(batch.rows, batch.reports, strict=True)
    ]
    return Report(
        batch=batch.id,
        pipeline=batch.pipeline.reference,
        title=f"{batch.pipeline.flow.name} · {Path(batch.label).name}",
        rows=tuple(rows),
        seconds=seconds,
        out=str(batch.out) if batch.out else None,
        stopped_by=batch.stopped_by,
    )


def _write_folder(batch: Batch, report: Report) -> None:
    if batch.out is None:
        return
    batch.out.mkdir(parents=True, exist_ok=True)
    write_manifest(batch.out, report.rows)
    report.write(batch.out / "report.html")
