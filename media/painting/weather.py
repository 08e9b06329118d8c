"""Weather before the view: rain, falling snow, banks of mist, lightning."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .canvas import Canvas, colour
from .noise import enlarged, smoothstep
from .scenery import Mood

__all__ = ["paint_lightning", "paint_mist", "paint_rain", "paint_snowfall"]


def paint_mist(canvas: Canvas, mood: Mood, name: str, row: float, thick: float, strength: float) -> None:
    """Lay a bank of mist around a row; `thick` is in pixels."""
    if strength < 0.02:
        return
    rows = slice(int(max(0, row - 3 * thick)), int(min(canvas.height, row + 2 * thick)))
    height = rows.stop - rows.start
    if height < 2:
        return
    small = max(1, canvas.width // 4), max(1, height // 4)
    drift = canvas.noise.field(name, *small, across=4 * canvas.width / canvas.unit, down=3, octaves=3)
    drift = enlarged(drift, canvas.width, height)
    away = (np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] + 0.5 - row) / np.float32(thick)
    fall = np.where(away < 0, np.exp(-((away / 1.5) ** 2)), np.exp(-((away / 0.8) ** 2)))
    edge = smoothstep(-3, -2.2, away) * smoothstep(2, 1.5, away)
    canvas.blend(colour(mood.haze), fall * edge * np.clip(drift * 2.2 - 0.45, 0, 1) * strength, rows)


def paint_rain(canvas: Canvas) -> None:
    """Draw slanted streaks, near ones longer and brighter."""
    random = canvas.noise.stream("rain")
    layer = Image.new("L", (canvas.width, canvas.height))
    draw = ImageDraw.Draw(layer)
    count = round(900 * canvas.width * canvas.height / canvas.unit**2)
    for _ in range(count):
        near = random.rand() ** 2
        long = canvas.unit * (0.018 + 0.05 * near)
        x, y = random.rand() * canvas.width * 1.1, random.rand() * canvas.height * 1.1 - 0.05 * canvas.height
        width = max(1, round(canvas.unit * 0.0011 * (0.6 + near)))
        draw.line((x, y, x - long * 0.22, y + long), fill=int(26 + 60 * near), width=width)
    canvas.shine((0.86, 0.90, 0.95), np.asarray(layer, np.float32) / 255)


def paint_snowfall(canvas: Canvas) -> None:
    """Draw soft flakes of several sizes."""
    random = canvas.noise.stream("snowfall")
    count = round(340 * canvas.width * canvas.height / canvas.unit**2)
    for _ in range(count):
        near = random.rand() ** 3.5
        radius = canvas.unit * (0.0011 + 0.0062 * near)
        centre = (random.rand() * canvas.width, random.rand() * canvas.height)
        rows, columns = canvas.window(
            centre[0] - 2.2 * radius, centre[1] - 2.2 * radius, centre[0] + 2.2 * radius, centre[1] + 2.2 * radius
        )
        if rows.stop <= rows.start or columns.stop <= columns.start:
            continue
        y = (np.arange(rows.start, rows.stop) + 0.5 - centre[1])[:, None] / radius
        x = (np.arange(columns.start, columns.stop) + 0.5 - centre[0])[None, :] / radius
        canvas.blend((1.0, 1.0, 1.0), np.exp(-(x * x + y * y) * 1.1) * (0.85 - 0.35 * near), rows, columns)


def paint_lightning(canvas: Canvas, horizon: float) -> None:
    """Draw a forked bolt with its glow."""
    random = canvas.noise.stream("lightning")
    start = ((0.2 + 0.6 * random.rand()) * canvas.width, 0.05 * canvas.height)
    fine = 3
    layer = (
        Image.new("L", (canvas.width * fine // 1, canvas.height * fine))
        if canvas.unit < 400
        else Image.new("L", (canvas.width * 2, canvas.height * 2))
    )
    fine = layer.width // canvas.width
    draw = ImageDraw.Draw(layer)

    def bolt(x: float, y: float, end: float, power: float) -> None:
        while y < end:
            step = canvas.unit * (0.012 + 0.02 * random.rand())
            nx, ny = x + (random.rand() - 0.5) * 1.7 * step, y + step
            draw.line(
                (x * fine, y * fine, nx * fine, ny * fine),
                fill=int(255 * power),
                width=max(1, round(canvas.unit * 0.0030 * power * fine)),
            )
            if power > 0.5 and random.rand() < 0.09:
                bolt(nx, ny, min(end, ny + (0.06 + 0.15 * random.rand()) * canvas.height), power * 0.45)
            x, y = nx, ny

    bolt(*start, (horizon + 0.02) * canvas.height, 1.0)
    sharp = np.asarray(layer.resize((canvas.width, canvas.height), Image.Resampling.BOX), np.float32) / 255
    small = layer.resize((max(1, canvas.width // 8), max(1, canvas.height // 8)), Image.Resampling.BOX)
    wide = small.resize((max(1, small.width // 4), max(1, small.height // 4)), Image.Resampling.BOX)
    halo = np.asarray(wide.resize((canvas.width, canvas.height), Image.Resampling.BICUBIC), np.float32) / 255
    canvas.shine((0.72, 0.76, 1.0), np.clip(halo * 5, 0, 0.55))
    canvas.shine((0.97, 0.97, 1.0), sharp)
