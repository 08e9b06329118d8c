"""Run a local operation on media values, in the pool for local work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from ..errors import ParameterError
from ..media.making import Source, make
from ..media.operation import Operation
from ..media.types import Media, Part, Word
from ._loop import in_worker

__all__ = ["operate"]

M = TypeVar("M", bound=Media)


async def operate(
    operation: Operation[Any, Any],
    sources: Sequence[Source],
    kind: type[M],
    suffix: str,
    words: tuple[Word, ...] = (),
    /,
    **parameters: Any,
) -> M:
    """Run an operation and admit what it wrote; see `make`.

    Raises:
        ParameterError: A source is not media.
        MediaError: As the operation and the store's door raise it.
    """
    for number, source in enumerate(sources, 1):
        for media in source if isinstance(source, list | tuple) else [source]:
            if media is not None and not isinstance(media, Media | Part):
                raise ParameterError(
                    f"{operation.name}: input {number} is {type(media).__name__} {media!r:.60}. Expected media, as a "
                    "task returns it. Bring a file in with import_media(path)."
                )
    return await in_worker(make, operation, sources, kind, suffix, words, **parameters)
