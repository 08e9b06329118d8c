"""A card's parameters as a table for people."""

from __future__ import annotations

from typing import Any

from rich.table import Table

__all__ = ["parameters"]

SIZE_HELP = "Or width and height, or aspect_ratio."


def parameters(card: Any) -> Table:
    """Return everything that a model takes: name, default, what is allowed, what it does."""
    table = Table(box=None, pad_edge=False, title_justify="left")
    for column in ("parameter", "default", "allowed", "about"):
        table.add_column(column, overflow="fold")
    for key, rule in card.parameters.items():
        table.add_row(key, *_row(rule))
    if card.size:
        table.add_row("size", *_size(card.size), "" if card.size.strategy == "input" else SIZE_HELP)
    if card.seconds:
        table.add_row("seconds", *_seconds(card.seconds), "")
    for key, rule in card.options.items():
        table.add_row(f"options.{key}", *_row(rule))
    for key, taken in card.inputs.items():
        count = f", up to {taken.max_count}" if taken.max_count > 1 else ""
        table.add_row(key, "required" if taken.required else "none", taken.kind + count, taken.help)
    return table


def _row(rule: Any) -> tuple[str, str, str]:
    default = "required" if rule.required else "not sent" if rule.default is None else _word(rule.default)
    return default, _allowed(rule), rule.help


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _allowed(rule: Any) -> str:
    if rule.choices:
        return ", ".join(str(choice) for choice in rule.choices)
    return _between(rule.min, rule.max) or rule.type


def _between(low: float | None, high: float | None) -> str:
    if high is None:
        return "" if low is None else f"from {low:.10g}"
    return f"to {high:.10g}" if low is None else f"{low:.10g} to {high:.10g}"


def _size(rule: Any) -> tuple[str, str]:
    if rule.strategy == "pixels":
        return "{}x{}".format(*rule.default), rule.allowed
    if rule.strategy == "choices":
        labels = [row.label.strip() for row in rule.rows]
        return labels[0], ", ".join(labels) if rule.fields else "always the same"
    return f"that of the {rule.input}", "follows it"


def _seconds(rule: Any) -> tuple[str, str]:
    if rule.strategy == "choices":
        return f"{rule.default:g}", " or ".join(f"{choice:g}" for choice in rule.choices)
    if rule.strategy == "range":
        step = f" in steps of {rule.step_s:g}" if rule.step_s else ""
        default = "the model chooses" if rule.default is None else f"{rule.default:g}"
        return default, _between(rule.min_s, rule.max_s) + step
    if rule.strategy == "frames":
        frames = ", ".join(map(str, rule.choices.values())) or _between(rule.min_frames, rule.max_frames)
        return (
            f"{rule.default} frames",
            f"{frames} frames at {rule.fps} fps" if rule.fps != "fps" else f"{frames} frames at fps",
        )
    if rule.strategy == "fixed":
        return _between(rule.seconds, rule.max_s) if rule.max_s else f"{rule.seconds:g}", "not chosen"
    return f"that of the {rule.input}", "follows it"
