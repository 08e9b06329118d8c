"""Skylines: rows of buildings with lit windows, fading into the distance."""

from __future__ import annotations

from typing import Any

import numpy as np

from .canvas import Canvas, colour
from .noise import mixed
from .terrain import Land

__all__ = ["paint_city"]

WINDOW_INKS = ("#ffd89a", "#ffe7c0", "#ffc877", "#cfe4ff")
NEON_INKS = ("#ff5fc8", "#5fd8ff", "#ffd36e", "#b48cff")


def paint_city(land: Land, base: float) -> None:
    """Paint four rows of buildings that stand on a row of pixels."""
    canvas, mood = land.canvas, land.mood
    dark = max(mood.stars, 0.75 * mood.backlit)
    for row, (far, tall) in enumerate(((0.74, 0.30), (0.52, 0.37), (0.30, 0.30), (0.06, 0.19))):
        _row(land, row, base, far, tall * canvas.unit, dark)
    if dark > 0.3:
        rows = slice(max(0, int(base - 0.25 * canvas.unit)), min(canvas.height, int(base) + 1))
        rise = (base - np.arange(rows.start, rows.stop, dtype=np.float32))[:, None] / (0.25 * canvas.unit)
        canvas.shine(colour(mood.sky[-1]), np.exp(-rise * 3.5) * 0.22 * np.ones((1, canvas.width), np.float32), rows)


def _row(land: Land, number: int, base: float, far: float, tall: float, dark: float) -> None:
    canvas = land.canvas
    random = canvas.noise.stream(f"city {number}")
    heights = canvas.noise.line(f"blocks {number}", 256, cells=4 * canvas.width / canvas.unit, octaves=3)
    x = -0.02 * canvas.unit
    while x < canvas.width:
        wide = canvas.unit * (0.022 + 0.045 * random.rand() ** 1.3) * (0.8 + 0.14 * number)
        place = float(heights[int(np.clip((x + wide / 2) / canvas.width, 0, 0.999) * 255)])
        high = tall * (0.22 + 1.15 * max(0.0, place - 0.22)) * (0.65 + 0.6 * random.rand())
        if random.rand() < 0.09:
            high *= 1.45
        _building(land, random, (x, base - high, wide, high), far, dark)
        x += wide * (1.0 + (0.25 * random.rand() if random.rand() < 0.3 else 0.02))


def _building(land: Land, random: Any, place: tuple[float, float, float, float], far: float, dark: float) -> None:
    canvas = land.canvas
    x, top, wide, high = place
    albedo = colour(("#6c7480", "#7b7f8a", "#5d6672", "#86807f")[random.randint(4)])
    style = random.rand()
    side = 1 if land.light.x > x else -1
    face = wide * (0.58 + 0.3 * random.rand())
    left, right = (x, x + face) if side < 0 else (x + wide - face, x + wide)
    shade, lit = land.ink(albedo, 0.12, far), land.ink(albedo, 0.75, far)
    canvas.box(x, top, x + wide, top + high, shade)
    canvas.box(left, top, right, top + high, lit)
    middle = x + wide / 2
    if style < 0.16:
        canvas.box(
            middle - 0.0012 * canvas.unit, top - 0.35 * wide - 0.1 * high, middle + 0.0012 * canvas.unit, top, shade
        )
    elif style < 0.34:
        canvas.box(x + 0.22 * wide, top - 0.08 * high, x + 0.78 * wide, top, lit)
    elif style < 0.42:
        canvas.polygons([([(x, top + 1), (x + wide, top + 1), (x + wide if side > 0 else x, top - 0.4 * wide)], lit)])
    # Towards the street the air is thicker.
    rows, columns = canvas.window(x, top, x + wide - 1, top + high)
    down = np.linspace(0, 1, max(1, rows.stop - rows.start), dtype=np.float32)[:, None]
    if columns.stop > columns.start and rows.stop > rows.start:
        canvas.blend(
            land.haze,
            down**1.6 * (0.35 * land.mood.fog + 0.1) * np.ones((1, columns.stop - columns.start)),
            rows,
            columns,
        )
        _windows(land, random, (rows, columns), far, dark)


def _windows(land: Land, random: Any, part: tuple[slice, slice], far: float, dark: float) -> None:
    canvas: Canvas = land.canvas
    rows, columns = part
    height, width = rows.stop - rows.start, columns.stop - columns.start
    pitch = canvas.unit * 0.0085
    across, down = int(width / pitch), int(height / (pitch * 1.35))
    chance, lights = random.rand(), random.rand(40, 160)
    if across < 2 or down < 2 or pitch < 2.4:
        return
    across, down = min(across, 40), min(down, 160)
    x = (np.arange(width) + 0.5) / width * across
    y = (np.arange(height) + 0.5) / height * down
    pane = ((x % 1 > 0.26) & (x % 1 < 0.80))[None, :] & ((y % 1 > 0.25) & (y % 1 < 0.76))[:, None]
    value = lights[np.minimum(x.astype(int), across - 1)[None, :], np.minimum(y.astype(int), down - 1)[:, None]]
    glass = mixed(land.haze, colour(land.mood.sky[1]), 0.5) * (0.75 if dark > 0.3 else 1.0)
    canvas.blend(glass, pane * 0.16 * (1 - far), rows, columns)
    inks = NEON_INKS if land.mood.sky[-1] == "#ff8d77" else WINDOW_INKS
    on = pane & (value < 0.10 + 0.45 * dark * (0.35 + chance))
    strength = on * (0.30 + 0.7 * (value * 977 % 1)) * dark * (1 - 0.75 * far)
    canvas.shine(colour(inks[int(chance * 3.99)]), strength, rows, columns)
