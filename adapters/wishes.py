"""What size a user asked for: `size`, `width`, `height` and `aspect_ratio` read as one wish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

from ..media.facts import ratio_of
from .parameters import Rejected, show

__all__ = ["SizeWish", "alike"]

RATIO_TOLERANCE = 0.02
MAX_SIDE_PX = 16384


@dataclass(frozen=True)
class SizeWish:
    """What the user asked: a size, a ratio, or nothing."""

    size: tuple[int, int] | None = None
    ratio: Fraction | None = None
    text: str = ""

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> SizeWish:
        """Read `size`, `width`, `height` and `aspect_ratio`.

        Raises:
            Rejected: One is malformed, or two disagree.
        """
        named = {name: given.get(name) for name in ("size", "width", "height", "aspect_ratio")}
        text = ", ".join(f"{name}={value!r}" for name, value in named.items() if value is not None)
        ratio = _read_ratio(named["aspect_ratio"])
        size = _read_size(named["size"])
        width, height = _read_side("width", named["width"]), _read_side("height", named["height"])
        if ratio and (width is None) != (height is None):
            width = width or round(cast("int", height) * ratio)
            height = height or round(width / ratio)
        if (width is None) != (height is None) and not size:
            raise Rejected(f"{text}: give both width and height, or one of them with aspect_ratio.")
        sides = (width, height) if width and height else size
        if size and ((width or size[0]) != size[0] or (height or size[1]) != size[1]):
            raise Rejected(f"{text} contradict each other. Give size, or width and height.")
        if sides and ratio and not alike(Fraction(*sides), ratio):
            raise Rejected(f"{text} contradict each other: {sides[0]}x{sides[1]} is not {named['aspect_ratio']}.")
        return cls(sides, ratio or (Fraction(*sides) if sides else None), text)


def alike(one: Fraction | float, other: Fraction | float) -> bool:
    """Return whether two aspect ratios are the same to the eye: 1344x768 counts as 16:9."""
    return abs(float(one) / float(other) - 1) <= RATIO_TOLERANCE


def _read_ratio(value: object) -> Fraction | None:
    if value is None:
        return None
    try:
        return ratio_of(value) if isinstance(value, str) else ratio_of("")
    except ValueError:
        raise Rejected(f"aspect_ratio={show(value)} is not a ratio such as '16:9'.") from None


def _read_side(name: str, value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_SIDE_PX):
        return value
    raise Rejected(f"{name}={show(value)} is not a whole number of pixels from 1 to {MAX_SIDE_PX}.")


def _read_size(value: object) -> tuple[int, int] | None:
    parts: list[Any] = []
    if value is None:
        return None
    if isinstance(value, str):
        words = value.lower().replace("×", "x").split("x")
        parts = [int(word) for word in words if word.strip().isdecimal()]
    elif isinstance(value, (tuple, list)):
        parts = list(cast("list[Any]", value))
    sides = [
        part for part in parts if isinstance(part, int) and not isinstance(part, bool) and 1 <= part <= MAX_SIDE_PX
    ]
    if len(parts) != 2 or len(sides) != 2:
        raise Rejected(f"size={show(value)} is not a size such as '1280x720' or (1280, 720).")
    return sides[0], sides[1]
