"""How a published schema lets one choose the size of a picture, as the size rule of a card."""

from __future__ import annotations

import re
from itertools import pairwise, product
from typing import Any

from ...media.facts import ratio_of
from .schema import Field
from .sketch import Sketch

__all__ = ["place_size"]

PRESETS = {
    "square_hd": (1024, 1024), "square": (512, 512), "portrait_4_3": (768, 1024), "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768), "landscape_16_9": (1024, 576),
}  # fmt: skip
"""fal's named sizes, as its documentation of the FLUX family gives them; other families may scale them."""
RATIOS = ("aspect_ratio", "ratio")
RESOLUTIONS = ("resolution", "video_resolution", "quality_resolution")
SIZES = ("image_size", "size", "video_size", "image_dimensions")
LINES = re.compile(r"(\d{3,4})p", re.IGNORECASE)
RATIO = re.compile(r"[1-9]\d{0,3}(\.\d{1,4})?:[1-9]\d{0,3}(\.\d{1,4})?")
PIXELS = re.compile(r"(\d{2,5})\s*[x*×]\s*(\d{2,5})")
FOLLOWS = frozenset({"auto", "adaptive", "match_input_image", "match_input", "original", "keep_ratio", "default"})
LARGEST_PX = 16384
MAX_ROWS = 200


def place_size(sketch: Sketch) -> None:
    """Give the card its size rule, from the fields that tell one."""
    kind = sketch.ability.shape.kind
    if kind not in ("image", "video"):
        return
    sketch.size = _sides(sketch) or _named(sketch) or _shaped(sketch) or _of_input(sketch)
    if sketch.size is None:
        sketch.miss("size", f"no field sets the size of the {kind}; write a size rule if you know what comes back.")


def _leading(sketch: Sketch) -> str:
    return next((name for name in ("image", "images", "video") if name in sketch.inputs), "")


def _sides(sketch: Sketch) -> dict[str, Any] | None:
    """Two numbers of pixels."""
    width, height = sketch.find(("width",)), sketch.find(("height",))
    if not width or not height or None in (grid := [_grid(width), _grid(height)]):
        return None
    if not isinstance(width.default, int) or not isinstance(height.default, int):
        return None
    one, other = (each for each in grid if each is not None)
    low, high, multiple = max(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2])
    sides = (width.default, height.default)
    if low > min(sides) or high < max(sides) or any(side % multiple for side in sides):
        return None
    for name in ("width", "height"):
        sketch.take((name,))
    if width.maximum is None and not width.choices:
        text = f"the schema names no largest side; sides up to {high} px, twice the default, are allowed until then."
        sketch.miss("size", text)
    if multiple == 1:
        sketch.miss("size", "the schema names no multiple; many models want sides that are multiples of 8 or 16.")
    rule: dict[str, Any] = {
        "strategy": "pixels", "fields": [width.name, height.name], "default": list(sides), "min_px": low, "max_px": high,
        "multiple": multiple,
    }  # fmt: skip
    return rule | ({"like": _leading(sketch)} if _leading(sketch) else {})


def _grid(side: Field) -> tuple[int, int, int] | None:
    """Return smallest and largest side and the multiple; None when the sides are on no grid."""
    if side.choices:
        values = sorted(value for value in side.choices if isinstance(value, int) and value > 0)
        steps = {after - before for before, after in pairwise(values)}
        if (
            len(values) != len(side.choices)
            or len(steps) > 1
            or any(value % step for value in values for step in steps)
        ):
            return None
        return values[0], values[-1], next(iter(steps), values[0])
    if side.type != "integer":
        return None
    default = side.default if isinstance(side.default, int) else 1024
    high = int(side.maximum) if side.maximum is not None else 2 * default
    return max(1, int(side.minimum or 1)), max(1, min(high, LARGEST_PX)), int(side.step or 1)


def _named(sketch: Sketch) -> dict[str, Any] | None:
    """A table of named sizes, or of `WxH`."""
    item = sketch.find(SIZES, "choice")
    if item is None:
        return None
    rows: list[dict[str, Any]] = []
    for value in item.choices:
        px = PRESETS.get(str(value)) or _px(value)
        rows.append({"is": [value]} | ({"px": list(px), "ratio": _ratio(px)} if px else _follow(sketch, str(value))))
    if not any("px" in row for row in rows):
        return None
    sketch.take((item.name.lower(),))
    _default(sketch, item)
    presets = any(str(value) in PRESETS for value in item.choices)
    if presets:
        sketch.guessed.append("Pixel sizes of the named sizes: those of fal's FLUX models.")
        sketch.miss("size", "pixels of the named sizes are those of fal's FLUX models; see what this model returns.")
    return (
        {"strategy": "choices", "fields": [item.name]}
        | ({"exact": False} if presets else {})
        | {"rows": _first(rows, [item.default])}
    )


def _px(value: object) -> tuple[int, int] | None:
    found = PIXELS.search(str(value))
    return (
        (int(found[1]), int(found[2]))
        if found and 0 < int(found[1]) <= LARGEST_PX and 0 < int(found[2]) <= LARGEST_PX
        else None
    )


def _ratio(px: tuple[int, int]) -> str:
    ratio = ratio_of(f"{px[0]}:{px[1]}")
    return f"{ratio.numerator}:{ratio.denominator}"


def _shaped(sketch: Sketch) -> dict[str, Any] | None:
    """An aspect ratio, a resolution, or both."""
    shape, lines = sketch.find(RATIOS, "choice"), sketch.find(RESOLUTIONS, "choice")
    given = [item for item in (shape, lines) if item]
    if not given:
        return None
    rows = [_row(sketch, values, shape, lines) for values in product(*(item.choices for item in given))]
    if len(rows) > MAX_ROWS or not (shape or all("px" in row or "follow" in row for row in rows)):
        return None
    for item in given:
        sketch.take((item.name.lower(),))
        _default(sketch, item)
    if not all("px" in row or "follow" in row for row in rows):
        sketch.miss(
            "size", "the schema does not say how many pixels each row gives; add px = [width, height] where you know."
        )
    elif any("px" in row for row in rows):
        sketch.guessed.append("Pixel sizes: worked out from ratio and resolution.")
    return {
        "strategy": "choices",
        "fields": [item.name for item in given],
        "exact": False,
        "rows": _first(rows, [item.default for item in given]),
    }


def _row(sketch: Sketch, values: tuple[Any, ...], shape: Field | None, lines: Field | None) -> dict[str, Any]:
    named = str(values[0]) if shape else ""
    height = LINES.fullmatch(str(values[-1])) if lines else None
    row: dict[str, Any] = {"is": list(values)}
    if px := _px(values[-1]) if lines else None:
        return row | {"px": list(px), "ratio": _ratio(px)}
    if not RATIO.fullmatch(named):
        return row | _follow(sketch, named)
    ratio = ratio_of(named)
    if height:
        short = int(height[1])
        long = round(short * max(ratio, 1 / ratio) / 2) * 2
        row["px"] = [long, short] if ratio >= 1 else [short, long]
    return row | {"ratio": f"{ratio.numerator}:{ratio.denominator}"}


def _follow(sketch: Sketch, word: str) -> dict[str, Any]:
    """A size that is not named follows the picture, when there is one."""
    leading = _leading(sketch)
    return {"follow": leading} if leading and (word.lower() in FOLLOWS or not word) else {}


def _default(sketch: Sketch, item: Field) -> None:
    if item.default not in item.choices:
        sketch.miss(
            "size",
            f"the schema names no default {item.name}; the first, {item.choices[0]}, is sent when none is asked.",
        )


def _first(rows: list[dict[str, Any]], default: list[Any]) -> list[dict[str, Any]]:
    """Put the default row first, as a card wants it."""
    return sorted(rows, key=lambda row: row["is"] != default)


def _of_input(sketch: Sketch) -> dict[str, Any] | None:
    """Nothing sets the size and there is a picture: it follows that, perhaps."""
    leading = _leading(sketch)
    if not leading:
        return None
    rule: dict[str, Any] = {"strategy": "input", "input": leading, "exact": False}
    if sketch.capability == "upscale" and "scale" in sketch.parameters:
        rule["scale"] = "scale"
    elif sketch.capability == "upscale":
        sketch.miss("size", "the schema names no factor; write scale = 4, or what it is.")
    sketch.guessed.append(f"That the size follows the {leading}.")
    return rule
