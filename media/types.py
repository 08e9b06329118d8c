"""Media values: immutable references (digest, size, facts) to bytes in the store.

A value is small, frozen and JSON-serialisable; bytes never travel between tasks. Two values are equal when they refer
to the same bytes.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
)

from .store import Store

__all__ = ["Audio", "Image", "Made", "Media", "Origin", "Part", "Video", "Word", "suffix_of"]

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Made = Literal["model", "procedure", "composite"]
"""How media came about: from a generative model, from a procedure without one, or put together with such parts."""

SUFFIXES = {
    "image/png": ".png",
    "image/jpeg": ".jpg",
    "image/webp": ".webp",
    "image/avif": ".avif",
    "image/gif": ".gif",
    "image/tiff": ".tiff",
    "image/bmp": ".bmp",
    "video/mp4": ".mp4",
    "video/webm": ".webm",
    "video/quicktime": ".mov",
    "video/x-matroska": ".mkv",
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/mp4": ".m4a",
    "audio/aac": ".aac",
    "audio/flac": ".flac",
    "audio/ogg": ".ogg",
    "audio/webm": ".weba",
    "audio/x-matroska": ".mka",
}


def suffix_of(media_type: str) -> str:
    """Return the file suffix (with its dot) for a MIME type that the store accepts."""
    return SUFFIXES[media_type]


class Word(BaseModel):
    """One spoken word, in seconds from the start of its audio."""

    model_config = ConfigDict(frozen=True)

    text: str
    start_s: float = Field(ge=0)
    end_s: float = Field(ge=0)


class Part(BaseModel):
    """Something that went into other media: what a call made, or what was brought in.

    Attributes:
        digest, media_type: Of its file.
        made_by: As in `Origin`; likewise `call_key`.
        made: How it came about, when known.
        role: `component` when it was put into the result by local operations, `input` when a model was given it.
    """

    model_config = ConfigDict(frozen=True)

    digest: Digest
    media_type: str
    made_by: str = "unknown"
    call_key: str | None = None
    made: Made | None = None
    role: Literal["component", "input"] = "component"

    def path(self) -> Path:
        """Return a local file with the bytes; as `Media.path`."""
        return Store.current().locate(self.digest, suffix_of(self.media_type))


class Origin(BaseModel):
    """How a media value came to be. A record, not part of its identity.

    Attributes:
        made_by: Card id of the model, or name of the local operation, or `import`.
        call_key: Key of the call in the ledger, for generated media.
        cost_usd: What it cost, when known; None is unknown, never free.
        seconds: Wall time from request to result.
        degraded_from: One line for each better choice that failed, with the reason.
        notes: Anything else that was done to it without being asked for by name (conversions, duplicates).
        made_from: What went into it, back to what calls made and what was brought in.
        lost_credentials: One line for each input whose content credentials its file does not carry on.
        signed: Whether it was signed here: its content credentials tell what it was made from.
    """

    model_config = ConfigDict(frozen=True)

    made_by: str
    call_key: str | None = None
    cost_usd: Decimal | None = None
    seconds: float | None = None
    degraded_from: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    made_from: tuple[Part, ...] = ()
    lost_credentials: tuple[str, ...] = ()
    signed: bool = False


class Media(BaseModel):
    """Base of `Image`, `Video` and `Audio`.

    Attributes:
        digest: SHA-256 of the bytes, in hex.
        size_bytes: Length of the file.
        media_type: MIME type found in the content, for example `image/png`.
        origin: How it came to be, when known.
    """

    model_config = ConfigDict(frozen=True)

    digest: Digest
    size_bytes: int = Field(gt=0)
    media_type: str
    origin: Origin | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Media):
            return False
        is_alike = isinstance(self, type(other)) or isinstance(other, type(self))
        return is_alike and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @model_serializer(mode="wrap")
    def _whole(self, handler: SerializerFunctionWrapHandler):  # no return type: it would take the schema's place
        return handler(self.rendered())

    @property
    def identity(self) -> str:
        """What stands for its content in keys: the digest, or for what is not encoded yet how it is made."""
        return self.digest

    @property
    def is_rendered(self) -> bool:
        """Whether its bytes are in the store, or were; False for a video that is encoded when it is first asked for."""
        return True

    def rendered(self) -> Media:
        """Return the value with its bytes: itself, or what a video that is not encoded yet becomes.

        Raises:
            MediaError: It cannot be encoded.
        """
        return self

    @property
    def suffix(self) -> str:
        """File suffix with its dot, from the media type."""
        return suffix_of(self.media_type)

    @property
    def made(self) -> Origin:
        """`origin`, or an empty record."""
        return self.origin or Origin(made_by="unknown")

    def exists(self) -> bool:
        """Return whether the store still holds the bytes."""
        return Store.current().exists(self.digest, self.suffix)

    def path(self) -> Path:
        """Return a local file with the bytes. Do not write to it.

        Raises:
            MediaMissingError: The store does not hold them any more.
        """
        return Store.current().locate(self.digest, self.suffix)

    def read(self) -> bytes:
        """Return the bytes, after checking them against the digest.

        Raises:
            MediaMissingError: The store does not hold them any more.
            MediaCorruptError: They no longer match the digest.
        """
        return Store.current().read(self.digest, self.suffix)

    def save(self, path: str | Path) -> Path:
        """Copy the bytes to `path` (atomically; a folder gets `<digest>.<suffix>`), and return where they are.

        Raises:
            MediaMissingError, MediaCorruptError: As for `read`.
        """
        target = Path(path).expanduser()
        if target.is_dir():
            target = target / f"{self.digest[:16]}{self.suffix}"
        return Store.current().copy_out(self.digest, self.suffix, target)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        from .display import mimebundle

        return mimebundle(self)


class Image(Media):
    """A picture.

    Attributes:
        width_px, height_px: Size as displayed (EXIF orientation applied).
        has_alpha: Whether any transparency channel is present.
        frames: More than 1 for an animation.
    """

    kind: Literal["image"] = "image"
    width_px: int = Field(ge=1)
    height_px: int = Field(ge=1)
    has_alpha: bool = False
    frames: int = Field(1, ge=1)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.width_px, self.height_px


class Video(Media):
    """A moving picture, with or without sound.

    Attributes:
        width_px, height_px: Frame size as displayed (rotation and sample aspect ratio applied).
        duration_s: Length of the video stream, from its packets.
        frame_rate: Average frame rate, exact.
        codec: Video codec, FFmpeg's name (`h264`).
        pixel_format: FFmpeg's name (`yuv420p`).
        audio_codec: Codec of the first audio stream, None without sound.
        audio_duration_s: Length of that stream.
    """

    kind: Literal["video"] = "video"
    width_px: int = Field(ge=1)
    height_px: int = Field(ge=1)
    duration_s: float = Field(gt=0)
    frame_rate: Fraction
    codec: str
    pixel_format: str
    audio_codec: str | None = None
    audio_duration_s: float | None = None

    @property
    def has_audio(self) -> bool:
        """Whether it has a sound stream."""
        return self.audio_codec is not None

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.width_px, self.height_px


class Audio(Media):
    """Sound.

    Attributes:
        duration_s: Length from the packets.
        sample_rate_hz: Samples per second.
        channels: Number of channels.
        codec: FFmpeg's name (`pcm_s16le`).
        words: Timings of spoken words, when the synthesiser gave them.
    """

    kind: Literal["audio"] = "audio"
    duration_s: float = Field(gt=0)
    sample_rate_hz: int = Field(gt=0)
    channels: int = Field(ge=1)
    codec: str
    words: tuple[Word, ...] = ()


AnyMedia = Annotated[Image | Video | Audio, Field(discriminator="kind")]
