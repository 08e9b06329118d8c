"""What takes the place of a flow, a task or a module in the code that a plan evaluates."""

from __future__ import annotations

from typing import Any, Protocol

from prefect.utilities.callables import get_call_parameters

from ..tasks._planning import PLANNER, Planner
from ._symbolic import Unforeseen

__all__ = ["FlowStandIn", "Maker", "ModuleStandIn", "StandIn", "TaskStandIn"]


class Maker(Protocol):
    """Makes stand-ins, and keeps notes for the plan."""

    def of(self, value: Any) -> Any:
        """Return what stands for a value."""
        ...

    def note(self, what: str) -> str:
        """Keep a note, and return it."""
        ...


class StandIn:
    """Looks like its original, also for `isinstance`; what it is not asked to answer, the original answers."""

    def __init__(self, original: Any, maker: Maker) -> None:
        self.__dict__.update(_original=original, _maker=maker)

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return type(object.__getattribute__(self, "_original"))
        return object.__getattribute__(self, name)

    def __getattr__(self, name: str) -> Any:
        return self._maker.of(getattr(self._original, name))

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._original, name, value)

    def __repr__(self) -> str:
        return repr(self._original)

    def __eq__(self, other: object) -> bool:
        return self._original == getattr(other, "_original", other)

    def __hash__(self) -> int:
        return hash(self._original)


class ModuleStandIn(StandIn):
    """A module: its flows and tasks are stand-ins."""


class _Callable(StandIn):
    def _planner(self) -> Planner:
        planner = PLANNER.get()
        if planner is None:
            raise Unforeseen(
                self._maker.note(
                    f"{self._original.name} is called in a thread that knows nothing of the flow; "
                    "asyncio.to_thread and .submit() hand that on"
                )
            )
        return planner

    def with_options(self, *args: Any, **kwargs: Any) -> Any:
        """Return a stand-in for the task or flow with other options."""
        return self._maker.of(self._original.with_options(*args, **kwargs))


class TaskStandIn(_Callable):
    """A task: the planner answers for it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._planner().call(self._original, args, kwargs)

    def submit(self, *args: Any, **kwargs: Any) -> Any:
        """Answer with a planned future."""
        return self._planner().submit(self._original, args, kwargs)

    def map(self, *args: Any, **kwargs: Any) -> Any:
        """Answer with a list of planned futures."""
        return self._planner().map(self._original, args, kwargs)

    def delay(self, *args: Any, **kwargs: Any) -> Any:
        """Answer with a planned future."""
        return self.submit(*args, **kwargs)

    def apply_async(self, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None, **_: Any) -> Any:
        """Answer with a planned future."""
        return self.submit(*args, **kwargs or {})


class FlowStandIn(_Callable):
    """A flow: the planner evaluates it as a part of the one that calls it."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        kwargs = {name: value for name, value in kwargs.items() if name not in ("wait_for", "return_state")}
        given = get_call_parameters(self._original.fn, args, kwargs, apply_defaults=False)
        return self._planner().flow(self._original, given)
