"""Text and names from outside, made fit for a card: one line, printable, not too long."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["NAME", "clean", "is_plain", "slug"]

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
"""Names of fields that a card can hold: dots would go into nested objects."""
UNSEEN = ("C", "Zl", "Zp")
"""Unicode categories that show nothing, or change how what follows is shown."""


def is_plain(text: str, limit: int) -> bool:
    """Return whether a value is short enough and holds nothing unseen but line ends and tabs."""
    return len(text) <= limit and not any(
        unicodedata.category(char).startswith(UNSEEN) for char in text if char not in "\n\t"
    )


def clean(text: object, limit: int) -> str:
    """Return a text as one line without anything unseen, cut at `limit`; empty for what is no text."""
    if not isinstance(text, str):
        return ""
    seen = "".join(" " if char.isspace() else char for char in text[: 8 * limit])
    seen = "".join(char for char in seen if not unicodedata.category(char).startswith(UNSEEN))
    line = " ".join(seen.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def slug(text: str) -> str:
    """Return a text as a family name: small letters, digits, points and hyphens."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")[:80]
