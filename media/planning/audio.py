"""Plan how a sound is made to satisfy a contract: length, format, sample rate, channels, bytes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import ParameterError, UnsupportedMediaError
from ..contracts import DURATION_TOLERANCE_S, AudioContract, violations
from ..facts import Facts, Span
from ..sounds.formats import DEEP, LOSSY_CODECS, AudioShape, audio_shape
from ..streams import AudioStream
from ..types import suffix_of
from ._conversion import Conversion, Step, joined, likely, planned, refusal

__all__ = ["plan_audio"]

LOSSLESS = ("audio/flac", "audio/wav")
LOSSY = ("audio/mp4", "audio/mpeg", "audio/ogg", "audio/webm", "audio/aac")
CODECS = {"libmp3lame": "mp3", "libopus": "opus"}
NAMES = {"aac": "AAC", "mp3": "MP3", "opus": "Opus"}
HIDDEN_DEPTH = ("flac", "alac")
"""Codecs whose name does not tell how deep the samples are."""
BIT_RATES = (192_000, 160_000, 128_000, 112_000, 96_000, 80_000, 64_000, 56_000, 48_000, 40_000, 32_000)
LEAST_BIT_RATE = 32_000
"""Of each channel; below, artefacts are plain to hear."""
OVERSHOOT, HEADERS = 1.3, 12_000
"""Measured with noise of 0.5 s and 2 s: Opus 1.12 times its bit rate; FLAC keeps 8 kB free for tags."""
RAW_AAC_SAMPLES, RAW_AAC_LEAST = 2048, 8192
"""A bare AAC file cannot say that its first and last samples are the encoder's, and is not recognized when it is short."""
WEBM_CLOCK_S = 0.003
"""Its times are whole milliseconds."""
UNKNOWN_RATE_HZ, UNKNOWN_CHANNELS = 48_000, 2


@dataclass(frozen=True)
class Way:
    """One format that the sound may be written in.

    Attributes:
        shape: How it is encoded. `natural`: how it would be without wishes.
        codecs: FFmpeg's names that come of it; several when it depends on the content.
        size_bytes: Most bytes; None when the length is not known.
    """

    media_type: str
    shape: AudioShape
    natural: AudioShape
    codecs: tuple[str, ...]
    size_bytes: int | None

    @property
    def suffix(self) -> str:
        """Of the file."""
        return suffix_of(self.media_type)

    @property
    def longer_s(self) -> float:
        """By how much the file may be longer than the sound."""
        if self.suffix == ".aac":
            return RAW_AAC_SAMPLES / self.shape.sample_rate_hz
        return WEBM_CLOCK_S if self.suffix == ".weba" else 0.0

    @property
    def shortest_s(self) -> float:
        """Shortest sound that can be written."""
        return RAW_AAC_LEAST / self.shape.sample_rate_hz if self.suffix == ".aac" else 0.0


def plan_audio(facts: Facts, contract: AudioContract) -> Conversion:
    """Return what makes a sound satisfy a contract: at most a cut and a conversion.

    Raises:
        ParameterError: Nothing local does.
    """
    broken = violations(contract, facts)
    if not broken:
        return planned((), facts, contract)
    low, high = contract.min_duration_s, contract.max_duration_s
    length = facts.duration_s
    if low is not None and length is not None and length.high < low - DURATION_TOLERANCE_S:
        raise refusal(broken, "A sound is never lengthened. Give a longer one.")
    for way in _ways(facts, contract):
        cut = _cut(length, high, way)
        shortest = max(way.shortest_s, (low or 0.0) - DURATION_TOLERANCE_S)
        if (cut if cut is not None else likely(length, math.inf)) >= shortest:
            return planned(_steps(facts, way, cut), _after(facts, contract, way, cut), contract)
    what = "No format, sample rate and number of channels that can be written keeps these limits."
    raise refusal(broken, f"{what} Give a shorter or another sound.")


def _cut(length: Span | None, limit: float | None, way: Way) -> float | None:
    """Return the seconds to keep; None for all."""
    if length is None or limit is None or length.low + way.longer_s <= limit + DURATION_TOLERANCE_S:
        return None
    return limit - max(0.0, way.longer_s - DURATION_TOLERANCE_S / 2)


def _ways(facts: Facts, contract: AudioContract) -> Iterator[Way]:
    """Yield the formats that keep the contract: the sound's own, then the ones that lose least."""
    lossy = facts.codec in LOSSY_CODECS
    known = [facts.media_type or "", *(LOSSY if lossy else LOSSLESS), *(LOSSLESS if lossy else LOSSY)]
    for media_type in dict.fromkeys(known):
        if media_type not in (*LOSSLESS, *LOSSY) or (contract.media_types and media_type not in contract.media_types):
            continue
        way = _way(facts, contract, media_type)
        if way is None or (contract.codecs and not set(way.codecs) <= set(contract.codecs)):
            continue
        way = _within(way, facts, contract)
        if way is not None:
            yield way


def _way(facts: Facts, contract: AudioContract, media_type: str) -> Way | None:
    """Return a format at the rate and channels that lose least; None when it has none of the allowed ones."""
    stream = _stream(facts)
    suffix = suffix_of(media_type)
    try:
        natural = audio_shape(suffix, stream)
    except UnsupportedMediaError:
        return None
    rates = _best_first(contract.sample_rates_hz, stream.sample_rate_hz, natural.sample_rate_hz)
    counts = _best_first(contract.channels, stream.channels, natural.channels)
    for rate in rates:
        for count in counts:
            try:
                shape = audio_shape(suffix, stream, sample_rate_hz=rate, channels=count)
            except ParameterError:
                continue
            return Way(media_type, shape, natural, _codecs(facts, shape), _most_bytes(facts, contract, shape))
    return None


def _stream(facts: Facts) -> AudioStream:
    return AudioStream(
        index=0,
        codec=facts.codec or "",
        sample_rate_hz=round(likely(facts.sample_rate_hz, UNKNOWN_RATE_HZ)),
        channels=round(likely(facts.channels, UNKNOWN_CHANNELS)),
        layout="",
        sample_format=DEEP[0] if (facts.codec or "").startswith(("pcm_s24", "pcm_s32", "pcm_f")) else "s16",
        duration_s=likely(facts.duration_s, 0.0),
        start_s=0.0,
    )


def _best_first(allowed: Sequence[int], own: int, natural: int) -> list[int]:
    """Return choices that lose nothing first, the nearest of them first; then the others, the highest first."""
    if not allowed or natural in allowed:
        return [natural]
    return sorted(allowed, key=lambda value: (value < own, value if value >= own else -value))


def _codecs(facts: Facts, shape: AudioShape) -> tuple[str, ...]:
    if shape.encoder.startswith("pcm") and (facts.codec is None or facts.codec in HIDDEN_DEPTH):
        return "pcm_s16le", "pcm_s24le"
    return (CODECS.get(shape.encoder, shape.encoder),)


def _most_bytes(facts: Facts, contract: AudioContract, shape: AudioShape, bit_rate: int | None = None) -> int | None:
    if facts.duration_s is None:
        return None
    seconds = min(facts.duration_s.high, contract.max_duration_s or math.inf) + DURATION_TOLERANCE_S
    rate = bit_rate or shape.bit_rate_bps
    if rate is not None:
        return math.ceil(seconds * rate / 8 * OVERSHOOT) + HEADERS
    depth = 3 if shape.is_deep or facts.codec is None or facts.codec in HIDDEN_DEPTH else 2
    return math.ceil(seconds * shape.sample_rate_hz * shape.channels * depth * 1.02) + HEADERS


def _within(way: Way, facts: Facts, contract: AudioContract) -> Way | None:
    """Return the way with a bit rate that keeps the byte limit; None when none does."""
    limit, shape = contract.max_bytes, way.shape
    if limit is None or way.size_bytes is None or way.size_bytes <= limit:
        return way
    if _is_kept(facts, contract, way, limit):
        return way
    for rate in BIT_RATES:
        if shape.bit_rate_bps is None or not LEAST_BIT_RATE * shape.channels <= rate < shape.bit_rate_bps:
            continue
        size = _most_bytes(facts, contract, shape, rate)
        if size is not None and size <= limit:
            lower = AudioShape(
                shape.encoder, shape.sample_rate_hz, shape.channels, rate, shape.is_deep, shape.container
            )
            return Way(way.media_type, lower, way.natural, way.codecs, size)
    return None


def _is_kept(facts: Facts, contract: AudioContract, way: Way, limit: int) -> bool:
    """Whether lossless sound in its own format is only cut: it cannot grow."""
    same = way.media_type == facts.media_type and way.shape == way.natural and way.codecs == (facts.codec,)
    is_small = facts.size_bytes is not None and facts.size_bytes.high <= limit
    return same and is_small and not way.shape.is_lossy


def _steps(facts: Facts, way: Way, cut: float | None) -> list[Step]:
    wishes: dict[str, Any] = {}
    if way.shape.sample_rate_hz != way.natural.sample_rate_hz:
        wishes["sample_rate_hz"] = way.shape.sample_rate_hz
    if way.shape.channels != way.natural.channels:
        wishes["channels"] = way.shape.channels
    if way.shape.bit_rate_bps != audio_shape(way.suffix, _stream(facts), **wishes).bit_rate_bps:
        wishes["bit_rate_bps"] = way.shape.bit_rate_bps
    if cut is None:
        return [Step("convert_audio", wishes, way.suffix, _loss(facts, way), _change(facts, way))]
    length = likely(facts.duration_s, cut)
    change, trimmed = f"{length:.4g} s -> {cut:.4g} s", f"trims {length - cut:.1f} s"
    if not wishes:
        loss = joined([trimmed, _loss(facts, way, decoded=True)])
        return [Step("trim_audio", {"seconds": cut}, way.suffix, loss, joined([change, _change(facts, way)]))]
    return [  # the cut is written without loss, so that only one of the two re-encodes
        Step("trim_audio", {"seconds": cut}, ".wav", trimmed, change),
        Step("convert_audio", wishes, way.suffix, _loss(facts, way, decoded=True), _change(facts, way)),
    ]


def _change(facts: Facts, way: Way) -> str:
    own, shape = facts.media_type, way.shape
    rate, count = likely(facts.sample_rate_hz, shape.sample_rate_hz), likely(facts.channels, shape.channels)
    return joined(
        [
            "" if own == way.media_type else f"{_short(own)} -> {_short(way.media_type)}",
            "" if rate == shape.sample_rate_hz else f"{rate:g} Hz -> {shape.sample_rate_hz} Hz",
            "" if count == shape.channels else f"{count:g} -> {shape.channels} channels",
        ]
    )


def _short(media_type: str | None) -> str:
    return suffix_of(media_type)[1:] if media_type else "any format"


def _loss(facts: Facts, way: Way, *, decoded: bool = False) -> str:
    shape = way.shape
    rate, count = likely(facts.sample_rate_hz, shape.sample_rate_hz), likely(facts.channels, shape.channels)
    copied = not decoded and way.codecs == (facts.codec,) and (rate, count) == (shape.sample_rate_hz, shape.channels)
    default = shape.bit_rate_bps is None or shape.bit_rate_bps == way.natural.bit_rate_bps
    encoded = shape.bit_rate_bps is not None and not (copied and default)
    name = NAMES.get(way.codecs[0], way.codecs[0])
    return joined(
        [
            f"keeps sound up to {shape.sample_rate_hz / 2000:g} kHz" if shape.sample_rate_hz < rate else "",
            f"mixes {count:g} channels down to {shape.channels}" if shape.channels < count else "",
            f"re-encodes as {name} at {(shape.bit_rate_bps or 0) // 1000} kb/s" if encoded else "",
        ]
    )


def _after(facts: Facts, contract: AudioContract, way: Way, cut: float | None) -> Facts:
    """Return the facts of the written sound."""
    length = facts.duration_s if cut is None else Span.exactly(cut)
    if length is not None and way.longer_s:
        length = Span(low=length.low, high=length.high + way.longer_s, likely=length.likely)
    rate, count, limit = way.shape.sample_rate_hz, way.shape.channels, contract.max_bytes
    known_rate = facts.sample_rate_hz is not None or rate != way.natural.sample_rate_hz
    known_count = facts.channels is not None or count != way.natural.channels
    fits = limit is not None and way.size_bytes is not None
    return Facts(
        kind="audio",
        duration_s=length,
        sample_rate_hz=Span.exactly(rate) if known_rate else None,
        channels=Span.exactly(count) if known_count else None,
        codec=way.codecs[0] if len(way.codecs) == 1 else None,
        media_type=way.media_type,
        size_bytes=Span.within(1, min(way.size_bytes or 1, limit or 1)) if fits else None,
    )
