"""What the simulated account is charged: a price rule in words, applied to what was made."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..errors import ConfigurationError
from .product import Product

__all__ = ["Charge", "Price"]

UNITS = ("image", "MP", "s", "clip", "gpu-s", "1k", "min")
TERM = re.compile(r"(?:(\S+) )?([0-9.]+)(?:\+([0-9.]+))?/([\w-]+)$")
MEGAPIXEL = 1_048_576


@dataclass(frozen=True)
class Charge:
    """Quantity in the price's own unit, and USD."""

    units: Decimal
    usd: Decimal


@dataclass(frozen=True)
class Price:
    """A price per unit, possibly by resolution, possibly dearer for the first unit."""

    text: str
    terms: tuple[tuple[str, Decimal, Decimal | None, str], ...]

    @staticmethod
    def parse(text: str) -> Price:
        """Read `0.003/MP`, `0.03+0.015/MP` (first, each further) or `480p 0.05/s, 720p 0.10/s` (by resolution).

        Raises:
            ConfigurationError: The text is none of these.
        """
        terms: list[tuple[str, Decimal, Decimal | None, str]] = []
        for part in text.split(","):
            match = TERM.match(part.strip())
            if not match or match[4] not in UNITS:
                raise ConfigurationError(
                    f"Cannot read price {part.strip()!r}. Write USD per unit, for example '0.003/image'; the units are "
                    f"{', '.join(UNITS)}."
                )
            terms.append((match[1] or "", Decimal(match[2]), Decimal(match[3]) if match[3] else None, match[4]))
        return Price(text, tuple(terms))

    def charge(self, payload: Mapping[str, Any], product: Product, run_s: float) -> Charge:
        """Return what a request costs that made `product` and kept a machine busy for `run_s` seconds."""
        tier = str(payload.get("resolution") or payload.get("size") or "")
        term = next((term for term in self.terms if term[0] == tier), self.terms[-1] if tier == "" else self.terms[0])
        _, first, further, unit = term
        units = _quantity(unit, payload, product, run_s)
        if further is None:
            return Charge(units, units * first)
        return Charge(units, product.count * first + (units - product.count) * further)


def _quantity(unit: str, payload: Mapping[str, Any], product: Product, run_s: float) -> Decimal:
    if unit == "image":
        return Decimal(product.count)
    if unit == "MP":
        return Decimal(product.count * math.ceil(product.width * product.height / MEGAPIXEL))
    if unit == "s":
        return Decimal(str(round(product.seconds, 3)))
    if unit == "min":
        return Decimal(str(round(product.seconds, 3))) / 60
    if unit == "gpu-s":
        return Decimal(str(round(run_s, 3)))
    if unit == "1k":
        return Decimal(len(str(payload.get("text") or payload.get("prompt") or ""))) / 1000
    return Decimal(1)
