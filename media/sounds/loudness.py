"""Loudness after EBU R 128 / ITU-R BS.1770: measure it, and bring sound to a target under a true-peak ceiling.

The way to the target is a gain and a limiter at four times the sample rate, corrected by measuring what came out. It
came nearest of all that were compared (one- and two-pass `loudnorm`, plain gain), and changes nothing but the level.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import DecodeError, ParameterError, UnsupportedMediaError
from .. import ffmpeg
from ..container import Container, scan
from ..operation import operation
from ..scratch import scratch_beside
from ..streams import AudioStream
from ._job import exactly, open_sound
from .copying import copy_sound
from .formats import AudioShape, audio_shape, conform
from .unending import sound_source

__all__ = [
    "Level",
    "Loudness",
    "find_level",
    "is_under",
    "level_stream",
    "measure",
    "measure_stream",
    "missed",
    "normalize_loudness",
    "under_ceiling",
]

SILENCE_LUFS = -60.0
"""At or below this, sound counts as silent: raising it would only raise its noise."""
MAX_GAIN_DB = 24.0
"""Most that sound is raised. It may be lowered by any amount: that brings up no noise."""
METER_TOP_LUFS = 9.0
"""FFmpeg's meter counts nothing above +10."""
SHORTEST_S = 0.4
"""Loudness is defined on blocks of this length."""
CLOSE_LU = 0.15
MISSED_LU = 0.5
ROUNDING_DB = 0.05
"""FFmpeg's meter reports tenths."""
TRIES = 3
LOSSY_TRIES = 6
"""Encoders such as AAC answer a change of level with other noise and other peaks, so the way there is less straight."""
LOSSY_ROOM_DB = 0.5


@dataclass(frozen=True)
class Loudness:
    """What the meter says of a whole file or stream.

    Attributes:
        integrated_lufs: Integrated loudness; `-inf` for silence and under 0.4 s.
        true_peak_dbtp: Highest true peak; `-inf` for silence.
        range_lu: Loudness range (LRA).
    """

    integrated_lufs: float
    true_peak_dbtp: float
    range_lu: float

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing whose level could be set: silence, or less than 0.4 s."""
        return self.integrated_lufs <= SILENCE_LUFS


@dataclass(frozen=True)
class Level:
    """A gain and a ceiling that together bring sound to a target.

    Attributes:
        gain_db: 0 changes nothing.
        ceiling_dbtp: Where the limiter holds; None without a limiter.
    """

    gain_db: float = 0.0
    ceiling_dbtp: float | None = None

    def apply(self, node: Any, sample_rate_hz: int) -> Any:
        """Return the node with gain and limiter behind it, at the same sample rate and length."""
        if self.gain_db:
            node = node.filter("volume", f"{self.gain_db:.2f}dB", precision="float")
        if self.ceiling_dbtp is None:
            return node
        limit = max(0.0625, min(1.0, 10 ** (self.ceiling_dbtp / 20)))
        node = node.filter("aresample", max(192_000, 4 * sample_rate_hz))
        node = node.filter("alimiter", limit=f"{limit:.4f}", level=0, attack=2, release=50, latency=1)
        return node.filter("aresample", sample_rate_hz)


def measure_stream(node: Any, *, what: str, duration_s: float | None = None) -> Loudness:
    """Measure an audio node of a graph by running the graph into nothing.

    Raises:
        EncodeError: ffmpeg could not run it.
        DecodeError: The meter said nothing.
    """
    log = ffmpeg.measure(node.filter("ebur128", peak="true", framelog="quiet"), what=what, duration_s=duration_s)
    text = "\n".join(log)
    summary = text[text.rfind("Summary:") :]

    def value(pattern: str) -> float:
        found = re.search(pattern + r":\s+(-?inf|nan|-?[\d.]+)", summary)
        if found is None:
            raise DecodeError(f"Cannot {what}: ffmpeg's meter gave no result. Check that the file has sound.")
        number = float(found[1])
        return -math.inf if math.isnan(number) else number

    integrated = value(r"\bI")
    return Loudness(-math.inf if integrated <= -70 else integrated, value(r"\bPeak"), value(r"\bLRA"))


def measure(path: Path) -> Loudness:
    """Measure the first audio stream of a file.

    Raises:
        UnsupportedMediaError: It has no sound.
        MediaError: It cannot be read.
    """
    found = scan(path)
    node = sound_source(path, _sound(found, path))["a:0"]
    return measure_stream(node, what=f"measure '{path.name}'", duration_s=found.duration_s + 1)


def _sound(found: Container, path: Path) -> AudioStream:
    if found.sound is None:
        raise UnsupportedMediaError(f"Cannot use '{path.name}': it has no sound. Give a file with an audio stream.")
    return found.sound


def check_target(lufs: float, true_peak: float) -> None:
    """Refuse targets out of range.

    Raises:
        ParameterError: They are.
    """
    if not -50 <= lufs <= -5:
        raise ParameterError(f"lufs={lufs} is out of range. Allowed: -50 to -5 (streaming -16 to -14, broadcast -23).")
    if not -20 <= true_peak <= 0:
        raise ParameterError(f"true_peak={true_peak} is out of range. Allowed: -20 to 0 (dBTP).")


def is_under(found: Loudness, true_peak: float) -> bool:
    """Whether sound keeps a ceiling of true peaks (dBTP) for sure."""
    return found.true_peak_dbtp + ROUNDING_DB <= true_peak


def find_level(
    before: Loudness, probe: Callable[[Level], Loudness], *, lufs: float, true_peak: float, lossy: bool = False
) -> Level:
    """Find the level that brings sound to a target, with at most three probes (six if lossy).

    Args:
        before: The sound as it is.
        probe: Applies a level and measures what comes out.
        lufs: Wanted integrated loudness.
        true_peak: Ceiling in dBTP.
        lossy: Whether an encoder behind it may raise peaks, so that even a level without a limiter is probed.

    Returns:
        The level whose outcome kept the ceiling and came nearest; no change for silence.
    """
    if before.is_silent:
        return Level()
    gain = min(MAX_GAIN_DB, lufs - before.integrated_lufs)
    sure = before.integrated_lufs < METER_TOP_LUFS and not lossy
    if sure and before.true_peak_dbtp + gain < true_peak - 2 * ROUNDING_DB:
        return Level(gain)  # the limiter would have nothing to do, so the outcome is known
    level = Level(gain, true_peak - 2 * ROUNDING_DB - (LOSSY_ROOM_DB if lossy else 0.0))
    outcomes: list[tuple[float, float, Level]] = []
    last = Level(0.0, level.ceiling_dbtp), before.integrated_lufs
    for _ in range(LOSSY_TRIES if lossy else TRIES):
        after = probe(level)
        short = lufs - after.integrated_lufs
        over = max(0.0, round(after.true_peak_dbtp + ROUNDING_DB - true_peak, 3))
        outcomes.append((over, abs(short), level))
        if over == 0 and (abs(short) <= CLOSE_LU or level.gain_db >= MAX_GAIN_DB):
            break
        slope = 1.0
        if last[0].ceiling_dbtp == level.ceiling_dbtp and abs(last[0].gain_db - level.gain_db) > 0.1:
            # The more the limiter works, the less a gain moves the loudness.
            slope = (after.integrated_lufs - last[1]) / (level.gain_db - last[0].gain_db)
        last = level, after.integrated_lufs
        level = _corrected(level, short / max(0.3, min(1.0, slope)), over)
    return min(outcomes, key=lambda outcome: outcome[:2])[2]


def under_ceiling(probe: Callable[[Level], Loudness], *, true_peak: float, lossy: bool = False) -> Level:
    """Find the highest ceiling that, without a gain, keeps sound under a true peak, with at most three probes (six if lossy).

    Args:
        probe: Applies a level and measures what comes out.
        true_peak: In dBTP.
        lossy: Whether an encoder behind it may raise peaks.
    """
    level, outcomes = Level(0.0, true_peak - 2 * ROUNDING_DB), list[tuple[float, Level]]()
    for _ in range(LOSSY_TRIES if lossy else TRIES):
        over = max(0.0, round(probe(level).true_peak_dbtp + ROUNDING_DB - true_peak, 3))
        outcomes.append((over, level))
        if over == 0:
            break
        level = _corrected(level, 0.0, over)
    return min(outcomes, key=lambda outcome: outcome[0])[1]


def _corrected(level: Level, gain_db: float, over_db: float) -> Level:
    gain = min(MAX_GAIN_DB, level.gain_db + gain_db)
    ceiling = (level.ceiling_dbtp or 0.0) - (over_db + 0.2 if over_db else 0.0)
    return Level(round(gain, 2), round(ceiling, 2))


def level_stream(
    node: Any,
    *,
    sample_rate_hz: int,
    lufs: float = -16.0,
    true_peak: float = -1.5,
    what: str,
    duration_s: float | None = None,
) -> Any:
    """Return an audio node brought to a target, after measuring it (for graphs that go on, such as a merge).

    The node is measured before it is encoded. A lossy encoder can raise true peaks by some tenths: leave that room.

    Args:
        node: Audio at `sample_rate_hz` whose length is bounded.
        sample_rate_hz: Rate of the node and of the result.
        lufs: Wanted integrated loudness.
        true_peak: Ceiling in dBTP.
        what: Completes "Cannot ..." in errors.
        duration_s: Length, for progress and as a bound.

    Raises:
        ParameterError: A target is out of range.
        EncodeError: ffmpeg could not run the graph.
    """
    check_target(lufs, true_peak)

    def probe(level: Level) -> Loudness:
        return measure_stream(level.apply(node, sample_rate_hz), what=what, duration_s=duration_s)

    return find_level(probe(Level()), probe, lufs=lufs, true_peak=true_peak).apply(node, sample_rate_hz)


@dataclass(frozen=True)
class _Job:
    """One source on its way to one target."""

    source: Path
    target: Path
    found: Container
    shape: AudioShape
    what: str

    def keep(self, out: Path) -> bool:
        """Write the source as it is coded to `out`; return whether that is possible."""
        if self.found.picture is None and len(self.found.audio) == 1 and not self.found.subtitles:
            return copy_sound(open_sound(self.source), out, what=self.what)
        if self.source.suffix.lower() != self.target.suffix.lower():
            return False
        self.render(None, out)
        return True

    def render(self, level: Level | None, out: Path) -> None:
        """Write the source with a level to `out`; None copies the sound."""
        sound = _sound(self.found, self.source)
        start = sound_source(self.source, sound)
        nodes: list[Any] = []
        options: dict[str, Any] = {}
        if self.found.picture is not None:
            nodes.append(start["v:0"])
            options["c:v"] = "copy"
        if level is None:
            nodes.append(start["a:0"])
            options["c:a:0"] = "copy"
        else:
            nodes.append(self._leveled(start, sound, level))
            options |= self.shape.options("a:0")
        for number in range(1, len(self.found.audio)):
            nodes.append(start[f"a:{number}"])
            options[f"c:a:{number}"] = "copy"
        if self.found.subtitles:
            nodes.append(start["s"])
            options["c:s"] = "copy"
        if self.found.picture is not None:  # languages and names
            options |= {f"map_metadata:s:a:{n}": f"0:s:a:{n}" for n in range(len(self.found.audio))}
            options |= {f"map_metadata:s:s:{n}": f"0:s:s:{n}" for n in range(self.found.subtitles)}
        length = self.found.duration_s + (1.0 if options["c:a:0"] == "copy" or self.found.picture else 0.001)
        ffmpeg.write(out, *nodes, what=self.what, duration_s=length, options=options)

    def _leveled(self, start: Any, sound: Any, level: Level) -> Any:
        node = level.apply(conform(start["a:0"], sound, self.shape), self.shape.sample_rate_hz)
        if self.found.picture is not None:
            return node  # its times tie it to the picture
        return exactly(node, max(1, round(sound.duration_s * self.shape.sample_rate_hz)))


@operation(version=4)
def normalize_loudness(source: Path, target: Path, *, lufs: float = -16.0, true_peak: float = -1.5) -> tuple[str, ...]:
    """Bring sound to an integrated loudness, under a true-peak ceiling that also holds after encoding.

    Silence and sound under 0.4 s stay as they are. It is raised by at most 24 dB. In a video only the first
    audio stream changes; pictures, further audio and subtitles are copied.

    Args:
        source: Audio, or a video with sound.
        target: Audio of any format; for a video, the suffix of the source.
        lufs: Wanted integrated loudness, -50 to -5.
        true_peak: Ceiling, -20 to 0 dBTP.

    Returns:
        A line for each thing that kept it from the target (`left as it is: silent`).

    Raises:
        ParameterError: A value out of range, or a suffix that does not fit.
        UnsupportedMediaError: There is no sound.
        MediaError: The source cannot be read, or the target not written.
    """
    check_target(lufs, true_peak)
    found = scan(source)
    sound = _sound(found, source)
    if found.picture is not None and target.suffix.lower() != source.suffix.lower():
        raise ParameterError(
            f"Cannot write '{source.name}' to '{target.name}': pictures are copied, so both need the same suffix. "
            "Transcode the video, or extract its sound, first."
        )
    what = f"normalize the loudness of '{source.name}'"
    job = _Job(source, target, found, audio_shape(target.suffix, sound), what)
    before = measure_stream(
        conform(sound_source(source, sound)["a:0"], sound, job.shape), what=what, duration_s=found.duration_s + 1
    )
    with scratch_beside(target) as folder:
        made: dict[Level, tuple[Path, Loudness]] = {}

        def render(level: Level) -> Loudness:
            out = folder / f"{len(made)}{target.suffix.lower()}"
            job.render(level, out)
            after = measure_stream(ffmpeg.source(out)["a:0"], what=what, duration_s=found.duration_s + 1)
            made[level] = out, after
            return after

        kept = folder / f"kept{target.suffix.lower()}"
        if (before.is_silent or _is_there(before, lufs, true_peak)) and job.keep(kept):
            ffmpeg.publish(kept, target)
            return missed(before, before, Level(), lufs=lufs, true_peak=true_peak)
        level = find_level(before, render, lufs=lufs, true_peak=true_peak, lossy=job.shape.is_lossy)
        if level not in made:
            render(level)
        path, after = made[level]
        ffmpeg.publish(path, target)
    return missed(before, after, level, lufs=lufs, true_peak=true_peak)


def _is_there(found: Loudness, lufs: float, true_peak: float) -> bool:
    """Whether sound is at a target already, as near as it would be brought to it."""
    return abs(lufs - found.integrated_lufs) <= CLOSE_LU and is_under(found, true_peak)


def missed(before: Loudness, after: Loudness, level: Level, *, lufs: float, true_peak: float) -> tuple[str, ...]:
    """Return a line for what kept sound from a target, or nothing."""
    if before.is_silent:
        return (f"left as it is: silent, or under {SHORTEST_S} s",)
    if abs(after.integrated_lufs - lufs) <= MISSED_LU:
        return ()
    why = (
        f"at most {MAX_GAIN_DB:g} dB of gain"
        if level.gain_db >= MAX_GAIN_DB
        else f"peaks stay under {true_peak:g} dBTP"
    )
    return (f"loudness is {after.integrated_lufs:.1f} LUFS instead of {lufs:.1f} ({why})",)
