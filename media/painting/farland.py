"""The far half of a landscape: mountains, mesas, headlands, wooded shores, a skyline."""

from __future__ import annotations

import numpy as np

from . import foliage
from .city import paint_city
from .noise import smoothstep
from .stage import Stage
from .terrain import Ground, paint_hill, paint_mesas, paint_range
from .weather import paint_mist

__all__ = ["paint_distance"]


def paint_distance(stage: Stage) -> None:
    """Everything between the sky and the water or the near land."""
    grounds = stage.scene.grounds
    if "dunes" in grounds and not stage.scene.water:
        return
    if "mesas" in grounds:
        _mesas(stage)
    elif "mountains" in grounds:
        _mountains(stage)
    elif grounds and "city" not in grounds and stage.random.rand() < 0.75:
        _mountains(stage, low=True)
    if not grounds:
        if stage.scene.mood == "aurora" or stage.scene.snowy:
            _mountains(stage, low=True)
        _headlands(stage)
    elif "city" in grounds:
        paint_hill(
            stage.land,
            "back",
            stage.crest("back", stage.horizon + 0.06, 0.16, 1.2),
            Ground(albedo=stage.green, far=0.8, depth=0.2 * stage.canvas.unit),
        )
        paint_city(stage.land, stage.base + (0 if stage.scene.water else 0.03 * stage.canvas.unit))
    elif stage.scene.water:
        _shores(stage)


def _mountains(stage: Stage, *, low: bool = False) -> None:
    """Three ranges, or one low one far away."""
    snow = 0.75 if stage.scene.snowy else 0.12 + 0.30 * stage.random.rand()
    ranges = ((0.72, 0.30, 1.5),) if low else ((0.70, 0.50, 1.5), (0.45, 0.42, 2.0), (0.20, 0.30, 2.4))
    if low:
        snow = min(snow, 0.3) if not stage.scene.snowy else snow
    for number, (far, rise, cells) in enumerate(ranges):
        name = f"range {number}"
        crest = stage.crest(name, stage.horizon + 0.10 + 0.02 * number, rise, cells, octaves=8, gain=0.52, ridged=True)
        paint_range(
            stage.land,
            name,
            crest,
            Ground(albedo="#5d5c66", far=far, depth=0.30 * stage.canvas.unit, fog=stage.mood.fog),
            relief=1.0,
            snow=snow * (1 - 0.35 * number if not stage.scene.snowy else 1),
            bottom=stage.base + 0.16 * stage.canvas.height,
        )
        paint_mist(
            stage.canvas, stage.mood, f"mist {number}", stage.base, 0.10 * stage.canvas.unit, 0.55 * stage.mood.fog
        )


def _mesas(stage: Stage) -> None:
    """Table mountains: a curve is flattened at its top."""
    for number, (far, rise, cells) in enumerate(((0.66, 0.30, 1.6), (0.38, 0.26, 1.3), (0.12, 0.12, 1.0))):
        name = f"mesa {number}"
        line = stage.canvas.noise.line(name, stage.canvas.width, cells=cells * stage.span * 2.2, octaves=6, gain=0.42)
        table = 0.62 * smoothstep(0.50, 0.545, line) + 0.30 * smoothstep(0.38, 0.52, line) + 0.10 * line
        crest = (stage.horizon + 0.07 + 0.05 * number) * stage.canvas.height - rise * stage.canvas.unit * table
        paint_mesas(
            stage.land,
            name,
            crest.astype(np.float32),
            Ground(albedo="#c8683f", far=far, depth=(rise + 0.05) * stage.canvas.unit),
        )


def _headlands(stage: Stage) -> None:
    """Far tongues of land that leave most of the sea's horizon open."""
    for number, (far, rise) in enumerate(((0.80, 0.10), (0.55, 0.13))):
        if stage.random.rand() < 0.3:
            continue
        line = stage.canvas.noise.line(
            f"headland {number}", stage.canvas.width, cells=3.0 * stage.span, octaves=6, gain=0.48
        )
        place = stage.canvas.x[0] if (stage.random.rand() < 0.5) else 1 - stage.canvas.x[0]
        reach = 0.30 + 0.35 * stage.random.rand()
        shape = smoothstep(reach, reach * 0.25, place) * (0.35 + 0.9 * line)
        crest = stage.base + 2 - rise * stage.canvas.unit * shape
        paint_hill(
            stage.land,
            f"headland {number}",
            crest.astype(np.float32),
            Ground(albedo="#6e7466", far=far, depth=0.16 * stage.canvas.unit),
            snow=stage.scene.snowy,
        )


def _shores(stage: Stage) -> None:
    """Wooded hills that come down to the far side of the water."""
    wooded = "forest" in stage.scene.grounds or stage.random.rand() < 0.6
    for number, (far, rise) in enumerate(((0.50, 0.17), (0.26, 0.10))):
        name = f"shore {number}"
        line = stage.canvas.noise.line(
            name, stage.canvas.width, cells=(1.5 + number) * stage.span, octaves=5, gain=0.42
        )
        lean = smoothstep(0.75, 0.15, stage.canvas.x[0] if number else 1 - stage.canvas.x[0])
        crest = stage.base + 2 - rise * stage.canvas.unit * np.clip(line * 1.5 - 0.35, -0.1, 1) * (0.25 + lean)
        crest = crest.astype(np.float32)
        tall = (0.030 + 0.016 * number) * stage.canvas.unit
        trees = foliage.tree_line(stage.canvas, name, crest, tall, 1.6) if wooded else None
        paint_hill(
            stage.land,
            name,
            crest,
            Ground(
                albedo="#4d6347" if wooded and not stage.scene.snowy else stage.green,
                far=far,
                depth=0.14 * stage.canvas.unit,
                fog=0.4 * stage.mood.fog,
            ),
            trees=trees,
        )
