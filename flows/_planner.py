"""Evaluate one set of parameters of a flow: every task answers with what it would give, nothing runs."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from prefect.futures import PrefectFutureList
from prefect.utilities.annotations import unmapped
from pydantic import ValidationError

from ..media.facts import Facts, Span
from ..media.types import Audio, Image, Media, Video
from ..tasks import local
from ..tasks._task import MediaTask
from ..tasks._verbs import VerbTask
from ..tasks.imports import import_media
from ._declared import KINDS, bound, media_parameters, returned_kind, signature_of
from ._futures import CLOCK, PlannedFuture, settled
from ._plan_calls import stand_in
from ._plan_local import conversion_planned, import_planned, operation_planned
from ._plan_requests import call_planned
from ._planned import Planned
from ._stage import Stage
from ._symbolic import Opaque, PlannedText, Told, Unforeseen, planned_media, told
from .parameters import Parameters

__all__ = ["Evaluation"]


class Evaluation:
    """One evaluation of a flow: it answers tasks and keeps what they would do.

    Args:
        stage: The flow, and what is known.
        scenario: The end of each span that the flow's own code reads: `low`, `likely` or `high`.
        row: Id of the row.

    Attributes:
        items: Task runs, in order.
        problems: Everything that would be refused.
        raised: What the flow's own code raised.
        outputs: Facts of the media that the flow returns.
        reads: Facts that the flow's code read though they are not exact.
        unseen: Why the rest, or a part, could not be foreseen: prices are floors then.
    """

    def __init__(self, stage: Stage, scenario: str = "likely", row: str = "") -> None:
        self.known = stage.known
        self.stand_ins = stage.stand_ins
        self.shapes = stage.shapes
        self.scenario = scenario
        self.row = row
        self.items: list[Planned] = []
        self.problems: list[str] = []
        self.raised: list[str] = []
        self.outputs: list[Facts] = []
        self.reads: dict[str, Span] = {}
        self.unseen: list[str] = []
        self.warnings: list[str] = []
        self.own: set[bytes] = set()
        self.makers: dict[str, int] = {}
        self.caps: dict[tuple[str, str], Decimal] = {}

    # -- what the flow's code meets --

    def figure(self, task: str, fact: str, span: Span) -> float:
        """Return the scenario's figure of a span."""
        self.reads[f"{fact} of {task}"] = span
        return getattr(span, self.scenario)

    def call(self, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Answer `task(...)`."""
        if not task.isasync:
            return self._answered(task, args, kwargs)

        async def answer() -> Any:
            return self._answered(task, args, kwargs)

        running = answer()
        running.__name__ = task.name
        return running

    def submit(self, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> PlannedFuture:
        """Answer `task.submit(...)`."""
        began = CLOCK.get()
        value = self._answered(task, args, kwargs)
        ready = CLOCK.get()
        CLOCK.set(began)
        return PlannedFuture(value, ready)

    def map(self, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> PrefectFutureList[Any]:
        """Answer `task.map(...)`."""
        kwargs = {name: value for name, value in kwargs.items() if name not in ("wait_for", "return_state", "deferred")}
        parameters = signature_of(task.fn).bind_partial(*args, **kwargs).arguments
        fixed: dict[str, Any] = {}
        each: dict[str, list[Any]] = {}
        for name, given in parameters.items():
            value = given.peek() if isinstance(given, PlannedFuture) else given
            if isinstance(value, unmapped):
                fixed[name] = value.value
            elif isinstance(value, Media):
                self.refuse(
                    task.fn.__name__,
                    f"{name}: one {type(value).__name__.lower()} was given to .map(). Wrap it: unmapped({name}).",
                )
                fixed[name] = value
            elif isinstance(value, Opaque):
                raise Unforeseen(f"{task.name}.map() goes over what {told(value).task} gives: how many is not known")  # type: ignore[union-attr]
            elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
                each[name] = list(value)
            else:
                fixed[name] = value
        lengths = {name: len(values) for name, values in each.items()}
        if len(set(lengths.values())) != 1:
            found = f"lists of different lengths: {lengths}" if lengths else "no list"
            self.refuse(
                task.fn.__name__, f".map() was given {found}. Give lists of one length, and unmapped(...) for the rest."
            )
            return PrefectFutureList()  # pyright: ignore[reportAbstractUsage]
        count = next(iter(lengths.values()))
        return PrefectFutureList(  # pyright: ignore[reportAbstractUsage]
            self.submit(task, (), {**fixed, **{name: values[at] for name, values in each.items()}})
            for at in range(count)
        )

    async def together(self, awaitables: Iterable[Any]) -> tuple[Any, ...]:
        """Answer `together(...)`: one after the other, on clocks that start at the same time."""
        began = latest = CLOCK.get()
        left, results = list(awaitables), []
        try:
            while left:
                CLOCK.set(began)
                results.append(await left.pop(0))
                latest = max(latest, CLOCK.get())
        finally:
            for awaitable in left:
                if inspect.iscoroutine(awaitable):
                    awaitable.close()
        CLOCK.set(latest)
        return tuple(results)

    def flow(self, flow: Any, parameters: Mapping[str, Any]) -> Any:
        """Answer the call of a flow: its function, with checked parameters."""
        checks = Parameters(flow)
        given = settled(dict(parameters))
        try:
            values = checks.check(given) if flow.should_validate_parameters else given
        except ValidationError as exc:
            self.problems += [f"flow {flow.name}: {line}" for line in checks.explain(exc)]
            raise Unforeseen(f"flow {flow.name} cannot be called with these parameters") from None
        return self.stand_ins.of(flow.fn)(**values)

    # -- answers --

    def _answered(self, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        kwargs = {name: value for name, value in kwargs.items() if name != "wait_for"}
        if kwargs.pop("return_state", False):
            raise Unforeseen(f"{task.name} is asked for its state, which only a run has")
        name = task.fn.__name__
        if not isinstance(task, MediaTask):
            return self._unseen(task, settled([*args, *kwargs.values()]))
        try:
            parameters = settled(bound(task.fn, args, kwargs))
        except TypeError as exc:
            return self.refused(task, f"{exc}. Parameters: {', '.join(signature_of(task.fn).parameters)}.")
        wrong = self._wrong_kinds(task, parameters)
        if wrong:
            return self.refused(task, *wrong)
        if isinstance(task, VerbTask):
            return call_planned(self, task, name, parameters)
        if task.fn is import_media.fn:
            return import_planned(self, task, parameters)
        if task.fn is local.convert.fn:
            return conversion_planned(
                self, parameters["media"], parameters["operation"], parameters["parameters"], parameters["suffix"]
            )
        return operation_planned(self, task, name, parameters)

    def refuse(self, name: str, *problems: str) -> None:
        self.problems += [f"{name}: {problem}" for problem in problems]

    def refused(self, task: Any, *problems: str, facts: Facts | None = None) -> Any:
        """Note what is wrong, and answer with media of which nothing is known, to find what else is wrong."""
        name = task.fn.__name__
        self.refuse(name, *problems)
        number = self.add(name, "call" if isinstance(task, VerbTask) else "local", "refused", about=problems[0][:120])
        kind = returned_kind(task.fn)
        known = Told(name, facts or Facts(kind=kind), self, CLOCK.get())  # type: ignore[arg-type]
        if kind == "text":
            return PlannedText(known, 400)
        return self.symbolic(known, stand_in("refused", self.row, str(number)), name, number)

    def _wrong_kinds(self, task: Any, parameters: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with media parameters: anything but media of the kinds that the task declares."""
        problems: list[str] = []
        for name, (kinds, is_list, optional) in media_parameters(task.fn).items():
            value = parameters.get(name)
            if value is None and optional:
                continue
            items = list(value) if is_list and isinstance(value, list | tuple) else [value]
            for item in items:
                if isinstance(item, (*kinds, Opaque)):
                    continue
                found = (
                    f"{item.kind} was given"
                    if isinstance(item, Image | Video | Audio)
                    else f"found {type(item).__name__} {item!r:.60}"
                )
                wanted = " or ".join(KINDS[kind] for kind in kinds if kind in KINDS) or "media"
                hint = (
                    ""
                    if isinstance(item, Media)
                    else " Media comes from a task; bring a file in with import_media(path)."
                )
                many = " A list is not taken here: give one of its elements." if isinstance(item, list) else ""
                problems.append(f"{name}: {found}, {wanted} is wanted.{many or hint}")
        return problems

    def add(self, task: str, kind: Any, status: Any, *, about: str = "", inputs: Iterable[Any] = (), seconds: float = 0.0,
             **fields: Any) -> int:  # fmt: skip
        """Note a task run on the clock; it begins when its inputs are there."""
        found = [item for value in inputs for item in (value if isinstance(value, list | tuple) else [value])]
        ready = [known.ready_s for item in found if (known := told(item)) is not None]
        start = max([CLOCK.get(), *ready])
        CLOCK.set(start + seconds)
        after = sorted(
            {at for item in found if isinstance(item, Media) and (at := self.makers.get(item.identity)) is not None}
        )
        number = len(self.items)
        self.items.append(
            Planned(
                number,
                task,
                kind,
                status,
                about,
                start_s=start,
                seconds=seconds,
                after=tuple(after),
                row=self.row,
                **fields,
            )
        )
        return number

    def symbolic(self, known: Told, digest: str, made_by: str, number: int) -> Media:
        self.makers[digest] = number
        return planned_media(known, digest, made_by)

    def real(self, value: Any, number: int) -> Any:
        if isinstance(value, Media):
            self.makers[value.identity] = number
        return value

    def _unseen(self, task: Any, inputs: list[Any]) -> Opaque:
        name = task.fn.__name__
        self.add(name, "code", "unseen", inputs=inputs, notes=(f"{name} runs code that the plan cannot see.",))
        if self.stand_ins.calls_tasks(task.fn):
            line = (
                f"{name} calls tasks or flows by itself, which the plan cannot see; what they cost is not in the price"
            )
            self.unseen += [line] if line not in self.unseen else []
        return Opaque(Told(name, Facts(kind="text"), self, CLOCK.get()))
