"""Trees and grass: conifers along a crest, single broad trees, palms, blades and flowers in the foreground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .canvas import Canvas
from .noise import mixed, smoothstep

if TYPE_CHECKING:
    from .noise import Plane

__all__ = ["Leaves", "broad_tree", "conifers", "grass", "palm", "tree_line"]


class Leaves(NamedTuple):
    """Colours of leaves or needles.

    Attributes:
        shade: Away from the light.
        lit: Towards it.
        side: -1 when the light comes from the left, 1 from the right.
    """

    shade: Any
    lit: Any
    side: int


def tree_line(canvas: Canvas, name: str, crest: Plane, tallest: float, crowd: float) -> Plane:
    """Raise a crest by the tips of a distant conifer forest.

    Args:
        canvas: Gives width and randomness.
        name: Element it belongs to.
        crest: Pixels from the top, for each column.
        tallest: Height of the tallest tree in pixels.
        crowd: Trees per width of a tree.
    """
    random = canvas.noise.stream(f"{name} tree line")
    rise = np.zeros_like(crest)
    width = max(1.0, tallest * 0.34)
    count = int(min(4000, crowd * canvas.width / width))
    groves = canvas.noise.line(f"{name} groves", canvas.width, cells=5 * canvas.width / canvas.unit, octaves=3)
    for place, tall in zip(random.rand(count) * canvas.width, random.rand(count), strict=True):
        column = int(place)
        size = tallest * (0.35 + 0.65 * tall) * float(smoothstep(0.30, 0.60, groves[column]) * 0.75 + 0.25)
        left, right = max(0, int(place - width)), min(canvas.width, int(place + width) + 1)
        slope = 1 - np.abs(np.arange(left, right) + 0.5 - place) / (0.17 * size + 0.6)
        np.maximum(rise[left:right], size * slope, out=rise[left:right])
    return crest - rise


def conifers(
    canvas: Canvas,
    name: str,
    crest: Plane,
    leaves: Leaves,
    *,
    tall: float,
    count: int,
    clearing: tuple[float, float] = (-1.0, -1.0),
) -> None:
    """Paint single conifers that stand on a crest, smaller ones first.

    Args:
        canvas: To paint on.
        name: Element it belongs to.
        crest: Where the ground is, pixels from the top for each column.
        leaves: Their colours.
        tall: Height of the tallest in pixels.
        count: How many.
        clearing: Columns that stay free of trees, as shares of the width.
    """
    random = canvas.noise.stream(f"{name} conifers")
    sizes = np.sort(tall * (0.35 + 0.65 * random.rand(count) ** 1.6))
    groves = canvas.noise.line(f"{name} stands", 64, cells=6, octaves=2)
    for size in sizes:
        place = random.rand()
        for _ in range(3):  # trees stand together: a place in a clearing is given up for another
            if groves[int(place * 63)] > 0.36 + 0.3 * random.rand():
                break
            place = random.rand()
        if clearing[0] < place < clearing[1]:
            continue
        place *= canvas.width
        foot = float(crest[min(canvas.width - 1, int(place))]) + 0.05 * size
        _conifer(canvas, random, (place, foot), float(size), leaves)


def _conifer(canvas: Canvas, random: Any, place: tuple[float, float], size: float, leaves: Leaves) -> None:
    x, foot = place
    half = size * (0.17 + 0.05 * random.rand())
    rows, columns = canvas.window(x - half * 1.2, foot - size, x + half * 1.2, foot)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    tiers, phase, ragged = 5 + int(min(9.0, size / 22)), random.rand(2), random.rand(2, 24)
    if height < 2 or width < 1:
        return
    down = np.clip((np.arange(rows.start, rows.stop) + 0.5 - (foot - size)) / size, 0, 1)
    away = np.arange(columns.start, columns.stop) + 0.5 - x
    reach = []
    for hand in (0, 1):
        saw = (down * tiers + 0.4 * phase[hand]) % 1.0
        tier = (down * tiers + 0.4 * phase[hand]).astype(np.int32)
        reach.append(half * down**0.85 * (0.42 + 0.58 * saw**0.8) * (0.72 + 0.42 * ragged[hand][np.clip(tier, 0, 23)]))
    edge = np.where(away[None, :] < 0, reach[0][:, None], reach[1][:, None])
    mask = np.clip(edge - np.abs(away)[None, :] + 0.5, 0, 1) * (down < 0.95)[:, None]
    trunk = np.clip(0.022 * size - np.abs(away)[None, :] + 0.5, 0, 1) * (down > 0.6)[:, None]
    mask = np.maximum(mask, trunk)
    light = (
        np.clip(0.30 + 0.75 * leaves.side * away[None, :] / np.maximum(edge, 1), 0, 1)
        * smoothstep(0.0, 0.25, down)[:, None]
    )
    canvas.blend([mixed(leaves.shade[i], leaves.lit[i], light * 0.85) for i in range(3)], mask, rows, columns)


def broad_tree(canvas: Canvas, x: float, foot: float, size: float, leaves: Leaves, *, bark: Any, flat: bool) -> None:
    """Paint one broad tree: a forked trunk under a crown of leaves, flat on top like an acacia or round."""
    random = canvas.noise.stream("broad tree")
    wide = size * (0.60 if flat else 0.44)
    crown = foot - size * (0.80 if flat else 0.64)
    girth = 0.036 * size
    shapes: list[Any] = []
    trunk = [(x + sign * girth * (0.62 + 1.3 * np.exp(-s * 9) + 0.25 * (1 - s)), foot - s * size * 0.42) for sign, s in
             [(-1, k / 8) for k in range(9)] + [(1, k / 8) for k in range(8, -1, -1)]]  # fmt: skip
    shapes.append((trunk, bark))
    for lean in (-0.85, -0.45, -0.12, 0.25, 0.55, 0.9):
        tip = (x + lean * wide * 0.85, crown + size * (0.16 * abs(lean) - 0.06))
        fork = (x + lean * girth * 0.5, foot - size * (0.42 - 0.14 * abs(lean)))
        bend = (mixed(fork[0], tip[0], 0.55), mixed(fork[1], tip[1], 0.40))
        thin = girth * 0.36
        shapes.append(
            (
                [
                    (fork[0] - thin, fork[1]),
                    (bend[0] - thin * 0.6, bend[1]),
                    tip,
                    (bend[0] + thin * 0.6, bend[1] + thin * 0.5),
                    (fork[0] + thin, fork[1]),
                ],
                bark,
            )
        )
    canvas.polygons(shapes)
    rows, columns = canvas.window(x - wide * 1.35, crown - size * 0.42, x + wide * 1.35, crown + size * 0.42)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    if height < 3 or width < 3:
        return
    y, across = np.mgrid[rows, columns].astype(np.float32) + 0.5
    field = np.full((height, width), -9.0, np.float32)
    light = np.zeros((height, width), np.float32)
    for number in range(26):
        angle, far = number * 2.399963, ((number + 0.5) / 26) ** 0.55  # the sunflower's even spread
        cx, cy = x + np.cos(angle) * far * wide * 0.80, crown + np.sin(angle) * far * size * (0.075 if flat else 0.235)
        radius = size * (0.095 + 0.075 * random.rand())
        dx, dy = (across - cx) / np.float32(radius), (y - cy) * (1.9 if flat else 1.12) / np.float32(radius)
        lump = 1 - np.hypot(dx, dy)
        light = np.where(lump > field, 0.5 + 0.30 * leaves.side * dx - 0.42 * dy, light)
        field = np.maximum(field, lump)
    flutter = canvas.noise.field(
        "leaves", width, height, across=30 * width / size, down=30 * height / size, octaves=3, gain=0.75
    ) - np.float32(0.5)
    mask = smoothstep(-0.03, 0.07, field + flutter * 0.75)
    toward = leaves.side * (across - x) / wide * 0.30 - (y - crown) / (size * 0.40) * 0.45
    shine = np.clip(0.34 + 0.45 * (light - 0.5) + toward + flutter * 1.5, 0, 1)
    canvas.blend([mixed(leaves.shade[i], leaves.lit[i], shine) for i in range(3)], mask, rows, columns)


def palm(canvas: Canvas, x: float, foot: float, size: float, *, ink: Any, rim: Any, lean: float) -> None:
    """Paint a palm that leans to one side (`lean` is a share of its height)."""
    random = canvas.noise.stream(f"palm {lean:.2f} {size / canvas.unit:.3f}")
    steps = np.linspace(0, 1, 18)
    spine = [(x + lean * size * s**1.7, foot - size * s) for s in steps]
    girth = [size * (0.017 - 0.008 * s + 0.010 * np.exp(-s * 14)) for s in steps]
    trunk = [(p[0] - g, p[1]) for p, g in zip(spine, girth, strict=True)]
    trunk += [(p[0] + g, p[1]) for p, g in zip(reversed(spine), reversed(girth), strict=True)]
    shapes: list[tuple[list[tuple[float, float]], Any]] = [(trunk, mixed(ink, np.array([0.36, 0.27, 0.2]), 0.5))]
    top = spine[-1]
    angles = np.linspace(-0.55, np.pi + 0.55, 13) + 0.2 * (random.rand(13) - 0.5)
    for number in np.argsort(np.abs(angles - np.pi / 2))[::-1]:
        long = size * (0.36 + 0.12 * random.rand())
        share = mixed(0.15, 0.9, random.rand())
        shapes += _frond(top, float(angles[number]), long, mixed(ink, rim, share))
    canvas.polygons(shapes)


def _frond(
    top: tuple[float, float], angle: float, long: float, ink: Any
) -> list[tuple[list[tuple[float, float]], Any]]:
    """One arched frond: a rib, and leaflets that hang from it."""
    steps = np.linspace(0, 1, 26)
    rib_x = top[0] + np.cos(angle) * long * steps * (1 - 0.18 * steps**2)
    rib_y = top[1] - np.sin(angle) * long * steps * 0.80 + long * 0.62 * steps**2.3
    ahead_x, ahead_y = np.gradient(rib_x), np.gradient(rib_y)
    shapes: list[tuple[list[tuple[float, float]], Any]] = []
    for i in range(1, 26):
        leaf = long * 0.30 * np.sin(np.pi * min(1.0, steps[i] * 0.92 + 0.06)) ** 0.8
        norm = max(1e-6, float(np.hypot(ahead_x[i], ahead_y[i])))
        for hand in (-1, 1):
            dx = ahead_x[i] / norm * 0.75 - hand * ahead_y[i] / norm * 0.55
            dy = ahead_y[i] / norm * 0.75 + hand * ahead_x[i] / norm * 0.55 + 0.55
            tip = (rib_x[i] + dx * leaf, rib_y[i] + dy * leaf)
            half = long * 0.013
            shapes.append(([(rib_x[i] - half, rib_y[i] - half), (rib_x[i] + half, rib_y[i] + half), tip], ink))
    return shapes


def grass(canvas: Canvas, top: float, *, ink: Any, tip: Any, flowers: Any | None = None) -> None:
    """Paint blades of grass, and maybe flowers, along the bottom edge; `top` is where the tallest reach, in pixels."""
    random = canvas.noise.stream("grass")
    reach = canvas.height - top
    if reach < 4:
        return
    clumps = canvas.noise.line("clumps", 256, cells=9, octaves=3)
    for row in range(3):
        count = round(150 * canvas.width / canvas.unit)
        near = (row + 1) / 3
        for _ in range(count):
            place = random.rand()
            tall = (
                reach
                * (0.35 + 0.65 * random.rand() ** 1.5)
                * (0.35 + 0.9 * float(clumps[int(place * 255)]))
                * near**0.5
            )
            lean, thick = (random.rand() - 0.45) * tall * 0.5, max(0.5, 0.0016 * canvas.unit * (0.6 + near))
            _blade(canvas, place * canvas.width, tall, lean, thick, mixed(ink, tip, 0.25 + 0.5 * (1 - near)), tip)
    if flowers is None:
        return
    for _ in range(round(90 * canvas.width / canvas.unit)):
        place, height, petal = random.rand() * canvas.width, random.rand() ** 0.8, flowers[random.randint(len(flowers))]
        y = canvas.height - reach * (0.10 + 0.72 * (1 - height))
        radius = canvas.unit * 0.0062 * (0.45 + 0.9 * height)
        canvas.disc((place, y), radius, petal, 0.95)
        canvas.disc((place - radius * 0.2, y - radius * 0.3), radius * 0.45, mixed(petal, np.float32(1), 0.45), 0.8)


def _blade(canvas: Canvas, x: float, tall: float, lean: float, thick: float, ink: Any, tip: Any) -> None:
    rows, columns = canvas.window(
        min(x, x + lean) - thick, canvas.height - tall, max(x, x + lean) + thick, canvas.height
    )
    if rows.stop <= rows.start or columns.stop <= columns.start:
        return
    up = (canvas.height - (np.arange(rows.start, rows.stop) + 0.5)) / tall
    middle = x + lean * up**1.8
    away = np.abs(np.arange(columns.start, columns.stop)[None, :] + 0.5 - middle[:, None])
    mask = np.clip(thick * (1.15 - up)[:, None] - away + 0.5, 0, 1)
    canvas.blend([mixed(ink[i], tip[i], (up * 0.8)[:, None]) for i in range(3)], mask, rows, columns)
