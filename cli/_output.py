"""What goes where: one JSON document on stdout with --json, everything else on stderr; plain lines when piped."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from typing import Any

from rich.console import Console

__all__ = ["err", "money", "out", "print_json"]

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return str(value)


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False, default=_plain)
    sys.stdout.write("\n")


def money(amount: Decimal | float | None) -> str:
    """Return an amount for people: `unknown` when it is not known, never 0 for it."""
    if amount is None:
        return "unknown"
    value = Decimal(str(amount))
    return f"{value:.2f} USD" if value == 0 or value >= Decimal("0.1") else f"{value:.4f} USD"
