"""Operations on sound: trim, fade, change the volume, convert, concatenate. For mixing see `mixing`.

All read the first audio stream of an audio or video file, and write the kind of file that the target's suffix says
(.wav .flac .mp3 .m4a .aac .ogg .opus .weba). Lengths are exact to the sample, priming of lossy encoders left out. Where
nothing changes, the sound is copied undecoded, if it then sounds the same (see `copying`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import ParameterError
from .. import ffmpeg
from ..operation import operation
from ..scratch import scratch_beside
from ._job import Sound, check_range, common_shape, exactly, open_sound, write_sound
from .copying import copy_sound
from .formats import AudioShape, audio_shape

__all__ = ["change_volume", "concat_audio", "convert_audio", "fade_audio", "trim_audio"]

CURVES = {"linear": "tri", "smooth": "hsin", "equal-power": "qsin"}
CODEC_OF = {"libmp3lame": "mp3", "libopus": "opus"}
AT_A_TIME = 64
"""Sounds that one graph puts together."""
MAX_SECONDS = 360_000.0
SLACK_S = 0.03
"""A part may end this much after the sound: lengths that others report are rounded to their frames."""


@operation(version=3)
def trim_audio(
    source: Path,
    target: Path,
    *,
    start_s: float = 0.0,
    end_s: float | None = None,
    seconds: float | None = None,
) -> None:
    """Keep a part of a sound, exact to the sample.

    Args:
        source: Audio, or a video whose sound is taken.
        target: Audio file.
        start_s: Where to begin.
        end_s: Where to end; None for the end of the sound, beyond which it may not lie.
        seconds: How long the part is, instead of `end_s`.

    Raises:
        ParameterError: The part is empty or outside the sound, or both `end_s` and `seconds` are given.
        MediaError: The source cannot be read, or the target not written.
    """
    if end_s is not None and seconds is not None:
        raise ParameterError("Give end_s or seconds, not both.")
    sound = open_sound(source)
    shape = audio_shape(target.suffix, sound.stream)
    end = start_s + seconds if seconds is not None else sound.duration_s if end_s is None else end_s
    if not 0 <= start_s < end <= sound.duration_s + SLACK_S:
        raise ParameterError(
            f"Cannot trim '{source.name}' from {start_s} s to {end} s: it is {sound.duration_s:.3f} s long, and the part "
            "must end after it starts."
        )
    rate = shape.sample_rate_hz
    first = round(start_s * rate)
    samples, what = max(1, round(end * rate) - first), f"trim '{source.name}'"
    if not first and samples == sound.samples(shape) and copy_sound(sound, target, what=what):
        return
    node = sound.node(shape).filter("atrim", start_sample=first).filter("asetpts", "PTS-STARTPTS")
    write_sound(target, exactly(node, samples), samples, shape, what=what)


@operation(version=3)
def fade_audio(source: Path, target: Path, *, in_s: float = 0.0, out_s: float = 0.0, curve: str = "smooth") -> None:
    """Fade a sound in and out.

    Args:
        source: Audio, or a video whose sound is taken.
        target: Audio file.
        in_s, out_s: Seconds that each fade takes; 0 for none. Together at most the length of the sound.
        curve: `linear`, `smooth` or `equal-power`.

    Raises:
        ParameterError: A fade is longer than the sound, or the curve is unknown.
        MediaError: The source cannot be read, or the target not written.
    """
    sound = open_sound(source)
    shape = audio_shape(target.suffix, sound.stream)
    check_range("in_s", in_s, 0, MAX_SECONDS, "s")
    check_range("out_s", out_s, 0, MAX_SECONDS, "s")
    if in_s + out_s > sound.duration_s + 1e-6:
        raise ParameterError(
            f"Cannot fade '{source.name}': in_s={in_s} and out_s={out_s} together are longer than the sound "
            f"({sound.duration_s:.3f} s)."
        )
    samples, form, what = sound.samples(shape), _curve(curve), f"fade '{source.name}'"
    rise, fall = (min(samples, round(seconds * shape.sample_rate_hz)) for seconds in (in_s, out_s))
    if not rise and not fall and copy_sound(sound, target, what=what):
        return
    node = sound.node(shape)
    if rise:
        node = node.filter("afade", t="in", ss=0, ns=rise, curve=form)
    if fall:
        node = node.filter("afade", t="out", ss=samples - fall, ns=fall, curve=form)
    write_sound(target, node, samples, shape, what=what)


def _curve(name: str) -> str:
    if name not in CURVES:
        raise ParameterError(f"curve={name!r} is not known. Allowed: {', '.join(CURVES)}.")
    return CURVES[name]


@operation(version=4)
def change_volume(source: Path, target: Path, *, gain_db: float) -> None:
    """Make a sound louder or softer. What would pass full scale is held just under it by a limiter.

    Args:
        source: Audio, or a video whose sound is taken.
        target: Audio file.
        gain_db: -60 to 40.

    Raises:
        ParameterError: The gain is out of range.
        MediaError: The source cannot be read, or the target not written.
    """
    check_range("gain_db", gain_db, -60, 40, "dB")
    sound = open_sound(source)
    shape = audio_shape(target.suffix, sound.stream)
    samples, what = sound.samples(shape), f"change the volume of '{source.name}'"
    if gain_db == 0 and copy_sound(sound, target, what=what):
        return
    node = sound.node(shape).filter("volume", f"{gain_db:.3f}dB", precision="float")
    if gain_db > 0:
        node = node.filter("alimiter", limit=0.98, level=0, attack=2, release=50, latency=1)
    write_sound(target, exactly(node, samples), samples, shape, what=what)


@operation(version=3)
def convert_audio(
    source: Path,
    target: Path,
    *,
    sample_rate_hz: int | None = None,
    channels: int | None = None,
    bit_rate_bps: int | None = None,
) -> tuple[str, ...]:
    """Convert a sound to another format, sample rate or number of channels; copy it where nothing changes.

    Args:
        source: Audio, or a video whose sound is taken.
        target: Audio file; its suffix decides the format.
        sample_rate_hz: None keeps it, or takes the nearest that the format has without loss.
        channels: None keeps them, or takes as many as the format has. Surround is mixed down to stereo or mono.
        bit_rate_bps: For mp3, aac and opus.

    Returns:
        What the format required without being asked for, one line each (`44100 Hz resampled to 48000 Hz`).

    Raises:
        ParameterError: The format cannot hold what is asked for.
        MediaError: The source cannot be read, or the target not written.
    """
    sound = open_sound(source)
    shape = audio_shape(
        target.suffix, sound.stream, sample_rate_hz=sample_rate_hz, channels=channels, bit_rate_bps=bit_rate_bps
    )
    what = f"convert '{source.name}'"
    if bit_rate_bps is not None or not _has_form(sound, shape) or not copy_sound(sound, target, what=what):
        write_sound(target, sound.node(shape), sound.samples(shape), shape, what=what)
    rate, count = sound.stream.sample_rate_hz, sound.stream.channels
    notes = {
        f"{rate} Hz resampled to {shape.sample_rate_hz} Hz": sample_rate_hz is None and rate != shape.sample_rate_hz,
        f"{count} channels mixed down to {shape.channels}": channels is None and count != shape.channels,
    }
    return tuple(note for note, done in notes.items() if done)


def _has_form(sound: Sound, shape: AudioShape) -> bool:
    """Return whether a sound has the codec, rate and channels of a shape.

    The codec as well, though the container may hold others: conversions are planned on what they write (16 or 24 bits in
    WAV, Opus in Ogg), and lead there also from floats in WAV, or Vorbis in Ogg.
    """
    wanted = CODEC_OF.get(shape.encoder, shape.encoder), shape.sample_rate_hz, shape.channels
    return (sound.stream.codec, sound.stream.sample_rate_hz, sound.stream.channels) == wanted


@operation(version=3)
def concat_audio(
    sources: Sequence[Path],
    target: Path,
    *,
    gap_s: float = 0.0,
    crossfade_s: float = 0.0,
    curve: str = "equal-power",
) -> None:
    """Put sounds one after the other, with gaps or cross-fades between them.

    Rates and channels may differ: the result has the highest of them that the format allows.

    Args:
        sources: At least one; the same file may come several times.
        target: Audio file.
        gap_s: Silence between two, 0 to 600 seconds.
        crossfade_s: Overlap of two, at most as long as the shortest (half of it where a sound fades at both ends).
        curve: Of the cross-fade: `equal-power` for different sounds, `linear` for parts of one.

    Raises:
        ParameterError: No source, gap and cross-fade together, or a cross-fade longer than a sound.
        MediaError: A source cannot be read, or the target not written.
    """
    if not sources:
        raise ParameterError("Cannot concatenate: no sources were given. Give at least one.")
    check_range("gap_s", gap_s, 0, 600, "s")
    check_range("crossfade_s", crossfade_s, 0, 600, "s")
    if gap_s and crossfade_s:
        raise ParameterError(f"gap_s={gap_s} and crossfade_s={crossfade_s} exclude each other. Set one of them.")
    found = {path: open_sound(path) for path in dict.fromkeys(sources)}
    sounds = [found[path] for path in sources]
    shape = common_shape(target, sounds)
    seam = _Seam(round(gap_s * shape.sample_rate_hz), round(crossfade_s * shape.sample_rate_hz), _curve(curve))
    if seam.overlap:
        _check_overlap(sounds, shape, crossfade_s, seam.overlap)
    what = f"concatenate {len(sounds)} sounds, '{sources[0].name}' first"
    if len(sounds) == 1 and copy_sound(sounds[0], target, what=what):
        return
    with scratch_beside(target) as folder:
        between = replace(shape, encoder="pcm_f32le", bit_rate_bps=None, is_deep=False, container=None)
        while len(sounds) > AT_A_TIME:  # each open file has threads of its own
            groups = [sounds[at : at + AT_A_TIME] for at in range(0, len(sounds), AT_A_TIME)]
            sounds = []
            for group in groups:
                part = folder / f"{len(list(folder.iterdir()))}.wav"
                write_sound(part, *seam.put_together(group, between), between, what=what)
                sounds.append(open_sound(part))
        write_sound(target, *seam.put_together(sounds, shape), shape, what=what)


@dataclass(frozen=True)
class _Seam:
    """What is between two sounds: samples of silence, or samples in which they overlap, and how those fade."""

    gap: int
    overlap: int
    curve: str

    def put_together(self, sounds: Sequence[Sound], shape: AudioShape) -> tuple[Any, int]:
        """Return a node of the sounds one after the other, and its length in samples."""
        samples = sum(sound.samples(shape) for sound in sounds) + (len(sounds) - 1) * (self.gap - self.overlap)
        node = self._crossfaded(sounds, shape) if self.overlap else self._joined(sounds, shape)
        return exactly(node, samples), samples

    def _joined(self, sounds: Sequence[Sound], shape: AudioShape) -> Any:
        last = len(sounds) - 1
        nodes = [
            exactly(sound.node(shape, use=number), sound.samples(shape) + (self.gap if number < last else 0))
            for number, sound in enumerate(sounds)
        ]
        return ffmpeg.graph_module().concat(*nodes, v=0, a=1) if last else nodes[0]

    def _crossfaded(self, sounds: Sequence[Sound], shape: AudioShape) -> Any:
        node = sounds[0].node(shape)
        for number, sound in enumerate(sounds[1:], 1):
            pair = [node, sound.node(shape, use=number)]
            node = ffmpeg.graph_module().filter(pair, "acrossfade", ns=self.overlap, c1=self.curve, c2=self.curve)
        return node


def _check_overlap(sounds: list[Sound], shape: AudioShape, crossfade_s: float, overlap: int) -> None:
    for number, sound in enumerate(sounds):
        ends = (number > 0) + (number + 1 < len(sounds))
        if overlap * ends > sound.samples(shape):
            raise ParameterError(
                f"crossfade_s={crossfade_s} is too long for '{sound.path.name}' ({sound.duration_s:.3f} s), which fades "
                f"at {ends} of its ends. Allowed: up to {sound.duration_s / max(1, ends):.3f} s."
            )
