"""A draft as a TOML file for people: what is left to complete stands as a comment where it belongs."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from .draft import Draft
from .sketch import Left

__all__ = ["MARK", "written"]

MARK = "COMPLETE:"
"""What the comments begin with."""
BARE = re.compile(r"[A-Za-z0-9_-]+")
WIDTH = 118
WHOLE = 1e15
"""Above it, a number with a fraction of 0 is not written as a whole one."""
TABLES = ("parameters", "options", "inputs")
SINGLE = ("size", "seconds", "fixed", "output", "price", "times", "extra")


def written(draft: Draft) -> str:
    """Return the text of the file."""
    content = draft.content
    head = {key: value for key, value in content.items() if key not in (*TABLES, *SINGLE)}
    parts = [_beginning(draft), "\n".join(f"{key} = {_value(value, top=True)}" for key, value in head.items())]
    places = {item.where.partition(".")[0] for item in draft.left}
    for name in ("parameters", "size", "seconds", "options", "fixed", "inputs", "output", "price", "times", "extra"):
        comment = _comment(item for item in draft.left if item.where.partition(".")[0] == name)
        if name in TABLES:
            tables = [_table(f"{name}.{_key(key)}", value) for key, value in content.get(name, {}).items()]
            parts += [comment + tables[0], *tables[1:]] if tables else []
        elif name in content:
            parts.append(comment + _table(name, content[name]))
        elif name in places:
            parts.append(comment.rstrip("\n"))
    return "\n\n".join(parts) + "\n"


def _beginning(draft: Draft) -> str:
    lines = [
        f"Imported from what {draft.content['id'].partition(':')[0]} publishes; `prefect-media models show` tells it."
    ]
    if draft.left:
        lines.append(f"What the schema does not say is marked {MARK} delete a mark when you have seen to it.")
    for remark in draft.remarks:
        lines += textwrap.wrap(remark, WIDTH - 4, initial_indent="- ", subsequent_indent="  ")
    return "\n".join(f"# {line}" for line in lines)


def _comment(items: Iterable[Left]) -> str:
    lines: list[str] = []
    for item in items:
        where = f"{item.where}: " if "." in item.where else ""
        wrapped = textwrap.wrap(f"{MARK} {where}{item.text}", WIDTH - 2)
        lines += [f"# {line}" for line in wrapped]
    return "".join(f"{line}\n" for line in lines)


def _table(name: str, content: dict[str, Any]) -> str:
    lines = [f"[{name}]", *(f"{_key(key)} = {_value(value)}" for key, value in content.items())]
    return "\n".join(lines)


def _key(name: str) -> str:
    return name if BARE.fullmatch(name) else _text(name)


def _text(value: str) -> str:
    """Return a basic string: JSON's escapes are TOML's, but for one character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


def _value(value: Any, *, top: bool = False) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, dict):
        return (
            "{ " + ", ".join(f"{_key(str(key))} = {_value(item)}" for key, item in value.items()) + " }"
            if value
            else "{}"
        )
    if isinstance(value, (list, tuple)):
        items = [_value(item) for item in value]
        line = "[" + ", ".join(items) + "]"
        tall = items and (len(line) > WIDTH - 20 or (top and len(line) > 80) or isinstance(value[0], dict))
        return "[\n" + "".join(f"    {item},\n" for item in items) + "]" if tall else line
    return repr(int(value) if value == int(value) and abs(value) < WHOLE else value)
