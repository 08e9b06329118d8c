"""Reports of batches that ended before, from the ledger."""

from __future__ import annotations

from pathlib import Path

from ..ledger import Ledger
from .results import Report, RowReport

__all__ = ["report_of"]


def report_of(batch: str = "latest") -> Report:
    """Return the report of a batch as the ledger knows it now.

    Args:
        batch: Its id, an unambiguous beginning of it, or `latest`.

    Raises:
        ConfigurationError: There is no such batch.
    """
    ledger = Ledger.current()
    found = ledger.rows.batch("last" if batch == "latest" else batch)
    rows: list[RowReport] = []
    for row in ledger.rows.rows_of(found.id):
        if row.result is None:
            rows.append(RowReport(id=row.row_id, status="not run"))
            continue
        known = RowReport.model_validate(row.result.output)
        skipped = row.result.batch != found.id
        free = {"cost_usd": 0, "cost_unknown_calls": 0, "submitted": 0} if skipped else {}
        status = "skipped" if skipped and known.status == "succeeded" else known.status
        rows.append(known.model_copy(update={"id": row.row_id, "status": status, **free}))
    summary = found.summary or {}
    return Report(
        batch=found.id,
        pipeline=found.flow,
        title=f"{found.flow.rpartition(':')[2]} · {Path(found.source).name}",
        rows=tuple(rows),
        seconds=float(summary.get("seconds", 0)),
        out=summary.get("out"),
        stopped_by=summary.get("stopped_by"),
    )
