"""Sample video and sound: about a second is encoded, and its packets are repeated for as long as it takes."""

from __future__ import annotations

import io
from typing import Any

from .pictures import VARIANTS, draw_frames
from .stamp import PLACEHOLDER

__all__ = ["AUDIO_FORMATS", "RAW", "encode_audio", "encode_video"]

# Container, codec and MIME type. Raw formats have no container and thus no comment.
AUDIO_FORMATS: dict[str, tuple[str, str, str]] = {
    "mp3": ("mp3", "libmp3lame", "audio/mpeg"),
    "wav": ("wav", "pcm_s16le", "audio/wav"),
    "flac": ("flac", "flac", "audio/flac"),
    "opus": ("ogg", "libopus", "audio/ogg"),
    "aac": ("adts", "aac", "audio/aac"),
    "m4a": ("mp4", "aac", "audio/mp4"),
    "pcm": ("s16le", "pcm_s16le", "audio/pcm"),
    "ulaw": ("mulaw", "pcm_mulaw", "audio/basic"),
    "alaw": ("alaw", "pcm_alaw", "audio/x-alaw-basic"),
}
RAW = frozenset({"pcm", "ulaw", "alaw"})
LOOPED = frozenset({"mp3", "aac", "m4a"})  # their packets can be repeated, so long sound costs no encoding
SAMPLES_IN_PACKET = {"libmp3lame": 1152, "aac": 1024}


def _repeat(container: Any, stream: Any, packets: list[Any], step: int, total: int) -> None:
    """Mux `packets`, one after the other and again from the start, until `total` packets are in."""
    import av

    for index in range(total):
        source = packets[index % len(packets)]
        packet = av.Packet(bytes(source))
        packet.stream = stream
        packet.time_base = source.time_base
        packet.pts = packet.dts = index * step
        packet.duration = step
        packet.is_keyframe = source.is_keyframe
        container.mux(packet)


def _tone(seconds: float, rate: int, channels: int, look: str, variant: int) -> Any:
    """Make a warbling chord, shape (channels, samples), 16 bits."""
    import numpy as np

    count = max(1, round(seconds * rate))
    if look == "silent":
        return np.zeros((channels, count), np.int16)
    at = np.arange(count, dtype=np.float32) / rate
    base = 196.0 * 2 ** (variant % VARIANTS / 6)
    wave = np.sin(2 * np.pi * base * at) + 0.5 * np.sin(2 * np.pi * 1.5 * base * at)
    wave *= 0.55 + 0.45 * np.sin(2 * np.pi * 4.0 * at)
    return np.tile((wave * 9000).astype(np.int16), (channels, 1))


def _encode_tone(stream: Any, samples: Any, rate: int) -> list[Any]:
    import av
    import numpy as np

    layout = "mono" if samples.shape[0] == 1 else "stereo"
    packed = np.ascontiguousarray(samples.T).reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(packed, format="s16", layout=layout)
    frame.sample_rate = rate
    frame.pts = 0
    resampler = av.AudioResampler(stream.format, layout, rate, stream.frame_size or None)
    packets: list[Any] = []
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        packets += stream.encode(piece)
    return packets + stream.encode(None)


def _add_sound(container: Any, codec: str, rate: int, channels: int, bit_rate: int | None) -> Any:
    stream = container.add_stream(codec, rate=rate, layout="mono" if channels == 1 else "stereo")
    if bit_rate:
        stream.bit_rate = bit_rate
    if codec == "libmp3lame":
        stream.options = {"reservoir": "0"}  # so that no frame borrows bits from the one before
    return stream


def _loop(stream: Any, rate: int, channels: int, seconds: float, look: str, variant: int) -> tuple[list[Any], int, int]:
    """Encode about a second. Returns its packets, the samples in one, and how many packets last `seconds`."""
    codec = stream.codec_context.name
    step = 576 if codec == "libmp3lame" and rate <= 24_000 else SAMPLES_IN_PACKET[codec]  # MPEG-2 halves its frames
    total = max(1, round(seconds * rate / step))
    wanted = min(total, max(1, rate // step))
    packets = _encode_tone(stream, _tone((wanted + 4) * step / rate, rate, channels, look, variant), rate)
    return packets[2 : wanted + 2], step, total


def encode_video(width: int, height: int, seconds: float, rate: int, sound: bool, look: str, variant: int) -> bytes:
    """Return an mp4 file whose comment holds the placeholder of a token."""
    import av

    out = io.BytesIO()
    total = max(1, round(seconds * rate))
    with av.open(out, "w", format="mp4") as container:
        container.metadata["comment"] = PLACEHOLDER.decode()
        stream: Any = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        count = min(total, rate)
        stream.options = {"preset": "ultrafast", "crf": "30", "g": str(count), "bf": "0"}
        stream.codec_context.thread_count = 1
        tone: Any = _add_sound(container, "aac", 48_000, 2, 128_000) if sound else None
        packets: list[Any] = []
        for frame in draw_frames(width, height, count, look, variant):
            packets += stream.encode(frame)
        packets += stream.encode(None)
        loop = _loop(tone, 48_000, 2, seconds, "tone", variant) if sound else None
        step = round(1 / rate / packets[0].time_base)
        _repeat(container, stream, packets, step, total)
        if loop:
            _repeat(container, tone, *loop)
    return out.getvalue()


def encode_audio(
    seconds: float, format: str, rate: int, channels: int, bit_rate: int, look: str, variant: int
) -> bytes:
    """Return a sound file whose comment holds the placeholder of a token, or raw samples."""
    import av

    kind, codec, _ = AUDIO_FORMATS[format]
    out = io.BytesIO()
    options = {"write_id3v2": "1"} if kind == "adts" else {}
    with av.open(out, "w", format=kind, container_options=options) as container:
        if format not in RAW:
            container.metadata["comment"] = PLACEHOLDER.decode()
        stream = _add_sound(container, codec, rate, channels, bit_rate or None)
        if format in LOOPED:
            _repeat(container, stream, *_loop(stream, rate, channels, seconds, look, variant))
        else:
            for packet in _encode_tone(stream, _tone(seconds, rate, channels, look, variant), rate):
                container.mux(packet)
    return out.getvalue()
