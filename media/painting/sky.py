"""Skies: colour, sun and moon, stars, clouds in perspective, northern lights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .canvas import Canvas, colour, gradient
from .noise import enlarged, mixed, smoothstep
from .scenery import Mood

if TYPE_CHECKING:
    from .noise import Plane

__all__ = ["Light", "paint_sky", "sampled"]


@dataclass(frozen=True)
class Light:
    """Where the sun or moon stands.

    Attributes:
        x, y: In pixels.
        ink: Its colour.
        radius: Of its disc, in pixels.
    """

    x: float
    y: float
    ink: Any
    radius: float


def paint_sky(canvas: Canvas, mood: Mood, horizon: float, light: Light) -> None:
    """Paint the sky down to a little below the horizon (a share of the height)."""
    bottom = min(canvas.height, int(canvas.height * (horizon + 0.12)) + 2)
    width, height = (canvas.width + 1) // 2, (bottom + 1) // 2
    half = Canvas(width, height, canvas.noise)
    half.unit = canvas.unit / 2
    half.y = ((np.arange(height, dtype=np.float32) + 0.5) * 2 / canvas.height)[:, None]
    _air(half, mood, horizon, light, canvas.aspect, canvas.height)
    if mood.stars and canvas.unit > 60:
        _milky_way(half, mood, horizon)
    for channel in range(3):  # smooth planes at half size: a quarter of the work, no visible loss
        canvas.rgb[channel, :bottom] = enlarged(half.rgb[channel], width * 2, height * 2)[:bottom, : canvas.width]
        canvas.rgb[channel, bottom:] = canvas.rgb[channel, bottom - 1 : bottom]
    if mood.stars:
        _stars(canvas, mood, horizon)
    _body(canvas, mood, light)
    if mood.cover > 0.02:
        _clouds(canvas, mood, horizon, light, bottom)
    if not mood.body and mood.stars >= 1:
        _aurora(canvas, horizon, bottom)


def _air(half: Canvas, mood: Mood, horizon: float, light: Light, aspect: float, full_height: int) -> None:
    ramp = gradient([colour(stop) for stop in mood.sky])
    down = np.clip(half.y / horizon, 0, 1)
    index = (down**1.15 * (len(ramp) - 1)).astype(np.int32)[:, 0]
    exact = np.clip(down[:, 0] ** 1.15 * (len(ramp) - 1) - index, 0, 1)
    after = np.minimum(index + 1, len(ramp) - 1)
    column = ramp[index] + (ramp[after] - ramp[index]) * exact[:, None]
    for channel in range(3):
        half.rgb[channel] = column[:, channel, None]
    x = (half.x - light.x / (half.width * 2)) * aspect
    y = half.y - light.y / full_height
    wide = np.exp(-((x / 0.75) ** 2) - (y / 0.30) ** 2)
    near = np.exp(-np.sqrt(x * x + y * y) / 0.11)
    warmth = 0.25 + 0.35 * mood.direct
    if mood.body:
        half.shine(light.ink, wide * warmth + near * 0.32)
    else:
        half.shine(light.ink, wide * warmth * 0.4)


def _milky_way(half: Canvas, mood: Mood, horizon: float) -> None:
    random = half.noise.stream("milky way")
    slope, middle = 0.5 + 0.5 * random.rand(), 0.25 + 0.5 * random.rand()
    side = 1 if random.rand() < 0.5 else -1
    across = (half.x - middle) * side + (half.y / horizon - 0.5) * slope * 0.6
    cloud = half.noise.field("milky way clouds", half.width, half.height, across=5, down=5, octaves=5, gain=0.6)
    band = np.exp(-((across / 0.13) ** 2)) * np.clip(cloud * 2.2 - 0.62, 0, 1) * smoothstep(1.0, 0.35, half.y / horizon)
    half.shine((0.62, 0.70, 0.95), band * 0.30 * mood.stars)


def _stars(canvas: Canvas, mood: Mood, horizon: float) -> None:
    random = canvas.noise.stream("stars")
    count = int(520 * mood.stars)
    x, y = random.rand(count) * canvas.width, random.rand(count) ** 1.25 * horizon * canvas.height
    power, warmth = random.rand(count) ** 3.2, random.rand(count)
    size = canvas.unit / 900
    for i in range(count):
        fade = float(smoothstep(1.0, 0.55, y[i] / (horizon * canvas.height)))
        radius = (0.55 + 1.15 * power[i]) * size
        ink = (0.85 + 0.15 * warmth[i], 0.92, 1.0 - 0.14 * warmth[i])
        reach = max(0.5, radius)
        strength = (0.25 + 0.75 * power[i]) * fade * min(1.0, (radius / 0.5) ** 2)
        canvas.disc((float(x[i]), float(y[i])), reach, ink, strength)
        if power[i] > 0.72:
            canvas.glow((float(x[i]), float(y[i])), radius * 2.6, ink, 0.34 * fade)


def _body(canvas: Canvas, mood: Mood, light: Light) -> None:
    if not mood.body:
        return
    centre, radius = (light.x, light.y), light.radius
    if mood.body == "moon":
        canvas.glow(centre, radius * 1.5, light.ink, 0.5)
        canvas.disc(centre, radius, np.minimum(light.ink * 1.02, 1))
        _craters(canvas, light)
        return
    canvas.glow(centre, radius * 1.2, light.ink, 0.55)
    rows, columns = canvas.window(
        light.x - 3 * radius, light.y - 3 * radius, light.x + 3 * radius, light.y + 3 * radius
    )
    y, x = np.mgrid[rows, columns].astype(np.float32) + 0.5
    far = np.hypot(x - light.x, y - light.y) / np.float32(radius)
    edge = max(0.05, 1.2 / radius)
    core = mixed(light.ink, np.float32(1), 0.55)
    canvas.blend(core, smoothstep(1 + edge, 1 - edge, far) * (0.96 if mood.fog < 0.9 else 0.5), rows, columns)


def _craters(canvas: Canvas, light: Light) -> None:
    radius = light.radius
    rows, columns = canvas.window(light.x - radius, light.y - radius, light.x + radius, light.y + radius)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    if min(height, width) < 6:
        return
    y, x = np.mgrid[rows, columns].astype(np.float32) + 0.5
    far = np.hypot(x - light.x, y - light.y) / np.float32(radius)
    seas = canvas.noise.field("moon", width, height, across=3, down=3, octaves=3)
    shade = smoothstep(0.48, 0.66, seas) * 0.16 + 0.10 * far**3
    canvas.blend(light.ink * 0.62, shade * smoothstep(1.0, 0.9, far), rows, columns)


def _clouds(canvas: Canvas, mood: Mood, horizon: float, light: Light, bottom: int) -> None:
    """Look at a flat layer of clouds from below: rows near the horizon see far, and thus small and flat, clouds."""
    width, height = (canvas.width + 1) // 2, (bottom + 1) // 2
    noise, side = canvas.noise, 384
    random = noise.stream("clouds")
    puffs = noise.tile("cloud puffs", side, cells=5, octaves=6, gain=0.53)
    veil = noise.tile("cloud veil", side, cells=2, octaves=3, gain=0.5)
    body = puffs * 0.68 + veil * 0.32
    toward = (5, 3) if light.x > canvas.width / 2 else (-5, 3)
    lit = (body - np.roll(body, (-toward[1], -toward[0]), (0, 1))) * 7
    y = (np.arange(height, dtype=np.float32) + 0.5) * 2 / canvas.height
    rise = np.clip(1 - y / horizon, 0, 1)  # 0 at the horizon, 1 at the zenith
    depth = 1 / (rise + 0.13)
    across = (((np.arange(width, dtype=np.float32) + 0.5) / width - 0.5) * canvas.aspect)[None, :]
    u = (across * depth[:, None] * 0.17 + random.rand()) * side
    v = np.broadcast_to(((depth * 0.30 + random.rand()) * side)[:, None], u.shape)
    density, shade = sampled(u, v, body, lit)
    low = 0.66 - 0.36 * mood.cover
    mask = smoothstep(low, low + 0.19 - 0.05 * mood.direct, density)
    mask *= (smoothstep(0.0, 0.22, rise) * mixed(1.0, 0.80, rise))[:, None]
    near = np.exp(-(((across - (light.x / canvas.width - 0.5) * canvas.aspect) / 0.7) ** 2))
    bright = np.clip(0.50 + shade + 0.25 * near - 0.42 * smoothstep(low + 0.05, low + 0.32, density), 0, 1)
    mask, bright = (enlarged(plane, width * 2, height * 2)[:bottom, : canvas.width] for plane in (mask, bright))
    lit_ink, shade_ink = (colour(text) for text in mood.clouds)
    ink = [mixed(shade_ink[i], lit_ink[i], bright) for i in range(3)]
    canvas.blend(ink, np.clip(mask, 0, 1) * (0.55 if mood.stars else 0.88), slice(0, bottom))


def sampled(u: Plane, v: Plane, *tiles: Plane) -> list[Plane]:
    """Look up repeating tiles at fractional places."""
    side = tiles[0].shape[0]
    left, top = np.floor(u).astype(np.int32), np.floor(v).astype(np.int32)
    fu, fv = u - left, v - top
    left, top = left % side, top % side
    right, under = (left + 1) % side, (top + 1) % side
    found: list[Plane] = []
    for tile in tiles:
        flat = tile.ravel()
        upper = mixed(flat[top * side + left], flat[top * side + right], fu)
        lower = mixed(flat[under * side + left], flat[under * side + right], fu)
        found.append(mixed(upper, lower, fv).astype(np.float32))
    return found


def _aurora(canvas: Canvas, horizon: float, bottom: int) -> None:
    """Curtains of light: a bright lower hem, long soft rays above it."""
    width, height = (canvas.width + 1) // 2, (bottom + 1) // 2
    noise = canvas.noise
    random = noise.stream("aurora")
    y = ((np.arange(height, dtype=np.float32) + 0.5) * 2 / canvas.height / horizon)[:, None]
    light = [np.zeros((height, width), np.float32) for _ in range(3)]
    for band in range(3):
        hem = 0.50 + 0.16 * band + 0.42 * (noise.line(f"hem {band}", width, cells=2.3, octaves=3) - 0.5)
        rays = noise.line(f"rays {band}", width, cells=34, octaves=3, gain=0.6)
        broad = noise.line(f"broad {band}", width, cells=5, octaves=2)
        power = (0.30 + 0.9 * rays) * smoothstep(0.2, 0.75, broad) * (1.0 - 0.22 * band)
        above = hem[None, :] - y
        length = 0.17 + 0.13 * random.rand() + 0.10 * rays[None, :]
        curtain = np.where(above > 0, np.exp(-above / length), np.exp(-((above / 0.035) ** 2))) * power[None, :]
        height_share = np.clip(above / 0.42, 0, 1)
        for channel, (low, high) in enumerate(((0.20, 0.62), (1.0, 0.28), (0.58, 0.95))):
            light[channel] += curtain * mixed(np.float32(low), np.float32(high), height_share)
    fade = smoothstep(1.05, 0.82, y)
    for channel in range(3):
        part = canvas.rgb[channel, :bottom]
        full = enlarged((1 - np.exp(-light[channel] * 1.2)) * fade, width * 2, height * 2)[:bottom, : canvas.width]
        part += (1 - part) * np.clip(full, 0, 1) * 0.85
