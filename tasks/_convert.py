"""Run planned conversions as task runs that one sees: input media before a call, its result after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..adapters.resolve import Finish
from ..media.planning.conversions import Step
from ..media.types import Audio, Image, Media, Video

__all__ = ["apply_steps", "finish"]


async def apply_steps(media: Media, steps: Sequence[Step]) -> Media:
    """Run a planned conversion, one task run for each step."""
    from .local import convert

    for step in steps:
        media = await convert(media, step.operation, dict(step.parameters), step.suffix)
    return media


async def finish(result: Any, planned: Sequence[Finish]) -> Any:
    """Bring a call's result to what was asked for, where the model only offers steps."""
    from .local import convert

    for item in planned:
        if isinstance(result, Media):
            operation, parameters, suffix = _operation(result, item)
            result = await convert(result, operation, parameters, suffix)
    return result


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
