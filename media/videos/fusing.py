"""Do several operations on one video in one decode and one encode, where their results allow it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from ..captions.captioning import caption
from ..operation import Operation
from .edit import change_speed, fade_video, fit_video, reframe_video
from .steps import STEPS
from .timing import resample_video, trim_video
from .tracks import remove_audio

__all__ = ["Call", "fuse", "steps_of", "version_of_steps"]

Call = tuple[str, Mapping[str, Any]]
"""Name and parameters of an operation that takes one video and gives one."""

SAME: tuple[tuple[Operation[Any, Any], str], ...] = (
    (trim_video, "trim"),
    (fit_video, "fit"),
    (reframe_video, "reframe"),
    (change_speed, "speed"),
    (fade_video, "fade"),
    (remove_audio, "mute"),
    (resample_video, "frame_rate"),
    (caption, "caption"),
)
"""Operations, each with the step of `edit_video` that does the same."""
FUSED = {operation.name: step for operation, step in SAME}
COPYING = ("trim_video", "remove_audio")
"""Operations that alone may leave the picture undecoded."""


def fuse(calls: Sequence[Call]) -> list[Call]:
    """Return fewer calls with the same result, each run of fusable ones as one `edit_video` or into a following `merge`.

    Runs that may leave the picture undecoded stay as they are: encoding them together would cost more, not less.
    """
    fused: list[Call] = []
    run: list[Call] = []
    for name, parameters in calls:
        if name in FUSED and parameters.get("burn", True):  # a subtitle stream needs no encoding
            run.append((name, parameters))
            continue
        if name == "merge" and _encodes(run):
            fused.append(("merge", {**parameters, "steps": [*_steps(run), *parameters.get("steps", ())]}))
        else:
            fused += [*_together(run), (name, parameters)]
        run = []
    return fused + _together(run)


def _encodes(run: Sequence[Call]) -> bool:
    return any(name not in COPYING for name, _ in run)


def _together(run: Sequence[Call]) -> list[Call]:
    if len(run) < 2 or not _encodes(run):
        return list(run)
    return [("edit_video", {"steps": _steps(run)})]


def _steps(run: Sequence[Call]) -> list[dict[str, Any]]:
    return [step for name, parameters in run for step in steps_of(name, parameters)]


def steps_of(name: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the steps of `edit_video` that do what an operation on one video does.

    Args:
        name: Of an operation that has a step, or `edit_video`.
        parameters: Of the operation.
    """
    if name == "edit_video":
        return list(parameters["steps"])
    values = {key: value for key, value in parameters.items() if key not in ("burn", "language")}
    values = {**_other_defaults(name), **values}
    fps = values.pop("fps", None) if name == "fit_video" else None
    rate = [] if fps is None else [{"do": "frame_rate", "fps": fps}]
    return [*rate, {"do": FUSED[name], **values}] if name != "fit_video" or values else rate


@cache
def _other_defaults(name: str) -> dict[str, Any]:
    """What an operation does where nothing is said, and its step does not."""
    operation = next(operation for operation, _ in SAME if operation.name == name)
    own, other = _defaults(operation.run), _defaults(STEPS[FUSED[name]])
    return {key: value for key, value in own.items() if key in other and value != other[key]}


def _defaults(function: Callable[..., Any]) -> dict[str, Any]:
    return {name: parameter.default for name, parameter in inspect.signature(function).parameters.items()}


def version_of_steps() -> int:
    """Return a number that rises with the version of any operation that has a step."""
    return sum(operation.version for operation, _ in SAME)
