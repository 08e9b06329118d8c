"""The stage of a landscape: its measures, its light and what several layers of it share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import figures, foliage
from .canvas import colour
from .noise import mixed
from .scenery import Scene
from .terrain import Land

if TYPE_CHECKING:
    from .noise import Plane

__all__ = ["Stage"]

GREENS = {"golden": "#a08a3c", "dawn": "#7c8a50", "tropical": "#5f9a4a", "mist": "#6c7f5c", "storm": "#66754f"}
LANDMARKS = {"cabin", "tree", "acacia"}


class Stage:
    """One picture while its land is painted, from back to front.

    Attributes:
        base: Row where far land meets water or near land.
        span: Width of the canvas in units.
        green: Colour of open ground.
        side: 1 when the light stands in the right half, -1 in the left.
        place: Where a landmark stands, as a share of the width; `clearing` is kept free of trees around it.
    """

    def __init__(self, land: Land, scene: Scene, horizon: float) -> None:
        self.land, self.scene, self.canvas, self.mood = land, scene, land.canvas, land.mood
        self.random = land.canvas.noise.stream("stage")
        self.horizon = horizon
        self.base = self.canvas.height * (horizon + 0.045)  # row where far land meets water or near land
        self.span = self.canvas.width / self.canvas.unit
        self.green = "#9aa7b5" if scene.snowy else GREENS.get(scene.mood, "#6b8a4c")
        self.side = 1 if land.light.x > self.canvas.width / 2 else -1
        self.place = (0.33 if self.side > 0 else 0.67) + 0.08 * (self.random.rand() - 0.5)
        room = 0.14 / self.span if self.has_landmark else -1.0
        self.clearing = (self.place - room, self.place + room)

    @property
    def has_landmark(self) -> bool:
        """Whether the prompt names something that stands alone on the land."""
        return bool(LANDMARKS & set(self.scene.figures))

    def crest(self, name: str, base: float, rise: float, cells: float, **shape: Any) -> Plane:
        """A crest line that rises from a row (a share of the height) by up to `rise` units."""
        line = self.canvas.noise.line(name, self.canvas.width, cells=cells * self.span, **shape)
        return (base * self.canvas.height - rise * self.canvas.unit * line).astype(np.float32)

    def tree(self, x: float, foot: float) -> None:
        """A broad tree in the colours of the season."""
        season = {"dawn": ("#b06a86", "#ffc9d8"), "golden": ("#9a5a22", "#f0b04a")}
        leaf, rim = season.get(self.scene.mood, ("#33502f", "#8aa852"))
        inks = [np.stack(self.land.ink(colour(text), lit, 0.04)) for text, lit in ((leaf, 0.2), (rim, 0.85))]
        if self.scene.mood in season:  # blossom and autumn leaves glow even before the light
            inks = [mixed(ink, colour(text), 0.55) for ink, text in zip(inks, (leaf, rim), strict=True)]
        bark = np.stack(self.land.ink(colour("#4a3a30"), 0.2, 0.02))
        flat = "acacia" in self.scene.figures
        size = 0.38 * self.canvas.unit
        foliage.broad_tree(
            self.canvas, x, foot, size, foliage.Leaves(inks[0], inks[1], self.side), bark=bark, flat=flat
        )

    def cabin(self, x: float, foot: float) -> None:
        """A cabin; place in pixels."""
        figures.cabin(self.land, x, foot, 0.15 * self.canvas.unit, snow=self.scene.snowy)
