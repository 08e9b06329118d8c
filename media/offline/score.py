"""Offline music: a quiet bed of pad, bass and sparse plucked notes; key, mood and notes follow from prompt and seed."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ParameterError
from ..control import check_not_cancelled
from . import pcm

if TYPE_CHECKING:
    from .pcm import Samples

__all__ = ["MAX_SECONDS", "MOODS", "compose"]

RATE_HZ = 48_000
MAX_SECONDS = 300.0
MIN_SECONDS = 0.5
RMS_DB = -26.0  # close to -24 LUFS for two channels

MAJOR, MINOR, DORIAN, LYDIAN = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 3, 5, 7, 9, 10),
    (0, 2, 4, 6, 7, 9, 11),
)


@dataclass(frozen=True)
class Mood:
    """How a bed sounds.

    Attributes:
        words: Prompt words that choose it.
        bar_s: Length of a bar in seconds.
        scale: Semitones of the seven degrees.
        chords: Progressions to choose from, in degrees counted from 0.
        colour: 0 dark to 1 bright.
        notes: Plucked notes per bar, on average.
        seventh: Whether chords have four notes.
    """

    words: str
    bar_s: float
    scale: tuple[int, ...]
    chords: tuple[tuple[int, ...], ...]
    colour: float
    notes: float
    seventh: bool = False


MOODS = {
    "dark": Mood(
        r"dark|tens|thrill|horror|scary|mystery|suspens|storm|noir|night",
        3.2,
        MINOR,
        ((0, 5, 0, 6), (0, 3, 5, 0)),
        0.15,
        1.6,
    ),
    "sad": Mood(
        r"sad|melanchol|lonely|rain|farewell|nostalg|autumn|grief", 3.0, MINOR, ((0, 5, 2, 6), (0, 3, 4, 0)), 0.3, 2.6
    ),
    "epic": Mood(
        r"epic|cinematic|hero|trailer|grand|triumph|adventure|mountain",
        2.4,
        MINOR,
        ((0, 5, 2, 6), (0, 2, 6, 5)),
        0.6,
        3.4,
    ),
    "happy": Mood(
        r"happy|upbeat|joy|cheer|fun|playful|summer|sunny|bright|pop|dance",
        1.9,
        MAJOR,
        ((0, 4, 5, 3), (0, 3, 4, 3)),
        0.8,
        5.2,
    ),
    "space": Mood(
        r"space|ambient|drone|dream|ether|galaxy|underwater|meditat|sleep|aurora",
        4.2,
        LYDIAN,
        ((0, 1, 0, 4), (0, 4, 1, 0)),
        0.45,
        1.8,
        True,
    ),
    "lofi": Mood(
        r"lo-?fi|jazz|chill|coffee|study|cafe|city|evening|smooth|soul",
        2.8,
        DORIAN,
        ((0, 3, 0, 3), (1, 4, 0, 5)),
        0.35,
        3.2,
        True,
    ),
    "calm": Mood(r"", 2.7, MAJOR, ((0, 4, 5, 3), (0, 5, 3, 4), (0, 2, 3, 4)), 0.5, 3.4, True),
}


def compose(prompt: str, target: Path, *, seconds: float = 10.0, seed: int = 0) -> None:
    """Compose a music bed into a stereo WAV file of 48 kHz.

    It is quiet (about -24 LUFS), fades in and out, and ends on its home chord. Prompts without a mood word are calm.

    Args:
        prompt: Any text; mood words choose scale, pace and colour, the rest chooses key and notes.
        target: The file to write, `.wav`.
        seconds: Exact length, 0.5 to 300.
        seed: Another piece for the same prompt.

    Raises:
        ParameterError: `seconds` is out of range.
        EncodeError: The target cannot be written, or the work was cancelled.
    """
    if not (math.isfinite(seconds) and MIN_SECONDS <= seconds <= MAX_SECONDS):
        raise ParameterError(f"Cannot compose: seconds is {seconds}, allowed is {MIN_SECONDS:g} to {MAX_SECONDS:g}.")
    mood = next(m for m in MOODS.values() if re.search(m.words, prompt.lower()))
    piece = _Piece(mood, pcm.random_of("score", prompt, seed), seconds)
    for _ in piece.play():
        check_not_cancelled(f"compose {target.name!r}")
    sound = pcm.level(_reverberate(piece.sound)[: piece.count], RMS_DB)
    pcm.write_wav(target, pcm.fade(sound, RATE_HZ, min(0.6, seconds / 6), min(2.2, seconds / 3)), RATE_HZ)


class _Piece:
    """One piece of music while it is played into `sound`."""

    def __init__(self, mood: Mood, random: Any, seconds: float) -> None:
        import numpy as np

        self.mood, self.random = mood, random
        self.count = round(seconds * RATE_HZ)
        self.bars = max(1, round((seconds - 0.6) / mood.bar_s))
        self.bar_s = (seconds - min(0.6, seconds / 5)) / self.bars
        self.root = 43 + random.randint(0, 9)
        self.chords = mood.chords[random.randint(len(mood.chords))]
        self.sound = np.zeros((self.count + 8 * RATE_HZ, 2), np.float32)
        self.notes: dict[tuple[str, int], Samples] = {}
        self.motif = sorted(
            (random.randint(0, 8), random.rand(), random.randint(0, 5)) for _ in range(1 + math.ceil(mood.notes))
        )

    def play(self) -> Iterator[int]:
        """Play bar after bar."""
        previous: list[int] = []
        for bar in range(self.bars):
            degree = 0 if bar == self.bars - 1 else self.chords[bar % len(self.chords)]
            chord = self._voiced(degree, previous)
            start = bar * self.bar_s
            for note in chord:
                self._add(self._note("pad", note), start, 0.5, 0.13)
            self._add(self._note("bass", self.root - 12 + self.mood.scale[degree]), start, 0.5, 0.15)
            self._pluck(chord, start, last=bar == self.bars - 1)
            previous = chord
            yield bar

    def _voiced(self, degree: int, previous: list[int]) -> list[int]:
        """Chord tones in the octave that moves least from the chord before."""
        steps = (0, 2, 4, 6) if self.mood.seventh else (0, 2, 4)
        chord: list[int] = []
        centre = sum(previous) / len(previous) if previous else self.root + 17
        for step in steps:
            octave, place = divmod(degree + step, 7)
            pitch = self.root + self.mood.scale[place] + 12 * octave
            chord.append(pitch + 12 * round((centre - pitch) / 12))
        return sorted(chord)

    def _pluck(self, chord: list[int], start: float, *, last: bool) -> None:
        for index, (eighth, luck, tone) in enumerate(self.motif):
            if last and index:
                break
            if luck > 0.9 or self.random.rand() < 0.15:
                continue
            varied = tone + (self.random.randint(-1, 2) if self.random.rand() < 0.35 else 0)
            octave, place = divmod(varied, len(chord))
            pitch = chord[place] + 12 * octave + (12 if self.mood.colour > 0.3 else 0)
            at = start + (0 if last else eighth / 8) * self.bar_s + 0.012 * self.random.rand()
            side = 0.5 + (0.28 if index % 2 else -0.28) * (0.4 + 0.6 * self.random.rand())
            loud = 0.125 * (0.7 + 0.5 * self.random.rand())
            for echo, gain in enumerate((1.0, 0.34, 0.14)):
                where = at + echo * self.bar_s * 3 / 16
                self._add(self._note("pluck", pitch), where, side if echo % 2 == 0 else 1 - side, loud * gain)

    def _add(self, note: Samples, start_s: float, side: float, gain: float) -> None:
        begin = round(start_s * RATE_HZ)
        part = self.sound[begin : begin + len(note)]
        panned = (math.cos(side * math.pi / 2), math.sin(side * math.pi / 2))
        for channel in (0, 1):
            wave = note[:, channel] if note.ndim == 2 else note
            part[:, channel] += wave[: len(part)] * (gain * panned[channel] * 1.414)

    def _note(self, kind: str, pitch: int) -> Samples:
        if (kind, pitch) not in self.notes:
            hertz = 440 * 2 ** ((pitch - 69) / 12)
            make = {"pad": self._pad, "bass": self._bass, "pluck": self._plucked}[kind]
            self.notes[kind, pitch] = make(hertz)
        return self.notes[kind, pitch]

    def _pad(self, hertz: float) -> Samples:
        import numpy as np

        overlap = min(1.6, self.bar_s * 0.6)
        count = round((self.bar_s + overlap) * RATE_HZ)
        harmonics = np.arange(1, 9)
        cycle = np.arange(4096) * (2 * np.pi / 4096)
        weights = harmonics ** -(2.6 - 1.2 * self.mood.colour) * np.exp(-((harmonics * hertz / 2600) ** 2))
        table = (weights[:, None] * np.sin(harmonics[:, None] * cycle + harmonics[:, None] ** 2)).sum(0)
        time = np.arange(count) * (4096 / RATE_HZ)
        made = np.zeros((count, 2), np.float32)
        for cent, channels in ((0.0, (0, 1)), (-5.0, (0,)), (5.0, (1,))):
            place = (time * (hertz * 2 ** (cent / 1200)) + self.random.randint(4096)).astype(np.int64) & 4095
            for channel in channels:
                made[:, channel] += table[place]
        breath = 1 - 0.12 * np.cos(np.arange(count) * (2 * np.pi * 0.23 / RATE_HZ))
        return pcm.fade((made * breath[:, None] * 0.5).astype(np.float32), RATE_HZ, overlap, overlap)

    def _bass(self, hertz: float) -> Samples:
        import numpy as np

        count = round(self.bar_s * 1.05 * RATE_HZ)
        phase = np.arange(count) * (2 * np.pi * hertz / RATE_HZ)
        decay = np.exp(-np.arange(count) / (RATE_HZ * self.bar_s * 0.7))
        tone = (np.sin(phase) + 0.35 * np.sin(2 * phase) + 0.08 * np.sin(3 * phase)) * decay
        return pcm.fade(tone.astype(np.float32), RATE_HZ, 0.06, min(0.5, self.bar_s / 3))

    def _plucked(self, hertz: float) -> Samples:
        import numpy as np

        time = np.arange(round(2.4 * RATE_HZ)) / RATE_HZ
        tone = np.zeros_like(time)
        for partial, gain, fall in (
            (1, 1.0, 2.2),
            (2.003, 0.42, 3.6),
            (3.01, 0.16, 5.5),
            (4.03, 0.10, 8.0),
            (6.1, 0.05, 14.0),
        ):
            if partial * hertz < 9000:
                tone += (
                    gain
                    * (0.5 + self.mood.colour) ** (partial - 1)
                    * np.exp(-fall * time)
                    * np.sin(2 * np.pi * partial * hertz * time)
                )
        return pcm.fade(tone.astype(np.float32), RATE_HZ, 0.006, 0.4)


def _reverberate(dry: Samples) -> Samples:
    """Add a hall: convolve blocks with a decaying noise, the same hall for every piece."""
    import numpy as np

    count = 2 * RATE_HZ
    time = np.arange(count) / RATE_HZ
    random = pcm.random_of("hall")
    block = 1 << 18
    wet = np.zeros((len(dry) + count + block, 2), np.float32)
    for channel in (0, 1):
        hall = pcm.smoothed_noise(random, count, RATE_HZ, 180, 3200) * np.exp(-3.1 * time) * np.minimum(1, time / 0.03)
        hall /= np.sqrt((hall**2).sum())
        response = np.fft.rfft(hall, block)
        step = block - count
        for begin in range(0, len(dry), step):
            piece = np.fft.irfft(np.fft.rfft(dry[begin : begin + step, channel], block) * response, block)
            wet[begin : begin + block, channel] += piece
    return dry + 0.42 * wet[: len(dry)]
