"""Questions about the values that reach a planned task."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..errors import PrefectMediaError
from ..media.videos.deferred import Deferred
from ._futures import CLOCK
from ._plan_calls import as_facts
from ._symbolic import Opaque, Told, Unforeseen, planned_media, told

if TYPE_CHECKING:
    from ._planner import Evaluation

__all__ = ["all_real", "encoded", "facts_in", "holds_opaque", "task_key"]


def encoded(run: Evaluation, value: Any) -> Any:
    """Return what a video that is put off became, or what stands for it: a plan encodes nothing."""
    if not isinstance(value, Deferred):
        return value
    made = value.became()
    if made is not None:
        return run.real(made, run.makers[value.identity]) if value.identity in run.makers else made
    return planned_media(Told(value.made.made_by, as_facts(value), run, CLOCK.get()), value.identity)


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
