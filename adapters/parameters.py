"""One parameter of a card: its type, default and limits, and how its value is written for the provider."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, model_validator

__all__ = ["Parameter", "Rejected", "nearest", "show", "suggestion"]

Scalar = str | int | float | bool | list[Any] | dict[str, Any] | None
ParameterType = Literal["text", "integer", "number", "boolean", "choice", "list", "object"]


class Rejected(Exception):  # noqa: N818 - always translated before it leaves this package
    """A value that a parameter does not take; the text says what was found and what is allowed."""


def show(value: object) -> str:
    """Return a value as it may stand in an error: quoted, and cut when long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:60]}… ({len(text)} characters)"


def suggestion(word: str, known: Iterable[str]) -> str:
    """Return ` Did you mean '...'?` when one of `known` is close to `word`, else nothing."""
    close = difflib.get_close_matches(word.lower(), {k.lower(): k for k in known}, n=1, cutoff=0.6)
    names = {k.lower(): k for k in known} if close else {}
    return f" Did you mean {names[close[0]]!r}?" if close else ""


def nearest(value: float, choices: Iterable[float]) -> float:
    """Return the choice nearest to a number; of two, the larger."""
    return min(choices, key=lambda choice: (abs(choice - value), -choice))


class Parameter(BaseModel):
    """How one parameter is checked, defaulted and written.

    Attributes:
        type: `choice` takes one of `choices`; `list` and `object` are handed on as they are.
        field: The provider's name; dots go into nested objects. Empty: the same name as ours.
        default: Sent when nothing was given. Without a default the field is left out and recorded as null.
        min, max: Inclusive limits of a number.
        step: The value must lie a multiple of it above `min` (or above 0).
        choices: Allowed values.
        map: Our value (as text) to the provider's, for example `jpeg` to `jpg`.
        encode: Pattern of the provider's text, for example `{}s`.
        pattern: Regular expression for a text that is not a name in `map`.
        min_length, max_length: Of text, in characters, or of a list.
        help: One line for people.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: ParameterType
    field: str = ""
    required: bool = False
    default: Any = None
    min: float | None = None
    max: float | None = None
    step: float | None = None
    choices: tuple[str | int | float, ...] = ()
    map: dict[str, Any] = {}
    encode: str = ""
    pattern: str = ""
    min_length: int | None = None
    max_length: int | None = None
    help: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.type == "choice") != bool(self.choices) and self.type in ("choice", "boolean", "list", "object"):
            raise ValueError("`choices` goes with type 'choice', text or a number, and 'choice' needs it")
        if self.required and self.default is not None:
            raise ValueError("a required parameter has no default")
        if self.default is not None:
            try:
                self.accept(self.default)
            except Rejected as exc:
                raise ValueError(f"default {exc}") from None
        return self

    def accept(self, value: object) -> Scalar:
        """Return the value in canonical form (4.0 becomes 4 for an integer).

        Raises:
            Rejected: With what is allowed and the nearest suggestion.
        """
        if self.type == "text":
            return self._text(value)
        if self.type == "boolean":
            if not isinstance(value, bool):
                raise Rejected(f"{show(value)} is not true or false.")
            return value
        if self.type in ("list", "object"):
            return self._structure(value)
        return self._choice(value) if self.type == "choice" else self._number(value)

    def _text(self, value: object) -> str:
        if not isinstance(value, str):
            raise Rejected(f"{show(value)} is not text.")
        if self.choices and value not in self.choices:
            return cast("str", self._choice(value))
        if self.pattern and value not in self.map and not re.fullmatch(self.pattern, value):
            hint = suggestion(value, self.map)
            raise Rejected(f"{show(value)} is not one of {', '.join(self.map)}, nor of the provider's own form.{hint}")
        self._check_length(value)
        return value

    def _check_length(self, value: str | list[Any]) -> None:
        unit = "characters" if isinstance(value, str) else "items"
        if self.min_length is not None and len(value) < self.min_length:
            raise Rejected(f"has {len(value)} {unit}, at least {self.min_length} are needed.")
        if self.max_length is not None and len(value) > self.max_length:
            raise Rejected(f"has {len(value)} {unit}, at most {self.max_length} are allowed.")

    def _structure(self, value: object) -> list[Any] | dict[str, Any]:
        if self.type == "list" and isinstance(value, (list, tuple)):
            items = list(cast("list[Any]", value))
            self._check_length(items)
            return items
        if self.type == "object" and isinstance(value, dict):
            return cast("dict[str, Any]", value)
        raise Rejected(f"{show(value)} is not {'a list' if self.type == 'list' else 'an object'}.")

    def _choice(self, value: object) -> Scalar:
        for choice in self.choices:
            if value == choice and isinstance(value, bool) == isinstance(choice, bool):
                return choice
        allowed = ", ".join(str(choice) for choice in self.choices)
        hint = suggestion(str(value), [str(choice) for choice in self.choices])
        numbers = [choice for choice in self.choices if isinstance(choice, (int, float))]
        if numbers and isinstance(value, (int, float)) and not isinstance(value, bool):
            hint = f" The nearest is {nearest(value, numbers):g}."
        raise Rejected(f"{show(value)} is not one of {allowed}.{hint}")

    def _number(self, value: object) -> int | float:
        if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)) or not math.isfinite(value):
            raise Rejected(f"{show(value)} is not {'a whole' if self.type == 'integer' else 'a'} number.")
        if self.type == "integer" and value != int(value):
            raise Rejected(f"{value} is not a whole number.")
        number = int(value) if self.type == "integer" else float(value)
        if self.choices:
            return cast("int | float", self._choice(number))
        low, high = self.min, self.max
        if (low is not None and number < low) or (high is not None and number > high):
            end = low if low is not None and number < low else high
            raise Rejected(f"{number:g} is not allowed; {self.limits}. The nearest is {end:g}.")
        if self.step and not math.isclose(self._snap(number), number, abs_tol=1e-9):
            raise Rejected(f"{number:g} is not allowed; {self.limits}. The nearest is {self._snap(number):g}.")
        return number

    def _snap(self, number: float) -> float:
        base, step = self.min or 0.0, cast("float", self.step)
        return base + round((number - base) / step) * step

    @property
    def limits(self) -> str:
        """What is allowed, in words."""
        if self.choices:
            return "one of " + ", ".join(str(choice) for choice in self.choices)
        ends = {"from": self.min, "to": self.max}
        parts = [f"{word} {end:,.10g}".replace(",", "") for word, end in ends.items() if end is not None]
        parts += [f"in steps of {self.step:g}"] if self.step else []
        if self.max_length is not None:
            parts.append(f"up to {self.max_length} characters")
        return " ".join(["allowed is", self.type, *parts])

    def written(self, value: Scalar) -> Any:
        """Return an accepted value as the provider wants it."""
        key = str(value).lower() if isinstance(value, bool) else str(value)
        if key in self.map:
            return self.map[key]
        if self.encode:
            return self.encode.format(value)
        return value
