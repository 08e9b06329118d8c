"""The task runs of a plan as a picture: a Mermaid flowchart, or an SVG of its own."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ._planned import Planned

__all__ = ["mermaid", "svg"]

MOST = 120
"""Task runs that are drawn."""
COLOURS = {
    "new": "#f4b942", "open": "#c79a3a", "paid": "#6fbf73", "cached": "#6fbf73", "repeated": "#9bb7d4", "refused": "#e0605e",
    "unseen": "#b8b8b8",
}  # fmt: skip
LOCAL = "#8fb8de"


def _colour(item: Planned) -> str:
    if item.status == "new" and item.kind in ("local", "conversion"):
        return LOCAL
    return COLOURS[item.status]


def _lines(item: Planned) -> list[str]:
    lines = [item.task.replace("_", " ")]
    if item.model:
        lines.append(item.model if not item.fallbacks else f"{item.model} +{len(item.fallbacks)}")
    if item.kind == "conversion" and item.about:
        lines.append(item.about)
    if item.makes:
        lines.append(item.makes)
    if item.price.high or item.price.unpriced:
        lines.append("price not known" if item.price.unpriced else f"{item.price.expected:.4f} USD")
    elif item.status not in ("new", "refused"):
        lines.append(item.status)
    return lines


def mermaid(items: Sequence[Planned]) -> str:
    """Return a flowchart, left to right; words in quotes, so that nothing of a prompt is read as syntax."""
    lines = ["flowchart LR"]
    for item in items[:MOST]:
        words = "<br/>".join(escape(line.replace('"', "'"), quote=False) for line in _lines(item))
        lines.append(f'  t{item.number}["{words}"]')
        lines += [f"  t{before} --> t{item.number}" for before in item.after if before < MOST]
        lines.append(f"  style t{item.number} fill:{_colour(item)}")
    if len(items) > MOST:
        lines.append(f'  more["and {len(items) - MOST} more"]')
    return "\n".join(lines)


WIDE, HIGH, GAP_X, GAP_Y, LINE = 260, 78, 60, 18, 14
FITS = 40
"""Characters of a line in a box."""


def _columns(items: Sequence[Planned]) -> dict[int, int]:
    """Return the column of each task run: after those whose media it takes, and just before the first that takes its own."""
    column: dict[int, int] = {}
    for item in items:
        column[item.number] = 1 + max((column.get(before, 0) for before in item.after), default=-1)
    for item in reversed(items):
        takers = [column[other.number] for other in items if item.number in other.after]
        if takers:
            column[item.number] = max(column[item.number], min(takers) - 1)
    return column


def _places(items: Sequence[Planned]) -> dict[int, tuple[int, int]]:
    """Return column and line of each task run: beside the first whose media it takes, where there is room."""
    columns = _columns(items)
    free: dict[int, int] = {}
    place: dict[int, tuple[int, int]] = {}
    for item in sorted(items, key=lambda item: (columns[item.number], not item.after, item.number)):
        at = columns[item.number]
        line = max(free.get(at, 0), min((place[before][1] for before in item.after if before in place), default=0))
        free[at] = line + 1
        place[item.number] = (at, line)
    return place


def svg(items: Sequence[Planned]) -> str:
    """Return a self-contained SVG: a box for each task run, a line for each media value that is handed on."""
    shown = items[:MOST]
    lines = _places(shown)
    place = {number: (10 + at * (WIDE + GAP_X), 10 + row * (HIGH + GAP_Y)) for number, (at, row) in lines.items()}
    wide = 20 + (max((at for at, _ in lines.values()), default=0) + 1) * (WIDE + GAP_X) - GAP_X
    high = 20 + (max((row for _, row in lines.values()), default=0) + 1) * (HIGH + GAP_Y) - GAP_Y
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}" '
        'font-family="system-ui, sans-serif" font-size="11">'
    ]
    for item in shown:
        x, y = place[item.number]
        for before in item.after:
            if before in place:
                bx, by = place[before][0] + WIDE, place[before][1] + HIGH // 2
                parts.append(
                    f'<path d="M{bx} {by} C{bx + 30} {by} {x - 30} {y + HIGH // 2} {x} {y + HIGH // 2}" '
                    'fill="none" stroke="#777" stroke-width="1.5"/>'
                )
    for item in shown:
        x, y = place[item.number]
        box = f'<rect x="{x}" y="{y}" width="{WIDE}" height="{HIGH}" rx="8"'
        parts.append(f'{box} fill="#fff"/>{box} fill="{_colour(item)}" fill-opacity="0.35" stroke="{_colour(item)}"/>')
        for number, line in enumerate(_lines(item)[:5]):
            weight = ' font-weight="600"' if number == 0 else ""
            text = escape(line if len(line) <= FITS else f"{line[: FITS - 1]}…")
            parts.append(f'<text x="{x + 10}" y="{y + 16 + number * LINE}" fill="#222"{weight}>{text}</text>')
    parts.append("</svg>")
    return "".join(parts)
