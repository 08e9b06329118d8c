"""The store: content-addressed files named by their SHA-256, over any fsspec file system.

Layout: `<root>/<first two hex digits>/<digest><suffix>`. Writes are durable and atomic: bytes go to a temporary name,
are flushed to disk, then renamed; a torn file is never visible under its final name, and what is renamed was hashed as it
was written. Remote stores are read through a local cache folder with the same layout; the remote copy is the one that counts.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Collection, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from ..errors import ConfigurationError, MediaCorruptError, MediaMissingError, MissingExtraError
from ..settings import get_settings
from .durable import PARTIAL, changed, digest_of, write_durably

__all__ = ["Store", "Stored", "digest_of"]

SCRATCH = ".scratch"
DIGEST = re.compile(r"[0-9a-f]{64}")
SUFFIX = re.compile(r"\.[a-z0-9]{1,8}")
WHOLE_OBJECTS = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss"}
"""Protocols of object stores: they make a whole object visible at once, so no temporary name is needed."""


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
        filesystem, root = _file_system(url)
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

    @property
    def place(self) -> str:
        """The folder, or the URL without user name and password."""
        return _shown(self.url)

    def _name(self, digest: str, suffix: str) -> str:
        if not DIGEST.fullmatch(digest) or not SUFFIX.fullmatch(suffix):
            raise ValueError(f"{digest!r} with suffix {suffix!r} does not name a stored file.")
        return f"{digest[:2]}/{digest}{suffix}"

    def _remote(self, digest: str, suffix: str) -> str:
        return f"{self._root}/{self._name(digest, suffix)}"

    def _cached(self, digest: str, suffix: str) -> Path:
        return self._local / self._name(digest, suffix)

    @contextmanager
    def scratch(self) -> Generator[Path]:
        """Give a private empty folder on the store's own disk; it is removed with its content at the end."""
        parent = self._local / SCRATCH
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as name:
            yield Path(name)

    def check_room(self) -> None:
        """Refuse to go on when a result might not find room on the disk.

        Raises:
            OSError: It has less free than the setting `min_free_bytes`; errno is `ENOSPC`.
        """
        least = get_settings().min_free_bytes
        free = shutil.disk_usage(next(folder for folder in (self._local, *self._local.parents) if folder.exists())).free
        if free < least:
            raise OSError(
                errno.ENOSPC,
                f"Nothing more is bought: the disk of the store {self.place} has {free} bytes free, at least {least} are wanted. "
                "Free some space, or lower PREFECT_MEDIA_MIN_FREE_BYTES.",
            )

    def put(self, source: Path, suffix: str) -> tuple[str, int]:
        """Store a copy of a local file.

        Returns:
            Its digest (hex) and its size in bytes. Storing the same bytes again writes nothing.

        Raises:
            MediaCorruptError: The file changed while it was stored.
            OSError: There is no room for it, or the store cannot be written.
        """
        digest, size = digest_of(source)
        target = self._cached(digest, suffix)
        if not (target.exists() and target.stat().st_size == size and digest_of(target)[0] == digest):
            with self._named():
                write_durably(source, target, digest)
        if not self.is_local and not self._remote_matches(digest, suffix, size):
            self._upload(target, digest, suffix)
        return digest, size

    @contextmanager
    def _named(self) -> Generator[None]:
        """Name the store in an error that tells no file, as that of a full disk."""
        try:
            yield
        except OSError as exc:
            if exc.errno is None or exc.filename is not None:
                raise
            raise OSError(exc.errno, f"{exc.strerror}: the store {self.place} cannot be written") from exc

    def _remote_matches(self, digest: str, suffix: str, size: int) -> bool:
        return self._remote_exists(digest, suffix) and self._fs.size(self._remote(digest, suffix)) == size

    def _remote_exists(self, digest: str, suffix: str) -> bool:
        remote = self._remote(digest, suffix)
        self._fs.invalidate_cache(remote.rsplit("/", 1)[0])  # other machines write to the same store
        return bool(self._fs.exists(remote))

    def _upload(self, source: Path, digest: str, suffix: str) -> None:
        remote = self._remote(digest, suffix)
        folder = remote.rsplit("/", 1)[0]
        self._fs.makedirs(folder, exist_ok=True)
        protocols = {self._fs.protocol} if isinstance(self._fs.protocol, str) else set(self._fs.protocol)
        if protocols & WHOLE_OBJECTS:
            self._fs.put_file(str(source), remote)
            return
        partial = f"{folder}/{PARTIAL}{os.urandom(8).hex()}{suffix}"
        try:
            self._fs.put_file(str(source), partial)
            self._fs.mv(partial, remote)
        except BaseException:
            if self._fs.exists(partial):
                self._fs.rm_file(partial)
            raise

    def exists(self, digest: str, suffix: str) -> bool:
        """Return whether the bytes are in the store (for a remote store: really there, not only cached here)."""
        return self._cached(digest, suffix).exists() if self.is_local else self._remote_exists(digest, suffix)

    def locate(self, digest: str, suffix: str) -> Path:
        """Return a local file with the bytes, fetching and checking it first when the store is remote.

        Raises:
            MediaMissingError: The store does not hold them.
            MediaCorruptError: What the remote store returned does not match the digest.
        """
        local = self._cached(digest, suffix)
        if local.exists():
            return local
        if self.is_local or not self._remote_exists(digest, suffix):
            raise self._missing(digest, suffix)
        with self.scratch() as folder:
            fetched = folder / f"fetched{suffix}"
            try:
                self._fs.get_file(self._remote(digest, suffix), str(fetched))
            except FileNotFoundError as exc:
                raise self._missing(digest, suffix) from exc
            self._verify(fetched, digest, suffix)
            write_durably(fetched, local, digest)
        return local

    def _missing(self, digest: str, suffix: str) -> MediaMissingError:
        return MediaMissingError(
            f"The store {self.place} does not hold {digest[:12]}…{suffix}. It was deleted, or PREFECT_MEDIA_STORE "
            "names another store. Run the task again to make it anew."
        )

    def _verify(self, path: Path, digest: str, suffix: str) -> None:
        try:
            found, size = digest_of(path)
        except FileNotFoundError as exc:
            raise self._missing(digest, suffix) from exc
        if found != digest:
            raise MediaCorruptError(
                f"{changed(digest, suffix, found)} It has {size} bytes in the store {self.place}. "
                "Delete the file there; a rerun makes it anew."
            )

    def verify(self, digest: str, suffix: str) -> None:
        """Check stored bytes against their digest. A spoilt copy in the cache of a remote store is fetched anew.

        Raises:
            MediaMissingError, MediaCorruptError: They are not there, or not the same.
        """
        path = self.locate(digest, suffix)
        try:
            self._verify(path, digest, suffix)
        except MediaCorruptError:
            if self.is_local:
                raise
            path.unlink(missing_ok=True)
            self.locate(digest, suffix)

    def read(self, digest: str, suffix: str) -> bytes:
        """Return the bytes, checked against the digest.

        Raises:
            MediaMissingError, MediaCorruptError: As for `verify`.
        """
        try:
            data = self.locate(digest, suffix).read_bytes()
            if hashlib.sha256(data).hexdigest() == digest:
                return data
            self.verify(digest, suffix)
            return self.locate(digest, suffix).read_bytes()
        except FileNotFoundError as exc:
            raise self._missing(digest, suffix) from exc

    def copy_out(self, digest: str, suffix: str, target: Path) -> Path:
        """Copy the bytes to `target`, atomically, checked against the digest.

        Raises:
            MediaMissingError, MediaCorruptError: As for `verify`; `target` is then untouched.
        """
        self.verify(digest, suffix)
        write_durably(self.locate(digest, suffix), target, digest)
        return target

    def files(self) -> Iterator[Stored]:
        """List every stored file."""
        self._fs.invalidate_cache()
        if not self._fs.exists(self._root):
            return
        for name, facts in self._fs.find(self._root, detail=True).items():
            base = str(name).rsplit("/", 1)[-1]
            digest, dot, suffix = base.partition(".")
            if DIGEST.fullmatch(digest) and SUFFIX.fullmatch(dot + suffix) and f"/{SCRATCH}/" not in name:
                yield Stored(digest, dot + suffix, int(facts["size"]), _modified_s(facts))

    def garbage(self, used: Collection[str]) -> Iterator[Stored]:
        """List stored files whose digest is not in `used`. Nothing is deleted."""
        return (stored for stored in self.files() if stored.digest not in used)

    def leftovers(self, older_than_s: float = 86_400.0) -> Iterator[Path]:
        """List half-written files and scratch folders of processes that died. Nothing is deleted.

        Args:
            older_than_s: Younger ones may belong to a process that still writes.
        """
        for path in (*self._local.glob(f"*/{PARTIAL}*"), *self._local.glob(f"{SCRATCH}/*")):
            try:
                age = time.time() - path.stat().st_mtime
            except FileNotFoundError:  # finished in this moment
                continue
            if age >= older_than_s:
                yield path


def _modified_s(facts: dict[str, Any]) -> float:
    """Seconds since the epoch, under whatever key this file system keeps them; 0 when it does not."""
    for key in ("mtime", "LastModified", "last_modified", "updated", "created"):
        value = facts.get(key)
        if isinstance(value, (int, float)):
            return float(value)
        if isinstance(value, datetime):
            return value.timestamp()
    return 0.0


def _file_system(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it.

    Raises:
        ConfigurationError: There is none for it, or its package is not installed.
    """
    try:
        return fsspec.core.url_to_fs(url)
    except ImportError as exc:
        hint = " Install it with: pip install 'prefect-media[s3]'" if url.startswith(("s3:", "s3a:")) else f" {exc}."
        raise MissingExtraError(f"The store {_shown(url)} needs a package that is not installed.{hint}") from exc
    except ValueError as exc:
        raise ConfigurationError(
            f"The store {_shown(url)} cannot be used: {exc}. Expected in PREFECT_MEDIA_STORE a folder, or an fsspec URL such "
            "as s3://bucket/media."
        ) from exc


def _shown(url: str) -> str:
    """The URL without user name and password."""
    return re.sub(r"(?<=://)[^/@]*@", "", url)


@lru_cache(maxsize=8)
def _open(url: str, home: str) -> Store:
    return Store(url)
