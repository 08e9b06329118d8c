"""`models`: the catalogue."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from ._output import money, out, print_json
from .main import Exit, app


def _described(card: Any) -> dict[str, Any]:
    from ..adapters.catalogue import typical_price

    price = typical_price(card)
    return {
        "id": card.id,
        "family": card.family,
        "capability": card.capability,
        "title": card.title,
        "typical_usd": None if price is None else float(price),
        "expected_s": card.times.expected_s,
    }


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": False},
    help="List models; `models show ID` tells all of one.",
)
def models(
    words: Annotated[list[str] | None, typer.Argument(help="Words to look for; or `show ID`.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,
) -> int:
    """List models, or show one."""
    words = words or []
    if words[:1] == ["show"] and len(words) == 2:
        return _show(words[1], as_json)
    from ..adapters.catalogue import search

    found = [_described(card) for card in search(" ".join(words))]
    if as_json:
        print_json(found)
        return Exit.DONE
    table = Table(box=None, pad_edge=False)
    for name in ("id", "family", "capability"):
        table.add_column(name, overflow="fold")
    table.add_column("typical", justify="right")
    for card in found:
        table.add_row(card["id"], card["family"], card["capability"], money(card["typical_usd"]))
    out.print(table if found else f"No model has the words {' '.join(words)!r}. `prefect-media models` lists all.")
    return Exit.DONE if found else Exit.REFUSED


def _show(name: str, as_json: bool) -> int:
    from ..adapters.catalogue import find

    card = find(name)
    if as_json:
        print_json(card.model_dump(mode="json"))
        return Exit.DONE
    out.print(f"[bold]{card.id}[/]  {card.title}")
    out.print(f"{card.capability}, family {card.family}, card version {card.version}, {card.date}", markup=False)
    price = _described(card)["typical_usd"]
    out.print(f"typical price {money(price)}, about {card.times.expected_s:g} s, deadline {card.times.deadline_s:g} s")
    table = Table(box=None, pad_edge=False, title_justify="left")
    for column in ("parameter", "default", "allowed", "about"):
        table.add_column(column, overflow="fold")
    for key, rule in {**card.parameters, **{f"options.{key}": rule for key, rule in card.options.items()}}.items():
        default = "required" if rule.required else str(rule.default)
        table.add_row(key, default, _allowed(rule), rule.help)
    for key, taken in card.inputs.items():
        table.add_row(key, "required" if taken.required else "none", taken.kind, taken.help)
    out.print(table)
    out.print(f"Source: {card.source}", markup=False)
    for line in (*card.notes, *(f"not confirmed: {item}" for item in card.uncertain)):
        out.print(f"- {line}", markup=False)
    return Exit.DONE


def _allowed(rule: Any) -> str:
    if rule.choices:
        return ", ".join(str(choice) for choice in rule.choices)
    if rule.min is not None or rule.max is not None:
        low = "" if rule.min is None else f"{rule.min:g}"
        return f"{low} to {rule.max:g}" if rule.max is not None else f"from {low}"
    return rule.type
