"""What a picture is to be written as: the format and size that keep a contract, a byte limit included, and lose least."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...settings import get_settings
from ..contracts import RATIO_TOLERANCE, ImageContract
from ..facts import Facts, ratio_of
from ..images.encoding import ALPHA_FORMATS, LONGEST_PX, PictureFormat
from ..images.fitting import LIMIT_PX
from ._conversion import Policy
from .picture_bytes import WEIGHTS
from .size_choice import Room, choose_size, room_of

__all__ = ["FORMATS", "MEDIA_TYPES", "Job", "Target", "allowed_kinds", "choose_target", "holds_alpha"]

FORMATS: dict[str, PictureFormat] = {
    "image/png": "png",
    "image/webp": "webp",
    "image/jpeg": "jpeg",
    "image/avif": "avif",
    "image/tiff": "tiff",
    "image/bmp": "bmp",
    "image/gif": "gif",
}
"""Media types that can be written, those first that lose least and are read everywhere."""
MEDIA_TYPES = {kind: media_type for media_type, kind in FORMATS.items()}
FALLING = 0.8
"""Factor between sizes that are tried for a byte limit."""
Size = tuple[int, int]


@dataclass(frozen=True)
class Job:
    """A picture that has to change.

    Attributes:
        own: Its size, or the likely one; None when nothing is known of it.
        resized: Whether its size breaks the contract for certain.
    """

    facts: Facts
    contract: ImageContract
    policy: Policy
    own: Size | None
    resized: bool

    def room(self, kind: PictureFormat | None = None, pixels: int | None = None) -> Room:
        """Return the sizes that are allowed, in a format, with at most so many pixels."""
        longest = LONGEST_PX.get(kind, LIMIT_PX) if kind else LIMIT_PX
        most = get_settings().max_image_pixels
        return room_of(self.contract, longest_px=longest, max_pixels=most if pixels is None else min(most, pixels))


@dataclass(frozen=True)
class Target:
    """What a picture is written as.

    Attributes:
        kind: Format.
        size: None where the picture's own is not known.
        keeps_alpha: Whether transparency stays where there is some.
        smallest: To what the writer may shrink it for the sake of a byte limit; None where it may not.
        is_certain: Whether the byte limit is kept whatever the picture shows.
    """

    kind: PictureFormat
    size: Size | None
    keeps_alpha: bool
    smallest: Size | None = None
    is_certain: bool = True


def allowed_kinds(facts: Facts, contract: ImageContract) -> list[PictureFormat]:
    """Return the formats that may be written, the best first: the picture's own, unless it has only 256 colours."""
    own = FORMATS.get(facts.media_type or "")
    allowed: list[PictureFormat] = [
        kind for name, kind in FORMATS.items() if not contract.media_types or name in contract.media_types
    ]
    return sorted(allowed, key=lambda kind: kind != own or kind == "gif")


def holds_alpha(kind: PictureFormat) -> bool:
    """Whether a format can hold transparency."""
    return kind in ALPHA_FORMATS


def choose_target(job: Job) -> Target | None:
    """Return the first that there is: whole; smaller, for the byte limit; either without transparency; without certainty."""
    doubtful: Target | None = None
    kinds = allowed_kinds(job.facts, job.contract)
    for keeps_alpha in _alpha_choices(job):
        holding: list[PictureFormat] = [kind for kind in kinds if not keeps_alpha or holds_alpha(kind)]
        whole = [target for kind in holding if (target := _whole(job, kind, keeps_alpha))]
        for target in whole:
            if _surely_fits(target, job.contract.max_bytes):
                return target
        smaller = [target for kind in holding if (target := _smaller(job, kind, keeps_alpha))]
        if smaller:
            return max(smaller, key=lambda target: math.prod(target.smallest or target.size or (0, 0)))
        doubtful = doubtful or _lightest(whole, job.contract.max_bytes or 0)
    return doubtful


def _alpha_choices(job: Job) -> tuple[bool, ...]:
    if job.contract.alpha == "forbidden" or job.facts.has_alpha is False:
        return (False,)
    return (True,) if job.contract.alpha == "required" else (True, False)


def _whole(job: Job, kind: PictureFormat, keeps_alpha: bool) -> Target | None:
    """Return a format at the size that loses least; None when there is no size."""
    if job.own is None or (not job.resized and max(job.own) <= LONGEST_PX.get(kind, LIMIT_PX)):
        return Target(kind, job.own, keeps_alpha)
    size = choose_size(*job.own, job.room(kind), job.policy.fit)
    return None if size is None else Target(kind, size, keeps_alpha)


def _surely_fits(target: Target, limit: int | None) -> bool:
    if limit is None or target.size is None:
        return True
    return WEIGHTS[target.kind].most(*target.size, alpha=target.keeps_alpha) <= limit


def _smaller(job: Job, kind: PictureFormat, keeps_alpha: bool) -> Target | None:
    """Return a format at a size that surely keeps the byte limit; None when none is allowed."""
    limit, weight = job.contract.max_bytes, WEIGHTS[kind]
    if limit is None or job.own is None:
        return None
    pixels = weight.pixels_within(limit, alpha=keeps_alpha)
    while pixels >= 1:
        size = choose_size(*job.own, job.room(kind, pixels), job.policy.fit)
        if size is None:
            return None
        if weight.most(*size, alpha=keeps_alpha) <= limit:
            return _shrinking(job, Target(kind, size, keeps_alpha))
        pixels = int(pixels * FALLING)
    return None


def _shrinking(job: Job, surely: Target) -> Target:
    """Leave it to the writer to shrink a picture whose shape is free: it knows how far it has to."""
    contract, own = job.contract, job.own
    bound = contract.sizes or contract.ratios or contract.multiple
    if (
        job.resized
        or bound
        or own is None
        or not _has_free_shape(contract, own)
        or max(own) > LONGEST_PX.get(surely.kind, LIMIT_PX)
        or surely.size is None
    ):
        return surely
    least = tuple(int(side * FALLING) for side in surely.size)
    wide, high = contract.min_width_px or 1, contract.min_height_px or 1
    if least[0] < wide or least[1] < high or least[0] * least[1] < (contract.min_pixels or 1):
        return surely
    return replace(surely, size=own, smallest=least)


def _has_free_shape(contract: ImageContract, own: Size) -> bool:
    """Whether rounding cannot take the aspect ratio out of its limits."""
    ratio = own[0] / own[1]
    low = float(ratio_of(contract.min_ratio)) if contract.min_ratio else 0.0
    high = float(ratio_of(contract.max_ratio)) if contract.max_ratio else math.inf
    return low * (1 + RATIO_TOLERANCE) <= ratio <= high * (1 - RATIO_TOLERANCE)


def _lightest(targets: Sequence[Target], limit: int) -> Target | None:
    """Return the target most likely to keep the byte limit; None when none can."""
    able = [(one, one.size) for one in targets if one.size and WEIGHTS[one.kind].least <= limit]
    if not able:
        return None
    best, _ = min(able, key=lambda pair: WEIGHTS[pair[0].kind].most(*pair[1], alpha=pair[0].keeps_alpha))
    return replace(best, is_certain=False)
