"""Cache keys of tasks over local operations."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from ..media.operation import Operation
from ..media.types import Audio
from ..media.videos.fusing import version_of_steps
from ._task import content_key

__all__ = ["key_of"]


class _UnreadableError(Exception):
    """A file that the key depends on cannot be read; the task itself says so."""


def key_of(
    *operations: Operation[Any, Any], files: Collection[str] = (), words: bool = False
) -> Callable[[dict[str, Any]], str | None]:
    """Return the cache key function of a task over one operation, or over one of several by the kind of its input.

    Args:
        operations: Their names and versions are part of the key.
        files: Parameters that name a file of the user, also inside of steps and layers: its content counts, not its path.
        words: Whether word timings of sounds are part of the result. They are no part of a sound's digest. In steps they
            always are.
    """
    name = "+".join(operation.name for operation in operations)
    version = sum(operation.version for operation in operations)

    def key(parameters: dict[str, Any]) -> str | None:
        try:
            content = _with_content(parameters, files)
        except _UnreadableError:
            return None
        steps = _steps_in(parameters)
        spoken = _words_in(parameters if words else steps)
        done = version + (version_of_steps() if steps else 0)
        return content_key(name, done, {**content, "words of sounds": spoken} if spoken else content)

    return key


def _steps_in(parameters: Mapping[str, Any]) -> Any:
    """The steps of `edit_video` or `merge`, given directly or to a planned conversion."""
    inner = parameters.get("parameters")
    return parameters.get("steps") or (inner.get("steps") if isinstance(inner, Mapping) else None)


def _with_content(value: Any, files: Collection[str]) -> Any:
    """Return parameters with digests in place of paths."""
    if isinstance(value, Mapping):
        return {
            name: _digest(item) if name in files and isinstance(item, str | Path) else _with_content(item, files)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [_with_content(item, files) for item in value]
    return value


def _digest(path: str | Path) -> dict[str, str]:
    try:
        if not Path(path).expanduser().is_file():  # a pipe would wait, a device never end
            raise _UnreadableError
        with Path(path).expanduser().open("rb") as file:
            return {"file": hashlib.file_digest(file, "sha256").hexdigest()}
    except OSError as exc:
        raise _UnreadableError from exc


def _words_in(value: Any) -> list[Any]:
    """Return the word timings of every sound in a value, each with the sound that it belongs to."""
    if isinstance(value, Audio):
        return [[value.digest, [[word.text, word.start_s, word.end_s] for word in value.words]]] if value.words else []
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [found for item in value for found in _words_in(item)]
    return []
