"""Read a published JSON Schema into plain fields: references followed, alternatives settled, nothing trusted.

What providers publish is OpenAPI 3.0 and 3.1 mixed: choices stand behind `$ref` in `allOf`, "may be null" is an `anyOf`,
a `type` of two names, or `nullable`. Schemas can be endless (they refer to themselves), wide (each reference holds many)
or wrong; the reader looks at so many nodes and no more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from ...errors import CardError
from .words import NAME, clean, is_plain

__all__ = ["Document", "Field", "FieldType"]

MAX_NODES = 20_000
MAX_DEPTH = 40
MAX_FIELDS = 200
MAX_CHOICES = 300
CHOICE_CHARACTERS = 200
DEFAULT_CHARACTERS = 4000
HELP_CHARACTERS = 160

FieldType = Literal["text", "integer", "number", "boolean", "choice", "list", "object", "unknown"]
TYPES: dict[str, FieldType] = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "array": "list",
    "object": "object",
}
Node = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """One field of a model's input, as published.

    Attributes:
        choices: Allowed values; with `open` others of another form too (an object beside named sizes).
        minimum, maximum: Inclusive.
        step: The value is a multiple of it.
        is_uri: Whether the text, or each item of the list, is an address.
        help: One line.
        problems: What could not be read of it.
    """

    name: str
    type: FieldType
    required: bool = False
    default: Any = None
    choices: tuple[str | int | float, ...] = ()
    open: bool = False
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    is_uri: bool = False
    help: str = ""
    problems: tuple[str, ...] = ()


class Document:
    """One OpenAPI document.

    Args:
        content: As parsed.
        about: What it describes, for errors.
    """

    def __init__(self, content: Mapping[str, Any], about: str) -> None:
        self.content = content
        self.about = about
        self._nodes = 0

    def at(self, *path: str) -> Any:
        """Return what stands at a path of keys; None when nothing does."""
        value: Any = self.content
        for name in path:
            value = cast("Node", value).get(name) if isinstance(value, dict) else None
        return value

    def flat(self, schema: Any, seen: tuple[str, ...] = ()) -> Node:
        """Return a schema with its references, `allOf`, `anyOf` and `oneOf` taken in; its own words win.

        A reference to what it stands in is left out.

        Raises:
            CardError: There is no end to it.
        """
        self._nodes += 1
        if self._nodes > MAX_NODES or len(seen) > MAX_DEPTH:
            raise CardError(f"The schema of {self.about} is too large to be read: over {MAX_NODES} parts.")
        if not isinstance(schema, dict):
            return {}
        node = cast("Node", schema)
        found: Node = {}
        reference = node.get("$ref")
        if isinstance(reference, str) and reference not in seen:
            seen = (*seen, reference)
            found |= self.flat(self._referred(reference), seen)
        for part in _nodes(node.get("allOf")):
            found |= self.flat(part, (*seen, ""))
        for word in ("anyOf", "oneOf"):
            if word in node:
                found = self._either([self.flat(part, (*seen, "")) for part in _nodes(node[word])]) | found
        own = {name: value for name, value in node.items() if name not in ("$ref", "allOf", "anyOf", "oneOf")}
        return _settled(found | own)

    def _referred(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            return None
        return self.at(*(part.replace("~1", "/").replace("~0", "~") for part in reference[2:].split("/")))

    def _either(self, forms: list[Node]) -> Node:
        """Settle on one of several forms: the one with choices, else the first; `x-open` tells that there are others."""
        given = [form for form in forms if form and form.get("type") != "null"]
        nullable = {"nullable": True} if len(given) < len(forms) else {}
        if not given:
            return nullable
        listed = [form for form in given if isinstance(form.get("enum"), list)]
        if len(listed) > 1:
            together = list(dict.fromkeys(_scalar(value) for form in listed for value in form["enum"]))
            listed = [listed[0] | {"enum": together}]
        numbers = {form.get("type") for form in given} == {"integer", "number"}
        chosen = next(form for form in given if form.get("type") == "number") if numbers else (listed or given)[0]
        others = {} if numbers or len(given) == len([form for form in given if "enum" in form]) else {"x-open": True}
        return chosen | nullable | (others if len(given) > 1 else {})

    def properties(self, schema: Any) -> dict[str, Node]:
        """Return the properties of an object schema, each flattened, in the published order."""
        found = self.flat(schema)
        listed = found.get("properties")
        named = {str(name): value for name, value in cast("Node", listed).items()} if isinstance(listed, dict) else {}
        if len(named) > MAX_FIELDS:
            raise CardError(f"The schema of {self.about} has {len(named)} fields; at most {MAX_FIELDS} are read.")
        order = found.get("x-fal-order-properties")
        first = {str(name): at for at, name in enumerate(cast("list[Any]", order))} if isinstance(order, list) else {}
        flat = {name: self.flat(value) for name, value in named.items()}

        def place(name: str) -> tuple[float, int]:
            at: Any = flat[name].get("x-order")
            return (float(at) if _is_number(at) else math.inf, first.get(name, len(first)))

        return {name: flat[name] for name in sorted(flat, key=place)}

    def fields(self, schema: Any) -> tuple[Field, ...]:
        """Return the fields of a model's input.

        Raises:
            CardError: It has none, or one that must be sent has a name that no card can hold.
        """
        flat = self.flat(schema)
        wanted = flat.get("required")
        required = (
            {name for name in cast("list[Any]", wanted) if isinstance(name, str)} if isinstance(wanted, list) else set()
        )
        found: list[Field] = []
        for name, node in self.properties(schema).items():
            if NAME.fullmatch(name):
                found.append(self._field(name, node, name in required))
            elif name in required:
                raise CardError(
                    f"The schema of {self.about} needs a field named {clean(name, 60)!r}; a card can hold letters, "
                    "digits, _ and -, up to 64. Write the card by hand."
                )
        if not found:
            raise CardError(f"The schema of {self.about} names no input fields. Write the card by hand.")
        return tuple(found)

    def _field(self, name: str, node: Node, required: bool) -> Field:
        items = self.flat(node.get("items")) if isinstance(node.get("items"), dict) else {}
        low, high = _limits(node)
        kind = _type(node)
        lengths = ("minItems", "maxItems") if kind == "list" else ("minLength", "maxLength")
        field = Field(
            name,
            kind,
            required=required,
            open=bool(node.get("x-open")),
            minimum=low,
            maximum=high,
            step=_positive(node.get("multipleOf")),
            min_length=_count(node.get(lengths[0])),
            max_length=_count(node.get(lengths[1])),
            is_uri="uri" in (node.get("format"), items.get("format")),
            help=_help(node.get("description")),
        )
        return _with_default(_with_choices(field, node.get("enum")), node.get("default"))


def _help(text: Any) -> str:
    """Return what is said of a field; Replicate says of every list of choices that it is one."""
    line = clean(text, HELP_CHARACTERS)
    return "" if line == "An enumeration." else line


def _nodes(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _settled(node: Node) -> Node:
    """Read the other ways of saying `may be null` and `only this`."""
    kind = node.get("type")
    if isinstance(kind, list):
        names = [name for name in cast("list[Any]", kind) if isinstance(name, str) and name != "null"]
        node = node | {"type": names[0] if names else None} | ({"x-open": True} if len(names) > 1 else {})
    if "const" in node and "enum" not in node:
        node = node | {"enum": [node["const"]]}
    return node


def _scalar(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool)) else None


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and abs(value) < 1e18
    )


def _number(value: Any) -> float | None:
    return value if _is_number(value) else None


def _positive(value: Any) -> float | None:
    return value if _is_number(value) and value > 0 else None


def _count(value: Any) -> int | None:
    return int(value) if _is_number(value) and value >= 0 else None


def _limits(node: Node) -> tuple[float | None, float | None]:
    """Return the inclusive limits; an exclusive one of a whole number is the next, of another the limit itself."""
    low, high = _number(node.get("minimum")), _number(node.get("maximum"))
    step = 1 if node.get("type") == "integer" else 0
    for word, sign in (("exclusiveMinimum", 1), ("exclusiveMaximum", -1)):
        value = node.get(word)
        end = low if sign > 0 else high
        bound = end if value is True else _number(value)
        if bound is not None and word == "exclusiveMinimum":
            low = bound + step
        elif bound is not None:
            high = bound - step
    return (low, high) if low is None or high is None or low <= high else (None, None)


def _type(node: Node) -> FieldType:
    kind = node.get("type")
    if isinstance(kind, str) and kind in TYPES:
        return TYPES[kind]
    if "properties" in node:
        return "object"
    return "list" if "items" in node else "unknown"


def _with_choices(field: Field, listed: Any) -> Field:
    if not isinstance(listed, list):
        return field
    values = [_scalar(value) for value in cast("list[Any]", listed) if value is not None]
    if values and all(isinstance(value, bool) for value in values):
        return replace(field, type="boolean")
    good = [value for value in values if _is_choice(value)]
    good = list(dict.fromkeys(good))
    dropped = () if len(good) == len(set(map(repr, values))) else ("some of its choices cannot stand in a card",)
    if not good or len(good) > MAX_CHOICES:
        reason = (
            f"it has {len(good)} choices, which are not listed" if good else "none of its choices can stand in a card"
        )
        return replace(field, type="text" if field.type == "unknown" else field.type, problems=(reason,))
    return replace(field, type="choice", choices=tuple(good), problems=dropped)


def _is_choice(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value) and "\n" not in value and is_plain(value, CHOICE_CHARACTERS)
    return _is_number(value)


def _with_default(field: Field, value: Any) -> Field:
    if value is None:
        return field
    if field.type == "unknown":
        known: dict[type, FieldType] = {str: "text", bool: "boolean", int: "number", float: "number", list: "list"}
        field = replace(field, type=known.get(type(value), "object"))
    if not _fits_a_card(value, depth=0) or len(repr(value)) > DEFAULT_CHARACTERS:
        return replace(field, problems=(*field.problems, "its default cannot stand in a card"))
    return replace(field, default=value)


def _fits_a_card(value: Any, depth: int) -> bool:
    if isinstance(value, str):
        return is_plain(value, DEFAULT_CHARACTERS)
    if isinstance(value, (list, dict)):
        parts = list(cast("Node", value).items()) if isinstance(value, dict) else cast("list[Any]", value)
        return depth < 8 and all(
            _fits_a_card(list(part) if isinstance(part, tuple) else part, depth + 1) for part in parts
        )
    return isinstance(value, bool) or _is_number(value)
