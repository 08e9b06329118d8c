"""Import one card: ask the provider, draft, write. What a user completed by hand is never written over unasked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ...errors import CardError, UnknownModelError
from .. import registry
from ..card import CAPABILITIES, Card, parse_card, parse_text
from ..catalogue import entries, get, own_folder, packaged, shared_content
from ..credentials import Credentials
from ..parameters import show, suggestion
from .draft import draft, family_of
from .published import Publishes
from .sketch import Left
from .words import slug
from .writing import written

__all__ = ["Imported", "import_card"]

SAME = ("title", "date", "source", "uncertain", "notes", "price", "times", "cancel", "family", "version")
"""What may change on a card without another request being sent."""


Keys = Callable[[str], Awaitable[Credentials | None]]


@dataclass(frozen=True)
class Imported:
    """What an import came to.

    Attributes:
        card: The card, as it was read back.
        path: Where it is.
        left: What is to be completed by hand.
        remarks: What one should know of how it was made.
        how: What told the capability, when that was worked out.
        former: Where the file that was there before is kept.
        replaces: Whether it takes the place of a packaged card.
    """

    card: Card
    path: Path
    left: tuple[Left, ...]
    remarks: tuple[str, ...]
    how: str
    former: Path | None
    replaces: bool


@dataclass(frozen=True)
class _Wanted:
    """Which card, and where it goes."""

    card_id: str
    path: Path


async def import_card(
    model: str, *, out: Path | None = None, replace: bool = False, keys: Keys | None = None
) -> Imported:
    """Import a card from what its provider publishes. Free.

    Args:
        model: `provider:endpoint`, with `#capability` to say what the card is for.
        out: File to write instead of one among the user's own cards.
        replace: Take the place of a packaged card, or of the file that is there; that is kept beside it.
        keys: Gives a provider's credentials; by default they are read from the environment.

    Raises:
        UnknownModelError, UnknownAdapterError: There is no such model, or no such provider.
        MissingCredentialsError: No key for the provider.
        CardError: Nothing usable is published, or something is in the way.
        ProviderError: The request failed.
    """
    provider, endpoint, said = _read(model)
    if not issubclass(registry.adapter_class(provider), Publishes):
        publish = [name for name in registry.names() if issubclass(registry.adapter_class(name), Publishes)]
        raise CardError(
            f"{provider!r} publishes no schemas of its models; {' and '.join(publish)} do. Write the card by hand: "
            "docs/own-cards.md shows how."
        )
    adapter = cast("Publishes", registry.create(provider, await keys(provider) if keys else None))
    try:
        adapter.check_endpoint(endpoint)
        wanted = _wanted(provider, endpoint, said, out)
        _refuse(wanted, replace)
        published = await adapter.published(endpoint)
    finally:
        await adapter.aclose()
    before = _before(wanted)
    made = draft(published, wanted.card_id, said=said, family=_family(wanted, published.endpoint))
    card = parse_text(written(made), f"made from {model}", shared_content(provider))
    if before is not None:
        made.content["version"] = before.version + (_sent(before) != _sent(card))
    former = _write(wanted.path, written(made))
    card = parse_card(wanted.path, shared_content(provider))
    replaces = wanted.card_id in packaged() and wanted.path.is_relative_to(own_folder())
    return Imported(card, wanted.path, made.left, made.remarks, made.how, former, replaces)


def _read(model: str) -> tuple[str, str, str]:
    """Return provider, endpoint and wished capability."""
    name, hash_, said = model.partition("#")
    provider, colon, endpoint = name.partition(":")
    if not colon or not provider or not endpoint:
        raise UnknownModelError(f"Cannot import {show(model)}. Expected provider:id, such as fal:fal-ai/flux/dev.")
    if hash_ and said not in CAPABILITIES:
        hint = suggestion(said, CAPABILITIES)
        raise UnknownModelError(f"Unknown capability {show(said)}. Known: {', '.join(CAPABILITIES)}.{hint}")
    return provider, endpoint, said


def _wanted(provider: str, endpoint: str, said: str, out: Path | None) -> _Wanted:
    name = endpoint.partition(":")[0]
    card_id = f"{provider}:{name}" + (f"#{said}" if said else "")
    if out is not None:
        return _Wanted(card_id, out.expanduser().absolute())
    known = entries().get(card_id)
    if known is not None and known.path.is_relative_to(own_folder()):
        return _Wanted(card_id, known.path)
    file = card_id.partition(":")[2].replace("#", "--").replace("/", "--")
    return _Wanted(card_id, own_folder() / provider / f"{file}.toml")


def _refuse(wanted: _Wanted, replace: bool) -> None:
    """Refuse what would write over a file or hide a card, unless that was asked for."""
    path, card_id = wanted.path, wanted.card_id
    if path.is_dir():
        raise CardError(f"{path} is a folder. Give --out the name of a file.")
    inside = path.is_relative_to(own_folder())
    if inside:
        _refuse_other(wanted)
    if replace:
        return
    if path.exists():
        raise CardError(
            f"{path} is there already, and may hold what was completed by hand. With --replace it is written anew, and the "
            "old one kept beside it; --out FILE writes elsewhere."
        )
    if inside and card_id in packaged():
        raise CardError(
            f"{card_id} is a packaged card, made and completed by hand; see `prefect-media models show {card_id}`. With "
            "--replace the imported one takes its place; --out FILE writes it elsewhere."
        )


def _refuse_other(wanted: _Wanted) -> None:
    """Two of the user's cards cannot have one id, nor one file two cards."""
    for card_id, entry in entries().items():
        if entry.path.is_relative_to(own_folder()) and (card_id == wanted.card_id) != (entry.path == wanted.path):
            held = f"{entry.path} holds the card {card_id}"
            raise CardError(f"{held}. Move it, or give --out another file than {wanted.path}.")


def _before(wanted: _Wanted) -> Card | None:
    """Return the card of this id that calls were made by so far."""
    return get(wanted.card_id) if wanted.card_id in entries() else None


def _family(wanted: _Wanted, endpoint: str) -> str:
    """Return the family to keep; empty to make one.

    A family that others have would let calls by its name go to this card: that is for its owner to say.
    """
    known = entries()
    if wanted.card_id in known:
        return known[wanted.card_id].family
    made = family_of(endpoint)
    if any(entry.family == made for entry in known.values() if entry.endpoint.partition(":")[2] != endpoint):
        return slug(endpoint.replace("/", "-"))
    return made


def _sent(card: Card) -> dict[str, Any]:
    return card.model_dump(mode="json", exclude=set(SAME))


def _write(path: Path, text: str) -> Path | None:
    """Write the file in one step; return where the one that was there is kept."""
    former: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.write_text(text, encoding="utf-8")
        if path.exists():
            former = next(old for n in range(1, 10_000) if not (old := path.with_name(f"{path.name}.old{n}")).exists())
            path.rename(former)
        part.replace(path)
    except OSError as exc:
        raise CardError(f"Cannot write the card {path}: {exc.strerror}.") from exc
    return former
