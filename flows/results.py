"""What a batch came to: one line for each row, sums over all, and where the outputs are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from ..media.durable import write_text
from ..media.types import AnyMedia, Media

__all__ = ["Report", "RowReport", "file_of", "media_in", "plain_value"]

Status = Literal["succeeded", "failed", "skipped", "not run"]


def media_in(value: Any) -> Iterator[Media]:
    """Yield every media value inside what a flow returned, in order."""
    if isinstance(value, Media):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from media_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from media_in(item)


def plain_value(value: Any) -> Any:
    """Return what a flow returned as JSON values; None where there is media in it, which is its output then.

    What JSON cannot hold at all, such as half a character, is told as text: the row has been paid for.
    """
    if next(media_in(value), None) is not None:
        return None
    try:
        return json.loads(to_json(value, fallback=str, bytes_mode="base64", inf_nan_mode="strings"))
    except ValueError:
        return str(value).encode(errors="replace").decode()


def file_of(value: Any) -> tuple[str, str]:
    """Return the suffix and the text of the file that holds a plain value: text as it is, others as JSON."""
    if isinstance(value, str):
        return ".txt", value
    return ".json", json.dumps(value, ensure_ascii=False, indent=2) + "\n"


class RowReport(BaseModel):
    """One row's outcome.

    Attributes:
        id: The row's id.
        status: `skipped` means that an earlier run had finished it; `not run` that the batch stopped before it.
        output: File of its output (the first, when there are several), relative to the batch's folder.
        digest: SHA-256 of that output.
        media: Every media value that the flow returned.
        value: What it returned where that is no media, such as the text of a transcript, as JSON values.
        cost_usd: Known cost of this row in this run, failed attempts included.
        calls: Calls that the row made or reused.
        degraded: One line for each fallback that was taken, with the reason.
        error: What went wrong.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    status: Status
    output: str | None = None
    digest: str | None = None
    media: tuple[AnyMedia, ...] = ()
    value: Any = None
    cost_usd: Decimal = Decimal(0)
    cost_unknown_calls: int = 0
    calls: int = 0
    submitted: int = 0
    reused: int = 0
    reattached: int = 0
    saved_usd: Decimal = Decimal(0)
    degraded: tuple[str, ...] = ()
    error: str | None = None
    seconds: float = 0.0
    prompt: str = ""

    def line(self) -> dict[str, Any]:
        """Return the row's line of `manifest.jsonl`."""
        return {
            "id": self.id,
            "status": self.status,
            "output": self.output,
            "digest": self.digest,
            "cost_usd": float(self.cost_usd),
            "calls": self.calls,
            "degraded": list(self.degraded),
            "error": self.error,
        }


class Report(BaseModel):
    """A batch's outcome. In a notebook it shows itself as a gallery.

    Attributes:
        batch: Id of the batch in the ledger.
        pipeline: Which flow ran.
        rows: One report for each row, in the order of the rows.
        seconds: Wall time of this run.
        out: Folder that received the outputs, when one was asked for.
        stopped_by: `budget` when a budget ended the batch before its last row, `error` when the first failure did.
    """

    model_config = ConfigDict(frozen=True)

    batch: str
    pipeline: str
    rows: tuple[RowReport, ...]
    seconds: float = 0.0
    out: str | None = None
    stopped_by: Literal["budget", "error"] | None = None
    title: str = Field(default="")

    def count(self, status: Status) -> int:
        """Return how many rows ended that way."""
        return sum(row.status == status for row in self.rows)

    @property
    def cost_usd(self) -> Decimal:
        """Known cost of this run."""
        return sum((row.cost_usd for row in self.rows), Decimal(0))

    def summary(self) -> dict[str, Any]:
        """Return the sums, as `batch --json` prints them."""
        return {
            "batch": self.batch,
            "rows": len(self.rows),
            "succeeded": self.count("succeeded"),
            "failed": self.count("failed"),
            "skipped": self.count("skipped"),
            "not_run": self.count("not run"),
            "degraded": sum(bool(row.degraded) for row in self.rows),
            "calls": sum(row.calls for row in self.rows),
            "submitted": sum(row.submitted for row in self.rows),
            "reused": sum(row.reused for row in self.rows),
            "reattached": sum(row.reattached for row in self.rows),
            "cost_usd": float(self.cost_usd),
            "cost_unknown_calls": sum(row.cost_unknown_calls for row in self.rows),
            "saved_usd": float(sum((row.saved_usd for row in self.rows), Decimal(0))),
            "seconds": round(self.seconds, 2),
            "out": self.out,
            "stopped_by": self.stopped_by,
        }

    def write(self, path: str | Path) -> Path:
        """Write the gallery as one HTML file and return where it is."""
        from .report import render

        target = Path(path).expanduser()
        write_text(target, render(self, target.parent))
        return target

    def _repr_html_(self) -> str:
        from html import escape

        from .report import render

        page = escape(render(self, None), quote=True)
        return f'<iframe srcdoc="{page}" style="width:100%;height:640px;border:0"></iframe>'


def write_manifest(folder: Path, rows: Iterable[RowReport]) -> Path:
    """Write `manifest.jsonl`, a line for each row, and return where it is."""
    target = folder / "manifest.jsonl"
    write_text(target, "".join(json.dumps(row.line(), ensure_ascii=False) + "\n" for row in rows))
    return target


def read_manifest(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the lines of an earlier manifest by row id; empty when there is none that can be read."""
    try:
        lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
        return {line["id"]: line for line in map(json.loads, lines)}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
