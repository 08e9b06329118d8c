"""A chain of steps written as mappings: checked, then taken by a video on its way through one graph."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from ...errors import ParameterError
from ..arguments import Argument
from ..container import Container
from .opening import open_reel, parse_rate
from .reel import Reel
from .steps import STEPS, mute, resample, span_of, trim

__all__ = ["Prepared", "check_mappings", "open_through", "prepare"]

Prepared = tuple[Callable[..., Reel], dict[str, Any]]
"""A step's function and its parameters."""


def open_through(
    path: Path, found: Container, steps: Sequence[Prepared], *, fps: Fraction | None = None, keep_sound: bool = True
) -> Reel:
    """Open a video and take it through steps.

    Args:
        path: The video.
        found: Its facts.
        steps: From `prepare`.
        fps: Frame rate to open it at; by default its own, or that of a first step that asks for one.
        keep_sound: Whether to open its sound.

    Raises:
        ParameterError: A value is not possible for this video.
        MediaError: It cannot be used.
    """
    left = list(steps)
    if left and left[0][0] is mute:  # a sound that is not heard does not make the picture longer
        keep_sound = False
    if fps is None and left and left[0][0] is resample:
        # The length in these frames is the file's, not that of the old ones.
        fps = parse_rate(**left.pop(0)[1])
    reel = open_reel(path, found=found, fps=fps, keep_sound=keep_sound)
    if left and left[0][0] is trim:  # what lies before it need not be decoded
        begin, end = span_of(reel, **left.pop(0)[1])
        sought = open_reel(path, found=found, fps=fps, keep_sound=keep_sound, from_s=float(begin / reel.rate))
        reel = sought.cut(0, end - begin)
    for do, parameters in left:
        reel = do(reel, **parameters)
    return reel


def prepare(steps: Sequence[Mapping[str, Any]]) -> list[tuple[Callable[..., Reel], dict[str, Any]]]:
    """Return the functions and parameters of steps written as mappings with `do`.

    Raises:
        ParameterError: A step or one of its parameters is unknown.
    """
    check_mappings(steps, "steps", {"do": "trim", "end_s": 5})
    return [_prepared(number, step) for number, step in enumerate(steps, 1)]


def check_mappings(values: Any, name: str, example: Mapping[str, Any]) -> None:
    """Refuse what is not a list of mappings.

    Raises:
        ParameterError: It is something else.
    """
    if isinstance(values, str | Mapping) or not isinstance(values, Sequence):
        raise ParameterError(f"{name}={values!r:.80} is not a list. Write it as [{example}].")
    for number, value in enumerate(values):
        if not isinstance(value, Mapping):
            raise ParameterError(f"{name}[{number}]={value!r:.80} is not a mapping. Write it as {example}.")


def _prepared(number: int, step: Mapping[str, Any]) -> tuple[Callable[..., Reel], dict[str, Any]]:
    parameters = dict(step)
    name = parameters.pop("do", None)
    do = STEPS.get(str(name))
    if do is None:
        raise ParameterError(f"Step {number} does {name!r}. Known: {', '.join(STEPS)}.")
    known = _arguments(do)
    if unknown := [each for each in parameters if each not in known]:
        raise ParameterError(
            f"Step {number} ({name}) has no parameter {unknown[0]!r}. Known: {', '.join(known) or 'none'}."
        )
    for each, needed in inspect.signature(do).parameters.items():
        if each in known and each not in parameters and needed.default is needed.empty:
            raise ParameterError(f"Step {number} ({name}) needs {each!r}. Known: {', '.join(known)}.")
    try:
        return do, {each: known[each].taken(value) for each, value in parameters.items()}
    except ParameterError as exc:
        raise ParameterError(f"Step {number} ({name}): {exc}") from None


@cache
def _arguments(do: Callable[..., Reel]) -> dict[str, Argument]:
    hints = get_type_hints(do)
    return {name: Argument(name, hints[name]) for name in list(inspect.signature(do).parameters)[1:]}
