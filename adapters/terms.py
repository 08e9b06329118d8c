"""Money, the terms a price depends on, and what every price rule has in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..media.facts import Facts

__all__ = ["MICRO", "Money", "TariffBase", "Terms", "as_decimal", "as_word"]

MICRO = Decimal("0.000001")


@dataclass(frozen=True)
class Money:
    """A price: the least, the likely and the most it can be. All three are None when the price is not known."""

    low: Decimal | None = None
    expected: Decimal | None = None
    high: Decimal | None = None

    @classmethod
    def of(cls, low: Decimal, expected: Decimal | None = None, high: Decimal | None = None) -> Money:
        """Round to a millionth of a dollar; one figure stands for all three."""
        figures = (low, low if expected is None else expected, low if high is None else high)
        return cls(*(figure.quantize(MICRO, ROUND_HALF_UP) for figure in figures))

    @property
    def exact(self) -> Decimal | None:
        """The price when it is certain."""
        return self.expected if self.low == self.high else None


@dataclass(frozen=True)
class Terms:
    """What a price depends on.

    Attributes:
        payload: The provider's own parameters.
        text: The prompt or the text to speak.
        output: Facts of one output: predicted, or found.
        count: Number of outputs.
        inputs: Facts of the input media, one for each file.
    """

    payload: Mapping[str, Any]
    text: str = ""
    output: Facts = field(default_factory=lambda: Facts(kind="image"))
    count: int = 1
    inputs: tuple[Facts, ...] = ()


def as_decimal(number: float) -> Decimal:
    return Decimal(repr(round(number, 9)))


def as_word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class TariffBase(BaseModel):
    """Fields of every rule.

    Attributes:
        usd: Price of one unit.
        by: Provider fields that the price depends on; `table` then holds a price for their values, joined with commas.
        table: `{"720p,true" = 0.40}`.
        reported: USD for one unit that the provider reports after the call (`characters`, `credits`, ...).
        verified: False when no primary source confirms the price.
        note: Anything a plan should say.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd: Decimal | None = Field(default=None, ge=0)
    by: tuple[str, ...] = ()
    table: dict[str, Decimal] = {}
    reported: dict[str, Decimal] = {}
    verified: bool = True
    note: str = ""

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        if bool(self.by) != bool(self.table) and "plan" not in type(self).model_fields:
            raise ValueError("`by` and `table` go together")
        return self

    @property
    def unit(self) -> str:
        """Name of the unit, for people."""
        return str(getattr(self, "rule", ""))

    def rate(self, terms: Terms) -> Decimal | None:
        """Price of one unit for these terms; None when the table does not hold them."""
        if not self.by:
            return self.usd
        values: list[str] = []
        for name in self.by:
            value: Any = terms.payload
            for part in name.split("."):
                value = value.get(part) if isinstance(value, Mapping) else None
            values.append(as_word(value))
        return self.table.get(",".join(values), self.usd)

    def charge(self, terms: Terms) -> Money:
        """Price of a call with these terms."""
        raise NotImplementedError

    def settled(self, units: Mapping[str, Decimal], terms: Terms) -> Decimal | None:
        """Price from the quantities that the provider reported; None when they do not tell."""
        for name, usd in self.reported.items():
            if name in units:
                return (units[name] * usd).quantize(MICRO, ROUND_HALF_UP)
        if "billable_units" in units and self.usd is not None and self.linear:
            return (units["billable_units"] * self.usd).quantize(MICRO, ROUND_HALF_UP)
        return None

    @property
    def linear(self) -> bool:
        """Whether the price is one rate times a quantity, so that reported billable units settle it."""
        return not self.by
