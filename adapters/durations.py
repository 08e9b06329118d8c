"""How a model is told how long its output is, and how long it then is.

A length between two that a model offers is met by the next longer and a planned trim; one that is longer than the model
makes is refused.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..media.facts import Facts, Span
from .parameters import Rejected, show

__all__ = ["ChoiceSeconds", "FixedSeconds", "FrameSeconds", "InputSeconds", "RangeSeconds", "SecondsRule", "Timed"]

SPEECH_CHARACTERS_PER_S = Span(low=2.5, high=40.0, likely=15.0)
"""Reading speed over languages and voices: dense scripts are slowest, fast English fastest."""


@dataclass(frozen=True)
class Timed:
    """The outcome: what is sent, how long the output is, where it is cut.

    Attributes:
        payload: Provider fields (dotted) and their values.
        parameters: The same choice in canonical form, for the call key.
        duration: Seconds that the model returns.
        trim_s: Length that the output is cut to locally afterwards.
    """

    payload: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    duration: Span | None = None
    trim_s: float | None = None


def read_seconds(value: object) -> float | None:
    """Return a wished length.

    Raises:
        Rejected: Not a positive number.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
        raise Rejected(f"seconds={show(value)} is not a positive number of seconds.")
    return float(value)


def _around(seconds: float, tolerance: float) -> Span:
    return Span.within(max(0.0, seconds - tolerance), seconds + tolerance, seconds)


def _plain(value: float) -> int | float:
    return int(value) if value == int(value) else value


class _SecondsRule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    tolerance_s: float = 0.25
    """Models miss the promised length by some frames."""

    @property
    def sent_fields(self) -> tuple[str, ...]:
        """Provider fields that this rule writes."""
        return ()


class _SentSeconds(_SecondsRule):
    field: str = "duration"
    encode: str = ""
    multiply: float = 1.0

    @property
    def sent_fields(self) -> tuple[str, ...]:
        return (self.field,)

    def _timed(self, seconds: float, wish: float | None) -> Timed:
        number = _plain(round(seconds * self.multiply, 6))
        sent = self.encode.format(number) if self.encode else number
        trim = wish if wish is not None and wish < seconds - 1e-9 else None
        return Timed({self.field: sent}, {"seconds": _plain(seconds)}, _around(seconds, self.tolerance_s), trim)


class ChoiceSeconds(_SentSeconds):
    """A few lengths.

    Attributes:
        field: Provider's name.
        choices: Lengths in seconds.
        default: Sent when none was asked.
        encode: Pattern of the provider's text (`{}s`).
        multiply: Provider's unit, for example 1000 for milliseconds.
    """

    strategy: Literal["choices"] = "choices"
    choices: tuple[float, ...] = Field(min_length=1)
    default: float

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.default not in self.choices or list(self.choices) != sorted(self.choices):
            raise ValueError("`choices` must be sorted and hold `default`")
        return self

    def solve(self, wish: float | None, inputs: Mapping[str, Facts], values: Mapping[str, Any]) -> Timed:
        """Return what to send for a wish.

        Raises:
            Rejected: Longer than every choice.
        """
        offered = [choice for choice in self.choices if wish is None or choice >= wish - 1e-9]
        if not offered:
            allowed = " or ".join(f"{choice:g}" for choice in self.choices)
            raise Rejected(
                f"seconds={wish:g} is longer than this model makes; allowed are {allowed}. "
                f"The nearest is {self.choices[-1]:g}."
            )
        return self._timed(self.default if wish is None else offered[0], wish)


class RangeSeconds(_SentSeconds):
    """Any length between two.

    Attributes:
        min_s, max_s: The ends; shorter wishes are met at `min_s` and trimmed.
        step_s: Lengths are `min_s` plus a multiple of it; 0 is any.
        default: Sent when none was asked; None leaves the length to the model.
    """

    strategy: Literal["range"] = "range"
    min_s: float
    max_s: float
    step_s: float = 0.0
    default: float | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.min_s > self.max_s or not (self.default is None or self.min_s <= self.default <= self.max_s):
            raise ValueError("min_s <= default <= max_s must hold")
        return self

    def solve(self, wish: float | None, inputs: Mapping[str, Facts], values: Mapping[str, Any]) -> Timed:
        """Return what to send for a wish.

        Raises:
            Rejected: Longer than `max_s`.
        """
        seconds = self.default if wish is None else wish
        if seconds is None:
            return Timed({}, {"seconds": None}, Span.within(self.min_s, self.max_s))
        if seconds > self.max_s + 1e-9:
            step = f" in steps of {self.step_s:g}" if self.step_s else ""
            raise Rejected(
                f"seconds={seconds:g} is longer than this model makes; allowed are {self.min_s:g} to {self.max_s:g}"
                f"{step}. The nearest is {self.max_s:g}."
            )
        seconds = max(seconds, self.min_s)
        if self.step_s:
            steps = math.ceil((seconds - self.min_s) / self.step_s - 1e-9)
            seconds = min(self.max_s, round(self.min_s + steps * self.step_s, 6))
        return self._timed(seconds, wish)


class FrameSeconds(_SecondsRule):
    """A number of frames at a frame rate.

    Attributes:
        field: Provider's name of the frame count; empty when it is not sent.
        fps: Parameter that holds the frame rate, or the fixed rate.
        min_frames, max_frames: Limits of the count.
        choices: Counts offered, when only some are; written as the provider's own words where these differ.
        default: Count sent when no length was asked.
    """

    strategy: Literal["frames"] = "frames"
    field: str = "num_frames"
    fps: str | float = "fps"
    min_frames: int = 1
    max_frames: int = 1_000_000
    choices: dict[str, int] = {}
    default: int

    @property
    def sent_fields(self) -> tuple[str, ...]:
        return (self.field,) if self.field else ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.min_frames <= self.default <= self.max_frames:
            raise ValueError("min_frames <= default <= max_frames must hold")
        if self.choices and self.default not in self.choices.values():
            raise ValueError("`choices` must hold `default`")
        return self

    def solve(self, wish: float | None, inputs: Mapping[str, Facts], values: Mapping[str, Any]) -> Timed:
        """Return what to send for a wish.

        Raises:
            Rejected: More frames than the model makes.
        """
        fps = float(values[self.fps]) if isinstance(self.fps, str) else self.fps
        frames = self.default if wish is None else max(self.min_frames, math.ceil(wish * fps - 1e-6))
        offered = sorted(self.choices.values()) or [min(frames, self.max_frames)]
        enough = [count for count in offered if count >= frames]
        if not enough:
            longest = offered[-1] / fps
            raise Rejected(
                f"seconds={wish:g} is longer than this model makes: {offered[-1]} frames at {fps:g} fps are "
                f"{longest:.3g} s. Ask for at most {math.floor(longest * 100) / 100:g} s, or a lower fps."
            )
        count = enough[0]
        sent = next((word for word, frames in self.choices.items() if frames == count), count)
        seconds = count / fps
        trim = wish if wish is not None and wish < seconds - 1 / fps else None
        payload = {self.field: sent} if self.field else {}
        return Timed(payload, {"frames": count}, _around(seconds, max(1 / fps, self.tolerance_s)), trim)


class FixedSeconds(_SecondsRule):
    """Always the same length, or a length within limits that nobody chooses.

    Attributes:
        seconds: The length; with `max_s` the shortest.
        max_s: The longest.
    """

    strategy: Literal["fixed"] = "fixed"
    seconds: float
    max_s: float | None = None

    def solve(self, wish: float | None, inputs: Mapping[str, Facts], values: Mapping[str, Any]) -> Timed:
        """Return what comes; a shorter wish is trimmed.

        Raises:
            Rejected: A longer wish.
        """
        if wish is not None and wish > self.seconds + self.tolerance_s:
            raise Rejected(f"seconds={wish:g} is longer than this model makes, which is {self.seconds:g} s.")
        span = _around(self.seconds, self.tolerance_s)
        if self.max_s:
            span = Span.within(self.seconds, self.max_s)
        return Timed(duration=span, trim_s=wish if wish is not None and wish < self.seconds - 1e-9 else None)


class InputSeconds(_SecondsRule):
    """As long as an input, or as speaking the text takes.

    Attributes:
        input: Name of the input media; or `text`.
        longest: Second input that may make it longer (lip-sync that loops the picture under a longer voice).
    """

    strategy: Literal["input"] = "input"
    input: str
    longest: str = ""

    def solve(self, wish: float | None, inputs: Mapping[str, Facts], values: Mapping[str, Any]) -> Timed:
        """Return what comes of the inputs.

        Raises:
            Rejected: A length was asked, which this model does not take.
        """
        if wish is not None:
            source = "its text" if self.input == "text" else f"the input {self.input}"
            raise Rejected(f"seconds={wish:g} is not taken by this model: the length follows {source}.")
        if self.input == "text":
            characters, speed = len(str(values.get("text", ""))), SPEECH_CHARACTERS_PER_S
            return Timed(
                duration=Span(
                    low=characters / speed.high,
                    high=characters / speed.low + 3.0,
                    likely=characters / speed.likely + 0.1,
                )
            )
        facts = inputs.get(self.input)
        duration = facts.duration_s if facts else None
        other = inputs[self.longest].duration_s if self.longest in inputs else None
        if duration and other:
            duration = Span.within(min(duration.low, other.low), max(duration.high, other.high), duration.likely)
        elif duration:
            low, high = duration.low - self.tolerance_s, duration.high + self.tolerance_s
            duration = Span.within(max(0.0, low), high, duration.likely)
        return Timed(duration=duration)


SecondsRule = Annotated[
    ChoiceSeconds | RangeSeconds | FrameSeconds | FixedSeconds | InputSeconds, Field(discriminator="strategy")
]
