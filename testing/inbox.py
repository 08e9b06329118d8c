"""Files that clients hand over, and media inside the values of a request."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["Inbox", "Uploaded", "inlined"]

DATA_URI = re.compile(r"data:([^;,]*)(;base64)?,(.*)", re.DOTALL)


@dataclass
class Uploaded:
    """A file that a client handed over."""

    id: str
    name: str
    content_type: str
    size: int
    digest: str
    provider: str
    created: float = field(default_factory=time.time)


def inlined(value: str) -> bytes | None:
    """Return the bytes of a data URI; None when it is none."""
    match = DATA_URI.match(value)
    if not match:
        return None
    try:
        return base64.b64decode(match[3]) if match[2] else match[3].encode()
    except binascii.Error:
        return None


class Inbox:
    """Uploaded files, kept in a folder by their content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, Uploaded] = {}

    def keep(self, data: bytes, name: str, content_type: str, provider: str) -> Uploaded:
        """Keep a file."""
        upload = Uploaded(uuid.uuid4().hex, name, content_type, 0, "", provider)
        self._files[upload.id] = upload
        self.fill(upload, data)
        return upload

    def fill(self, upload: Uploaded, data: bytes) -> None:
        """Give a file its content."""
        upload.digest, upload.size = hashlib.sha256(data).hexdigest(), len(data)
        path = self._folder / upload.digest
        if not path.exists():
            path.write_bytes(data)

    def get(self, identity: str, provider: str) -> Uploaded | None:
        """Return a file that was handed to a provider."""
        upload = self._files.get(identity)
        return upload if upload and upload.provider == provider else None

    def of(self, provider: str) -> list[Uploaded]:
        """Return the files that a provider holds."""
        return [upload for upload in self._files.values() if upload.provider == provider]

    def content(self, upload: Uploaded) -> bytes:
        """Return the bytes of a file."""
        return (self._folder / upload.digest).read_bytes()

    def behind(self, url: str) -> bytes | None:
        """Return the bytes of the file that a URL leads to; None when it leads elsewhere."""
        found = (self._files[part] for part in urlsplit(url).path.split("/") if part in self._files)
        upload = next(found, None)
        return self.content(upload) if upload else None

    def remove(self, upload: Uploaded) -> None:
        """Forget a file."""
        del self._files[upload.id]

    def clear(self) -> None:
        """Forget every file."""
        self._files.clear()
