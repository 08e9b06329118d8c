"""A published price as the price rule of a card. What is not published stays unknown."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from .sketch import Sketch

__all__ = ["priced"]

MEGAPIXEL = 1_048_576
"""What fal counts as one megapixel."""


def priced(sketch: Sketch) -> dict[str, Any]:
    """Return the price rule, and note what is left to complete."""
    published, kind = sketch.published, sketch.ability.shape.kind
    if published.price_usd is None:
        sketch.miss(
            "price",
            "not published, so unknown: under a budget such a call is refused. See docs/own-cards.md for the rules.",
        )
        return {"rule": "unknown"}
    usd, unit = published.price_usd, published.price_unit
    rule = _rule(usd, re.sub(r"[^a-z0-9]+", " ", unit.lower()).strip(), kind)
    text = f"{usd:f} USD for each of {unit!r} is published; whether options change it is not."
    if rule is None:
        sketch.miss("price", f"{text} How many of them a call takes is not known beforehand.")
        # The bill counts in this unit, so that a finished call still has its price.
        return {"rule": "unknown", "usd": usd, "note": f"Billed {usd:f} USD for each of {unit!r}."}
    sketch.miss("price", text)
    sketch.guessed.append("That the published price does not depend on options.")
    return rule | {"verified": False}


def _rule(usd: Decimal, unit: str, kind: str) -> dict[str, Any] | None:
    name = unit.removesuffix("s")
    if name in ("request", "generation", kind):
        return {"rule": "output", "usd": usd}
    if name in ("megapixel", "processed megapixel") and kind == "image":
        return {"rule": "megapixel", "usd": usd, "pixels": MEGAPIXEL}
    if name in ("second", "video second", "audio second") and kind in ("video", "audio"):
        return {"rule": "second", "usd": usd}
    if name in ("minute", "video minute", "audio minute") and kind in ("video", "audio"):
        return {"rule": "second", "usd": (usd / 60).quantize(Decimal("0.0000000001"))}
    if name in ("1000 character", "1k character", "thousand character"):
        return {"rule": "character", "usd": usd, "per": 1000}
    return None
