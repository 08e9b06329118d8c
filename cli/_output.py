"""What goes where: one JSON document on stdout with --json, everything else on stderr; plain lines when piped."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console

from ..errors import ConfigurationError

__all__ = ["err", "money", "out", "print_json", "writing"]

PIPED_WIDTH = 10_000
"""Columns where nobody looks: a table's cells are not broken, so that `grep` and `cut` find them whole."""


def _console(*, stderr: bool = False) -> Console:
    console = Console(stderr=stderr, soft_wrap=True, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPED_WIDTH
    return console


out = _console()
err = _console(stderr=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return str(value)


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False, default=_plain)
    sys.stdout.write("\n")


@contextmanager
def writing(target: Path) -> Generator[None]:
    """Say of a file that the user named why it cannot be written.

    Raises:
        ConfigurationError: Instead of an `OSError`.
    """
    try:
        yield
    except OSError as exc:
        reason = "it is a folder" if target.expanduser().is_dir() else exc.strerror
        raise ConfigurationError(
            f"{target} cannot be written: {reason}. Expected a file, in a folder that can be written to."
        ) from exc


def money(amount: Decimal | float | None) -> str:
    """Return an amount for people: `unknown` when it is not known, never 0 for it."""
    if amount is None:
        return "unknown"
    value = Decimal(str(amount))
    return f"{value:.2f} USD" if value == 0 or value >= Decimal("0.1") else f"{value:.4f} USD"
