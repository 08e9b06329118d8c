"""Requests of the same shape are resolved once: rows of a batch differ in their words, and words decide no more than the key."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..adapters.key import call_key
from ..media.types import Media
from ..tasks._candidates import Wanted
from ._plan_calls import Option, as_facts

__all__ = ["Shapes", "shape_of"]

TEXTS = ("prompt", "negative_prompt", "text")
"""Parameters of which limits, lengths and prices see nothing but the number of characters."""
NUMBERS = {bool, int, float}
MOST = 4096
"""Shapes that are remembered."""

Shape = tuple[Any, ...]


def shape_of(name: str, parameters: Mapping[str, Any]) -> Shape:
    """Return what of a request decides everything but its key: of words their number, of media its facts."""
    return (name, *((key, _outline(key, value)) for key, value in parameters.items()))


def _outline(name: str, value: Any) -> Any:
    kind = type(value)
    if value is None or kind is str:
        return value if name not in TEXTS or value is None else (str, len(value))
    if kind in NUMBERS:
        return kind, value  # True and 1.0 are equal to 1
    if isinstance(value, Media):
        return as_facts(value)
    if isinstance(value, list | tuple):
        return kind, *(_outline("", item) for item in value)
    return repr(value)


@dataclass
class Shapes:
    """Resolved requests by shape. Only those whose inputs fit as they are: conversions depend on more."""

    known: dict[Shape, tuple[Wanted, list[Option]]] = field(default_factory=dict)

    def keep(self, shape: Shape, wanted: Wanted, options: list[Option]) -> None:
        """Remember a request, when its words went through as they were."""
        if all(_is_plain(option, wanted.given) for option in options):
            if len(self.known) >= MOST:
                self.known.clear()
            self.known[shape] = wanted, options

    def find(self, shape: Shape, real: Wanted) -> list[Option] | None:
        """Return the options of a request, with its own words and keys."""
        known = self.known.get(shape)
        return None if known is None else [_with_words(option, real) for option in known[1]]


def _is_plain(option: Option, given: Mapping[str, Any]) -> bool:
    card, parameters = option.choice.card, option.resolved.parameters
    for name in TEXTS:
        rule, text = card.parameters.get(name), given.get(name)
        if rule is not None and (rule.choices or rule.pattern or rule.map):
            return False
        if text is not None and parameters.get(name, text) != text:
            return False
    return True


def _with_words(option: Option, real: Wanted) -> Option:
    old = option.resolved
    words = {name: real.given[name] for name in TEXTS if old.parameters.get(name) is not None and real.given.get(name)}
    resolved = dataclasses.replace(old, parameters={**old.parameters, **words})
    digests = {name: _digests(real.inputs[name]) for name in option.choice.wanted.inputs}
    key = call_key(option.choice.card, resolved, digests, real.take)
    return Option(option.choice, resolved, option.estimate, key)


def _digests(value: Any) -> Any:
    return [item.digest for item in value] if isinstance(value, list | tuple) else value.digest
