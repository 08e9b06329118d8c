"""Which file a local operation writes: the format that is asked for, else the one of its input."""

from __future__ import annotations

from ..errors import ParameterError
from ..media.types import Audio, Image, Video

__all__ = ["audio_suffix", "chosen_image", "image_suffix", "sound_suffix"]

IMAGES = {
    "png": ".png", "jpeg": ".jpg", "jpg": ".jpg", "webp": ".webp", "avif": ".avif", "gif": ".gif", "tiff": ".tiff", "bmp": ".bmp",
}  # fmt: skip
SOUNDS = {
    "wav": ".wav", "flac": ".flac", "mp3": ".mp3", "m4a": ".m4a", "aac": ".aac", "ogg": ".ogg", "opus": ".ogg", "weba": ".weba",
}  # fmt: skip
UNDECODED = {"mp3": ".mp3", "opus": ".ogg", "vorbis": ".ogg", "flac": ".flac", "pcm_s16le": ".wav", "pcm_s24le": ".wav"}
"""File that takes the sound of a video as it is. AAC and what no file here takes goes into .m4a."""


def _chosen(known: dict[str, str], name: str) -> str:
    if name not in known:
        raise ParameterError(f"format={name!r} is unknown. Known: {', '.join(known)}.")
    return known[name]


def chosen_image(format: str) -> str:
    """Return the suffix of a picture format."""
    return _chosen(IMAGES, format)


def image_suffix(media: Image, format: str | None) -> str:
    """Return the suffix of a picture made of a picture."""
    return _chosen(IMAGES, format) if format else media.suffix


def audio_suffix(media: Audio, format: str | None) -> str:
    """Return the suffix of a sound made of a sound.

    Raw AAC goes into .m4a: it cannot say how much of its start is the encoder's own, and would be later each time.
    """
    if format:
        return _chosen(SOUNDS, format)
    return media.suffix if media.suffix in SOUNDS.values() and media.suffix != ".aac" else ".m4a"


def sound_suffix(media: Audio | Video, format: str | None) -> str:
    """Return the suffix of a sound made of a sound, or of that of a video."""
    if isinstance(media, Audio):
        return audio_suffix(media, format)
    return _chosen(SOUNDS, format) if format else UNDECODED.get(media.audio_codec or "", ".m4a")
