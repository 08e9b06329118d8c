"""Questions about the values that reach a planned task."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import PrefectMediaError
from ._plan_calls import as_facts
from ._symbolic import Opaque, Unforeseen, told

__all__ = ["all_real", "facts_in", "holds_opaque", "task_key"]


def _each(values: Iterable[Any]) -> Iterable[Any]:
    for value in values:
        yield from _each(value) if isinstance(value, list | tuple) else (value,)


def all_real(values: Iterable[Any]) -> bool:
    """Return whether every digest is one of real bytes."""
    return all((known := told(item)) is None or known.is_file for item in _each(values))


def holds_opaque(values: Iterable[Any]) -> bool:
    return any(isinstance(item, Opaque) for item in _each(values))


def facts_in(value: Any) -> Any:
    if value is None:
        return None
    return [as_facts(item) for item in value] if isinstance(value, list | tuple) else as_facts(value)


def task_key(task: Any, parameters: dict[str, Any]) -> str | None:
    try:
        return task.cache_policy.compute_key(None, parameters, {})
    except (PrefectMediaError, Unforeseen, AttributeError, TypeError, ValueError, OSError):
        return None
