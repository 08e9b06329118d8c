"""Fonts for text that is drawn into pictures: one that is always there, others from the system, and what each covers.

Pillow carries a small Latin font, so text can be drawn on machines without any. FFmpeg draws *nothing*, without an
error, when it finds no font or no glyph; therefore coverage is read from the font itself before anything is drawn.
"""

from __future__ import annotations

import os
import stat
import struct
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ParameterError
from ..sniff import not_a_file

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

__all__ = ["Font", "embedded_font", "find_font", "load_font"]

MAX_FONT_BYTES = 64_000_000
DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
"""Hyphens, dashes and minus, which small fonts leave out."""
PREFERRED = ("notosans-", "dejavusans", "arial", "liberationsans", "notosanscjk", "notosans", "segoeui", "helvetica")
"""Beginnings of file names (lower case, without spaces) that are tried first among the system's fonts."""


@dataclass(frozen=True)
class Font:
    """A font file in memory.

    Attributes:
        family: Name by which FFmpeg's subtitle renderer finds it.
        data: The whole file.
        suffix: `.ttf`, `.otf` or `.ttc`.
        is_bold: Whether the face itself is bold.
    """

    family: str
    data: bytes
    suffix: str = ".ttf"
    is_bold: bool = False

    def missing(self, text: str, *, strict: bool = False) -> str:
        """Return the characters of `text` that it has no glyph for, each once, in order.

        Args:
            text: What will be drawn.
            strict: Count dashes that `drawable` replaces as well.
        """
        covered = _coverage(self.data)
        spared = "" if strict else DASHES
        return "".join(
            dict.fromkeys(c for c in text if ord(c) not in covered and not _invisible(c) and c not in spared)
        )

    def drawable(self, text: str) -> str:
        """Return text with dashes of all kinds that it has no glyph for as hyphens; all else stays."""
        dashes = set(self.missing(text, strict=True)) & set(DASHES)
        return text.translate(dict.fromkeys(map(ord, dashes), "-"))

    def at(self, size_px: float) -> FreeTypeFont:
        """Return the font for Pillow at a size in pixels."""
        from io import BytesIO

        from PIL import ImageFont

        return ImageFont.truetype(BytesIO(self.data), max(1.0, size_px))


def _invisible(char: str) -> bool:
    return char.isspace() or unicodedata.category(char) in ("Cf", "Cc") or 0xFE00 <= ord(char) <= 0xFE0F


def _tables(data: bytes) -> dict[bytes, tuple[int, int]]:
    start = 0
    if data[:4] == b"ttcf":
        (start,) = struct.unpack_from(">I", data, 12)
    (count,) = struct.unpack_from(">H", data, start + 4)
    rows = (struct.unpack_from(">4sIII", data, start + 12 + 16 * number) for number in range(count))
    return {tag: (offset, length) for tag, _, offset, length in rows}


def _segments(data: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Read the ranges of a character map of format 4 (16 bit) or 12 (32 bit); others hold nothing that these lack."""
    (form,) = struct.unpack_from(">H", data, at)
    if form == 12:
        (groups,) = struct.unpack_from(">I", data, at + 12)
        for number in range(min(groups, 100_000)):
            first, last, glyph = struct.unpack_from(">III", data, at + 16 + 12 * number)
            yield first + (glyph == 0), last
    elif form == 4:
        (double,) = struct.unpack_from(">H", data, at + 6)
        count = double // 2
        lasts = struct.unpack_from(f">{count}H", data, at + 14)
        firsts = struct.unpack_from(f">{count}H", data, at + 16 + double)
        deltas = struct.unpack_from(f">{count}H", data, at + 16 + 2 * double)
        shifts = struct.unpack_from(f">{count}H", data, at + 16 + 3 * double)
        for number, (first, last, delta, shift) in enumerate(zip(firsts, lasts, deltas, shifts, strict=True)):
            base = at + 16 + 3 * double + 2 * number + shift
            for code in range(first, min(last, 0xFFFE) + 1):
                glyph = code if not shift else struct.unpack_from(">H", data, base + 2 * (code - first))[0]
                if glyph and (glyph + delta) & 0xFFFF:
                    yield code, code


@lru_cache(maxsize=16)
def _coverage(data: bytes) -> frozenset[int]:
    """Return the code points that a font maps to a glyph (empty when the file is not a sound font)."""
    try:
        offset, _ = _tables(data)[b"cmap"]
        (count,) = struct.unpack_from(">H", data, offset + 2)
        codes: set[int] = set()
        for number in range(count):
            platform, _, where = struct.unpack_from(">HHI", data, offset + 4 + 8 * number)
            if platform in (0, 3):
                for first, last in _segments(data, offset + where):
                    codes.update(range(first, min(last, 0x10FFFF) + 1))
        return frozenset(codes)
    except (struct.error, KeyError):
        return frozenset()


@lru_cache(maxsize=1)
def embedded_font() -> Font:
    """Return the font that Pillow carries: Latin letters, figures and punctuation, nothing else."""
    from PIL import ImageFont

    face = ImageFont.load_default(24)
    if not isinstance(face, ImageFont.FreeTypeFont):
        raise ParameterError("Cannot draw text: this Pillow was built without FreeType. Install Pillow's own wheel.")
    return Font(family=face.getname()[0] or "Aileron", data=bytes(face.font_bytes))


@lru_cache(maxsize=8)
def _load(path: Path, size: int, modified_ns: int) -> Font:
    from PIL import ImageFont

    if size > MAX_FONT_BYTES:
        raise ParameterError(f"Cannot use font {path.name!r}: {size} bytes, at most {MAX_FONT_BYTES} are allowed.")
    try:
        family, style = ImageFont.truetype(str(path), 24).getname()
    except (OSError, ValueError) as exc:
        raise ParameterError(f"Cannot use font {path.name!r}: {exc}. Give a TrueType or OpenType file.") from exc
    suffix = path.suffix.lower() if path.suffix.lower() in (".ttf", ".otf", ".ttc") else ".ttf"
    return Font(family or path.stem, path.read_bytes(), suffix, "bold" in (style or "").lower())


def load_font(path: Path) -> Font:
    """Load a TrueType or OpenType file.

    Raises:
        ParameterError: It is not there, too large, or not a font.
    """
    try:
        facts = path.stat()
    except OSError as exc:
        raise ParameterError(f"Cannot use font {str(path)!r}: {exc.strerror or exc}. Name a font file.") from exc
    if not stat.S_ISREG(facts.st_mode):  # a pipe would wait for whoever writes into it
        raise ParameterError(f"Cannot use font {str(path)!r}: {not_a_file(path)}. Name a font file.")
    return _load(path, facts.st_size, facts.st_mtime_ns)


def _folders() -> list[Path]:
    if sys.platform == "win32":
        return [Path(os.environ.get("WINDIR", r"C:\Windows")) / "Fonts"]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), Path.home() / "Library/Fonts"]
    data = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local/share")
    return [Path(data) / "fonts", Path.home() / ".fonts", Path("/usr/local/share/fonts"), Path("/usr/share/fonts")]


def _rank(path: Path) -> tuple[int, int, str]:
    name = path.stem.lower().replace(" ", "")
    first = next((n for n, start in enumerate(PREFERRED) if name.startswith(start)), len(PREFERRED))
    plain = sum(
        word in name for word in ("bold", "italic", "oblique", "light", "thin", "mono", "serif", "emoji", "black")
    )
    return first, plain, str(path)


@lru_cache(maxsize=1)
def _system_fonts() -> tuple[Path, ...]:
    found: list[Path] = []
    for folder in _folders():
        if folder.is_dir():
            found += [p for p in folder.rglob("*") if p.suffix.lower() in (".ttf", ".otf", ".ttc") and p.is_file()]
    return tuple(sorted(found, key=_rank))


def _covering(text: str) -> Font | None:
    for path in _system_fonts():
        try:
            font = load_font(path)
        except ParameterError:  # a broken file among the system's fonts is not the caller's mistake
            continue
        if not font.missing(text):
            return font
    return None


def find_font(text: str, path: str | Path | None = None) -> Font:
    """Return a font that has a glyph for every character of `text`.

    Args:
        text: What will be drawn.
        path: The user's own font. Without it: the embedded font where it suffices, so that Latin text looks the same on
            every machine, else the first font of the system that does.

    Raises:
        ParameterError: The font does not cover the text, or none does.
    """
    font = load_font(Path(path)) if path else embedded_font()
    missing = font.missing(text)
    if missing and path is None and (other := _covering(text)) is not None:
        return other
    if missing:
        shown = ", ".join(f"{c!r} (U+{ord(c):04X} {unicodedata.name(c, 'unnamed').lower()})" for c in missing[:4])
        more = f" and {len(missing) - 4} more" if len(missing) > 4 else ""
        where = f"{font.family!r} has no" if path else "neither the built-in font nor any one font of this system has a"
        raise ParameterError(f"Cannot draw the text: {where} glyph for {shown}{more}. Name a font file that covers it.")
    return font
