"""Run a local operation on media values: files in, file out, admitted into the store with the record of its origin."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from .intake import admit
from .lineage import merged
from .operation import Operation
from .signing.carried import carries_credentials
from .store import Store
from .types import Media, Origin, Part, Word

__all__ = ["Source", "make", "origin_of"]

M = TypeVar("M", bound=Media)

Source = Media | Sequence[Media | Part] | None
"""An input of an operation: None where an optional one is left out, a sequence where it takes a list."""


def make(
    operation: Operation[Any, Any],
    sources: Sequence[Source],
    kind: type[M],
    suffix: str,
    words: tuple[Word, ...] = (),
    /,
    **parameters: Any,
) -> M:
    """Run an operation and admit what it wrote.

    Args:
        operation: Takes the paths of the sources, the target, and the parameters.
        sources: Its inputs, in its order.
        kind: `Image`, `Video` or `Audio`.
        suffix: Of the file that it writes, with its dot.
        words: Word timings that still hold for the result.
        parameters: Keyword parameters of the operation.

    Raises:
        ParameterError, MediaError: As the operation and the store's door raise them.
    """
    began = time.monotonic()
    with Store.current().scratch() as folder:
        target: Path = folder / f"result{suffix}"
        told = operation(*(_path(source) for source in sources), target, **parameters)
        inputs, notes = _media(sources), told if isinstance(told, tuple) else ()
        origin = origin_of(operation.name, inputs, time.monotonic() - began, notes)
        made = admit(target, kind=kind.__name__.lower(), origin=origin, words=words)
    assert isinstance(made, kind)
    lost = _lost_credentials(made, inputs)
    return (
        made if not lost else made.model_copy(update={"origin": origin.model_copy(update={"lost_credentials": lost})})
    )


def origin_of(name: str, inputs: Sequence[Media], seconds: float, notes: tuple[str, ...]) -> Origin:
    """Return the record of a result, in which nothing is forgotten that its inputs were or went through."""
    return Origin(
        made_by=name,
        seconds=round(seconds, 3),
        degraded_from=tuple(dict.fromkeys(line for media in inputs for line in media.made.degraded_from)),
        notes=notes,
        made_from=merged(inputs),
    )


def _media(sources: Sequence[Source]) -> list[Media]:
    groups = ([source] if isinstance(source, Media) else source or [] for source in sources)
    return [item for group in groups for item in group if isinstance(item, Media)]


def _path(source: Source) -> Any:
    if source is None:
        return None
    if isinstance(source, Media):
        return source.path()
    return [media.path() for media in source]


def _lost_credentials(made: Media, inputs: Sequence[Media]) -> tuple[str, ...]:
    """Return a line for each input whose content credentials do not reach the result."""
    lines: dict[str, None] = {}
    for media in inputs:
        lines.update(dict.fromkeys(media.made.lost_credentials))
        if media.digest != made.digest and carries_credentials(media.path(), media.media_type):
            lines[
                f"The content credentials of {media.digest[:12]}{media.suffix} ({media.made.made_by}) are not carried on "
                "by local operations. sign_media on the result keeps them."
            ] = None
    return tuple(lines)
