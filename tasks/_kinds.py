"""Refuse media of a wrong kind before any work: a task's annotations say what it takes."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, ParamSpec, TypeVar

from ..errors import ParameterError
from ..media.types import Audio, Image, Media, Video

__all__ = ["checked", "refuse_extra"]

P = ParamSpec("P")
R = TypeVar("R")

NAMES: dict[Any, str] = {Image: "image", Video: "video", Audio: "audio"}


def checked(function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Make a task's function refuse what is not media of the kinds that its annotations name.

    The messages are those that a plan gives.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> R:
        bound = signature.bind(*args, **kwargs)
        problems = [
            problem
            for name, (kinds, many) in _declared(function).items()
            for problem in _problems(name, bound.arguments.get(name), kinds, many)
        ]
        if problems:
            raise ParameterError("\n".join(f"{function.__name__}: {problem}" for problem in problems), problems)
        return await function(*args, **kwargs)

    return run


@functools.cache
def _declared(function: Any) -> dict[str, tuple[tuple[type[Media], ...], str]]:
    """Return the kinds of each media parameter, and whether it is `one`, a `list`, or `either`."""
    found: dict[str, tuple[tuple[type[Media], ...], str]] = {}
    for name, hint in typing.get_type_hints(function).items():
        single, listed = _kinds_of(hint)
        if name != "return" and (single or listed):
            kinds = tuple(dict.fromkeys([*single, *listed]))
            found[name] = (kinds, "either" if single and listed else "list" if listed else "one")
    return found


def _kinds_of(hint: Any) -> tuple[list[type[Media]], list[type[Media]]]:
    """Return the kinds that an annotation names, alone and in lists."""
    if isinstance(hint, type) and hint in NAMES:
        return [hint], []
    parts = [_kinds_of(part) for part in typing.get_args(hint)]
    single = [kind for alone, _ in parts for kind in alone]
    listed = [kind for _, many in parts for kind in many]
    if typing.get_origin(hint) in (Sequence, list, tuple):
        return [], [*single, *listed]
    return single, listed


def _problems(name: str, value: Any, kinds: tuple[type[Media], ...], many: str) -> list[str]:
    if value is None:
        return []
    wanted = " or ".join(NAMES[kind] for kind in kinds)
    if isinstance(value, list | tuple) and many == "one":
        return [f"{name}: a list was given, {wanted} is wanted. Give one of its elements."]
    if isinstance(value, Media) and many == "list":
        return [f"{name}: one {_kind(value)} was given, a list of {wanted} is wanted. Put it in brackets."]
    items: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
    problems: list[str] = []
    for item in items:
        if isinstance(item, Media) and not isinstance(item, kinds):
            problems.append(f"{name}: {_kind(item)} was given, {wanted} is wanted.")
        elif not isinstance(item, Media):
            problems.append(
                f"{name}: found {type(item).__name__} {item!r:.60}, {wanted} is wanted. Media comes from a task; bring a "
                "file in with import_media(path)."
            )
    return problems


def _kind(media: Media) -> str:
    return next((name for kind, name in NAMES.items() if isinstance(media, kind)), type(media).__name__.lower())


def refuse_extra(task: str, what: str, instead: str, **given: tuple[Any, Any]) -> None:
    """Refuse parameters that mean nothing for the kind of media that was given.

    Args:
        task: Name of the task.
        what: What they are for (`videos`).
        instead: What was given (`sounds`).
        given: Value and default of each parameter.

    Raises:
        ParameterError: A value is not its default.
    """
    set_ones = [name for name, (value, default) in given.items() if value != default]
    if set_ones:
        raise ParameterError(
            f"{task}: {', '.join(set_ones)} can only be set for {what}, not for {instead}. Leave it out."
        )
