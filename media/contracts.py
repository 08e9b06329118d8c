"""What media a model or a local operation accepts, and how given media breaks it.

A contract is data: it stands in model cards and on local operations. Limits left out are not checked. Sizes are in pixels
and bytes, durations in seconds, rates in hertz.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from .facts import Facts, Span, facts_of, ratio_of
from .types import Media

__all__ = ["AudioContract", "Contract", "ImageContract", "SizedContract", "VideoContract", "doubts", "violations"]

RATIO_TOLERANCE = 0.01
"""Relative: 1366x768 counts as 16:9."""
DURATION_TOLERANCE_S = 0.05
"""Containers round to whole frames and audio packets."""

Presence = Literal["any", "required", "forbidden"]


class _Contract(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    media_types: tuple[str, ...] = ()
    max_bytes: int | None = Field(default=None, gt=0)


class SizedContract(_Contract):
    """Limits on the size of a picture or of the frames of a video."""

    min_width_px: int | None = Field(default=None, ge=1)
    max_width_px: int | None = Field(default=None, ge=1)
    min_height_px: int | None = Field(default=None, ge=1)
    max_height_px: int | None = Field(default=None, ge=1)
    min_pixels: int | None = Field(default=None, ge=1)
    max_pixels: int | None = Field(default=None, ge=1)
    multiple: int | None = Field(default=None, ge=2)
    sizes: tuple[tuple[int, int], ...] = ()
    ratios: tuple[str, ...] = ()
    min_ratio: str | None = None
    max_ratio: str | None = None

    @field_validator("ratios", "min_ratio", "max_ratio")
    @classmethod
    def _ratio(cls, value: tuple[str, ...] | str | None) -> tuple[str, ...] | str | None:
        for text in (value,) if isinstance(value, str) else value or ():
            ratio_of(text)
        return value


class _Timed(_Contract):
    min_duration_s: float | None = Field(default=None, ge=0)
    max_duration_s: float | None = Field(default=None, gt=0)


class ImageContract(SizedContract):
    """Limits on a picture. `sizes` and `ratios` are sets to choose from; `alpha` says whether transparency may be."""

    kind: Literal["image"] = "image"
    alpha: Presence = "any"
    animation: Presence = "forbidden"


class VideoContract(SizedContract, _Timed):
    """Limits on a video. `durations_s` and `frame_rates` are sets to choose from."""

    kind: Literal["video"] = "video"
    durations_s: tuple[float, ...] = ()
    min_frame_rate: float | None = Field(default=None, gt=0)
    max_frame_rate: float | None = Field(default=None, gt=0)
    frame_rates: tuple[float, ...] = ()
    codecs: tuple[str, ...] = ()
    audio: Presence = "any"


class AudioContract(_Timed):
    """Limits on a sound. `sample_rates_hz` and `channels` are sets to choose from."""

    kind: Literal["audio"] = "audio"
    sample_rates_hz: tuple[int, ...] = ()
    channels: tuple[int, ...] = ()
    codecs: tuple[str, ...] = ()


Contract = Annotated[ImageContract | VideoContract | AudioContract, Field(discriminator="kind")]


@dataclass(frozen=True)
class _Finding:
    """One limit held against one fact: broken for certain, or perhaps."""

    certain: bool
    text: str


def _bounds(low: float | None, high: float | None, unit: str) -> str:
    if low is not None and high is not None:
        return f"{low:g} to {high:g}{unit}"
    return f"at least {low:g}{unit}" if low is not None else f"at most {high:g}{unit}"


def _range(
    name: str, fact: Span | None, low: float | None, high: float | None, unit: str = "", slack: float = 0.0
) -> Iterable[_Finding]:
    if low is None and high is None:
        return
    floor = float("-inf") if low is None else low - slack
    ceiling = float("inf") if high is None else high + slack
    allowed = f"allowed {_bounds(low, high, unit)}"
    if fact is None:
        yield _Finding(False, f"{name} is not known, {allowed}")
    elif fact.low < floor or fact.high > ceiling:
        certain = fact.high < floor or fact.low > ceiling
        yield _Finding(certain, f"{name} is {fact}{unit}, {allowed}")


def _member(
    name: str, fact: Span | None, choices: Iterable[float], unit: str = "", slack: float = 0.0
) -> Iterable[_Finding]:
    values = sorted(choices)
    if not values:
        return
    allowed = "allowed " + " or ".join(f"{value:g}" for value in values) + unit
    if fact is None:
        yield _Finding(False, f"{name} is not known, {allowed}")
    elif not any(fact.exact and abs(fact.low - value) <= slack for value in values):
        certain = not any(fact.low - slack <= value <= fact.high + slack for value in values)
        yield _Finding(certain, f"{name} is {fact}{unit}, {allowed}")


def _word(name: str, fact: str | None, choices: tuple[str, ...]) -> Iterable[_Finding]:
    if choices and fact not in choices:
        found = "not known" if fact is None else fact
        yield _Finding(fact is not None, f"{name} is {found}, allowed {', '.join(choices)}")


def _presence(name: str, fact: bool | None, rule: Presence) -> Iterable[_Finding]:
    if rule == "any" or fact is (rule == "required"):
        return
    if fact is None:
        yield _Finding(False, f"whether it has {name} is not known, {name} is {rule}")
    else:
        yield _Finding(True, f"it has {'' if fact else 'no '}{name}, {name} is {rule}")


def _multiple(name: str, fact: Span | None, multiple: int | None) -> Iterable[_Finding]:
    if multiple is None or (fact and fact.exact and int(fact.low) % multiple == 0):
        return
    found = "not known" if fact is None else f"{fact} px"
    yield _Finding(bool(fact and fact.exact), f"{name} is {found}, allowed multiples of {multiple}")


def _sizes(facts: Facts, sizes: tuple[tuple[int, int], ...]) -> Iterable[_Finding]:
    if not sizes or facts.size in sizes:
        return
    allowed = " or ".join(f"{w}x{h}" for w, h in sizes)
    found = f"{facts.width_px or 'unknown'}x{facts.height_px or 'unknown'}"
    yield _Finding(facts.size is not None, f"size is {found} px, allowed {allowed}")


def _ratios(facts: Facts, contract: SizedContract) -> Iterable[_Finding]:
    aspect, allowed = facts.aspect, contract.ratios
    if allowed and not (aspect and aspect.exact and any(_close(aspect.low, text) for text in allowed)):
        found = "not known" if aspect is None else f"{aspect}"
        certain = bool(aspect) and not any(_inside(aspect, float(ratio_of(text))) for text in allowed)
        yield _Finding(certain, f"aspect ratio is {found}, allowed {', '.join(allowed)}")
    low = float(ratio_of(contract.min_ratio)) if contract.min_ratio else None
    high = float(ratio_of(contract.max_ratio)) if contract.max_ratio else None
    yield from _range("aspect ratio", aspect, low, high, slack=RATIO_TOLERANCE)


def _close(value: float, ratio: str) -> bool:
    wanted = float(ratio_of(ratio))
    return abs(value - wanted) <= wanted * RATIO_TOLERANCE


def _inside(span: Span | None, value: float) -> bool:
    return span is not None and span.low * (1 - RATIO_TOLERANCE) <= value <= span.high * (1 + RATIO_TOLERANCE)


def _sized(contract: SizedContract, facts: Facts) -> Iterable[_Finding]:
    yield from _sizes(facts, contract.sizes)
    yield from _range("width", facts.width_px, contract.min_width_px, contract.max_width_px, " px")
    yield from _range("height", facts.height_px, contract.min_height_px, contract.max_height_px, " px")
    yield from _range("area", facts.pixels, contract.min_pixels, contract.max_pixels, " px")
    yield from _multiple("width", facts.width_px, contract.multiple)
    yield from _multiple("height", facts.height_px, contract.multiple)
    yield from _ratios(facts, contract)


def _timed(contract: _Timed, facts: Facts) -> Iterable[_Finding]:
    yield from _range(
        "duration", facts.duration_s, contract.min_duration_s, contract.max_duration_s, " s", DURATION_TOLERANCE_S
    )


def _image(contract: ImageContract, facts: Facts) -> Iterable[_Finding]:
    yield from _sized(contract, facts)
    yield from _presence("transparency", facts.has_alpha, contract.alpha)
    animated = None if facts.frames is None else facts.frames.high > 1
    if animated or contract.animation == "required":
        yield from _presence("animation", animated, contract.animation)


def _video(contract: VideoContract, facts: Facts) -> Iterable[_Finding]:
    yield from _sized(contract, facts)
    yield from _timed(contract, facts)
    yield from _member("duration", facts.duration_s, contract.durations_s, " s", DURATION_TOLERANCE_S)
    yield from _range("frame rate", facts.frame_rate, contract.min_frame_rate, contract.max_frame_rate, " fps", 0.01)
    yield from _member("frame rate", facts.frame_rate, contract.frame_rates, " fps", 0.01)
    yield from _word("codec", facts.codec, contract.codecs)
    yield from _presence("sound", facts.has_audio, contract.audio)


def _audio(contract: AudioContract, facts: Facts) -> Iterable[_Finding]:
    yield from _timed(contract, facts)
    yield from _member("sample rate", facts.sample_rate_hz, contract.sample_rates_hz, " Hz")
    yield from _member("number of channels", facts.channels, contract.channels)
    yield from _word("codec", facts.codec, contract.codecs)


CHECKS: dict[str, Callable[..., Iterable[_Finding]]] = {"image": _image, "video": _video, "audio": _audio}


def _findings(contract: Contract, facts: Facts | Media) -> list[_Finding]:
    known = facts_of(facts) if isinstance(facts, Media) else facts  # pyright: ignore[reportArgumentType]
    if known.kind != contract.kind:
        return [_Finding(True, f"it is {known.kind}, {contract.kind} is wanted")]
    found = list(CHECKS[contract.kind](contract, known))
    found += _word("media type", known.media_type, contract.media_types)
    found += _range("file", known.size_bytes, None, contract.max_bytes, " bytes")
    return found


def violations(contract: Contract, facts: Facts | Media) -> list[str]:
    """Return one line for each limit that is broken for certain: what was found and what is allowed."""
    return [finding.text for finding in _findings(contract, facts) if finding.certain]


def doubts(contract: Contract, facts: Facts | Media) -> list[str]:
    """Return one line for each limit that may be broken, because a fact is not known exactly before it exists."""
    return [finding.text for finding in _findings(contract, facts) if not finding.certain]
