"""Local operations: pure functions on files, each with a name and a version that are part of every content key.

An operation reads `source` files and writes one `target` file. Its keyword parameters are JSON values. Equal inputs and
parameters give equal bytes on one machine and version; a change of what it makes raises its version, so that results
cached from before are not mistaken for the new ones.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Generic, ParamSpec, TypeVar, get_type_hints

from .arguments import Argument

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
        """Run the operation.

        Raises:
            ParameterError: An argument is of a type that the operation does not take.
        """
        bound = inspect.signature(self.run).bind(*args, **kwargs)
        bound.arguments.update(self.taken(bound.arguments))
        return self.run(*bound.args, **bound.kwargs)

    def taken(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Return arguments by name as the operation takes them.

        Raises:
            ParameterError: One is of a type that the operation does not take.
        """
        return {name: self._arguments[name].taken(value) for name, value in arguments.items()}

    def __repr__(self) -> str:
        return f"<Operation {self.name} v{self.version}>"

    @cached_property
    def _arguments(self) -> dict[str, Argument]:
        hints = get_type_hints(self.run)
        return {name: Argument(name, hints[name]) for name in inspect.signature(self.run).parameters}


def operation(*, version: int, name: str | None = None) -> Callable[[Callable[P, R]], Operation[P, R]]:
    """Declare a function as a local operation and register it under its name."""

    def declare(run: Callable[P, R]) -> Operation[P, R]:
        declared = Operation(run, name or run.__name__, version)
        OPERATIONS[declared.name] = declared
        return declared

    return declare
