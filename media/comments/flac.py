"""The comment of a FLAC file, read and written with every other tag and block left as it is, and the sound.

FFmpeg would make one of several artists, and drop seek points and cue sheets.
Source: RFC 9639, section 8.
"""

from __future__ import annotations

import shutil
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from .vorbis import VorbisTags

__all__ = ["read_comment", "write_comment"]

TAGS, LAST, LONGEST = 4, 0x80, (1 << 24) - 1


@dataclass(frozen=True)
class _File:
    blocks: list[tuple[int, bytes]]
    """Kind and content."""
    tags: VorbisTags
    end: int
    """Where the sound begins."""


def read_comment(path: Path) -> str | None:
    """Return the comment, empty when there is none; None when the file is of a rare kind that is not read here."""
    with path.open("rb") as file:
        found = _read(file)
    return None if found is None else found.tags.comment


def write_comment(source: Path, target: Path, comment: str) -> bool:
    """Copy a file with another comment.

    Returns:
        False, and nothing is written, when the file is of a rare kind that is not written here, or has no room.
    """
    with source.open("rb") as file:
        found = _read(file)
        body = found.tags.with_comment(comment).packed() if found else b""
        if found is None or len(body) > LONGEST:
            return False
        blocks = [(kind, body if kind == TAGS else content) for kind, content in found.blocks]
        blocks[1:1] = [] if any(kind == TAGS for kind, _ in blocks) else [(TAGS, body)]
        file.seek(found.end)
        with target.open("wb") as out:
            out.write(b"fLaC")
            for number, (kind, content) in enumerate(blocks, 1):
                is_last = LAST if number == len(blocks) else 0
                out.write(bytes([kind | is_last]) + len(content).to_bytes(3, "big") + content)
            shutil.copyfileobj(file, out)
    return True


def _read(file: BinaryIO) -> _File | None:
    blocks, is_last = list[tuple[int, bytes]](), file.read(4) != b"fLaC"
    while not is_last:
        head = file.read(4)
        size = int.from_bytes(head[1:], "big")
        blocks.append((head[0] & ~LAST if head else 0, file.read(size)))
        is_last = len(head) < 4 or len(blocks[-1][1]) < size or bool(head[0] & LAST)
    texts = [content for kind, content in blocks if kind == TAGS]
    try:
        tags = VorbisTags.read(texts[0])[0] if texts else VorbisTags()
    except struct.error:
        return None
    return _File(blocks, tags, file.tell()) if blocks and len(texts) <= 1 else None
