"""Small valid media of any shape, made in milliseconds: what the provider simulator answers with.

The pixels and samples of one shape are rendered once and kept; each sample then differs from every other only by a
`token` of 32 characters that is written into the file's comment (or, for raw sound, into the lowest bits of its first
samples). Equal arguments give equal bytes.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any, Literal

from .stamp import PLACEHOLDER, stamp_file, stamp_raw

__all__ = [
    "AUDIO_FORMATS",
    "IMAGE_FORMATS",
    "sample_audio",
    "sample_image",
    "sample_video",
]

ImageLook = Literal["scene", "cutout", "black"]
VideoLook = Literal["scene", "frozen", "black"]
AudioLook = Literal["tone", "silent"]

IMAGE_FORMATS = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
}
"""Picture formats that can be made, with their MIME types."""

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
TINTS = (
    (230, 150, 90),
    (90, 150, 230),
    (120, 200, 120),
    (210, 110, 170),
    (190, 190, 90),
    (100, 190, 200),
)
VARIANTS = len(TINTS)


def _landscape(width: int, height: int, variant: int) -> Any:
    """Draw hills under a sky, as an array of shape (height, width, 3), 8 bits."""
    import numpy as np

    red, green, blue = TINTS[variant % VARIANTS]
    x = np.linspace(0, 2 * np.pi, width, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    sky = 0.35 + 0.6 * (1 - y) + 0 * x
    far = 0.45 + 0.12 * np.sin(x + variant)
    near = 0.68 + 0.10 * np.sin(2 * x + 2 * variant)
    light = np.where(y > near, 0.15 + 0.1 * y, np.where(y > far, 0.45 - 0.1 * y, sky))
    sun = (x - 1.2 - 0.6 * variant) ** 2 + (8 * (y - 0.2)) ** 2 < 0.25
    light = np.where(sun, 1.0, light)
    return np.clip(light[..., None] * np.array([red, green, blue], np.float32) * 1.1, 0, 255).astype(np.uint8)


def _picture(width: int, height: int, look: str, variant: int) -> Any:
    import numpy as np
    from PIL import Image

    if look == "black":
        return Image.new("RGB", (width, height))
    picture = Image.fromarray(_landscape(width, height, variant))
    if look == "cutout":
        x = np.linspace(-1, 1, width)[None, :]
        y = np.linspace(-1, 1, height)[:, None]
        inside = (x / 0.7) ** 2 + (y / 0.8) ** 2 < 1
        picture.putalpha(Image.fromarray(np.where(inside, 255, 0).astype(np.uint8)))
    return picture


@lru_cache(maxsize=256)
def _image(width: int, height: int, format: str, look: str, variant: int) -> bytes:
    from PIL.PngImagePlugin import PngInfo

    picture = _picture(width, height, look, variant)
    comment = PLACEHOLDER.decode()
    out = io.BytesIO()
    if format == "png":
        info = PngInfo()
        info.add_text("Comment", comment)
        picture.save(out, "PNG", compress_level=1, pnginfo=info)
    elif format == "jpeg":
        picture.convert("RGB").save(out, "JPEG", quality=85, comment=comment)
    elif format == "webp":
        picture.save(out, "WEBP", method=0, quality=80, xmp=PLACEHOLDER)
    else:
        picture.convert("RGB").save(out, "GIF", comment=comment)
    return out.getvalue()


def sample_image(
    width: int,
    height: int,
    *,
    format: str = "png",
    token: str = "",
    variant: int = 0,
    look: ImageLook = "scene",
) -> bytes:
    """Return a picture file.

    Args:
        width: Width in pixels.
        height: Height in pixels.
        format: One of `IMAGE_FORMATS`.
        token: Up to 32 ASCII characters that make this file unlike any other of its shape.
        variant: Colours and shapes; taken modulo the number of them.
        look: `cutout` has a transparent background (not for jpeg and gif); `black` is one black surface.
    """
    return stamp_file(_image(width, height, format, look, variant % VARIANTS), token)


def _frames(width: int, height: int, count: int, look: str, variant: int) -> Any:
    """Yield frames in yuv420p: a textured surface that moves to the right once in `count` frames."""
    import av
    import numpy as np

    red, green, blue = TINTS[variant % VARIANTS]
    light = _landscape(width, height, variant).mean(axis=2).astype(np.uint8)
    if look == "black":
        light = np.full_like(light, 16)
    chroma = (128, 128) if look == "black" else (128 + (blue - green) // 3, 128 + (red - green) // 3)
    for index in range(count):
        shift = 0 if look == "frozen" else width * index // count
        frame = av.VideoFrame(width, height, "yuv420p")
        frame.planes[0].update(_padded(np.roll(light, shift, axis=1), frame.planes[0]))
        for plane, value in zip(frame.planes[1:], chroma, strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        frame.pts = index
        yield frame


def _padded(rows: Any, plane: Any) -> bytes:
    import numpy as np

    if rows.shape[1] == plane.line_size:
        return rows.tobytes()
    wide = np.zeros((plane.height, plane.line_size), np.uint8)
    wide[:, : rows.shape[1]] = rows
    return wide.tobytes()


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


@lru_cache(maxsize=128)
def _video(
    width: int,
    height: int,
    seconds: float,
    rate: int,
    sound: bool,
    look: str,
    variant: int,
) -> bytes:
    import av

    out = io.BytesIO()
    total = max(1, round(seconds * rate))
    with av.open(out, "w", format="mp4") as container:
        container.metadata["comment"] = PLACEHOLDER.decode()
        stream: Any = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        count = min(total, rate)
        stream.options = {
            "preset": "ultrafast",
            "crf": "30",
            "g": str(count),
            "bf": "0",
        }
        stream.codec_context.thread_count = 1
        tone: Any = _add_sound(container, "aac", 48_000, 2, 128_000) if sound else None
        packets: list[Any] = []
        for frame in _frames(width, height, count, look, variant):
            packets += stream.encode(frame)
        packets += stream.encode(None)
        loop = _loop(tone, 48_000, 2, seconds, "tone", variant) if sound else None
        step = round(1 / rate / packets[0].time_base)
        _repeat(container, stream, packets, step, total)
        if loop:
            _repeat(container, tone, *loop)
    return out.getvalue()


def sample_video(
    width: int,
    height: int,
    seconds: float,
    *,
    frame_rate: int = 24,
    sound: bool = False,
    token: str = "",
    variant: int = 0,
    look: VideoLook = "scene",
) -> bytes:
    """Return an mp4 file (h264, with AAC sound when asked for).

    Args:
        width: Frame width in pixels, even.
        height: Frame height in pixels, even.
        seconds: Length; rounded to whole frames.
        frame_rate: Frames in a second.
        sound: Whether it has a sound stream.
        token: As in `sample_image`.
        variant: As in `sample_image`.
        look: `frozen` repeats one picture; `black` shows nothing.
    """
    return stamp_file(
        _video(width, height, seconds, frame_rate, sound, look, variant % VARIANTS),
        token,
    )


@lru_cache(maxsize=256)
def _audio(
    seconds: float,
    format: str,
    rate: int,
    channels: int,
    bit_rate: int,
    look: str,
    variant: int,
) -> bytes:
    import av

    kind, codec, _ = AUDIO_FORMATS[format]
    out = io.BytesIO()
    options = {"write_id3v2": "1"} if kind == "adts" else {}
    with av.open(out, "w", format=kind, container_options=options) as container:
        if format not in RAW:
            container.metadata["comment"] = PLACEHOLDER.decode()
        stream = _add_sound(container, codec, rate, channels, bit_rate or None)
        if format in LOOPED:
            _repeat(
                container,
                stream,
                *_loop(stream, rate, channels, seconds, look, variant),
            )
        else:
            for packet in _encode_tone(stream, _tone(seconds, rate, channels, look, variant), rate):
                container.mux(packet)
    return out.getvalue()


def sample_audio(
    seconds: float,
    *,
    format: str = "mp3",
    sample_rate_hz: int = 44_100,
    channels: int = 1,
    bit_rate_bps: int = 0,
    token: str = "",
    variant: int = 0,
    look: AudioLook = "tone",
) -> bytes:
    """Return a sound file, or raw samples for `pcm`, `ulaw` and `alaw`.

    Args:
        seconds: Length; rounded to whole codec frames.
        format: One of `AUDIO_FORMATS`.
        sample_rate_hz: Samples in a second.
        channels: 1 or 2.
        bit_rate_bps: For compressed formats; 0 leaves it to the encoder.
        token: As in `sample_image`.
        variant: Pitch; taken modulo the number of them.
        look: `silent` holds zeros only.
    """
    data = _audio(
        round(seconds, 3),
        format,
        sample_rate_hz,
        channels,
        bit_rate_bps,
        look,
        variant % VARIANTS,
    )
    return stamp_raw(data, token) if format in RAW else stamp_file(data, token)
