"""Gauges that collect the packets of one stream and say what they amount to."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from ..errors import MediaLimitError, ProbeError
from .entries import whole_test
from .streams import UNKNOWN, AudioStream, Colour, VideoStream

__all__ = ["AudioGauge", "Gauge", "VideoGauge", "reason_of"]

ENTRY_GAP_S = 1
"""Key frames that are closer together than this are not all kept."""
DECODE_TRIES = 200
"""Packets that may pass before the first picture; a stream may begin between two key frames."""

USUAL_RATES = (
    *(Fraction(rate) for rate in (10, 12, 15, 24, 25, 30, 50, 60)),
    *(Fraction(rate * 1000, 1001) for rate in (24, 30, 60)),
)
PRIMARIES = {
    1: "bt709",
    4: "bt470m",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    9: "bt2020",
    11: "smpte431",
    12: "smpte432",
}
TRANSFERS = {
    1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear", 11: "iec61966-2-4",
    13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084", 18: "arib-std-b67",
}  # fmt: skip
MATRICES = {
    0: "gbr",
    1: "bt709",
    4: "fcc",
    5: "bt470bg",
    6: "smpte170m",
    7: "smpte240m",
    8: "ycgco",
    9: "bt2020nc",
    10: "bt2020c",
}
RANGES = {1: "tv", 2: "pc"}


def reason_of(exc: Exception) -> str:
    """Return the text of a PyAV error, without its number and file name."""
    text = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
    return str(text).rstrip(".")


def length_of(packet: Any) -> int:
    """Return a packet's duration in ticks; the last one of Vorbis in Ogg may have one below zero, wrapped to 32 bits."""
    length = packet.duration or 0
    return 0 if (1 << 31) <= length < (1 << 32) else length


class Gauge:
    """Collects the packet times of one stream."""

    kind = "stream"

    def __init__(self, path: Path, stream: Any, max_s: float) -> None:
        self.name = path.name
        self.stream = stream
        self.time_base: Fraction = stream.time_base or Fraction(1, 1000)
        self.max_s = max_s
        self.times = array("q")
        self.low = self.high = 0
        self._most = max_s / self.time_base  # in ticks, as it is compared for each packet

    @property
    def span_s(self) -> float:
        return float((self.high - self.low) * self.time_base)

    def take(self, packet: Any) -> None:
        if packet.size == 0 or packet.is_discard:
            return
        at = packet.pts if packet.pts is not None else packet.dts
        if at is None:
            at = self.high
        start, end = self.trimmed(packet, at, at + length_of(packet))
        self.low = min(self.low, start) if self.times else start
        self.high = max(self.high, end) if self.times else end
        self.times.append(at)
        if self.high - self.low > self._most:
            raise MediaLimitError(
                f"Cannot use '{self.name}': its {self.kind} lasts {self.span_s:.1f} s, at most {self.max_s:.1f} s are "
                "allowed. Cut it, or raise PREFECT_MEDIA_MAX_DURATION_S."
            )

    def trimmed(self, packet: Any, start: int, end: int) -> tuple[int, int]:
        return start, end


class AudioGauge(Gauge):
    kind = "audio"
    longest = 0

    def __init__(self, path: Path, stream: Any, max_s: float) -> None:
        super().__init__(path, stream, max_s)
        # The first packet of Vorbis only fills its decoder; in Ogg it counts from before the start.
        self.floor: int | None = stream.start_time if stream.codec_context.name == "vorbis" else None

    def trimmed(self, packet: Any, start: int, end: int) -> tuple[int, int]:
        """Leave out samples that the container marks as priming or padding."""
        for data in packet.iter_sidedata():
            if data.data_type == "skip_samples" and data.data_size >= 8:
                raw = bytes(data)
                per_tick = max(1, self.stream.codec_context.sample_rate) * self.time_base
                is_cut = end - start < self.longest  # Ogg and Matroska shorten the last packet themselves (Opus)
                skipped = round(int.from_bytes(raw[:4], "little") / per_tick)
                self.floor = start + skipped if skipped else self.floor  # may reach into the next packets (MP3)
                end -= 0 if is_cut else round(int.from_bytes(raw[4:8], "little") / per_tick)
        self.longest = max(self.longest, length_of(packet))
        start = start if self.floor is None else max(start, self.floor)
        return start, max(start, end)

    def facts(self) -> AudioStream:
        context = self.stream.codec_context
        if not context.sample_rate or not context.layout.nb_channels:
            raise ProbeError(
                f"Cannot use '{self.name}': its sound has no sample rate or no channels. The file is damaged."
            )
        return AudioStream(
            index=self.stream.index,
            codec=context.codec.canonical_name,
            sample_rate_hz=context.sample_rate,
            channels=context.layout.nb_channels,
            layout={1: "mono", 2: "stereo"}.get(context.layout.nb_channels, context.layout.name or UNKNOWN),
            sample_format=context.format.name if context.format else UNKNOWN,
            duration_s=self.span_s,
            start_s=float(self.low * self.time_base),
            language=self.stream.metadata.get("language", ""),
        )


class VideoGauge(Gauge):
    kind = "video"

    def __init__(self, path: Path, stream: Any, max_s: float, max_pixels: int) -> None:
        super().__init__(path, stream, max_s)
        self.max_pixels = max_pixels
        self.hidden = 0
        self.entries = array("q")
        self.first: Any = None
        self.tries = 0
        self.failure = "no packet holds a whole frame"
        context = stream.codec_context
        self.check_size(context.width, context.height)
        context.options = {"max_pixels": str(max_pixels)}
        context.thread_count = 1
        self.is_whole = whole_test(context.codec.canonical_name, bytes(context.extradata or b""))

    def check_size(self, width: int, height: int) -> None:
        if width * height > self.max_pixels:
            raise MediaLimitError(
                f"Cannot use '{self.name}': its frames are {width}x{height}, at most {self.max_pixels} pixels are "
                "allowed. Scale it down, or raise PREFECT_MEDIA_MAX_VIDEO_PIXELS."
            )

    def take(self, packet: Any) -> None:
        super().take(packet)
        self.hidden += bool(packet.size and packet.is_discard)
        if packet.is_keyframe and packet.size and not packet.is_discard and packet.pts is not None:
            self.enter(packet)
        if self.first is None:
            self.decode(packet)

    def enter(self, packet: Any) -> None:
        """Note a key frame as a place to seek to; the one before is none, if the same seek may reach this one instead."""
        shown, decoded = packet.pts, packet.pts if packet.dts is None else packet.dts
        if self.entries and decoded <= self.entries[-1]:
            self.entries.pop()
        is_far = not self.entries or (shown - self.entries[-1]) * self.time_base >= ENTRY_GAP_S
        if is_far and self.is_whole(packet):
            self.entries.append(shown)

    def decode(self, packet: Any) -> None:
        from av.error import FFmpegError

        if self.tries < DECODE_TRIES:
            self.tries += 1
            try:
                self.first = next(iter(self.stream.codec_context.decode(packet)), None)
            except FFmpegError as exc:
                self.failure = reason_of(exc)
            if self.first is not None:
                self.check_size(self.first.width, self.first.height)

    def facts(self) -> VideoStream:
        if self.first is None:
            raise ProbeError(f"Cannot use '{self.name}': its video does not decode ({self.failure}).")
        context, frame = self.stream.codec_context, self.first
        frame_rate, is_constant, duration = self.timing()
        alpha_mode = {key.lower(): value for key, value in self.stream.metadata.items()}.get("alpha_mode")
        rotation, is_mirrored = _orientation(frame)
        components = frame.format.components
        return VideoStream(
            index=self.stream.index,
            codec=context.codec.canonical_name,
            tag=context.codec_tag.strip("\0 "),
            width_px=frame.width,
            height_px=frame.height,
            pixel_format=frame.format.name,
            sample_aspect_ratio=Fraction(self.stream.sample_aspect_ratio or 1),
            rotation_deg=rotation,
            is_mirrored=is_mirrored,
            frame_rate=frame_rate,
            is_constant_rate=is_constant,
            nominal_rate=frame_rate if is_constant else self.usual_rate(),
            frames=len(self.times),
            duration_s=float(duration),
            start_s=float(self.low * self.time_base),
            time_base=self.time_base,
            colour=_colour(context),
            hidden=self.hidden,
            entries_s=tuple(float((at - self.low) * self.time_base) for at in self.entries),
            bit_depth=max((component.bits for component in components), default=8),
            has_alpha=alpha_mode == "1" or any(component.is_alpha for component in components),
            is_interlaced=frame.interlaced_frame,
            parameters=hashlib.sha256(bytes(context.extradata or b"")).hexdigest()[:16],
        )

    def usual_rate(self) -> Fraction:
        """The rate of the closest frames, leaving out the closest tenth of gaps, as the usual rate next to it."""
        times = sorted(self.times)
        gaps = sorted(b - a for a, b in pairwise(times) if b > a)
        rate = min(Fraction(60), 1 / (gaps[len(gaps) // 10] * self.time_base))
        near = min(USUAL_RATES, key=lambda usual: abs(usual - rate))
        return near if abs(near - rate) <= near / 50 else max(Fraction(1), rate.limit_denominator(1001))

    def timing(self) -> tuple[Fraction, bool, Fraction]:
        """Frame rate, whether it is constant, and duration (s)."""
        times = sorted(self.times)
        count, span = len(times), Fraction(times[-1] - times[0])
        declared = [_meant(Fraction(rate)) for rate in (self.stream.average_rate, self.stream.base_rate) if rate]
        tail = self.high - times[-1]
        if count == 1 or span == 0:
            step = Fraction(tail) if tail else 1 / (declared[0] if declared else Fraction(25)) / self.time_base
            rate = 1 / (step * self.time_base)
            return (
                next((r for r in declared if abs(1 / r / self.time_base - step) <= max(1, step / 100)), rate),
                True,
                step * self.time_base,
            )
        step = span / (count - 1)
        tick = _tick(times, self.time_base)
        if not _is_even(times, tick):
            duration = (span + (tail or times[-1] - times[-2])) * self.time_base
            return (
                Fraction(count / duration).limit_denominator(100_000),
                False,
                duration,
            )
        # Only the two ends are rounded: a declared rate that explains both is the exact one.
        if tick > 1:  # what the header declares was reckoned from rounded times
            declared = sorted([*reversed(declared), *USUAL_RATES], key=lambda rate: rate not in USUAL_RATES)
        fits = [rate for rate in declared if abs((count - 1) / rate / self.time_base - span) <= tick]
        rate = fits[0] if fits else (1 / (step * self.time_base)).limit_denominator(100_000)
        return rate, True, (span + (tail or step)) * self.time_base


def _meant(rate: Fraction) -> Fraction:
    """The usual rate that a declared one stands for: Matroska tells in whole nanoseconds how long a frame lasts."""
    return next((usual for usual in USUAL_RATES if abs(usual - rate) <= usual / 1_000_000), rate)


def _tick(times: Sequence[int], time_base: Fraction) -> int:
    """To how much the times were rounded: to 1 ms also where they are all so on a finer clock (copied from Matroska)."""
    coarse = 1 / (1000 * time_base)
    is_copied = coarse.denominator == 1 and all((at - times[0]) % int(coarse) == 0 for at in times)
    return max(1, int(coarse)) if is_copied else 1


def _is_even(times: Sequence[int], tick: int) -> bool:
    """Return whether two or more sorted times lie on a line, as far as a clock can tell.

    A clock of 1 ms (Matroska) rounds each time; two rounded ends shift the line between them by another tick: 3/2 together.
    """
    first, gaps = times[0], len(times) - 1
    span, most = times[-1] - first, 3 * gaps * tick
    return all(abs(2 * ((at - first) * gaps - number * span)) <= most for number, at in enumerate(times))


def _orientation(frame: Any) -> tuple[int, bool]:
    """Clockwise rotation, rounded to a quarter turn, and whether the picture is mirrored."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return round(-frame.rotation / 90) % 4 * 90, False
    a, b, _, c, d = (int.from_bytes(bytes(matrix)[4 * n : 4 * n + 4], "little", signed=True) for n in range(5))
    return round(-frame.rotation / 90) % 4 * 90, a * d - b * c < 0


def _colour(context: Any) -> Colour:
    return Colour(
        primaries=PRIMARIES.get(int(context.color_primaries), UNKNOWN),
        transfer=TRANSFERS.get(int(context.color_trc), UNKNOWN),
        matrix=MATRICES.get(int(context.colorspace), UNKNOWN),
        range=RANGES.get(int(context.color_range), UNKNOWN),
    )
