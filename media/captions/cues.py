"""Cues from word timings: where a subtitle ends, and where its lines break."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ...errors import ParameterError
from ..types import Word
from .subtitles import MAX_SECONDS, Cue, clean_text

__all__ = ["balance_lines", "breakable", "columns", "cues_from_words", "one_at_a_time"]

SENTENCE_END = tuple(".!?…。！？؟।")
CLAUSE_END = tuple(",;:—–、，；：،")
CLOSERS = "\"'”’»)]」』）"
NOT_FIRST = "".join(
    (*SENTENCE_END, *CLAUSE_END, CLOSERS, "〉》】〕］｝％・ー…‥々ゝゞぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ")
)
NOT_LAST = "\"'“‘«(［（〔［｛〈《「『【"
"""What no line begins, and what none ends with (Japanese `kinsoku`)."""
LINGER_S = 0.25
"""A cue stays this much longer than its last word when nothing follows at once."""
CROWDED = 5_000
"""Characters that captions at the same time may have together."""


@dataclass(frozen=True)
class _Token:
    text: str
    start_s: float
    end_s: float
    glued: bool = False
    """No space before it."""


def columns(text: str) -> int:
    """Return the display width in columns: East Asian wide characters count 2, combining marks 0."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _unspaced(char: str) -> bool:
    """Return whether the character belongs to a script that is written without spaces (Hangul is not)."""
    code = ord(char)
    return (
        0x3000 <= code <= 0x30FF
        or 0x3400 <= code <= 0x9FFF
        or 0xF900 <= code <= 0xFAFF
        or 0xFF00 <= code <= 0xFF65
        or 0x20000 <= code <= 0x3FFFF
        or 0x0E00 <= code <= 0x0EFF
    )


def breakable(text: str) -> list[str]:
    """Return the parts of a word between which a line may be broken: Chinese and Japanese have no spaces for that."""
    parts = [text[:1]]
    for before, char in pairwise(text):
        is_there = _is_cjk(before) or _is_cjk(char)
        if is_there and char not in NOT_FIRST and before not in NOT_LAST and unicodedata.category(char)[0] != "M":
            parts.append("")
        parts[-1] += char
    return parts


def _is_cjk(char: str) -> bool:
    return _unspaced(char) and not "\u0e00" <= char <= "\u0eff"  # Thai and Lao may only be broken between their words


def _pieces(word: Word, text: str, limit: int) -> list[_Token]:
    """Cut a word that is wider than a line (scripts without spaces come as one word), sharing its time out."""
    if columns(text) <= limit:
        return [_Token(text, word.start_s, max(word.start_s, word.end_s))]
    parts: list[str] = [""]
    for unit in (unit for part in breakable(text) for unit in ([part] if columns(part) <= limit else part)):
        if columns(parts[-1] + unit) > limit or (parts[-1][-1:] in SENTENCE_END and unit[0] not in CLOSERS):
            parts.append("")
        parts[-1] += unit
    length, done, tokens = max(0.0, word.end_s - word.start_s) / len(text), 0, list[_Token]()
    for part in parts:
        start = word.start_s + done * length
        done += len(part)
        tokens.append(_Token(part, start, word.start_s + done * length, glued=bool(tokens)))
    return tokens


def _tokens(words: Sequence[Word], limit: int) -> list[_Token]:
    tokens: list[_Token] = []
    for number, word in enumerate(words):
        if number and word.start_s < words[number - 1].start_s:
            raise ParameterError(
                f"Word {number + 1} ({word.text[:40]!r}) starts at {word.start_s} s, before the word in front of it "
                f"({words[number - 1].start_s} s). Words must be in order of time."
            )
        if max(word.start_s, word.end_s) >= MAX_SECONDS - 0.001:
            raise ParameterError(
                f"Word {number + 1} ({word.text[:40]!r}) goes from {word.start_s} s to {word.end_s} s. Subtitles end before 100 "
                "hours. Check the times, which are in seconds."
            )
        text = " ".join(clean_text(word.text).split())
        if not text:
            continue
        first, *rest = _pieces(word, text, limit)
        glued = bool(tokens) and _unspaced(tokens[-1].text[-1]) and _unspaced(first.text[0])
        tokens += [_Token(first.text, first.start_s, first.end_s, glued), *rest]
    return tokens


def _ends(token: _Token, marks: tuple[str, ...]) -> bool:
    return token.text.rstrip(CLOSERS).endswith(marks)


def _join(tokens: Sequence[_Token]) -> str:
    return "".join(("" if t.glued or not i else " ") + t.text for i, t in enumerate(tokens))


def _line_breaks(widths: Sequence[float], gaps: Sequence[float], limit: float) -> int:
    """Return how many lines greedy filling needs."""
    lines, used = 1, 0.0
    for number, width in enumerate(widths):
        wanted = used + (gaps[number] if used else 0) + width
        if used and wanted > limit:
            lines, wanted = lines + 1, width
        used = wanted
    return lines


def balance_lines(
    parts: Sequence[str], glued: Sequence[bool], measure: Callable[[str], float], limit: float
) -> list[list[int]]:
    """Break words into as few lines as greedy filling needs, as equal in width as can be.

    Args:
        parts: The words.
        glued: For each, whether no space stands before it.
        measure: Width of a text, in the unit of `limit`.
        limit: Widest line. A single word may be wider.

    Returns:
        For each line, the indices of its words.
    """
    widths = [measure(part) for part in parts]
    gaps = [0.0 if tight else measure(" ") for tight in glued]
    count = _line_breaks(widths, gaps, limit)
    low, high = max([*widths, 0.0]), max(limit, *widths, 1.0)
    for _ in range(24):  # narrow the line until one more would be needed
        middle = (low + high) / 2
        low, high = (low, middle) if _line_breaks(widths, gaps, middle) <= count else (middle, high)
    lines: list[list[int]] = [[]]
    used = 0.0
    for number, width in enumerate(widths):
        wanted = used + (gaps[number] if lines[-1] else 0) + width
        if lines[-1] and wanted > high:
            lines.append([])
            wanted = width
        lines[-1].append(number)
        used = wanted
    return lines


def _cost(group: Sequence[_Token], fill: float) -> float:
    """Judge a cue: few cues, well filled, ending where the sentence or the clause ends."""
    end = 0.0 if _ends(group[-1], SENTENCE_END) else 0.35 if _ends(group[-1], CLAUSE_END) else 0.9
    inside = sum(_ends(token, SENTENCE_END) for token in group[:-1])
    return 0.6 + 0.4 * (1 - min(1.0, fill)) ** 2 + end + 1.2 * inside


def _group(tokens: Sequence[_Token], line: int, lines: int, max_s: float, pause_s: float) -> list[list[_Token]]:
    """Choose the breaks with the least total cost."""
    widths = [columns(token.text) for token in tokens]
    gaps = [0 if token.glued else 1 for token in tokens]
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(tokens) + 1):
        found, used = (float("inf"), end - 1), 0
        for start in range(end - 1, -1, -1):
            used += widths[start] + gaps[start]
            if start < end - 1 and (
                tokens[start + 1].start_s - tokens[start].end_s > pause_s
                or tokens[end - 1].end_s - tokens[start].start_s > max_s
                or used - gaps[start] > line * lines + lines - 1
                or _line_breaks(widths[start:end], gaps[start:end], line) > lines
            ):
                break
            found = min(found, (best[start][0] + _cost(tokens[start:end], used / (line * lines)), start))
        best.append(found)
    groups: list[list[_Token]] = []
    end = len(tokens)
    while end:
        start = best[end][1]
        groups.append(list(tokens[start:end]))
        end = start
    return groups[::-1]


def cues_from_words(
    words: Sequence[Word],
    *,
    line_chars: int = 42,
    lines: int = 2,
    max_s: float = 6.0,
    min_s: float = 0.8,
    pause_s: float = 0.7,
) -> list[Cue]:
    """Group timed words into cues that end with sentences and clauses where they can.

    Args:
        words: In order of time.
        line_chars: Columns in a line (a wide East Asian character takes two).
        lines: Most lines in a cue.
        max_s: Longest time from the first word's start to the last word's end; a single word may take longer.
        min_s: A cue stays at least this long, unless the next one starts before.
        pause_s: A silence longer than this always ends a cue.

    Returns:
        Cues that do not overlap, each with the timings of its words.

    Raises:
        ParameterError: A limit is not positive, or the words are not in order of time.
    """
    if not (1 <= line_chars <= 200 and 1 <= lines <= 10 and max_s > 0 and min_s >= 0 and pause_s >= 0):
        raise ParameterError(
            f"Cannot make cues: line_chars={line_chars} (1 to 200), lines={lines} (1 to 10), max_s={max_s} (above 0), "
            f"min_s={min_s} and pause_s={pause_s} (0 or more)."
        )
    groups = _group(_tokens(words, max(2, line_chars)), line_chars, lines, max_s, pause_s)
    cues: list[Cue] = []
    for number, group in enumerate(groups):
        following = groups[number + 1][0].start_s if number + 1 < len(groups) else float("inf")
        spoken = max(token.end_s for token in group)
        end = min(following, MAX_SECONDS, max(spoken + LINGER_S, group[0].start_s + min_s))
        laid = balance_lines([t.text for t in group], [t.glued for t in group], columns, line_chars)
        text = "\n".join(_join([group[i] for i in line]) for line in laid)
        timed = tuple(Word(text=t.text, start_s=t.start_s, end_s=t.end_s) for t in group)
        start = round(group[0].start_s, 3)
        cues.append(Cue(start_s=start, end_s=max(round(end, 3), start + 0.001), text=text, words=timed))
    return cues


def one_at_a_time(cues: Sequence[Cue]) -> list[Cue]:
    """Return cues of which one is shown at a time: what overlaps is shown together, line under line, while it does.

    Args:
        cues: In order of time. Times count in whole milliseconds, as in subtitle files.

    Raises:
        ParameterError: Captions that overlap have more text than anybody could read.
    """
    waiting = [(at := round(cue.start_s * 1000), max(at + 1, round(cue.end_s * 1000)), cue.text) for cue in cues][::-1]
    edges = sorted({edge for start, end, _ in waiting for edge in (start, end)})
    shown: list[tuple[int, int, str]] = []
    apart: list[Cue] = []
    for at, until in pairwise(edges):
        while waiting and waiting[-1][0] <= at:
            shown.append(waiting.pop())
        shown = [cue for cue in shown if cue[1] > at]
        text = "\n".join(dict.fromkeys(text for *_, text in shown))
        if len(shown) > 1 and len(text) > CROWDED:
            raise ParameterError(
                f"Too many captions at {at / 1000:.2f} s: {len(shown)} of them with {len(text)} characters. Allowed: {CROWDED}."
            )
        if shown:
            apart.append(Cue(start_s=at / 1000, end_s=until / 1000, text=text))
    return apart
