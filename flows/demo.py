"""The demonstration: four narrated clips from the offline models, a contact sheet, a report."""

from __future__ import annotations

from pathlib import Path

from ..media.images.compose import contact_sheet, thumbnail
from ..media.store import Store
from ._handed import OnRow
from .batch import batch
from .results import Report

__all__ = ["ROWS", "demo"]

ROWS = [
    {
        "id": "lighthouse",
        "prompt": "a lighthouse on a cliff at dawn, calm sea",
        "narration": "At first light, the old lighthouse still watches over the sea.",
        "music": "calm piano",
    },
    {
        "id": "mountains",
        "prompt": "snowy mountains above a forest lake, morning mist",
        "narration": "Far above the forest, the mountains wait for the sun.",
        "music": "wide and gentle",
    },
    {
        "id": "desert",
        "prompt": "desert dunes at golden sunset",
        "narration": "In the desert, every evening paints the dunes anew.",
        "music": "warm, slow strings",
    },
    {
        "id": "aurora",
        "prompt": "aurora over a frozen bay at night, stars",
        "narration": "And in the north, the night itself begins to dance.",
        "music": "dreamy night",
    },
]
"""Rows of the demonstration."""


async def demo(out: Path, on_row: OnRow | None = None) -> tuple[Report, Path]:
    """Run the ready flow `clip` over four rows and make a contact sheet of the results.

    Returns:
        The report, and where the contact sheet is.
    """
    report = await batch("clip", ROWS, out=out, on_row=on_row)
    sheet = out / "contact-sheet.jpg"
    with Store.current().scratch() as folder:
        frames: list[Path] = []
        for row in report.rows:
            if row.media:
                frames.append(folder / f"{row.id}.png")
                thumbnail(row.media[0].path(), frames[-1], width=640, height=360)
        labels = [row.prompt for row in report.rows if row.media]
        contact_sheet(frames, sheet, columns=2, labels=labels)
    return report, sheet
