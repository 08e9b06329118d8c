"""Parameters of a simulated model: one line of text each, checked and published as JSON Schema.

A line is `name* type range = default`: `*` marks it required; the types are `string`, `int`, `float`, `bool`, `file`,
`files`, `size` (fal's `image_size`), `any` and `enum a|b|c`; `int` and `float` take a range `low..high`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigurationError
from .sizes import PRESETS

__all__ = ["Field", "Problem"]

JSON_TYPES = {
    "string": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "file": "string",
    "enum": "string",
}
TYPES = (*JSON_TYPES, "files", "size", "any")


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a request: which field, what kind of wrong, the limit, and the value found."""

    field: str
    kind: str
    limit: Any = None
    value: Any = None
    choices: tuple[str, ...] = ()

    def text(self) -> str:
        """Say it in words, as a validator would."""
        if self.kind == "missing":
            return f"{self.field} is required"
        if self.kind == "enum":
            return f"{self.field} must be one of the following: " + ", ".join(f'"{choice}"' for choice in self.choices)
        if self.kind in ("greater_than_equal", "less_than_equal"):
            side = "greater" if self.kind == "greater_than_equal" else "less"
            return f"{self.field} must be {side} than or equal to {self.limit}"
        return f"{self.field} is not of type {self.limit}"


@dataclass(frozen=True)
class Field:
    """One parameter of a model."""

    name: str
    type: str
    required: bool = False
    default: Any = None
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    @staticmethod
    def parse(line: str) -> Field:
        """Read the notation that this module's description gives.

        Raises:
            ConfigurationError: The line cannot be read.
        """
        head, _, default = line.partition(" = ")
        name, _, rest = head.strip().partition(" ")
        kind, _, argument = rest.strip().partition(" ")
        if kind not in TYPES:
            raise ConfigurationError(f"Cannot read parameter {line!r}: type {kind!r} is not one of {', '.join(TYPES)}.")
        low, dots, high = argument.partition("..") if kind in ("int", "float") else ("", "", "")
        field = Field(
            name=name.rstrip("*"),
            type=kind,
            required=name.endswith("*"),
            low=float(low) if dots else None,
            high=float(high) if dots else None,
            choices=tuple(argument.split("|")) if kind == "enum" else (),
        )
        return field if not default else Field(**{**field.__dict__, "default": field._read(default.strip())})

    def _read(self, text: str) -> Any:
        if self.type == "int":
            return int(text)
        if self.type == "float":
            return float(text)
        return text == "true" if self.type == "bool" else text

    @property
    def takes_files(self) -> bool:
        """Whether its value is media: a URL, a data URI, or a list of them."""
        return self.type in ("file", "files")

    def check(self, value: Any) -> Problem | None:
        """Return what is wrong with a value, or None."""
        if value is None:
            return None
        if self.choices:
            allowed = str(value) in self.choices and isinstance(value, str | int)
            return None if allowed else Problem(self.name, "enum", None, value, self.choices)
        if self.type == "bool":
            return None if isinstance(value, bool) else Problem(self.name, "type", "boolean", value)
        if self.type in ("int", "float"):
            return self._check_number(value)
        if self.type in ("string", "file"):
            return None if isinstance(value, str) else Problem(self.name, "type", "string", value)
        if self.type == "files":
            return None if isinstance(value, list) else Problem(self.name, "type", "array", value)
        if self.type == "size" and isinstance(value, str) and value not in PRESETS:
            return Problem(self.name, "enum", None, value, tuple(PRESETS))
        return None

    def _check_number(self, value: Any) -> Problem | None:
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        if not numeric or (self.type == "int" and value != int(value)):
            return Problem(self.name, "type", JSON_TYPES[self.type], value)
        if self.low is not None and value < self.low:
            return Problem(self.name, "greater_than_equal", _plain(self.low), value)
        if self.high is not None and value > self.high:
            return Problem(self.name, "less_than_equal", _plain(self.high), value)
        return None

    def schema(self) -> dict[str, Any]:
        """Return its JSON Schema."""
        schema: dict[str, Any] = {"title": self.name.replace("_", " ").capitalize(), "type": JSON_TYPES.get(self.type)}
        if self.type == "file":
            schema["format"] = "uri"
        elif self.type == "files":
            schema |= {"type": "array", "items": {"type": "string", "format": "uri"}}
        elif self.type == "size":
            schema["anyOf"] = [{"type": "object"}, {"type": "string", "enum": list(PRESETS)}]
        if self.choices:
            schema["enum"] = list(self.choices)
        limits: Mapping[str, Any] = {"minimum": self.low, "maximum": self.high, "default": self.default}
        schema |= {key: value for key, value in limits.items() if value is not None}
        return {key: value for key, value in schema.items() if value is not None}


def _plain(number: float) -> float | int:
    return int(number) if number == int(number) else number
