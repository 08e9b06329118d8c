"""The store: content-addressed files named by their SHA-256, over any fsspec file system.

Layout: `<root>/<first two hex digits>/<digest><suffix>`. Writes are durable and atomic: bytes go to a temporary name,
are flushed to disk, then renamed; a torn file is never visible under its final name. Remote stores are read through
a local cache folder with the same layout.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from ..errors import MediaCorruptError, MediaMissingError
from ..settings import get_settings

__all__ = ["Store", "Stored", "digest_of"]

CHUNK = 1 << 20
PARTIAL = ".part-"


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


def write_durably(source: Path, target: Path) -> None:
    """Copy `source` to `target` so that `target` is either absent, its old self, or complete and on disk."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=PARTIAL, suffix=target.suffix, dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as out, source.open("rb") as data:
            shutil.copyfileobj(data, out, CHUNK)
            out.flush()
            os.fsync(out.fileno())
        os.chmod(name, FILE_MODE)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


@dataclass(frozen=True)
class Stored:
    """One file in the store."""

    digest: str
    suffix: str
    size_bytes: int
    modified_s: float
    """Seconds since the epoch."""


class Store:
    """Content-addressed files under one fsspec URL."""

    def __init__(self, url: str) -> None:
        self.url = url
        filesystem, root = fsspec.core.url_to_fs(url)
        self._fs: Any = filesystem
        self._root: str = root.rstrip("/")
        self.is_local = isinstance(filesystem, LocalFileSystem)
        cache = get_settings().home / "cache" / hashlib.sha256(url.encode()).hexdigest()[:16]
        self._local = Path(self._root) if self.is_local else cache

    @staticmethod
    def current() -> Store:
        """Return the store that the settings name."""
        settings = get_settings()
        return _open(settings.store_url, str(settings.home))

    def _name(self, digest: str, suffix: str) -> str:
        return f"{digest[:2]}/{digest}{suffix}"

    def _remote(self, digest: str, suffix: str) -> str:
        return f"{self._root}/{self._name(digest, suffix)}"

    def _cached(self, digest: str, suffix: str) -> Path:
        return self._local / self._name(digest, suffix)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a private empty folder on the store's own disk; it is removed with its content at the end."""
        parent = self._local / ".scratch"
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as name:
            yield Path(name)

    def put(self, source: Path, suffix: str) -> tuple[str, int]:
        """Store a copy of a local file.

        Returns:
            Its digest (hex) and its size in bytes. Storing the same bytes again writes nothing.
        """
        digest, size = digest_of(source)
        target = self._cached(digest, suffix)
        if not (target.exists() and target.stat().st_size == size and digest_of(target)[0] == digest):
            write_durably(source, target)
        if not self.is_local and not self._remote_matches(digest, suffix, size):
            self._upload(target, digest, suffix)
        return digest, size

    def _remote_matches(self, digest: str, suffix: str, size: int) -> bool:
        remote = self._remote(digest, suffix)
        return bool(self._fs.exists(remote)) and self._fs.size(remote) == size

    def _upload(self, source: Path, digest: str, suffix: str) -> None:
        remote = self._remote(digest, suffix)
        self._fs.makedirs(remote.rsplit("/", 1)[0], exist_ok=True)
        # Object stores make a whole object visible at once; other file systems get the temporary name and the rename.
        if "s3" in self._fs.protocol or "gcs" in self._fs.protocol or "abfs" in self._fs.protocol:
            self._fs.put_file(str(source), remote)
            return
        partial = f"{remote.rsplit('/', 1)[0]}/{PARTIAL}{os.urandom(8).hex()}{suffix}"
        self._fs.put_file(str(source), partial)
        self._fs.mv(partial, remote)

    def exists(self, digest: str, suffix: str) -> bool:
        """Return whether the bytes are in the store (for a remote store: really there, not only cached here)."""
        if self.is_local:
            return self._cached(digest, suffix).exists()
        return bool(self._fs.exists(self._remote(digest, suffix)))

    def locate(self, digest: str, suffix: str) -> Path:
        """Return a local file with the bytes, fetching and checking it first when the store is remote.

        Raises:
            MediaMissingError: The store does not hold them.
            MediaCorruptError: What the remote store returned does not match the digest.
        """
        local = self._cached(digest, suffix)
        if local.exists():
            return local
        if self.is_local or not self._fs.exists(self._remote(digest, suffix)):
            raise MediaMissingError(
                f"The store {self.url} does not hold {digest[:12]}…{suffix}. It was deleted, or PREFECT_MEDIA_STORE "
                "names another store. Run the task again to make it anew."
            )
        with self.scratch() as folder:
            fetched = folder / f"fetched{suffix}"
            self._fs.get_file(self._remote(digest, suffix), str(fetched))
            self._verify(fetched, digest)
            write_durably(fetched, local)
        return local

    def _verify(self, path: Path, digest: str) -> None:
        found, size = digest_of(path)
        if found != digest:
            raise MediaCorruptError(
                f"Stored bytes changed: {path.name} should have SHA-256 {digest[:12]}…, found {found[:12]}… "
                f"({size} bytes). Delete the file; a rerun makes it anew."
            )

    def verify(self, digest: str, suffix: str) -> None:
        """Check stored bytes against their digest.

        Raises:
            MediaMissingError, MediaCorruptError: They are not there, or not the same.
        """
        self._verify(self.locate(digest, suffix), digest)

    def read(self, digest: str, suffix: str) -> bytes:
        """Return the bytes, checked against the digest."""
        path = self.locate(digest, suffix)
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            self._verify(path, digest)
        return data

    def copy_out(self, digest: str, suffix: str, target: Path) -> Path:
        """Copy the bytes to `target`, atomically, checked against the digest."""
        source = self.locate(digest, suffix)
        self._verify(source, digest)
        write_durably(source, target)
        return target

    def files(self) -> Iterator[Stored]:
        """List every stored file."""
        if not self._fs.exists(self._root):
            return
        for name, facts in self._fs.find(self._root, detail=True).items():
            base = name.rsplit("/", 1)[-1]
            digest, dot, suffix = base.partition(".")
            if len(digest) == 64 and "/.scratch/" not in name:
                modified = facts.get("mtime") or getattr(facts.get("LastModified"), "timestamp", lambda: 0.0)()
                yield Stored(digest, dot + suffix, int(facts["size"]), float(modified))

    def garbage(self, used: Collection[str]) -> Iterator[Stored]:
        """List stored files whose digest is not in `used`. Nothing is deleted."""
        return (stored for stored in self.files() if stored.digest not in used)


@lru_cache(maxsize=8)
def _open(url: str, home: str) -> Store:
    return Store(url)
