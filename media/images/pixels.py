"""From pixels as they are stored to pixels that can be resampled, where Pillow hands on the former or mixes them up.

Seen with Pillow 13. Source: PNG (third edition), 11.3.1.1; TIFF 6.0, sections 4 and 8.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from ...errors import UnsupportedMediaError

__all__ = ["check_samples", "resamplable", "scale_clear_colour"]

BITS, PHOTOMETRIC, PLANES = 258, 262, 284
WHITE_IS_ZERO, SEPARATE = 0, 2
"""Tags of TIFF and their values."""
CLEAR = {
    "L;2": lambda level: (level & 3) * 85,
    "L;4": lambda level: (level & 15) * 17,
    "L": lambda level: level & 255,
    "RGB": lambda level: level & 255,
    "RGB;16B": lambda level: level >> 8,
}
"""What the pixels of a PNG become, by Pillow's name of how they are stored."""


def scale_clear_colour(picture: Any, media_type: str) -> None:
    """Bring the clear colour of a PNG to the 8 bits of its pixels; Pillow leaves it as it is stored."""
    clear = picture.info.get("transparency")
    scale = (
        CLEAR.get(picture.tile[0].args) if media_type == "image/png" and clear is not None and picture.tile else None
    )
    if scale:
        picture.info["transparency"] = tuple(map(scale, clear)) if isinstance(clear, tuple) else scale(clear)


def check_samples(path: Path, picture: Any) -> None:
    """Refuse pixels of which Pillow would make others.

    Raises:
        UnsupportedMediaError: They have 32 bits, or the planes of a TIFF would be taken for one another.
    """
    if picture.mode in ("I", "F"):
        raise UnsupportedMediaError(
            f"Cannot use '{path.name}': its samples have 32 bits, 1 to 16 are allowed. Save it with 8 or 16 bits."
        )
    tags = getattr(picture, "tag_v2", {})
    is_deep = max(tags.get(BITS, (8,))) > 8 and picture.info.get("compression") == "raw"
    if tags.get(PLANES) == SEPARATE and (picture.mode == "LA" or (is_deep and len(picture.getbands()) > 1)):
        raise UnsupportedMediaError(
            f"Cannot use '{path.name}': this TIFF holds its colours one after the other (planar), which is not handled for such "
            "pixels. Save it interleaved."
        )


def resamplable(picture: Image.Image) -> Image.Image:
    """Return a picture in mode `L`, `LA`, `RGB`, `RGBA`, `CMYK` or `LAB`, in its own colour space."""
    if picture.mode.startswith("I;16"):
        return _from_16_bits(picture)
    if picture.mode in ("La", "RGBa"):
        return picture.convert(picture.mode.upper())
    if picture.mode in ("LA", "RGBA"):
        return picture
    if picture.has_transparency_data:  # palette entries or one colour marked as transparent
        return picture.convert("RGBA")
    if picture.mode == "1":
        return picture.convert("L")
    return picture if picture.mode in ("L", "RGB", "CMYK", "LAB") else picture.convert("RGB")


def _from_16_bits(picture: Image.Image) -> Image.Image:
    # convert("L") clips values at 255 instead of scaling them; those of 12 bits and with white as 0 are left so, too.
    tags: dict[int, Any] = getattr(picture, "tag_v2", {})
    white = (1 << tags.get(BITS, (16,))[0]) - 1
    levels = [min(255, (255 * value + white // 2) // white) for value in range(1 << 16)]
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        levels = [255 - level for level in levels]
    deep = picture.convert("I")
    image = deep.point(levels, "L")
    clear = picture.info.get("transparency")
    if isinstance(clear, int):
        image.putalpha(deep.point([255 * (value != clear) for value in range(1 << 16)], "L"))
    return image
