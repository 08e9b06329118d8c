"""Local operations: pure functions on files, each with a name and a version that are part of every content key.

An operation reads `source` files and writes one `target` file. Its keyword parameters are JSON values. Equal inputs and
parameters give equal bytes on one machine and version; a change of what it makes raises its version, so that results
cached from before are not mistaken for the new ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar

__all__ = ["OPERATIONS", "Operation", "operation"]

P = ParamSpec("P")
R = TypeVar("R")

OPERATIONS: dict[str, Operation[Any, Any]] = {}


class Operation(Generic[P, R]):
    """A local media operation.

    Attributes:
        name: Verb and noun, as the task that wraps it (`fit_image`).
        version: Raised whenever equal inputs would give other bytes than before.
    """

    def __init__(self, run: Callable[P, R], name: str, version: int) -> None:
        self.run = run
        self.name = name
        self.version = version
        self.__doc__ = run.__doc__
        self.__wrapped__ = run

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the operation."""
        return self.run(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Operation {self.name} v{self.version}>"


def operation(*, version: int, name: str | None = None) -> Callable[[Callable[P, R]], Operation[P, R]]:
    """Declare a function as a local operation and register it under its name."""

    def declare(run: Callable[P, R]) -> Operation[P, R]:
        declared = Operation(run, name or run.__name__, version)
        OPERATIONS[declared.name] = declared
        return declared

    return declare
