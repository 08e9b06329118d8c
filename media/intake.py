"""The one door into the store: a file is sniffed, held against the limits, probed, and only then stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..errors import ParameterError, ProbeError, UnsupportedMediaError
from .probe import Probed, probe
from .store import Store
from .types import Audio, Image, Origin, Video, Word, suffix_of

__all__ = ["admit", "admit_bytes", "take_in"]

VALUES: dict[str, type[Image | Video | Audio]] = {"image": Image, "video": Video, "audio": Audio}
ARTICLES = {"image": "an image", "video": "a video", "audio": "an audio file"}


def admit(
    path: Path, *, kind: str | None = None, origin: Origin | None = None, words: tuple[Word, ...] = ()
) -> Image | Video | Audio:
    """Take a local file into the store and return the value that refers to it.

    Args:
        path: Any file, from anywhere. Its name is not believed.
        kind: `image`, `video` or `audio` when only that will do.
        origin: How it came to be.
        words: Word timings of a recording.

    Raises:
        ProbeError: Missing, empty, not readable, or changed while it was read.
        UnsupportedMediaError: Not media that is handled, or not of that kind.
        MediaLimitError: Over a limit of the settings.
        DecodeError: Truncated or damaged.
        ParameterError: `kind` is unknown, or `words` came with something that is not audio.
    """
    return take_in(path, kind=kind, origin=origin, words=words)[0]


def take_in(
    path: Path, *, kind: str | None = None, origin: Origin | None = None, words: tuple[Word, ...] = ()
) -> tuple[Image | Video | Audio, Probed]:
    """Do what `admit` does, and return what was seen on the way too: who looks closer need not decode again."""
    if kind is not None and kind not in VALUES:
        raise ParameterError(f"kind={kind!r} is unknown. Known: {', '.join(VALUES)}.")
    before = _stamp(path)
    probed = probe(path)
    _check_kind(path, probed, kind)
    if words and probed.kind != "audio":
        raise ParameterError(f"Word timings were given for '{path.name}', which is {ARTICLES[probed.kind]}.")
    digest, size = Store.current().put(path, suffix_of(probed.media_type))
    if _stamp(path) != before:
        raise ProbeError(f"Cannot use '{path.name}': it changed while it was read. Wait until it is complete.")
    facts: dict[str, Any] = probed.fields | ({"words": words} if words else {})
    value = VALUES[probed.kind](digest=digest, size_bytes=size, media_type=probed.media_type, origin=origin, **facts)
    return value, probed


def admit_bytes(
    data: bytes, *, kind: str | None = None, origin: Origin | None = None, words: tuple[Word, ...] = ()
) -> Image | Video | Audio:
    """Take bytes into the store; everything else as for `admit`."""
    with Store.current().scratch() as folder:
        path = folder / "bytes"
        path.write_bytes(data)
        return admit(path, kind=kind, origin=origin, words=words)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except (OSError, ValueError):  # ValueError: a name with a NUL
        return None
    return facts.st_size, facts.st_mtime_ns


def _check_kind(path: Path, probed: Probed, kind: str | None) -> None:
    if kind is not None and probed.kind != kind:
        raise UnsupportedMediaError(
            f"Cannot use '{path.name}' as {ARTICLES[kind]}: it is {ARTICLES[probed.kind]} ({probed.media_type})."
        )
