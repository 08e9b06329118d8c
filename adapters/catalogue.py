"""The catalogue: packaged cards and the user's own, found by id, family, capability or words.

Only the first lines of each file are read to know what there is; a card is parsed when it is asked for, and again only
when its file has changed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Generator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from ..errors import CardError, ConfigurationError, UnknownModelError
from ..media.facts import Facts, Span
from ..settings import get_settings
from .card import CAPABILITIES, Card, named, parse_card
from .parameters import suggestion
from .prices import estimate
from .resolve import resolve

__all__ = [
    "Entry", "all_cards", "candidates", "entries", "find", "get", "own_folder", "packaged", "remembered", "search",
    "shared_content",
]  # fmt: skip

HEAD = re.compile(r"^(id|family|capability|title)\s*=\s*[\"']([^\"']*)[\"']", re.MULTILINE)
SHARED = "_provider.toml"


@dataclass(frozen=True)
class Entry:
    """What the first lines of a card say."""

    id: str
    family: str
    capability: str
    title: str
    path: Path

    @property
    def provider(self) -> str:
        """Name of the adapter."""
        return self.id.partition(":")[0]

    @property
    def endpoint(self) -> str:
        """The id without `#...`."""
        return self.id.partition("#")[0]


def _packaged() -> Path:
    return Path(str(resources.files(__package__ or "") / "cards"))


@lru_cache(maxsize=4096)
def _entry(path: Path, modified_ns: int, size: int) -> Entry:
    text = path.read_text(encoding="utf-8", errors="replace")
    found = dict(reversed(HEAD.findall(text.split("\n[", 1)[0])))
    missing = [name for name in ("id", "family", "capability") if name not in found]
    if missing:
        raise CardError(f"Card {named(path)} is not valid: {missing[0]}: missing, or below a table header.")
    return Entry(found["id"], found["family"], found["capability"], found.get("title", ""), path)


@lru_cache(maxsize=64)
def _shared(path: Path, modified_ns: int) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as exc:
        raise CardError(f"{named(path)} is not valid TOML: {exc}.") from exc


@lru_cache(maxsize=4096)
def _parsed(path: Path, modified_ns: int, size: int, shared: Path | None, shared_ns: int) -> Card:
    return parse_card(path, _shared(shared, shared_ns) if shared else None)


@lru_cache(maxsize=4096)
def _typical(path: Path, modified_ns: int, size: int, shared: Path | None, shared_ns: int) -> Decimal | None:
    return typical_price(_parsed(path, modified_ns, size, shared, shared_ns))


def _files(folder: Path) -> Iterator[tuple[Path, int, int]]:
    for path in sorted(folder.rglob("*.toml")):
        if path.name != SHARED:
            stat = path.stat()
            yield path, stat.st_mtime_ns, stat.st_size


def _shared_file(entry: Entry) -> Path | None:
    beside = entry.path.parent / SHARED
    if beside.exists():
        return beside
    return _packaged_shared(entry.provider)


def _packaged_shared(provider: str) -> Path | None:
    path = _packaged() / provider / SHARED
    return path if path.exists() else None


def shared_content(provider: str) -> dict[str, Any]:
    """Return what the cards of a provider share, as packaged."""
    path = _packaged_shared(provider)
    return _shared(path, path.stat().st_mtime_ns) if path else {}


@lru_cache(maxsize=1)
def packaged() -> dict[str, Entry]:
    """Return the packaged cards by id."""
    return {entry.id: entry for entry in (_entry(*file) for file in _files(_packaged()))}


def own_folder() -> Path:
    """Return the folder of the user's own cards; it need not exist."""
    return get_settings().home / "cards"


def entries() -> dict[str, Entry]:
    """Return what there is, by id; the user's cards in `<home>/cards` replace packaged ones of the same id.

    Raises:
        CardError: A card's first lines do not say what it is.
    """
    folder = own_folder()
    if not folder.is_dir():
        return packaged()
    own: dict[str, Entry] = {}
    for entry in (_entry(*file) for file in _files(folder)):
        if entry.id in own:
            raise CardError(f"Two cards say id {entry.id!r}: {named(own[entry.id].path)} and {named(entry.path)}.")
        own[entry.id] = entry
    return {**packaged(), **own}


def _state(entry: Entry) -> tuple[Path, int, int, Path | None, int]:
    """What a parsed card depends on."""
    stat, shared = entry.path.stat(), _shared_file(entry)
    return entry.path, stat.st_mtime_ns, stat.st_size, shared, shared.stat().st_mtime_ns if shared else 0


def _load(entry: Entry) -> Card:
    return _parsed(*_state(entry))


def _unknown(model: str, known: dict[str, Entry]) -> UnknownModelError:
    families = sorted({entry.family for entry in known.values()})
    endpoints = {card_id.partition(":")[2]: card_id for card_id in known}
    if model in endpoints:
        return UnknownModelError(f"Unknown model {model!r}. Did you mean {endpoints[model]!r}?")
    hint = suggestion(model, [*families, *known])
    if not hint and ":" in model:
        provider = model.partition(":")[0]
        providers = sorted({entry.provider for entry in known.values()})
        if provider not in providers:
            hint = f" There is no provider {provider!r}; there are {', '.join(providers)}."
    more = " `prefect-media models` lists all."
    return UnknownModelError(f"Unknown model {model!r}.{hint}{more}")


def get(card_id: str) -> Card:
    """Return one card by its full id.

    Raises:
        UnknownModelError: With the nearest id or family.
        CardError: The card does not validate.
    """
    known = entries()
    if card_id not in known:
        raise _unknown(card_id, known)
    return _load(known[card_id])


def all_cards() -> list[Card]:
    """Return every card, sorted by id."""
    return [_load(entry) for _, entry in sorted(entries().items())]


def search(words: str = "") -> list[Card]:
    """Return the cards that have every word in id, family, title or capability, sorted by id."""
    wanted = words.lower().split()
    found = [
        entry
        for _, entry in sorted(entries().items())
        if all(word in f"{entry.id} {entry.family} {entry.title} {entry.capability}".lower() for word in wanted)
    ]
    return [_load(entry) for entry in found]


def typical_price(card: Card) -> Decimal | None:
    """Return the expected price of a call with all defaults, for comparing hosts; None when it is not known."""
    side, length = Span.exactly(1024), Span.exactly(5)
    facts = {
        "image": Facts(kind="image", width_px=side, height_px=side),
        "video": Facts(kind="video", width_px=side, height_px=side, duration_s=length),
        "audio": Facts(kind="audio", duration_s=length),
    }
    given = {name: "x" * 100 for name in ("prompt", "text") if name in card.parameters}
    inputs = {name: facts[rule.kind] for name, rule in card.inputs.items() if rule.required}
    try:
        return estimate(card, resolve(card, given, None, inputs)).expected
    except ConfigurationError:
        return None


def candidates(model: str, capability: str | None = None, available: Collection[str] | None = None) -> list[Card]:
    """Return the cards that a name can mean, best first.

    Args:
        model: Card id, or a family that one or several providers host.
        capability: What it must do; a family or an endpoint can have one card for each.
        available: Providers with credentials. Hosts among them come first, then the cheaper, then those with no known
            price; None treats all alike. `local` is always available.

    Raises:
        UnknownModelError: No such name, or nothing of that name has the capability.
    """
    known = entries()
    named = [entry for entry in known.values() if model in (entry.id, entry.family)]
    if model in known:
        named = [entry for entry in known.values() if entry.endpoint == known[model].endpoint and "#" not in model]
        named = named or [known[model]]
        if capability is None:
            named = [known[model]]
    if not named:
        raise _unknown(model, known)
    able = [entry for entry in named if capability in (None, entry.capability)]
    if not able:
        raise _unable(model, str(capability), named, known)
    ranked = sorted(able, key=lambda entry: _rank(entry, available)) if len(able) > 1 else able
    return [_load(entry) for entry in ranked]


def _rank(entry: Entry, available: Collection[str] | None) -> tuple[bool, bool, Decimal, str]:
    usable = available is None or entry.provider in ("local", *available)
    price = _typical(*_state(entry))
    return not usable, price is None, price or Decimal(0), entry.id


def _unable(model: str, capability: str, named: list[Entry], known: dict[str, Entry]) -> UnknownModelError:
    if capability not in CAPABILITIES:
        hint = suggestion(capability, CAPABILITIES)
        return UnknownModelError(f"Unknown capability {capability!r}. Known: {', '.join(CAPABILITIES)}.{hint}")
    does = ", ".join(sorted({entry.capability for entry in named}))
    others = sorted({entry.family for entry in known.values() if entry.capability == capability})
    family = {entry.family for entry in named}
    same = sorted(e.id for e in known.values() if e.family in family and e.capability == capability)
    hint = f" Use {same[0]!r}." if same else f" Models that do: {', '.join(others)}."
    return UnknownModelError(f"Model {model!r} does {does}, not {capability}.{hint}")


def find(model: str, capability: str | None = None, available: Collection[str] | None = None) -> Card:
    """Return the best card for a name: see `candidates`.

    Raises:
        UnknownModelError: No such name, or nothing of that name has the capability.
    """
    known = _remembered.get()
    if known is None:
        return candidates(model, capability, available)[0]
    mark = (model, capability, None if available is None else frozenset(available))
    if mark not in known:
        known[mark] = candidates(model, capability, available)[0]
    return known[mark]


_remembered: ContextVar[dict[Any, Card] | None] = ContextVar("prefect_media_cards_found", default=None)


@contextmanager
def remembered() -> Generator[None]:
    """Look each name up once inside this block: what thousands of rows ask for is found in the files only once."""
    token = _remembered.set({})
    try:
        yield
    finally:
        _remembered.reset(token)
