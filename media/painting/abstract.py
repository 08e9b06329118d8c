"""Pictures without a place: folded gradients, paper waves, stained glass, geometric tiles."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from .canvas import Canvas, from_oklab, gradient
from .noise import enlarged, mixed, smoothstep
from .scenery import Scene
from .sky import sampled

__all__ = ["compose_abstract", "palette"]

STYLES = (
    ("glass", r"glass|mosaic|crystal|window|cathedral|gem"),
    ("tiles", r"geometric|bauhaus|pattern|tile|logo|poster|shapes?\b|grid|retro|music"),
    ("waves", r"wave|paper|layer|ribbon|silk|fabric|flow|fluid|sound"),
    ("mesh", r"gradient|blur|minimal|wallpaper|soft|smooth|marble|ink|paint|smoke|texture"),
)


def palette(canvas: Canvas, scene: Scene, hues: tuple[float, float] = (0, 360)) -> list[Any]:
    """Six colours that go together, dark to light, the last but one an accent of the opposite hue.

    The main hue is the one that the prompt names, else drawn from the range `hues` (degrees in OKLCH).
    """
    random = canvas.noise.stream("palette")
    hue = scene.hue if scene.hue is not None else hues[0] + (hues[1] - hues[0]) * random.rand()
    turn = (18 + 26 * random.rand()) * (1 if random.rand() < 0.5 else -1)
    steps = (
        (0.24, 0.060, -1.0),
        (0.42, 0.115, -0.4),
        (0.58, 0.140, 0.2),
        (0.73, 0.125, 0.9),
        (0.74, 0.150, 180 / turn),
        (0.92, 0.035, 1.6),
    )
    inks: list[Any] = []
    for light, chroma, turns in steps:
        angle = np.deg2rad(hue + turn * turns)
        inks.append(from_oklab(np.array([light, chroma * np.cos(angle), chroma * np.sin(angle)])).astype(np.float32))
    return inks


def compose_abstract(canvas: Canvas, scene: Scene, prompt: str) -> None:
    """Paint an abstract picture in the style that the prompt names, else in one drawn by lot."""
    text = prompt.lower()
    named = [name for name, words in STYLES if re.search(words, text)]
    style = named[0] if named else STYLES[canvas.noise.stream("style").randint(len(STYLES))][0]
    {"glass": _glass, "tiles": _tiles, "waves": _waves, "mesh": _mesh}[style](canvas, palette(canvas, scene))


def _mesh(canvas: Canvas, inks: list[Any]) -> None:
    """A smooth field of colour, folded upon itself, with soft light along the folds."""
    width, height = max(8, canvas.width // 3), max(8, canvas.height // 3)
    noise = canvas.noise
    across, down = 1.3 * canvas.width / canvas.unit, 1.3 * canvas.height / canvas.unit
    first = noise.field("fold x", width, height, across=across, down=down, octaves=2)
    second = noise.field("fold y", width, height, across=across, down=down, octaves=2)
    tile = noise.tile("body", 256, cells=2, octaves=2, gain=0.35)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    scale = 256 / max(width, height) * 0.75
    body = sampled(x * scale + (first - 0.5) * 300, y * scale + (second - 0.5) * 300, tile)[0]
    body = (body - body.min()) / max(1e-6, float(np.ptp(body)))
    ramp = gradient([inks[0], inks[1], inks[2], inks[3], inks[5], mixed(inks[5], inks[4], 0.55), inks[4]], 1024)
    fine = enlarged(body, canvas.width, canvas.height)
    place = np.clip(fine, 0, 1) * 1022
    index = place.astype(np.int32)
    for channel in range(3):
        line = ramp[:, channel]
        canvas.rgb[channel] = line[index] + (line[index + 1] - line[index]) * (place - index)
    slope = np.gradient(body, axis=1) + np.gradient(body, axis=0)
    slope = enlarged(
        np.tanh(slope / max(1e-6, float(slope.std())) * 0.8).astype(np.float32), canvas.width, canvas.height
    )
    canvas.shine((1.0, 1.0, 1.0), np.clip(slope, 0, 1) * 0.16)
    canvas.rgb *= 1 - 0.16 * np.clip(-slope, 0, 1)


def _waves(canvas: Canvas, inks: list[Any]) -> None:
    """Sheets of paper cut into waves, each casting a soft shadow on the one behind."""
    random = canvas.noise.stream("waves")
    ramp = gradient([inks[5], inks[3], inks[2], inks[1], inks[0]], 512)
    canvas.rgb[:] = ramp[0][:, None, None]
    canvas.rgb *= 1.02 - 0.10 * canvas.y
    sun = (canvas.width * (0.25 + 0.5 * random.rand()), canvas.height * (0.24 + 0.1 * random.rand()))
    warm = from_oklab(np.array([0.87, 0.03, 0.115])).astype(np.float32)
    canvas.glow(sun, 0.20 * canvas.unit, warm, 0.5)
    canvas.disc(sun, 0.105 * canvas.unit, warm)
    row = (np.arange(canvas.height, dtype=np.float32) + 0.5)[:, None]
    x = np.linspace(0, 1, canvas.width, dtype=np.float32) * canvas.width / canvas.unit
    count = 9
    for number in range(count):
        t = (number + 1) / count
        phase, pace = random.rand() * 6.283, 2.6 + 2.2 * random.rand()
        bend = 0.6 * np.sin(pace * x + phase) + 0.4 * np.sin(1.7 * pace * x + 2.1 * phase)
        drift = (
            canvas.noise.line(f"wave {number}", canvas.width, cells=1.6 * canvas.width / canvas.unit, octaves=2) - 0.5
        )
        edge = canvas.height * (0.24 + 0.70 * t**1.15) + canvas.unit * (0.055 * bend + 0.10 * drift)
        below = row - edge[None, :].astype(np.float32)
        shadow = np.exp(-np.maximum(-below, 0) / np.float32(0.022 * canvas.unit)) * (below < 0.5)
        canvas.rgb *= 1 - 0.34 * shadow
        ink = ramp[int(t * 505)]
        light = np.clip(below / np.float32(0.30 * canvas.unit), 0, 1)
        paper = [ink[i] * (1.06 - 0.16 * light) for i in range(3)]
        canvas.blend(paper, np.clip(below + 0.5, 0, 1))


def _glass(canvas: Canvas, inks: list[Any]) -> None:
    """Stained glass: cells of a bent grid, lead between them, light from one side."""
    width, height = (canvas.width + 1) // 2, (canvas.height + 1) // 2  # the lead hides the enlarged borders
    noise = canvas.noise
    random = noise.stream("glass")
    grid, longest = 11, max(canvas.width, canvas.height)
    across, down = 3.0 * canvas.width / longest, 3.0 * canvas.height / longest
    bend = [
        noise.field(f"bend {axis}", width, height, across=across, down=down, octaves=3) - np.float32(0.5)
        for axis in "xy"
    ]
    x = ((np.arange(width, dtype=np.float32)[None, :] + 0.5) * 2 / longest) * grid + 1.5 * bend[0]
    y = ((np.arange(height, dtype=np.float32)[:, None] + 0.5) * 2 / longest) * grid + 1.5 * bend[1]
    side = grid + 6
    points = random.rand(side * side, 2).astype(np.float32)
    left, top = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    nearest, second = np.full((height, width), 9.0, np.float32), np.full((height, width), 9.0, np.float32)
    cell = np.zeros((height, width), np.int32)
    for step in range(9):
        over, right = step // 3 - 1, step % 3 - 1
        index = np.clip(top + over + 2, 0, side - 1) * side + np.clip(left + right + 2, 0, side - 1)
        away = (x - (left + right) - points[index, 0]) ** 2 + (y - (top + over) - points[index, 1]) ** 2
        closer = away < nearest
        second = np.where(closer, nearest, np.minimum(second, away))
        nearest = np.where(closer, away, nearest)
        cell = np.where(closer, index, cell)
    shares = random.rand(side * side)
    slant = (np.arange(side * side) % side + np.arange(side * side) // side) / (2 * side)
    ramp = gradient([inks[1], inks[2], inks[3], inks[5]], 256)
    colours = ramp[np.clip((slant * 0.75 + shares * 0.45 - 0.1) * 255, 0, 255).astype(np.int32)]
    colours[shares > 0.84] = mixed(inks[4], np.float32(1), 0.1)
    edge = enlarged(np.sqrt(second) - np.sqrt(nearest), canvas.width, canvas.height)
    grain = noise.field(
        "streaks", width, height, across=9 * canvas.width / longest, down=22 * canvas.height / longest, octaves=4
    )
    glow = (0.72 + 0.55 * grain) * (
        0.90
        + 0.30 * np.exp(-((canvas.x[:, ::2][:, :width] - 0.35) ** 2) * 5 - ((canvas.y[::2][:height] - 0.3) ** 2) * 5)
    )
    for channel in range(3):
        pane = np.repeat(np.repeat(colours[cell, channel] * glow, 2, 0), 2, 1)[: canvas.height, : canvas.width]
        canvas.rgb[channel] = pane
    canvas.shine((1.0, 1.0, 1.0), np.exp(-(((edge - 0.10) / 0.035) ** 2)) * 0.22)
    canvas.blend((0.07, 0.065, 0.09), smoothstep(0.066, 0.034, edge))


def _tiles(canvas: Canvas, inks: list[Any]) -> None:
    """A grid of discs, quarter and half discs, and stripes, flat like a printed poster."""
    random = canvas.noise.stream("tiles")
    fine = 2 if canvas.width * canvas.height > 300_000 else 3
    across = max(1, round(6 * canvas.width / max(canvas.width, canvas.height)))
    size = canvas.width / across
    down = int(np.ceil(canvas.height / size))
    layer = Image.new("RGB", (canvas.width * fine, canvas.height * fine))
    draw = ImageDraw.Draw(layer)
    tones = [tuple(int(v) for v in np.clip(np.asarray(ink) * 255, 0, 255)) for ink in inks]
    weights = np.cumsum([0.16, 0.22, 0.18, 0.16, 0.12, 0.16])
    last = -1
    for number in range(across * down):
        column, line = number % across, number // across
        box = [v * size * fine for v in (column, line, column + 1, line + 1)]
        back = int(np.searchsorted(weights, random.rand()))
        back = (back + 1) % 6 if back == last else back
        front = (back + 2 + random.randint(3)) % 6
        last = back
        draw.rectangle(box, fill=tones[back])
        _motif(draw, random.randint(7), box, tones[front], tones[(front + 2) % 6], random.randint(4))
    planes = np.asarray(layer.resize((canvas.width, canvas.height), Image.Resampling.BOX), np.float32) / 255
    canvas.rgb[:] = planes.transpose(2, 0, 1)
    paper = canvas.noise.field(
        "paper", max(1, canvas.width // 2), max(1, canvas.height // 2), across=60, down=60, octaves=2
    )
    canvas.rgb *= 0.97 + 0.06 * enlarged(paper, canvas.width, canvas.height)


def _motif(draw: ImageDraw.ImageDraw, kind: int, box: list[float], ink: Any, second: Any, turn: int) -> None:
    left, top, right, bottom = box
    size = right - left
    if kind in (0, 1):  # a quarter disc from one corner, maybe with a smaller one on it
        cx, cy = (left, right)[turn % 2], (top, bottom)[turn // 2]
        for radius, tone in ((size, ink), (size * 0.5, second))[: 1 + kind]:
            start = {(0, 0): 0, (1, 0): 90, (1, 1): 180, (0, 1): 270}[turn % 2, turn // 2]
            draw.pieslice((cx - radius, cy - radius, cx + radius, cy + radius), start, start + 90, fill=tone)
    elif kind == 2:
        draw.ellipse((left + 0.16 * size, top + 0.16 * size, right - 0.16 * size, bottom - 0.16 * size), fill=ink)
        draw.ellipse((left + 0.36 * size, top + 0.36 * size, right - 0.36 * size, bottom - 0.36 * size), fill=second)
    elif kind == 3:  # two half discs
        for offset, tone in ((0.0, ink), (0.5, second)):
            if turn % 2:
                draw.pieslice(
                    (left + (offset - 0.5) * size, top, left + (offset + 0.5) * size, bottom), -90, 90, fill=tone
                )
            else:
                draw.pieslice(
                    (left, top + (offset - 0.5) * size, right, top + (offset + 0.5) * size), 0, 180, fill=tone
                )
    elif kind == 4:
        for stripe in range(3):
            edge = (2 * stripe + 0.5) / 6 * size
            place = (
                (left, top + edge, right, top + edge + size / 6)
                if turn % 2
                else (left + edge, top, left + edge + size / 6, bottom)
            )
            draw.rectangle(place, fill=ink)
    elif kind == 5:
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        draw.polygon(corners[:turn] + corners[turn + 1 :], fill=ink)
    else:
        for ring in range(4):
            inset = ring * 0.125 * size
            draw.ellipse((left + inset, top + inset, right - inset, bottom - inset), fill=(ink, second)[ring % 2])
