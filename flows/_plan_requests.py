"""Requests to models in a plan."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ..adapters.resolve import Finish, finished
from ..errors import PrefectMediaError
from ..ledger import CallState
from ..media.facts import Facts, Span
from ..media.types import Media
from ..tasks._candidates import Choice, Wanted, choices, request_key
from ..tasks._convert import finishing, grouped
from ..tasks.budgets import Budget, current_caps
from ._declared import returned_kind
from ._futures import CLOCK
from ._plan_calls import (
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
from ._plan_local import conversion_planned
from ._plan_shapes import shape_of
from ._plan_values import all_real, encoded
from ._planned import NOTHING, Price, amount
from ._symbolic import Opaque, PlannedText, Told, Unforeseen, planned_media, told

if TYPE_CHECKING:
    from ._planner import Evaluation

__all__ = ["call_planned"]

UNREAD_TEXT = Span(low=1, likely=400, high=5000)
"""Characters of a text that code outside the plan writes."""


def call_planned(run: Evaluation, task: Any, name: str, parameters: dict[str, Any]) -> Any:
    notes: list[str] = []
    parameters = {key: encoded(run, _words(run, value, notes)) for key, value in parameters.items()}
    if any(isinstance(value, Opaque) for value in parameters.values()):
        run.unseen.append(f"{name} takes what code outside the plan gives; its price and result are not known")
        return _unpriced(run, task)
    budget = parameters.get("budget")
    real = task.ask(parameters)
    shape = shape_of(name, parameters)
    options = run.shapes.find(shape, real)
    if options is None:
        try:
            found = choices(_with_facts(real))
        except PrefectMediaError as exc:
            return run.refused(task, *_named(exc, real))
        except (TypeError, ValueError) as exc:
            return run.refused(task, f"a parameter cannot be used: {exc}.")
    else:
        found = [option.choice for option in options]
    paid = _whole_result(run, task, real)
    if paid is not None:
        model, makes = _made(paid, [choice.card.id for choice in found])
        inputs = real.inputs.values()
        return run.real(
            paid, run.add(name, "call", "paid", about=wanted_text(real), model=model, inputs=inputs, makes=makes)
        )
    inputs = [real.inputs[name] for name in found[0].wanted.inputs]
    if options is None:
        try:
            options, inputs = _options(run, found, real)
        except PrefectMediaError as exc:
            return run.refused(task, *_named(exc, real))
        if not any(any(files) for choice in found for files in choice.steps.values()):
            run.shapes.keep(shape, real, options)
    return _called(run, task, real, options, inputs, budget, notes)


def _options(run: Evaluation, found: list[Choice], real: Wanted) -> tuple[list[Option], list[Any]]:
    """Return each choice with its price and key, and the input media of the first after their conversions.

    Raises:
        PrefectMediaError: What the conversions give cannot be used.
    """
    options: list[Option] = []
    inputs: list[Any] = []
    for choice in found:
        mine, facts, digests = _prepared(run, choice, real, perform=not options)
        inputs = list(mine.values()) if not options else inputs
        options.append(option(choice, digests, facts if any(map(any, choice.steps.values())) else None))
    return options, inputs


def _unpriced(run: Evaluation, task: Any) -> Any:
    number = run.add(task.fn.__name__, "call", "new", about="price not known", price=Price(unpriced=(task.name,)))
    known = Told(task.fn.__name__, Facts(kind=returned_kind(task.fn)), run, CLOCK.get())  # type: ignore[arg-type]
    return (
        run.symbolic(known, stand_in("opaque", run.row, str(number)), "", number)
        if known.facts.kind != "text"
        else PlannedText(known, 400)
    )


def _words(run: Evaluation, value: Any, notes: list[str]) -> Any:
    """Return filler for words that a run will write, different for different sources."""
    known = told(value)
    if known is None or known.facts.kind != "text":
        return value
    length = (
        str.__len__(value) if isinstance(value, PlannedText) else int(run.figure(known.task, "length", UNREAD_TEXT))
    )
    notes.append(f"The text comes from {known.task}; {length} characters are assumed.")
    mark = stand_in(run.row, known.task, str(id(value)) if isinstance(value, Opaque) else str.__str__(value))
    return (mark * (length // len(mark) + 1))[:length]


def _made(paid: Any, models: Sequence[str]) -> tuple[str, str]:
    """Return which of the models made a result, the first where that is not known, and what it is."""
    if not isinstance(paid, Media):
        return models[0], "text"
    return paid.made.made_by if paid.made.made_by in models else models[0], described(as_facts(paid))


def _whole_result(run: Evaluation, task: Any, wanted: Wanted) -> Any:
    """Return the stored result of a request over several models, which stands for whichever answered."""
    if len(wanted.models) < 2 or task.refresh_cache or not all_real(list(wanted.inputs.values())):
        return None
    return run.known.result(request_key(wanted)) if run.known.results is not None else None


def _prepared(
    run: Evaluation, choice: Any, real: Wanted, *, perform: bool
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
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
        after = [_fitted(run, choice, name, at, item, perform) for at, item in enumerate(items)]
        media[name] = [each[0] for each in after]
        facts[name] = after[0][1] if single else [each[1] for each in after]
        digests[name] = after[0][0].digest if single else [each[0].digest for each in after]
    return media, facts, digests


def _fitted(run: Evaluation, choice: Any, name: str, at: int, item: Any, perform: bool) -> tuple[Any, Facts]:
    steps = choice.steps[name][at]
    facts = as_facts(item)
    if not steps:
        return item, facts
    final = fitted(choice, name, at)
    if not perform:
        digest = stand_in(item.digest, *(f"{step.operation} {sorted(step.parameters.items())}" for step in steps))
        return planned_media(Told(name, final, run), digest), final
    for step in steps:
        last = step is steps[-1]
        about = f"{name} for {choice.card.id}: {step.loss}" if step.loss else f"{name} for {choice.card.id}"
        item = conversion_planned(
            run, item, step.operation, step.parameters, step.suffix, about=about, facts=final if last else None
        )
    return item, as_facts(item) if told(item) is None else final


def _called(
    run: Evaluation, task: Any, wanted: Wanted, options: list[Option], inputs: list[Any], budget: Any, notes: list[str]
) -> Any:
    name, first = task.fn.__name__, options[0]
    about = wanted_text(wanted)
    fields: dict[str, Any] = {
        "about": about, "inputs": inputs, "model": first.id, "fallbacks": tuple(o.id for o in options[1:]), "key": first.key,
    }  # fmt: skip
    call = run.known.call(first.key)
    outputs = stored_outputs(call)
    if call is not None and outputs is not None:
        real = outputs[0]
        makes = described(as_facts(real)) if isinstance(real, Media) else "text"
        number = run.add(name, "call", "paid", makes=makes, saved=call.cost, **fields)
        return _finished(run, run.real(real, number), first.resolved.finish)
    status = "open" if call is not None and call.state in (CallState.SUBMITTED, CallState.UNKNOWN) else "new"
    if call is not None and call.state == CallState.HELD:
        run.refuse(name, f"call {first.key[:12]} is held: whether it was accepted is not known. "
                     f"Settle it: prefect-media calls resolve {first.key[:12]} --as ...")  # fmt: skip
    usable = _usable(run, name, options, notes)
    price = total_price(options, usable)
    mark = shortened(first.key)
    if mark in run.own or mark in run.known.seen:
        status, price = "repeated", NOTHING
    run.own.add(mark)
    _check_caps(run, task, about, usable or options, price, budget)
    _check_times(run, task, usable or options)
    chosen = (usable or options)[0]
    kept = _asked_notes(chosen)
    facts = chosen.resolved.expected
    number = run.add(
        name, "call", status, price=price, makes=described(facts), notes=(*notes, *kept),
        seconds=0.0 if status == "repeated" else chosen.choice.card.times.expected_s, **fields,
    )  # fmt: skip
    known = Told(name, facts, run, CLOCK.get())
    if facts.kind == "text":
        return PlannedText(known, 400)
    made = run.symbolic(known, stand_in(first.key), first.id, number)
    return _finished(run, made, chosen.resolved.finish)


def _finished(run: Evaluation, result: Any, finish: Sequence[Finish]) -> Any:
    """Plan the local conversions of a result."""
    for together in grouped(result, finish) if isinstance(result, Media) else ():
        facts = finished(as_facts(result), together)
        try:
            operation, values, suffix = finishing(result, together)
        except Unforeseen:  # the format is not known, and the suffix follows it
            operation, values, suffix = f"{together[0].operation}_{facts.kind}", dict(together[0].parameters), ""
        reasons = "; ".join(item.reason for item in together)
        result = conversion_planned(run, result, operation, values, suffix, about=reasons, facts=facts)
    return result


def _usable(run: Evaluation, name: str, options: list[Option], notes: list[str]) -> list[Option]:
    usable = [o for o in options if o.choice.card.is_local or run.known.can_call(o.choice.card.provider)]
    without = [o for o in options if o not in usable]
    if not usable:
        run.refuse(name, *dict.fromkeys(f"{o.id}: {missing_key(o.choice.card.provider)}" for o in without))
    else:
        notes += [f"{o.id} is skipped: {missing_key(o.choice.card.provider)}" for o in without]
    return usable


def _check_caps(run: Evaluation, task: Any, about: str, options: list[Option], price: Price, budget: Any) -> None:
    name = task.fn.__name__
    if budget is not None:
        try:
            cap = Budget.of(budget).cap
        except PrefectMediaError as exc:
            run.refuse(name, str(exc))
            return
        highs = [option.estimate.high for option in options]
        if all(high is None or high > cap for high in highs) and price is not NOTHING:
            least = min((high for high in highs if high is not None), default=None)
            found = f"may cost {amount(least)} USD" if least is not None else "has no known price"
            run.refuse(
                name,
                f"{options[0].id} {found}, budget={amount(cap)} USD is given. Raise the budget, or name a cheaper model.",
            )
    for cap in current_caps():
        total = run.caps[cap.name, cap.scope] = run.caps.get((cap.name, cap.scope), Decimal(0)) + price.expected
        if total > cap.cap >= total - price.expected:
            run.refuse(name, f"with {about!r} the calls under Budget('{cap.cap} USD') are expected to cost {amount(total)} USD. "
                         "Raise the budget, or use cheaper models.")  # fmt: skip


def _check_times(run: Evaluation, task: Any, options: list[Option]) -> None:
    limit, times = task.timeout_seconds, options[0].choice.card.times
    if limit is not None and limit < times.expected_s:
        run.refuse(task.fn.__name__, f"timeout_seconds={limit:g} is shorter than {options[0].id} usually takes, "
                     f"{times.expected_s:g} s. Allow more, up to its deadline of {times.deadline_s:g} s.")  # fmt: skip


def _named(error: PrefectMediaError, wanted: Wanted) -> list[str]:
    """Return an error's problems, each with the model that has it."""
    lines = getattr(error, "problems", None) or (str(error),)
    models = " or ".join(wanted.models)
    return [
        line if not models or any(model in line for model in wanted.models) else f"{models}: {line}" for line in lines
    ]


def _asked_notes(chosen: Option) -> tuple[str, ...]:
    return (*chosen.resolved.notes, *chosen.estimate.notes)


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
    return Wanted(
        wanted.capability, wanted.models, wanted.given, inputs, wanted.options, wanted.fit, wanted.strict, wanted.take
    )
