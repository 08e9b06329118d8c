"""Captions as a script for FFmpeg's subtitle renderer (ASS): measured lines, one event for each look.

Lines are broken here, by the metrics of the font that will draw them, and never by the renderer; text is escaped, so
that no caption can carry codes of its own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ...errors import ParameterError
from ..images.colour import Rgba
from ..images.fonts import Font
from .cues import balance_lines, breakable
from .styles import CaptionStyle
from .subtitles import Cue, clean_text

__all__ = ["Script", "write_script"]

SMALLEST = 0.4
"""A cue that must shrink to less than this share of the style's size is refused."""
TALLEST = 0.6
"""Most of the frame's height that one cue may take."""
LINE_HEIGHT = 1.25
LONGEST_TEXT = 5_000
"""Characters of one cue; no frame has room for so many."""
BOLD_WIDTH = 1.06
BOX_RIM = 0.35
"""What a box has round its letters, as a fraction of their size."""
ALIGNMENT = {"bottom": 2, "middle": 5, "top": 8}
BY_FIRST_LETTER = "-1"
"""Encoding with which the renderer lays each line out as a whole, in the direction of its first letter. With any other,
lines run from left to right, and a lit word is laid out apart from its line, which tears Arabic and Hebrew apart."""
LEFT_TO_RIGHT, RIGHT_TO_LEFT = "\u200e", "\u200f"


@dataclass(frozen=True)
class _Token:
    text: str
    glued: bool
    start_s: float = 0.0
    end_s: float = 0.0


@dataclass(frozen=True)
class Script:
    """What is needed to lay captions out in one frame size.

    Attributes:
        style: Looks.
        font: Font that covers all text.
        width, height: Of the frame in pixels.
    """

    style: CaptionStyle
    font: Font
    width: int
    height: int

    @cached_property
    def em_px(self) -> float:
        """Size of the letters in pixels."""
        return max(4.0, self.style.size * min(self.width, self.height))

    @cached_property
    def _face(self) -> Any:
        return self.font.at(100)

    @cached_property
    def font_size(self) -> float:
        """The renderer's font size: it counts the whole line from ascender to descender, not the em."""
        ascent, descent = self._face.getmetrics()
        return self.em_px * (ascent + descent) / 100

    def measure(self, text: str) -> float:
        """Return the width of one line of text in pixels."""
        wide = BOLD_WIDTH if self.style.bold and not self.font.is_bold else 1.0
        return float(self._face.getlength(text)) * self.em_px / 100 * wide

    def lines(self, cue: Cue) -> tuple[list[list[_Token]], float]:
        """Break a cue into lines, marked where direction needs it; also return by how much to shrink (1 for not at all).

        Raises:
            ParameterError: It would have to shrink too much.
        """
        if len(cue.text) > LONGEST_TEXT:
            raise ParameterError(
                f"The caption at {cue.start_s:.2f} s ({cue.text[:40]!r}) has {len(cue.text)} characters, at most "
                f"{LONGEST_TEXT} can be drawn. Shorten it."
            )
        limit = self.style.width * self.width
        blocks = [_tokens(cue)] if cue.words else [_split(line) for line in cue.text.split("\n")]
        blocks = [[_Token(self.shown(t.text), t.glued, t.start_s, t.end_s) for t in block] for block in blocks]
        scale = 1.0
        while True:
            laid, directed = list[list[_Token]](), list[list[_Token]]()
            for block in blocks:
                for line in balance_lines(
                    [t.text for t in block], [t.glued for t in block], self.measure, limit / scale
                ):
                    laid.append([block[index] for index in line])
                    directed.append(_directed(laid[-1], _runs_left(_plain(block))))
            widest = max(self.measure(_plain(line)) for line in laid) * scale
            tall = len(laid) * self.em_px * LINE_HEIGHT * scale
            if widest <= limit * 1.04 and tall <= TALLEST * self.height:
                return directed, scale
            scale *= 0.92
            if scale < SMALLEST:
                raise ParameterError(
                    f"The caption at {cue.start_s:.2f} s ({cue.text[:40]!r}) does not fit into {self.width}x{self.height}. "
                    "Shorten it, or choose a smaller size."
                )

    def shown(self, text: str) -> str:
        """Return text as it will be drawn."""
        return text.upper() if self.style.upper else text


def _split(line: str) -> list[_Token]:
    return [_Token(part, glued=n > 0) for word in line.split() for n, part in enumerate(breakable(word))]


def _tokens(cue: Cue) -> list[_Token]:
    """Return the words of a cue with their times; whether a space stands between two is read from its text."""
    text, tokens, at = " ".join(cue.text.split()), list[_Token](), 0
    for word in cue.words:
        plain = " ".join(clean_text(word.text).split())
        if plain:
            found = text.find(plain, at)
            glued = bool(tokens) and found == at and found > 0
            at = found + len(plain) if found >= 0 else at
            tokens.append(_Token(plain, glued, word.start_s, word.end_s))
    return tokens or _split(cue.text)


def _plain(line: Sequence[_Token]) -> str:
    return "".join(("" if token.glued or not n else " ") + token.text for n, token in enumerate(line))


def _runs_left(text: str) -> bool:
    """Return whether text runs from right to left: its first letter decides (Unicode's rules P2 and P3)."""
    strong = (kind for kind in map(unicodedata.bidirectional, text) if kind in ("L", "R", "AL"))
    return next(strong, "L") != "L"


def _directed(line: list[_Token], runs_left: bool) -> list[_Token]:
    """Let a line run as the text that it was broken from, also when its own first letter is of the other direction."""
    if _runs_left(_plain(line)) == runs_left:
        return line
    mark = RIGHT_TO_LEFT if runs_left else LEFT_TO_RIGHT
    return [replace(line[0], text=mark + line[0].text), *line[1:]]


def escape(text: str) -> str:
    """Return text in which the renderer finds no override block and no line break of its own."""
    return text.replace("\\", "\\\u2060").replace("{", "\\{").replace("}", "\\}")


def _colour(colour: Rgba, *, alpha: bool = True) -> str:
    red, green, blue, opaque = colour
    return f"&H{255 - opaque if alpha else 0:02X}{blue:02X}{green:02X}{red:02X}"


def _stamp(centiseconds: int) -> str:
    return f"{centiseconds // 360_000}:{centiseconds // 6000 % 60:02d}:{centiseconds // 100 % 60:02d}.{centiseconds % 100:02d}"


def _drawn(lines: Sequence[Sequence[_Token]], lit: _Token | None, style: CaptionStyle) -> str:
    parts: list[str] = []
    for line in lines:
        text = ""
        for number, token in enumerate(line):
            text += "" if token.glued or not number else " "
            word = escape(token.text)
            text += f"{{\\1c{_colour(style.highlight, alpha=False)}&}}{word}{{\\1c}}" if token is lit else word
        parts.append(text)
    return "\\N".join(parts)


def _looks(cue: Cue, lines: Sequence[Sequence[_Token]], highlight: bool) -> list[tuple[int, int, _Token | None]]:
    """Return from when to when (centiseconds) which word is lit. Each look begins where the one before ends."""
    start, end = round(cue.start_s * 100), max(round(cue.start_s * 100) + 1, round(cue.end_s * 100))
    if not highlight:
        return [(start, end, None)]
    tokens = [token for line in lines for token in line]
    marks: list[tuple[int, _Token | None]] = [(start, None)]
    for token in tokens:
        at = min(end, max(marks[-1][0], round(token.start_s * 100)))
        marks = [*marks[:-1], (at, token)] if at == marks[-1][0] else [*marks, (at, token)]
    ends = [at for at, _ in marks[1:]] + [end]
    return [(at, until, token) for (at, token), until in zip(marks, ends, strict=True) if until > at]


def _style(script: Script, name: str, *, boxed: bool) -> dict[str, str]:
    """Return the letters of a style, or with `boxed` the box behind them, as the renderer's fields."""
    style, em = script.style, script.em_px
    return {
        "Name": name,
        "Fontname": script.font.family.replace(",", " "),
        "Fontsize": f"{script.font_size:.2f}",
        "PrimaryColour": _colour((*style.colour[:3], 0) if boxed else style.colour),
        "SecondaryColour": _colour(style.colour),
        "OutlineColour": _colour(style.edge),
        "BackColour": _colour(style.edge if boxed else (*style.edge[:3], style.edge[3] // 2)),
        "Bold": "-1" if style.bold or script.font.is_bold else "0",
        "Italic": "0",
        "Underline": "0",
        "StrikeOut": "0",
        "ScaleX": "100",
        "ScaleY": "100",
        "Spacing": "0",
        "Angle": "0",
        "BorderStyle": "4" if boxed else "1",
        "Outline": f"{em * style.outline:.2f}",
        "Shadow": f"{em * (BOX_RIM if boxed else style.shadow):.2f}",
        "Alignment": str(ALIGNMENT[style.position]),
        "MarginL": "0",
        "MarginR": "0",
        "MarginV": str(round(style.margin * script.height)),
        "Encoding": BY_FIRST_LETTER,
    }


def write_script(script: Script, cues: Sequence[Cue], target: Path, *, highlight: bool = False) -> None:
    """Write captions as an ASS file.

    Args:
        script: How they are laid out.
        cues: Captions.
        target: The file.
        highlight: Light each word while it is spoken; every cue then has word timings.

    Raises:
        ParameterError: A cue does not fit into the frame.
    """
    events: list[str] = []
    # Boxes lie under all letters: where captions overlap in time, that of one would cover those of another.
    styles = [_style(script, "Box", boxed=True)] * script.style.boxed + [_style(script, "Default", boxed=False)]
    for cue in cues:
        lines, scale = script.lines(cue)
        codes = f"\\blur{script.em_px * script.style.blur:.2f}" if script.style.blur else ""
        codes += f"\\fs{script.font_size * scale:.2f}" if scale < 1 else ""
        first = f"{{{codes}}}" if codes else ""
        for start, end, lit in _looks(cue, lines, highlight):
            text = first + _drawn(lines, lit, script.style)
            events += [
                f"Dialogue: {layer},{_stamp(start)},{_stamp(end)},{style['Name']},,0,0,0,,{text}"
                for layer, style in enumerate(styles)
            ]
    head = (
        f"[Script Info]\nScriptType: v4.00+\nPlayResX: {script.width}\nPlayResY: {script.height}\n"
        "WrapStyle: 2\nScaledBorderAndShadow: yes\nYCbCr Matrix: None\n"
    )
    looks = "\n".join([f"Format: {', '.join(styles[0])}", *(f"Style: {','.join(style.values())}" for style in styles)])
    fields = "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"
    body = "\n".join([fields, *events])
    target.write_text(f"{head}\n[V4+ Styles]\n{looks}\n\n[Events]\n{body}\n", encoding="utf-8")
