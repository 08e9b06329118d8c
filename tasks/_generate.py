"""Answer a request: the first choice, then its fallbacks; input media made to fit, the result finished as asked."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from ..adapters.card import Card
from ..errors import (
    BudgetExceeded,
    CallsFailed,
    MissingCredentialsError,
    OutputMismatchError,
    PrefectMediaError,
    ProviderError,
    SubmissionUnknown,
)
from ..media.lineage import given_to_model
from ..media.types import Media
from ._candidates import Choice, Wanted, checked_choices, prepared
from ._collector import many_calls
from ._convert import apply_steps, finish
from ._loop import on_loop
from .budgets import Budget, caps
from .call import Made, make
from .labels import current_labels
from .progress import progress_shown
from .tally import current_tally

__all__ = ["generate"]

MOVES_ON = (ProviderError, OutputMismatchError, BudgetExceeded, MissingCredentialsError, SubmissionUnknown)
"""What a fallback answers: everything that says nothing about the request itself."""


async def generate(wanted: Wanted, budget: Budget | str | float | None = None) -> Any:
    """Return what a request asks for: media, or text.

    Raises:
        ParameterError, UnknownModelError: The request cannot be made; nothing was sent.
        CallsFailed: Several models were named, and all failed.
        PrefectMediaError: The only model failed.
    """
    found = checked_choices(wanted)
    limits = caps(budget)
    labels = current_labels()
    errors: list[PrefectMediaError] = []
    for choice in found:
        try:
            inputs = await _fitted(choice)
            candidate = prepared(choice, inputs)
            async with _showing(choice.card), many_calls():
                made = await on_loop(make(candidate, limits, labels))
        except MOVES_ON as exc:
            errors.append(exc)
            continue
        result = await finish(made.outputs[0], candidate.resolved.finish)
        result = _with_record(result, made, errors, found)
        for tally in current_tally():
            tally.add(made.record)
            tally.spent_on_failures += made.wasted_usd
            tally.see(result)
        return result
    if len(errors) == 1:
        raise errors[0]
    lines = "\n".join(_line(choice, error) for choice, error in zip(found, errors, strict=True))
    raise CallsFailed(f"All {len(errors)} models failed:\n{lines}", errors)


def _showing(card: Card) -> AbstractAsyncContextManager[None]:
    """Local models say how far they are; of a provider's nobody knows."""
    return progress_shown() if card.is_local else nullcontext()


def _line(choice: Choice, error: PrefectMediaError) -> str:
    text = str(error).splitlines()[0]
    name = choice.card.id
    return text if text.startswith(name) else f"{name}: {type(error).__name__}: {text}"


async def _fitted(choice: Choice) -> dict[str, Any]:
    """Return the input media after their conversions, which run as task runs of their own."""
    fitted: dict[str, Any] = {}
    for name, value in choice.wanted.inputs.items():
        files = [value] if isinstance(value, Media) else list(value or ())
        after = [await apply_steps(item, steps) for item, steps in zip(files, choice.steps[name], strict=True)]
        fitted[name] = after[0] if isinstance(value, Media) else after
    return fitted


def _with_record(result: Any, made: Made, errors: list[PrefectMediaError], found: list[Choice]) -> Any:
    """Write into the result what it was degraded from and what it inherits from its inputs."""
    if not isinstance(result, Media) or not isinstance(made.outputs[0], Media):
        return result
    chosen = found[len(errors)]
    inputs = [
        item
        for value in chosen.wanted.inputs.values()
        for item in ([value] if isinstance(value, Media) else value or ())
    ]
    inherited = [line for item in inputs for line in item.made.degraded_from]
    own = [_line(choice, error) for choice, error in zip(found, errors, strict=False)]
    origin = made.outputs[0].made
    notes = origin.notes
    if result.digest != made.outputs[0].digest:
        notes = (*notes, f"finished locally: {result.made.made_by}")
    lines = tuple(dict.fromkeys([*inherited, *own]))
    record = {"degraded_from": lines, "notes": notes, "made_from": given_to_model(inputs)}
    return result.model_copy(update={"origin": origin.model_copy(update=record)})
