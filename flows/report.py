"""The gallery of a batch as one HTML file: pictures, players, costs, what went wrong."""

from __future__ import annotations

import base64
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, Template

from ..errors import MediaError
from ..media.images.compose import thumbnail
from ..media.types import Audio, Image, Media, Video
from ..settings import get_settings
from .results import Report, RowReport, file_of

__all__ = ["poster", "render"]

EMBED_BYTES = 48_000_000
"""Media up to this sum is put into the page itself; beyond, the page refers to the files beside it."""

PICTURED = 400
"""Rows shown with their media; the rest of a large batch is listed without."""

POSTER_PX = (640, 360)


@lru_cache(maxsize=1)
def _template() -> Template:
    text = (Path(__file__).parent / "report.html").read_text(encoding="utf-8")
    return Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True).from_string(text)


def render(report: Report, folder: Path | None) -> str:
    """Return the page.

    Args:
        report: The batch.
        folder: Where the page will be; large media is referred to relative to it. None embeds posters only.
    """
    whole = sum(media.size_bytes for row in report.rows for media in row.media)
    embed = folder is not None and whole <= EMBED_BYTES
    sums = report.summary()
    return _template().render(
        title=report.title or f"{report.pipeline} · {len(report.rows)} rows",
        subtitle=f"Batch {report.batch} · {datetime.now().astimezone():%Y-%m-%d %H:%M %Z}",
        sums=_sums(sums),
        rows=[_row(row, report, embed, folder, n < PICTURED) for n, row in enumerate(report.rows)],
    )


def _sums(sums: dict[str, Any]) -> list[tuple[str, str]]:
    shown = [
        ("succeeded", sums["succeeded"]),
        ("failed", sums["failed"]),
        ("skipped", sums["skipped"]),
        ("degraded", sums["degraded"]),
        ("calls", sums["calls"]),
        ("spent", _money(Decimal(str(sums["cost_usd"])), sums["cost_unknown_calls"])),
        ("saved by reuse", _money(Decimal(str(sums["saved_usd"])), 0)),
        ("time", f"{sums['seconds']:.0f} s"),
    ]
    if sums["not_run"]:
        shown.insert(3, ("not run", sums["not_run"]))
    return [(name, str(value)) for name, value in shown]


def _money(amount: Decimal, unknown: int) -> str:
    text = f"{amount:.2f} USD" if amount == 0 or amount >= Decimal("0.1") else f"{amount:.4f} USD"
    return f"{text} + {unknown} unknown" if unknown else text


def _row(row: RowReport, report: Report, embed: bool, folder: Path | None, pictured: bool) -> dict[str, Any]:
    facts = [f"{row.calls} calls" if row.calls != 1 else "1 call", _money(row.cost_usd, row.cost_unknown_calls)]
    if row.media:
        facts = [_facts(row.media[0]), *facts]
    if row.seconds:
        facts.append(f"{row.seconds:.1f} s")
    shown = [_shown(media, row, number, report, embed, folder) for number, media in enumerate(row.media) if pictured]
    return {
        "id": row.id,
        "status": row.status,
        "prompt": row.prompt,
        "facts": " · ".join(facts),
        "degraded": row.degraded,
        "error": row.error,
        "text": None if row.value is None else file_of(row.value)[1],
        "media": [item for item in shown if item is not None],
    }


def _facts(media: Media) -> str:
    if isinstance(media, Image):
        return f"{media.width_px}x{media.height_px}"
    if isinstance(media, Video):
        return f"{media.width_px}x{media.height_px}, {media.duration_s:.1f} s"
    assert isinstance(media, Audio)
    return f"{media.duration_s:.1f} s"


def _shown(
    media: Media, row: RowReport, number: int, report: Report, embed: bool, folder: Path | None
) -> dict[str, str | None] | None:
    if not media.exists():
        return None
    picture = None if isinstance(media, Audio) else poster(media)
    if embed:
        source = _data_uri(media.read(), media.media_type)
    elif folder is not None:
        source = _beside(media, row, number, report, folder)
    elif isinstance(media, Image):
        source = picture or ""
    else:
        source = media.path().as_uri()
    kind = "image" if isinstance(media, Image) else "video" if isinstance(media, Video) else "audio"
    return {"kind": kind, "source": source, "poster": picture}


def _beside(media: Media, row: RowReport, number: int, report: Report, folder: Path) -> str:
    if number == 0 and row.output and report.out and Path(report.out).resolve() == folder.resolve():
        return row.output
    return media.path().as_uri()


def poster(media: Media) -> str | None:
    """Return a small JPEG of a picture or of a frame of a video, as a data URI; None when it cannot be made.

    Posters are kept by digest beside the ledger, so that the report of a rerun costs next to nothing.
    """
    kept = get_settings().home / "cache" / "posters" / media.digest[:2] / f"{media.digest}.jpg"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        try:
            thumbnail(media.path(), kept, width=POSTER_PX[0], height=POSTER_PX[1])
        except MediaError:
            return None
    return _data_uri(kept.read_bytes(), "image/jpeg")


def _data_uri(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"
