"""What every audio operation does: read a sound, bring it to the target's shape, and write exactly so many samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import EncodeError, ParameterError, UnsupportedMediaError
from .. import ffmpeg
from ..container import scan
from ..streams import AudioStream, Container
from .formats import AudioShape, audio_shape, conform
from .unending import sound_source

__all__ = ["Sound", "check_range", "common_shape", "open_sound", "write_sound"]


@dataclass(frozen=True)
class Sound:
    """The first audio stream of a file.

    Attributes:
        duration_s: How long it sounds. In a video that starts before its sound, the gap counts.
    """

    path: Path
    found: Container
    stream: AudioStream
    duration_s: float

    def node(self, shape: AudioShape, *, use: int = 0) -> Any:
        """Return it as a graph node in a shape, starting at 0 and exactly `samples(shape)` long.

        Args:
            shape: What it becomes.
            use: Another number for each use in one graph: equal inputs would be merged into one.
        """
        start = sound_source(self.path, self.stream, thread_queue_size=64 + use)["a:0"]
        if self.found.picture is not None:  # fills the gap in front of a sound that starts after its picture
            start = start.filter("aresample", **{"async": 1, "first_pts": 0})
        node = conform(start.filter("asetpts", "PTS-STARTPTS"), self.stream, shape)
        return exactly(node, self.samples(shape))

    def samples(self, shape: AudioShape) -> int:
        """Return its length in samples at the shape's rate."""
        return max(1, round(self.duration_s * shape.sample_rate_hz))


def exactly(node: Any, samples: int) -> Any:
    """Return the node cut, or filled with silence, to a number of samples.

    Their times are counted anew: FFmpeg's limiter leaves a gap in them, for which the end of an output would come too early.
    """
    return node.filter("apad", whole_len=samples).filter("atrim", end_sample=samples).filter("asetpts", "N/SR/TB")


def open_sound(path: Path) -> Sound:
    """Look into a file for its sound.

    Raises:
        UnsupportedMediaError: It has none.
        MediaError: It cannot be read.
    """
    found = scan(path)
    stream = found.sound
    if stream is None:
        raise UnsupportedMediaError(f"Cannot use '{path.name}': it has no sound. Give a file with an audio stream.")
    lead = max(0.0, stream.start_s - found.start_s) if found.picture is not None else 0.0
    return Sound(path, found, stream, stream.duration_s + lead)


def common_shape(target: Path, sounds: Sequence[Sound], **wishes: Any) -> AudioShape:
    """Choose one shape for several sounds: the highest rate, the most channels, the greatest depth among them."""
    streams = [sound.stream for sound in sounds]
    deep = next((s for s in streams if audio_shape(target.suffix, s).is_deep), streams[0])
    rate, widest = max(s.sample_rate_hz for s in streams), max(streams, key=lambda s: s.channels)
    like = replace(deep, sample_rate_hz=rate, channels=widest.channels, layout=widest.layout)
    return audio_shape(target.suffix, like, **wishes)


def write_sound(target: Path, node: Any, samples: int, shape: AudioShape, *, what: str) -> None:
    """Encode a node into the target, and check that it has that length.

    Raises:
        EncodeError: ffmpeg failed, or wrote another length.
    """
    length = samples / shape.sample_rate_hz
    ffmpeg.write(
        target,
        node,
        what=what,
        duration_s=length + 0.001,  # the node ends by itself; rounding must not take its last sample
        options=shape.options(),
        check=_length_check(length, shape, what),
    )


def _length_check(length_s: float, shape: AudioShape, what: str) -> Callable[[Path], None]:
    # A lossy encoder works in frames of up to 1152 samples, and not every container marks what it added at the ends.
    allowed = 0.01 + 3 * 1152 / shape.sample_rate_hz if shape.is_lossy else 0.001

    def check(part: Path) -> None:
        found = open_sound(part).duration_s
        if abs(found - length_s) > allowed:
            raise EncodeError(f"Cannot {what}: it is {found:.3f} s long instead of {length_s:.3f} s.", reason="wrong")

    return check


def check_range(name: str, value: float, low: float, high: float, unit: str = "") -> None:
    """Refuse a parameter out of range (or not a number).

    Raises:
        ParameterError: It is.
    """
    if not low <= value <= high:
        raise ParameterError(
            f"{name}={value} is out of range. Allowed: {low:g} to {high:g}{' ' + unit if unit else ''}."
        )
