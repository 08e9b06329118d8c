"""The gallery artifact: one for each batch, shown by the Prefect UI."""

from __future__ import annotations

import asyncio
import re

from prefect.artifacts import acreate_markdown_artifact
from prefect.context import FlowRunContext

from .report import poster
from .results import Report, RowReport

__all__ = ["publish_gallery"]

SHOWN = 48
"""Rows with a picture; the rest are in the report file."""
COLUMNS = 3


async def publish_gallery(report: Report) -> None:
    """Publish a batch's gallery as a markdown artifact of the flow run, when there is one."""
    if FlowRunContext.get() is None:
        return
    markdown = await asyncio.to_thread(_markdown, report)
    name = re.sub(r"[^a-z0-9]+", "-", report.pipeline.rpartition(":")[2].lower()).strip("-")
    await acreate_markdown_artifact(
        markdown, key=f"gallery-{name or 'batch'}", description=f"Batch {report.batch}: {len(report.rows)} rows."
    )


def _markdown(report: Report) -> str:
    sums = report.summary()
    counts = ", ".join(f"{sums[name]} {name}" for name in ("succeeded", "skipped", "failed", "degraded") if sums[name])
    unknown = f" and {sums['cost_unknown_calls']} calls of unknown cost" if sums["cost_unknown_calls"] else ""
    lines = [
        f"# {_plain(report.title or report.pipeline)}",
        f"{sums['rows']} rows: {counts}. {sums['calls']} calls, spent {report.cost_usd:.4f} USD{unknown}, "
        f"{sums['seconds']:.1f} s. Outputs: `{report.out or 'in the store'}`",
        "",
    ]
    shown = [row for row in report.rows if row.status in ("succeeded", "skipped")][:SHOWN]
    if shown:
        lines += ["| " * COLUMNS + "|", "|---" * COLUMNS + "|"]
        for start in range(0, len(shown), COLUMNS):
            cells = [_cell(row) for row in shown[start : start + COLUMNS]]
            lines.append("| " + " | ".join(cells + [""] * (COLUMNS - len(cells))) + " |")
    failed = [row for row in report.rows if row.status == "failed"]
    if failed:
        lines += ["", "## Failed", ""]
        lines += [f"- **{row.id}**: {_plain((row.error or '').splitlines()[0])}" for row in failed[:SHOWN]]
    return "\n".join(lines)


def _cell(row: RowReport) -> str:
    picture = next((found for media in row.media if media.kind != "audio" and (found := poster(media))), None)
    image = f"![{row.id}]({picture})<br>" if picture else ""
    degraded = " (degraded)" if row.degraded else ""
    return f"{image}**{row.id}**{degraded}<br>{_plain(row.prompt[:80])}"


def _plain(text: str) -> str:
    """Return text that markdown and HTML show as it is."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", text.replace("\n", " "))
