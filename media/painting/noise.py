"""Deterministic noise for procedural pictures. Its lattices live in a unit square, so a picture keeps its composition at any size."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[Any]

__all__ = ["Noise", "enlarged", "lattice_field", "mixed", "room", "smoothstep"]


def mixed(first: Any, second: Any, share: Any) -> Any:
    """Blend from `first` (share 0) to `second` (share 1)."""
    return first + (second - first) * share


def smoothstep(low: float, high: float, value: Any) -> Any:
    """Rise smoothly from 0 at `low` to 1 at `high` (which may be the smaller one)."""
    span = np.clip((value - low) / (high - low), 0, 1)
    return span * span * (3 - 2 * span)


def enlarged(plane: Plane, width: int, height: int) -> Plane:
    """Scale a smooth plane of floats."""
    source = Image.fromarray(np.ascontiguousarray(plane, np.float32))
    return np.asarray(source.resize((width, height), Image.Resampling.BICUBIC))


def room(cells: float) -> int:
    """Return how many random values to draw for a lattice of that many cells, in few steps.

    The count must not depend on how a size was rounded, or the values that follow in the stream would be others.
    """
    count = 16
    while count < cells + 3.6:
        count *= 2
    return count


def lattice_field(lattice: Plane, width: int, height: int, across: float, down: float) -> Plane:
    """Interpolate random values on a lattice; `across` and `down` are the cells that the picture covers."""
    box = (1.0, 1.0, 1.0 + across, 1.0 + down)
    return np.asarray(Image.fromarray(lattice).resize((width, height), Image.Resampling.BICUBIC, box=box))


class Noise:
    """A family of random streams under one seed.

    Every element of a picture draws from a stream of its own (`stream`), so that one element more or less does not
    change the others. `RandomState` is used because numpy guarantees its stream for ever.
    """

    def __init__(self, *seed: object) -> None:
        self.seed = "\0".join(map(str, seed)).encode("utf-8", "surrogatepass")

    def stream(self, name: str) -> Any:
        """Return the `RandomState` of an element."""
        digest = hashlib.sha256(self.seed + b"\0" + name.encode()).digest()
        return np.random.RandomState(int.from_bytes(digest[:4], "big"))

    def field(
        self, name: str, width: int, height: int, *, across: float, down: float, octaves: int = 5, gain: float = 0.5
    ) -> Plane:
        """Return smooth noise around 0.5, shape (height, width).

        Args:
            name: Element it belongs to.
            width, height: Size in pixels.
            across, down: Cells of the first octave over the whole width and height.
            octaves: Each has twice the cells of the one before.
            gain: Strength of each octave relative to the one before.
        """
        random = self.stream(name)
        total, weight, strength = np.zeros((height, width), np.float32), 0.0, 1.0
        for octave in range(octaves):
            wide, high = across * 2**octave, down * 2**octave
            lattice = random.rand(room(high), room(wide)).astype(np.float32)
            total += strength * lattice_field(lattice, width, height, wide, high)
            weight += strength
            strength *= gain
        return total / np.float32(weight)

    def tile(self, name: str, side: int, *, cells: int, octaves: int = 5, gain: float = 0.5) -> Plane:
        """Return noise around 0.5 that repeats without a seam, shape (side, side)."""
        random = self.stream(name)
        total, weight, strength = np.zeros((side, side), np.float32), 0.0, 1.0
        for octave in range(octaves):
            count = cells << octave
            lattice = np.pad(random.rand(count, count).astype(np.float32), 3, mode="wrap")
            box = (3.0, 3.0, 3.0 + count, 3.0 + count)
            total += strength * np.asarray(
                Image.fromarray(lattice).resize((side, side), Image.Resampling.BICUBIC, box=box)
            )
            weight += strength
            strength *= gain
        return total / np.float32(weight)

    def line(
        self, name: str, count: int, *, cells: float, octaves: int = 6, gain: float = 0.5, ridged: bool = False
    ) -> Plane:
        """Return a curve of `count` points, roughly 0 to 1.

        Args:
            name: Element it belongs to.
            count: Points, usually one per pixel column.
            cells: Cells of the first octave over the whole curve.
            octaves: Each has twice the cells of the one before.
            gain: Strength of each octave relative to the one before.
            ridged: Fold the noise into sharp crests, whose detail is strongest near the top.
        """
        random = self.stream(name)
        place = (np.arange(count, dtype=np.float32) + 0.5) / count
        total, weight, strength = np.zeros(count, np.float32), 0.0, 1.0
        crest: Any = 1.0
        for octave in range(octaves):
            values = random.rand(room(cells * 2**octave)).astype(np.float32)
            exact = place * np.float32(cells * 2**octave)
            index = exact.astype(np.int32)
            share = exact - index
            if not (ridged and octave):
                share = share * share * (3 - 2 * share)
            value = values[index] * (1 - share) + values[index + 1] * share
            if ridged:
                value = (1 - np.abs(2 * value - 1)) ** 1.25
                total += strength * value * crest
                crest = np.clip(0.45 + 0.9 * value, 0, 1) * crest
            else:
                total += strength * value
            weight += strength
            strength *= gain
        return total / np.float32(weight)
