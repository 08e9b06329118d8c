"""Offline speech: espeak-ng through the library that a wheel carries, or tones where there is no such wheel."""

from __future__ import annotations

import difflib
import json
import re
import subprocess
import sys
import time
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import EncodeError, ParameterError
from ..children import child
from ..control import check_not_cancelled
from ..types import Word
from . import pcm

if TYPE_CHECKING:
    from .pcm import Samples

__all__ = ["MAX_TEXT", "Speech", "speak"]

MAX_TEXT = 10_000
"""Characters in one text; about ten minutes of speech."""
TIMEOUT_S = 60.0
PROGRAM = Path(__file__).with_name("espeak.py")
UNKNOWN_VOICE, NO_LIBRARY = 3, 4
SPEECH_DB, TONES_DB = -20.0, -24.0
TAIL_S = 0.12
TONE_RATE_HZ = 24_000


@dataclass(frozen=True)
class Speech:
    """What was spoken.

    Attributes:
        words: Every word with its punctuation, in order, inside the sound.
        engine: `espeak-ng` or `tones`.
        note: Why it is tones; empty for speech.
        duration_s: Length of the sound.
    """

    words: tuple[Word, ...]
    engine: str
    note: str
    duration_s: float


class _NoEngineError(Exception):
    """There is no espeak-ng library here that loads."""


def speak(
    text: str,
    target: Path,
    *,
    voice: str = "en-us",
    rate: int = 165,
    pitch: int = 50,
) -> Speech:
    """Speak a text into a mono WAV file.

    Without an espeak-ng library that loads, each word becomes a soft tone, so that timings and captions still work; the
    result says so.

    Args:
        text: Up to `MAX_TEXT` characters, with something to speak in them.
        target: The file to write, `.wav`.
        voice: A language that espeak-ng knows (`en-us`, `de`, `pt-br`, `cmn`), with a variant if wanted (`en-us+f3`).
        rate: Words per minute, 80 to 450.
        pitch: 0 to 99.

    Raises:
        ParameterError: A parameter is out of range, or the voice does not exist.
        EncodeError: The synthesiser crashed or hung, or the target cannot be written.
    """
    _check(text, voice, rate, pitch)
    try:
        sound, rate_hz, words = _espeak(text, voice, rate, pitch)
        engine, note = "espeak-ng", ""
    except _NoEngineError as exc:
        sound, rate_hz, words = _tones(text, rate, pitch)
        engine, note = "tones", f"Tones instead of speech: {exc}"
    pcm.write_wav(target, sound, rate_hz)
    return Speech(words, engine, note, len(sound) / rate_hz)


def _check(text: str, voice: str, rate: int, pitch: int) -> None:
    problems: list[str] = []
    if not any(unicodedata.category(c)[0] in "LNS" for c in text):
        problems.append(f"text {text[:40]!r} has nothing to speak in it, give at least one word")
    if len(text) > MAX_TEXT:
        problems.append(f"text has {len(text)} characters, allowed are {MAX_TEXT}; split it")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9+_-]{0,40}", voice):
        problems.append(f"voice is {voice!r}, expected a language such as 'en-us' or 'de'")
    if not 80 <= rate <= 450:
        problems.append(f"rate is {rate}, allowed are 80 to 450 words per minute")
    if not 0 <= pitch <= 99:
        problems.append(f"pitch is {pitch}, allowed is 0 to 99")
    if problems:
        raise ParameterError(f"Cannot speak: {'; '.join(problems)}.", problems)


def _espeak(text: str, voice: str, rate: int, pitch: int) -> tuple[Samples, int, tuple[Word, ...]]:
    import numpy as np

    try:
        import espeakng_loader

        library, data = espeakng_loader.get_library_path(), espeakng_loader.get_data_path()
    except (ImportError, RuntimeError, OSError) as exc:
        raise _NoEngineError(f"espeak-ng is not installed ({exc}). Install prefect-media[voice].") from exc
    # A lone surrogate cannot be encoded, and a zero would end the text.
    spoken = text.replace("\0", " ").encode("utf-8", "replace").decode()
    command = [sys.executable, "-I", str(PROGRAM), library, data, voice, str(rate), str(pitch)]
    code, output, trouble = _run(command, spoken.encode())
    line, _, samples = output.partition(b"\n")
    if code == UNKNOWN_VOICE:
        raise _unknown_voice(voice, json.loads(line)["voices"])
    if code == NO_LIBRARY:
        raise _NoEngineError(f"the espeak-ng library does not load here ({json.loads(line)['error']}).")
    if code:
        raise EncodeError(f"Cannot speak {text[:40]!r}: espeak-ng ended with code {code}. {trouble[-300:]}".rstrip())
    answer = json.loads(line)
    sound = np.frombuffer(samples, "<i2").astype(np.float32) / 32768
    if not len(sound) or np.abs(sound).max() < 1e-3:
        raise ParameterError(f"Cannot speak {text[:40]!r}: the voice {voice!r} finds nothing to say in it.")
    rate_hz = int(answer["rate_hz"])
    last = int(np.flatnonzero(np.abs(sound) > 2e-3)[-1]) + round(TAIL_S * rate_hz)
    sound = pcm.fade(pcm.level(sound[:last], SPEECH_DB), rate_hz, 0.005, 0.02)
    return sound, rate_hz, _words(spoken, answer["words"], sound, rate_hz)


def _run(command: list[str], data: bytes) -> tuple[int, bytes, str]:
    deadline = time.monotonic() + TIMEOUT_S
    pending: bytes | None = data
    with child(command, stdin=subprocess.PIPE) as process:
        while True:
            try:
                output, trouble = process.communicate(pending, timeout=0.1)
                return process.returncode, output, trouble.decode("utf-8", "replace").strip()
            except subprocess.TimeoutExpired:
                pending = None
            check_not_cancelled("speak")
            if time.monotonic() > deadline:
                raise EncodeError(f"Cannot speak: espeak-ng did not end within {TIMEOUT_S:g} s. Shorten the text.")


def _unknown_voice(voice: str, known: list[str]) -> ParameterError:
    language = voice.lower().split("-")[0]
    near = [language] if language in known else difflib.get_close_matches(voice.lower(), known, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return ParameterError(f"Unknown voice {voice!r}.{hint} Known: {', '.join(known)}.")


def _words(text: str, marks: list[tuple[float, int]], sound: Samples, rate_hz: int) -> tuple[Word, ...]:
    """Make words of the marks (start, position): a written word may be several spoken ones (`$12`), or none (`-`)."""
    import numpy as np

    starts: list[tuple[float, int]] = []
    for start, position in marks:
        begin = _token_start(text, min(position, len(text) - 1))
        if not starts or begin > starts[-1][1]:
            starts.append((start, begin))
    if not starts:
        starts = [(0.0, 0)]
    starts[0] = (starts[0][0], 0)
    total = len(sound) / rate_hz
    words: list[Word] = []
    for index, (start, begin) in enumerate(starts):
        after, end = starts[index + 1] if index + 1 < len(starts) else (total, len(text))
        begins, after = min(start, total), min(after, total)
        part = np.flatnonzero(np.abs(sound[round(begins * rate_hz) : round(after * rate_hz)]) > 0.01)
        heard = begins + (int(part[-1]) + 1) / rate_hz + 0.02 if len(part) else after
        words.append(
            Word(text=" ".join(text[begin:end].split()), start_s=round(begins, 3), end_s=round(min(heard, after), 3))
        )
    return tuple(word for word in words if word.text)


def _token_start(text: str, position: int) -> int:
    """Position where the written word begins that a position is in; scripts without spaces break at each mark."""
    if _is_unspaced(text[position]):
        return position
    while position > 0 and not text[position - 1].isspace() and not _is_unspaced(text[position - 1]):
        position -= 1
    return position


def _is_unspaced(letter: str) -> bool:
    name = unicodedata.name(letter, "")
    return name.startswith(("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR"))


def _tones(text: str, rate: int, pitch: int) -> tuple[Samples, int, tuple[Word, ...]]:
    """One soft tone for each word, its pitch from the word, with pauses at punctuation."""
    import numpy as np

    pace = 165 / rate
    pieces: list[Samples] = []
    words: list[Word] = []
    position = 0
    for written in text.split():
        length = (0.10 + 0.035 * min(len(written), 12)) * pace
        pause = (0.07 + (0.28 if written[-1] in ".!?。！？…" else 0.14 if written[-1] in ",;:、，" else 0)) * pace
        count = round(length * TONE_RATE_HZ)
        hertz = (150 + 1.5 * pitch) * 2 ** (pcm.random_of(written.lower().strip(".,;:!?")).randint(0, 8) / 12)
        phase = 2 * np.pi * hertz * np.arange(count) / TONE_RATE_HZ
        tone = (np.sin(phase) + 0.3 * np.sin(2 * phase) + 0.1 * np.sin(3 * phase)).astype(np.float32)
        pieces += [pcm.fade(tone, TONE_RATE_HZ, 0.03, 0.08), np.zeros(round(pause * TONE_RATE_HZ), np.float32)]
        start = position / TONE_RATE_HZ
        words.append(Word(text=written, start_s=round(start, 3), end_s=round(start + count / TONE_RATE_HZ, 3)))
        position += count + len(pieces[-1])
    return pcm.level(np.concatenate(pieces), TONES_DB), TONE_RATE_HZ, tuple(words)
