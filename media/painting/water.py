"""Water: what stands above it mirrored, broken by waves that flatten towards the horizon, with a path of light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .canvas import Canvas, colour
from .noise import mixed, smoothstep
from .scenery import Mood
from .sky import Light, sampled

if TYPE_CHECKING:
    from .noise import Plane

__all__ = ["paint_water"]


def paint_water(canvas: Canvas, mood: Mood, light: Light, line: int, *, rough: float) -> None:
    """Cover the canvas below a row with water.

    Args:
        canvas: Painted down to that row.
        mood: Light of the scene.
        light: Sun or moon.
        line: First row of water.
        rough: 0 a mirror, 1 open sea.
    """
    count = canvas.height - line
    if count < 2 or line < 2:
        return
    rows = slice(line, canvas.height)
    share = ((np.arange(count, dtype=np.float32) + 0.5) / count)[:, None]
    near = count / canvas.unit  # a thin strip of water is far away as a whole
    waves, ripples = _waves(canvas, share, near)
    calm = mixed(0.35, 1.0, rough)
    # Slopes that face the viewer mirror the higher sky; far waves are seen so flat that they stretch the image downwards.
    reach = share * count * mixed(1.0, 1.25, rough)
    push = waves * (2.0 + 30 * share * near) * calm * canvas.unit / 700
    mirrored = np.clip(line - 1 - reach + push * mixed(1.2, 4.0, rough), 0, line - 1).astype(np.int32)
    sideways = ripples * (1.0 + 14 * share * near) * calm * canvas.unit / 700
    column = np.clip(np.arange(canvas.width, dtype=np.float32)[None, :] + sideways, 0, canvas.width - 1).astype(
        np.int32
    )
    deep = colour(mood.sky[1]) * 0.40 + colour(mood.ambient) * 0.28
    # Fresnel: a steep look near the viewer sees into the water, a flat one mirrors.
    body = np.clip(0.10 + 0.52 * share**0.8 + waves * 0.55 * share * calm, 0, 0.9)
    for channel in range(3):
        plane = canvas.rgb[channel]
        seen = plane[mirrored, column]
        plane[rows] = mixed(seen, deep[channel], body)
    crests = smoothstep(0.10, 0.34, waves + 0.5 * ripples) * (0.05 + 0.10 * rough) * smoothstep(0.0, 0.15, share)
    canvas.shine(colour(mood.haze), crests, rows)
    _glitter(canvas, mood, light, share, waves, ripples, rows)
    canvas.shine(colour(mood.haze), np.exp(-share * near * 26) * 0.28 * mixed(0.6, 1.0, mood.fog), rows)


def _waves(canvas: Canvas, share: Plane, near: float) -> tuple[Plane, Plane]:
    """Two fields of waves around 0, finer towards the horizon."""

    noise, side = canvas.noise, 256
    long = noise.tile("waves", side, cells=6, octaves=4, gain=0.55) - np.float32(0.5)
    short = noise.tile("ripples", side, cells=9, octaves=4, gain=0.6) - np.float32(0.5)
    width = canvas.width
    depth = 1 / (share * near + 0.035)  # distance along the water of each row
    across = (np.arange(width, dtype=np.float32)[None, :] / width - 0.5) * (width / canvas.unit)
    u = across * (0.28 + 0.55 * depth**0.5) * 0.16 * side
    v = np.broadcast_to(depth * 0.42 * side, (len(share), width))
    first, second = sampled(u, v, long, short)
    return first * 1.6, second * 1.6


def _glitter(canvas: Canvas, mood: Mood, light: Light, share: Plane, waves: Plane, ripples: Plane, rows: slice) -> None:
    if not mood.body:
        return
    x = (np.arange(canvas.width, dtype=np.float32)[None, :] + 0.5 - light.x) / canvas.unit
    spread = 0.035 + 0.14 * share
    path = np.exp(-((x / spread) ** 2)) + 0.35 * np.exp(-np.abs(x) / (spread * 2.2))
    sparkle = smoothstep(-0.05, 0.30, waves * 0.6 + ripples * 0.8)
    strength = (0.30 + 0.55 * mood.direct + (0.25 if mood.body == "moon" else 0)) * mixed(1.0, 0.55, share)
    canvas.shine(light.ink, np.clip(path * (0.12 + 0.88 * sparkle) * strength, 0, 0.95), rows)
