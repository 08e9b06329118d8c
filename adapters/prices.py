"""What a call will cost, and what it did cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..media.facts import Facts, facts_of
from ..media.types import AnyMedia
from .base import Usage
from .card import Card
from .resolve import Resolved
from .terms import Money, Terms

__all__ = ["Estimate", "actual", "estimate"]


@dataclass(frozen=True)
class Estimate:
    """Price of one call in USD before it is made. All three figures are None when the price is not known.

    Attributes:
        low, expected, high: The figures.
        unit: What is charged for (`image`, `second`, `gpu_second`, ...).
        notes: Doubts about the figures.
    """

    low: Decimal | None
    expected: Decimal | None
    high: Decimal | None
    unit: str = ""
    notes: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether there is a price at all."""
        return self.high is not None


def _each(inputs: Mapping[str, Any] | None) -> tuple[Facts, ...]:
    found: list[Facts] = []
    for value in (inputs or {}).values():
        for item in value if isinstance(value, (list, tuple)) else [value]:  # pyright: ignore[reportUnknownVariableType]
            if item is not None:
                found.append(item if isinstance(item, Facts) else facts_of(item))  # pyright: ignore[reportUnknownArgumentType]
    return tuple(found)


def _terms(card: Card, resolved: Resolved, output: Facts, count: int, inputs: tuple[Facts, ...]) -> Terms:
    text = resolved.parameters.get("text") or resolved.parameters.get("prompt") or ""
    return Terms(payload=resolved.payload, text=str(text), output=output, count=count, inputs=inputs)


def estimate(
    card: Card, resolved: Resolved, inputs: Mapping[str, AnyMedia | Facts | Sequence[AnyMedia | Facts]] | None = None
) -> Estimate:
    """Return the price of a call before it is made.

    Args:
        card: The model.
        resolved: The translated request.
        inputs: Input media or its predicted facts; by default what `resolved` holds.
    """
    tariff = card.price
    given = _each(inputs if inputs is not None else resolved.media)
    money: Money = tariff.charge(_terms(card, resolved, resolved.expected, resolved.count, given))
    notes = [f"{card.id}: no primary source confirms the price."] if not tariff.verified else []
    if money.high is None:
        notes.append(f"{card.id}: the price is not known.")
    if tariff.note:
        notes.append(f"{card.id}: {tariff.note}")
    return Estimate(money.low, money.expected, money.high, tariff.unit, tuple(notes))


def actual(
    card: Card,
    resolved: Resolved,
    usage: Usage,
    outputs: Sequence[AnyMedia | Facts] | AnyMedia | Facts | None = None,
) -> Decimal | None:
    """Return what a finished call cost, in USD.

    What the provider states counts first, then the quantities it reports, then the price rule for what was found in the
    outputs. None when none of these tells.
    """
    if card.price.rule == "free":
        return Decimal(0)
    if usage.cost_usd is not None:
        return usage.cost_usd
    found = _each({"outputs": outputs} if outputs is not None else None)
    facts = found[0] if found else resolved.expected
    terms = _terms(card, resolved, facts, len(found) or resolved.count, _each(resolved.media))
    settled = card.price.settled(usage.units, terms)
    return settled if settled is not None else card.price.charge(terms).exact
