"""Composition of a landscape: which layers of land, water and figures stand where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import figures, foliage
from .canvas import Canvas, colour
from .city import paint_city
from .noise import mixed, smoothstep
from .scenery import MOODS, Scene
from .sky import Light, paint_sky
from .terrain import Land, paint_dunes, paint_hill, paint_mesas, paint_range
from .water import paint_water
from .weather import paint_lightning, paint_mist, paint_rain, paint_snowfall

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.float32]

__all__ = ["compose_landscape"]

GREENS = {"golden": "#a08a3c", "dawn": "#7c8a50", "tropical": "#5f9a4a", "mist": "#6c7f5c", "storm": "#66754f"}
LANDMARKS = {"cabin", "tree", "acacia"}
FLOWERS = ("#e8564f", "#f4c542", "#f3eef6", "#9a6fd0", "#f08fb1")


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
    stage = _Stage(land, scene, horizon)
    stage.distance()
    if scene.water:
        stage.water()
    else:
        stage.near_land()
    stage.people_the_sky()
    if scene.falling == "rain":
        paint_rain(canvas)
    elif scene.falling == "snow" or (scene.snowy and random.rand() < 0.5):
        paint_snowfall(canvas)


class _Stage:
    """The land of one picture, from back to front."""

    def __init__(self, land: Land, scene: Scene, horizon: float) -> None:
        self.land, self.scene, self.canvas, self.mood = land, scene, land.canvas, land.mood
        self.random = land.canvas.noise.stream("stage")
        self.horizon = horizon
        self.base = self.canvas.height * (horizon + 0.045)  # row where far land meets water or near land
        self.span = self.canvas.width / self.canvas.unit
        self.green = "#9aa7b5" if scene.snowy else GREENS.get(scene.mood, "#6b8a4c")
        self.side = 1 if land.light.x > self.canvas.width / 2 else -1
        self.place = (0.33 if self.side > 0 else 0.67) + 0.08 * (self.random.rand() - 0.5)
        room = 0.14 / self.span if LANDMARKS & set(scene.figures) else -1.0
        self.clearing = (self.place - room, self.place + room)

    def crest(self, name: str, base: float, rise: float, cells: float, **shape: Any) -> Plane:
        """A crest line that rises from a row (a share of the height) by up to `rise` units."""
        line = self.canvas.noise.line(name, self.canvas.width, cells=cells * self.span, **shape)
        return (base * self.canvas.height - rise * self.canvas.unit * line).astype(np.float32)

    def distance(self) -> None:
        """Everything between the sky and the water or the near land."""
        grounds = self.scene.grounds
        if "dunes" in grounds and not self.scene.water:
            return
        if "mesas" in grounds:
            self.mesas()
        elif "mountains" in grounds:
            self.mountains()
        elif grounds and "city" not in grounds and self.random.rand() < 0.75:
            self.mountains(low=True)
        if not grounds:
            self.headlands()
        elif "city" in grounds:
            paint_hill(
                self.land,
                "back",
                self.crest("back", self.horizon + 0.06, 0.16, 1.2),
                albedo=self.green,
                far=0.8,
                depth=0.2 * self.canvas.unit,
            )
            paint_city(self.land, self.base + (0 if self.scene.water else 0.03 * self.canvas.unit))
        elif self.scene.water:
            self.shores()

    def mountains(self, *, low: bool = False) -> None:
        """Three ranges, or one low one far away."""
        snow = 0.75 if self.scene.snowy else 0.12 + 0.30 * self.random.rand()
        ranges = ((0.72, 0.30, 1.5),) if low else ((0.70, 0.50, 1.5), (0.45, 0.42, 2.0), (0.20, 0.30, 2.4))
        if low:
            snow = min(snow, 0.3) if not self.scene.snowy else snow
        for number, (far, rise, cells) in enumerate(ranges):
            name = f"range {number}"
            crest = self.crest(
                name, self.horizon + 0.10 + 0.02 * number, rise, cells, octaves=8, gain=0.52, ridged=True
            )
            paint_range(
                self.land, name, crest, albedo="#5d5c66", far=far, relief=1.0, depth=0.30 * self.canvas.unit,
                snow=snow * (1 - 0.35 * number if not self.scene.snowy else 1), fog=self.mood.fog,
                bottom=self.base + 0.16 * self.canvas.height,
            )  # fmt: skip
            paint_mist(
                self.canvas, self.mood, f"mist {number}", self.base, 0.10 * self.canvas.unit, 0.55 * self.mood.fog
            )

    def mesas(self) -> None:
        """Table mountains: a curve is flattened at its top."""
        for number, (far, rise, cells) in enumerate(((0.66, 0.30, 1.6), (0.38, 0.26, 1.3), (0.12, 0.12, 1.0))):
            name = f"mesa {number}"
            line = self.canvas.noise.line(name, self.canvas.width, cells=cells * self.span * 2.2, octaves=6, gain=0.42)
            table = 0.62 * smoothstep(0.50, 0.545, line) + 0.30 * smoothstep(0.38, 0.52, line) + 0.10 * line
            crest = (self.horizon + 0.07 + 0.05 * number) * self.canvas.height - rise * self.canvas.unit * table
            paint_mesas(
                self.land,
                name,
                crest.astype(np.float32),
                albedo="#c8683f",
                far=far,
                depth=(rise + 0.05) * self.canvas.unit,
            )

    def headlands(self) -> None:
        """Far tongues of land that leave most of the sea's horizon open."""
        for number, (far, rise) in enumerate(((0.80, 0.10), (0.55, 0.13))):
            if self.random.rand() < 0.3:
                continue
            line = self.canvas.noise.line(
                f"headland {number}", self.canvas.width, cells=3.0 * self.span, octaves=6, gain=0.48
            )
            place = self.canvas.x[0] if (self.random.rand() < 0.5) else 1 - self.canvas.x[0]
            reach = 0.30 + 0.35 * self.random.rand()
            shape = smoothstep(reach, reach * 0.25, place) * (0.35 + 0.9 * line)
            crest = self.base + 2 - rise * self.canvas.unit * shape
            paint_hill(
                self.land,
                f"headland {number}",
                crest.astype(np.float32),
                albedo="#6e7466",
                far=far,
                depth=0.16 * self.canvas.unit,
                snow=self.scene.snowy,
            )

    def shores(self) -> None:
        """Wooded hills that come down to the far side of the water."""
        wooded = "forest" in self.scene.grounds or self.random.rand() < 0.6
        for number, (far, rise) in enumerate(((0.50, 0.17), (0.26, 0.10))):
            name = f"shore {number}"
            line = self.canvas.noise.line(
                name, self.canvas.width, cells=(1.5 + number) * self.span, octaves=5, gain=0.42
            )
            lean = smoothstep(0.75, 0.15, self.canvas.x[0] if number else 1 - self.canvas.x[0])
            crest = self.base + 2 - rise * self.canvas.unit * np.clip(line * 1.5 - 0.35, -0.1, 1) * (0.25 + lean)
            crest = crest.astype(np.float32)
            tall = (0.030 + 0.016 * number) * self.canvas.unit
            trees = foliage.tree_line(self.canvas, name, crest, tall, 1.6) if wooded else None
            paint_hill(
                self.land,
                name,
                crest,
                trees=trees,
                albedo="#4d6347" if wooded and not self.scene.snowy else self.green,
                far=far,
                depth=0.14 * self.canvas.unit,
                fog=0.4 * self.mood.fog,
            )

    def water(self) -> None:
        """Water in front, and what stands in it."""
        canvas, scene = self.canvas, self.scene
        lit = "lighthouse" in scene.figures
        place = 0.30 if self.land.light.x > canvas.width / 2 else 0.70
        place = (place + 0.05 * (self.random.rand() - 0.5)) * canvas.width
        if lit:
            self.rock(place)
            figures.lighthouse(self.land, place, self.base - 0.085 * canvas.unit, 0.25 * canvas.unit)
        rough = 0.9 if scene.water == "sea" else 0.30
        paint_water(
            canvas, self.mood, self.land.light, int(self.base), rough=min(1.0, rough + 0.3 * (scene.mood == "storm"))
        )
        paint_mist(canvas, self.mood, "water mist", self.base, 0.045 * canvas.unit, 0.7 * self.mood.fog)
        if "boat" in scene.figures or (scene.water == "sea" and not lit and self.random.rand() < 0.45):
            x = canvas.width - place + 0.06 * canvas.width * (self.random.rand() - 0.5)
            size = (0.20 if "boat" in scene.figures else 0.11) * canvas.unit
            figures.boat(self.land, x, self.base + 0.35 * size + 0.05 * canvas.unit, size)
        if scene.mood == "tropical":
            self.beach()
        elif scene.water == "lake" and "city" not in scene.grounds and self.random.rand() < 0.7:
            self.frame()

    def rock(self, place: float) -> None:
        """A rocky tongue of land under a lighthouse."""
        canvas = self.canvas
        x = (np.arange(canvas.width, dtype=np.float32) - place) / canvas.unit
        line = canvas.noise.line("rock", canvas.width, cells=7 * self.span, octaves=6, gain=0.55)
        side = -1 if place < canvas.width / 2 else 1
        wide = np.where(x * side > 0, 0.55, 0.20)
        shape = np.exp(-((np.abs(x) / wide) ** 2.2)) * (0.085 + 0.06 * (line - 0.5) * smoothstep(0.02, 0.09, np.abs(x)))
        crest = np.where(shape > 0.004, self.base + 1 - canvas.unit * shape, self.base + 3).astype(np.float32)
        paint_range(
            self.land,
            "rock",
            crest,
            albedo="#6a665f",
            far=0.10,
            relief=0.9,
            depth=0.12 * canvas.unit,
            snow=0.6 if self.scene.snowy else 0,
            fog=0.1,
        )

    def beach(self) -> None:
        """Sand in the foreground, and palms."""
        canvas = self.canvas
        line = canvas.noise.line("beach", canvas.width, cells=1.0 * self.span, octaves=3)
        lean = canvas.x[0] if self.side < 0 else 1 - canvas.x[0]
        crest = canvas.height * (1.06 - 0.17 * smoothstep(0.1, 1.0, lean)) - 0.05 * canvas.unit * line
        crest = crest.astype(np.float32)
        foam = np.exp(
            -(
                (
                    (np.arange(canvas.height, dtype=np.float32)[:, None] - crest[None, :] + 0.008 * canvas.unit)
                    / (0.006 * canvas.unit)
                )
                ** 2
            )
        )
        canvas.shine((1.0, 1.0, 1.0), foam * 0.75)
        paint_dunes(self.land, "beach", crest, albedo="#e8cfa0", far=0.0, depth=0.5 * canvas.unit)
        lean_side = 1 if self.side < 0 else -1
        for number in range(3):
            x = (0.97 - 0.09 * number) if self.side < 0 else (0.03 + 0.09 * number)
            column = int(np.clip(x * canvas.width, 0, canvas.width - 1))
            ink, rim = (
                np.stack(self.land.ink(colour(text), lit, 0.0)) for text, lit in (("#3c5a36", 0.2), ("#7fa648", 0.9))
            )
            size, lean = canvas.unit * (0.60 - 0.12 * number), (0.10 + 0.12 * number) * -lean_side
            foliage.palm(
                canvas, x * canvas.width, float(crest[column]) + 0.02 * canvas.unit, size, ink=ink, rim=rim, lean=lean
            )

    def frame(self) -> None:
        """A near bank with conifers at one side, which frames the view."""
        canvas = self.canvas
        line = canvas.noise.line("bank", canvas.width, cells=2.0 * self.span, octaves=4)
        lean = canvas.x[0] if self.side < 0 else 1 - canvas.x[0]
        crest = canvas.height * (1.04 - 0.16 * smoothstep(0.50, 1.0, lean)) - 0.03 * canvas.unit * line
        crest = crest.astype(np.float32)
        ink = np.stack(self.land.ink(colour("#33483a"), 0.10, 0.03)) * 0.75
        rim = np.stack(self.land.ink(colour("#e8eef6" if self.scene.snowy else "#56704a"), 0.75, 0.04))
        covered = np.where(lean > 0.62, crest, canvas.height * 1.4)
        foliage.conifers(
            canvas,
            "frame",
            covered,
            tall=0.46 * canvas.unit,
            count=int(30 * self.span),
            ink=ink,
            rim=rim,
            side=self.side,
        )
        paint_hill(
            self.land,
            "bank",
            crest,
            albedo="#4a5a40" if not self.scene.snowy else "#dfe8f2",
            far=0.0,
            depth=0.3 * canvas.unit,
            fog=0.0,
            snow=self.scene.snowy,
        )

    def near_land(self) -> None:
        """Land in front, down to the bottom edge."""
        grounds = self.scene.grounds
        if "dunes" in grounds:
            self.dunes()
        elif "city" in grounds:
            self.street()
        elif "mesas" in grounds:
            self.dunes(red=True)
        else:
            self.hills(wooded="forest" in grounds)

    def dunes(self, *, red: bool = False) -> None:
        """Five dunes, the near ones large; or the red plain before table mountains."""
        for number in range(5):
            t = number / 4
            crest = self.crest(
                f"dune {number}",
                self.horizon + 0.04 + 0.34 * t**1.3,
                0.10 + 0.12 * t,
                1.9 - 0.9 * t,
                octaves=2,
                gain=0.25,
                ridged=not red,
            )
            paint_dunes(
                self.land,
                f"dune {number}",
                crest,
                albedo="#b9643f" if red else "#d99a5b",
                far=0.62 * (1 - t) ** 1.2,
                depth=(0.14 + 0.3 * t) * self.canvas.unit,
            )

    def street(self) -> None:
        """A dark park with trees below the skyline."""
        crest = self.crest("park", self.horizon + 0.09, 0.05, 2.5, octaves=5)
        trees = foliage.tree_line(self.canvas, "park", crest, 0.028 * self.canvas.unit, 2.4)
        paint_hill(
            self.land, "park", crest, trees=trees, albedo="#3f5340", far=0.06, depth=0.3 * self.canvas.unit, fog=0.0
        )
        paint_hill(
            self.land,
            "lawn",
            self.crest("lawn", self.horizon + 0.20, 0.06, 0.9, octaves=3),
            albedo=self.green,
            far=0.0,
            depth=0.3 * self.canvas.unit,
            fog=0.0,
        )

    def hills(self, *, wooded: bool) -> None:
        """Hills one before the other, wooded or open, with trees, a cabin or flowers in front."""
        canvas, land = self.canvas, self.land
        count = 5
        for number in range(count):
            t = number / (count - 1)
            name = f"hill {number}"
            crest = self.crest(
                name, self.horizon + 0.065 + 0.33 * t**1.25, 0.15 - 0.02 * t, 1.5 - 0.6 * t, octaves=5, gain=0.38
            )
            near_open = "meadow" in self.scene.grounds and number >= 2
            trees = (wooded or (number % 2 == 0 and self.random.rand() < 0.6)) and not near_open
            line = None
            if trees and number < 3:
                line = foliage.tree_line(canvas, name, crest, (0.030 + 0.030 * t) * canvas.unit, 2.2 if wooded else 0.7)
            far = 0.64 * (1 - t) ** 1.15 + 0.02
            if trees and number >= 2 and wooded:
                self.stand(name, crest, t, far)
            albedo = "#40583d" if wooded and not self.scene.snowy else self.green
            paint_hill(
                land,
                name,
                crest,
                trees=line,
                albedo=albedo,
                far=far,
                depth=(0.16 + 0.1 * t) * canvas.unit,
                fog=0.8 * self.mood.fog * (1 - 0.7 * t),
                snow=self.scene.snowy and not (wooded and number < 3),
            )
            if number == 3 and LANDMARKS & set(self.scene.figures):
                self.landmark(crest)
            if number < 3:
                row = float(crest.mean()) + 0.09 * canvas.unit
                paint_mist(
                    canvas, self.mood, f"hill mist {number}", row, 0.06 * canvas.unit, 0.75 * self.mood.fog * far
                )
        if "meadow" in self.scene.grounds or (not wooded and not self.scene.snowy and self.random.rand() < 0.6):
            tip = np.stack(land.ink(colour(self.green), 0.9, 0.0))
            blooms = [
                np.stack(land.ink(colour(text), 0.8, 0.0)) * 0.5 + colour(text) * 0.5 * (1 - 0.6 * self.mood.backlit)
                for text in FLOWERS
            ]
            bloom = "meadow" in self.scene.grounds and not self.scene.snowy
            foliage.grass(canvas, canvas.height * 0.84, ink=tip * 0.45, tip=tip, flowers=blooms if bloom else None)

    def stand(self, name: str, crest: Plane, t: float, far: float) -> None:
        """Single conifers on a near crest."""
        dark = np.stack(self.land.ink(colour("#2f4638"), 0.10, far * 0.8)) * 0.85
        rim = np.stack(self.land.ink(colour("#e9eff7" if self.scene.snowy else "#5d7a50"), 0.8, far * 0.8))
        tall = self.canvas.unit * (0.10 + 0.42 * max(0.0, t - 0.5))
        foliage.conifers(
            self.canvas,
            name,
            crest,
            tall=tall,
            count=int(120 * self.span * (1.12 - t) ** 1.1),
            ink=dark,
            rim=rim,
            side=self.side,
            clearing=self.clearing,
        )

    def landmark(self, crest: Plane) -> None:
        """A cabin or a single tree on a near hill."""
        canvas = self.canvas
        place = self.place
        column = int(place * canvas.width)
        foot = float(crest[min(column, canvas.width - 1)])
        if {"tree", "acacia"} & set(self.scene.figures):
            self.tree(place * canvas.width, foot + 0.03 * canvas.unit)
        if "cabin" in self.scene.figures:
            shift = 0.20 * canvas.unit if {"tree", "acacia"} & set(self.scene.figures) else 0.0
            figures.cabin(
                self.land,
                place * canvas.width + shift,
                foot + 0.025 * canvas.unit,
                0.15 * canvas.unit,
                snow=self.scene.snowy,
            )

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
        foliage.broad_tree(self.canvas, x, foot, size, leaf=inks[0], rim=inks[1], bark=bark, side=self.side, flat=flat)

    def people_the_sky(self) -> None:
        """Balloons and birds."""
        if "balloons" in self.scene.figures:
            figures.balloons(self.land, self.horizon, 6)
        wild = (
            self.random.rand() < 0.5 and self.mood.stars < 0.5 and not self.scene.falling and self.scene.mood != "storm"
        )
        if "birds" in self.scene.figures or wild:
            figures.birds(self.land, self.horizon, 17 if "birds" in self.scene.figures else 7)
