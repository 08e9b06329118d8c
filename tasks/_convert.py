"""Run planned conversions as task runs that one sees: input media before a call, its result after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..adapters.resolve import Finish
from ..media.planning.conversions import Step
from ..media.types import Audio, Image, Media, Video
from ..media.videos.fusing import fuse

__all__ = ["apply_steps", "finish", "finishing", "grouped"]

EDITS = ("trim", "frame_rate", "fit")
"""Changes of a video that one graph makes, in the order that costs least."""


async def apply_steps(media: Media, steps: Sequence[Step]) -> Media:
    """Run a planned conversion, one task run for each step."""
    from .local import convert

    for step in steps:
        media = await convert(media, step.operation, dict(step.parameters), step.suffix)
    return media


async def finish(result: Any, planned: Sequence[Finish]) -> Any:
    """Bring a call's result to what was asked for, where the model only offers steps."""
    from .local import convert

    if isinstance(result, Media):
        for together in grouped(result, planned):
            operation, parameters, suffix = finishing(result, together)
            result = await convert(result, operation, parameters, suffix)
    return result


def grouped(media: Media, planned: Sequence[Finish]) -> list[tuple[Finish, ...]]:
    """Return what is done in one operation: all changes of a video but its format, with one decode and one encode."""
    edits = tuple(item for item in planned if item.operation in EDITS) if isinstance(media, Video) else ()
    rest = [(item,) for item in planned if item not in edits]
    return [tuple(sorted(edits, key=lambda item: EDITS.index(item.operation))), *rest] if edits else rest


def finishing(media: Media, together: tuple[Finish, ...]) -> tuple[str, dict[str, Any], str]:
    """Return operation, parameters and suffix that do what `grouped` put together."""
    calls = [_operation(media, item) for item in together]
    if len(calls) == 1:
        return calls[0]
    ((operation, parameters),) = fuse([(operation, parameters) for operation, parameters, _ in calls])
    return operation, dict(parameters), ".mp4"


def _operation(media: Media, item: Finish) -> tuple[str, dict[str, Any], str]:
    values = dict(item.parameters)
    match item.operation, media:
        case "fit", Image():
            return "fit_image", {"width": values["width"], "height": values["height"]}, media.suffix
        case "fit", Video():
            return "fit_video", {"width": values["width"], "height": values["height"]}, ".mp4"
        case "trim", Video():
            return "trim_video", {"seconds": values["seconds"]}, ".mp4"
        case "trim", Audio():
            return "trim_audio", {"seconds": values["seconds"]}, media.suffix
        case "frame_rate", Video():
            return "resample_video", {"fps": values["fps"]}, ".mp4"
        case "format", Image():
            return "convert_image", {}, _suffix(values["format"])
        case "format", Audio():
            return "convert_audio", {}, _suffix(values["format"])
        case "format", Video():
            return "transcode", {"to": values["format"]}, _suffix(values["format"])
        case _:
            raise AssertionError(f"no local operation for {item}")


def _suffix(name: str) -> str:
    return {"jpeg": ".jpg", "opus": ".ogg"}.get(name, f".{name}")
