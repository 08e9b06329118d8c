"""How sound is encoded into each kind of file: encoder, rates, channels and bit rates that it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...errors import ParameterError, UnsupportedMediaError
from ..streams import AudioStream

__all__ = ["AudioShape", "audio_shape", "conform"]

MPEG_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
AAC_RATES = (*MPEG_RATES, 64000, 88200, 96000)
ENCODERS = {
    ".wav": "pcm",
    ".flac": "flac",
    ".mp3": "libmp3lame",
    ".m4a": "aac",
    ".aac": "aac",
    ".mp4": "aac",
    ".mov": "aac",
    ".ogg": "libopus",
    ".opus": "libopus",
    ".weba": "libopus",
    ".webm": "libopus",
    ".mkv": "aac",
}
LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
"""Of each number of channels the one that every format here holds."""
UNSAID = {3: "2.1", 4: "4.0"}
"""What FFmpeg takes for the layout of a source that names none, where that is another."""
OTHERS = {
    "2.1": 3, "3.0": 3, "3.0(back)": 3, "4.0": 4, "quad": 4, "quad(side)": 4, "3.1": 4, "4.1": 5, "5.0": 5, "5.0(side)": 5,
    "5.1": 6, "5.1(side)": 6, "6.0": 6, "6.1": 7, "7.0": 7, "7.1": 8, "7.1(wide)": 8,
}  # fmt: skip
"""Layouts that WAV, FLAC and AAC hold as they are, with their number of channels (seen with FFmpeg 9.0)."""
DEEP = ("s32", "s32p", "flt", "fltp", "dbl", "dblp", "s64", "s64p")


@dataclass(frozen=True)
class AudioShape:
    """Sound as it will be encoded.

    Attributes:
        encoder: FFmpeg's name.
        sample_rate_hz: One that the encoder takes.
        channels: As many as it takes.
        bit_rate_bps: None where the encoder has none (PCM, FLAC).
        is_deep: 24 bits for a sample instead of 16, where the encoder keeps them (WAV, FLAC).
        container: FFmpeg's name of it, where it does not follow from the suffix.
        placing: FFmpeg's name of the channel layout, where it is not the usual one.
    """

    encoder: str
    sample_rate_hz: int
    channels: int
    bit_rate_bps: int | None = None
    is_deep: bool = False
    container: str | None = None
    placing: str | None = None

    @property
    def layout(self) -> str:
        """FFmpeg's name of the channel layout."""
        return self.placing or LAYOUTS[self.channels]

    @property
    def is_lossy(self) -> bool:
        """Whether the encoder changes the samples."""
        return self.bit_rate_bps is not None

    def options(self, stream: str = "a") -> dict[str, Any]:
        """Return ffmpeg's output options for the stream with this specifier (`a`, `a:0`)."""
        chosen: dict[str, Any] = {f"c:{stream}": self.encoder, f"ar:{stream}": self.sample_rate_hz}
        if self.bit_rate_bps is not None:
            chosen[f"b:{stream}"] = self.bit_rate_bps
        if self.container:
            chosen["f"] = self.container
        if self.encoder == "aac":
            chosen["aac_pns"] = 0  # noise that the decoder makes up has peaks that nobody can limit
        if self.encoder == "flac":
            chosen[f"sample_fmt:{stream}"] = "s32" if self.is_deep else "s16"
        if self.encoder == "flac" and self.is_deep:
            chosen[f"bits_per_raw_sample:{stream}"] = 24
        return chosen


def _nearest_rate(rate: int, allowed: tuple[int, ...]) -> int:
    """Return the lowest allowed rate that loses nothing, else the highest."""
    return min((r for r in allowed if r >= rate), default=max(allowed))


def _bit_rate(encoder: str, rate: int, channels: int) -> int | None:
    if encoder == "aac":
        # From 5 bits for a sample, FFmpeg's encoder (9.0) distorts: at 16 kHz, peaks 3 dB higher were measured.
        return min(96_000, 3 * rate) * channels
    if encoder == "libmp3lame":  # MPEG 1, 2 and 2.5 each have their own highest rate
        return (96_000 if rate >= 32_000 else 64_000 if rate >= 16_000 else 32_000) * channels
    if encoder == "libopus":
        return 80_000 * channels if channels > 1 else 96_000
    return None


def audio_shape(
    suffix: str,
    source: AudioStream,
    *,
    sample_rate_hz: int | None = None,
    channels: int | None = None,
    bit_rate_bps: int | None = None,
) -> AudioShape:
    """Choose how sound is encoded into a file of this suffix.

    Without a wish, rate, channels and depth stay those of the source where the format has them, and go to the nearest
    that loses least where it has not (Opus always holds 48 kHz; MP3 has at most two channels).

    Raises:
        ParameterError: An unknown suffix, or a wish that the format cannot hold.
        UnsupportedMediaError: The source has more than 8 channels.
    """
    encoder = ENCODERS.get(suffix.lower())
    if encoder is None:
        raise ParameterError(f"Cannot write sound to a {suffix or 'nameless'} file. Allowed: {', '.join(ENCODERS)}.")
    if not 1 <= source.channels <= 8 or source.sample_rate_hz <= 0:
        raise UnsupportedMediaError(
            f"Cannot use sound with {source.channels} channels at {source.sample_rate_hz} Hz: 1 to 8 are allowed."
        )
    rates = {"libmp3lame": MPEG_RATES, "aac": AAC_RATES, "libopus": (48_000,)}.get(encoder)
    most = 2 if encoder == "libmp3lame" else 6 if suffix.lower() == ".aac" else 8  # ADTS has no more
    if sample_rate_hz is not None and not (sample_rate_hz in rates if rates else 1000 <= sample_rate_hz <= 192_000):
        allowed = ", ".join(map(str, rates)) if rates else "1000 to 192000"
        raise ParameterError(f"sample_rate_hz={sample_rate_hz} does not fit a {suffix} file. Allowed: {allowed}.")
    if channels is not None and not 1 <= channels <= most:
        raise ParameterError(f"channels={channels} does not fit a {suffix} file. Allowed: 1 to {most}.")
    rate = sample_rate_hz or (_nearest_rate(source.sample_rate_hz, rates) if rates else source.sample_rate_hz)
    count = channels or min(source.channels, most)
    if bit_rate_bps is not None:
        highest = {"libmp3lame": 320_000, "libopus": 256_000 * count, "aac": 1_000_000}.get(encoder)
        if highest is None or not 6000 <= bit_rate_bps <= highest:
            allowed = f"6000 to {highest}" if highest else "none, for it keeps every sample"
            raise ParameterError(f"bit_rate_bps={bit_rate_bps} does not fit a {suffix} file. Allowed: {allowed}.")
    deep = encoder in ("pcm", "flac") and source.sample_format in DEEP and source.codec not in LOSSY_CODECS
    name = ("pcm_s24le" if deep else "pcm_s16le") if encoder == "pcm" else encoder
    container = "webm" if suffix.lower() == ".weba" else None
    return AudioShape(
        name,
        rate,
        count,
        bit_rate_bps or _bit_rate(encoder, rate, count),
        deep,
        container,
        _placing(source, encoder) if count == source.channels else None,
    )


def _placing(source: AudioStream, encoder: str) -> str | None:
    """The layout of a source, where the encoder holds it and it is worth keeping."""
    if encoder == "libopus" or source.channels < 3:
        return None
    return source.layout if OTHERS.get(source.layout) == source.channels else UNSAID.get(source.channels)


LOSSY_CODECS = ("aac", "mp3", "opus", "vorbis", "ac3", "eac3", "dts", "mp2", "wmav2", "amrnb", "amrwb")
"""Their decoders give floats, which says nothing of the depth that is worth keeping."""


def conform(node: Any, source: AudioStream, shape: AudioShape) -> Any:
    """Bring a stream to a shape: float samples at its rate and layout.

    Mono goes to both sides of stereo as it is; stereo becomes mono as the average. Surround is mixed down by ITU-R
    BS.775 weights, without the drop of 7 dB that FFmpeg applies to whole numbers; a limiter catches what sums above
    full scale.
    """
    node = node.filter("aresample", shape.sample_rate_hz).filter("aformat", sample_fmts="fltp")
    if source.channels == 1 and shape.channels == 2:
        return node.filter("pan", args="stereo|c0=c0|c1=c0")
    if source.channels == shape.channels or shape.channels > 1:
        node = node.filter("aformat", channel_layouts=shape.layout)
    else:
        stereo = node if source.channels == 2 else node.filter("aformat", channel_layouts="stereo")
        node = stereo.filter("pan", args="mono|c0=0.5*c0+0.5*c1")
    if source.channels > max(2, shape.channels):
        node = node.filter("alimiter", limit=0.98, level=0, attack=2, release=50, latency=1)
    return node
