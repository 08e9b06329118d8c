"""Text as pictures."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFilter

from ...errors import ParameterError
from .colour import Rgba
from .fonts import Font, embedded_font, find_font

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

__all__ = ["best_font", "drawable", "ellipsised", "lettering"]

MAX_TEXT = 2000
MAX_PIXELS = 16_000_000
LATIN_END = 0x250
PICTOGRAPHS = 0x1F000


def lettering(text: str, height_px: float, colour: Rgba, font: str | None = None) -> Image.Image:
    """Return text as an `RGBA` picture, with a soft dark edge (light for dark text) that keeps it legible.

    Args:
        text: One or more lines.
        height_px: Of a line.
        colour: Of the letters.
        font: Path of a font file; default as `find_font` chooses.

    Raises:
        ParameterError: The text is too long or too large, or the font does not cover it.
    """
    if len(text) > MAX_TEXT:
        raise ParameterError(f"The text has {len(text)} characters, at most {MAX_TEXT} are allowed.")
    text = _printable(text)
    face = find_font(text, font).at(height_px * 0.8)
    pad = max(2, round(height_px * 0.25))
    measure = ImageDraw.Draw(Image.new("L", (1, 1)))
    left, top, right, bottom = (round(edge) for edge in measure.multiline_textbbox((0, 0), text, font=face))
    size = (max(1, right - left) + 2 * pad, max(1, bottom - top) + 2 * pad)
    if size[0] * size[1] > MAX_PIXELS:
        raise ParameterError(f"The text would take {size[0]}x{size[1]} pixels. Make it shorter or smaller.")
    letters = Image.new("L", size)
    ImageDraw.Draw(letters).multiline_text((pad - left, pad - top), text, fill=255, font=face)
    dark = 0.3 * colour[0] + 0.59 * colour[1] + 0.11 * colour[2] > 110
    strength = colour[3] / 255
    halo = letters.filter(ImageFilter.GaussianBlur(pad / 3)).point(
        [round(min(200, level * 2) * strength) for level in range(256)]
    )
    picture = Image.new("RGBA", size, (0, 0, 0, 0) if dark else (255, 255, 255, 0))
    picture.putalpha(halo)
    picture.alpha_composite(_filled(letters, colour))
    return picture


def _printable(text: str) -> str:
    """Return text whose lines end with a line feed alone, with spaces for tabs and without other control characters."""
    lines = "\n".join(re.split(r"\r\n|[\r\v\f\x85\u2028\u2029]", text)).expandtabs(4)
    return "".join(char for char in lines if char == "\n" or unicodedata.category(char) not in ("Cc", "Cs"))


def _filled(mask: Image.Image, colour: Rgba) -> Image.Image:
    picture = Image.new("RGBA", mask.size, (*colour[:3], 0))
    picture.putalpha(mask if colour[3] == 255 else mask.point([level * colour[3] // 255 for level in range(256)]))
    return picture


def best_font(text: str) -> Font:
    """Return the font that covers a text, or else the one that covers most of it."""
    candidates: list[Font] = [embedded_font()]
    for end in (0x110000, PICTOGRAPHS, LATIN_END):
        part = "".join(char for char in text if ord(char) < end)
        try:
            candidates.append(find_font(part))
        except ParameterError:  # no font has all of it; the next part is smaller
            continue
    return min(candidates, key=lambda font: len(font.missing(text)))


def drawable(text: str, font: Font) -> str:
    """Return a text with a question mark for each character that a font cannot draw."""
    missing = set(font.missing(text))
    return "".join("?" if char in missing else char for char in text)


def ellipsised(text: str, face: FreeTypeFont, width_px: float) -> str:
    """Return one line of text, cut with an ellipsis when it is wider than `width_px`."""
    line = " ".join(text.split())[:MAX_TEXT]
    if face.getlength(line) <= width_px:
        return line
    low, high = 0, len(line)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if face.getlength(line[:middle].rstrip() + "…") <= width_px else (low, middle - 1)
    return line[:low].rstrip() + "…"
