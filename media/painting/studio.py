"""Two more worlds: a nebula with a planet, and a studio still life of simple bodies in soft light."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .abstract import palette
from .canvas import Canvas, gradient
from .noise import enlarged, mixed, smoothstep
from .scenery import Scene
from .sky import sampled

if TYPE_CHECKING:
    from .noise import Plane

__all__ = ["compose_space", "compose_studio"]


def compose_space(canvas: Canvas, scene: Scene) -> None:
    """Paint clouds of gas, stars, and a planet that is lit from one side."""
    inks = palette(canvas, scene, (215, 375))
    noise, random = canvas.noise, canvas.noise.stream("space")
    width, height = max(4, canvas.width // 2), max(4, canvas.height // 2)
    tile = noise.tile("gas", 512, cells=3, octaves=6, gain=0.56)
    bend = [
        noise.field(
            f"drift {axis}", width, height, across=2.2 * canvas.aspect**0.5, down=2.2 / canvas.aspect**0.5, octaves=3
        )
        for axis in "xy"
    ]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    scale = 400 / max(width, height)
    gas, dust = (
        sampled(x * scale + (bend[0] - 0.5) * k + s, y * scale + (bend[1] - 0.5) * k, tile)[0]
        for k, s in ((260, 0), (190, 190))
    )
    slope = np.deg2rad(-35 + 70 * random.rand())
    px, py = (x / width - 0.5) * canvas.aspect, y / height - 0.5
    band = np.exp(-(((py * np.cos(slope) - px * np.sin(slope)) / 0.34) ** 2))
    glow = np.clip((gas - 0.36) * 3.4, 0, 1) * (0.35 + 0.65 * band)
    core = np.clip((gas - 0.50) * 4.2, 0, 1) * band
    dark = np.clip((dust - 0.52) * 4.5, 0, 1) * band
    base = np.array([0.012, 0.014, 0.035], np.float32)
    for channel in range(3):
        light = (
            base[channel] + glow * mixed(inks[1][channel], inks[2][channel], np.clip(bend[0] * 2.2 - 0.6, 0, 1)) * 0.95
        )
        light = light + (1 - light) * core * mixed(inks[4][channel], inks[5][channel], 0.45) * 0.62
        canvas.rgb[channel] = enlarged(light * (1 - 0.72 * dark), canvas.width, canvas.height)
    np.clip(canvas.rgb, 0, 1, out=canvas.rgb)
    _stars(canvas, random)
    _planet(canvas, inks, random)


def _stars(canvas: Canvas, random: Any) -> None:
    count = round(700 * canvas.width * canvas.height / canvas.unit**2)
    x, y, power = random.rand(count) * canvas.width, random.rand(count) * canvas.height, random.rand(count) ** 5
    for i in range(count):
        radius = canvas.unit * (0.00055 + 0.0016 * power[i])
        ink = (1.0, 0.93 + 0.07 * power[i], 0.88) if i % 3 else (0.82, 0.90, 1.0)
        canvas.disc((float(x[i]), float(y[i])), max(0.5, radius), ink, (0.30 + 0.7 * power[i]) * min(1.0, radius / 0.5))
        if power[i] > 0.55:
            canvas.glow((float(x[i]), float(y[i])), radius * 3.2, ink, 0.4)


def _planet(canvas: Canvas, inks: list[Any], random: Any) -> None:
    side = 1 if random.rand() < 0.5 else -1
    radius = canvas.unit * (0.15 + 0.10 * random.rand())
    cx, cy = canvas.width * (0.5 + side * 0.22), canvas.height * (0.40 + 0.25 * random.rand())
    ringed, tilt = random.rand() < 0.6, 0.25 + 0.25 * random.rand()
    if ringed:
        _ring(canvas, (cx, cy), radius, tilt, inks, behind=True)
    rows, columns = canvas.window(cx - radius - 2, cy - radius - 2, cx + radius + 2, cy + radius + 2)
    if rows.stop - rows.start < 2 or columns.stop - columns.start < 2:
        return
    y, x = np.mgrid[rows, columns].astype(np.float32) + 0.5
    nx, ny = (x - cx) / np.float32(radius), (y - cy) / np.float32(radius)
    far = np.hypot(nx, ny)
    nz = np.sqrt(np.clip(1 - far * far, 0, 1))
    lit = np.clip(-side * 0.72 * nx - 0.45 * ny + 0.52 * nz, 0, 1)
    bands = canvas.noise.line("bands", 512, cells=9, octaves=4, gain=0.6)
    swirl = canvas.noise.field("swirl", x.shape[1], x.shape[0], across=4, down=7, octaves=4) - np.float32(0.5)
    place = np.clip((0.5 + 0.5 * (ny + tilt * 0.5 * nx) + 0.10 * swirl) * 511, 0, 511).astype(np.int32)
    ramp = gradient([inks[1], inks[3], inks[5], inks[4], inks[2]], 256)
    skin = ramp[np.clip(bands[place] * 1.5 * 255 - 50, 0, 255).astype(np.int32)]
    shade = 0.03 + 1.02 * lit**0.85
    rim = smoothstep(0.72, 1.0, far) * (0.2 + 0.8 * lit)
    ink = [np.clip(skin[..., i] * shade + rim * 0.30 * inks[3][i], 0, 1) for i in range(3)]
    canvas.glow((cx - side * radius * 0.3, cy - radius * 0.2), radius * 0.75, inks[3], 0.22)
    canvas.blend(ink, np.clip((1 - far) * radius + 0.5, 0, 1), rows, columns)
    if ringed:
        _ring(canvas, (cx, cy), radius, tilt, inks, behind=False)


def _ring(
    canvas: Canvas, centre: tuple[float, float], radius: float, tilt: float, inks: list[Any], *, behind: bool
) -> None:
    reach = radius * 2.3
    rows, columns = canvas.window(centre[0] - reach, centre[1] - reach, centre[0] + reach, centre[1] + reach)
    y, x = np.mgrid[rows, columns].astype(np.float32) + 0.5
    turn = -0.38
    dx, dy = (x - centre[0]) / np.float32(radius), (y - centre[1]) / np.float32(radius)
    along, over = dx * np.cos(turn) + dy * np.sin(turn), -dx * np.sin(turn) + dy * np.cos(turn)
    far = np.hypot(along, over / np.float32(tilt))
    lines = canvas.noise.line("ring", 512, cells=26, octaves=3, gain=0.7)
    grain = lines[np.clip((far - 1.3) / 0.9 * 511, 0, 511).astype(np.int32)]
    mask = smoothstep(1.32, 1.38, far) * smoothstep(2.18, 2.05, far) * np.clip(grain * 1.5 - 0.15, 0, 1) * 0.85
    mask = mask * ((over < 0) if behind else (over >= 0))
    canvas.blend(mixed(inks[5], inks[3], 0.3), mask, rows, columns)


def compose_studio(canvas: Canvas, scene: Scene) -> None:
    """Paint an arch, podiums, a ball and a bowl before a seamless backdrop."""
    inks = palette(canvas, scene)
    random = canvas.noise.stream("studio")
    soft, deep = mixed(inks[3], inks[5], 0.60), mixed(inks[2], inks[3], 0.6)
    floor = canvas.height * 0.70
    y = (np.arange(canvas.height, dtype=np.float32) + 0.5)[:, None]
    spot = np.exp(-(((canvas.x - 0.42) * canvas.aspect / 0.85) ** 2) - ((canvas.y - 0.36) / 0.6) ** 2)
    ground = smoothstep(floor - 0.10 * canvas.height, floor + 0.12 * canvas.height, y)
    for channel in range(3):
        wall = mixed(deep[channel] * 0.86, soft[channel] * 1.02, spot)
        canvas.rgb[channel] = mixed(wall, soft[channel] * (0.99 - 0.10 * (canvas.y - 0.7)), ground)
    u, middle = canvas.unit, canvas.width / 2
    lean = 1 if random.rand() < 0.5 else -1
    arch = (middle - lean * 0.13 * u, floor + 0.035 * canvas.height)
    _arch(canvas, arch, 0.20 * u, 0.50 * u, mixed(inks[2], inks[3], 0.35), deep * 0.62)
    stands = (
        (0.10, 0.055, 0.20, 0.10, inks[5]),
        (0.30, 0.085, 0.11, 0.20, inks[4]),
        (-0.33, 0.10, 0.12, 0.05, mixed(inks[3], inks[5], 0.3)),
    )
    tops: list[tuple[float, float, float]] = []
    for shift, ahead, radius, tall, ink in stands:
        centre = (middle + lean * shift * u, floor + ahead * u)
        _shadow(canvas, (centre[0] + 0.35 * radius * u, centre[1] + 0.01 * u), radius * 1.5 * u, 0.30)
        _cylinder(canvas, centre, radius * u, tall * u, ink)
        tops.append((centre[0], centre[1] - tall * u, radius * u))
    for (cx, cy, radius), share, ink in zip(tops, (0.62, 0.58, 0.70), (inks[4], inks[1], inks[2]), strict=True):
        size = radius * share
        _shadow(canvas, (cx + 0.30 * size, cy + 0.02 * size), size * 1.05, 0.42)
        _ball(canvas, (cx, cy - size * 0.93), size, ink)


def _shadow(canvas: Canvas, centre: tuple[float, float], radius: float, strength: float) -> None:
    rows, columns = canvas.window(
        centre[0] - 2.5 * radius, centre[1] - radius, centre[0] + 2.5 * radius, centre[1] + radius
    )
    y, x = np.mgrid[rows, columns].astype(np.float32) + 0.5
    far = ((x - centre[0]) / radius) ** 2 + ((y - centre[1]) / (0.30 * radius)) ** 2
    canvas.rgb[:, rows, columns] *= 1 - strength * np.exp(-far * 1.15)


def _cylinder(canvas: Canvas, foot: tuple[float, float], radius: float, tall: float, ink: Any) -> None:
    flat = 0.26 * radius
    rows, columns = canvas.window(
        foot[0] - radius - 1, foot[1] - tall - flat - 1, foot[0] + radius + 1, foot[1] + flat + 1
    )
    y, x = np.mgrid[rows, columns].astype(np.float32) + 0.5
    nx = (x - foot[0]) / np.float32(radius)
    sag = np.sqrt(np.clip(1 - nx * nx, 0, 1)) * flat
    within = np.clip((1 - np.abs(nx)) * radius + 0.5, 0, 1)
    side = within * np.clip(y - (foot[1] - tall) + 0.5, 0, 1) * np.clip(foot[1] + sag - y + 0.5, 0, 1)
    shade = 0.60 + 0.40 * np.clip(1 - (nx + 0.45) ** 2 * 0.62, 0, 1) + 0.05 * smoothstep(0.75, 1.0, nx)
    canvas.blend([np.clip(ink[i] * shade, 0, 1) for i in range(3)], side, rows, columns)
    far = np.hypot(nx, (y - (foot[1] - tall)) / np.float32(flat))
    lid = np.clip((1 - far) * flat + 0.5, 0, 1)
    light = 1.04 - 0.07 * nx
    canvas.blend([np.clip(mixed(ink[i], 1.0, 0.18) * light, 0, 1) for i in range(3)], lid, rows, columns)


def _ball(canvas: Canvas, centre: tuple[float, float], radius: float, ink: Any) -> None:
    rows, columns = canvas.window(
        centre[0] - radius - 1, centre[1] - radius - 1, centre[0] + radius + 1, centre[1] + radius + 1
    )
    y, x = np.mgrid[rows, columns].astype(np.float32) + 0.5
    nx, ny = (x - centre[0]) / np.float32(radius), (y - centre[1]) / np.float32(radius)
    far = np.hypot(nx, ny)
    nz = np.sqrt(np.clip(1 - far * far, 0, 1))
    lit = np.clip(-0.52 * nx - 0.62 * ny + 0.58 * nz, 0, 1)
    bounce = np.clip(ny * 0.7 - nz * 0.1, 0, 1) * 0.22
    shine = np.exp(-((nx + 0.36) ** 2 + (ny + 0.42) ** 2) / 0.028) * 0.55
    shade = 0.40 + 0.68 * lit + bounce
    planes = [np.clip(ink[i] * shade + (1 - ink[i] * shade) * shine, 0, 1) for i in range(3)]
    canvas.blend(planes, np.clip((1 - far) * radius + 0.5, 0, 1), rows, columns)


def _arch(canvas: Canvas, foot: tuple[float, float], half: float, tall: float, ink: Any, inner: Any) -> None:
    rows, columns = canvas.window(foot[0] - half - 2, foot[1] - tall - 2, foot[0] + half + 2, foot[1] + 2)
    y, x = np.mgrid[rows, columns].astype(np.float32) + 0.5
    spring = foot[1] - tall + half

    def within(radius: float, shift: float) -> Plane:
        dx = x - foot[0] - shift
        far = np.where(y < spring, np.hypot(dx, y - spring), np.abs(dx))
        return np.clip(radius - far + 0.5, 0, 1) * np.clip(foot[1] - y + 0.5, 0, 1)

    down = np.clip((y - (foot[1] - tall)) / np.float32(tall), 0, 1)
    canvas.blend([np.clip(ink[i] * (1.02 - 0.12 * down), 0, 1) for i in range(3)], within(half, 0), rows, columns)
    canvas.blend(
        [np.clip(inner[i] * (0.92 + 0.25 * down), 0, 1) for i in range(3)], within(half * 0.70, 0.0), rows, columns
    )
    canvas.blend(
        [np.clip(mixed(inner[i], ink[i], 0.45) * (0.95 + 0.2 * down), 0, 1) for i in range(3)],
        within(half * 0.66, half * 0.045),
        rows,
        columns,
    )
