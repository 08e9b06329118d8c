"""What is known of a media file, exactly, within limits, or not at all.

Facts describe real media (`facts_of`) and media that does not exist yet (what a call will return), so that a whole flow can
be checked before anything is paid for.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from .types import AnyMedia, Audio, Image

__all__ = ["Facts", "Span", "facts_of", "ratio_of"]

MediaKind = Literal["image", "video", "audio", "text"]


def ratio_of(text: str) -> Fraction:
    """Return the aspect ratio that `W:H` names, width over height.

    Raises:
        ValueError: Not two positive numbers with a colon between them.
    """
    width, colon, height = text.strip().partition(":")
    try:
        ratio = Fraction(width) / Fraction(height) if colon else Fraction(0)
    except (ValueError, ZeroDivisionError):
        ratio = Fraction(0)
    if ratio <= 0:
        raise ValueError(f"{text!r} is not an aspect ratio such as '16:9'")
    return ratio


class Span(BaseModel):
    """An inclusive range that a number lies in; exact when both ends are equal.

    Attributes:
        low, high: The ends.
        likely: Best single figure, for plans. Inside the range.
    """

    model_config = ConfigDict(frozen=True)

    low: float
    high: float
    likely: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low <= self.likely <= self.high:
            raise ValueError(f"{self.low} <= {self.likely} <= {self.high} does not hold")
        return self

    @classmethod
    def exactly(cls, value: float | Fraction) -> Span:
        """A number that is known."""
        return cls(low=float(value), high=float(value), likely=float(value))

    @classmethod
    def within(cls, low: float, high: float, likely: float | None = None) -> Span:
        """A number between two ends; the likely figure defaults to the middle."""
        return cls(low=low, high=high, likely=(low + high) / 2 if likely is None else likely)

    @property
    def exact(self) -> bool:
        """Whether the number is known."""
        return self.low == self.high

    def scaled(self, factor: float) -> Span:
        """The same range, times a positive factor."""
        return Span(low=self.low * factor, high=self.high * factor, likely=self.likely * factor)

    def __str__(self) -> str:
        return f"{self.low:g}" if self.exact else f"{self.low:g} to {self.high:g}"


class Facts(BaseModel, frozen=True):
    """Facts of one file. None is not known.

    Attributes:
        kind: What it is.
        width_px, height_px: Picture or frame size as displayed.
        ratio: Width over height, when it is known better than the size.
        duration_s: Length of the video stream, or of the audio.
        frame_rate: Frames per second.
        has_audio: Whether a video has sound.
        has_alpha: Whether a picture has transparency.
        sample_rate_hz, channels: Of audio.
        size_bytes: Length of the file.
        media_type: MIME type.
        codec: FFmpeg's name of the video or audio codec.
        frames: Frames of a picture; more than 1 for an animation.
    """

    kind: MediaKind
    width_px: Span | None = None
    height_px: Span | None = None
    ratio: Span | None = None
    duration_s: Span | None = None
    frame_rate: Span | None = None
    has_audio: bool | None = None
    has_alpha: bool | None = None
    sample_rate_hz: Span | None = None
    channels: Span | None = None
    size_bytes: Span | None = None
    media_type: str | None = None
    codec: str | None = None
    frames: Span | None = None

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels, when both are exact."""
        if self.width_px and self.height_px and self.width_px.exact and self.height_px.exact:
            return int(self.width_px.low), int(self.height_px.low)
        return None

    @property
    def pixels(self) -> Span | None:
        """Width times height."""
        w, h = self.width_px, self.height_px
        return Span(low=w.low * h.low, high=w.high * h.high, likely=w.likely * h.likely) if w and h else None

    @property
    def aspect(self) -> Span | None:
        """Width over height: `ratio`, else from the size."""
        w, h = self.width_px, self.height_px
        if self.ratio or not (w and h):
            return self.ratio
        return Span(low=w.low / h.high, high=w.high / h.low, likely=w.likely / h.likely)


def _media_facts(media: AnyMedia) -> dict[str, Span | bool | str | None]:
    if isinstance(media, Image):
        return {"has_alpha": media.has_alpha, "frames": Span.exactly(media.frames)}
    if isinstance(media, Audio):
        return {
            "sample_rate_hz": Span.exactly(media.sample_rate_hz),
            "channels": Span.exactly(media.channels),
            "codec": media.codec,
        }
    return {"frame_rate": Span.exactly(media.frame_rate), "has_audio": media.has_audio, "codec": media.codec}


def facts_of(media: AnyMedia) -> Facts:
    """Return the facts of real media, all exact; the size of a video that is not encoded yet is not known."""
    found: dict[str, Span | bool | str | None] = _media_facts(media)
    if not isinstance(media, Audio):
        found |= {"width_px": Span.exactly(media.width_px), "height_px": Span.exactly(media.height_px)}
    if not isinstance(media, Image):
        found["duration_s"] = Span.exactly(media.duration_s)
    found["media_type"] = media.media_type
    if media.is_rendered:
        found["size_bytes"] = Span.exactly(media.size_bytes)
    return Facts.model_validate({"kind": media.kind, **found})
