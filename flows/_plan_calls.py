"""A call in a plan: which models it can go to, what it will cost, what it will give, and whether it is paid for already."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from prefect.results import ResultRecord  # pyright: ignore[reportPrivateImportUsage]
from prefect.settings import get_current_settings

from ..adapters import registry
from ..adapters.key import call_key
from ..adapters.prices import Estimate, estimate
from ..adapters.resolve import Resolved, resolve
from ..blocks import load_default_credentials
from ..errors import MissingCredentialsError, PrefectMediaError
from ..ledger import Call, CallState, Ledger
from ..media.facts import Facts, facts_of
from ..tasks._candidates import Choice, Wanted, available_providers
from ..tasks.call import PAID_TRIES, _stored
from ._own_loop import in_own_loop
from ._planned import Price
from ._symbolic import told

__all__ = ["Known", "Option", "fitted", "missing_key", "option", "stored_outputs", "total_price"]

MOST_KEYS = 500_000
"""Calls of the ledger that a plan remembers; above, it asks for each call."""


@dataclass
class Known:
    """What has been made before: looked up, never changed.

    Attributes:
        seen: Call keys of the rows planned so far, shortened.
    """

    ledger: Ledger | None = None
    keys: set[str] | None = None
    results: Path | None = None
    seen: set[bytes] = field(default_factory=set)
    available: set[str] = field(default_factory=set)
    without: set[str] = field(default_factory=set)
    outside: Context = field(default_factory=copy_context)
    """Where the plan was asked for: Prefect's client there may look for blocks."""

    @classmethod
    def now(cls) -> Known:
        """Return what there is at this moment."""
        ledger = Ledger.current()
        keys = ledger.calls.known_keys(MOST_KEYS)
        settings = get_current_settings()
        plain = settings.results.default_storage_block is None
        folder = Path(settings.results.local_storage_path) if plain else None
        return cls(
            ledger, keys, folder if folder is not None and folder.is_dir() else None, set(), available_providers()
        )

    def can_call(self, provider: str) -> bool:
        """Return whether there are credentials: in the environment, in use, or in a block on the server."""
        if provider not in self.available and provider not in self.without:
            found = self.outside.copy().run(in_own_loop, lambda: load_default_credentials(provider))
            (self.available if found is not None else self.without).add(provider)
        return provider in self.available

    def call(self, key: str) -> Call | None:
        """Return a call of the ledger."""
        if self.ledger is None or (self.keys is not None and key not in self.keys):
            return None
        return self.ledger.calls.find(key)

    def result(self, key: str | None) -> Any:
        """Return a stored task result, or None: results are records of media and plain values, never code."""
        if key is None or self.results is None:
            return None
        file = self.results / key
        try:
            blob = file.read_bytes()
        except OSError:
            return None
        if b'"media-json"' not in blob:  # written by another serializer, which may run code when it reads
            return None
        try:
            return ResultRecord.deserialize(blob).result
        except (PrefectMediaError, ValueError, KeyError, TypeError):
            return None  # as for Prefect itself: a record that does not load is absent


def stored_outputs(call: Call | None) -> list[Any] | None:
    """Return what a finished call gave, when the store still holds it."""
    return _stored(call) if call is not None and call.state == CallState.DONE else None


@dataclass(frozen=True)
class Option:
    """One model of a request, resolved against what is known.

    Attributes:
        inputs: Input media after conversions: real, or facts.
        key: Call key; made of stand-ins where an input does not exist yet.
    """

    choice: Choice
    resolved: Resolved
    estimate: Estimate
    key: str

    @property
    def id(self) -> str:
        """Card id."""
        return self.choice.card.id


def as_facts(value: Any) -> Facts:
    """Return the facts of real or planned media."""
    known = told(value)
    return known.facts if known is not None else facts_of(value)


def fitted(choice: Choice, name: str, number: int) -> Facts:
    """Return the facts of an input after its planned conversions."""
    facts = choice.facts[name]
    return facts[number] if isinstance(facts, list) else facts


def option(choice: Choice, digests: Mapping[str, Any], facts: Mapping[str, Any] | None = None) -> Option:
    """Return a choice with its price and key.

    Args:
        choice: From `choices`.
        digests: Of the inputs after conversions, by name, a list for a list.
        facts: Of the inputs after conversions, where these were made before and more is known than was planned.
    """
    wanted, card, resolved = choice.wanted, choice.card, choice.resolved
    if facts is not None or resolved is None:
        given = {**wanted.given, "take": wanted.take}
        resolved = resolve(card, given, wanted.options, facts or choice.facts, strict=wanted.strict)
    return Option(choice, resolved, estimate(card, resolved), call_key(card, resolved, digests, wanted.take))


def missing_key(provider: str) -> str:
    """Return what is missing, and how to give it."""
    try:
        registry.from_environment(provider)
    except MissingCredentialsError as exc:
        return str(exc)
    except PrefectMediaError as exc:
        return str(exc)
    return f"{provider} has no credentials."


def total_price(options: list[Option], usable: list[Option]) -> Price:
    """Return the price of a request over its models.

    Low: the cheapest model at its cheapest, since a refusal costs nothing and moves on. Expected: the first that can be
    called. High: every paid attempt of every model.
    """
    if not usable:
        usable = options
    unpriced = tuple(option.id for option in usable if not option.estimate.known)
    lows = [option.estimate.low or Decimal(0) for option in usable]
    first = usable[0].estimate
    high = sum((PAID_TRIES * option.estimate.high for option in usable if option.estimate.high is not None), Decimal(0))
    return Price(min(lows), first.expected or Decimal(0), high, unpriced)


def stand_in(*parts: str) -> str:
    """Return a digest for media that does not exist yet."""
    return hashlib.sha256("\0".join(("planned", *parts)).encode()).hexdigest()


@lru_cache(maxsize=1024)
def described(facts: Facts) -> str:
    """Say what media will be: `video 1280x720, 5 s, 24 fps`."""
    if facts.kind == "text":
        return "text"
    parts: list[str] = []
    if facts.kind in ("image", "video"):
        wide, high = facts.width_px, facts.height_px
        parts.append(f"{_short(wide)}x{_short(high)}" if wide and high else "size unknown")
    if facts.kind in ("video", "audio"):
        parts.append(f"{_short(facts.duration_s)} s" if facts.duration_s else "length unknown")
    if facts.kind == "video" and facts.frame_rate:
        parts.append(f"{_short(facts.frame_rate)} fps")
    if facts.media_type:
        parts.append(facts.media_type.partition("/")[2])
    return f"{facts.kind} {', '.join(parts)}"


def _short(span: Any) -> str:
    return _figure(span.low) if span.exact else f"{_figure(span.low)}-{_figure(span.high)}"


def _figure(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def shortened(key: str) -> bytes:
    """Return enough of a key to tell a million apart."""
    return bytes.fromhex(key[:20])


__all__ += ["as_facts", "described", "shortened", "stand_in", "wanted_text"]


def wanted_text(wanted: Wanted) -> str:
    """Return the prompt or text, shortened."""
    text = str(wanted.given.get("prompt") or wanted.given.get("text") or "")
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}..."
