"""Evaluate a flow for one set of parameters after the other, in a thread and an event loop of the plan's own."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from prefect import Flow

from ..tasks._planning import PLANNER
from ..tasks.labels import labelled
from ._futures import CLOCK
from ._plan_calls import as_facts
from ._plan_context import RefusedRun
from ._planned import NOTHING, Price
from ._planner import Evaluation
from ._stage import Stage
from ._symbolic import Unforeseen
from .results import media_in
from .sources import imported

__all__ = ["Outcome", "evaluated"]


@dataclass(frozen=True)
class Outcome:
    """What one set of parameters comes to.

    Attributes:
        main: The likely course.
        price: Over all scenarios.
        seconds: Of the critical path: low, likely and high end.
        notes: What depended on facts that are not exact.
    """

    main: Evaluation
    price: Price
    seconds: tuple[float, float, float]
    notes: tuple[str, ...] = ()


async def evaluated(stage: Stage, values: Mapping[str, Any], row: str = "") -> Outcome:
    """Evaluate a flow: once, or three times when its own code reads facts that are only known within limits.

    Args:
        stage: The flow, and what is known.
        values: Checked parameters; `MediaSource` for files and URLs.
        row: Id of the row.
    """
    main = await _evaluate(stage, values, "likely", row)
    price, span, notes = _price(main), [_length(main)] * 3, []
    if main.reads:
        ends = [await _evaluate(stage, values, scenario, row) for scenario in ("low", "high")]
        price = price.widened(_price(end) for end in ends)
        span = [min(span[0], _length(ends[0])), span[1], max(span[2], _length(ends[1]))]
        notes = [_dependence(main, ends)]
        for end in ends:
            main.warnings += [
                f"perhaps {line}" for line in (*end.problems, *end.raised) if line not in (*main.problems, *main.raised)
            ]
            main.unseen += [line for line in end.unseen if line not in main.unseen]
    stage.known.seen |= main.own
    return Outcome(main, price, (span[0], span[1], span[2]), tuple(notes))


def _dependence(main: Evaluation, ends: list[Evaluation]) -> str:
    reads = ", ".join(f"{name} ({span}, likely {span.likely:.3g})" for name, span in main.reads.items())
    course = [item.task for item in main.items]
    other = any([item.task for item in end.items] != course for end in ends)
    how = " The flow takes another course at an end of the range." if other else ""
    return f"The flow reads {reads}: low and high are evaluated with the ends of the range.{how}"


def _price(evaluation: Evaluation) -> Price:
    return sum((item.price for item in evaluation.items), NOTHING)


def _length(evaluation: Evaluation) -> float:
    return max((item.start_s + item.seconds for item in evaluation.items), default=0.0)


async def _evaluate(stage: Stage, values: Mapping[str, Any], scenario: str, row: str) -> Evaluation:
    flow = stage.flow
    evaluation = Evaluation(stage, scenario, row)
    planner, clock = PLANNER.set(evaluation), CLOCK.set(0.0)
    try:
        with labelled(batch="", row=row):
            value = await _called(stage.stand_ins.of(flow.fn), await imported(values))
            evaluation.outputs = [as_facts(media) for media in media_in(value)]
    except Unforeseen as exc:
        _stopped(evaluation, exc)
    except BaseExceptionGroup as group:
        stopped, other = group.split(Unforeseen)
        for exc in _leaves(stopped):
            _stopped(evaluation, exc)
        for exc in _leaves(other):
            _raised(evaluation, flow, exc)
    except Exception as exc:  # noqa: BLE001 - the flow's own code may raise anything, and a run would raise it too
        _raised(evaluation, flow, exc)
    finally:
        PLANNER.reset(planner)
        CLOCK.reset(clock)
    for note in stage.stand_ins.taken_notes():
        _stopped(evaluation, Unforeseen(note))
    if flow.timeout_seconds is not None and flow.timeout_seconds < _length(evaluation):
        evaluation.problems.append(
            f"flow {flow.name}: timeout_seconds={flow.timeout_seconds:g} is shorter than its calls usually take one after "
            f"the other, {_length(evaluation):.0f} s. Allow more time."
        )
    return evaluation


async def _called(function: Callable[..., Any], values: Mapping[str, Any]) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function(**values)
    value = await asyncio.to_thread(function, **values)
    return await value if inspect.iscoroutine(value) else value


def _leaves(group: BaseExceptionGroup[Any] | None) -> list[BaseException]:
    if group is None:
        return []
    found: list[BaseException] = []
    for exc in group.exceptions:
        found += _leaves(exc) if isinstance(exc, BaseExceptionGroup) else [exc]
    return found


def _stopped(evaluation: Evaluation, exc: BaseException) -> None:
    line = f"{exc}; the price is a floor, up to there"
    if not evaluation.problems and line not in evaluation.unseen:  # what is refused makes more unknown, and is enough
        evaluation.unseen.append(line)


def _raised(evaluation: Evaluation, flow: Flow[Any, Any], exc: BaseException) -> None:
    if isinstance(exc, KeyboardInterrupt | SystemExit | asyncio.CancelledError):
        raise exc
    if isinstance(exc, RefusedRun):  # there is a note of it
        return
    problems = getattr(exc, "problems", None) or (f"{type(exc).__name__}: {exc}",)
    evaluation.raised += [f"flow {flow.name} raises {problem}" for problem in problems]
