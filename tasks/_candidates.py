"""Which models a request can go to, each fully translated before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ..adapters import registry
from ..adapters.card import Card
from ..adapters.catalogue import find
from ..adapters.key import call_key
from ..adapters.prices import estimate
from ..adapters.resolve import Resolved, contract_for, request_of, resolve
from ..blocks import credentials_in_use, known_default_credentials
from ..errors import ParameterError
from ..media.facts import Facts, facts_of
from ..media.planning.conversions import Step, plan_conversion
from ..media.types import Media
from ._task import content_key
from ._work import Candidate

__all__ = ["Choice", "Wanted", "available_providers", "checked_choices", "choices", "prepared", "request_key"]


@dataclass(frozen=True)
class Wanted:
    """A request in unified terms.

    Attributes:
        capability: For example `image-to-video`.
        models: First choice, then fallbacks: card ids or family names.
        given: Unified parameters; None where nothing was asked.
        inputs: Input media by unified name; None where there is none.
        options: The provider's own extras.
        fit: How input media is made to fit: `cover`, `contain`, `pad`, `stretch` or `refuse`.
        strict: Refuse local conversions of the result.
        take: Which sample.
    """

    capability: str
    models: tuple[str, ...]
    given: Mapping[str, Any]
    inputs: Mapping[str, Media | Sequence[Media] | None]
    options: Mapping[str, Any]
    fit: str = "cover"
    strict: bool = False
    take: int = 0


@dataclass(frozen=True)
class Choice:
    """One model for a request, and what has to be done to the input media first."""

    card: Card
    wanted: Wanted
    steps: Mapping[str, list[list[Step]]]
    """Conversions by unified name of the input, a list for each of its files."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Facts of the input media after them."""
    resolved: Resolved | None = None
    """The request as it is with those facts, for plans."""


def available_providers() -> set[str]:
    """Return the providers that can be called: with a key in the environment or a block."""
    used = {*credentials_in_use(), *known_default_credentials()}
    return {name for name in registry.names() if name in used or registry.has_credentials(name)}


def choices(wanted: Wanted) -> list[Choice]:
    """Return every model of a request, checked against it.

    Raises:
        UnknownModelError, ParameterError: One of them does not exist or cannot take the request; problems of all of
            them are in the error.
    """
    if not wanted.models:
        raise ParameterError("model: an empty list. Expected a card id or a family name, or several.")
    found: list[Choice] = []
    problems: list[str] = []
    for model in wanted.models:
        card = find(model, wanted.capability, available_providers())
        try:
            found.append(_choice(card, wanted, first=not found and not problems))
        except ParameterError as exc:
            problems.extend(exc.problems)
            if len(wanted.models) == 1:
                raise
    if problems:
        lines = "\n".join(f"- {line}" for line in problems)
        raise ParameterError(f"Not every model of the list can take this request:\n{lines}", problems)
    return found


def _files(value: Media | Facts | Sequence[Media | Facts]) -> list[Media | Facts]:
    return [value] if isinstance(value, Media | Facts) else list(value)


def _given(card: Card, wanted: Wanted, *, first: bool) -> dict[str, Any]:
    """Return the parameters for one model; a fallback is spared what it does not know and does not need."""
    given = {name: value for name, value in wanted.given.items() if value is not None}
    if first:
        return given
    optional = ("negative_prompt", "seed", "voice", "language", "fps")
    return {name: value for name, value in given.items() if name in card.accepted or name not in optional}


def _choice(card: Card, wanted: Wanted, *, first: bool) -> Choice:
    given = _given(card, wanted, first=first)
    options = wanted.options if first else {}
    inputs = {name: value for name, value in wanted.inputs.items() if value is not None}
    if not first:
        inputs = {name: value for name, value in inputs.items() if name in card.inputs}
    steps: dict[str, list[list[Step]]] = {}
    fitted: dict[str, Any] = {}
    for name, value in inputs.items():
        contract = contract_for(card, name, given) if name in card.inputs else None
        plans = [plan_conversion(_facts(item), contract, fit=wanted.fit) for item in _files(value)]
        steps[name] = [list(plan.steps) for plan in plans]
        after = [plan.facts for plan in plans]
        fitted[name] = after[0] if isinstance(value, Media) else after
    resolved = resolve(card, {**given, "take": wanted.take}, options, fitted, strict=wanted.strict)
    trimmed = Wanted(wanted.capability, (card.id,), given, inputs, options, wanted.fit, wanted.strict, wanted.take)
    return Choice(card, trimmed, steps, fitted, resolved)


def _facts(item: Media | Facts) -> Facts:
    return item if isinstance(item, Facts) else facts_of(item)  # type: ignore[arg-type]


def prepared(choice: Choice, inputs: Mapping[str, Any]) -> Candidate:
    """Return the call of a choice, given its input media as they are after their conversions."""
    wanted, card, resolved = choice.wanted, choice.card, choice.resolved
    if inputs or resolved is None:
        resolved = resolve(card, {**wanted.given, "take": wanted.take}, wanted.options, inputs, strict=wanted.strict)
    digests = {
        name: value.digest if isinstance(value, Media) else [item.digest for item in value]
        for name, value in inputs.items()
    }
    return Candidate(
        card=card,
        resolved=resolved,
        key=call_key(card, resolved, digests, wanted.take),
        request=request_of(card, resolved),
        estimate=estimate(card, resolved),
        take=wanted.take,
    )


_checked: ContextVar[tuple[Wanted, list[Choice]] | None] = ContextVar("prefect_media_checked", default=None)
"""What a task's cache key was just made from: the task itself, which comes next, need not check it all again."""


def checked_choices(wanted: Wanted) -> list[Choice]:
    """Return `choices(wanted)`, taking over what `request_key` has just found for the same request."""
    checked = _checked.get()
    _checked.set(None)
    return checked[1] if checked is not None and checked[0] == wanted else choices(wanted)


def request_key(wanted: Wanted) -> str:
    """Return the Prefect cache key of a request.

    With one model and input media that already fits it is the call key; else it stands for the whole list of models,
    the input media as they came, and how they are made to fit.
    """
    found = choices(wanted)
    _checked.set((wanted, found))
    if len(found) == 1 and not any(any(files) for files in found[0].steps.values()):
        return prepared(found[0], found[0].wanted.inputs).key
    cards = [[choice.card.id, choice.card.version] for choice in found]
    asked = {"cards": cards, "given": wanted.given, "inputs": wanted.inputs, "options": wanted.options}
    return content_key(wanted.capability, 1, {**asked, "fit": wanted.fit, "strict": wanted.strict, "take": wanted.take})
