"""A canvas of floats to paint procedural pictures on, and the colour arithmetic that goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from ..control import check_not_cancelled
from .noise import Noise, smoothstep

if TYPE_CHECKING:
    from .noise import Plane

__all__ = ["Canvas", "colour", "from_oklab", "gradient", "to_oklab"]

Point = tuple[float, float]

LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def colour(text: str) -> Plane:
    """Return `#rrggbb` as three floats, 0 to 1."""
    return np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 255


def to_oklab(rgb: Any) -> Any:
    """Convert sRGB (last axis, 0 to 1) to OKLab. Source: Björn Ottosson, 'A perceptual color space', 2020."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((np.maximum(rgb, 0) + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ LMS.T) @ LAB.T


def from_oklab(lab: Any) -> Any:
    """Convert OKLab (last axis) to sRGB, cut to 0 to 1."""
    linear = np.clip((lab @ np.linalg.inv(LAB).T) ** 3 @ np.linalg.inv(LMS).T, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def gradient(stops: Sequence[Any], count: int = 512) -> Plane:
    """Blend colours (three floats each) evenly and without kinks; shape (count, 3)."""
    lab = to_oklab(np.array(stops, np.float64))
    place = np.linspace(0, len(stops) - 1, count)
    ramp = np.stack([np.interp(place, np.arange(len(stops)), lab[:, i]) for i in range(3)], 1)
    reach = max(1, count // (4 * (len(stops) - 1)))
    kernel = np.hanning(2 * reach + 1)
    kernel /= kernel.sum()
    padded = np.pad(ramp, ((reach, reach), (0, 0)), mode="edge")
    smooth = np.stack([np.convolve(padded[:, i], kernel, mode="valid") for i in range(3)], 1)
    return from_oklab(smooth).astype(np.float32)


class Canvas:
    """Three planes of floats, 0 to 1, in sRGB.

    Attributes:
        rgb: Shape (3, height, width).
        noise: Randomness of this picture.
        x, y: Coordinates of columns and rows, 0 to 1.
        unit: Pixels that count as 1 for the size of things, about the shorter side.
    """

    def __init__(self, width: int, height: int, noise: Noise) -> None:
        self.width, self.height, self.noise = width, height, noise
        self.rgb: Plane = np.zeros((3, height, width), np.float32)
        self.x: Plane = ((np.arange(width, dtype=np.float32) + 0.5) / width)[None, :]
        self.y: Plane = ((np.arange(height, dtype=np.float32) + 0.5) / height)[:, None]
        # Of a thin strip things are taller than it, or there would be thousands of them.
        self.unit = max(min(min(width, height) * 1.35, (width * height) ** 0.5), max(width, height) / 14)

    @property
    def aspect(self) -> float:
        """Width divided by height."""
        return self.width / self.height

    def blend(self, ink: Any, mask: Any, rows: slice = slice(None), columns: slice = slice(None)) -> None:
        """Paint over a part: `ink` is a colour or planes, `mask` 0 (keep) to 1 (paint)."""
        check_not_cancelled("paint the picture")  # every layer passes here
        for channel in range(3):
            part = self.rgb[channel, rows, columns]
            part += (ink[channel] - part) * mask

    def shine(self, ink: Any, light: Any, rows: slice = slice(None), columns: slice = slice(None)) -> None:
        """Add light without ever clipping (screen)."""
        for channel in range(3):
            part = self.rgb[channel, rows, columns]
            part += (1 - part) * (light * ink[channel])

    def disc(self, centre: Point, radius: float, ink: Any, strength: float = 1.0) -> None:
        """Paint a smooth-edged disc; centre and radius in pixels."""
        reach = radius + 2
        rows, columns = self.window(centre[0] - reach, centre[1] - reach, centre[0] + reach, centre[1] + reach)
        y, x = np.mgrid[rows, columns].astype(np.float32) + 0.5
        far = np.hypot(x - centre[0], y - centre[1])
        self.blend(ink, np.clip(radius - far + 0.5, 0, 1) * strength, rows, columns)

    def glow(self, centre: Point, radius: float, ink: Any, strength: float) -> None:
        """Add a soft light around a point; `radius` is where it has fallen to about a third."""
        reach = radius * 4.5
        rows, columns = self.window(centre[0] - reach, centre[1] - reach, centre[0] + reach, centre[1] + reach)
        y, x = np.mgrid[rows, columns].astype(np.float32) + 0.5
        far = np.hypot(x - centre[0], y - centre[1]) / np.float32(radius)
        self.shine(ink, np.exp(-far) * smoothstep(4.5, 2.5, far) * strength, rows, columns)

    def window(self, left: float, top: float, right: float, bottom: float) -> tuple[slice, slice]:
        """Rows and columns of a rectangle, cut to the canvas."""
        top, bottom = (int(min(max(0, edge), self.height)) for edge in (top, bottom + 1))
        left, right = (int(min(max(0, edge), self.width)) for edge in (left, right + 1))
        return slice(int(top), int(bottom)), slice(int(left), int(right))

    def box(self, left: float, top: float, right: float, bottom: float, ink: Any) -> None:
        """Paint an upright rectangle; pixels that it covers in part are painted in part."""
        rows, columns = self.window(left, top, right, bottom)
        y, x = np.arange(rows.start, rows.stop), np.arange(columns.start, columns.stop)
        down = np.clip(np.minimum(y + 1, bottom) - np.maximum(y, top), 0, 1)
        across = np.clip(np.minimum(x + 1, right) - np.maximum(x, left), 0, 1)
        self.blend(ink, (down[:, None] * across[None, :]).astype(np.float32), rows, columns)

    def polygons(self, shapes: Sequence[tuple[Sequence[Point], Any]], strength: float = 1.0) -> None:
        """Paint polygons (points in pixels, each with its colour) with smooth edges, later ones on top."""
        points = [point for shape, _ in shapes for point in shape]
        rows, columns = self.window(
            min(p[0] for p in points) - 1,
            min(p[1] for p in points) - 1,
            max(p[0] for p in points) + 1,
            max(p[1] for p in points) + 1,
        )
        width, height = columns.stop - columns.start, rows.stop - rows.start
        if width < 1 or height < 1:
            return
        fine = 4 if width * height < 400_000 else 2
        layer = Image.new("RGBA", (width * fine, height * fine))
        draw = ImageDraw.Draw(layer)
        for shape, ink in shapes:
            placed = [((x - columns.start) * fine, (y - rows.start) * fine) for x, y in shape]
            draw.polygon(placed, fill=(*(int(v) for v in np.clip(np.asarray(ink) * 255, 0, 255)), 255))
        self.layer(layer.convert("RGBa").resize((width, height), Image.Resampling.BOX), rows, columns, strength)

    def layer(self, layer: Image.Image, rows: slice, columns: slice, strength: float = 1.0) -> None:
        """Paint a layer with premultiplied transparency (mode `RGBa`)."""
        planes = np.asarray(layer, np.float32).transpose(2, 0, 1) / 255
        for channel in range(3):
            part = self.rgb[channel, rows, columns]
            part += (planes[channel] - part * planes[3]) * strength
