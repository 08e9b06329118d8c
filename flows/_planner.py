"""Evaluate one set of parameters of a flow: every task answers with what it would give, nothing runs."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from prefect.futures import PrefectFutureList
from prefect.utilities.annotations import unmapped
from pydantic import ValidationError

from ..adapters.resolve import Finish, finished
from ..errors import ConfigurationError, MediaError, PrefectMediaError
from ..ledger import CallState
from ..media.facts import Facts, Span
from ..media.predictions import predict
from ..media.types import Audio, Image, Media, Video
from ..tasks import generate as verbs
from ..tasks import local
from ..tasks._candidates import Wanted, choices, request_key
from ..tasks._convert import _operation as finishing
from ..tasks._task import MediaTask, content_key
from ..tasks.budgets import Budget, current_caps
from ..tasks.imports import import_media
from ._futures import CLOCK, PlannedFuture, settled
from ._plan_calls import (
    Known,
    Option,
    as_facts,
    described,
    fitted,
    missing_key,
    option,
    shortened,
    stand_in,
    stored_outputs,
    total_price,
    wanted_text,
)
from ._planned import NOTHING, Planned, Price, amount
from ._symbolic import Opaque, PlannedText, Told, Unforeseen, planned_media, told
from .parameters import Parameters

__all__ = ["Evaluation"]

KINDS: dict[Any, str] = {Image: "image", Video: "video", Audio: "audio"}
CAPABILITIES = {
    "generate_image": "text-to-image",
    "edit_image": "image-to-image",
    "generate_speech": "speech",
    "generate_music": "music",
    "generate_sound": "sound",
    "upscale_image": "upscale",
    "remove_background": "remove-background",
    "lip_sync": "lip-sync",
    "transcribe": "transcribe",
}
UNREAD_TEXT = Span(low=1, likely=400, high=5000)
"""Characters of a text that code outside the plan writes."""


class Evaluation:
    """One evaluation of a flow: it answers tasks and keeps what they would do.

    Args:
        known: What was made before.
        scenario: The end of each span that the flow's own code reads: `low`, `likely` or `high`.
        row: Id of the row.
        memo: Requests that another scenario has resolved.

    Attributes:
        items: Task runs, in order.
        problems: Everything that would be refused.
        raised: What the flow's own code raised.
        outputs: Facts of the media that the flow returns.
        reads: Facts that the flow's code read though they are not exact.
        unseen: Why the rest, or a part, could not be foreseen: prices are floors then.
    """

    def __init__(self, known: Known, scenario: str = "likely", row: str = "", memo: dict[Any, Any] | None = None) -> None:
        self.known = known
        self.scenario = scenario
        self.row = row
        self.memo: dict[Any, Any] = {} if memo is None else memo
        self.items: list[Planned] = []
        self.problems: list[str] = []
        self.raised: list[str] = []
        self.outputs: list[Facts] = []
        self.reads: dict[str, Span] = {}
        self.unseen: list[str] = []
        self.warnings: list[str] = []
        self.own: set[bytes] = set()
        self._makers: dict[str, int] = {}
        self._caps: dict[tuple[str, str], Decimal] = {}

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
        parameters = _signature(task.fn).bind_partial(*args, **kwargs).arguments
        fixed: dict[str, Any] = {}
        each: dict[str, list[Any]] = {}
        for name, given in parameters.items():
            value = given.peek() if isinstance(given, PlannedFuture) else given
            if isinstance(value, unmapped):
                fixed[name] = value.value
            elif isinstance(value, Media):
                self._refuse(task.fn.__name__, f"{name}: one {value.kind} was given to .map(). Wrap it: unmapped({name}).")
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
            self._refuse(task.fn.__name__, f".map() was given {found}. Give lists of one length, and unmapped(...) for the rest.")
            return PrefectFutureList()
        count = next(iter(lengths.values()))
        return PrefectFutureList(
            self.submit(task, (), {**fixed, **{name: values[at] for name, values in each.items()}}) for at in range(count)
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
        return flow.fn(**values)

    # -- answers --

    def _answered(self, task: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        kwargs = {name: value for name, value in kwargs.items() if name != "wait_for"}
        if kwargs.pop("return_state", False):
            raise Unforeseen(f"{task.name} is asked for its state, which only a run has")
        name = task.fn.__name__
        if not isinstance(task, MediaTask):
            return self._unseen(task, settled([*args, *kwargs.values()]))
        try:
            bound = _signature(task.fn).bind(*args, **kwargs)
        except TypeError as exc:
            return self._refused(task, f"{exc}. Parameters: {', '.join(_signature(task.fn).parameters)}.")
        bound.apply_defaults()
        parameters = settled(dict(bound.arguments))
        wrong = self._wrong_kinds(task, parameters)
        if wrong:
            return self._refused(task, *wrong)
        if task.fn.__module__ == verbs.__name__:
            return self._generated(task, name, parameters)
        if task.fn is import_media.fn:
            return self._imported(task, parameters)
        if task.fn is local.convert.fn:
            return self._converted(parameters["media"], parameters["operation"], parameters["parameters"], parameters["suffix"])
        return self._made_locally(task, name, parameters)

    def _refuse(self, name: str, *problems: str) -> None:
        self.problems += [f"{name}: {problem}" for problem in problems]

    def _refused(self, task: Any, *problems: str, facts: Facts | None = None) -> Any:
        """Note what is wrong, and answer with media of which nothing is known, to find what else is wrong."""
        name = task.fn.__name__
        self._refuse(name, *problems)
        number = self._add(name, "call" if task.fn.__module__ == verbs.__name__ else "local", "refused", about=problems[0][:120])
        kind = _returned_kind(task)
        known = Told(name, facts or Facts(kind=kind), self, CLOCK.get())  # type: ignore[arg-type]
        if kind == "text":
            return PlannedText(known, 400)
        return self._symbolic(known, stand_in("refused", self.row, str(number)), name, number)

    def _wrong_kinds(self, task: Any, parameters: Mapping[str, Any]) -> list[str]:
        """Return what is wrong with media parameters: anything but media of the kinds that the task declares."""
        problems: list[str] = []
        for name, (kinds, is_list, optional) in _media_parameters(task.fn).items():
            value = parameters.get(name)
            if value is None and optional:
                continue
            items = list(value) if is_list and isinstance(value, list | tuple) else [value]
            for item in items:
                if isinstance(item, (*kinds, Opaque)):
                    continue
                found = f"{item.kind} was given" if isinstance(item, Media) else f"found {type(item).__name__} {item!r:.60}"
                wanted = " or ".join(KINDS[kind] for kind in kinds if kind in KINDS) or "media"
                hint = "" if isinstance(item, Media) else " Media comes from a task; bring a file in with import_media(path)."
                many = " A list is not taken here: give one of its elements." if isinstance(item, list) else ""
                problems.append(f"{name}: {found}, {wanted} is wanted.{many or hint}")
        return problems

    def _add(self, task: str, kind: Any, status: Any, *, about: str = "", inputs: Iterable[Any] = (), seconds: float = 0.0,
             **fields: Any) -> int:  # fmt: skip
        """Note a task run on the clock; it begins when its inputs are there."""
        found = [item for value in inputs for item in (value if isinstance(value, list | tuple) else [value])]
        ready = [known.ready_s for item in found if (known := told(item)) is not None]
        start = max([CLOCK.get(), *ready])
        CLOCK.set(start + seconds)
        after = sorted({at for item in found if isinstance(item, Media) and (at := self._makers.get(item.digest)) is not None})
        number = len(self.items)
        self.items.append(
            Planned(number, task, kind, status, about, start_s=start, seconds=seconds, after=tuple(after), row=self.row, **fields)
        )
        return number

    def _symbolic(self, known: Told, digest: str, made_by: str, number: int) -> Media:
        self._makers[digest] = number
        return planned_media(known, digest, made_by)

    def _real(self, value: Any, number: int) -> Any:
        if isinstance(value, Media):
            self._makers[value.digest] = number
        return value

    def _unseen(self, task: Any, inputs: list[Any]) -> Opaque:
        self._add(task.fn.__name__, "code", "unseen", inputs=inputs, notes=("Runs code that the plan cannot see.",))
        return Opaque(Told(task.fn.__name__, Facts(kind="text"), self, CLOCK.get()))

    # -- local operations --

    def _imported(self, task: Any, parameters: Mapping[str, Any]) -> Any:
        source, kind = str(parameters["source"]), parameters.get("kind")
        if "://" in source:
            if not source.startswith(("https://", "http://")):
                return self._refused(task, f"{source!r} is not supported. Expected a file or https://.")
            facts, digest, is_file = Facts(kind=kind or "image"), stand_in("import", source), False
            if kind is None:
                raise Unforeseen(f"import_media({source!r:.80}): what is behind a URL is not known before it runs")
        else:
            try:
                kind_found, facts, digest = file_facts(Path(source).expanduser())
            except OSError as exc:
                return self._refused(task, f"{source!r} cannot be read: {exc.strerror or exc}. Expected a file, or https://.")
            except MediaError as exc:
                return self._refused(task, str(exc))
            if kind is not None and kind_found != kind:
                return self._refused(task, f"{source!r} is {kind_found}, {kind} is wanted.")
            is_file = True
        number = self._add("import_media", "local", "new", about=source, seconds=LOCAL_S["image"], makes=described(facts))
        return self._symbolic(Told("import_media", facts, self, CLOCK.get(), is_file), digest, "import", number)

    def _made_locally(self, task: Any, name: str, parameters: dict[str, Any]) -> Any:
        kinds = _media_parameters(task.fn)
        inputs = [parameters[key] for key in kinds if parameters.get(key) is not None]
        key = _task_key(task, parameters)
        cached = None if task.refresh_cache or not _all_real(inputs) else self.known.result(key)
        if cached is not None:
            number = self._add(name, "local", "cached", inputs=inputs, makes=described(as_facts(cached)) if isinstance(cached, Media) else "")
            return self._real(cached, number)
        facts: Facts | None = Facts(kind=_returned_kind(task))  # type: ignore[arg-type]
        if not _holds_opaque(inputs):
            given = {key: _facts_in(parameters.get(key)) for key in kinds}
            try:
                facts = predict(name, given, {k: v for k, v in parameters.items() if k not in kinds}) or facts
            except (ConfigurationError, MediaError) as exc:
                return self._refused(task, str(exc), facts=facts)
            except TypeError as exc:
                return self._refused(task, f"a parameter is of the wrong type: {exc}.", facts=facts)
        assert facts is not None
        number = self._add(
            name, "local", "new", inputs=inputs, seconds=local_seconds(facts), makes=described(facts), key=key or ""
        )
        known = Told(name, facts, self, CLOCK.get())
        if facts.kind == "text":
            return PlannedText(known, 400)
        return self._symbolic(known, stand_in(key or f"{name} {self.row} {number}"), name, number)

    def _converted(self, media: Any, operation: str, values: Mapping[str, Any], suffix: str, *, about: str = "",
                   facts: Facts | None = None) -> Any:  # fmt: skip
        """Plan one conversion as the run does it: a task run of its own."""
        parameters = {"media": media, "operation": operation, "parameters": dict(values), "suffix": suffix}
        key = content_key("convert", 1, parameters)
        if _all_real([media]):
            key = _task_key(local.convert, parameters)
            cached = self.known.result(key)
            if cached is not None:
                return self._real(cached, self._add(operation, "conversion", "cached", about=about, inputs=[media]))
        if facts is None:
            source = as_facts(media)
            try:
                facts = predict(operation, {"image": source, "video": source, "audio": source, "media": source}, values)
            except (ConfigurationError, MediaError) as exc:
                self._refuse(operation, str(exc))
            facts = facts or Facts(kind=media.kind)
        number = self._add(
            operation, "conversion", "new", about=about, inputs=[media], seconds=local_seconds(facts), makes=described(facts)
        )
        return self._symbolic(Told(operation, facts, self, CLOCK.get()), stand_in(str(key)), operation, number)

    # -- calls --

    def _generated(self, task: Any, name: str, parameters: dict[str, Any]) -> Any:
        notes: list[str] = []
        options: list[Option]
        inputs: list[Any] = []
        parameters = {key: self._words(value, notes) for key, value in parameters.items()}
        if name == "lip_sync":
            face = parameters.pop("video")
            parameters["video" if isinstance(face, Video) else "image"] = face
        capability = CAPABILITIES.get(name) or ("text-to-video" if parameters.get("image") is None else "image-to-video")
        if any(isinstance(value, Opaque) for value in parameters.values()):
            self.unseen.append(f"{name} takes what code outside the plan gives; its price and result are not known")
            return self._refusedless(task, capability)
        mark = _mark(name, parameters)
        if mark in self.memo:
            wanted, options, inputs = self.memo[mark]
            return self._called(task, wanted, options, inputs, parameters.get("budget"), notes)
        real = verbs._wanted(capability, parameters)
        wanted = _with_facts(real)
        try:
            found = choices(wanted)
        except PrefectMediaError as exc:
            return self._refused(task, *_named(exc, wanted))
        except (TypeError, ValueError) as exc:
            return self._refused(task, f"a parameter cannot be used: {exc}.")
        paid = self._whole_result(task, real)
        if paid is not None:
            number = self._add(name, "call", "paid", about=wanted_text(wanted), model=found[0].card.id, inputs=real.inputs.values())
            return self._real(paid, number)
        options = []
        for choice in found:
            mine, facts, digests = self._prepared(choice, real, perform=not options)
            inputs = list(mine.values()) if not options else inputs
            try:
                options.append(option(choice, facts, digests))
            except PrefectMediaError as exc:
                return self._refused(task, *_named(exc, wanted))
        if not any(any(files) for choice in found for files in choice.steps.values()):
            self.memo[mark] = wanted, options, inputs
        return self._called(task, wanted, options, inputs, parameters.get("budget"), notes)

    def _refusedless(self, task: Any, capability: str) -> Any:
        number = self._add(task.fn.__name__, "call", "new", about="price not known", price=Price(unpriced=(capability,)))
        known = Told(task.fn.__name__, Facts(kind=_returned_kind(task)), self, CLOCK.get())  # type: ignore[arg-type]
        return self._symbolic(known, stand_in("opaque", self.row, str(number)), "", number) if known.facts.kind != "text" else PlannedText(known, 400)

    def _words(self, value: Any, notes: list[str]) -> Any:
        """Return filler for words that a run will write, different for different sources."""
        known = told(value)
        if known is None or known.facts.kind != "text":
            return value
        length = str.__len__(value) if isinstance(value, PlannedText) else int(self.figure(known.task, "length", UNREAD_TEXT))
        notes.append(f"The text comes from {known.task}; {length} characters are assumed.")
        mark = stand_in(self.row, known.task, str(id(value)) if isinstance(value, Opaque) else str.__str__(value))
        return (mark * (length // len(mark) + 1))[:length]

    def _whole_result(self, task: Any, wanted: Wanted) -> Any:
        """Return the stored result of a request over several models, which stands for whichever answered."""
        if len(wanted.models) < 2 or task.refresh_cache or not _all_real(list(wanted.inputs.values())):
            return None
        return self.known.result(request_key(wanted)) if self.known.results is not None else None

    def _prepared(self, choice: Any, real: Wanted, *, perform: bool) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        """Return the inputs of a choice after their conversions: media, facts, digests by name.

        Args:
            perform: Note the conversions as task runs; those of fallbacks run only when it comes to that.
        """
        media: dict[str, Any] = {}
        facts: dict[str, Any] = {}
        digests: dict[str, Any] = {}
        for name in choice.wanted.inputs:
            value = real.inputs[name]
            single = not isinstance(value, list | tuple)
            items = [value] if single else list(value)  # type: ignore[arg-type]
            after = [self._fitted(choice, name, at, item, perform) for at, item in enumerate(items)]
            media[name] = [each[0] for each in after]
            facts[name] = after[0][1] if single else [each[1] for each in after]
            digests[name] = after[0][0].digest if single else [each[0].digest for each in after]
        return media, facts, digests

    def _fitted(self, choice: Any, name: str, at: int, item: Any, perform: bool) -> tuple[Any, Facts]:
        steps = choice.steps[name][at]
        facts = as_facts(item)
        if not steps:
            return item, facts
        final = fitted(choice, name, at, facts)
        if not perform:
            digest = stand_in(item.digest, *(f"{step.operation} {sorted(step.parameters.items())}" for step in steps))
            return planned_media(Told(name, final, self), digest), final
        for step in steps:
            last = step is steps[-1]
            about = f"{name} for {choice.card.id}: {step.loss}" if step.loss else f"{name} for {choice.card.id}"
            item = self._converted(item, step.operation, step.parameters, step.suffix, about=about, facts=final if last else None)
        return item, as_facts(item) if told(item) is None else final

    def _called(self, task: Any, wanted: Wanted, options: list[Option], inputs: list[Any], budget: Any, notes: list[str]) -> Any:
        name, first = task.fn.__name__, options[0]
        about = wanted_text(wanted)
        fields: dict[str, Any] = {
            "about": about, "inputs": inputs, "model": first.id, "fallbacks": tuple(o.id for o in options[1:]), "key": first.key,
        }  # fmt: skip
        call = self.known.call(first.key)
        outputs = stored_outputs(call)
        if call is not None and outputs is not None:
            real = outputs[0]
            makes = described(as_facts(real)) if isinstance(real, Media) else "text"
            number = self._add(name, "call", "paid", makes=makes, saved=call.cost, **fields)
            return self._finished(self._real(real, number), first.resolved.finish)
        status = "open" if call is not None and call.state in (CallState.SUBMITTED, CallState.UNKNOWN) else "new"
        if call is not None and call.state == CallState.HELD:
            self._refuse(name, f"call {first.key[:12]} is held: whether it was accepted is not known. "
                         f"Settle it: prefect-media calls resolve {first.key[:12]} --as ...")  # fmt: skip
        usable = self._usable(name, options, notes)
        price = total_price(options, usable)
        mark = shortened(first.key)
        if mark in self.own or mark in self.known.seen:
            status, price = "repeated", NOTHING
        self.own.add(mark)
        self._check_caps(task, about, usable or options, price, budget)
        self._check_times(task, usable or options)
        chosen = (usable or options)[0]
        kept = _asked_notes(chosen)
        facts = chosen.resolved.expected
        number = self._add(
            name, "call", status, price=price, makes=described(facts), notes=(*notes, *kept),
            seconds=0.0 if status == "repeated" else chosen.choice.card.times.expected_s, **fields,
        )  # fmt: skip
        known = Told(name, facts, self, CLOCK.get())
        if facts.kind == "text":
            return PlannedText(known, 400)
        made = self._symbolic(known, stand_in(first.key), first.id, number)
        return self._finished(made, chosen.resolved.finish)

    def _finished(self, result: Any, finish: Iterable[Finish]) -> Any:
        """Plan the local conversions of a result."""
        for item in finish:
            if not isinstance(result, Media):
                return result
            facts = finished(as_facts(result), [item])
            try:
                operation, values, suffix = finishing(result, item)
            except Unforeseen:  # the format is not known, and the suffix follows it
                operation, values, suffix = f"{item.operation}_{facts.kind}", dict(item.parameters), ""
            result = self._converted(result, operation, values, suffix, about=item.reason, facts=facts)
        return result

    def _usable(self, name: str, options: list[Option], notes: list[str]) -> list[Option]:
        usable = [o for o in options if o.choice.card.is_local or self.known.can_call(o.choice.card.provider)]
        without = [o for o in options if o not in usable]
        if not usable:
            self._refuse(name, *dict.fromkeys(f"{o.id}: {missing_key(o.choice.card.provider)}" for o in without))
        else:
            notes += [f"{o.id} is skipped: {missing_key(o.choice.card.provider)}" for o in without]
        return usable

    def _check_caps(self, task: Any, about: str, options: list[Option], price: Price, budget: Any) -> None:
        name = task.fn.__name__
        if budget is not None:
            try:
                cap = Budget.of(budget).cap
            except PrefectMediaError as exc:
                self._refuse(name, str(exc))
                return
            highs = [option.estimate.high for option in options]
            if all(high is None or high > cap for high in highs) and price is not NOTHING:
                least = min((high for high in highs if high is not None), default=None)
                found = f"may cost {amount(least)} USD" if least is not None else "has no known price"
                self._refuse(name, f"{options[0].id} {found}, budget={amount(cap)} USD is given. Raise the budget, or name a cheaper model.")
        for cap in current_caps():
            total = self._caps[cap.name, cap.scope] = self._caps.get((cap.name, cap.scope), Decimal(0)) + price.expected
            if total > cap.cap >= total - price.expected:
                self._refuse(name, f"with {about!r} the calls under Budget('{cap.cap} USD') are expected to cost {amount(total)} USD. "
                             "Raise the budget, or use cheaper models.")  # fmt: skip

    def _check_times(self, task: Any, options: list[Option]) -> None:
        limit, times = task.timeout_seconds, options[0].choice.card.times
        if limit is not None and limit < times.expected_s:
            self._refuse(task.fn.__name__, f"timeout_seconds={limit:g} is shorter than {options[0].id} usually takes, "
                         f"{times.expected_s:g} s. Allow more, up to its deadline of {times.deadline_s:g} s.")  # fmt: skip


def _named(error: PrefectMediaError, wanted: Wanted) -> list[str]:
    """Return an error's problems, each with the model that has it."""
    lines = getattr(error, "problems", None) or (str(error),)
    models = " or ".join(wanted.models)
    return [line if not models or any(model in line for model in wanted.models) else f"{models}: {line}" for line in lines]


def _mark(name: str, parameters: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what tells one request from another: the facts of planned media follow its digest and the scenario."""
    return name, *((key, _hashable(value)) for key, value in parameters.items())


def _hashable(value: Any) -> Any:
    known = told(value)
    if known is not None and isinstance(value, Media):
        return value.digest, known.facts
    return value if value is None or isinstance(value, str | int | float | Media) else repr(value)


@lru_cache(maxsize=1024)
def _signature(function: Any) -> inspect.Signature:
    return inspect.signature(function)


LOCAL_S = {"image": 0.2, "audio": 0.3, "video": 0.5}
LOCAL_FACTOR = {"image": 0.0, "audio": 0.05, "video": 0.2}
"""Rough: seconds a local operation takes, and for each second of its result. Measured on two cores at 720p."""


def local_seconds(facts: Facts) -> float:
    """Return about how long a local operation takes."""
    length = facts.duration_s.likely if facts.duration_s else 0.0
    return LOCAL_S.get(facts.kind, 0.2) + LOCAL_FACTOR.get(facts.kind, 0.0) * length


def _asked_notes(chosen: Option) -> tuple[str, ...]:
    return (*chosen.resolved.notes, *chosen.estimate.notes)


_files: dict[tuple[Path, int, int], tuple[str, Facts, str]] = {}


def file_facts(path: Path) -> tuple[str, Facts, str]:
    """Return kind, facts and digest of a local file that a run would import.

    Raises:
        OSError: It cannot be read.
        MediaError: It is not media.
    """
    import hashlib

    from ..media.facts import facts_of
    from ..media.intake import VALUES
    from ..media.probe import probe

    stat = path.stat()
    mark = (path.resolve(), stat.st_mtime_ns, stat.st_size)
    if mark not in _files:
        probed = probe(path, decode=False)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        media = VALUES[probed.kind](digest=digest, size_bytes=stat.st_size, media_type=probed.media_type, **probed.fields)
        if len(_files) > 4096:
            _files.clear()
        _files[mark] = (probed.kind, facts_of(media), digest)
    return _files[mark]


_declared: dict[Any, dict[str, tuple[tuple[type, ...], bool, bool]]] = {}


def _media_parameters(function: Any) -> dict[str, tuple[tuple[type, ...], bool, bool]]:
    """Return a task's media parameters: kinds, whether a list is taken, whether None is."""
    if function not in _declared:
        hints = typing.get_type_hints(function)
        found: dict[str, tuple[tuple[type, ...], bool, bool]] = {}
        for name, hint in hints.items():
            parts = _flat(hint)
            kinds = tuple(part for part in parts if isinstance(part, type) and issubclass(part, Media))
            if kinds and name != "return":
                is_list = any(typing.get_origin(part) is not None and typing.get_origin(part) is not typing.Union
                              for part in (hint, *typing.get_args(hint)) if "Sequence" in str(part) or "list" in str(part))  # fmt: skip
                found[name] = (kinds, is_list, type(None) in parts)
        _declared[function] = found
    return _declared[function]


def _flat(hint: Any) -> set[Any]:
    return {hint} | {part for inner in typing.get_args(hint) if not isinstance(inner, str) for part in _flat(inner)}


_returns: dict[Any, str] = {}


def _returned_kind(task: Any) -> str:
    function = task.fn
    if function not in _returns:
        hint = typing.get_type_hints(function).get("return")
        _returns[function] = next((KINDS[part] for part in _flat(hint) if part in KINDS), "text" if hint is str else "image")
    return _returns[function]


def _with_facts(wanted: Wanted) -> Wanted:
    """Return a request with facts in place of media that does not exist yet."""
    def facts(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [facts(item) for item in value]
        known = told(value)
        return value if known is None else known.facts

    if not wanted.inputs:
        return wanted
    inputs = {name: facts(value) for name, value in wanted.inputs.items()}
    return Wanted(wanted.capability, wanted.models, wanted.given, inputs, wanted.options, wanted.fit, wanted.strict, wanted.take)


def _each(values: Iterable[Any]) -> Iterable[Any]:
    for value in values:
        yield from _each(value) if isinstance(value, list | tuple) else (value,)


def _all_real(values: Iterable[Any]) -> bool:
    """Return whether every digest is one of real bytes."""
    return all((known := told(item)) is None or known.is_file for item in _each(values))


def _holds_opaque(values: Iterable[Any]) -> bool:
    return any(isinstance(item, Opaque) for item in _each(values))


def _facts_in(value: Any) -> Any:
    if value is None:
        return None
    return [as_facts(item) for item in value] if isinstance(value, list | tuple) else as_facts(value)


def _task_key(task: Any, parameters: dict[str, Any]) -> str | None:
    try:
        return task.cache_policy.compute_key(None, parameters, {})
    except (PrefectMediaError, Unforeseen, AttributeError, TypeError, ValueError, OSError):
        return None
