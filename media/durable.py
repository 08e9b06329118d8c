"""Writing files that are either complete or not there, also after a power cut."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import IO

from ..errors import MediaCorruptError

__all__ = ["FILE_MODE", "PARTIAL", "changed", "digest_of", "write_durably", "write_text"]

CHUNK = 1 << 20
PARTIAL = ".part-"
"""How the names of half-written files begin."""


def digest_of(path: Path) -> tuple[str, int]:
    """Return the SHA-256 (hex) and the length in bytes of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return digest, file.tell()


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _file_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


FILE_MODE = _file_mode()  # umask() is process-wide, so it is read once, before any thread exists


def _make_folder(folder: Path) -> None:
    """Create a folder so that it, too, survives a power cut."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _copy_hashing(source: IO[bytes], out: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        out.write(chunk)
    return digest.hexdigest()


def write_durably(source: Path, target: Path, digest: str | None = None) -> None:
    """Copy `source` to `target` so that `target` is either absent, its old self, or complete and on disk.

    Raises:
        MediaCorruptError: What was copied does not have the SHA-256 `digest`; `target` is then untouched.
    """
    _make_folder(target.parent)
    handle, name = tempfile.mkstemp(prefix=PARTIAL, suffix=target.suffix, dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as out, source.open("rb") as data:
            found = _copy_hashing(data, out)
            out.flush()
            os.fsync(out.fileno())
        if digest is not None and found != digest:
            raise MediaCorruptError(f"{changed(digest, source.suffix, found)} Nothing was written to '{target.name}'.")
        Path(name).chmod(FILE_MODE)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def write_text(target: Path, text: str) -> None:
    """Write a text file so that it is either its old self or complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=PARTIAL, dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(FILE_MODE)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def changed(digest: str, suffix: str, found: str) -> str:
    """Say that bytes are not what they should be, for an error message."""
    return f"Bytes changed: {digest[:12]}…{suffix} should have SHA-256 {digest[:12]}…, found {found[:12]}…."
