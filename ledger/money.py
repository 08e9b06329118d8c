"""Money: `Decimal` USD outside, whole nano-USD in the database, so that sums are exact in every database."""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal

from ..errors import ParameterError

__all__ = ["from_nano", "parse_money", "show_money", "to_nano"]

NANO = Decimal(1_000_000_000)
LARGEST = 9_000_000_000
"""USD; what fits into 64 bits of nano-USD."""

AMOUNT = re.compile(r"^\$?\s*(?P<amount>\d+(\.\d+)?|\.\d+)\s*(?P<unit>USD|\$)?$", re.IGNORECASE)


def to_nano(amount: Decimal, *, up: bool = False) -> int:
    """Return USD as nano-USD, rounded to the nearest, or up (for amounts that are set aside).

    Raises:
        ParameterError: Negative, not a number, or over nine thousand million.
    """
    if not amount.is_finite() or not 0 <= amount <= LARGEST:
        raise ParameterError(f"{amount} USD is not an amount of money. Allowed: 0 to {LARGEST}.")
    return int((amount * NANO).to_integral_value(ROUND_CEILING if up else ROUND_HALF_EVEN))


def from_nano(amount: int) -> Decimal:
    """Return nano-USD as USD, without trailing zeros."""
    value = (Decimal(amount) / NANO).normalize()
    return Decimal(f"{value:f}")  # 1E+2 as 100


def show_money(amount: Decimal | None) -> str:
    """Return an amount for people: at least two decimals, `unknown` for None."""
    if amount is None:
        return "unknown"
    exponent = amount.normalize().as_tuple().exponent
    places = -exponent if isinstance(exponent, int) else 2
    return f"{amount:.{max(2, places)}f} USD"


def parse_money(value: str | float | Decimal) -> Decimal:
    """Return an amount of USD from what a user writes: `"25 USD"`, `"$25"`, `"25"`, or a number.

    Raises:
        ParameterError: Not an amount, negative, or in another currency.

    Example:
        >>> parse_money("$0.50")
        Decimal('0.50')
    """
    text = str(value).strip()
    match = AMOUNT.match(text)
    if match is None or isinstance(value, bool):
        raise ParameterError(
            f"{text!r} is not an amount of money. Write it in US dollars, for example '25 USD', '$2.50' or '25'."
        )
    amount = Decimal(match["amount"])
    to_nano(amount)
    return amount
