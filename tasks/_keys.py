"""Cache keys of tasks over local operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..media.operation import Operation
from ._task import content_key

__all__ = ["key_of"]


def key_of(*operations: Operation[Any, Any]) -> Callable[[dict[str, Any]], str]:
    """Return the cache key function of a task over one operation, or over one of several by the kind of its input."""
    name = "+".join(operation.name for operation in operations)
    version = sum(operation.version for operation in operations)
    return lambda parameters: content_key(name, version, parameters)
