"""What a task declares: its signature, which of its parameters are media, and what it gives."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from ..media.types import Audio, Image, Media, Video

__all__ = ["KINDS", "Declared", "bound", "media_parameters", "returned_kind", "signature_of"]

KINDS: dict[Any, str] = {Image: "image", Video: "video", Audio: "audio"}


class Declared(typing.NamedTuple):
    """A media parameter: the kinds it takes, whether as a list, whether it may be left out."""

    kinds: tuple[type[Media], ...]
    is_list: bool
    is_optional: bool


@lru_cache(maxsize=1024)
def signature_of(function: Any) -> inspect.Signature:
    """Return the signature of a task's function."""
    return inspect.signature(function)


@lru_cache(maxsize=1024)
def _plain(function: Any) -> tuple[tuple[str, ...], int, dict[str, Any]] | None:
    """Return names, how many of them can be positional, and defaults; None when there are `*args` or `**kwargs`."""
    specs = list(signature_of(function).parameters.values())
    if any(spec.kind not in (spec.POSITIONAL_OR_KEYWORD, spec.KEYWORD_ONLY) for spec in specs):
        return None
    positional = sum(spec.kind == spec.POSITIONAL_OR_KEYWORD for spec in specs)
    defaults = {spec.name: spec.default for spec in specs if spec.default is not spec.empty}
    return tuple(spec.name for spec in specs), positional, defaults


def bound(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a call by name, defaults included, in the order of the signature.

    Raises:
        TypeError: They do not fit.
    """
    plain = _plain(function)
    if plain is not None:
        names, positional, defaults = plain
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        whole = {**defaults, **given}
        if len(args) <= positional and len(given) == len(args) + len(kwargs) and len(whole) == len(names):
            try:
                return {name: whole[name] for name in names}
            except KeyError:  # one is missing and another unknown: the signature says it better
                pass
    found = signature_of(function).bind(*args, **kwargs)
    found.apply_defaults()
    return dict(found.arguments)


def _flat(hint: Any) -> set[Any]:
    return {hint} | {part for inner in typing.get_args(hint) if not isinstance(inner, str) for part in _flat(inner)}


@lru_cache(maxsize=1024)
def media_parameters(function: Any) -> dict[str, Declared]:
    """Return a task's media parameters by name."""
    found: dict[str, Declared] = {}
    for name, hint in typing.get_type_hints(function).items():
        parts = _flat(hint)
        kinds = tuple(part for part in parts if isinstance(part, type) and issubclass(part, Media))
        if kinds and name != "return":
            lists = any(
                "Sequence" in str(part) or str(part).startswith("list[") for part in (hint, *typing.get_args(hint))
            )
            found[name] = Declared(kinds, lists, type(None) in parts)
    return found


@lru_cache(maxsize=1024)
def returned_kind(function: Any) -> Any:
    """Return `image`, `video`, `audio` or `text`: what a task says that it gives."""
    hint = typing.get_type_hints(function).get("return")
    return next((KINDS[part] for part in _flat(hint) if part in KINDS), "text" if hint is str else "image")
