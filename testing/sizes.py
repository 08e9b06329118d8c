"""Pixel sizes that providers document for ratio names, presets and resolution classes (read 2026-11-23)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..media.measure import Measured

__all__ = ["size_of"]

# fal's `image_size` presets, as the flux family uses them.
PRESETS = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}


def _table(text: str) -> dict[str, tuple[int, int]]:
    pairs = (item.split() for item in text.split(","))
    return {ratio: (int(size.split("x")[0]), int(size.split("x")[1])) for ratio, size in pairs}


RATIOS = {
    # FLUX.1 on Replicate, from its published predictor source.
    "flux": _table(
        "1:1 1024x1024,16:9 1344x768,21:9 1536x640,3:2 1216x832,2:3 832x1216,4:5 896x1088,5:4 1088x896,"
        "3:4 896x1152,4:3 1152x896,9:16 768x1344,9:21 640x1536"
    ),
    # Gemini 2.5 flash image (Nano Banana), vendor table.
    "nano": _table(
        "1:1 1024x1024,2:3 832x1248,3:2 1248x832,3:4 864x1184,4:3 1184x864,4:5 896x1152,5:4 1152x896,"
        "9:16 768x1344,16:9 1344x768,21:9 1536x672"
    ),
    # Gemini 3 pro image and 3.1 flash image at 1K, vendor table; 2K doubles it, 4K doubles that.
    "nano-pro": _table(
        "1:1 1024x1024,2:3 848x1264,3:2 1264x848,3:4 896x1200,4:3 1200x896,4:5 928x1152,5:4 1152x928,"
        "9:16 768x1376,16:9 1376x768,21:9 1584x672"
    ),
    # Imagen 4 at 1K; ratios beyond 1:1 and 16:9 are mirrored or approximate.
    "imagen": _table("1:1 1024x1024,16:9 1408x768,9:16 768x1408,4:3 1280x896,3:4 896x1280"),
    # FLUX 1.1 ultra, about 4 megapixels.
    "ultra": _table(
        "1:1 2048x2048,16:9 2752x1536,21:9 3136x1344,3:2 2496x1664,2:3 1664x2496,4:3 2368x1792,3:4 1792x2368,"
        "9:16 1536x2752,9:21 1344x3136"
    ),
}
SCALES = {"0.5K": 0.5, "1K": 1.0, "2K": 2.0, "4K": 4.0}
SHORT_SIDES = {
    "480p": 480,
    "512P": 512,
    "540p": 540,
    "580p": 580,
    "720p": 720,
    "768P": 768,
    "1080p": 1080,
    "1440p": 1440,
    "2160p": 2160,
    "4k": 2160,
}


def _even(value: float) -> int:
    return max(2, 2 * round(value / 2))


def _class_size(name: str, ratio: str) -> tuple[int, int]:
    """Return the size of a resolution class: its short side, and the long side that the ratio gives."""
    side = SHORT_SIDES.get(name, 720)
    across, down = (float(part) for part in ratio.split(":"))
    if name == "480p" and {across, down} == {16.0, 9.0}:
        return (832, 480) if across > down else (480, 832)
    if across >= down:
        return _even(side * across / down), side
    return side, _even(side * down / across)


def _nearest_ratio(media: Measured | None, names: tuple[str, ...]) -> str:
    if media is None or not media.height:
        return names[0]
    wanted = media.width / media.height
    return min(names, key=lambda name: abs(float(name.split(":")[0]) / float(name.split(":")[1]) - wanted))


def _image_size(value: Any) -> tuple[int, int]:
    if isinstance(value, Mapping):
        return int(value.get("width", 512)), int(value.get("height", 512))
    if isinstance(value, str) and "x" in value and value not in PRESETS:
        width, height = value.split("x")
        return int(width), int(height)
    return PRESETS.get(str(value), PRESETS["landscape_4_3"])


def size_of(rule: str, payload: Mapping[str, Any], media: Measured | None) -> tuple[int, int]:
    """Return width and height that a request gets.

    Args:
        rule: How its model decides: `image_size`, `pixels`, `ratio <table>`, `class [<default>]`, `input [<field>]`,
            fixed as `1024x576`, or `turned 1024x576`, which stands upright when its input does.
        payload: The request, defaults filled in.
        media: The first picture or video of its input, when it could be read.
    """
    name, _, argument = rule.partition(" ")
    if name == "image_size":
        return _image_size(payload.get("image_size"))
    if name == "pixels":
        return int(payload.get("width") or 1024), int(payload.get("height") or 1024)
    if name == "ratio":
        ratio = str(payload.get("aspect_ratio") or "1:1")
        ratio = ratio if ":" in ratio else _nearest_ratio(media, tuple(RATIOS[argument]))
        width, height = RATIOS[argument].get(ratio, (1024, 1024))
        scale = SCALES.get(str(payload.get("resolution") or payload.get("size") or "1K"), 1.0)
        scale *= 0.5 if payload.get("megapixels") == "0.25" else 1.0
        return _even(width * scale), _even(height * scale)
    if name == "class":
        ratio = str(payload.get("aspect_ratio") or "")
        ratio = ratio if ":" in ratio else _nearest_ratio(media, ("16:9", "9:16", "1:1"))
        return _class_size(str(payload.get("resolution") or argument or "720p"), ratio)
    if name == "input":
        factor = float(payload.get(argument) or 1) if argument else 1.0
        width, height = (media.width, media.height) if media and media.width else (512, 512)
        return max(1, round(width * factor)), max(1, round(height * factor))
    width, height = (int(side) for side in rule.removeprefix("turned ").split("x"))
    upright = media is not None and media.height > media.width and payload.get("sizing_strategy") != "crop_to_16_9"
    return (height, width) if name == "turned" and upright else (width, height)
