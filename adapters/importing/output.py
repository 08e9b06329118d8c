"""What a model returns, as far as its published answer, its examples and its inputs tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .._results import urls
from ..card import FORMATS
from .names import FORMAT, words_in
from .published import Published
from .schema import Field

__all__ = ["Shape", "format_of", "own_kind", "shape_of"]

KINDS = ("video", "image", "audio")
HINTS: dict[str, frozenset[str]] = {
    "video": frozenset({"video", "videos", "videogen", "animation", "animate", "film", "lipsync", "i2v", "t2v"}),
    "audio": frozenset(
        {"speech", "tts", "voice", "voices", "music", "song", "songs", "audio", "sound", "sounds", "sfx", "musicgen"}
    ),
    "image": frozenset(
        {"image", "images", "picture", "pictures", "photo", "photos", "illustration", "upscale", "upscaler"}
    ),
}
VIDEO_FIELDS = frozenset({"fps", "frames_per_second", "num_frames", "video_length", "camera_fixed", "motion_bucket_id"})
AUDIO_FIELDS = frozenset({"voice", "voice_id", "speaker", "lyrics", "sample_rate"})
PICTURE_FIELDS = frozenset({"aspect_ratio", "width", "height", "image_size", "resolution", "size"})


@dataclass(frozen=True)
class Shape:
    """What comes back.

    Attributes:
        kind: `image`, `video`, `audio`, `text`; empty when nothing tells.
        field: Where it is in the answer; empty for all of it.
        format: Value of `FORMATS` that the examples have.
        how: What told the kind, when that was a guess.
    """

    kind: str = ""
    field: str = ""
    format: str = ""
    how: str = ""


def format_of(word: Any) -> str:
    """Return a file format by our name (`.jpg` and `JPG` are `jpeg`); empty for what is none of ours."""
    name = str(word).lower().lstrip(".")
    name = {"jpg": "jpeg", "ogg": "opus"}.get(name, name)
    return name if name in FORMATS else ""


def _format_at(url: str) -> str:
    found = re.search(r"\.([A-Za-z0-9]{2,5})$", urlsplit(url).path)
    return format_of(found[1]) if found else ""


def shape_of(published: Published, fields: tuple[Field, ...], category_kind: str = "") -> Shape:
    """Return what a model returns."""
    files = _files(published, category_kind)
    if files is None:
        return Shape("text", how="")
    field, kind, examples = files
    formats = [name for url in (*published.examples, *examples) if (name := _format_at(url))]
    formats = [name for name in formats if not kind or FORMATS[name].startswith(kind)]
    if not kind and formats:
        kind = FORMATS[formats[0]].partition("/")[0]
    how = ""
    if not kind:
        kind, how = _by_inputs(published, fields)
    return Shape(kind, field, formats[0] if formats and FORMATS[formats[0]].startswith(kind) else "", how)


def _files(published: Published, wanted: str) -> tuple[str, str, list[str]] | None:
    """Return field, kind and examples of the file in an answer; None when it is text."""
    document, node = published.document, published.document.flat(published.output)
    if not node:
        return "", "", []
    inner = document.flat(node.get("items")) if node.get("type") == "array" else node
    if inner.get("type") == "string":
        return ("", "", []) if inner.get("format") == "uri" else None
    found: list[tuple[str, str, list[str]]] = []
    for name, value in document.properties(inner).items():
        item = document.flat(value.get("items")) if value.get("type") == "array" else value
        if _is_file(item):
            found.append((name, own_kind(name) or own_kind(str(item.get("title") or "")), _examples(value)))
    if not found:
        return None
    named = [one for one in found if one[1] == wanted] or [one for one in found if one[1]] or found
    return named[0]


def _is_file(node: dict[str, Any]) -> bool:
    properties = node.get("properties")
    return (isinstance(properties, dict) and "url" in properties) or node.get("format") == "uri"


def _examples(node: dict[str, Any]) -> list[str]:
    """Return the addresses among a property's examples."""
    return [file.url for file in list(urls(node.get("examples")))[:8]]


def own_kind(name: str) -> str:
    """Return the kind of file that a name speaks of."""
    lowered = name.lower()
    return next((kind for kind in KINDS if kind in lowered), "")


def _by_inputs(published: Published, fields: tuple[Field, ...]) -> tuple[str, str]:
    """Guess the kind from what the model takes, and from what is said of it."""
    names = {field.name for field in fields}
    for field in fields:
        if field.name in FORMAT:
            kinds = {FORMATS[name].partition("/")[0] for value in field.choices if (name := format_of(value))}
            if len(kinds) == 1:
                return kinds.pop(), f"the choices of {field.name}"
    for kind, telling in (("video", VIDEO_FIELDS), ("audio", AUDIO_FIELDS)):
        if known := sorted(names & telling):
            return kind, f"its input {known[0]!r}"
    for text, where in ((published.endpoint, "its name"), (published.description, "its description")):
        words = words_in(text)
        for kind, hints in HINTS.items():
            if known := sorted(words & hints):
                return kind, f"the word {known[0]!r} in {where}"
    if "duration" in names:
        return ("video" if names & PICTURE_FIELDS else "audio"), "its input 'duration'"
    if known := sorted(names & PICTURE_FIELDS):
        return "image", f"its input {known[0]!r}"
    return "", ""
