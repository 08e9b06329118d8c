"""Whether a file carries content credentials, told from its structure: no extra is needed, and nothing is verified.

Source: C2PA specification 2.2, appendix A (embedding manifests into various formats).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["MANIFEST_STORE", "carries_credentials"]

MANIFEST_STORE = bytes.fromhex("6332706100110010800000aa00389b71")
"""JUMBF type of a manifest store; it stands near the start of each one."""
BOX = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
"""Type of the `uuid` box that holds it in MP4, MOV, M4A and AVIF."""
BOXES = ("video/mp4", "video/quicktime", "audio/mp4", "image/avif")
CHUNKS = ("image/webp", "audio/wav")
SEARCHED = ("image/png", "image/jpeg", "image/gif", "image/tiff", "audio/mpeg", "audio/flac")
MOST_BOXES = 100_000


def carries_credentials(path: Path, media_type: str) -> bool:
    """Return whether a file holds a manifest store, be it valid or not. One that is kept elsewhere is not seen.

    Args:
        path: The file.
        media_type: Its MIME type; formats that have no place for one hold none.
    """
    with path.open("rb") as file:
        if media_type in BOXES:
            return any(kind == b"uuid" and body == BOX for kind, body in _boxes(file))
        if media_type in CHUNKS:
            return any(kind == b"C2PA" for kind in _chunks(file))
        if media_type in SEARCHED and path.stat().st_size:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return data.find(MANIFEST_STORE) >= 0
    return False


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Kind and first 16 bytes of each outermost box."""
    at = 0
    for _ in range(MOST_BOXES):
        file.seek(at)
        head = file.read(32)
        if len(head) < 8:
            return
        size, kind = struct.unpack_from(">I4s", head)
        start = 8
        if size == 1 and len(head) >= 16:
            size, start = struct.unpack_from(">Q", head, 8)[0], 16
        yield kind, head[start : start + 16]
        if size < start:  # to the end of the file, or broken
            return
        at += size


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """Kind of each chunk of a RIFF file."""
    at = 12
    for _ in range(MOST_BOXES):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        kind, size = struct.unpack("<4sI", head)
        yield kind
        at += 8 + size + size % 2
