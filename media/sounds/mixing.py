"""Mix sounds: levels, offsets, ducking under speech, and a ceiling that the sum does not pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ParameterError
from .. import ffmpeg
from ..operation import operation
from ..scratch import scratch_beside
from ._job import Sound, check_range, common_shape, exactly, open_sound, write_sound
from .copying import copy_sound
from .formats import AudioShape, audio_shape
from .loudness import Level, Loudness, check_target, find_level, is_under, measure_stream, missed, under_ceiling
from .silence import Span, sounding_spans

__all__ = ["duck", "mix", "speech_spans"]

ENVELOPE_RATE_HZ = 1000
FADE_DOWN_S, FADE_UP_S = 0.25, 0.6
HOLD_S = 0.9
"""The bed stays down in pauses shorter than this."""
UNDER_SPEECH_DB = 20.0
"""What lies this far under the loudness of the speech is not speech."""
LENGTHS = ("longest", "shortest", "first")
MAX_SOURCES = 64


def speech_spans(sound: Sound) -> list[Span]:
    """Return when somebody speaks: the parts that come near the loudness of the whole, without longer pauses.

    Raises:
        EncodeError: ffmpeg could not read it.
    """
    shape = audio_shape(".wav", sound.stream)
    found = measure_stream(
        sound.node(shape), what=f"find the speech in '{sound.path.name}'", duration_s=sound.duration_s + 1
    )
    if found.is_silent:
        return []
    threshold = max(-60.0, found.integrated_lufs - UNDER_SPEECH_DB)
    return sounding_spans(sound, threshold_db=threshold, min_silence_s=HOLD_S)


def _envelope(spans: Sequence[Span], length_s: float, depth_db: float) -> Any:
    """Return the gain of the bed over time as 16-bit samples at `ENVELOPE_RATE_HZ`."""
    import numpy as np

    at = np.arange(round(length_s * ENVELOPE_RATE_HZ) + 2) / ENVELOPE_RATE_HZ
    depth = np.zeros_like(at)
    for start, end in spans:
        into = np.clip((at - (start - FADE_DOWN_S)) / FADE_DOWN_S, 0, 1)
        out = np.clip((end + FADE_UP_S - at) / FADE_UP_S, 0, 1)
        depth = np.maximum(depth, np.minimum(into, out))
    smooth = 0.5 - 0.5 * np.cos(np.pi * depth)
    return np.round(32767 * 10 ** (-depth_db * smooth / 20)).astype("<i2")


def duck(
    node: Any, spans: Sequence[Span], shape: AudioShape, *, length_s: float, depth_db: float, scratch: Path
) -> Any:
    """Return a node whose level goes down by `depth_db` while somebody speaks.

    The level is down when a word begins, and stays down in short pauses: a compressor that follows the voice instead
    makes the bed rise and fall with every syllable (up to 26 dB were measured where 12 were asked for).

    Args:
        node: The bed, in `shape`.
        spans: When somebody speaks, in seconds of the node.
        shape: Rate and channels of the node.
        length_s: Length of the node.
        depth_db: How far it goes down, 0 to 40.
        scratch: Folder that exists until the graph has run; the gain over time is written to it.

    Raises:
        ParameterError: The depth is out of range.
    """
    import wave

    check_range("depth_db", depth_db, 0, 40, "dB")
    if not spans or not depth_db:
        return node
    path = scratch / f"envelope-{len(list(scratch.iterdir()))}.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(ENVELOPE_RATE_HZ)
        file.writeframes(_envelope(spans, length_s, depth_db).tobytes())
    copies = "|".join(f"c{channel}=c0" for channel in range(shape.channels))
    gain = ffmpeg.source(path)["a:0"].filter("aresample", shape.sample_rate_hz).filter("aformat", sample_fmts="fltp")
    gain = gain.filter("pan", args=f"{shape.layout}|{copies}")
    return ffmpeg.graph_module().filter([node, gain], "amultiply")


@dataclass(frozen=True)
class _Part:
    """One sound of a mix, where it begins and how loud it is."""

    sound: Sound
    offset_s: float
    gain_db: float

    @property
    def end_s(self) -> float:
        return self.offset_s + self.sound.duration_s

    def node(self, shape: AudioShape, number: int, samples: int) -> Any:
        node = self.sound.node(shape, use=number)
        if self.gain_db:
            node = node.filter("volume", f"{self.gain_db:.3f}dB", precision="float")
        if delay := round(self.offset_s * shape.sample_rate_hz):
            node = node.filter("adelay", f"{delay}S", all=1)
        return exactly(node, samples)


@operation(version=4)
def mix(
    sources: Sequence[Path],
    target: Path,
    *,
    levels_db: Sequence[float] = (),
    offsets_s: Sequence[float] = (),
    speech: int | None = None,
    duck_db: float = 12.0,
    length: str | float = "longest",
    fade_out_s: float = 0.0,
    lufs: float | None = None,
    true_peak: float = -1.0,
) -> tuple[str, ...]:
    """Mix sounds into one, under a true-peak ceiling that also holds after encoding.

    Args:
        sources: Audio, or videos whose sound is taken; rates and channels may differ.
        target: Audio file.
        levels_db: Gain of each source, -60 to 40; none leaves all as they are.
        offsets_s: When each source begins, 0 or later; none begins all at 0.
        speech: Number of the source (from 0) under which the others go down; None for no ducking.
        duck_db: How far they go down, 0 to 40.
        length: `longest`, `shortest`, `first` (where that source ends), or seconds.
        fade_out_s: The whole mix fades out over its last seconds.
        lufs: Integrated loudness of the mix; None leaves it as it comes out.
        true_peak: Ceiling, -20 to 0 dBTP.

    Returns:
        A line for what kept it from `lufs`.

    Raises:
        ParameterError: A list of another length, or a value out of range.
        MediaError: A source cannot be read, or the target not written.
    """
    parts = _parts(sources, levels_db, offsets_s, speech)
    check_range("duck_db", duck_db, 0, 40, "dB")
    check_target(-16.0 if lufs is None else lufs, true_peak)
    length_s = _length(parts, length)
    check_range("fade_out_s", fade_out_s, 0, length_s, "s")
    shape = common_shape(target, [part.sound for part in parts])
    samples = max(1, round(length_s * shape.sample_rate_hz))
    what = f"mix {len(parts)} sounds, '{sources[0].name}' first"
    if lufs is None and not fade_out_s and _is_alone(parts, shape, samples):
        found = measure_stream(parts[0].sound.node(shape), what=what, duration_s=length_s + 1)
        if is_under(found, true_peak) and copy_sound(parts[0].sound, target, what=what):
            return ()
    with scratch_beside(target) as scratch:
        nodes = [part.node(shape, number, samples) for number, part in enumerate(parts)]
        if speech is not None:
            begin = parts[speech].offset_s
            spans = [(start + begin, end + begin) for start, end in speech_spans(parts[speech].sound)]
            for number in range(len(nodes)):
                if number != speech:
                    nodes[number] = duck(
                        nodes[number], spans, shape, length_s=length_s, depth_db=duck_db, scratch=scratch
                    )
        node = _sum(nodes, samples)
        if fade_out_s:
            fade = round(fade_out_s * shape.sample_rate_hz)
            node = node.filter("afade", t="out", ss=samples - fade, ns=fade, curve="hsin")
        return _leveled(node, samples, shape, target, lufs=lufs, true_peak=true_peak, what=what)


def _is_alone(parts: Sequence[_Part], shape: AudioShape, samples: int) -> bool:
    """Whether a mix is one sound as it is, but for the ceiling."""
    part = parts[0]
    return len(parts) == 1 and not part.gain_db and not part.offset_s and samples == part.sound.samples(shape)


def _leveled(
    node: Any, samples: int, shape: AudioShape, target: Path, *, lufs: float | None, true_peak: float, what: str
) -> tuple[str, ...]:
    """Write a node at its level, measured as it comes out of the encoder."""
    rate, seconds = shape.sample_rate_hz, samples / shape.sample_rate_hz + 1
    with scratch_beside(target) as folder:
        made: dict[Level, tuple[Path, Loudness]] = {}

        def render(level: Level) -> Loudness:
            out = folder / f"{len(made)}{target.suffix.lower()}"
            write_sound(out, exactly(level.apply(node, rate), samples), samples, shape, what=what)
            made[level] = out, measure_stream(ffmpeg.source(out)["a:0"], what=what, duration_s=seconds)
            return made[level][1]

        if lufs is None:
            level = under_ceiling(render, true_peak=true_peak, lossy=shape.is_lossy)
            notes: tuple[str, ...] = ()
        else:
            before = measure_stream(node, what=what, duration_s=seconds)
            level = find_level(before, render, lufs=lufs, true_peak=true_peak, lossy=shape.is_lossy)
            if level not in made:
                render(level)
            notes = missed(before, made[level][1], level, lufs=lufs, true_peak=true_peak)
        ffmpeg.publish(made[level][0], target)
    return notes


def _sum(nodes: list[Any], samples: int) -> Any:
    if len(nodes) == 1:
        return nodes[0]
    return exactly(
        ffmpeg.graph_module().filter(nodes, "amix", inputs=len(nodes), normalize=0, duration="longest"), samples
    )


def _parts(
    sources: Sequence[Path], levels_db: Sequence[float], offsets_s: Sequence[float], speech: int | None
) -> list[_Part]:
    count = len(sources)
    if not 1 <= count <= MAX_SOURCES:
        raise ParameterError(f"Cannot mix {count} sources. Allowed: 1 to {MAX_SOURCES}.")
    for name, values in (("levels_db", levels_db), ("offsets_s", offsets_s)):
        if values and len(values) != count:
            raise ParameterError(f"{name} has {len(values)} values for {count} sources. Give one for each, or none.")
    if speech is not None and not 0 <= speech < count:
        raise ParameterError(f"speech={speech} is not the number of a source. Allowed: 0 to {count - 1}.")
    for value in levels_db:
        check_range("levels_db", value, -60, 40, "dB")
    for value in offsets_s:
        check_range("offsets_s", value, 0, 360_000, "s")
    levels, offsets = list(levels_db) or [0.0] * count, list(offsets_s) or [0.0] * count
    return [_Part(open_sound(path), offsets[n], levels[n]) for n, path in enumerate(sources)]


def _length(parts: list[_Part], length: str | float) -> float:
    ends = [part.end_s for part in parts]
    if isinstance(length, str):
        if length not in LENGTHS:
            raise ParameterError(f"length={length!r} is not known. Allowed: {', '.join(LENGTHS)}, or seconds.")
        return {"longest": max(ends), "shortest": min(ends), "first": ends[0]}[length]
    check_range("length", length, 0.001, 360_000, "s")
    return float(length)
