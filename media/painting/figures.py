"""Figures in a landscape: lighthouse, boats, balloons, cabin, birds, rainbow."""

from __future__ import annotations

from typing import Any

import numpy as np

from .canvas import Canvas, Point, colour
from .noise import mixed, smoothstep
from .terrain import Land

__all__ = ["balloons", "birds", "boat", "cabin", "lighthouse", "rainbow"]

SAILS = ("#f5ede0", "#f2d9b8", "#e8eef2", "#d8694f")
BALLOONS = (
    ("#d94f3d", "#f3e3c3"),
    ("#e9a13b", "#fbf1dc"),
    ("#3f7cac", "#f4efe6"),
    ("#6b4c9a", "#f0d8a8"),
    ("#2f9c95", "#f6f0de"),
)


def _bar(left: float, top: float, right: float, bottom: float, taper: float = 0.0) -> list[Point]:
    return [(left + taper, top), (right - taper, top), (right, bottom), (left, bottom)]


def lighthouse(land: Land, x: float, foot: float, size: float) -> None:
    """Paint a lighthouse on its rock; `foot` is the row where the tower stands, `size` its height, in pixels."""
    canvas, mood = land.canvas, land.mood
    u, top = size / 10, foot - size
    lamp = (x, top - 0.55 * u)
    dim = max(mood.stars, 0.9 * mood.backlit, 0.55 * (mood.fog > 0.9), 0.6 * (mood.direct < 0.2))
    if dim > 0.2:
        _beams(canvas, lamp, size, dim)
    bands = _tower(land, x, foot, size)
    dark, roof = _shade(land, "#3a3f4a", 0.3), _shade(land, "#a8362f", 0.6)
    bands += [
        (_bar(x - 0.85 * u, top - 0.12 * u, x + 0.85 * u, top + 0.12 * u), dark),
        (
            _bar(x - 0.45 * u, top - 0.95 * u, x + 0.45 * u, top - 0.12 * u),
            np.array([1.0, 0.93, 0.72]) if dim > 0.2 else _shade(land, "#cfe3ea", 0.7),
        ),
        (_bar(x - 0.06 * u, top - 0.95 * u, x + 0.06 * u, top - 0.12 * u), dark),
        ([(x - 0.66 * u, top - 0.90 * u), (x + 0.66 * u, top - 0.90 * u), (x, top - 1.55 * u)], roof),
        (_bar(x - 0.04 * u, top - 1.95 * u, x + 0.04 * u, top - 1.5 * u), dark),
    ]
    for window in (0.22, 0.52, 0.78):
        middle = foot - size * window
        bands.append((_bar(x - 0.11 * u, middle - 0.22 * u, x + 0.11 * u, middle + 0.15 * u), dark))
    canvas.polygons(bands)
    if dim > 0.2:
        canvas.glow(lamp, 0.55 * u, (1.0, 0.93, 0.74), 0.9 * dim)
        canvas.glow(lamp, 2.4 * u, (1.0, 0.88, 0.62), 0.40 * dim)


def _shade(land: Land, text: str, lit: float) -> Any:
    """A painted surface near by: a fifth of its colour stays whatever the light."""
    return np.clip(np.stack(land.ink(colour(text), lit, 0.05)) * 0.8 + colour(text) * 0.2, 0, 1)


def _tower(land: Land, x: float, foot: float, size: float) -> list[tuple[list[Point], Any]]:
    """Six bands of red and white, each of six strips from lit to shaded, which make the tower round."""
    side = 1 if land.light.x > x else -1
    shapes: list[tuple[list[Point], Any]] = []
    for band in range(6):
        low, high = foot - size * band / 6, foot - size * (band + 1) / 6
        wide_low, wide_high = (size / 10 * (1.02 - 0.42 * k / 6) for k in (band, band + 1))
        text = "#f3ece0" if band % 2 == 0 else "#c8433a"
        for strip in range(6):
            a, b = (-1 + 2 * strip / 6, -1 + 2 * (strip + 1) / 6)
            lit = 0.5 + 0.5 * np.cos(np.pi * (0.5 * (a + b) - 0.55 * side) / 1.7)
            upper = [(x + a * wide_high, high), (x + b * wide_high + 0.4, high)]
            lower = [(x + b * wide_low + 0.4, low), (x + a * wide_low, low)]
            shapes.append((upper + lower, _shade(land, text, lit)))
    return shapes


def _beams(canvas: Canvas, lamp: Point, size: float, strength: float) -> None:
    rows, columns = canvas.window(0, lamp[1] - size, canvas.width, lamp[1] + size)
    y = (np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5 - lamp[1])[:, None]
    x = (np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5 - lamp[0])[None, :]
    far = np.abs(x)
    for side, tilt in ((1, -0.06), (-1, 0.035)):
        width = 0.03 * size + 0.085 * far
        beam = np.exp(-(((y - tilt * x * side) / width) ** 2)) * np.exp(-far / (size * 2.6)) * (x * side > 0)
        canvas.shine((1.0, 0.94, 0.78), beam * smoothstep(0, 0.1 * size, far) * 0.42 * strength, rows, columns)


def boat(land: Land, x: float, line: float, size: float) -> None:
    """Paint a sailing boat whose hull meets the water at a row of pixels, and its broken reflection."""
    canvas = land.canvas
    random = canvas.noise.stream("boat")
    side = 1 if random.rand() < 0.5 else -1
    sail = colour(SAILS[random.randint(4)])
    hull = np.stack(land.ink(colour("#5a3d31"), 0.3, 0.0))
    bright, shaded = np.stack(land.ink(sail, 0.9, 0.12)), np.stack(land.ink(sail * 0.86, 0.45, 0.10))
    u = size / 10

    def at(px: float, py: float) -> Point:
        return x + side * px * u, line - py * u

    main = [at(0.1, 1.3)] + [
        at(0.1 + 3.3 * s + 0.7 * np.sin(np.pi * s), 9.2 * (1 - s) + 1.45 * s) for s in np.linspace(0, 1, 10)
    ]
    jib = [at(-0.25, 1.5)] + [
        at(-0.25 - 2.7 * s - 0.25 * np.sin(np.pi * s), 8.2 * (1 - s) + 1.3 * s) for s in np.linspace(0, 1, 10)
    ]
    body = [at(-3.6, 1.15), at(3.9, 1.0), at(3.5, 0.25), at(3.0, -0.12), at(-2.4, -0.12), at(-3.0, 0.2)]
    shapes = [
        (main, bright),
        (jib, shaded),
        ([at(-0.12, 9.6), at(0.05, 9.6), at(0.08, 1.0), at(-0.16, 1.0)], hull),
        (body, hull),
    ]
    for shape, ink in shapes:  # mirrored first, so that the hull covers its beginning
        squeezed = [
            (px + np.sin((py - line) * 0.9) * 0.10 * u, line + (line - py) * 0.72 + 0.1 * u) for px, py in shape
        ]
        canvas.polygons([(squeezed, ink * 0.82)], 0.36)
    canvas.polygons(shapes)
    rows, columns = canvas.window(x - 4.4 * u, line - 0.1 * u, x + 4.4 * u, line + 0.25 * u)
    if rows.stop > rows.start and columns.stop > columns.start:
        canvas.shine(
            land.haze, np.full((rows.stop - rows.start, columns.stop - columns.start), 0.16, np.float32), rows, columns
        )


def balloons(land: Land, horizon: float, count: int) -> None:
    """Paint hot-air balloons in the sky, the far ones small and hazy."""
    canvas = land.canvas
    random = canvas.noise.stream("balloons")
    spots: list[tuple[float, float, float]] = []
    for index in range(count):
        near = 1.0 if index == 0 else 0.25 + 0.45 * random.rand()
        best = max(
            ((0.12 + 0.76 * random.rand(), (0.20 + 0.50 * random.rand()) * horizon, near) for _ in range(12)),
            key=lambda spot: min([1.0] + [abs(spot[0] - s[0]) * canvas.aspect + abs(spot[1] - s[1]) for s in spots]),
        )
        spots.append(best)
    for px, py, near in sorted(spots, key=lambda spot: spot[2]):
        _balloon(
            land,
            px * canvas.width,
            py * canvas.height,
            canvas.unit * 0.095 * near,
            BALLOONS[random.randint(5)],
            0.62 * (1 - near),
        )


def _balloon(land: Land, x: float, y: float, radius: float, inks: tuple[str, str], far: float) -> None:
    canvas = land.canvas
    side = 1 if land.light.x > x else -1
    lift = 1 - 0.45 * land.mood.backlit

    def outline(turn: float) -> list[Point]:
        points = []
        for s in np.linspace(0, 1, 22):
            angle = np.pi * (0.5 - s * 0.84)
            wide = np.cos(angle) if angle > 0 else np.cos(angle) ** 1.15
            points.append((x + radius * wide * turn, y - radius * np.sin(angle) * (1.0 if angle > 0 else 1.32)))
        return points

    shapes: list[tuple[list[Point], Any]] = []
    turns = [np.sin(np.pi * (k / 10 - 0.5)) for k in range(11)]
    for k in range(10):
        lit = np.clip(0.5 + 0.55 * side * (turns[k] + turns[k + 1]) / 2, 0, 1)
        ink = np.stack(land.ink(colour(inks[k % 2]), 1.0, far)) * 0.45 + colour(inks[k % 2]) * 0.55 * lift
        ink = mixed(ink * (0.62 + 0.42 * lit), land.haze, far)
        shapes.append((outline(turns[k]) + outline(turns[k + 1])[::-1], np.clip(ink, 0, 1)))
    basket = np.stack(land.ink(colour("#6b4a2f"), 0.3, far))
    low = y + radius * 1.32
    shapes.append(
        (_bar(x - 0.16 * radius, low + 0.26 * radius, x + 0.16 * radius, low + 0.48 * radius, -0.02 * radius), basket)
    )
    for sign in (-1, 1):
        cord = x + sign * 0.15 * radius
        shapes.append(
            (
                [
                    (cord - 0.015 * radius, low - 0.12 * radius),
                    (cord + 0.015 * radius, low - 0.12 * radius),
                    (cord + 0.012 * radius, low + 0.28 * radius),
                    (cord - 0.012 * radius, low + 0.28 * radius),
                ],
                basket,
            )
        )
    canvas.polygons(shapes)


def cabin(land: Land, x: float, foot: float, size: float, *, snow: bool) -> None:
    """Paint a cabin with lit windows; `size` is its width in pixels."""
    canvas = land.canvas
    side = 1 if land.light.x > x else -1
    u = size / 10
    wall, gable = np.stack(land.ink(colour("#7a5238"), 0.25, 0.05)), np.stack(land.ink(colour("#8d6144"), 0.6, 0.05))
    roof = np.stack(land.ink(colour("#eef3fa" if snow else "#4a4348"), 0.7 if snow else 0.35, 0.03))
    warm = (
        np.array([1.0, 0.82, 0.46])
        if land.mood.backlit > 0.25 or land.mood.direct < 0.4
        else np.array([0.75, 0.82, 0.86])
    )

    def at(px: float, py: float) -> Point:
        return x + side * px * u, foot - py * u

    shapes: list[tuple[list[Point], Any]] = [
        ([at(-2.4, 5.6), at(-2.4, 7.4), at(-3.2, 7.4), at(-3.2, 5.0)], wall),
        ([at(-5, 0), at(1.6, 0), at(1.6, 3.3), at(-5, 3.3)], wall),
        ([at(1.6, 0), at(5, 0), at(5, 3.3), at(3.3, 6.0), at(1.6, 3.3)], gable),
        ([at(-5.7, 2.9), at(1.3, 2.9), at(3.3, 6.5), at(-3.7, 6.5)], roof),
        ([at(3.3, 6.5), at(5.7, 2.8), at(5.2, 2.8), at(3.3, 5.8), at(1.5, 2.8), at(1.2, 2.9)], roof * 0.86),
    ]
    panes = [([at(a, 0.9), at(a + 1.2, 0.9), at(a + 1.2, 2.4), at(a, 2.4)], warm) for a in (-4.1, -1.3)]
    panes.append(([at(2.7, 1.2), at(3.9, 1.2), at(3.9, 2.8), at(2.7, 2.8)], warm))
    canvas.polygons(shapes + panes)
    if warm[2] < 0.5:
        canvas.glow(at(-1.5, 1.5), 3.0 * u, (1.0, 0.72, 0.36), 0.34)


def birds(land: Land, horizon: float, count: int) -> None:
    """Paint a loose flock of distant birds."""
    canvas = land.canvas
    random = canvas.noise.stream("birds")
    middle = (0.2 + 0.6 * random.rand(), (0.22 + 0.30 * random.rand()) * horizon)
    ink = np.stack(land.ink(colour("#2c3038"), 0.1, 0.12))
    for _ in range(count):
        x = (middle[0] + 0.11 * random.standard_normal()) * canvas.width
        y = (middle[1] + 0.055 * random.standard_normal()) * canvas.height
        span = canvas.unit * (0.010 + 0.013 * random.rand())
        lift, tilt = 0.10 + 0.5 * random.rand(), 0.25 * random.standard_normal()
        upper, lower = [], []
        for s in np.linspace(-1, 1, 15):
            rise = lift * (np.abs(s) ** 0.8 - 0.9 * s * s) * 1.8 + tilt * s * 0.4
            thick = 0.10 * (1 - np.abs(s)) ** 0.7 + 0.02
            upper.append((x + s * span, y - (rise + thick) * span))
            lower.append((x + s * span, y - (rise - thick * 0.6) * span))
        canvas.polygons([(upper + lower[::-1], ink)])


def rainbow(canvas: Canvas, horizon: float, light_x: float) -> None:
    """Add a rainbow opposite the light."""
    x0 = canvas.width * (0.30 if light_x > canvas.width / 2 else 0.70)
    y0, radius = canvas.height * (horizon + 0.12), canvas.unit * 0.62
    rows = slice(0, min(canvas.height, int(canvas.height * (horizon + 0.04))))
    y = (np.arange(rows.stop, dtype=np.float32) + 0.5)[:, None] - y0
    x = (np.arange(canvas.width, dtype=np.float32) + 0.5)[None, :] - x0
    place = (np.sqrt(x * x + y * y) - radius) / (0.045 * canvas.unit)
    fade = smoothstep(0, 0.30 * canvas.height, -y + 0 * x) * 0.5 + 0.5
    for channel, middle in enumerate((0.45, 0.0, -0.45)):
        part = canvas.rgb[channel, rows]
        part += (1 - part) * np.exp(-(((place - middle) / 0.42) ** 2)) * 0.42 * fade
