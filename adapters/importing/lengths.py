"""How a published schema lets one choose the length of a video or a sound, as the seconds rule of a card."""

from __future__ import annotations

import re
from typing import Any

from .names import FRAMES, SECONDS
from .schema import Field
from .sketch import Sketch

__all__ = ["place_seconds"]

WRITTEN = re.compile(r"(\d+(?:\.\d+)?)\s*(s|sec|seconds)?")


def place_seconds(sketch: Sketch) -> None:
    """Give the card its seconds rule, from the fields that tell one."""
    kind = sketch.ability.shape.kind
    if kind not in ("video", "audio"):
        return
    sketch.seconds = _chosen(sketch) or _counted(sketch) or _followed(sketch)
    if sketch.seconds is None:
        sketch.miss("seconds", f"no field sets the length of the {kind}; write a seconds rule if you know it.")


def _chosen(sketch: Sketch) -> dict[str, Any] | None:
    item = sketch.find(SECONDS, "choice", "integer", "number", "text")
    if item is None:
        return None
    unit = 1000 if item.name.lower().endswith("_ms") else 1
    rule = _of_choices(sketch, item) if item.choices else _of_range(sketch, item, unit)
    if rule is None:
        return None
    sketch.take((item.name.lower(),))
    return rule | ({"field": item.name} if item.name != "duration" else {}) | ({"multiply": unit} if unit > 1 else {})


def _of_choices(sketch: Sketch, item: Field) -> dict[str, Any] | None:
    read = {value: _seconds(value) for value in item.choices}
    lengths = sorted({seconds for seconds in read.values() if seconds})
    texts = {str(value) for value, seconds in read.items() if seconds and isinstance(value, str)}
    if not lengths or (texts and len(texts) != sum(bool(seconds) for seconds in read.values())):
        return None
    if "ms" in item.name.lower().split("_"):
        return None
    endings = {re.sub(r"^[\d.]+", "", text) for text in texts}
    if len(endings) > 1:
        return None
    default = _seconds(item.default)
    words = [str(value) for value, seconds in read.items() if not seconds]
    if words:
        sketch.remarks.append(f"{item.name} may also be {', '.join(words)}; only lengths in seconds are sent.")
    encode = {"encode": "{}" + endings.pop()} if endings else {}
    return {
        "strategy": "choices",
        "choices": lengths,
        "default": default if default in lengths else lengths[0],
    } | encode


def _seconds(value: Any) -> float | None:
    found = WRITTEN.fullmatch(str(value).strip()) if not isinstance(value, bool) else None
    number = float(found[1]) if found else 0.0
    return (int(number) if number == int(number) else number) if number > 0 else None


def _of_range(sketch: Sketch, item: Field, unit: int) -> dict[str, Any] | None:
    if item.type not in ("integer", "number"):
        return None
    default = item.default / unit if isinstance(item.default, (int, float)) and item.default > 0 else None
    if item.maximum is None and default is None:
        return None
    if item.maximum is None or item.maximum <= 0:
        sketch.miss(
            "seconds", f"the schema names no longest {item.name}; only the default, {default:g} s, is sent until then."
        )
        return {"strategy": "choices", "choices": [_plain(default)], "default": _plain(default)}
    low = max(item.minimum or 0, 0) / unit
    low = low or (1.0 if item.type == "integer" and unit == 1 else 0.1)
    high = item.maximum / unit
    rule = {"strategy": "range", "min_s": _plain(low), "max_s": _plain(high)}
    rule |= {"step_s": 1} if item.type == "integer" and unit == 1 else {}
    if default is not None and low <= default <= high:
        return rule | {"default": _plain(default)}
    sketch.miss("seconds", f"the schema names no default {item.name}; the model chooses the length when none is asked.")
    return rule


def _plain(value: float | None) -> float | None:
    return int(value) if value is not None and value == int(value) else value


def _counted(sketch: Sketch) -> dict[str, Any] | None:
    """A number of frames, when the frame rate is known."""
    item = sketch.find(FRAMES, "integer")
    if item is None or "fps" not in sketch.parameters or not isinstance(item.default, int) or item.default < 1:
        return None
    low = max(1, int(item.minimum)) if item.minimum is not None else item.default
    high = int(item.maximum) if item.maximum is not None else item.default
    if not low <= item.default <= high:
        return None
    if item.minimum is None or item.maximum is None:
        sketch.miss(
            "seconds", f"the schema does not limit {item.name} on both sides; the default stands for what is missing."
        )
    sketch.take((item.name.lower(),))
    return {
        "strategy": "frames", "field": item.name, "fps": "fps", "min_frames": low, "max_frames": high, "default": item.default,
    }  # fmt: skip


def _followed(sketch: Sketch) -> dict[str, Any] | None:
    """The length follows an input, or the text."""
    if sketch.capability == "speech":
        return {"strategy": "input", "input": "text"}
    source = next((name for name in ("video", "audio") if name in sketch.inputs), "")
    if not source or (sketch.capability not in ("lip-sync", "sound") and source != "video"):
        return None
    sketch.guessed.append(f"That the length follows the {source}.")
    longest = {"longest": "audio"} if sketch.capability == "lip-sync" and source == "video" else {}
    return {"strategy": "input", "input": source} | longest
