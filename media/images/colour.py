"""Colours of pictures: to sRGB, onto a background, and colours written as text."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image, ImageColor

from ...errors import ParameterError

__all__ = ["flattened", "parse_colour", "to_srgb"]

Rgba = tuple[int, int, int, int]

SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK", "LAB": "Lab"}
"""Colour space that a profile must have to fit the stored pixels (signatures of ICC.1, 7.2.6)."""


def parse_colour(text: str, name: str = "background") -> Rgba:
    """Return a colour as red, green, blue, alpha, each 0 to 255.

    Args:
        text: `#rgb`, `#rrggbb`, `#rrggbbaa`, a CSS colour name or `rgb(...)`.
        name: The parameter's name, for the error.

    Raises:
        ParameterError: It is none of these.
    """
    try:
        if max(ImageColor.getrgb(text)) > 255:  # rgb(999, 0, 0)
            raise ValueError(text)
        colour = ImageColor.getcolor(text, "RGBA")
    except (ValueError, AttributeError, TypeError) as exc:
        raise ParameterError(
            f"{name}={text!r} is not a colour. Write '#rrggbb', '#rrggbbaa' or a CSS colour name such as 'white'."
        ) from exc
    assert isinstance(colour, tuple)
    return colour[0], colour[1], colour[2], colour[3]


def to_srgb(image: Image.Image, profile: bytes | None = None) -> Image.Image:
    """Return an image in sRGB, in mode `RGB`, or `RGBA` when it has transparency.

    A profile that is broken, or does not fit the pixels, is left out of account: the picture is worth more than its colours.
    """
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    base = image.convert(image.mode[:-1]) if alpha else image
    converted = _through_profile(base, profile)
    result = converted if converted.mode == "RGB" else converted.convert("RGB")
    if alpha:
        result.putalpha(alpha)
    return result


def _through_profile(image: Image.Image, profile: bytes | None) -> Image.Image:
    from PIL import ImageCms

    if not profile and image.mode != "LAB":
        return image
    try:
        source: Any = ImageCms.ImageCmsProfile(io.BytesIO(profile)) if profile else ImageCms.createProfile("LAB")
        space = source.profile.xcolor_space.strip() if profile else "Lab"
        if space != SPACES.get(image.mode):
            return image
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    return converted or image


def flattened(image: Image.Image, background: Rgba) -> Image.Image:
    """Return an `RGB` image: transparency laid over a background colour (whose own transparency is ignored)."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    base = Image.new("RGB", image.size, background[:3])
    base.paste(image, mask=image.getchannel("A"))
    return base
