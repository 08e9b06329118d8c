"""Which size to give a picture so that it keeps a contract's limits and loses least. Arithmetic only.

A loss is weighed: what is cut off, covered by bars or distorted counts most, then detail that scaling down removes, then
enlarging, which only makes the file larger.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from ..contracts import RATIO_TOLERANCE, SizedContract
from ..facts import ratio_of
from ..images.fitting import LIMIT_PX

__all__ = ["Room", "choose_size", "loss", "room_of"]

SHAPE_WEIGHT, SHRINK_WEIGHT, ENLARGE_WEIGHT = 4.0, 0.5, 0.25
SLACK_WEIGHT = 8.0
"""The tolerance of aspect ratios is for rounding; a provider may be stricter, so that it is not used to crop less."""
NEARBY = (-2, -1, 0, 1, 2, 3)
"""Multiples around a wanted side that are tried before all others."""
FINE, WINDOW = 128, range(-64, 65)
"""With fewer steps (multiples) on a side, few sizes have the right aspect ratio: all widths near the best one are tried."""
MOST = 256
"""Most widths that are tried when the likely ones will not do."""
HAIR = 1e-9
"""Relative; keeps rounding of floats inside the limits."""
Size = tuple[int, int]


@dataclass(frozen=True)
class Band:
    """A range that the aspect ratio may lie in, slack included; `low_aim` to `high_aim` without."""

    low: float
    high: float
    low_aim: float
    high_aim: float


@dataclass(frozen=True)
class Room:
    """The sizes that a contract and the writer of the file allow.

    Attributes:
        width, height, pixels: Lowest and highest value.
        step: Both sides are multiples of it.
        bands: The aspect ratio lies in one of them.
        sizes: The only sizes; empty for any.
    """

    width: tuple[int, int]
    height: tuple[int, int]
    pixels: tuple[int, int]
    step: int
    bands: tuple[Band, ...]
    sizes: tuple[Size, ...] = ()

    def allows(self, width: int, height: int) -> bool:
        """Whether a size lies within."""
        return (
            self.width[0] <= width <= self.width[1]
            and self.height[0] <= height <= self.height[1]
            and self.pixels[0] <= width * height <= self.pixels[1]
            and width % self.step == height % self.step == 0
            and any(band.low <= width / height <= band.high for band in self.bands)
            and (not self.sizes or (width, height) in self.sizes)
        )


def room_of(contract: SizedContract, *, step: int = 1, longest_px: int = LIMIT_PX, max_pixels: int = 1 << 40) -> Room:
    """Return the sizes that a contract leaves.

    Args:
        contract: Its limits on size.
        step: The writer's own multiple (2 for video).
        longest_px: The writer's longest side.
        max_pixels: Most pixels that may be made.
    """
    least, most = 1, min(longest_px, LIMIT_PX)
    pixels = min(max_pixels, contract.max_pixels or max_pixels)
    return Room(
        width=(contract.min_width_px or least, min(most, contract.max_width_px or most)),
        height=(contract.min_height_px or least, min(most, contract.max_height_px or most)),
        pixels=(contract.min_pixels or 1, pixels),
        step=math.lcm(step, contract.multiple or 1),
        bands=tuple(_bands(contract)),
        sizes=contract.sizes,
    )


def _bands(contract: SizedContract) -> Iterator[Band]:
    low = float(ratio_of(contract.min_ratio)) if contract.min_ratio else 0.0
    high = float(ratio_of(contract.max_ratio)) if contract.max_ratio else math.inf
    floor = max(0.0, low - RATIO_TOLERANCE) if low else 0.0
    outer = Band(floor * (1 + HAIR), (high + RATIO_TOLERANCE) * (1 - HAIR), low, high)
    if not contract.ratios:
        yield outer
    for text in contract.ratios:
        ratio = float(ratio_of(text))
        slack = ratio * RATIO_TOLERANCE * (1 - HAIR)
        band = Band(max(ratio - slack, outer.low), min(ratio + slack, outer.high), ratio, ratio)
        if band.low <= band.high:
            yield band


@lru_cache(maxsize=4096)
def choose_size(width: int, height: int, room: Room, fit: str) -> Size | None:
    """Return the size within a room that costs a picture least, or None when there is none.

    Args:
        width: Of the picture, in pixels; likewise `height`.
        height: See `width`.
        room: What is allowed.
        fit: `cover`, `pad` or `stretch`; `contain` keeps the shape but for what rounding takes.
    """
    source = (width, height)
    if fit == "contain":
        room = replace(room, bands=tuple(_near_shape(room.bands, width / height)))
    if room.sizes:
        found = [size for size in room.sizes if room.allows(*size) and _keeps_shape(source, size, room, fit)]
        return min(found, key=lambda size: loss(source, size, room, fit), default=None)
    counts = set(_likely_widths(source, room, fit))
    if min(source) < FINE * room.step:
        counts |= {max(1, round(aim / room.step)) + more for aim in _aims(source, room, fit) for more in WINDOW}
    return _best(source, room, fit, counts) or _best(source, room, fit, set(_possible_widths(source, room, fit)))


def _near_shape(bands: tuple[Band, ...], shape: float) -> Iterator[Band]:
    """Yield the bands that a picture of this aspect ratio reaches without being cropped."""
    for band in bands:
        if band.low <= shape <= band.high:
            yield band
            continue
        low, high = max(band.low, shape * (1 - RATIO_TOLERANCE)), min(band.high, shape * (1 + RATIO_TOLERANCE))
        if low <= high:
            yield Band(low, high, low, high)


def _best(source: Size, room: Room, fit: str, counts: set[int]) -> Size | None:
    """Return the cheapest size whose width is one of so many steps."""
    best: tuple[float, Size] | None = None
    first, end = _multiples(room.width, room.step)
    for count in sorted(counts):
        if not first <= count < end:
            continue
        wide = count * room.step
        for high in _heights(source, wide, room):
            size = (wide, high)
            if room.allows(*size) and _keeps_shape(source, size, room, fit):
                cost = loss(source, size, room, fit)
                if best is None or cost < best[0] - HAIR:
                    best = cost, size
    return best[1] if best else None


def _multiples(limits: tuple[float, float], step: int) -> tuple[int, int]:
    """Return the first multiple within limits, and the one after the last, in steps."""
    return max(1, math.ceil(limits[0] / step - HAIR)), math.floor(limits[1] / step + HAIR) + 1


def _likely_widths(source: Size, room: Room, fit: str) -> Iterator[int]:
    """Yield widths, in steps, where the best one nearly always is: at the size itself, and where a limit begins."""
    shape = source[0] / source[1]
    for band in room.bands:
        aim = _clamped(shape, band)
        ratios = {aim, shape} | {ratio for ratio in (band.low, band.high) if 0 < ratio < math.inf}
        wanted = [*room.width, *_scaled(source, aim, room, fit)]
        wanted += [area / side for area in room.pixels for side in room.height]
        for ratio in ratios:
            wanted += [side * ratio for side in room.height]
            wanted += [math.sqrt(area * ratio) for area in room.pixels]
        for wide in wanted:
            count = int(min(wide, LIMIT_PX) / room.step)
            yield from (count + near for near in NEARBY)


def _possible_widths(source: Size, room: Room, fit: str) -> list[int]:
    """Return widths, in steps, for which there is a height at all: up to `MOST`, the nearest to the picture's own."""
    if not room.bands:
        return []
    least, most = min(band.low for band in room.bands), max(band.high for band in room.bands)
    if fit == "contain":
        shape, slack = source[0] / source[1], room.step * (1 + source[0] / source[1])
        limits = room.height[0] * shape - slack, room.height[1] * shape + slack
    else:
        limits = room.height[0] * least, room.height[1] * most
    low = max(room.width[0], limits[0], room.pixels[0] / room.height[1])
    high = min(room.width[1], limits[1], room.pixels[1] / room.height[0])
    found = [
        count
        for count in range(*_multiples((low, high), room.step))
        if any(first < end for first, end in (_height_range(count * room.step, room, band) for band in room.bands))
    ]
    aims = _aims(source, room, fit)
    return sorted(found, key=lambda count: min(abs(math.log(count * room.step / aim)) for aim in aims))[:MOST]


def _aims(source: Size, room: Room, fit: str) -> list[float]:
    """Return the widths that would be best if there were no multiples."""
    own = source[0] / source[1]
    return [wide for band in room.bands for wide in _scaled(source, _clamped(own, band), room, fit)]


def _clamped(ratio: float, band: Band) -> float:
    return min(max(ratio, band.low_aim), band.high_aim)


def _height_range(wide: int, room: Room, band: Band) -> tuple[int, int]:
    low = max(room.height[0], room.pixels[0] / wide, wide / band.high)
    high = min(room.height[1], room.pixels[1] / wide, wide / band.low if band.low else math.inf)
    return _multiples((low, high), room.step)


def _scaled(source: Size, ratio: float, room: Room, fit: str) -> Iterator[float]:
    """Yield the widths of the part that stays, at this ratio, scaled as little as the limits ask for."""
    widths = {source[0], source[1] * ratio}
    if fit == "cover":
        widths = {min(widths)}
    elif fit == "pad":
        widths = {max(widths)}
    for wide in widths:
        high = wide / ratio
        low = max(room.width[0] / wide, room.height[0] / high, math.sqrt(room.pixels[0] / (wide * high)))
        most = min(room.width[1] / wide, room.height[1] / high, math.sqrt(room.pixels[1] / (wide * high)))
        yield wide * min(max(1.0, low), most)


def _heights(source: Size, wide: int, room: Room) -> set[int]:
    """Return the heights, in pixels, worth a try at a width."""
    found: set[int] = set()
    for band in room.bands:
        first, end = _height_range(wide, room, band)
        if first >= end:
            continue
        shape = wide * source[1] / source[0]
        aims = {shape, wide / _clamped(wide / shape, band)}
        for aim in aims:
            count = math.floor(aim / room.step)
            found |= {min(max(count + more, first), end - 1) * room.step for more in (0, 1)}
    return found


def _keeps_shape(source: Size, size: Size, room: Room, fit: str) -> bool:
    """Whether `contain` may give this size: it crops a hundredth at most, or what rounding to the multiple takes."""
    if fit != "contain":
        return True
    wide, high = size[1] * source[0] / source[1], size[0] * source[1] / source[0]
    apart = abs(math.log(wide / size[0]))
    return apart <= RATIO_TOLERANCE or abs(wide - size[0]) < room.step or abs(high - size[1]) < room.step


def loss(source: Size, size: Size, room: Room, fit: str) -> float:
    """Return what a size costs a picture; 0 for its own."""
    across, down = size[0] / source[0], size[1] / source[1]
    if fit == "stretch":
        area = math.log(across * down)
    else:
        area = 2 * math.log(min(across, down) if fit == "pad" else max(across, down))
    shape = SHAPE_WEIGHT * abs(math.log(across / down))
    ratio = size[0] / size[1]
    slack = SLACK_WEIGHT * min(abs(math.log(ratio / _clamped(ratio, band))) for band in room.bands)
    return shape + slack + (-SHRINK_WEIGHT if area < 0 else ENLARGE_WEIGHT) * area
