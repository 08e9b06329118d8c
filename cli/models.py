"""`models`: the catalogue. `models WORDS` searches, `models show` tells, `models import` adds."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from typer.core import TyperGroup

from ._cards import parameters
from ._output import money, out, print_json
from .main import Exit, app

JSON = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


class _WordsOrCommand(TyperGroup):
    """Takes what is none of its commands as words to look for."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = args and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if known else ["list", *args])


models_app = typer.Typer(
    cls=_WordsOrCommand,
    help="The catalogue of models. `models WORDS` lists those that have every word in id, family, title or capability.",
    subcommand_metavar="[WORDS]... | COMMAND [ARGS]...",
)
app.add_typer(models_app, name="models")


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
        **_origin(card.id),
    }


def _origin(card_id: str) -> dict[str, Any]:
    """Say whose card it is: the file of one of the user's own, and whether it hides a packaged one."""
    from ..adapters.catalogue import entries, own_folder, packaged

    path = entries()[card_id].path
    own = path.is_relative_to(own_folder())
    return {"own_card": str(path) if own else None, "replaces_packaged": own and card_id in packaged()}


@models_app.command("list")
def list_models(
    words: Annotated[list[str] | None, typer.Argument(help="Words to look for; none lists all.")] = None,
    as_json: JSON = False,
) -> int:
    """List models that have every word in id, family, title or capability; `list` itself need not be written."""
    from ..adapters.catalogue import search

    looked_for = " ".join(words or [])
    found = [_described(card) for card in search(looked_for)]
    if as_json:
        print_json(found)
        return Exit.DONE
    table = Table(box=None, pad_edge=False)
    for name in ("id", "family", "capability"):
        table.add_column(name, overflow="fold")
    table.add_column("typical", justify="right")
    table.add_column("", overflow="fold")
    for card in found:
        whose = (
            "yours, in place of the packaged one" if card["replaces_packaged"] else "yours" if card["own_card"] else ""
        )
        table.add_row(card["id"], card["family"], card["capability"], money(card["typical_usd"]), whose)
    out.print(table if found else f"No model has the words {looked_for!r}. `prefect-media models` lists all.")
    return Exit.DONE if found else Exit.REFUSED


@models_app.command()
def show(
    model: Annotated[str, typer.Argument(metavar="ID", help="Id of a card, or a family: then its cheapest host.")],
    as_json: JSON = False,
) -> int:
    """Tell all of one model: parameters with defaults, inputs, price, times, where the facts are from."""
    from ..adapters.catalogue import find

    card = find(model)
    if as_json:
        print_json(card.model_dump(mode="json") | _origin(card.id))
        return Exit.DONE
    out.print(f"[bold]{card.id}[/]  {card.title}")
    out.print(f"{card.capability}, family {card.family}, card version {card.version}, {card.date}", markup=False)
    origin = _origin(card.id)
    if origin["own_card"]:
        hides = ", in place of the packaged one" if origin["replaces_packaged"] else ""
        out.print(f"Your card {origin['own_card']}{hides}", markup=False)
    price = _described(card)["typical_usd"]
    out.print(f"typical price {money(price)}, about {card.times.expected_s:g} s, deadline {card.times.deadline_s:g} s")
    out.print(parameters(card))
    out.print(f"Source: {card.source}", markup=False)
    for line in (*card.notes, *(f"not confirmed: {item}" for item in card.uncertain)):
        out.print(f"- {line}", markup=False)
    return Exit.DONE


@models_app.command("import")
def import_model(
    model: Annotated[
        str,
        typer.Argument(metavar="PROVIDER:ID", help="replicate:owner/name or fal:id; #CAPABILITY says what it is for."),
    ],
    target: Annotated[
        Path | None,
        typer.Option("--out", help="File to write, instead of one among your own cards.", show_default=False),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Write over the file that is there, or in place of a packaged card.")
    ] = False,
    as_json: JSON = False,
) -> int:
    """Make a card of your own from the schema that the provider publishes. Free; needs the provider's key, in the
    environment or in its block named `default`.

    What the schema does not say stays unknown and is marked in the file, to be completed by hand.
    """
    from ..adapters.importing.run import import_card
    from ..tasks._providers import credentials_for

    done = asyncio.run(import_card(model, out=target, replace=replace, keys=credentials_for))
    if as_json:
        print_json(
            {
                "id": done.card.id,
                "path": done.path,
                "capability": done.card.capability,
                "capability_guessed_from": done.how or None,
                "parameters": list(done.card.accepted),
                "options": list(done.card.options),
                "complete": [{"where": item.where, "text": item.text} for item in done.left],
                "uncertain": list(done.card.uncertain),
                "remarks": [*done.card.notes, *done.remarks],
                "former": done.former,
                "replaces_packaged": done.replaces,
            }
        )
        return Exit.DONE
    _tell(done)
    return Exit.DONE


def _tell(done: Any) -> None:
    card = done.card
    out.print(f"Wrote {done.path}", markup=False)
    if done.former:
        out.print(f"The file that was there is now {done.former}", markup=False)
    if done.replaces:
        out.print(f"It takes the place of the packaged card {card.id}; delete it to have that back.", markup=False)
    guessed = f" (a guess: {done.how})" if done.how else ""
    out.print(f"{card.id} is {card.capability}{guessed}. It takes {', '.join(card.accepted)}.", markup=False)
    if card.options:
        out.print(f"Options: {', '.join(card.options)}.", markup=False)
    if done.left:
        out.print("To complete by hand, marked COMPLETE in the file:")
    for item in done.left:
        out.print(f"- {item.where}: {item.text}", markup=False)
    for line in (*card.notes, *done.remarks):
        out.print(f"Note: {line}", markup=False)
