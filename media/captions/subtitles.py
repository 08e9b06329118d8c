"""Subtitles: the cue model, and reading and writing of SRT, WebVTT and (reading only) ASS.

Subtitle text is untrusted in both directions. What is read loses its markup and override codes; what is written cannot
inject a cue, a tag or an override code, whatever the text says.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from ...errors import DecodeError, MediaLimitError, ParameterError, ProbeError, UnsupportedMediaError
from ..scratch import scratch_beside
from ..types import Word

__all__ = ["Cue", "clean_text", "read_subtitles", "srt_text", "vtt_text", "write_subtitles"]

MAX_BYTES = 16_000_000
MAX_CUES = 50_000
MAX_SECONDS = 100 * 3600 - 0.001
"""SRT and WebVTT as written here have two digits for the hours."""

GUARD = "\u2060"
"""Word joiner: invisible, keeps `<` and `{` in SRT text from starting a tag for players that look for one."""
_STAND_IN = {"{": "\ufdd0", "\\": "\ufdd1", ":": "\ufdd2", "<": "\ufdd3"}
"""Noncharacters, while pysubs2 parses: it reads `{...}`, `\\N` and times wherever they stand."""
_NO_STAND_INS = str.maketrans(dict.fromkeys(_STAND_IN.values(), ""))
"""No text may have them: Unicode keeps them for the inside of programs."""
_MARKED = re.compile(r"^((?:Dialogue|Comment):[ \t]*)Marked=\d+", re.MULTILINE | re.IGNORECASE)
"""SSA: what ASS has the layer for, and nobody needs."""
_DRAWING = re.compile(r"\{[^{}]*\\p\s*[1-9]")
"""ASS: what follows are strokes. pysubs2 can tell as well, in a time that grows with the square of the text."""
_TIME = r"(?:(\d+) ?: ?)?(\d{1,2}) ?: ?(\d{1,2})(?: ?[.,] ?(\d{1,3})\d*)?"
"""With the spaces that machine translation leaves in it."""
_TIMING = re.compile(rf"^[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}", re.MULTILINE)
_LONG_HOURS = re.compile(r"(?<!\d)(\d{3,}):\d{1,2}:\d{1,2}[.,]\d")


def clean_text(text: str) -> str:
    """Return text as cue lines: whitespace collapsed, blank lines and control characters gone, `-->` disarmed."""
    lines: list[str] = []
    for line in re.split(r"\r\n|[\n\r\v\f\x85\u2028\u2029]", text.translate(_NO_STAND_INS)):
        kept = "".join(c if c.isspace() or unicodedata.category(c) not in ("Cc", "Cs") else "" for c in line)
        lines.append(" ".join(re.sub(r"(?<!-)-{2,}>", "->", kept).split()))
    return "\n".join(line for line in lines if line)


class Cue(BaseModel):
    """One subtitle on screen.

    Attributes:
        start_s, end_s: From the start of the media, in seconds.
        text: One or more lines separated by `\\n`, plain text without markup.
        words: Timings of the words in it, in order, when known; what word highlighting follows.
    """

    model_config = ConfigDict(frozen=True)

    start_s: float = Field(ge=0, le=MAX_SECONDS)
    end_s: float = Field(gt=0, le=MAX_SECONDS)
    text: str = Field(min_length=1)
    words: tuple[Word, ...] = ()

    @field_validator("text", mode="before")
    @classmethod
    def _clean(cls, value: object) -> object:
        return clean_text(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _forward(self) -> Cue:
        if self.end_s <= self.start_s:
            raise ValueError(f"the cue ends ({self.end_s} s) before it starts ({self.start_s} s)")
        return self


# Reading ------------------------------------------------------------------------------------------------------------


def _bytes_of(path: Path) -> bytes:
    try:
        if not path.is_file():
            what = "it is not a file" if path.exists() else "there is no such file"
            raise ProbeError(f"Cannot read subtitles '{path}': {what}. Name an .srt, .vtt or .ass file.")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise MediaLimitError(
                f"Cannot read subtitles {path.name!r}: {size} bytes, at most {MAX_BYTES} are allowed."
            )
        return path.read_bytes()
    except OSError as exc:
        raise ProbeError(
            f"Cannot read subtitles '{path}': {exc.strerror or exc}. Name an .srt, .vtt or .ass file that can be read."
        ) from exc


def _decoded(path: Path) -> str:
    data = _bytes_of(path)
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as exc:
        raise UnsupportedMediaError(
            f"Cannot read subtitles {path.name!r}: byte {exc.start} is not {'UTF-16' if wide else 'UTF-8'}. "
            "Save the file as UTF-8."
        ) from exc
    return text.translate(_NO_STAND_INS)


def _format_of(text: str, name: str) -> str:
    if text.lstrip().startswith("WEBVTT"):
        return "vtt"
    # Only the first line counts (comments aside): captions may well quote this one.
    if re.match(r"(?:\s|(?:;|!:).*\n)*\[script info\]", text, re.IGNORECASE):
        return "ass"
    if re.search(r"\d[ \t]*-->[ \t]*\d", text):
        return "srt"
    raise UnsupportedMediaError(
        f"Cannot read subtitles {name!r}: the content is neither SubRip (.srt), WebVTT (.vtt) nor ASS (.ass)."
    )


def _shield(text: str) -> str:
    """Hide what pysubs2 would take for tags, ASS codes or times where the format has none."""
    plain = re.sub(r"<(?![A-Za-z/][^<>\n]*>)", _STAND_IN["<"], text).replace(GUARD, "")
    hidden = str.maketrans({char: other for char, other in _STAND_IN.items() if char != "<"})
    return "\n".join(line if "-->" in line else line.translate(hidden) for line in plain.split("\n"))


def _full_timing(found: re.Match[str], name: str) -> str:
    """Return a timing line with hours and milliseconds: without them, pysubs2 takes it for text."""
    times = (found.groups()[:4], found.groups()[4:])
    return " --> ".join(
        f"{_hours(h or '0', name)}:{int(m):02d}:{int(s):02d}.{(ms or '').ljust(3, '0')}" for h, m, s, ms in times
    )


def _hours(digits: str, name: str) -> str:
    """Return hours with two digits. Of more, which other readers take, pysubs2 would take the last two."""
    plain = digits.lstrip("0").zfill(2)
    if len(plain) > 2:
        raise DecodeError(
            f"Cannot read subtitles {name!r}: a cue is at {plain:.20} hours; it must end within 100 hours. Correct the "
            "times in the file."
        )
    return plain


def _tidy_srt(text: str, name: str) -> str:
    """Drop ASS codes, and complete the times."""
    tidy = _TIMING.sub(lambda found: _full_timing(found, name), re.sub(r"\{\\[^{}\n]*\}", "", text))
    for line in tidy.split("\n"):
        if "-->" in line:  # pysubs2 takes every line with two times, also behind other characters
            for digits in _LONG_HOURS.findall(line):
                _hours(digits, name)
    return tidy


def _tidy_vtt(text: str, name: str) -> str:
    """Reduce WebVTT to numbered cues: pysubs2 takes notes, styles and identifiers for text of the cue before."""
    blocks: list[str] = []
    for block in re.split(r"\n{2,}", text):
        for timing, lines in _vtt_cues(block.split("\n")):
            # Times inside the text (karaoke) would make its line look like the start of a cue.
            payload = re.sub(r"<[\d:.]+>", "", "\n".join(lines)).replace("-->", "->")
            blocks.append(f"{len(blocks) + 1}\n{_full_timing(timing, name)}\n{payload}\n")
    return "WEBVTT\n\n" + "\n".join(blocks)


def _vtt_cues(lines: Sequence[str]) -> Iterable[tuple[re.Match[str], Sequence[str]]]:
    """Yield times and text of the cues in a block: one, or several where the line between them is missing or has spaces."""
    first = next((line for line in lines[:2] if "-->" in line), "")
    timings = [(at, found) for at, line in enumerate(lines) if (found := _TIMING.match(line))]
    if not _TIMING.match(first):
        return
    ends = [at for at, _ in timings[1:]]
    for (at, timing), until in zip(timings, [*ends, len(lines)], strict=True):
        payload = lines[at + 1 : until]
        if until < len(lines) and not "".join(payload[-2:-1]).strip() and "".join(payload[:-2]).strip():
            payload = payload[:-2]  # the last line is the next cue's name
        yield timing, payload


def _parse(text: str, form: str, name: str) -> Iterable[tuple[int, int, str]]:
    import pysubs2

    if form == "ass":
        text = re.sub(r"\{(?![^{}\n]*\})", "", text)  # pysubs2 would look for the end of each, to the end of the file
        text = _MARKED.sub(r"\g<1>0", text)
    else:
        # The number at the end keeps a last line that is itself a number from being taken for a cue number.
        text = _shield(_tidy_vtt(text, name) if form == "vtt" else _tidy_srt(text, name)) + "\n\n0\n"
    try:
        parsed = pysubs2.SSAFile.from_string(text, format_=form)
    except (pysubs2.exceptions.Pysubs2Error, ValueError, LookupError, ArithmeticError, TypeError) as exc:
        raise DecodeError(f"Cannot read subtitles {name!r} as {form.upper()}: {exc!s:.200}.") from exc
    shown = str.maketrans({hidden: char for char, hidden in _STAND_IN.items()})
    for event in parsed.events:
        if not event.is_comment and not _DRAWING.search(event.text):
            plain = event.plaintext.translate(shown)
            yield event.start, event.end, html.unescape(plain) if form == "vtt" else plain


def read_subtitles(path: Path) -> list[Cue]:
    """Read SubRip, WebVTT or ASS, told apart by content, as plain cues in order of time.

    Markup, positions and styles are dropped; cues without text or of no length are left out.

    Raises:
        ProbeError: The file is not there, not a file, or not allowed to be read.
        UnsupportedMediaError: None of these formats, or not UTF-8 or UTF-16 with a byte order mark.
        DecodeError: Malformed, or a cue ends before it starts.
        MediaLimitError: More than 16 MB or 50 000 cues.
    """
    text = _decoded(path)
    form = _format_of(text, path.name)
    cues: list[Cue] = []
    for start, end, raw in _parse(text, form, path.name):
        words = clean_text(raw)
        if end < start or end > MAX_SECONDS * 1000:
            raise DecodeError(
                f"Cannot read subtitles {path.name!r}: a cue goes from {start / 1000} s to {end / 1000} s; it must end "
                "after it starts, within 100 hours. Correct the times in the file."
            )
        if words and end > start:
            cues.append(Cue(start_s=max(0, start) / 1000, end_s=end / 1000, text=words))
        if len(cues) > MAX_CUES:
            raise MediaLimitError(f"Cannot read subtitles {path.name!r}: more than {MAX_CUES} cues.")
    return sorted(cues, key=lambda cue: (cue.start_s, cue.end_s))


# Writing ------------------------------------------------------------------------------------------------------------


def _stamp(ms: int, comma: str) -> str:
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}{comma}{ms % 1000:03d}"


def _times(cue: Cue, comma: str) -> str:
    """Return the timing line of a cue, which lasts a millisecond at least: shorter ones are dropped by readers."""
    start = min(round(cue.start_s * 1000), round(MAX_SECONDS * 1000) - 1)
    end = max(round(cue.end_s * 1000), start + 1)
    return f"{_stamp(start, comma)} --> {_stamp(end, comma)}"


def srt_text(cues: Sequence[Cue]) -> str:
    """Return cues as SubRip. Text that looks like a tag gets an invisible character so that players show it."""
    blocks: list[str] = []
    for number, cue in enumerate(cues, 1):
        text = re.sub(r"<(?=[A-Za-z/!]|[^<>]*>)", "<" + GUARD, clean_text(cue.text))
        text = re.sub(
            r"\{(?=[\\\n]|[CcFfoPSsYy]:)", "{" + GUARD, text
        )  # codes of ASS (a line end is `\N`) and MicroDVD
        blocks.append(f"{number}\n{_times(cue, ',')}\n{text}\n")
    return "\n".join(blocks)


def vtt_text(cues: Sequence[Cue]) -> str:
    """Return cues as WebVTT, with `&`, `<` and `>` escaped."""
    blocks = ["WEBVTT\n"]
    for cue in cues:
        text = html.escape(clean_text(cue.text), quote=False)
        blocks.append(f"{_times(cue, '.')}\n{text}\n")
    return "\n".join(blocks)


def write_subtitles(cues: Sequence[Cue], target: Path) -> None:
    """Write cues in order of time to `target`, atomically; its suffix, `.srt` or `.vtt`, decides the format.

    Raises:
        ParameterError: Another suffix.
    """
    forms = {".srt": srt_text, ".vtt": vtt_text}
    form = forms.get(target.suffix.lower())
    if form is None:
        raise ParameterError(f"Cannot write subtitles to {target.name!r}: the suffix must be .srt or .vtt.")
    data = form(sorted(cues, key=lambda cue: (cue.start_s, cue.end_s))).encode()
    with scratch_beside(target) as folder:
        part = folder / target.name
        part.write_bytes(data)
        part.replace(target)
