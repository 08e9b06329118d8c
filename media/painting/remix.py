"""Remix: regrade a picture's colours after a prompt, keeping its light and shade."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ImageFilter

from ..control import check_not_cancelled
from ..images.encoding import save_picture
from ..images.fit import load_rgb
from ..operation import operation
from .canvas import colour, from_oklab, to_oklab
from .noise import Noise, mixed
from .scenery import HUES, MOODS, read_scene

__all__ = ["LOOKS", "remix_image"]

STEPS = 25

LOOKS: dict[str, tuple[str, dict[str, float]]] = {
    "mono": (r"black.?and.?white|monochrome|\bnoir\b|gr[ae]yscale", {"chroma": 0.0, "contrast": 0.35}),
    "sepia": (
        r"sepia|vintage|antique|nostalgi",
        {"chroma": 0.25, "hue": 75.0, "tint": 0.055, "contrast": 0.1, "lift": 0.05},
    ),
    "faded": (r"faded|film|analog|matte|retro|polaroid", {"chroma": 0.75, "hue": 60.0, "tint": 0.02, "lift": 0.07}),
    "vivid": (r"vivid|vibrant|colou?rful|saturated|pop\b", {"chroma": 1.4, "contrast": 0.25}),
    "warm": (r"warm|cozy|cosy|golden", {"chroma": 1.1, "hue": 70.0, "tint": 0.03, "contrast": 0.1}),
    "cold": (r"cold|cool|chilly|blueish", {"chroma": 0.9, "hue": 245.0, "tint": 0.03, "contrast": 0.1}),
}
"""Looks by their words. `chroma` multiplies colour, `tint` adds it at an angle `hue`, `lift` raises the blacks."""


@operation(version=1)
def remix_image(source: Path, target: Path, *, prompt: str, seed: int = 0, quality: int | None = None) -> None:
    """Regrade a picture: a look or a colour that the prompt names, else the light of the scene that it describes.

    Size and transparency stay. No model is involved: what the picture shows does not change.

    Args:
        source: Any picture that is handled.
        target: File to write.
        prompt: For example `vintage`, `teal`, `at sunset`, `moonlit night`.
        seed: Varies what the prompt leaves open.
        quality: See `fit_image`.

    Raises:
        MediaError: The picture cannot be read, or the target not written.
    """
    image = load_rgb(source)
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    axis = np.linspace(0, 1, STEPS)
    blue, green, red = np.meshgrid(axis, axis, axis, indexing="ij")
    cube = np.stack([red, green, blue], -1).reshape(-1, 3)
    table = from_oklab(_graded(to_oklab(cube), prompt.lower(), Noise("remix", prompt, seed)))
    check_not_cancelled(f"remix '{source.name}'")
    result = image.convert("RGB").filter(ImageFilter.Color3DLUT(STEPS, table.astype(np.float32).ravel().tolist()))
    if alpha:
        result.putalpha(alpha)
    save_picture(result, target, quality=quality)


def _graded(lab: Any, text: str, noise: Noise) -> Any:
    for words, look in LOOKS.values():
        if re.search(words, text):
            return _look(lab, look)
    hue = next((angle for words, angle in HUES.values() if re.search(words, text)), None)
    if hue is not None:
        return _look(lab, {"chroma": 0.55, "hue": hue, "tint": 0.07, "contrast": 0.12})
    mood = MOODS[read_scene(text, noise).mood]
    # Shadows take the colour of the zenith, lights that of the sun, and the whole the tone of the horizon.
    shade, middle, light = (to_oklab(colour(ink).astype(np.float64)) for ink in (mood.sky[0], mood.haze, mood.light))
    level = np.clip(lab[:, :1], 0, 1)
    toned = mixed(mixed(shade[1:], middle[1:], np.clip(level * 2, 0, 1)), light[1:], np.clip(level * 2 - 1, 0, 1))
    graded = lab.copy()
    graded[:, 1:] = lab[:, 1:] * 0.72 + toned * 0.62 * (1 - (2 * level - 1) ** 6)
    dim = 0.30 * mood.backlit + 0.12 * min(1.0, mood.stars)
    graded[:, :1] = _contrasted(level, 0.22) * (1 - dim) + 0.02 * mood.fog * (1 - level)
    return graded


def _look(lab: Any, look: dict[str, float]) -> Any:
    graded = lab.copy()
    level = np.clip(lab[:, :1], 0, 1)
    angle = np.deg2rad(look.get("hue", 0.0))
    bell = 1 - (2 * level - 1) ** 4  # black and white take no tint
    tint = look.get("tint", 0.0) * np.array([np.cos(angle), np.sin(angle)]) * bell
    graded[:, 1:] = lab[:, 1:] * look.get("chroma", 1.0) + tint
    lift = look.get("lift", 0.0)
    graded[:, :1] = lift + (1 - 1.4 * lift) * _contrasted(level, look.get("contrast", 0.0))
    return graded


def _contrasted(level: Any, amount: float) -> Any:
    return mixed(level, level * level * (3 - 2 * level), amount)
