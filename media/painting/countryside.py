"""The near half of a landscape without water: hills, woods, fields, dunes, a park."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import foliage
from .canvas import colour
from .stage import Stage
from .terrain import Ground, paint_dunes, paint_hill
from .weather import paint_mist

if TYPE_CHECKING:
    from .noise import Plane

__all__ = ["paint_countryside"]

FLOWERS = ("#e8564f", "#f4c542", "#f3eef6", "#9a6fd0", "#f08fb1")


def paint_countryside(stage: Stage) -> None:
    """Land in front, down to the bottom edge."""
    grounds = stage.scene.grounds
    if "dunes" in grounds:
        _dunes(stage)
    elif "city" in grounds:
        _street(stage)
    elif "mesas" in grounds:
        _dunes(stage, red=True)
    else:
        _hills(stage, wooded="forest" in grounds)


def _dunes(stage: Stage, *, red: bool = False) -> None:
    """Five dunes, the near ones large; or the red plain before table mountains."""
    for number in range(5):
        t = number / 4
        crest = stage.crest(
            f"dune {number}",
            stage.horizon + 0.04 + 0.34 * t**1.3,
            0.10 + 0.12 * t,
            1.9 - 0.9 * t,
            octaves=2,
            gain=0.25,
            ridged=not red,
        )
        paint_dunes(
            stage.land,
            f"dune {number}",
            crest,
            Ground(
                albedo="#b9643f" if red else "#d99a5b",
                far=0.62 * (1 - t) ** 1.2,
                depth=(0.14 + 0.3 * t) * stage.canvas.unit,
            ),
        )


def _street(stage: Stage) -> None:
    """A dark park with trees below the skyline."""
    crest = stage.crest("park", stage.horizon + 0.09, 0.05, 2.5, octaves=5)
    trees = foliage.tree_line(stage.canvas, "park", crest, 0.028 * stage.canvas.unit, 2.4)
    paint_hill(
        stage.land,
        "park",
        crest,
        Ground(albedo="#3f5340", far=0.06, depth=0.3 * stage.canvas.unit, fog=0.0),
        trees=trees,
    )
    paint_hill(
        stage.land,
        "lawn",
        stage.crest("lawn", stage.horizon + 0.20, 0.06, 0.9, octaves=3),
        Ground(albedo=stage.green, far=0.0, depth=0.3 * stage.canvas.unit, fog=0.0),
    )


def _hills(stage: Stage, *, wooded: bool) -> None:
    """Hills one before the other, wooded or open, with trees, a cabin or flowers in front."""
    canvas, land = stage.canvas, stage.land
    count = 5
    for number in range(count):
        t = number / (count - 1)
        name = f"hill {number}"
        crest = stage.crest(
            name, stage.horizon + 0.065 + 0.33 * t**1.25, 0.15 - 0.02 * t, 1.5 - 0.6 * t, octaves=5, gain=0.38
        )
        near_open = "meadow" in stage.scene.grounds and number >= 2
        trees = (wooded or (number % 2 == 0 and stage.random.rand() < 0.6)) and not near_open
        line = None
        if trees and number < 3:
            line = foliage.tree_line(canvas, name, crest, (0.030 + 0.030 * t) * canvas.unit, 2.2 if wooded else 0.7)
        far = 0.64 * (1 - t) ** 1.15 + 0.02
        if trees and number >= 2 and wooded:
            _stand(stage, name, crest, t, far)
        albedo = "#40583d" if wooded and not stage.scene.snowy else stage.green
        paint_hill(
            land,
            name,
            crest,
            Ground(
                albedo=albedo, far=far, depth=(0.16 + 0.1 * t) * canvas.unit, fog=0.8 * stage.mood.fog * (1 - 0.7 * t)
            ),
            trees=line,
            snow=stage.scene.snowy and not (wooded and number < 3),
        )
        if number == 3 and stage.has_landmark:
            _landmark(stage, crest)
        if number < 3:
            row = float(crest.mean()) + 0.09 * canvas.unit
            paint_mist(canvas, stage.mood, f"hill mist {number}", row, 0.06 * canvas.unit, 0.75 * stage.mood.fog * far)
    if not stage.scene.snowy and ("meadow" in stage.scene.grounds or (not wooded and stage.random.rand() < 0.6)):
        tip = np.stack(land.ink(colour(stage.green), 0.9, 0.0))
        blooms = [
            np.stack(land.ink(colour(text), 0.8, 0.0)) * 0.5 + colour(text) * 0.5 * (1 - 0.6 * stage.mood.backlit)
            for text in FLOWERS
        ]
        bloom = "meadow" in stage.scene.grounds and "acacia" not in stage.scene.figures
        foliage.grass(canvas, canvas.height * 0.84, ink=tip * 0.45, tip=tip, flowers=blooms if bloom else None)


def _stand(stage: Stage, name: str, crest: Plane, t: float, far: float) -> None:
    """Single conifers on a near crest."""
    dark = np.stack(stage.land.ink(colour("#2f4638"), 0.10, far * 0.8)) * 0.85
    rim = np.stack(stage.land.ink(colour("#e9eff7" if stage.scene.snowy else "#5d7a50"), 0.8, far * 0.8))
    tall = stage.canvas.unit * (0.10 + 0.42 * max(0.0, t - 0.5))
    foliage.conifers(
        stage.canvas,
        name,
        crest,
        foliage.Leaves(dark, rim, stage.side),
        tall=tall,
        count=round(120 * stage.span * (1.12 - t) ** 1.1),
        clearing=stage.clearing,
    )


def _landmark(stage: Stage, crest: Plane) -> None:
    """A cabin or a single tree on a near hill."""
    canvas = stage.canvas
    place = stage.place
    column = int(place * canvas.width)
    foot = float(crest[min(column, canvas.width - 1)])
    if {"tree", "acacia"} & set(stage.scene.figures):
        stage.tree(place * canvas.width, foot + 0.03 * canvas.unit)
    if "cabin" in stage.scene.figures:
        shift = 0.20 * canvas.unit if {"tree", "acacia"} & set(stage.scene.figures) else 0.0
        stage.cabin(place * canvas.width + shift, foot + 0.025 * canvas.unit)
