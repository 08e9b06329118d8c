"""Chains of operations on a video: put off until the bytes are needed, and then done in one decode and one encode."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..media.operation import Operation
from ..media.types import Audio, Video
from ..media.videos.deferred import Deferred, deferred
from ..media.videos.edit import edit_video
from ..media.videos.fusing import steps_of
from ..media.videos.merge import encodes_picture
from ..settings import get_settings
from ._loop import in_worker
from ._operate import operate
from ._steps import FILES
from ._whole import whole

__all__ = ["STEPS", "edit", "opened", "told"]

STEPS = (
    "trim", "fit_video", "reframe_video", "change_speed", "fade_video", "resample_video", "remove_audio", "caption", "edit_video",
)  # fmt: skip
"""Tasks that may put their work off."""


async def edit(operation: Operation[Any, Any], video: Video, suffix: str = ".mp4", /, **parameters: Any) -> Video:
    """Do an operation that has a step, in one encode with those before it and those that follow.

    Args:
        operation: Of those that `fusing` knows.
        video: What it is done to.
        suffix: Of the file that it writes by itself, with its dot.
        parameters: Of the operation.

    Returns:
        A video that is encoded when its bytes are first asked for; one that is there already, where nothing has to be
        encoded, where it is written to another container, or where the user's own files are part of it, which may change.

    Raises:
        ParameterError, MediaError: As the operation raises them.
    """
    given = operation.taken(parameters)
    video = await _usable(video)
    source, before = (video.source, video.steps) if isinstance(video, Deferred) else (video, ())
    steps = [*before, *_plain(steps_of(operation.name, given))]
    if get_settings().fuse and suffix == ".mp4" and _is_plain(steps):
        later = await in_worker(deferred, source, steps, operation.name)
        if later is not None:
            return later
    if before:
        return await operate(edit_video, [source], Video, suffix, steps=steps)
    return await operate(operation, [video], Video, suffix, **parameters)


async def opened(
    video: Video, voice: Audio | None, steps: Sequence[Mapping[str, Any]], **parameters: Any
) -> tuple[Video, Sequence[Mapping[str, Any]]]:
    """Return what a merge takes as its video, and the steps of a video that is put off that it does itself.

    It does them where it has to encode the picture anyway; a picture that it can copy is encoded by itself, so that merges of
    one video with several voices encode it once.

    Args:
        video: Of the merge.
        voice: Likewise.
        steps: The merge's own.
        parameters: Of the merge; what its length and rate depend on.
    """
    video = await _usable(video)
    if not isinstance(video, Deferred):
        return video, ()
    if steps or await in_worker(
        encodes_picture, video.source.path(), None if voice is None else voice.path(), steps=video.steps, **parameters
    ):
        return video.source, video.steps
    return await whole(video), ()


async def _usable(video: Video) -> Video:
    """Return a video that is put off as what it became, where what it is made of is gone."""
    return await whole(video) if isinstance(video, Deferred) and not video.source.exists() else video


def told(made: Video, before: Sequence[Mapping[str, Any]]) -> Video:
    """Return a video whose record tells the steps that were done in the same encode."""
    if not before:
        return made
    done = f"{', '.join(str(step['do']) for step in before)}: in the same encode"
    return made.model_copy(update={"origin": made.made.model_copy(update={"notes": (done, *made.made.notes)})})


def _plain(value: Any) -> Any:
    """Return steps as JSON values, but for files."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items() if item is not None}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _is_plain(steps: Sequence[Mapping[str, Any]]) -> bool:
    """Whether steps can be kept and mean the same later: JSON values, no files."""
    if any(step.get(name) is not None for step in steps for name in FILES):
        return False
    try:
        json.dumps(steps)
    except TypeError:
        return False
    return True
