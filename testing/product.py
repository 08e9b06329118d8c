"""What one accepted request buys: media of a certain shape, rendered when it is asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ..media.samples.making import AUDIO_FORMATS, IMAGE_FORMATS, sample_audio, sample_image, sample_video

__all__ = ["Product"]

Look = Literal["normal", "black", "silent", "frozen"]


@dataclass(frozen=True)
class Product:
    """The shape of the output of one request.

    Attributes:
        kind: What it is.
        count: Number of files.
        width, height: Pixels, for pictures and video.
        seconds: Length, for video and sound.
        format: `png`, `jpeg`, `webp`, `gif`; `mp4`; a name in `media.samples.AUDIO_FORMATS`.
        cutout: Whether the background is transparent.
        sound: Whether a video has a sound stream.
        look: Anything but `normal` is a fault.
    """

    kind: Literal["image", "video", "audio"]
    count: int = 1
    width: int = 0
    height: int = 0
    seconds: float = 0.0
    frame_rate: int = 24
    format: str = "png"
    sample_rate_hz: int = 44_100
    channels: int = 1
    bit_rate_bps: int = 0
    cutout: bool = False
    sound: bool = False
    look: Look = "normal"

    @property
    def media_type(self) -> str:
        """MIME type."""
        if self.kind == "image":
            return IMAGE_FORMATS[self.format]
        return "video/mp4" if self.kind == "video" else AUDIO_FORMATS[self.format][2]

    @property
    def suffix(self) -> str:
        """File suffix with its dot."""
        return ".jpg" if self.format == "jpeg" else f".{self.format}"

    def spoiled(self, kind: str) -> Product:
        """Return the same product with one thing wrong: `black`, `silent`, `frozen`, `wrong-size` or `wrong-type`."""
        if kind == "wrong-size":
            shorter = {"seconds": max(0.2, self.seconds / 2)} if self.kind == "audio" else {}
            return replace(self, width=max(16, self.width // 4 * 2), height=max(16, self.height // 4 * 2), **shorter)
        if kind == "wrong-type":
            if self.kind == "audio":
                return Product("image", width=320, height=240, format="png")
            return Product("audio", count=self.count, seconds=1.0, format="mp3")
        if kind == "black":
            return replace(self, look="black")
        return replace(self, look="frozen" if kind == "frozen" else "silent")

    def render(self, token: str) -> bytes:
        """Return one file; another token gives another file of the same shape and length."""
        variant = int(token[:8] or "0", 16)
        if self.kind == "image":
            look = "black" if self.look == "black" else "cutout" if self.cutout else "scene"
            return sample_image(self.width, self.height, format=self.format, token=token, variant=variant, look=look)
        if self.kind == "video":
            return sample_video(
                self.width,
                self.height,
                self.seconds,
                frame_rate=self.frame_rate,
                sound=self.sound,
                token=token,
                variant=variant,
                look="frozen" if self.look == "frozen" else "black" if self.look == "black" else "scene",
            )
        return sample_audio(
            self.seconds,
            format=self.format,
            sample_rate_hz=self.sample_rate_hz,
            channels=self.channels,
            bit_rate_bps=self.bit_rate_bps,
            token=token,
            variant=variant,
            look="silent" if self.look == "silent" else "tone",
        )
