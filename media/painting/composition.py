"""Composition of a landscape: sky, far land, near land or water, weather."""

from __future__ import annotations

from . import figures
from .canvas import Canvas, colour
from .countryside import paint_countryside
from .farland import paint_distance
from .scenery import MOODS, Scene
from .sky import Light, paint_sky
from .stage import Stage
from .terrain import Land
from .waterside import paint_waterside
from .weather import paint_lightning, paint_rain, paint_snowfall

__all__ = ["compose_landscape"]


def compose_landscape(canvas: Canvas, scene: Scene) -> None:
    """Paint a whole landscape."""
    mood, random = MOODS[scene.mood], canvas.noise.stream("layout")
    horizon = (0.55 if scene.water else 0.60) + 0.06 * random.rand()
    if "city" in scene.grounds:
        horizon += 0.02 if scene.water else 0.17
    low, high = mood.height
    light = Light(
        canvas.width * (0.25 + 0.50 * random.rand()),
        canvas.height * horizon * (1 - low - (high - low) * random.rand()),
        colour(mood.light),
        canvas.unit * (0.030 + 0.014 * random.rand()),
    )
    paint_sky(canvas, mood, horizon, light)
    if "rainbow" in scene.figures:
        figures.rainbow(canvas, horizon, light.x)
    if scene.mood == "storm" and scene.falling != "snow":
        paint_lightning(canvas, horizon)
    land = Land(canvas, mood, light, snowy=scene.snowy)
    stage = Stage(land, scene, horizon)
    paint_distance(stage)
    if scene.water:
        paint_waterside(stage)
    else:
        paint_countryside(stage)
    _people_the_sky(stage)
    if scene.falling == "rain":
        paint_rain(canvas)
    elif scene.falling == "snow" or (scene.snowy and random.rand() < 0.5):
        paint_snowfall(canvas)


def _people_the_sky(stage: Stage) -> None:
    """Balloons and birds."""
    if "balloons" in stage.scene.figures:
        figures.balloons(stage.land, stage.horizon, 6)
    wild = (
        stage.random.rand() < 0.5 and stage.mood.stars < 0.5 and not stage.scene.falling and stage.scene.mood != "storm"
    )
    if "birds" in stage.scene.figures or wild:
        figures.birds(stage.land, stage.horizon, 17 if "birds" in stage.scene.figures else 7)
