"""What has to change in a video before it keeps a contract: length, frame rate, size, sound, container, codec."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...settings import get_settings
from ..contracts import DURATION_TOLERANCE_S, VideoContract, violations
from ..facts import Facts
from ._conversion import Policy, likely_size, refusal, size_limits
from .size_choice import choose_size, room_of

__all__ = ["CONTAINERS", "WRITTEN", "Edit", "choose_edit"]

CONTAINERS = {"video/mp4": ".mp4", "video/quicktime": ".mov", "video/webm": ".webm", "video/x-matroska": ".mkv"}
WRITTEN = {".mp4": "h264", ".mov": "h264", ".webm": "vp9", ".mkv": "h264"}
"""Codec of what is encoded into each container. What fits undecoded may be copied instead."""
USUAL_RATES = (24.0, 25.0, 30.0, 50.0, 60.0)
LEAST_RATE, MOST_RATE = 1.0, 240.0
CLOCK_S = 0.001
"""Of containers that know whole milliseconds only."""
LONGEST_PX = 16_384
"""Of what the H.264 encoder takes."""
Size = tuple[int, int]


@dataclass(frozen=True)
class Edit:
    """All that changes.

    Attributes:
        media_type: Of the result.
        seconds: Length to keep; None for all.
        rate: Frame rate to set, the video's own included; None to leave it.
        size: Size to give; None to leave it. `unsized`: it has to change, but is not known.
        mutes: Whether the sound goes.
        encodes: Whether the codec has to change.
    """

    media_type: str
    seconds: float | None
    rate: float | None
    size: Size | None
    unsized: bool
    mutes: bool
    encodes: bool

    @property
    def suffix(self) -> str:
        """Of the file."""
        return CONTAINERS[self.media_type]


def choose_edit(facts: Facts, contract: VideoContract, policy: Policy, broken: Sequence[str]) -> Edit:
    """Return what has to change.

    Raises:
        ParameterError: No change makes it keep the contract.
    """
    _check_content(facts, contract, broken)
    size, unsized = _size(facts, contract, policy, broken)
    mutes = facts.has_audio is True and contract.audio == "forbidden"
    rate = _rate(facts, contract, broken)
    paced = _paced(facts, contract, rate)
    if paced is None:
        raise refusal(broken, "No allowed length can be cut at an allowed frame rate. Give a shorter or longer video.")
    rate, seconds = paced
    media_type, encodes = _container(facts, contract, broken)
    only_muted = mutes and not (encodes or unsized) and (seconds, size, rate) == (None, None, None)
    if seconds is None and not only_muted:
        seconds = _held(facts, contract, rate)
    return Edit(media_type, seconds, rate, size, unsized, mutes, encodes)


def _check_content(facts: Facts, contract: VideoContract, broken: Sequence[str]) -> None:
    if contract.audio == "required" and facts.has_audio is False:
        raise refusal(broken, "Give it sound first: merge(video, voice) or merge(video, music=...).")
    least = max(contract.min_duration_s or 0.0, min(contract.durations_s, default=0.0))
    if facts.duration_s is not None and facts.duration_s.high < least - DURATION_TOLERANCE_S:
        raise refusal(broken, "A video is never lengthened here. Give a longer one, or repeat it with loop_video.")


def _size(facts: Facts, contract: VideoContract, policy: Policy, broken: Sequence[str]) -> tuple[Size | None, bool]:
    """Return the size to give; and whether there has to be one though the video's own is not known."""
    limits, own = size_limits(contract), likely_size(facts)
    resized = bool(violations(limits, facts))
    if own is None:
        return None, resized
    evened = (max(2, own[0] // 2 * 2), max(2, own[1] // 2 * 2))
    if not resized and evened != own and facts.size is not None:  # whatever is done to it evens its sides
        allowed = room_of(contract, step=2)
        resized = limits.model_dump(exclude_defaults=True, exclude={"kind"}) != {} and not allowed.allows(*evened)
    if not resized:
        return None, False
    room = room_of(contract, step=2, longest_px=LONGEST_PX, max_pixels=get_settings().max_video_pixels)
    size = choose_size(*own, room, policy.fit)
    if size is not None:
        return size, False
    others = [fit for fit in ("cover", "pad", "stretch") if choose_size(*own, room, fit)]
    if others:
        uses = " or ".join(f"fit='{fit}'" for fit in others)
        raise refusal(broken, f"fit='{policy.fit}' keeps its shape, and no allowed size has that. Use {uses}.")
    raise refusal(broken, "No even size keeps all of these limits. Give another video, or choose another model.")


def _rate(facts: Facts, contract: VideoContract, broken: Sequence[str]) -> float | None:
    """Return the frame rate to set: the nearest allowed one, the own one where it has to stay; None where any will do.

    Raises:
        ParameterError: None that is allowed can be written.
    """
    if not (contract.frame_rates or contract.min_frame_rate or contract.max_frame_rate) or facts.frame_rate is None:
        return None
    own = facts.frame_rate.likely
    low = max(LEAST_RATE, contract.min_frame_rate or LEAST_RATE)
    high = min(MOST_RATE, contract.max_frame_rate or MOST_RATE)
    choices = [rate for rate in contract.frame_rates if low <= rate <= high]
    if not contract.frame_rates and low <= high:
        choices = [min(max(own, low), high)]
    if not choices:
        raise refusal(broken, f"No allowed frame rate can be written; {LEAST_RATE:g} to {MOST_RATE:g} can.")
    best = min(choices, key=lambda rate: abs(math.log(rate / own)))
    return own if abs(best - own) <= own * 1e-4 else best


def _paced(facts: Facts, contract: VideoContract, rate: float | None) -> tuple[float | None, float | None] | None:
    """Return the frame rate to set and the length to keep, either None for as it is; None when there is no such length.

    A length is a whole number of frames, so that at a low frame rate not every length can be had.
    """
    if not _too_long(facts, contract):
        return _rounded(facts, contract, rate)
    own = facts.frame_rate.likely if facts.frame_rate else None
    for tried in (rate or own, *_other_rates(contract)):
        for seconds in _lengths(facts, contract, tried):
            return (rate if tried == (rate or own) else tried), seconds
    return None


def _rounded(facts: Facts, contract: VideoContract, rate: float | None) -> tuple[float | None, float | None] | None:
    """Return the frame rate to set, and a frame less where the whole length does not round to an allowed one at it."""
    limited = contract.durations_s or contract.min_duration_s or contract.max_duration_s
    if rate is None or facts.duration_s is None or not facts.duration_s.exact or not limited:
        return rate, None
    for tried in (rate, *_other_rates(contract)):
        frames = max(1, round(facts.duration_s.low * tried))
        if _is_allowed(frames / tried, contract):
            return tried, None
        if frames > 1 and _is_allowed((frames - 1) / tried, contract):
            return tried, (frames - 1) / tried
    return None


def _too_long(facts: Facts, contract: VideoContract) -> bool:
    length = facts.duration_s
    if length is None:
        return False
    slack = DURATION_TOLERANCE_S
    over = contract.max_duration_s is not None and length.low > contract.max_duration_s + slack
    between = [seconds for seconds in contract.durations_s if length.low - slack <= seconds <= length.high + slack]
    return over or bool(contract.durations_s and not between)


def _other_rates(contract: VideoContract) -> Iterator[float]:
    for rate in contract.frame_rates or USUAL_RATES:
        if (contract.min_frame_rate or LEAST_RATE) <= rate <= (contract.max_frame_rate or MOST_RATE):
            yield rate


def _lengths(facts: Facts, contract: VideoContract, rate: float | None) -> Iterator[float]:
    """Yield lengths that can be cut at a frame rate and are allowed, the longest first."""
    most = min(facts.duration_s.low if facts.duration_s else math.inf, contract.max_duration_s or math.inf)
    for wanted in sorted(contract.durations_s, reverse=True) or [most]:
        if wanted > most + DURATION_TOLERANCE_S:
            continue
        if rate is None:
            tries = [wanted]
        else:
            below = math.floor(wanted * rate + 1e-6)
            counts = sorted((below, below + 1), key=lambda count: abs(count - wanted * rate))
            tries = [count / rate for count in (counts if contract.durations_s else (below,))]
        yield from (seconds for seconds in tries if seconds > 0 and _is_allowed(seconds, contract))


def _held(facts: Facts, contract: VideoContract, rate: float | None) -> float | None:
    """Return the video's own length where it has to be kept: sound that outlasts the picture would prolong it."""
    limited = contract.max_duration_s is not None or contract.durations_s
    if not limited or facts.duration_s is None or facts.has_audio is False:
        return None
    rate = rate or (facts.frame_rate.likely if facts.frame_rate else None)
    length = facts.duration_s.likely
    if rate is None:
        return length
    frames = max(1, round(length * rate))
    nearest = [count / rate for count in (frames, frames - 1, frames + 1) if count]
    return next((seconds for seconds in nearest if _is_allowed(seconds, contract)), nearest[0])


def _is_allowed(seconds: float, contract: VideoContract) -> bool:
    """Whether a length keeps the contract, the rounding of a container's clock included."""
    slack = DURATION_TOLERANCE_S - CLOCK_S
    low, high = contract.min_duration_s or 0.0, contract.max_duration_s or math.inf
    near = any(abs(seconds - wanted) <= slack for wanted in contract.durations_s)
    return low - slack <= seconds <= high + slack and (near or not contract.durations_s)


def _container(facts: Facts, contract: VideoContract, broken: Sequence[str]) -> tuple[str, bool]:
    """Return the media type to write, and whether the picture must be encoded anew for the sake of its codec.

    Raises:
        ParameterError: No allowed container and codec can be written.
    """
    allowed = [name for name in CONTAINERS if not contract.media_types or name in contract.media_types]
    allowed.sort(key=lambda name: name != facts.media_type)
    for encodes in (False, True):
        for name in allowed:
            codecs = {WRITTEN[CONTAINERS[name]], *(() if encodes or facts.codec is None else (facts.codec,))}
            if not contract.codecs or codecs <= set(contract.codecs):
                return name, encodes
    written = ", ".join(f"{codec} in {name}" for name, codec in ((n, WRITTEN[s]) for n, s in CONTAINERS.items()))
    raise refusal(broken, f"What can be written is {written}. Convert it before.")
