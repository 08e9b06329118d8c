"""Reading the JSON that models give back: URLs at any depth, text, and word timings."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from ..media.types import Word

__all__ = ["Found", "at", "number", "spoken", "text_of", "urls", "words_of"]

MAX_DEPTH = 12
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
BREAKS_AFTER = "。、！？，；：…"  # scripts without spaces: a word of ours ends here at the latest


@dataclass(frozen=True)
class Found:
    """A URL in an answer, with the MIME type that stands beside it."""

    url: str
    media_type: str | None = None


def at(value: Any, field: str) -> Any:
    """Return what stands at a dotted path (`data.video`); None when it leads nowhere."""
    for part in field.split("."):
        if isinstance(value, Mapping):
            value = cast("Mapping[str, Any]", value).get(part)
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(cast("list[Any]", value)):
            value = value[int(part)]
        else:
            return None
    return value


def urls(value: Any, *, depth: int = 0) -> Iterator[Found]:
    """Find every file in an answer, in order: strings that are http(s) or `data:` URLs, at any depth.

    An object with a `url` is one file. Whether a URL may be fetched is decided when it is.

    Args:
        value: Parsed JSON.
        depth: How deep this value lies.
    """
    if depth > MAX_DEPTH:
        return
    if isinstance(value, str):
        if _is_file(value):
            yield Found(value)
    elif isinstance(value, Mapping):
        fields = cast("Mapping[str, Any]", value)
        url = fields.get("url")
        if isinstance(url, str) and SCHEME.match(url):
            kind = fields.get("content_type")
            yield Found(url, kind if isinstance(kind, str) else None)
            return
        for item in fields.values():
            yield from urls(item, depth=depth + 1)
    elif isinstance(value, Sequence):
        for item in cast("Sequence[Any]", value):
            yield from urls(item, depth=depth + 1)


def _is_file(text: str) -> bool:
    lowered = text[:8].lower()
    if lowered.startswith("data:"):
        return "," in text[:500]
    # A prompt that is echoed may begin with a URL.
    return lowered.startswith(("https://", "http://")) and not any(character.isspace() for character in text)


def text_of(value: Any) -> str | None:
    """Return the text of an answer: a string, the pieces of an iterator joined, or the usual field of an object."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        pieces = cast("list[Any]", value)
        return "".join(pieces) if pieces and all(isinstance(piece, str) for piece in pieces) else None
    for name in ("text", "transcription", "transcript", "output"):
        if isinstance(found := at(value, name), str):
            return found
    return None


def words_of(value: Any) -> tuple[Word, ...]:
    """Return the timed words of a transcript: `words`, `chunks` (of Whisper) or the words inside `segments`."""
    if not isinstance(value, Mapping):
        return ()
    fields = cast("Mapping[str, Any]", value)
    for name in ("words", "chunks"):
        if isinstance(items := fields.get(name), list):
            return tuple(filter(None, map(_word, cast("list[Any]", items))))
    segments = fields.get("segments")
    if not isinstance(segments, list):
        return ()
    return tuple(word for segment in cast("list[Any]", segments) for word in words_of(segment))


def _word(item: Any) -> Word | None:
    if not isinstance(item, Mapping):
        return None
    fields = cast("Mapping[str, Any]", item)
    text = fields.get("word") or fields.get("text")
    span = fields.get("timestamp")
    start, end = span if isinstance(span, list) and len(cast("list[Any]", span)) == 2 else (None, None)
    start, end = number(fields.get("start", start)), number(fields.get("end", end))
    if not isinstance(text, str) or not text.strip() or start is None:
        return None
    return _timed(text.strip(), float(start), float(start if end is None else end))


def _timed(text: str, start_s: float, end_s: float) -> Word:
    start_s = max(start_s, 0.0)
    return Word(text=text, start_s=start_s, end_s=max(end_s, start_s))


def spoken(characters: Sequence[Any], starts: Sequence[Any], ends: Sequence[Any]) -> tuple[Word, ...]:
    """Join timed characters to words, which end at white space (and at the punctuation of scripts without it).

    Args:
        characters: One string each.
        starts: Begin of each character, in seconds.
        ends: End of each character, in seconds.
    """
    words: list[Word] = []
    text, start_s, end_s = "", 0.0, 0.0
    for character, begin, end in zip(characters, starts, ends, strict=False):
        begins, stops = number(begin), number(end)
        if not isinstance(character, str) or begins is None or stops is None:
            continue
        if not character.isspace():
            start_s = start_s if text else float(begins)
            text, end_s = text + character, float(stops)
        if text and (character.isspace() or character in BREAKS_AFTER):
            words.append(_timed(text, start_s, end_s))
            text = ""
    if text:
        words.append(_timed(text, start_s, end_s))
    return tuple(words)


def number(value: Any) -> Decimal | None:
    """Return a JSON number, or a number written as text, exactly; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None
