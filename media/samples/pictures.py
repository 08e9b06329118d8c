"""Pictures and moving pictures that samples are made of: hills under a sky, in a few colours."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from .stamp import PLACEHOLDER

__all__ = ["VARIANTS", "draw_frames", "encode_image"]

TINTS = ((230, 150, 90), (90, 150, 230), (120, 200, 120), (210, 110, 170), (190, 190, 90), (100, 190, 200))
VARIANTS = len(TINTS)


def _landscape(width: int, height: int, variant: int) -> Any:
    """Draw hills under a sky, as an array of shape (height, width, 3), 8 bits."""
    import numpy as np

    red, green, blue = TINTS[variant % VARIANTS]
    x = np.linspace(0, 2 * np.pi, width, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    sky = 0.35 + 0.6 * (1 - y) + 0 * x
    far = 0.45 + 0.12 * np.sin(x + variant)
    near = 0.68 + 0.10 * np.sin(2 * x + 2 * variant)
    light = np.where(y > near, 0.15 + 0.1 * y, np.where(y > far, 0.45 - 0.1 * y, sky))
    sun = (x - 1.2 - 0.6 * variant) ** 2 + (8 * (y - 0.2)) ** 2 < 0.25
    light = np.where(sun, 1.0, light)
    return np.clip(light[..., None] * np.array([red, green, blue], np.float32) * 1.1, 0, 255).astype(np.uint8)


def _picture(width: int, height: int, look: str, variant: int) -> Any:
    import numpy as np
    from PIL import Image

    if look == "black":
        return Image.new("RGB", (width, height))
    picture = Image.fromarray(_landscape(width, height, variant))
    if look == "cutout":
        x = np.linspace(-1, 1, width)[None, :]
        y = np.linspace(-1, 1, height)[:, None]
        inside = (x / 0.7) ** 2 + (y / 0.8) ** 2 < 1
        picture.putalpha(Image.fromarray(np.where(inside, 255, 0).astype(np.uint8)))
    return picture


def encode_image(width: int, height: int, format: str, look: str, variant: int) -> bytes:
    """Return a picture file whose comment holds the placeholder of a token."""
    from PIL.PngImagePlugin import PngInfo

    picture = _picture(width, height, look, variant)
    comment = PLACEHOLDER.decode()
    out = io.BytesIO()
    if format == "png":
        info = PngInfo()
        info.add_text("Comment", comment)
        picture.save(out, "PNG", compress_level=1, pnginfo=info)
    elif format == "jpeg":
        picture.convert("RGB").save(out, "JPEG", quality=85, comment=comment)
    elif format == "webp":
        picture.save(out, "WEBP", method=0, quality=80, xmp=PLACEHOLDER)
    else:
        picture.convert("RGB").save(out, "GIF", comment=comment)
    return out.getvalue()


def draw_frames(width: int, height: int, count: int, look: str, variant: int) -> Iterator[Any]:
    """Yield frames in yuv420p: a textured surface that moves to the right once in `count` frames."""
    import av
    import numpy as np

    red, green, blue = TINTS[variant % VARIANTS]
    light = _landscape(width, height, variant).mean(axis=2).astype(np.uint8)
    if look == "black":
        light = np.full_like(light, 16)
    chroma = (128, 128) if look == "black" else (128 + (blue - green) // 3, 128 + (red - green) // 3)
    for index in range(count):
        shift = 0 if look == "frozen" else width * index // count
        frame = av.VideoFrame(width, height, "yuv420p")
        frame.planes[0].update(_padded(np.roll(light, shift, axis=1), frame.planes[0]))
        for plane, value in zip(frame.planes[1:], chroma, strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts = index
        yield frame


def _padded(rows: Any, plane: Any) -> bytes:
    import numpy as np

    if rows.shape[1] == plane.line_size:
        return rows.tobytes()
    wide = np.zeros((plane.height, plane.line_size), np.uint8)
    wide[:, : rows.shape[1]] = rows
    return wide.tobytes()
