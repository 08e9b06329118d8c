"""Where a picture draws the eye, for a crop that follows its subject: no model, the same answer every time.

A crop moves away from the default place only where that takes in much more of what stands out; docs/operations.md
has the measurements. A change of what is chosen raises the versions of the operations that take `gravity="smart"`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .colour import Rgba, flattened, to_srgb
from .fitting import DEFAULT_PLACE, Fitted

__all__ = ["LOOK_PX", "Map", "attention", "smart_focus"]

Map = NDArray[np.float64]

LOOK_PX = 64
"""Longer side of the copy that is looked at: what is smaller than a sixtieth is no subject."""
GREY: Rgba = (128, 128, 128, 255)
SCALES = ((1, 6), (2, 12))
"""Something stands out when its colours at the first scale differ from those around it at the second; in pixels."""
DETAIL_SCALE = 2.0
GAIN = 0.12
"""A crop leaves its default place only for one with this much more of the whole picture's attention."""
PULL = 0.1
"""How much more a place must hold for each whole way from the default place."""
PLACES = 41
"""Places that are tried between one end and the other."""
LEAST_CUT = 0.02
"""A smaller share that is cut off is only what rounding takes."""


def attention(image: Image.Image, profile: bytes | None = None) -> Map:
    """Return each spot's share of the attention that a picture draws.

    Args:
        image: In a mode that can be resampled.
        profile: Its ICC profile; None for sRGB.

    Returns:
        Shape (height, width) of a copy whose longer side is at most `LOOK_PX`; the sum is 1. A plain picture is
        even all over.
    """
    colours = _opponent(_small(image, profile))
    contrast: Any = 0.0
    for near, far in SCALES:
        contrast = contrast + np.linalg.norm(_blurred(colours, near) - _blurred(colours, far), axis=-1)
    steps = np.abs(np.diff(colours, axis=0, append=colours[-1:])) + np.abs(
        np.diff(colours, axis=1, append=colours[:, -1:])
    )
    detail = _blurred(steps.sum(-1)[..., None], DETAIL_SCALE)[..., 0]
    return (_shares(contrast**2) + _shares(detail**2)) / 2


def smart_focus(shares: Map, plan: Fitted, width: int, height: int) -> tuple[float, float] | None:
    """Return the point to keep in the middle, as fractions; None where the default place is as good.

    Args:
        shares: As `attention` returns them.
        plan: What cropping at the default place would do.
        width: Of the whole picture, in pixels; likewise `height`.
        height: See `width`.
    """
    left, top, right, bottom = plan.box
    across, down = (right - left) / width, (bottom - top) / height
    middle = (left + right) / 2 / width, (top + bottom) / 2 / height
    if min(across, down) > 1 - LEAST_CUT:
        return None
    sideways = across < down
    window = across if sideways else down
    place = _best_place(shares.sum(0 if sideways else 1), window, DEFAULT_PLACE[0 if sideways else 1])
    if place is None:
        return None
    point = place * (1 - window) + window / 2
    return (point, middle[1]) if sideways else (middle[0], point)


def _best_place(profile: Map, window: float, default: float) -> float | None:
    """Where a window along a profile holds most, 0 for one end and 1 for the other; None for the default place."""
    count = len(profile)
    sums = np.concatenate([[0.0], np.cumsum(profile)])
    places = np.linspace(0.0, 1.0, PLACES)

    def held(where: Any) -> Any:
        starts = np.asarray(where) * (1 - window) * count
        ends = np.interp(starts + window * count, np.arange(count + 1), sums)
        return np.round(ends - np.interp(starts, np.arange(count + 1), sums), 9)

    gains = held(places) - held(default)
    best = int(np.argmax(np.round(gains - PULL * np.abs(places - default), 9)))
    return float(places[best]) if gains[best] >= GAIN else None


def _small(image: Image.Image, profile: bytes | None) -> Image.Image:
    if image.mode == "LAB":  # its colours cannot be averaged as they are stored
        image, profile = to_srgb(image, profile), None
    ratio = min(1.0, LOOK_PX / max(image.size))
    size = max(1, round(image.width * ratio)), max(1, round(image.height * ratio))
    return flattened(to_srgb(image.resize(size, Image.Resampling.BOX), profile), GREY)


def _opponent(image: Image.Image) -> Map:
    """Lightness, red against it, blue against it."""
    pixels = np.asarray(image, np.float64) / 255
    light = pixels[..., 0] * 0.299 + pixels[..., 1] * 0.587 + pixels[..., 2] * 0.114
    return np.stack([light, pixels[..., 0] - light, (pixels[..., 2] - light) * 0.7], -1)


def _blurred(values: Map, sigma: float) -> Map:
    down, across = (_weights(side, sigma) for side in values.shape[:2])
    return np.einsum("ij,jkc,lk->ilc", down, values, across, optimize=True)


def _weights(side: int, sigma: float) -> Map:
    at = np.arange(side)
    weights = np.exp(-((at[:, None] - at[None, :]) ** 2) / (2 * sigma**2))
    return weights / weights.sum(1, keepdims=True)


def _shares(values: Map) -> Map:
    total = values.sum()
    return values / total if total > 1e-9 else np.full(values.shape, 1 / values.size)
