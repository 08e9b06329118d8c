"""Where a sound is silent, and cutting that away."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import UnsupportedMediaError
from .. import ffmpeg
from ..operation import operation
from ..scratch import scratch_beside
from ..types import Word
from ._job import Sound, check_range, exactly, open_sound, write_sound
from .copying import copy_sound
from .formats import AudioShape, audio_shape

__all__ = ["Span", "kept_spans", "sounding_spans", "trim_silence", "words_after"]

Span = tuple[float, float]
"""Start and end in seconds."""
STEP = 64
"""Samples; pauses inside are cut at multiples of it."""


def sounding_spans(sound: Sound, *, threshold_db: float, min_silence_s: float) -> list[Span]:
    """Return the parts of a sound between its silences.

    Args:
        sound: What to look through.
        threshold_db: A sample under this (dB of full scale) in all channels is silent.
        min_silence_s: Shorter silences do not count.

    Raises:
        EncodeError: ffmpeg could not read it.
    """
    shape = audio_shape(".wav", sound.stream)
    node = sound.node(shape).filter("silencedetect", noise=f"{threshold_db:.2f}dB", duration=f"{min_silence_s:.4f}")
    log = ffmpeg.measure(node, what=f"look for silence in '{sound.path.name}'", duration_s=sound.duration_s + 1)
    spans: list[Span] = []
    start: float | None = 0.0
    for edge, value in re.findall(r"silence_(start|end): (-?[\d.]+)", "\n".join(log)):
        at = min(sound.duration_s, max(0.0, float(value)))
        if edge == "end":
            start = at
        else:
            if start is not None and at > start:
                spans.append((start, at))
            start = None
    if start is not None and sound.duration_s - start > 1e-3:
        spans.append((start, sound.duration_s))
    return spans


def _widened(spans: list[Span], keep_s: float, length_s: float) -> list[Span]:
    """Return spans with some silence kept at either side, joined where they then touch."""
    joined: list[Span] = []
    for start, end in spans:
        wide = max(0.0, start - keep_s), min(length_s, end + keep_s)
        if joined and wide[0] <= joined[-1][1]:
            wide = joined.pop()[0], wide[1]
        joined.append(wide)
    return joined


def kept_spans(
    source: Path, *, threshold_db: float = -50.0, keep_s: float = 0.1, max_pause_s: float | None = None
) -> list[Span]:
    """Return the parts of a sound that `trim_silence` with the same parameters keeps.

    Raises:
        ParameterError: A parameter is out of range.
        UnsupportedMediaError: There is no sound, or nothing in it but silence.
        MediaError: The source cannot be read.
    """
    check_range("threshold_db", threshold_db, -90, -10, "dB")
    check_range("keep_s", keep_s, 0, 60, "s")
    check_range("max_pause_s", keep_s if max_pause_s is None else max_pause_s, 0, 3600, "s")
    return _kept(open_sound(source), threshold_db, keep_s, max_pause_s)


def _kept(sound: Sound, threshold_db: float, keep_s: float, max_pause_s: float | None) -> list[Span]:
    shortest = min(0.05, sound.duration_s / 2)
    spans = sounding_spans(sound, threshold_db=threshold_db, min_silence_s=shortest)
    if not spans:
        raise UnsupportedMediaError(
            f"Cannot trim the silence of '{sound.path.name}': nothing in it reaches {threshold_db:g} dB. Lower "
            "threshold_db, or check what made the sound."
        )
    length = sound.duration_s
    first, last = max(0.0, spans[0][0] - keep_s), min(length, spans[-1][1] + keep_s)
    if max_pause_s is None:
        return [(first, last)]
    inner = _widened(spans, max_pause_s / 2, length)
    return [(first, inner[0][1]), *inner[1:-1], (inner[-1][0], last)] if len(inner) > 1 else [(first, last)]


@operation(version=4)
def trim_silence(
    source: Path,
    target: Path,
    *,
    threshold_db: float = -50.0,
    keep_s: float = 0.1,
    max_pause_s: float | None = None,
) -> None:
    """Cut the silence at both ends, and shorten long pauses inside; copy the sound where there is none to cut.

    Args:
        source: Audio, or a video whose sound is taken.
        target: Audio file.
        threshold_db: Under this (dB of full scale) counts as silent, -90 to -10.
        keep_s: Silence that stays at either end.
        max_pause_s: Longer pauses inside become this long; None leaves them.

    Raises:
        ParameterError: A parameter is out of range.
        UnsupportedMediaError: There is no sound, or nothing in it but silence.
        MediaError: The source cannot be read, or the target not written.
    """
    spans = kept_spans(source, threshold_db=threshold_db, keep_s=keep_s, max_pause_s=max_pause_s)
    sound = open_sound(source)
    shape, what = audio_shape(target.suffix, sound.stream), f"trim the silence of '{source.name}'"
    if spans == [(0.0, sound.duration_s)] and copy_sound(sound, target, what=what):
        return
    with scratch_beside(target) as scratch:
        node, samples = _cut(sound, shape, spans, scratch / "chosen.txt")
        write_sound(target, node, samples, shape, what=what)


def _cut(sound: Sound, shape: AudioShape, spans: Sequence[Span], script: Path) -> tuple[Any, int]:
    """Return a node of the parts one after the other, and its length in samples.

    Args:
        sound: What to cut.
        shape: Of the node.
        spans: The parts, in order.
        script: File that may be written, and has to exist until the graph has run.
    """
    rate, node = shape.sample_rate_hz, sound.node(shape)
    if len(spans) == 1:
        first, last = round(spans[0][0] * rate), round(spans[0][1] * rate)
        samples = max(1, last - first)
        node = node.filter("atrim", start_sample=first).filter("asetpts", "PTS-STARTPTS")
        return exactly(node, samples), samples
    # One filter chooses all parts, in steps of about a millisecond; a branch for each would hold the sound in memory.
    edges = _in_steps(spans, rate)
    script.write_text(_inside([edge for span in edges for edge in span]))  # long speech: too long for an argument
    node = node.filter("asetnsamples", n=STEP).filter("aselect", **{"/expr": str(script)}).filter("asetpts", "N/SR/TB")
    samples = max(1, sum(last - first for first, last in edges) * STEP)
    return exactly(node, samples), samples


def _in_steps(spans: Sequence[Span], rate: int) -> list[tuple[int, int]]:
    """Return spans in steps. Their lengths are rounded together: at 8 kHz, each alone would move the words by up to 8 ms."""
    edges: list[tuple[int, int]] = []
    wanted, kept, last = 0.0, 0, 0
    for start, end in spans:
        wanted += (end - start) * rate / STEP
        first = max(last, round(start * rate / STEP))
        last = max(first, first + round(wanted) - kept)
        kept += last - first
        edges.append((first, last))
    return edges


def _inside(edges: Sequence[int]) -> str:
    """Return FFmpeg's expression for whether `n` lies in a span: a binary search, as sums nest at most 100 deep."""

    def at(low: int, high: int) -> str:
        if low == high:
            return str(low % 2)
        middle = (low + high) // 2
        return f"if(lt(n,{edges[middle]}),{at(low, middle)},{at(middle + 1, high)})"

    return at(0, len(edges))


def words_after(words: Sequence[Word], spans: Sequence[Span]) -> tuple[Word, ...]:
    """Return word timings as they are after everything outside the spans was cut away."""

    def moved(at: float) -> float:
        return math.fsum(min(at, end) - start for start, end in spans if at > start)

    return tuple(Word(text=w.text, start_s=moved(w.start_s), end_s=moved(w.end_s)) for w in words)
