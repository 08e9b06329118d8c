"""How burnt-in captions look: named styles, in fractions of the frame, so that every size and shape is served."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

from ...errors import ParameterError
from ..images.colour import Rgba, parse_colour

__all__ = ["STYLES", "CaptionStyle", "Position", "style_of"]

Position = Literal["bottom", "middle", "top"]
HIGHLIGHT = (255, 214, 10, 255)
MIN_SIZE, MAX_SIZE = 0.02, 0.25


@dataclass(frozen=True)
class CaptionStyle:
    """Looks of captions. Lengths are fractions of the frame's shorter side, unless they say otherwise.

    Attributes:
        size: Of the letters (em).
        colour: Of the letters. `highlight`: of the word that is spoken.
        highlight: See `colour`.
        edge: Colour of the outline, or of the box.
        outline: Width of the outline, as a fraction of the letter size.
        shadow: Offset of the shadow, likewise.
        blur: Softness of both, likewise.
        boxed: Whether the text stands on a box of the edge's colour.
        bold: Whether letters are heavier.
        upper: Whether text is set in capitals.
        position: Where it stands. `margin`: distance from there, as a fraction of the frame's height.
        margin: See `position`.
        width: Widest line, as a fraction of the frame's width.
        line_chars, lines, max_s: How cues are made from words (see `cues_from_words`).
    """

    size: float
    colour: Rgba = (255, 255, 255, 255)
    highlight: Rgba = HIGHLIGHT
    edge: Rgba = (0, 0, 0, 255)
    outline: float = 0.08
    shadow: float = 0.0
    blur: float = 0.0
    boxed: bool = False
    bold: bool = False
    upper: bool = False
    position: Position = "bottom"
    margin: float = 0.06
    width: float = 0.88
    line_chars: int = 42
    lines: int = 2
    max_s: float = 6.0


STYLES: dict[str, CaptionStyle] = {
    "outline": CaptionStyle(size=0.055, outline=0.09, shadow=0.03),
    "box": CaptionStyle(size=0.05, edge=(0, 0, 0, 178), boxed=True, outline=0.0),
    "shadow": CaptionStyle(size=0.052, edge=(0, 0, 0, 215), outline=0.11, blur=0.1),
    "bold": CaptionStyle(
        size=0.085, outline=0.13, shadow=0.04, bold=True, upper=True, margin=0.2, line_chars=18, lines=2, max_s=2.5
    ),
}
"""`outline` for films, `box` for anything with a restless picture, `shadow` for calm pictures, `bold` for short upright
clips, clear of the buttons that players lay over them."""


def style_of(
    name: str,
    *,
    position: str | None = None,
    size: float | None = None,
    colour: str | None = None,
    highlight_colour: str | None = None,
) -> CaptionStyle:
    """Return a named style with what the user wants otherwise.

    Raises:
        ParameterError: An unknown name or position, a size out of range, or not a colour.
    """
    style = STYLES.get(name) if isinstance(name, str) else None
    if style is None:
        raise ParameterError(f"style={name!r} is unknown. Known: {', '.join(STYLES)}.")
    if position is not None:
        if position not in get_args(Position):
            raise ParameterError(f"position={position!r} is unknown. Known: {', '.join(get_args(Position))}.")
        style = replace(style, position=position)
    if size is not None:
        allowed = f"Allowed: {MIN_SIZE:g} to {MAX_SIZE:g} of the frame's shorter side."
        if isinstance(size, bool) or not isinstance(size, int | float):
            raise ParameterError(f"size={size!r:.80} is not a number. {allowed}")
        if not MIN_SIZE <= size <= MAX_SIZE:
            raise ParameterError(f"size={size} is out of range. {allowed}")
        chars = max(8, round(style.line_chars * style.size / size))
        style = replace(style, size=size, line_chars=min(style.line_chars, chars))
    if colour is not None:
        style = replace(style, colour=parse_colour(colour, "colour"))
    if highlight_colour is not None:
        style = replace(style, highlight=parse_colour(highlight_colour, "highlight_colour"))
    return style
