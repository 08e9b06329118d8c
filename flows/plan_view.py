"""A plan for people: on a terminal, in a notebook, as an artifact."""

from __future__ import annotations

import io
from html import escape
from typing import TYPE_CHECKING, Any

from ._plan_calls import described
from ._planned import Group, Price, amount

if TYPE_CHECKING:
    from .plan_result import Plan

__all__ = ["html_view", "markdown_view", "rich_view", "text"]

SHOWN = 25
"""Lines of each part."""
HEADS = ("task runs", "what", "model, conversion", "makes", "price in USD")


def price_words(price: Price, *, is_floor: bool = False) -> str:
    """Return low, expected and high, or that it is free; what is not known is said."""
    if price.unpriced or is_floor:
        more = f"; no price known for {', '.join(price.unpriced)}" if price.unpriced else ""
        return f"at least {amount(price.low)} USD, expected from {amount(price.expected)} USD{more}"
    if not price.high:
        return "free"
    return f"{amount(price.low)} low, {amount(price.expected)} expected, {amount(price.high)} high (USD)"


def duration_words(seconds: float) -> str:
    """Return a length of time for people."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _figures(group: Group) -> str:
    price = group.price
    if price.unpriced:
        return "not known"
    if not price.high:
        return ""
    if price.low == price.expected == price.high:
        return amount(price.expected)
    return f"{amount(price.low)} / {amount(price.expected)} / {amount(price.high)}"


def _counts(group: Group) -> str:
    parts = [f"{count} {name}" for name, count in group.counts.items() if name != "new"]
    new = group.counts.get("new", 0)
    return " + ".join(([str(new)] if new else []) + parts)


def _cells(group: Group) -> tuple[str, str, str, str, str]:
    what = group.about if group.kind == "conversion" else group.model
    if group.fallbacks:
        what += f", else {', else '.join(group.fallbacks)}"
    if group.kind == "code":
        what = "code that the plan cannot see"
    return _counts(group), group.task, what, group.makes, _figures(group)


def summary(plan: Plan) -> list[str]:
    """Return the sums, a line each."""
    lines: list[str] = []
    if len(plan.rows) > 1 or (plan.rows and plan.rows[0].id):
        states = {name: sum(row.status == name for row in plan.rows) for name in ("run", "finished", "refused")}
        words = {"run": "to run", "finished": "finished before", "refused": "refused"}
        lines.append(f"{len(plan.rows)} rows: " + ", ".join(f"{n} {words[name]}" for name, n in states.items() if n))
    calls = [group for group in plan.groups if group.kind == "call"]
    total = {name: sum(group.counts.get(name, 0) for group in calls) for name in ("new", "open", "paid", "repeated")}
    words = {"new": "new", "open": "under way", "paid": "paid for already", "repeated": "the same as others"}
    made = ", ".join(f"{count} {words[name]}" for name, count in total.items() if count) or "none"
    lines.append(f"{plan.task_runs} task runs. Calls: {made}.")
    if plan.outputs:
        lines.append(f"Gives: {', '.join(described(facts) for facts in plan.outputs[:4])}.")
    lines.append(f"Price: {price_words(plan.price, is_floor=plan.is_floor)}.")
    if plan.saved_usd:
        lines[-1] += f" Paid for before: {amount(plan.saved_usd)} USD."
    low, likely, high = plan.seconds
    span = f" ({duration_words(low)} to {duration_words(high)})" if high - low > 1 else ""
    if plan.time_basis:
        lines.append(f"Time: about {duration_words(likely)}{span}: {plan.time_basis}.")
    return lines


def _parts(plan: Plan) -> list[tuple[str, str, list[str]]]:
    found = [
        ("Difference", "magenta", plan.diff.lines() if plan.diff is not None else []),
        ("Problems", "red", plan.problems),
        ("Not foreseen", "yellow", plan.unforeseen),
        ("To know", "cyan", plan.warnings),
    ]
    return [(title, colour, lines) for title, colour, lines in found if lines]


def _short(lines: list[str]) -> list[str]:
    more = [f"... and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return lines[:SHOWN] + more


def rich_view(plan: Plan) -> Any:
    """Return the plan for a terminal."""
    from rich.console import Group as Stack
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim")
    for number, head in enumerate(HEADS):
        table.add_column(head, justify="right" if number == 4 else "left", overflow="fold")
    for group in plan.groups[:SHOWN]:
        table.add_row(*(Text(cell) for cell in _cells(group)))
    shown: list[Any] = [Text(f"Plan of {plan.pipeline}", style="bold"), table] if plan.groups else []
    if len(plan.groups) > SHOWN:
        shown.append(Text(f"... and {len(plan.groups) - SHOWN} more kinds of work", style="dim"))
    shown += [Text(line) for line in summary(plan)]
    for title, colour, lines in _parts(plan):
        shown.append(Text(title, style=f"bold {colour}"))
        shown += [Text(f"  {line}") for line in _short(lines)]
    return Stack(*shown)


def text(plan: Plan) -> str:
    """Return the plan as plain text."""
    from rich.console import Console

    console = Console(file=io.StringIO(), width=140, color_system=None)
    console.print(rich_view(plan))
    return console.file.getvalue()  # type: ignore[attr-defined]


def html_view(plan: Plan) -> str:
    """Return the plan for a notebook: sums, problems, task runs, the graph of the first row."""
    rows = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{escape(cell)}</td>" for cell in _cells(group)) + "</tr>"
        for group in plan.groups[:SHOWN]
    )
    heads = "".join(f"<th style='text-align:left'>{escape(head)}</th>" for head in HEADS)
    sums = "<br>".join(escape(line) for line in summary(plan))
    parts = "".join(
        f"<p><b>{title}</b></p><ul>" + "".join(f"<li>{escape(line)}</li>" for line in _short(lines)) + "</ul>"
        for title, _, lines in _parts(plan)
    )
    return (
        f"<div><p><b>Plan of {escape(plan.pipeline)}</b></p><p>{sums}</p>{parts}<table><tr>{heads}</tr>{rows}</table>"
        f"<div style='overflow-x:auto'>{plan.svg()}</div></div>"
    )


def _plain(line: str) -> str:
    return "".join(f"\\{char}" if char in "\\`*_[]<>|#" else char for char in line.replace("\n", " "))


def markdown_view(plan: Plan) -> str:
    """Return the plan for a Prefect artifact."""
    lines = [f"# Plan of {_plain(plan.pipeline)}", ""]
    lines += [f"- {_plain(line)}" for line in summary(plan)]
    for title, _, found in _parts(plan):
        lines += ["", f"## {title}", "", *(f"- {_plain(line)}" for line in _short(found))]
    lines += ["", f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|"]
    lines += ["| " + " | ".join(_plain(cell) for cell in _cells(group)) + " |" for group in plan.groups[:SHOWN]]
    return "\n".join([*lines, "", "```mermaid", plan.graph(), "```"])
