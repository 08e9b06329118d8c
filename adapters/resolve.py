"""Translate unified parameters into one provider's request, with every default explicit.

Nothing is clamped. A value that the model cannot take is an error that lists what it can; a length or size that it offers
only in steps becomes a planned local conversion of the result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ..errors import ParameterError
from ..media.contracts import Contract, ImageContract, VideoContract, violations
from ..media.facts import Facts, Span, facts_of
from ..media.types import Media
from .card import FORMATS, SIZE_NAMES, UNIFIED, Card
from .durations import Timed, read_seconds
from .parameters import Parameter, Rejected, show, suggestion
from .resolved import Finish, Given, Resolved, finished, request_of
from .sizes import ChoiceSize, Sized
from .wishes import SizeWish

__all__ = ["Finish", "Given", "Resolved", "contract_for", "input_name", "request_of", "resolve"]


@dataclass
class _Work:
    """State of one translation."""

    card: Card
    given: Mapping[str, Any]
    options: Mapping[str, Any]
    inputs: Mapping[str, Given | Sequence[Given]]
    problems: list[str] = field(default_factory=list)
    parameters: dict[str, Any] = field(default_factory=dict)
    sent: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Facts] = field(default_factory=dict)
    media: dict[str, Given | list[Given]] = field(default_factory=dict)
    finish: list[Finish] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def pins(self) -> dict[str, Any]:
        """Options that name a field of the size rule."""
        fields = self.card.size.sent_fields if self.card.size else ()
        return {name: value for name, value in self.options.items() if name in fields and name not in UNIFIED}


def _check_names(work: _Work) -> None:
    card = work.card
    for name, value in work.given.items():
        if value is None or name == "take" or name in card.accepted:
            continue
        if name in ("format", "fps") or name in SIZE_NAMES:
            continue  # met by a local conversion, or refused where it is read
        if name == "prompt":
            work.notes.append("This model takes no prompt; the prompt is not sent.")  # verbs always have one
        elif name not in UNIFIED:
            hint = suggestion(name, (*UNIFIED, *card.options))
            work.problems.append(f"{name}={show(value)}: there is no such parameter.{hint}")
        else:
            takes = ", ".join(card.accepted)
            work.problems.append(f"{name}={show(value)}: this model does not take {name!r}. It takes {takes}.")
    for name, value in work.options.items():
        if name in card.options or name in work.pins:
            continue
        known = [*card.options, *(f for f in (card.size.sent_fields if card.size else ()) if f not in UNIFIED)]
        hint = suggestion(name, known) or (f" Give {name}=... itself, outside options." if name in UNIFIED else "")
        listed = ", ".join(known) if known else "none"
        work.problems.append(f"options[{name!r}]={show(value)}: not an option of this model; it has {listed}.{hint}")


def _as_list(value: Given | Sequence[Given]) -> list[Given]:
    return [value] if isinstance(value, (Media, Facts)) else list(value)  # pyright: ignore[reportReturnType,reportArgumentType]


def input_name(card: Card, name: str) -> str:
    """Return the card's own name of an input: a model that takes several pictures takes `image` as the first."""
    return "images" if name == "image" and "image" not in card.inputs and "images" in card.inputs else name


def _gathered(card: Card, inputs: dict[str, Given | Sequence[Given]]) -> dict[str, Given | Sequence[Given]]:
    if "image" in inputs and input_name(card, "image") == "images":
        first, more = _as_list(inputs["image"]), _as_list(inputs.get("images", []))
        return {name: value for name, value in inputs.items() if name != "image"} | {"images": first + more}
    return inputs


def _read_inputs(work: _Work) -> None:
    card = work.card
    for name, value in work.inputs.items():
        if name not in card.inputs:
            takes = ", ".join(card.inputs) or "none"
            hint = suggestion(name, card.inputs)
            work.problems.append(f"{name}: this model does not take the input {name!r}; its inputs are {takes}.{hint}")
            continue
        rule, items = card.inputs[name], _as_list(value)
        if not items or len(items) > rule.max_count:
            work.problems.append(f"{name}: {len(items)} files were given, allowed are 1 to {rule.max_count}.")
            continue
        found = [item if isinstance(item, Facts) else facts_of(item) for item in items]
        for facts in found:
            if facts.kind != rule.kind:
                work.problems.append(f"{name}: {facts.kind} was given, {rule.kind} is wanted.")
            elif rule.contract:
                work.problems += [f"{name}: {line}." for line in violations(rule.contract, facts)]
        work.facts[name] = found[0]
        work.media[rule.field or name] = list(items) if rule.max_count > 1 else items[0]
    for name, rule in card.inputs.items():
        if rule.required and name not in work.inputs:
            work.problems.append(f"{name}: missing; this model needs {rule.kind} as {name!r}.")


def _read_one(work: _Work, where: str, name: str, rule: Parameter, value: object) -> None:
    if value is None and rule.required:
        help_text = f" {rule.help}" if rule.help else ""
        work.problems.append(f"{where}: missing; this model needs it.{help_text}")
        return
    try:
        accepted = (
            rule.accept(rule.default if value is None else value) if (value, rule.default) != (None, None) else None
        )
    except Rejected as exc:
        text = str(exc)
        separator = "=" if text.startswith(show(value)) else " "
        work.problems.append(f"{where}{separator}{text}")
        return
    work.parameters[name] = work.values[name] = accepted
    if accepted is not None:
        work.sent[rule.field or name.removeprefix("options.")] = rule.written(accepted)


def _read_parameters(work: _Work) -> None:
    take = work.given.get("take") or 0
    if isinstance(take, bool) or not isinstance(take, int) or take < 0:
        work.problems.append(f"take={show(take)} is not a whole number from 0.")
        take = 0
    for name, rule in work.card.parameters.items():
        value = work.given.get(name)
        if name == "format":
            value = _own_format(work, rule, value)
        if name == "seed" and value is None and take and isinstance(rule.default, int):
            value = rule.default + take  # another sample of a seeded model is another seed
        _read_one(work, name, name, rule, value)
    for name, rule in work.card.options.items():
        _read_one(work, f"options[{name!r}]", f"options.{name}", rule, work.options.get(name))
        if f"options.{name}" in work.values:
            work.values[name] = work.values.pop(f"options.{name}")


def _known_format(work: _Work, value: object) -> str | None:
    word = "jpeg" if value == "jpg" else value
    kind = work.card.output_kind
    known = [name for name, mime in FORMATS.items() if mime.startswith(kind)]
    if isinstance(word, str) and word in known:
        return word
    hint = suggestion(str(value), known)
    work.problems.append(f"format={show(value)} is not one of {', '.join(known) or 'none'}.{hint}")
    return None


def _own_format(work: _Work, rule: Parameter, value: object) -> object:
    """The format to ask the model for; another one is converted to afterwards."""
    if value is None:
        return None
    word = _known_format(work, value)
    if word is None or word in rule.choices:
        return word
    work.finish.append(Finish("format", {"format": word}, f"the model makes {rule.default}, {word} was asked"))
    return None


def _read_size(work: _Work) -> Sized:
    rule = work.card.size
    try:
        wish = SizeWish.of(work.given)
        if rule is None:
            if wish.size or wish.ratio:
                raise Rejected(f"{wish.text}: this model takes no size, and what it makes is not known.")
            return Sized()
        scale = getattr(rule, "scale", 1.0)
        factor = float(work.values.get(scale) or 1.0) if isinstance(scale, str) else float(scale)
        solved = rule.solve(wish, work.pins, work.facts, factor)
    except Rejected as exc:
        work.problems.append(str(exc))
        return Sized()
    work.parameters |= solved.parameters
    work.sent |= solved.payload
    work.notes += solved.notes
    if solved.fit:
        made = f"{solved.width:}x{solved.height}" if solved.width and solved.height else "an unknown size"
        width, height = solved.fit
        work.finish.append(
            Finish("fit", {"width": width, "height": height}, f"the model makes {made}, {width}x{height} was asked")
        )
    return solved


def _read_seconds(work: _Work) -> Timed:
    rule = work.card.seconds
    if rule is None:
        return Timed()  # a wish was refused by name
    try:
        wish = read_seconds(work.given.get("seconds"))
        solved = rule.solve(wish, work.facts, {**work.given, **work.values})
    except Rejected as exc:
        work.problems.append(str(exc))
        return Timed()
    work.parameters |= solved.parameters
    work.sent |= solved.payload
    if solved.trim_s is not None:
        made = f"{solved.duration.likely:g} s" if solved.duration else "longer"
        work.finish.append(
            Finish("trim", {"seconds": solved.trim_s}, f"the model makes {made}, {solved.trim_s:g} s was asked")
        )
    return solved


def _frame_rate(work: _Work) -> Span | None:
    card, wish = work.card, work.given.get("fps")
    rate = card.output.frame_rate
    made = work.values.get(rate) if isinstance(rate, str) else rate
    if wish is not None and "fps" not in card.parameters:
        if (
            card.output_kind != "video"
            or isinstance(wish, bool)
            or not isinstance(wish, (int, float, Fraction))
            or wish <= 0
        ):
            work.problems.append(f"fps={show(wish)}: not a frame rate of a video that this model makes.")
        elif made is None or float(made) != float(wish):
            has = f"{made:g} fps" if made else "an unknown frame rate"
            work.finish.append(
                Finish("frame_rate", {"fps": float(wish)}, f"the model makes {has}, {float(wish):g} was asked")
            )
    return Span.exactly(float(made)) if made else None


def _output_format(work: _Work) -> str | None:
    card = work.card
    name = work.values.get("format") or card.output.format
    wish = work.given.get("format")
    if wish is not None and "format" not in card.parameters:
        word = _known_format(work, wish)
        if word and word != name:
            work.finish.append(
                Finish("format", {"format": word}, f"the model makes {name or 'its own'}, {word} was asked")
            )
    return FORMATS.get(str(name))


def _facts(work: _Work, sized: Sized, timed: Timed) -> Facts:
    card, output = work.card, work.card.output
    kind = card.output_kind
    media_type, frame_rate = _output_format(work), _frame_rate(work)
    sound = work.values.get(output.has_audio) if isinstance(output.has_audio, str) else output.has_audio
    picture = kind in ("image", "video")
    rate, channels = output.sample_rate_hz, output.channels
    if isinstance(rate, dict):
        rate = rate.get(str(work.values.get("format") or output.format))
    return Facts(
        kind=kind,  # pyright: ignore[reportArgumentType]
        width_px=sized.width if picture else None,
        height_px=sized.height if picture else None,
        ratio=sized.ratio if picture else None,
        duration_s=timed.duration if kind in ("video", "audio") else None,
        frame_rate=frame_rate if kind == "video" else None,
        has_audio=sound if kind == "video" else None,
        has_alpha=output.has_alpha if kind == "image" else None,
        sample_rate_hz=Span.exactly(rate) if rate and kind == "audio" else None,
        channels=Span.exactly(channels) if channels and kind == "audio" else None,
        media_type=media_type,
        frames=Span.exactly(1) if kind == "image" else None,
    )


def _nested(sent: Mapping[str, Any], fixed: Mapping[str, Any]) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    for path, value in {**fixed, **sent}.items():
        *folders, name = path.split(".")
        place = payload
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
    return payload


def _refuse(work: _Work) -> None:
    card, problems = work.card, list(dict.fromkeys(work.problems))
    if len(problems) == 1:
        raise ParameterError(f"Cannot call {card.id}: {problems[0]}", [f"{card.id}: {problems[0]}"])
    if problems:
        listed = "\n".join(f"- {problem}" for problem in problems)
        raise ParameterError(
            f"Cannot call {card.id}, {len(problems)} problems:\n{listed}", [f"{card.id}: {p}" for p in problems]
        )


def resolve(
    card: Card,
    given: Mapping[str, Any],
    options: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Given | Sequence[Given]] | None = None,
    *,
    strict: bool = False,
) -> Resolved:
    """Translate one call.

    Args:
        card: The model.
        given: Unified parameters; None counts as not given.
        options: The provider's own extras, by its names.
        inputs: Input media, or predicted facts of it, by unified name; it must keep the card's contracts already.
        strict: Refuse what only a local conversion of the result could meet.

    Raises:
        ParameterError: With every problem found, in `problems`.
    """
    options = {name: value for name, value in (options or {}).items() if value is not None}
    inputs = _gathered(card, {name: value for name, value in (inputs or {}).items() if value is not None})
    work = _Work(card, given, options, inputs)
    _check_names(work)
    _read_inputs(work)
    _read_parameters(work)
    sized, timed = _read_size(work), _read_seconds(work)
    work.problems += [text for rule in card.rules if (text := rule.problem({**card.fixed, **work.sent}))]
    expected = _facts(work, sized, timed)
    if strict:
        work.problems += [f"strict=True refuses a conversion: {item.reason}." for item in work.finish]
    _refuse(work)
    order = ("fit", "trim", "frame_rate", "format")
    finish = tuple(sorted(work.finish, key=lambda item: order.index(item.operation)))
    return Resolved(
        parameters=dict(sorted(work.parameters.items())),
        payload=_nested(work.sent, card.fixed),
        media=work.media,
        finish=finish,
        expected=expected,
        final=finished(expected, finish),
        count=card.output.count,
        notes=(*work.notes, *card.notes),
    )


def contract_for(card: Card, name: str, given: Mapping[str, Any]) -> Contract | None:
    """Return what an input must be for this call.

    That is the card's contract, narrowed to the ratio of the output where the input becomes a frame of it: fitting the
    picture before the call loses less than cropping the result, and is not left to the provider.
    """
    name = input_name(card, name)
    rule = card.inputs[name]
    contract, size = rule.contract, card.size
    leading = size.frame if isinstance(size, ChoiceSize) else getattr(size, "input", "")
    if rule.kind == "audio" or not leading or name not in (leading, "last_image") or getattr(contract, "sizes", ()):
        return contract
    try:
        wish = SizeWish.of(given)
    except Rejected:
        return contract  # resolve reports it
    ratios = (f"{wish.ratio.numerator}:{wish.ratio.denominator}",) if wish.ratio else ()
    if isinstance(size, ChoiceSize) and not ratios and not size.rows[0].follow:
        ratios = size.ratios
    if not ratios:
        return contract
    empty = ImageContract() if rule.kind == "image" else VideoContract()
    return (contract or empty).model_copy(update={"ratios": ratios})
