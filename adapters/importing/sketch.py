"""A card in the making: the fields that are still to be placed, what was placed, and what is left to complete."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..parameters import Parameter
from .capability import Ability
from .published import Published
from .schema import Field

__all__ = ["Left", "Sketch", "parameter"]

LONGEST_SEED = 2_147_483_647


@dataclass(frozen=True)
class Left:
    """Something that the published schema does not say.

    Attributes:
        where: Part of the card: `price`, `times`, `size`, `inputs.image`, ...
        text: What is missing, and what stands there until then.
    """

    where: str
    text: str


@dataclass
class Sketch:
    """What has been made of a published schema so far."""

    published: Published
    ability: Ability
    rest: dict[str, Field]
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    options: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    fixed: dict[str, Any] = field(default_factory=dict[str, Any])
    size: dict[str, Any] | None = None
    seconds: dict[str, Any] | None = None
    output: dict[str, Any] = field(default_factory=dict[str, Any])
    left: list[Left] = field(default_factory=list[Left])
    guessed: list[str] = field(default_factory=list[str])
    remarks: list[str] = field(default_factory=list[str])

    @property
    def capability(self) -> str:
        """What the card is for."""
        return self.ability.capability

    def find(self, names: tuple[str, ...], *types: str) -> Field | None:
        """Return the first field of these names that nobody has placed, of one of the types if some are given."""
        lowered = {name.lower(): item for name, item in self.rest.items()}
        for name in names:
            if (item := lowered.get(name)) and (not types or item.type in types):
                return item
        return None

    def take(self, names: tuple[str, ...], *types: str) -> Field | None:
        """Return such a field and count it as placed."""
        found = self.find(names, *types)
        if found:
            del self.rest[found.name]
        return found

    def miss(self, where: str, text: str) -> None:
        """Note what is left to complete."""
        self.left.append(Left(where, text))


def parameter(item: Field, name: str = "", **changes: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return a field as a parameter of a card, and what of it could not be kept.

    Args:
        item: The published field.
        name: Our name of it; the provider's stands beside it when it differs.
        changes: Keys that are set differently.
    """
    kind = (
        "text" if item.type == "unknown" or (item.open and item.type == "choice" and not item.required) else item.type
    )
    kind = "choice" if item.choices and not (item.open and kind == "text") else kind
    found: dict[str, Any] = {"type": kind}
    found |= {"field": item.name} if name and name != item.name else {}
    found |= {"required": True} if item.required and item.default is None else {}
    if kind in ("integer", "number"):
        found |= _limits(item)
    if kind == "choice":
        found["choices"] = list(item.choices)
    if kind in ("text", "list"):
        found |= {"min_length": item.min_length} if item.min_length else {}
        found |= {"max_length": item.max_length} if item.max_length else {}
    if item.default is not None:
        found["default"] = item.default
    found |= {"help": item.help} if item.help else {}
    found = {key: value for key, value in (found | changes).items() if value is not None}
    problems = list(item.problems)
    if "default" in found and not _accepted(found):
        problems.append(f"its default {str(found.pop('default'))[:40]!r} is not a value that it allows")
    return found, tuple(problems)


def _limits(item: Field) -> dict[str, Any]:
    low, high = item.minimum, item.maximum
    found: dict[str, Any] = {}
    if item.step and item.step != 1:
        # A card counts steps from the lower limit; a schema counts them from 0.
        low = None if low is None else -(-low // item.step) * item.step
        found["step"] = _whole(item.step)
    found |= {} if low is None else {"min": _whole(low)}
    return found | ({} if high is None else {"max": _whole(high)})


def _whole(value: float) -> float:
    return int(value) if value == int(value) else value


def _accepted(found: dict[str, Any]) -> bool:
    try:
        Parameter.model_validate({key: value for key, value in found.items() if key != "required"})
    except ValueError:
        return False
    return True
