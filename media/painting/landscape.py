"""Offline pictures: a prompt becomes a handsome procedural picture, the same for the same prompt and seed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ...errors import EncodeError, ParameterError
from ..control import check_not_cancelled
from ..images.limits import check_result_bytes
from ..scratch import scratch_beside
from .abstract import compose_abstract
from .canvas import Canvas
from .composition import compose_landscape
from .noise import Noise, enlarged, smoothstep
from .scenery import read_scene
from .studio import compose_space, compose_studio

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["FORMATS", "MAX_SIDE_PX", "paint_picture", "render_landscape"]

MAX_SIDE_PX = 4096
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
MOST_PIXELS = 4_200_000
"""Larger pictures are painted at this size and enlarged; grain is added at the full size."""
LEAST_SIDE_PX = 256
"""Smaller pictures are painted larger and reduced, so that windows and branches stay what they are."""
GRAIN, GRAIN_SIDE = 1.0, 512
"""Strength of the grain in 8-bit steps (rms), and the side of the tile that is repeated."""


def render_landscape(prompt: str, width: int, height: int, seed: int = 0) -> Picture:
    """Paint the picture of a prompt.

    Words choose light, land, water, weather and figures (see `scenery`), or an abstract, a space or a studio picture;
    what they leave open follows from the prompt as a whole and the seed. Sizes of one aspect show the same composition.

    Args:
        prompt: Any text, also empty or in any script.
        width: 1 to 4096 pixels.
        height: 1 to 4096 pixels.
        seed: Another picture for the same prompt.

    Raises:
        ParameterError: The size is out of range.
        EncodeError: The work was cancelled.
    """
    for name, side in (("width", width), ("height", height)):
        if not 1 <= side <= MAX_SIDE_PX:
            raise ParameterError(f"Cannot paint a picture: {name} is {side}, allowed are 1 to {MAX_SIDE_PX} pixels.")
    noise = Noise("landscape", prompt, seed)
    scene = read_scene(prompt, noise)
    canvas = Canvas(*_working_size(width, height), noise)
    check_not_cancelled("paint the picture")
    if scene.kind == "abstract":
        compose_abstract(canvas, scene, prompt)
    elif scene.kind == "space":
        compose_space(canvas, scene)
    elif scene.kind == "studio":
        compose_studio(canvas, scene)
    else:
        compose_landscape(canvas, scene)
    check_not_cancelled("paint the picture")
    return _finished(canvas, width, height)


def paint_picture(target: Path, *, prompt: str, width: int = 1024, height: int = 1024, seed: int = 0) -> None:
    """Paint the picture of a prompt into a file; arguments as for `render_landscape`.

    Args:
        target: `.png` (lossless), `.jpg` or `.webp`.
        prompt: Any text.
        width: 1 to 4096 pixels.
        height: 1 to 4096 pixels.
        seed: Another picture for the same prompt.

    Raises:
        ParameterError: The size or the format is not offered.
        MediaLimitError: The file has more bytes than the settings allow.
        EncodeError: The target cannot be written.
    """
    kind = FORMATS.get(target.suffix.lower())
    if kind is None:
        raise ParameterError(f"Cannot write {target.name!r}: pictures are {', '.join(FORMATS)}. Choose one of them.")
    picture = render_landscape(prompt, width, height, seed)
    options = {"PNG": {"compress_level": 2}, "JPEG": {"quality": 93, "subsampling": 0}, "WEBP": {"quality": 92}}[kind]
    try:
        with scratch_beside(target) as scratch:
            picture.save(scratch / target.name, kind, **options)
            check_result_bytes(target, (scratch / target.name).stat().st_size)
            (scratch / target.name).replace(target)
    except OSError as exc:
        raise EncodeError(f"Cannot write {target.name!r}: {exc}.") from exc


def _working_size(width: int, height: int) -> tuple[int, int]:
    factor = min(1.0, math.sqrt(MOST_PIXELS / (width * height)))
    if min(width, height) < LEAST_SIDE_PX:
        factor = max(1.0, min(LEAST_SIDE_PX / min(width, height), math.sqrt(250_000 / (width * height))))
    return max(1, round(width * factor)), max(1, round(height * factor))


def _finished(canvas: Canvas, width: int, height: int) -> Picture:
    """Bloom, vignette, the final size, and a grain that also hides the steps of 8-bit gradients."""
    rgb = canvas.rgb
    _bloom(canvas)
    far = ((canvas.x - 0.5) ** 2 + (canvas.y - 0.5) ** 2) * 2
    rgb *= (1 - 0.14 * far * far) * (1 - 0.05 * far)
    kind = Image.Resampling.BOX if canvas.width > width else Image.Resampling.LANCZOS
    grain = canvas.noise.stream("grain").standard_normal((GRAIN_SIDE, GRAIN_SIDE)).astype(np.float32) * np.float32(
        GRAIN
    )
    pixels = np.empty((height, width, 3), np.uint8)
    for channel, painted in enumerate(rgb):
        plane = painted
        if plane.shape != (height, width):
            plane = np.asarray(Image.fromarray(plane).resize((width, height), kind))
        for top in range(0, height, GRAIN_SIDE):
            for left in range(0, width, GRAIN_SIDE):
                part = plane[top : top + GRAIN_SIDE, left : left + GRAIN_SIDE]
                noisy = part * 255 + grain[: part.shape[0], : part.shape[1]] + np.float32(0.5)
                pixels[top : top + GRAIN_SIDE, left : left + GRAIN_SIDE, channel] = np.clip(noisy, 0, 255)
    return Image.fromarray(pixels)


def _bloom(canvas: Canvas) -> None:
    """Let the brightest parts spill over, as in a lens."""
    small = max(1, canvas.width // 8), max(1, canvas.height // 8)
    if min(small) < 4:
        return
    planes = [np.asarray(Image.fromarray(plane).resize(small, Image.Resampling.BOX)) for plane in canvas.rgb]
    bright = smoothstep(0.80, 1.0, (planes[0] + planes[1] + planes[2]) / 3)
    reach = max(1, small[0] // 40), max(1, small[1] // 22)
    for channel in range(3):
        tiny = Image.fromarray((planes[channel] * bright).astype(np.float32))
        soft = np.asarray(
            tiny.resize((max(1, small[0] // reach[0]), max(1, small[1] // reach[1])), Image.Resampling.BOX)
        )
        halo = np.clip(enlarged(soft, canvas.width, canvas.height), 0, 1)
        canvas.rgb[channel] += (1 - canvas.rgb[channel]) * halo * np.float32(0.14)
