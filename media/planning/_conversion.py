"""What all plans of conversions share: steps, what comes of them, and how refusals are worded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from ...errors import ParameterError
from ..contracts import Contract, ImageContract, SizedContract, VideoContract, doubts
from ..facts import Facts, Span
from ..images.fitting import Fit, Gravity, fitted_size

__all__ = [
    "Conversion",
    "Policy",
    "Step",
    "joined",
    "likely",
    "likely_size",
    "only",
    "planned",
    "refusal",
    "size_limits",
    "sized",
]

Size = tuple[int, int]
Sized = TypeVar("Sized", ImageContract, VideoContract)
SIZE_FIELDS = tuple(name for name in SizedContract.model_fields if name not in ("media_types", "max_bytes"))


@dataclass(frozen=True)
class Step:
    """One local operation of a conversion.

    Attributes:
        operation: Name in `OPERATIONS`.
        parameters: Of that operation.
        suffix: Of the file that it writes, with its dot.
        loss: What it costs the media (`crops 44 %`), for the plan; empty when it costs nothing.
        change: What it does (`1024x1024 -> 1024x576 cover`).
    """

    operation: str
    parameters: Mapping[str, Any]
    suffix: str
    loss: str
    change: str = ""

    def __str__(self) -> str:
        text = f"{self.operation} {self.change}".strip()
        return f"{text}, {self.loss}" if self.loss else text


@dataclass(frozen=True)
class Conversion:
    """The steps, in order (none when the media fits already), and the facts after them.

    Attributes:
        steps: What is certain to be needed.
        facts: Of the media after the steps. They break no limit of the contract for certain.
        doubts: One line for each limit that may still be broken, because a fact is not known before the media exists.
            Where the real media turns out to break it, it is converted then, or refused before anything is paid for.
    """

    steps: tuple[Step, ...]
    facts: Facts
    doubts: tuple[str, ...] = ()

    @property
    def loss(self) -> str:
        """All that the steps cost, in one line."""
        return joined([step.loss for step in self.steps])


@dataclass(frozen=True)
class Policy:
    """How a picture or video is made to fit: see `plan_conversion`."""

    fit: str = "cover"
    gravity: str = "auto"
    focus: tuple[float, float] | None = None

    def placing(self) -> dict[str, Any]:
        """Return the parameters that say which part is kept, where they are not the defaults."""
        chosen: dict[str, Any] = {} if self.gravity == "auto" else {"gravity": self.gravity}
        return chosen if self.focus is None else {**chosen, "focus": list(self.focus)}


def joined(lines: Sequence[str]) -> str:
    """Return what there is of these, with commas."""
    return ", ".join(line for line in lines if line)


def refusal(problems: Sequence[str], advice: str) -> ParameterError:
    """Return the error for media that cannot be made to fit: what was found, what is allowed, what to do."""
    return ParameterError(f"{'; '.join(problems)}. {advice}", [f"{problem}. {advice}" for problem in problems])


def likely(span: Span | None, otherwise: float) -> float:
    """Return the figure to plan with."""
    return span.likely if span else otherwise


def likely_size(facts: Facts) -> Size | None:
    """Return the size to plan with; None when it is not known at all."""
    if facts.width_px is None or facts.height_px is None:
        return None
    return max(1, round(facts.width_px.likely)), max(1, round(facts.height_px.likely))


def size_limits(contract: Sized) -> Sized:
    """Return the contract's limits on size, without all others."""
    others: dict[str, Any] = {"animation": "any"} if contract.kind == "image" else {}
    return type(contract)(**{name: getattr(contract, name) for name in SIZE_FIELDS}, **others)


def planned(steps: Sequence[Step], facts: Facts, contract: Contract, more: Sequence[str] = ()) -> Conversion:
    """Return a conversion: what remains in doubt is said, and what the contract leaves one choice for is taken as known."""
    unsure = (*doubts(contract, facts), *more)
    return Conversion(tuple(steps), facts.model_copy(update=_settled(facts, contract)), tuple(dict.fromkeys(unsure)))


def only(choices: Sequence[Any]) -> Any:
    """Return the only choice, or None."""
    return choices[0] if len(choices) == 1 else None


def _settled(facts: Facts, contract: Contract) -> dict[str, Any]:
    """Return unknown facts that will be known once the real media is held against the contract."""
    found: dict[str, Any] = {}
    if facts.media_type is None and (media_type := only(contract.media_types)):
        found["media_type"] = media_type
    if isinstance(contract, SizedContract) and facts.size is None and (size := only(contract.sizes)):
        found |= {"width_px": Span.exactly(size[0]), "height_px": Span.exactly(size[1]), "ratio": None}
    if contract.kind == "image" and facts.has_alpha is None and contract.alpha == "forbidden":
        found["has_alpha"] = False
    if contract.kind == "video":
        if facts.has_audio is None and contract.audio != "any":
            found["has_audio"] = contract.audio == "required"
        if _inexact(facts.frame_rate) and (rate := only(contract.frame_rates)):
            found["frame_rate"] = Span.exactly(rate)
    if contract.kind == "audio":
        if _inexact(facts.sample_rate_hz) and (rate := only(contract.sample_rates_hz)):
            found["sample_rate_hz"] = Span.exactly(rate)
        if _inexact(facts.channels) and (channels := only(contract.channels)):
            found["channels"] = Span.exactly(channels)
    if contract.kind != "image" and facts.duration_s and contract.max_duration_s is not None:
        found["duration_s"] = _at_most(facts.duration_s, contract.max_duration_s)
    return found


def _inexact(span: Span | None) -> bool:
    return span is None or not span.exact


def _at_most(span: Span, limit: float) -> Span:
    if span.exact:
        return span
    return Span(low=min(span.low, limit), high=min(span.high, limit), likely=min(span.likely, limit))


def sized(source: Size, size: Size, policy: Policy) -> tuple[str, str, dict[str, Any]]:
    """Return how fitting to a size is described, what it costs, and the parameters of the fitting operations.

    With `contain` the size is one that keeps the shape, so that filling it cuts off nothing, or what rounding takes.
    """
    fit: Fit = "pad" if policy.fit == "pad" else "stretch" if policy.fit == "stretch" else "cover"
    gravity: Gravity = next(known for known in get_args(Gravity) if known == policy.gravity)
    fitted = fitted_size(*source, width=size[0], height=size[1], fit=fit, gravity=gravity, focus=policy.focus)
    loss = fitted.describe().replace("keeps everything", "")
    shaped = bool(fitted.crop_share or fitted.bar_share or fitted.distortion)
    largest = max(fitted.scale_x, fitted.scale_y)
    shrinks = f"scales down to {largest:.2g}x" if largest < 0.995 else ""
    parameters: dict[str, Any] = {"width": size[0], "height": size[1]}
    if shaped:
        parameters |= ({} if fit == "cover" else {"fit": fit}) | policy.placing()
    change = "{}x{} -> {}x{}".format(*source, *size)
    return f"{change} {policy.fit}" if loss and shaped else change, joined([loss, shrinks]), parameters
