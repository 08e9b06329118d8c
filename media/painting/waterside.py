"""The near half of a landscape with water: waves, and what stands in and beside them."""

from __future__ import annotations

import numpy as np

from . import figures, foliage
from .canvas import colour
from .noise import smoothstep
from .stage import Stage
from .terrain import Ground, paint_dunes, paint_hill, paint_range
from .water import paint_water
from .weather import paint_mist

__all__ = ["paint_waterside"]


def paint_waterside(stage: Stage) -> None:
    """Water in front, and what stands in it."""
    canvas, scene = stage.canvas, stage.scene
    lit = "lighthouse" in scene.figures
    place = 0.30 if stage.land.light.x > canvas.width / 2 else 0.70
    place = (place + 0.05 * (stage.random.rand() - 0.5)) * canvas.width
    if lit:
        _rock(stage, place)
        figures.lighthouse(stage.land, place, stage.base - 0.085 * canvas.unit, 0.25 * canvas.unit)
    elif stage.has_landmark:
        _knoll(stage, place)
    rough = 0.9 if scene.water == "sea" else 0.30
    paint_water(
        canvas, stage.mood, stage.land.light, int(stage.base), rough=min(1.0, rough + 0.3 * (scene.mood == "storm"))
    )
    paint_mist(canvas, stage.mood, "water mist", stage.base, 0.045 * canvas.unit, 0.7 * stage.mood.fog)
    if "boat" in scene.figures or (scene.water == "sea" and not lit and stage.random.rand() < 0.45):
        x = canvas.width - place + 0.06 * canvas.width * (stage.random.rand() - 0.5)
        size = (0.20 if "boat" in scene.figures else 0.11) * canvas.unit
        figures.boat(stage.land, x, stage.base + 0.35 * size + 0.05 * canvas.unit, size)
    if scene.mood == "tropical":
        _beach(stage)
    elif scene.water == "lake" and "city" not in scene.grounds and stage.random.rand() < 0.7:
        _frame(stage)


def _rock(stage: Stage, place: float) -> None:
    """A rocky tongue of land under a lighthouse."""
    canvas = stage.canvas
    x = (np.arange(canvas.width, dtype=np.float32) - place) / canvas.unit
    line = canvas.noise.line("rock", canvas.width, cells=7 * stage.span, octaves=6, gain=0.55)
    side = -1 if place < canvas.width / 2 else 1
    wide = np.where(x * side > 0, 0.55, 0.20)
    shape = np.exp(-((np.abs(x) / wide) ** 2.2)) * (0.085 + 0.06 * (line - 0.5) * smoothstep(0.02, 0.09, np.abs(x)))
    crest = np.where(shape > 0.004, stage.base + 1 - canvas.unit * shape, stage.base + 3).astype(np.float32)
    paint_range(
        stage.land,
        "rock",
        crest,
        Ground(albedo="#6a665f", far=0.10, depth=0.12 * canvas.unit, fog=0.1),
        relief=0.9,
        snow=0.6 if stage.scene.snowy else 0,
    )


def _knoll(stage: Stage, place: float) -> None:
    """A low tongue of land with a cabin or a tree, mirrored by the water."""
    canvas = stage.canvas
    x = (np.arange(canvas.width, dtype=np.float32) - place) / canvas.unit
    outward = -1 if place < canvas.width / 2 else 1
    wide = np.where(x * outward > 0, 0.75, 0.26)
    line = canvas.noise.line("knoll", canvas.width, cells=4 * stage.span, octaves=4)
    shape = np.exp(-((np.abs(x) / wide) ** 2.4)) * (0.048 + 0.022 * line)
    crest = np.where(shape > 0.004, stage.base + 1 - canvas.unit * shape, stage.base + 3).astype(np.float32)
    paint_hill(
        stage.land,
        "knoll",
        crest,
        Ground(albedo=stage.green, far=0.10, depth=0.1 * canvas.unit, fog=0.1),
        snow=stage.scene.snowy,
    )
    foot = float(crest[min(canvas.width - 1, int(place))]) + 0.012 * canvas.unit
    tree = bool({"tree", "acacia"} & set(stage.scene.figures))
    if tree:
        stage.tree(place, foot)
    if "cabin" in stage.scene.figures:
        stage.cabin(place + (0.17 * outward * canvas.unit if tree else 0), foot)


def _beach(stage: Stage) -> None:
    """Sand in the foreground, and palms."""
    canvas = stage.canvas
    line = canvas.noise.line("beach", canvas.width, cells=1.0 * stage.span, octaves=3)
    lean = canvas.x[0] if stage.side < 0 else 1 - canvas.x[0]
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
    paint_dunes(stage.land, "beach", crest, Ground(albedo="#ffe2b4", far=0.0, depth=0.5 * canvas.unit))
    lean_side = 1 if stage.side < 0 else -1
    for number in range(3):
        x = (0.97 - 0.09 * number) if stage.side < 0 else (0.03 + 0.09 * number)
        column = int(np.clip(x * canvas.width, 0, canvas.width - 1))
        ink, rim = (
            np.stack(stage.land.ink(colour(text), lit, 0.0)) for text, lit in (("#3c5a36", 0.2), ("#7fa648", 0.9))
        )
        size, lean = canvas.unit * (0.60 - 0.12 * number), (0.10 + 0.12 * number) * -lean_side
        foliage.palm(
            canvas, x * canvas.width, float(crest[column]) + 0.02 * canvas.unit, size, ink=ink, rim=rim, lean=lean
        )


def _frame(stage: Stage) -> None:
    """A near bank with conifers at one side, which frames the view."""
    canvas = stage.canvas
    line = canvas.noise.line("bank", canvas.width, cells=2.0 * stage.span, octaves=4)
    lean = canvas.x[0] if stage.side < 0 else 1 - canvas.x[0]
    crest = canvas.height * (1.04 - 0.16 * smoothstep(0.50, 1.0, lean)) - 0.03 * canvas.unit * line
    crest = crest.astype(np.float32)
    ink = np.stack(stage.land.ink(colour("#33483a"), 0.10, 0.03)) * 0.75
    rim = np.stack(stage.land.ink(colour("#e8eef6" if stage.scene.snowy else "#56704a"), 0.75, 0.04))
    covered = np.where(lean > 0.62, crest, canvas.height * 4.0)
    foliage.conifers(
        canvas,
        "frame",
        covered,
        foliage.Leaves(ink, rim, stage.side),
        tall=0.46 * canvas.unit,
        count=round(30 * stage.span),
    )
    paint_hill(
        stage.land,
        "bank",
        crest,
        Ground(albedo="#4a5a40" if not stage.scene.snowy else "#dfe8f2", far=0.0, depth=0.3 * canvas.unit, fog=0.0),
        snow=stage.scene.snowy,
    )
