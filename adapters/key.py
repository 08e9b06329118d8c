"""The call key: the same key is the same request, wherever and whenever it is asked for.

It is the Prefect cache key and the ledger key. No URL, credential, run id or source text goes into it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, cast

from ..media.types import Media
from .card import Card
from .resolve import Resolved

__all__ = ["call_key", "canonical_json"]


PLAIN = {str, int, bool, type(None)}


def _canonical(value: Any) -> Any:
    if type(value) in PLAIN:
        return value
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).items()
        return {str(name): _canonical(item) for name, item in items}
    if isinstance(value, (list, tuple)):
        return [_canonical(item) for item in cast("Sequence[Any]", value)]
    if isinstance(value, Decimal):
        value = float(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


def canonical_json(value: Any) -> str:
    """Return one text for equal JSON values: sorted names, no spaces, 4.0 written as 4.

    Raises:
        ValueError: NaN or an infinity.
        TypeError: Not a JSON value.
    """
    return json.dumps(_canonical(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _digests(resolved: Resolved) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in resolved.media.items():
        items = value if isinstance(value, list) else [value]
        found[name] = [item.digest for item in items if isinstance(item, Media)]
        if len(found[name]) != len(items):
            raise ValueError(f"{name}: only predicted, so its digest and the call key are not known yet")
    return found


def call_key(
    card: Card, resolved: Resolved, media_digests: Mapping[str, str | Sequence[str]] | None = None, take: int | None = 0
) -> str:
    """Return the SHA-256 (hex) of card, parameters, input media and take.

    Args:
        card: The model; its id and version count, its title and prices do not.
        resolved: The translated request; its `parameters` count.
        media_digests: Digest of each input by name; a list of digests keeps its order. By default those of the media in
            `resolved`.
        take: Number of the sample.

    Raises:
        ValueError: An input is only predicted, and no digest was given.
    """
    digests = _digests(resolved) if media_digests is None else media_digests
    content = {
        "card": card.id,
        "version": card.version,
        "parameters": resolved.parameters,
        "media": {name: [d] if isinstance(d, str) else list(d) for name, d in digests.items()},
        "take": take or 0,
    }
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()
