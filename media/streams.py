"""What a container and its streams hold, as values. See `container.scan`, which fills them."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

__all__ = ["UNKNOWN", "AudioStream", "Colour", "Container", "VideoStream"]

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Colour:
    """Colour tags of a video stream, by FFmpeg's names; `unknown` where the file is silent."""

    primaries: str = UNKNOWN
    transfer: str = UNKNOWN
    matrix: str = UNKNOWN
    range: str = UNKNOWN

    @property
    def is_hdr(self) -> bool:
        """Whether the transfer function is PQ or HLG."""
        return self.transfer in ("smpte2084", "arib-std-b67")


@dataclass(frozen=True)
class VideoStream:
    """One video stream.

    Attributes:
        index: Number of the stream in the container.
        codec: FFmpeg's name (`h264`); `tag` is the container's own four letters (`avc1`), when it has them.
        width_px, height_px: Size of the stored picture, before rotation and sample aspect ratio.
        sample_aspect_ratio: Width of one pixel by its height.
        rotation_deg: Clockwise turn that a player applies: 0, 90, 180 or 270. `is_mirrored`: it also mirrors.
        frame_rate: True average: frames by duration. Exact where the rate is constant.
        is_constant_rate: Whether all frames are equally far apart (within the container's clock).
        nominal_rate: Rate for a constant-rate copy: `frame_rate` where it is constant, else the usual rate that keeps
            nearly all frames (at most 60).
        frames: Frames that are shown.
        duration_s: From the first frame to the end of the last, in seconds. `start_s`: when the first is shown.
        time_base: Unit of the container's clock, in seconds.
        hidden: Packets that are decoded but not shown, because an edit list hides them.
        entries_s: Where decoding may begin, in seconds from the first frame: key frames that are whole, at least a second apart, and
            shown before the next key frame is decoded, so that a seek by either clock reaches them.
        bit_depth: Bits of one component. `has_alpha`: whether there is a transparency plane.
        parameters: Digest of the codec's parameter sets; streams with equal ones can follow each other undecoded.
    """

    index: int
    codec: str
    tag: str
    width_px: int
    height_px: int
    pixel_format: str
    sample_aspect_ratio: Fraction
    rotation_deg: int
    is_mirrored: bool
    frame_rate: Fraction
    is_constant_rate: bool
    nominal_rate: Fraction
    frames: int
    duration_s: float
    start_s: float
    time_base: Fraction
    colour: Colour
    hidden: int = 0
    entries_s: tuple[float, ...] = ()
    bit_depth: int = 8
    has_alpha: bool = False
    is_interlaced: bool = False
    parameters: str = ""

    @property
    def is_hdr(self) -> bool:
        """Whether the picture is high dynamic range (PQ or HLG)."""
        return self.colour.is_hdr

    @property
    def is_plain(self) -> bool:
        """Whether the stored picture is what a player shows: square pixels, no turn."""
        return self.rotation_deg == 0 and not self.is_mirrored and self.sample_aspect_ratio == 1

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height in pixels as a player shows it: square pixels, rotation applied."""
        width, height = self.width_px, self.height_px
        if self.sample_aspect_ratio > 0 and self.sample_aspect_ratio != 1:
            width = max(1, round(width * self.sample_aspect_ratio))
        return (height, width) if self.rotation_deg in (90, 270) else (width, height)


@dataclass(frozen=True)
class AudioStream:
    """One audio stream. Times in seconds, without the encoder's priming where the container marks it."""

    index: int
    codec: str
    sample_rate_hz: int
    channels: int
    layout: str
    sample_format: str
    duration_s: float
    start_s: float
    language: str = ""


@dataclass(frozen=True)
class Container:
    """What a file holds.

    Attributes:
        format: FFmpeg's demuxer name, for example `mov,mp4,m4a,3gp,3g2,mj2`.
        size_bytes: Length of the file.
        start_s: When the earliest video or audio stream begins. `duration_s`: from there to the latest end.
        zero_s: What FFmpeg takes as the start when it reads the file; unlike `start_s` without an encoder's priming.
        video: Moving pictures in order; cover pictures are not among them.
        audio: Sound streams in order.
        subtitles: Number of subtitle streams. `covers`: number of cover pictures.
        is_truncated: Whether bytes that the header promises are missing at the end.
        tags: Metadata of the container.
    """

    format: str
    size_bytes: int
    start_s: float
    duration_s: float
    video: tuple[VideoStream, ...] = ()
    audio: tuple[AudioStream, ...] = ()
    subtitles: int = 0
    covers: int = 0
    is_truncated: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    zero_s: float | None = None

    @property
    def picture(self) -> VideoStream | None:
        """The first video stream, None without one."""
        return self.video[0] if self.video else None

    @property
    def sound(self) -> AudioStream | None:
        """The first audio stream, None without one."""
        return self.audio[0] if self.audio else None
