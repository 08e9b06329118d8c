"""Any local operation by name, as a task: what planned conversions run."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

from ..media.operation import OPERATIONS, Operation
from ..media.types import Audio, Image, Media, Video
from ._keys import key_of
from ._operate import operate
from ._task import media_task
from ._words import cut_words

__all__ = ["convert", "operation_named"]

HOMES = {
    "convert_audio": "sounds.edit",
    "trim_audio": "sounds.edit",
    "convert_image": "images.fit",
    "fit_image": "images.fit",
    "flatten": "images.fit",
    "upscale_image": "images.fit",
    "fit_video": "videos.edit",
    "trim_video": "videos.timing",
    "resample_video": "videos.timing",
    "transcode": "videos.transcode",
    "remove_audio": "videos.tracks",
}
"""Module of each operation that conversions use."""


def operation_named(name: str) -> Operation[Any, Any]:
    """Return a local operation."""
    if name not in OPERATIONS:
        import_module(f"..media.{HOMES[name]}", __package__)
    return OPERATIONS[name]


def _key(parameters: dict[str, Any]) -> str | None:
    operation = operation_named(parameters["operation"])
    return key_of(operation, words=True)({name: value for name, value in parameters.items() if name != "operation"})


def _kind(suffix: str, media: Media) -> type[Media]:
    if suffix in (".png", ".jpg", ".webp", ".avif", ".gif", ".tiff"):
        return Video if suffix == ".gif" and isinstance(media, Video) else Image
    return Video if suffix in (".mp4", ".mov", ".mkv", ".webm") else Audio


@media_task(key=_key)
async def convert(media: Media, operation: str, parameters: dict[str, Any], suffix: str) -> Media:
    """Run one planned conversion.

    Args:
        media: What to convert.
        operation: Name of the local operation.
        parameters: Of that operation.
        suffix: Of the file that it writes, with its dot.

    Raises:
        MediaError, ParameterError: As the operation raises them.
    """
    words = media.words if isinstance(media, Audio) else ()
    if words and operation == "trim_audio":
        start, seconds = parameters.get("start_s", 0.0), parameters.get("seconds")
        words = cut_words(words, start, parameters.get("end_s", math.inf) if seconds is None else start + seconds)
    return await operate(operation_named(operation), [media], _kind(suffix, media), suffix, words, **parameters)
