"""Word timings of a sound after a local operation moved or cut it."""

from __future__ import annotations

from collections.abc import Sequence

from ..media.types import Audio, Word

__all__ = ["cut_words", "joined_words", "moved_words"]

SHORTEST_S = 0.001


def cut_words(words: Sequence[Word], start_s: float, end_s: float) -> tuple[Word, ...]:
    """Return the words of a part, from its start. A word that a cut goes through stays when more than half of it does."""
    kept: list[Word] = []
    for word in words:
        first, last = max(word.start_s, start_s), min(word.end_s, end_s)
        if last - first >= max(SHORTEST_S, (word.end_s - word.start_s) / 2):
            kept.append(Word(text=word.text, start_s=first - start_s, end_s=last - start_s))
    return tuple(kept)


def moved_words(words: Sequence[Word], by_s: float) -> tuple[Word, ...]:
    """Return words that begin so much later."""
    return tuple(Word(text=word.text, start_s=word.start_s + by_s, end_s=word.end_s + by_s) for word in words)


def joined_words(sounds: Sequence[Audio], between_s: float) -> tuple[Word, ...]:
    """Return the words of sounds that follow each other.

    Args:
        sounds: In order.
        between_s: Silence between two; negative where they overlap.
    """
    joined: list[Word] = []
    at = 0.0
    for sound in sounds:
        joined += moved_words(sound.words, at)
        at += sound.duration_s + between_s
    return tuple(sorted(joined, key=lambda word: word.start_s))
