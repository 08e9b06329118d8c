"""Run a local operation on media values: files in, file out, admitted into the store."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..errors import ParameterError
from ..media.intake import admit
from ..media.operation import Operation
from ..media.store import Store
from ..media.types import Media, Origin, Word
from ._loop import in_worker

__all__ = ["operate"]

M = TypeVar("M", bound=Media)


def _merged(sources: Sequence[Media | Sequence[Media] | None]) -> tuple[str, ...]:
    """Return what the inputs were degraded from, so that it is not forgotten in what is made of them."""
    lines: dict[str, None] = {}
    for source in sources:
        group = [source] if isinstance(source, Media) else source or []
        for media in group:
            lines.update(dict.fromkeys(media.made.degraded_from))
    return tuple(lines)


def _path(source: Media | Sequence[Media] | None) -> Any:
    if source is None:
        return None
    if isinstance(source, Media):
        return source.path()
    return [media.path() for media in source]


async def operate(
    operation: Operation[Any, Any],
    sources: Sequence[Media | Sequence[Media] | None],
    kind: type[M],
    suffix: str,
    words: tuple[Word, ...] = (),
    /,
    **parameters: Any,
) -> M:
    """Run an operation and admit what it wrote.

    Args:
        operation: Takes the paths of the sources, the target, and the parameters.
        sources: Its inputs, in its order; None where an optional one is left out, a sequence where it takes a list.
        kind: `Image`, `Video` or `Audio`.
        suffix: Of the file that it writes, with its dot.
        words: Word timings that still hold for the result.
        parameters: Keyword parameters of the operation.

    Raises:
        ParameterError: A source is not media.
        MediaError: As the operation and the store's door raise it.
    """
    for number, source in enumerate(sources, 1):
        for media in source if isinstance(source, list | tuple) else [source]:
            if media is not None and not isinstance(media, Media):
                raise ParameterError(
                    f"{operation.name}: input {number} is {type(media).__name__} {media!r:.60}. Expected media, as a "
                    "task returns it. Bring a file in with import_media(path)."
                )
    return await in_worker(_run, operation, sources, kind, suffix, words, parameters)


def _run(
    operation: Operation[Any, Any],
    sources: Sequence[Media | Sequence[Media] | None],
    kind: type[M],
    suffix: str,
    words: tuple[Word, ...],
    parameters: dict[str, Any],
) -> M:
    began = time.monotonic()
    with Store.current().scratch() as folder:
        target: Path = folder / f"result{suffix}"
        told = operation(*(_path(source) for source in sources), target, **parameters)
        origin = Origin(
            made_by=operation.name,
            seconds=round(time.monotonic() - began, 3),
            degraded_from=_merged(sources),
            notes=told if isinstance(told, tuple) else (),
        )
        made = admit(target, kind=kind.__name__.lower(), origin=origin, words=words)
    assert isinstance(made, kind)
    return made
