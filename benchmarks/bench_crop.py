"""How much of a marked subject crops keep: at the middle, at the default place, and with `gravity="smart"`.

Photographs come from scikit-image and scikit-learn where they are installed (`pip install scikit-image scikit-learn`); scenes
are painted by `local:landscape`, which tells where it put its lighthouse or boat. `python benchmarks/bench_crop.py`
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from prefect_media.media.images.attention import attention, smart_focus
from prefect_media.media.images.fitting import Fitted, fitted_size
from prefect_media.media.painting import figures
from prefect_media.media.painting.landscape import paint_picture

Mark = tuple[float, float, float, float]
Marked = tuple[str, str, Image.Image, Mark]

SHAPES = (9 / 16, 4 / 5, 1.0, 16 / 9, 2.39)
MARKS: dict[str, Mark] = {
    "skimage/data/astronaut.png": (0.29, 0.02, 0.60, 0.40),
    "skimage/data/camera.png": (0.28, 0.12, 0.65, 0.50),
    "skimage/data/chelsea.png": (0.30, 0.20, 0.80, 0.90),
    "skimage/data/coffee.png": (0.28, 0.03, 0.72, 0.52),
    "skimage/data/rocket.jpg": (0.46, 0.30, 0.54, 1.00),
    "skimage/data/motorcycle_left.png": (0.15, 0.20, 0.93, 0.90),
    "skimage/data/clock_motion.png": (0.36, 0.30, 0.70, 0.72),
    "sklearn/datasets/images/china.jpg": (0.10, 0.07, 0.57, 0.90),
    "sklearn/datasets/images/flower.jpg": (0.26, 0.20, 0.70, 0.78),
}
"""Subjects marked by hand (faces, the cup, the rocket ...): left, top, right, bottom, as fractions."""
MARGIN = 0.03
"""What is left beyond a subject that a photograph was cut close to."""
ROOM = 0.75
"""A subject that fills more than this of a side is not at an edge."""
PROMPTS = (
    "a lighthouse at dawn",
    "a lighthouse in a storm at night",
    "a sailing boat on a calm lake",
    "a red sail on the sea at dusk",
)
TUNED_ON, HELD_OUT = range(4), range(11, 16)


def photographs() -> Iterator[Marked]:
    """Yield every photograph as it is, and cut so that its subject is close to one edge."""
    for name, mark in MARKS.items():
        spec = importlib.util.find_spec(name.split("/", 1)[0])
        if spec is None or spec.origin is None:
            continue
        with Image.open(Path(spec.origin).parents[1] / name) as file:
            picture = file.convert("RGB")
        yield "photographs", name, picture, mark
        left, top, right, bottom = mark
        windows: list[Mark] = [
            (max(0.0, left - MARGIN), 0, 1, 1), (0, 0, min(1.0, right + MARGIN), 1),
            (0, max(0.0, top - MARGIN), 1, 1), (0, 0, 1, min(1.0, bottom + MARGIN)),
        ]  # fmt: skip
        for number, window in enumerate(windows):
            part, inside = _cut(picture, mark, window)
            side = inside[2] - inside[0] if number < 2 else inside[3] - inside[1]
            if side < ROOM:
                yield "subject at an edge", name, part, inside


def _cut(picture: Image.Image, mark: Mark, window: Mark) -> tuple[Image.Image, Mark]:
    sides = (picture.width, picture.height) * 2
    part = picture.crop([round(edge * side) for edge, side in zip(window, sides, strict=True)])  # pyright: ignore[reportArgumentType]
    wide, high = window[2] - window[0], window[3] - window[1]
    inside = [
        min(1.0, max(0.0, (edge - window[number % 2]) / (wide, high)[number % 2])) for number, edge in enumerate(mark)
    ]
    return part, (inside[0], inside[1], inside[2], inside[3])


def scenes(seeds: range, group: str) -> Iterator[Marked]:
    """Yield painted pictures with the place of their figure."""
    width, height = 960, 540
    places: list[Mark] = []
    lighthouse, boat = figures.lighthouse, figures.boat

    def tower(land: Any, x: float, foot: float, size: float) -> None:
        places.append((x - 0.3 * size, foot - 1.1 * size, x + 0.3 * size, foot))
        lighthouse(land, x, foot, size)

    def vessel(land: Any, x: float, line: float, size: float) -> None:
        places.append((x - size / 2, line - size, x + size / 2, line + 0.1 * size))
        boat(land, x, line, size)

    figures.lighthouse, figures.boat = tower, vessel
    with tempfile.TemporaryDirectory() as folder:
        for prompt in PROMPTS:
            for seed in seeds:
                places.clear()
                target = Path(folder) / "scene.png"
                paint_picture(target, prompt=prompt, width=width, height=height, seed=seed)
                with Image.open(target) as file:
                    left, top, right, bottom = places[0]
                    mark = (left / width, top / height, right / width, bottom / height)
                    yield group, prompt, file.convert("RGB"), mark
    figures.lighthouse, figures.boat = lighthouse, boat


def kept(plan: Fitted, mark: Mark, size: tuple[int, int]) -> float:
    """Return how much of the subject is kept, of what a crop of this size could keep."""
    most = share = 1.0
    for start, end, side in ((0, 2, size[0]), (1, 3, size[1])):
        low, high = mark[start] * side, min(1.0, mark[end]) * side
        share *= max(0.0, min(plan.box[end], high) - max(plan.box[start], low))
        most *= min(plan.box[end] - plan.box[start], high - low)
    return share / most


def crops(picture: Image.Image, mark: Mark) -> Iterator[tuple[float, float, float]]:
    """Yield, for each shape, what the middle, the default place and the smart one keep."""
    shares, size = attention(picture), picture.size
    for shape in SHAPES:
        if abs(shape / (size[0] / size[1]) - 1) < 0.05:
            continue
        box = {"width": round(400 * shape**0.5), "height": round(400 / shape**0.5)}
        usual = fitted_size(*size, **box)
        focus = smart_focus(shares, usual, *size)
        plans = fitted_size(*size, gravity="center", **box), usual, fitted_size(*size, focus=focus, **box)
        yield kept(plans[0], mark, size), kept(plans[1], mark, size), kept(plans[2], mark, size)


def main() -> None:
    """Print a line for each group of pictures: the mean and the worst, and how often smart is better or worse."""
    groups: dict[str, list[tuple[float, float, float]]] = {}
    for marked in (photographs(), scenes(TUNED_ON, "scenes"), scenes(HELD_OUT, "scenes held out")):
        for group, _, picture, mark in marked:
            groups.setdefault(group, []).extend(crops(picture, mark))
    for group, found in groups.items():
        middle, usual, smart = np.array(found).T
        columns = [
            f"{name} {each.mean():.3f} (worst {each.min():.2f})"
            for name, each in (("middle", middle), ("default", usual), ("smart", smart))
        ]
        better, worse = int((smart > usual + 0.02).sum()), int((smart < usual - 0.02).sum())
        print(f"{group:20s} {len(found):4d} crops  {'  '.join(columns)}  better {better}, worse {worse}")


if __name__ == "__main__":
    main()
