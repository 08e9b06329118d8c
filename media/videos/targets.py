"""Video files that can be written: which streams each kind takes undecoded, and how it encodes the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from ...errors import ParameterError
from ..sounds.formats import AudioShape
from ..streams import AudioStream, VideoStream

__all__ = ["PRORES", "PRORES_ALPHA", "SAMPLE_RATE_HZ", "WEB", "WEBM_ALPHA", "Target", "target_of"]

SAMPLE_RATE_HZ = 48_000
KEY_FRAME_S = 2
"""Longest distance of key frames: players seek to them, and cuts between them need no new encoding."""


@dataclass(frozen=True)
class Target:
    """One kind of video file.

    Attributes:
        suffix: With its dot.
        video_codecs, audio_codecs: What it takes undecoded and players of this kind then play.
        encoder: FFmpeg's name of the video encoder, with `video_options`.
        sound: How sound is encoded.
        pixels: Pixel format that it encodes.
    """

    suffix: str
    video_codecs: frozenset[str]
    audio_codecs: frozenset[str]
    encoder: str
    video_options: tuple[tuple[str, Any], ...]
    sound: AudioShape
    pixels: str = "yuv420p"

    @property
    def keeps_alpha(self) -> bool:
        """Whether transparency is encoded."""
        return self.pixels.startswith("yuva")

    def encoding(self, rate: Fraction) -> dict[str, Any]:
        """Return ffmpeg's options that encode video at a frame rate."""
        return {
            "c:v": self.encoder,
            "pix_fmt": self.pixels,
            "g": max(1, round(rate * KEY_FRAME_S)),
            **dict(self.video_options),
        }

    def takes(self, stream: VideoStream) -> bool:
        """Whether a video stream may go in as it is: a codec that plays there, 8 bits 4:2:0, even size, not HDR."""
        return (
            stream.codec in self.video_codecs
            and stream.pixel_format in ("yuv420p", "yuvj420p")
            and stream.width_px % 2 == stream.height_px % 2 == 0
            and not stream.is_hdr
            and not (stream.has_alpha and self.suffix != ".webm")
            and not stream.is_interlaced
        )

    def takes_sound(self, stream: AudioStream) -> bool:
        """Whether an audio stream may go in as it is."""
        return stream.codec in self.audio_codecs

    def copying(self, stream: VideoStream) -> dict[str, Any]:
        """Return ffmpeg's options that copy a video stream."""
        options: dict[str, Any] = {"c:v": "copy"}
        if stream.codec == "hevc" and self.suffix in (".mp4", ".mov"):
            options["tag:v"] = "hvc1"  # Apple's players know no other tag
        return options


X264 = (("preset", "veryfast"), ("crf", 18), ("profile:v", "high"))
VP9 = (("crf", 30), ("b:v", 0), ("deadline", "good"), ("cpu-used", 4), ("row-mt", 1))
AAC = AudioShape("aac", SAMPLE_RATE_HZ, 2, 192_000)
OPUS = AudioShape("libopus", SAMPLE_RATE_HZ, 2, 160_000)

TARGETS = {
    ".mp4": Target(".mp4", frozenset({"h264", "hevc", "av1"}), frozenset({"aac", "mp3"}), "libx264", X264, AAC),
    ".mov": Target(".mov", frozenset({"h264", "hevc"}), frozenset({"aac", "pcm_s16le"}), "libx264", X264, AAC),
    ".mkv": Target(
        ".mkv",
        frozenset({"h264", "hevc", "av1", "vp8", "vp9"}),
        frozenset({"aac", "mp3", "opus", "flac"}),
        "libx264",
        X264,
        AAC,
    ),
    ".webm": Target(".webm", frozenset({"vp8", "vp9", "av1"}), frozenset({"opus", "vorbis"}), "libvpx-vp9", VP9, OPUS),
}

PCM = AudioShape("pcm_s16le", SAMPLE_RATE_HZ, 2)
PRORES = Target(
    ".mov", frozenset(), frozenset(), "prores_ks", (("profile:v", 3), ("vendor", "apl0")), PCM, pixels="yuv422p10le"
)
PRORES_ALPHA = Target(
    ".mov", frozenset(), frozenset(), "prores_ks", (("profile:v", 4), ("vendor", "apl0")), PCM, pixels="yuva444p10le"
)
WEBM_ALPHA = replace(TARGETS[".webm"], pixels="yuva420p", video_options=(*VP9, ("auto-alt-ref", 0)))
WEB = replace(TARGETS[".mp4"], video_codecs=frozenset({"h264"}), audio_codecs=frozenset({"aac"}))


def target_of(path: Path) -> Target:
    """Return the kind of video file that a path's suffix names.

    Raises:
        ParameterError: It is none that can be written.
    """
    found = TARGETS.get(path.suffix.lower())
    if found is None:
        raise ParameterError(
            f"Cannot write video to '{path.name}': the suffix {path.suffix or '(none)'} is not one of {', '.join(TARGETS)}."
        )
    return found
