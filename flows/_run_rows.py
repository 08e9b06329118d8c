"""Run the rows of a batch: skip finished ones, bound concurrency, keep every outcome."""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import inspect
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import BudgetExceeded, CallsFailed, ParameterError
from ..ledger import Ledger, RowResult, row_key
from ..media.types import Media
from ..tasks._whole import whole
from ..tasks.budgets import Budget, spending
from ..tasks.labels import labelled
from ..tasks.tally import Tally, tallying
from ._gallery import publish_gallery
from ._handed import OnRow
from ._outputs import save_outputs, save_value
from ._plan_diff import by_field
from .parameters import Parameters, as_json, canonical, marks_of
from .pipelines import Pipeline
from .results import Report, RowReport, file_of, media_in, plain_value, read_manifest, write_manifest
from .rows import Row
from .sources import imported

__all__ = ["Batch", "run_batch"]

CHUNK = 2000
"""Rows looked up in the ledger at a time."""


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
    refused: list[RowReport] = field(default_factory=list)
    id: str = ""
    keys: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    reports: list[RowReport | None] = field(default_factory=list)
    stopped_by: Any = None

    @property
    def flow_name(self) -> str:
        """What the ledger calls the flow."""
        return self.pipeline.reference


async def run_batch(batch: Batch) -> Report:
    """Run every row that is not finished yet, write the folder, publish the gallery."""
    began = time.monotonic()
    ledger = Ledger.current()
    batch.keys, batch.marks = await asyncio.to_thread(_keys_and_marks, batch)
    batch.id = await ledger.run(ledger.rows.begin_batch, batch.flow_name, batch.pipeline.fingerprint, batch.label)
    batch.reports = [None] * len(batch.rows)
    ended = "canceled"
    try:
        await _list_rows(batch, ledger)
        await _skip_finished(batch, ledger)
        with spending(batch.budget, name=f"batch of {batch.flow_name}", scope=_scope(batch)):
            await _run_all(batch, ledger)
        ended = "stopped" if batch.stopped_by else "done"
    finally:
        report = _report(batch, time.monotonic() - began)
        await ledger.run(ledger.rows.end_batch, batch.id, ended, report.summary())
        await asyncio.to_thread(_write_folder, batch, report)
    await publish_gallery(report)
    return report


def _keys_and_marks(batch: Batch) -> tuple[list[str], list[str]]:
    """Return what rows are known by, once for all: their files are read for it, and need not be there later."""
    keys, marks = [], []
    for row in batch.rows:
        values = canonical(batch.parameters.check(row.given))
        keys.append(row_key(batch.flow_name, batch.pipeline.fingerprint, as_json(values)))
        marks.append("".join(marks_of(values).values()))
    return keys, marks


def _scope(batch: Batch) -> str:
    """Return what a batch's budget counts: this set of rows, however often it is started."""
    return hashlib.sha256("".join(batch.keys).encode()).hexdigest()[:16]


async def _list_rows(batch: Batch, ledger: Ledger) -> None:
    numbered = [(n, row.id, key) for n, (row, key) in enumerate(zip(batch.rows, batch.keys, strict=True))]
    for start in range(0, len(numbered), CHUNK):
        await ledger.run(ledger.rows.add, batch.id, numbered[start : start + CHUNK])


async def _skip_finished(batch: Batch, ledger: Ledger) -> None:
    """Settle every row that an earlier run finished and whose media is still there."""
    before = read_manifest(batch.out) if batch.out else {}
    for start in range(0, len(batch.rows), CHUNK):
        chunk = range(start, min(start + CHUNK, len(batch.rows)))
        finished = await ledger.look(ledger.rows.finished, [batch.keys[number] for number in chunk])
        if finished:
            await asyncio.to_thread(_settle, batch, chunk, finished, before)


def _settle(batch: Batch, chunk: range, finished: Mapping[str, RowResult], before: Mapping[str, Any]) -> None:
    for number in chunk:
        row, result = batch.rows[number], finished.get(batch.keys[number])
        known = RowReport.model_validate(result.output) if result is not None else None
        if known is None or not all(media.exists() for media in known.media):
            continue
        output = _saved(batch, row, known.media, known.value, before.get(row.id))
        batch.reports[number] = RowReport(
            id=row.id,
            status="skipped",
            output=output,
            digest=known.digest,
            media=known.media,
            value=known.value,
            degraded=known.degraded,
            prompt=_prompt(row),
        )
        _tell(batch, number)


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
    plain, error = None, None
    with tallying() as tally, labelled(batch=batch.id, row=row.id):
        try:
            value = await _call_flow(batch, row)
            media, plain = await whole(list(media_in(value))), plain_value(value)
            output = await asyncio.to_thread(_saved, batch, row, media, plain)
        except Exception as exc:  # noqa: BLE001 - one bad row never stops the others
            error, media, plain, output = exc, [], None, None
    report = _row_report(row, media, plain, output, tally, error, time.monotonic() - began)
    batch.reports[number] = report
    await ledger.run(
        ledger.rows.finish,
        batch.keys[number],
        flow=batch.flow_name,
        batch=batch.id,
        status=report.status,
        output={**report.model_dump(mode="json"), "marks": by_field(batch.marks[number], batch.parameters.names)},
        cost=None if report.cost_unknown_calls else report.cost_usd,
        calls=report.calls,
        degraded=report.degraded,
        error=report.error,
    )
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
    try:
        values = await imported(batch.parameters.check(row.given))
    except ValidationError as exc:  # a file is gone that was there before
        raise ParameterError("; ".join(batch.parameters.explain(exc))) from None
    function = batch.pipeline.flow.fn
    if inspect.iscoroutinefunction(function):
        return await function(**values)
    context = contextvars.copy_context()
    return await asyncio.to_thread(context.run, lambda: function(**values))


def _row_report(
    row: Row, media: list[Any], plain: Any, output: str | None, tally: Tally, error: Exception | None, seconds: float
) -> RowReport:
    return RowReport(
        id=row.id,
        status="succeeded" if error is None else "failed",
        output=output,
        digest=media[0].digest if media else _digest(plain),
        media=tuple(media),
        value=plain,
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


def _saved(
    batch: Batch, row: Row, media: Sequence[Media], plain: Any, before: Mapping[str, Any] | None = None
) -> str | None:
    """Put a row's output into the batch's folder, if there is one; return the name of its first file."""
    if batch.out is None:
        return None
    return save_outputs(batch.out, row.id, media, before) if media else save_value(batch.out, row.id, plain)


def _digest(plain: Any) -> str | None:
    return None if plain is None else hashlib.sha256(file_of(plain)[1].encode()).hexdigest()


def _explained(error: Exception) -> str:
    notes = "".join(f"\n{note}" for note in getattr(error, "__notes__", ()))
    return f"{type(error).__name__}: {error}{notes}"


def _report(batch: Batch, seconds: float) -> Report:
    rows = [
        report or RowReport(id=row.id, status="not run", prompt=_prompt(row))
        for row, report in zip(batch.rows, batch.reports, strict=True)
    ]
    return Report(
        batch=batch.id,
        pipeline=batch.pipeline.reference,
        title=f"{batch.pipeline.flow.name} · {Path(batch.label).name}",
        rows=(*rows, *batch.refused),
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
