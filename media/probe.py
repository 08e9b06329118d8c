"""What a media file holds, whatever its name: the facts that a media value carries."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..errors import DecodeError, ProbeError, UnsupportedMediaError
from .images.limits import check_size
from .images.opening import Picture, decode_fully, picture_facts
from .sniff import describe, not_a_file, sniff
from .streams import AudioStream, Container, VideoStream

__all__ = ["Kind", "Probed", "media_type_of", "probe"]

Kind = Literal["image", "video", "audio"]

SOUND_TYPES = {
    "video/mp4": "audio/mp4",
    "video/quicktime": "audio/mp4",
    "video/webm": "audio/webm",
    "video/x-matroska": "audio/x-matroska",
}
"""Types of containers that turn out to hold sound only."""


@dataclass(frozen=True)
class Probed:
    """What a file holds.

    Attributes:
        kind: Which media value it makes.
        media_type: MIME type of the content.
        fields: That value's own fields (`width_px`, `duration_s`, ...).
        picture: The decoded picture, where there is one and it was decoded.
    """

    kind: Kind
    media_type: str
    fields: dict[str, Any]
    picture: Picture | None = field(default=None, repr=False, compare=False)


def probe(path: Path, *, decode: bool = True) -> Probed:
    """Find out what a file holds, within the limits of the settings.

    Args:
        path: Any local file. It is not trusted.
        decode: Also decode a picture, to see that it is whole. Sound and video are read packet by packet in any case.

    Raises:
        ProbeError: Missing, empty, or not readable as what it seems to be.
        UnsupportedMediaError: Something else than media, or media that is not handled.
        MediaLimitError: Over a limit (bytes, pixels, frames, streams, duration).
        DecodeError: Truncated or damaged.
    """
    media_type = media_type_of(path)
    return _picture(path, decode) if media_type.startswith("image/") else _streams(path, media_type)


def media_type_of(path: Path) -> str:
    """Return the media type of a file from its content; see `sniff` for what it cannot tell.

    Raises:
        ProbeError: Missing or empty.
        UnsupportedMediaError: Something else than media, or media that is not handled.
        MediaLimitError: Over the limit of bytes.
    """
    if problem := not_a_file(path):
        raise ProbeError(f"Cannot read '{path}': {problem}.")
    if path.stat().st_size == 0:
        raise ProbeError(f"Cannot use '{path.name}': the file is empty.")
    check_size(path)
    media_type = sniff(path)
    if media_type is None:
        raise UnsupportedMediaError(
            f"Cannot use '{path.name}': it is {describe(path)}. Allowed: pictures (png jpeg webp avif gif tiff bmp), "
            "video (mp4 mov webm mkv) and sound (wav mp3 m4a aac flac ogg opus)."
        )
    return media_type


def _picture(path: Path, decode: bool) -> Probed:
    facts, picture = decode_fully(path) if decode else (picture_facts(path), None)
    fields = {
        "width_px": facts.width_px,
        "height_px": facts.height_px,
        "has_alpha": facts.has_alpha,
        "frames": facts.frames,
    }
    return Probed("image", facts.media_type, fields, picture)


def _streams(path: Path, media_type: str) -> Probed:
    from .container import scan

    container = scan(path)
    if container.is_truncated:
        raise DecodeError(f"Cannot use '{path.name}': it is truncated; its header promises more than there is.")
    if container.picture:
        kind = {"audio/mp4": "video/mp4"}.get(media_type, media_type)
        if not kind.startswith("video/"):
            raise UnsupportedMediaError(f"Cannot use '{path.name}': it is {media_type} and yet holds a moving picture.")
        return Probed("video", kind, _video(path, container.picture, container))
    if container.sound:
        return Probed("audio", SOUND_TYPES.get(media_type, media_type), _audio(path, container.sound))
    raise UnsupportedMediaError(f"Cannot use '{path.name}': it holds neither video nor audio.")


def _video(path: Path, stream: VideoStream, container: Container) -> dict[str, Any]:
    if stream.duration_s <= 0 or stream.frame_rate <= 0:
        raise DecodeError(f"Cannot use '{path.name}': its video has no duration ({stream.frames} frames).")
    width, height = stream.display_size
    return {
        "width_px": width,
        "height_px": height,
        "duration_s": stream.duration_s,
        "frame_rate": stream.frame_rate,
        "codec": stream.codec,
        "pixel_format": stream.pixel_format,
        "audio_codec": container.sound.codec if container.sound else None,
        "audio_duration_s": container.sound.duration_s if container.sound else None,
    }


def _audio(path: Path, stream: AudioStream) -> dict[str, Any]:
    if stream.duration_s <= 0 or stream.sample_rate_hz <= 0 or stream.channels < 1:
        raise DecodeError(
            f"Cannot use '{path.name}': its sound has {stream.duration_s} s at {stream.sample_rate_hz} Hz with "
            f"{stream.channels} channels."
        )
    return {
        "duration_s": stream.duration_s,
        "sample_rate_hz": stream.sample_rate_hz,
        "channels": stream.channels,
        "codec": stream.codec,
    }
