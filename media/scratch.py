"""Places to work in beside a target, told of before any work is done when the target cannot be written."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
from collections.abc import Generator
from pathlib import Path

from ..errors import EncodeError

__all__ = ["scratch_beside", "writing"]


@contextlib.contextmanager
def writing(target: Path) -> Generator[None]:
    """Tell an error of the file system as one about `target`.

    Raises:
        EncodeError: It cannot be written; the cause is the error of the file system.
    """
    if "\0" in str(target):
        raise EncodeError(f"Cannot write {str(target)!r}: no file can have a NUL in its name.")
    try:
        yield
    except OSError as exc:
        in_a_file = isinstance(exc, (FileExistsError, NotADirectoryError))
        reason = "its folder is a file" if in_a_file else exc.strerror or exc
        raise EncodeError(f"Cannot write '{target}': {reason}.") from exc


@contextlib.contextmanager
def scratch_beside(target: Path) -> Generator[Path]:
    """Give a private empty folder on the disk of `target`; it is removed with its content at the end.

    Raises:
        EncodeError: `target` cannot be written, as is told before any work is done.
    """
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        _check_free(target)
        folder = tempfile.TemporaryDirectory(prefix=".part-", dir=target.parent, ignore_cleanup_errors=True)
    with folder as name:
        yield Path(name).absolute()


def _check_free(target: Path) -> None:
    """Raise the error that renaming a file to this name would."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(target.stat().st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
