"""A translated request: what is sent, what comes back, and what is done to it afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..media.facts import Facts, Span
from ..media.types import AnyMedia
from .base import Request
from .card import FORMATS, Card

__all__ = ["Finish", "Given", "Resolved", "finished", "request_of"]

Given = AnyMedia | Facts
"""Input media: real, or predicted facts of media that does not exist yet."""


@dataclass(frozen=True)
class Finish:
    """A planned local conversion of the result.

    Attributes:
        operation: `fit` (`width`, `height`), `trim` (`seconds`), `frame_rate` (`fps`) or `format` (`format`).
        parameters: Of that operation.
        reason: Why, for the plan.
    """

    operation: Literal["fit", "trim", "frame_rate", "format"]
    parameters: Mapping[str, Any]
    reason: str


@dataclass(frozen=True)
class Resolved:
    """One request, translated.

    Attributes:
        parameters: Every unified parameter and option that the model takes, with its value or null; JSON values. This,
            and not the payload, is what the call key is made of.
        payload: The same for the provider.
        media: Input media by the provider's field name.
        finish: Local conversions of the result, in order.
        expected: Facts of each output before `finish`.
        final: Facts after `finish`.
        count: Number of outputs.
        notes: What a plan should say.
    """

    parameters: Mapping[str, Any]
    payload: Mapping[str, Any]
    media: Mapping[str, Given | list[Given]]
    finish: tuple[Finish, ...]
    expected: Facts
    final: Facts
    count: int = 1
    notes: tuple[str, ...] = ()


def finished(facts: Facts, finish: Sequence[Finish]) -> Facts:
    """Return the facts of a result after its planned conversions."""
    changed: dict[str, Any] = {}
    for item in finish:
        values = item.parameters
        if item.operation == "fit":
            changed |= {
                "width_px": Span.exactly(values["width"]), "height_px": Span.exactly(values["height"]), "ratio": None,
            }  # fmt: skip
        elif item.operation == "trim":
            changed["duration_s"] = Span.exactly(values["seconds"])
        elif item.operation == "frame_rate":
            changed["frame_rate"] = Span.exactly(values["fps"])
        else:
            changed["media_type"] = FORMATS[values["format"]]
    return facts.model_copy(update=changed)


def request_of(card: Card, resolved: Resolved) -> Request:
    """Return the request for the provider's adapter."""
    field = {"output_field": card.output.field} if card.output.field else {}
    return Request(
        card_id=card.id,
        endpoint=card.model,
        payload=resolved.payload,
        media=resolved.media,  # pyright: ignore[reportArgumentType]
        capability=card.capability,
        output_kind=card.output_kind,
        deadline_s=card.times.deadline_s,
        extra={**field, **card.extra},
    )
