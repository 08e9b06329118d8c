"""Small valid media of any shape, made in milliseconds: what the provider simulator answers with.

The pixels and samples of one shape are rendered once and kept; each sample then differs from every other only by a
`token` of 32 characters that is written into the file's comment (or, for raw sound, into the lowest bits of its first
samples). Equal arguments give equal bytes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Literal

from .pictures import VARIANTS, encode_image
from .stamp import stamp_file, stamp_raw
from .streams import AUDIO_FORMATS, RAW, encode_audio, encode_video

__all__ = ["AUDIO_FORMATS", "IMAGE_FORMATS", "sample_audio", "sample_image", "sample_video"]

ImageLook = Literal["scene", "cutout", "black"]
VideoLook = Literal["scene", "frozen", "black"]
AudioLook = Literal["tone", "silent"]

IMAGE_FORMATS = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp", "gif": "image/gif"}
"""Picture formats that can be made, with their MIME types."""

KEPT_BYTES = 128_000_000


class _Kept:
    """Files by their arguments, the longest unused ones dropped when they grow too many bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._files: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, make: Callable[..., bytes], *shape: Any) -> bytes:
        """Return what `make(*shape)` returns."""
        key = (make, *shape)
        with self._lock:
            if key in self._files:
                self._files.move_to_end(key)
                return self._files[key]
        data = make(*shape)
        with self._lock:
            self._size += len(data) - len(self._files.get(key, b""))
            self._files[key] = data
            while self._size > self._limit and len(self._files) > 1:
                self._size -= len(self._files.popitem(last=False)[1])
        return data


_kept = _Kept(KEPT_BYTES)


def sample_image(
    width: int, height: int, *, format: str = "png", token: str = "", variant: int = 0, look: ImageLook = "scene"
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
    return stamp_file(_kept.get(encode_image, width, height, format, look, variant % VARIANTS), token)


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
    shape = (width, height, seconds, frame_rate, sound, look, variant % VARIANTS)
    return stamp_file(_kept.get(encode_video, *shape), token)


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
    shape = (round(seconds, 3), format, sample_rate_hz, channels, bit_rate_bps, look, variant % VARIANTS)
    data = _kept.get(encode_audio, *shape)
    return stamp_raw(data, token) if format in RAW else stamp_file(data, token)
