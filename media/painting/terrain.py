"""Land: mountain ranges, hills, dunes, mesas and fields, fading into the distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .canvas import Canvas, colour
from .noise import enlarged, lattice_field, mixed, room, smoothstep
from .scenery import Mood
from .sky import Light

if TYPE_CHECKING:
    from .noise import Plane

__all__ = ["Ground", "Land", "paint_dunes", "paint_hill", "paint_mesas", "paint_range"]


class Land:
    """How the land of a scene is lit and coloured.

    Attributes:
        ambient, direct, haze: Colours of the shade, of light on slopes, and of distance.
    """

    def __init__(self, canvas: Canvas, mood: Mood, light: Light, *, snowy: bool) -> None:
        self.canvas, self.mood, self.light = canvas, mood, light
        self.backlit = mood.backlit * (0.3 if snowy else 1.0)  # snow shines even against the light
        self.ambient = colour(mood.ambient)
        self.direct = light.ink * np.float32(mood.direct)
        self.haze = colour(mood.haze)
        self.shape = colour(mood.sky[0]) * np.float32(0.42)

    def ink(self, albedo: Any, lit: Any, far: float, mist: Any = 0.0) -> list[Any]:
        """Colour of a surface.

        Args:
            albedo: Its own colour, or planes of it.
            lit: How much of the direct light reaches it, 0 to 1.
            far: Distance, 0 to 1.
            mist: Mist before it, 0 to 1, on top of what distance does.
        """
        shape = self.backlit * (1 - far) ** 1.6
        veil = far + (1 - far) * mist
        seen = [albedo[i] * (self.ambient[i] + lit * self.direct[i]) for i in range(3)]
        seen = [mixed(seen[i], self.shape[i], shape) for i in range(3)]
        return [mixed(seen[i], self.haze[i], veil) for i in range(3)]

    def toward(self, width: int) -> Plane:
        """For each column, 1 when the light is to its right, -1 to its left, smooth between; shape (1, width)."""
        offset = (self.light.x - np.arange(width, dtype=np.float32) - 0.5) / self.canvas.width
        return (np.sign(offset) * smoothstep(0, 0.10, np.abs(offset)))[None, :].astype(np.float32)


@dataclass(frozen=True)
class Ground:
    """What a piece of land is made of, and how far away it is.

    Attributes:
        albedo: Its colour, `#rrggbb`.
        far: Distance, 0 to 1.
        depth: Pixels over which light and mist change from the crest downwards.
        fog: Thickness of the mist at its foot, 0 to 1.
    """

    albedo: str
    far: float
    depth: float
    fog: float = 0.5


def paint_range(
    land: Land,
    name: str,
    crest: Plane,
    ground: Ground,
    *,
    relief: float = 1.0,
    snow: float = 0.0,
    bottom: float | None = None,
) -> None:
    """Paint everything under a crest line.

    Args:
        land: Light and colours.
        name: Element it belongs to.
        crest: Height of the line for each column, in pixels from the top.
        ground: What it is made of.
        relief: Strength of lit and shaded faces, 0 to 1.
        snow: How far snow reaches down, as a share of the heights of the crest.
        bottom: Row below which something else will cover it.
    """
    canvas = land.canvas
    top = int(max(0, np.floor(crest.min()) - 1))
    end = canvas.height if bottom is None else int(min(canvas.height, bottom))
    if top >= end:
        return
    rows = slice(top, end)
    below = (np.arange(top, end, dtype=np.float32) + 0.5)[:, None] - crest[None, :]
    mask = np.clip(below + 0.5, 0, 1)
    down = np.clip(below / np.float32(ground.depth), 0, 1)
    lit, steep = _faces(land, name, crest, down, relief)
    inks: list[Any] = list(colour(ground.albedo))
    if snow:
        cap = _snow(canvas, name, crest, down, snow, steep, top)
        inks = [mixed(inks[i], (0.95, 0.97, 1.0)[i], cap) for i in range(3)]
    canvas.blend(land.ink(inks, lit, ground.far, ground.fog * smoothstep(0.25, 1.0, down)), mask, rows)


def paint_hill(
    land: Land, name: str, crest: Plane, ground: Ground, *, snow: bool = False, trees: Plane | None = None
) -> None:
    """Paint a gentle hill under a crest line: soft light, a bright rim, mist at its foot.

    Arguments as for `paint_range`; `snow` covers all of it, `trees` is a line above the crest up to which a forest reaches.
    """
    canvas = land.canvas
    ground_line, crest = crest, crest if trees is None else trees
    top = int(max(0, np.floor(crest.min()) - 1))
    if top >= canvas.height:
        return
    rows = slice(top, canvas.height)
    row = (np.arange(top, canvas.height, dtype=np.float32) + 0.5)[:, None]
    below = row - ground_line[None, :]
    down = np.clip(below / np.float32(ground.depth), 0, 1)
    height, width = down.shape
    small = max(1, width // 4), max(1, height // 4)
    cells = 3.0 * width / canvas.unit, 16.0 * height / canvas.unit
    broad = enlarged(
        canvas.noise.field(f"{name} swells", *small, across=cells[0], down=cells[1], octaves=3), width, height
    )
    broad = broad - np.float32(0.5)
    slope = np.tanh(_slope(ground_line, max(1, int(canvas.unit * 0.03))) * 2.2)[None, :] * land.toward(width)
    rim = np.exp(-np.maximum(below, 0) / np.float32(0.016 * canvas.unit))
    lit = np.clip(0.40 + 0.34 * slope * (1 - 0.6 * down) + 1.0 * broad + 0.35 * rim - 0.22 * down, 0, 1)
    if trees is not None:  # a forest is darker than what it grows on, most of all at its edge
        lit = lit * mixed(0.55, 1.0, np.clip(down * 2.5, 0, 1))
    inks = (0.93, 0.96, 1.0) if snow else colour(ground.albedo)
    mask = np.clip(row - crest[None, :] + 0.5, 0, 1)
    canvas.blend(land.ink(inks, lit, ground.far, ground.fog * smoothstep(0.30, 1.0, down)), mask, rows)


def paint_dunes(land: Land, name: str, crest: Plane, ground: Ground) -> None:
    """Paint a dune under a crest line: a lit and a shaded face that meet in a winding edge, and ripples."""
    canvas = land.canvas
    top = int(max(0, np.floor(crest.min()) - 1))
    if top >= canvas.height:
        return
    rows = slice(top, canvas.height)
    below = (np.arange(top, canvas.height, dtype=np.float32) + 0.5)[:, None] - crest[None, :]
    down = np.clip(below / np.float32(ground.depth), 0, 1)
    height, width = down.shape
    small = max(2, width // 3), max(2, height // 3)
    winding = canvas.noise.field(
        f"{name} edge", *small, across=1.6 * width / canvas.unit, down=3.0 * height / canvas.unit, octaves=2
    )
    winding = enlarged(winding - np.float32(0.5), width, height)
    column = np.arange(width, dtype=np.float32)[None, :] + winding * (0.10 + 0.75 * down) * canvas.unit
    slope = _slope(crest, max(1, int(canvas.unit * 0.008)))
    smooth = np.convolve(np.pad(slope, 4, mode="edge"), np.ones(9) / 9, mode="valid").astype(np.float32)
    face = np.tanh(smooth * 3.0)[np.clip(column, 0, width - 1).astype(np.int32)] * land.toward(width)
    waves = np.sin((below / canvas.unit * (240 - 120 * (1 - ground.far)) + winding * 46).astype(np.float32))
    lit = np.clip(
        0.52 + 0.48 * face * (1 - 0.45 * down) + 0.035 * waves * (1 - ground.far) * smoothstep(0.04, 0.3, down), 0, 1
    )
    canvas.blend(
        land.ink(colour(ground.albedo), lit, ground.far, 0.25 * smoothstep(0.3, 1.0, down)),
        np.clip(below + 0.5, 0, 1),
        rows,
    )


def paint_mesas(land: Land, name: str, crest: Plane, ground: Ground) -> None:
    """Paint table mountains under a crest line, with layers of rock and a slope of rubble at their foot."""
    canvas = land.canvas
    top = int(max(0, np.floor(crest.min()) - 1))
    if top >= canvas.height:
        return
    rows = slice(top, canvas.height)
    row = (np.arange(top, canvas.height, dtype=np.float32) + 0.5)[:, None]
    below = row - crest[None, :]
    down = np.clip(below / np.float32(ground.depth), 0, 1)
    height, width = down.shape
    small = max(2, width // 2), max(2, height // 2)
    rough = canvas.noise.field(
        f"{name} rock", *small, across=26 * width / canvas.unit, down=5 * height / canvas.unit, octaves=3
    )
    rough = enlarged(rough - np.float32(0.5), width, height)
    layers = canvas.noise.line(f"{name} layers", 512, cells=34, octaves=3)
    place = np.clip((row / canvas.height + rough * 0.012) * 511, 0, 511).astype(np.int32)
    band = layers[place] - np.float32(0.5)
    slope = np.tanh(_slope(crest, max(1, int(canvas.unit * 0.02))) * 0.8)[None, :] * land.toward(width)
    lit = np.clip(0.46 + 0.30 * slope + rough * 1.1 + 0.25 * band, 0, 1)
    inks = [
        channel * (1 + weight * band) for channel, weight in zip(colour(ground.albedo), (0.35, 0.6, 0.7), strict=True)
    ]
    canvas.blend(land.ink(inks, lit, ground.far, 0.45 * smoothstep(0.3, 1.0, down)), np.clip(below + 0.5, 0, 1), rows)


def _faces(land: Land, name: str, crest: Plane, down: Plane, relief: float) -> tuple[Plane, Plane]:
    """How much light the faces catch, and how steep they are, both 0 to 1.

    Spurs are the crests of a folded noise; a face is lit when its spur falls towards the light. Near the sky line the
    slope of the line itself counts.
    """
    canvas = land.canvas
    height, width = down.shape
    small_width, small_height = max(2, width // 2), max(2, height // 2)
    random = canvas.noise.stream(f"{name} spurs")
    total = np.zeros((small_height, small_width), np.float32)
    strength = 1.0
    for octave in range(5):
        across, deep = (2.6 * width / canvas.unit) * 2**octave, (2.2 * height / canvas.unit) * 2**octave
        lattice = random.rand(room(deep), room(across)).astype(np.float32)
        total += strength * (1 - np.abs(2 * lattice_field(lattice, small_width, small_height, across, deep) - 1))
        strength *= 0.48
    slope: Plane = np.asarray(np.gradient(total, axis=1), np.float32)
    slope = enlarged(slope / np.float32(max(1e-6, float(slope.std()))), width, height)
    line = _slope(crest, max(1, int(canvas.unit * 0.012)))[None, :]
    lean = mixed(np.tanh(line * 1.5) * 1.2 + slope * 0.5, slope, np.clip(down * 4, 0, 1))
    lit = np.clip(0.45 + relief * 0.55 * np.tanh(lean * land.toward(width) * 1.3), 0, 1)
    return lit.astype(np.float32), np.clip(np.abs(slope) * 0.5, 0, 1).astype(np.float32)


def _slope(crest: Plane, reach: int) -> Plane:
    padded = np.pad(crest, reach, mode="edge")
    return (padded[2 * reach :] - padded[: -2 * reach]) / np.float32(2 * reach)


def _snow(canvas: Canvas, name: str, crest: Plane, down: Plane, snow: float, steep: Plane, top: int) -> Plane:
    """Snow lies above a ragged line, less on steep faces."""
    height, width = down.shape
    small = max(1, width // 2), max(1, height // 2)
    cells = 18 * width / canvas.unit, 14 * height / canvas.unit
    edge = canvas.noise.field(f"{name} snow", *small, across=cells[0], down=cells[1], octaves=5, gain=0.65)
    edge = enlarged(edge - np.float32(0.5), width, height)
    highest, lowest = float(crest.min()), float(crest.max())
    row = (np.arange(top, top + height, dtype=np.float32) + 0.5)[:, None]
    altitude = (row - highest) / max(1.0, lowest - highest)  # 0 at the highest peak, 1 at the lowest saddle
    return smoothstep(0.05, -0.05, altitude - snow + edge * 0.9 + (steep - 0.4) * 0.55)
