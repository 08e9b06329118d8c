"""A flow's function as a plan calls it: the same code, in which the names of flows and tasks mean stand-ins.

Nothing of Prefect or of the user's modules is changed. A function that reaches a flow or a task is copied, with globals and cells
in which stand-ins take their place; every other name means what it means in the module at that moment.
"""

from __future__ import annotations

import builtins
import dis
import functools
import sys
import sysconfig
import types
from collections.abc import Iterator
from typing import Any

from prefect import Flow, Task

from ._stand_in import FlowStandIn, ModuleStandIn, StandIn, TaskStandIn

__all__ = ["StandIns"]

OWN = __name__.partition(".")[0]
CLOSED = {*sys.stdlib_module_names, OWN, "prefect", "pydantic"} - {"__main__"}
"""Packages whose functions call no task of the user. The tasks of this package hand over by themselves."""
INSTALLED = tuple({sysconfig.get_path(name) for name in ("purelib", "platlib")})
PLAIN = {str, int, float, bool, bytes, type(None), type, types.BuiltinFunctionType}
CONTAINERS: set[type[Any]] = {list, tuple, dict}


class _Names(dict[str, Any]):
    """Globals of a copied function: the names that it sets itself, else those of the module as they are now."""

    def __init__(self, live: dict[str, Any], stand_ins: StandIns) -> None:
        kept = {name: live.get(name) for name in ("__name__", "__package__", "__spec__", "__file__")}
        super().__init__(__builtins__=stand_ins.builtins, **kept)
        self._live = live
        self._stand_ins = stand_ins

    def __missing__(self, name: str) -> Any:
        return self._stand_ins.of(self._live[name])


class StandIns:
    """The stand-ins of one plan: each flow, task, module and function has at most one.

    Args:
        flow: The flow that is planned. What its own package calls is followed, also when it is installed.
    """

    def __init__(self, flow: Flow[Any, Any]) -> None:
        self._notes: list[str] = []
        self.builtins = {**vars(builtins), "__import__": self._imported}
        self._home = flow.fn.__module__.partition(".")[0]
        self._made: dict[int, tuple[Any, Any]] = {}
        self._names: dict[int, _Names] = {}
        self._open: dict[str, bool] = {}
        self._reaching: dict[types.FunctionType, bool] = {}

    def note(self, what: str) -> str:
        """Keep a note, and return it."""
        self._notes.append(what)
        return what

    def taken_notes(self) -> list[str]:
        """Return the notes since it was asked last, each once."""
        notes, self._notes = self._notes, []
        return list(dict.fromkeys(notes))

    def of(self, value: Any) -> Any:
        """Return what stands for a value in a plan: most values stand for themselves."""
        kind = type(value)
        if kind in PLAIN:
            return value
        if kind in CONTAINERS:  # not remembered: it may change
            return self._container(value, kind)
        known = self._made.get(id(value))
        if known is None:
            known = self._made[id(value)] = (value, self._new(value, kind))
        return known[1]

    def _new(self, value: Any, kind: type[Any]) -> Any:
        if issubclass(kind, StandIn):
            return value
        if isinstance(value, Task):
            return TaskStandIn(value, self)
        if isinstance(value, Flow):
            return FlowStandIn(value, self)
        if kind is types.ModuleType:
            return ModuleStandIn(value, self) if self._is_followed(value) else value
        if kind is types.FunctionType:
            return self._copy(value) if self._reaches(value) else value
        if kind is functools.partial:
            function = self.of(value.func)
            return value if function is value.func else functools.partial(function, *value.args, **value.keywords)
        return value

    def _container(self, value: Any, kind: Any) -> Any:
        if not any(isinstance(item, Flow | Task) for item in (value.values() if kind is dict else value)):
            return value
        return {key: self.of(item) for key, item in value.items()} if kind is dict else kind(map(self.of, value))

    def _imported(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Import, for a copied function that imports inside itself."""
        return self.of(builtins.__import__(name, *args, **kwargs))

    def _copy(self, function: types.FunctionType) -> types.FunctionType:
        live = function.__globals__
        names = self._names.setdefault(id(live), _Names(live, self))
        shared = function.__closure__ or ()
        cells = [types.CellType() if self._is_changed(_content(cell)) else cell for cell in shared]
        copy = types.FunctionType(
            function.__code__, names, function.__name__, function.__defaults__, tuple(cells) or None
        )
        copy.__kwdefaults__ = function.__kwdefaults__
        functools.update_wrapper(copy, function)
        self._made[id(function)] = (function, copy)  # before its cells are filled: one may hold the function itself
        for cell, old in zip(cells, shared, strict=True):
            if cell is not old:
                cell.cell_contents = self.of(old.cell_contents)
        return copy

    def _is_changed(self, value: Any) -> bool:
        if isinstance(value, Flow | Task):
            return True
        match value:
            case types.FunctionType():
                return self._reaches(value)
            case types.ModuleType():
                return self._is_followed(value)
            case functools.partial():
                return self._is_changed(value.func)
            case dict() | list() | tuple() if type(value) in CONTAINERS:
                items = value.values() if isinstance(value, dict) else value
                return any(isinstance(item, Flow | Task) for item in items)
            case _:
                return False

    def calls_tasks(self, function: Any) -> bool:
        """Return whether the body of a task names a flow or a task, as far as can be seen."""
        return isinstance(function, types.FunctionType) and self._reaches(function)

    def _reaches(self, function: types.FunctionType) -> bool:
        """Return whether a function names a flow or a task, or a function that does."""
        if function not in self._reaching:
            self._reaching[function] = self._finds_one(function)
        return self._reaching[function]

    def _finds_one(self, function: types.FunctionType) -> bool:
        seen, left = {function}, [function]
        while left:
            current = left.pop()
            if not self._is_open(current.__module__ or ""):
                continue
            for value in map(_whole, _named(current)):
                if type(value) is types.FunctionType:
                    if value not in seen:
                        seen.add(value)
                        left.append(value)
                elif self._is_changed(value):
                    return True
        return False

    def _is_followed(self, module: types.ModuleType) -> bool:
        """Return whether a module may hold flows or tasks."""
        return module.__name__.partition(".")[0] == OWN or self._is_open(module.__name__)

    def _is_open(self, module: str) -> bool:
        """Return whether functions of a module are followed: the user's code, not other people's libraries."""
        root = module.partition(".")[0]
        if root not in self._open:
            file = str(getattr(sys.modules.get(root), "__file__", None) or "")
            self._open[root] = root not in CLOSED and (root == self._home or not file.startswith(INSTALLED))
        return self._open[root]


def _whole(value: Any) -> Any:
    return _whole(value.func) if type(value) is functools.partial else value


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not set yet
        return None


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _named(function: types.FunctionType) -> Iterator[Any]:
    """Yield what a function's code names: globals, closed-over variables, modules that it imports by itself."""
    yield from map(_content, function.__closure__ or ())
    for code in _codes(function.__code__):
        for name in code.co_names:
            if name in function.__globals__:
                yield function.__globals__[name]
        for step in dis.get_instructions(code):
            if step.opname == "IMPORT_NAME":
                yield sys.modules.get(str(step.argval)) or types.ModuleType(str(step.argval) or function.__module__)
