"""The comment in the ID3 tag of an MP3 file, read and written with every other frame left as it is, and the sound.

FFmpeg would write comments and lyrics as texts of its own, which players do not look for, and lose ratings and links.
Source: ID3 tag versions 2.3.0 and 2.4.0 (id3.org), sections 3.1 to 3.3, 4.2.2 and 4.10; 2.4.0 structure, 3 and 4.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from ..signing.carried import MANIFEST_STORE
from ..sniff import ID3_LIMIT

__all__ = ["read_comment", "write_comment"]

HEADER = 10
"""Length of the header of a tag, and of a frame."""
NAME = re.compile(rb"[A-Z][A-Z0-9]{3}")
ENCODINGS = ("latin-1", "utf-16", "utf-16-be", "utf-8")
NO_LANGUAGE = b"XXX"


@dataclass(frozen=True)
class _Frame:
    kind: bytes
    flags: bytes
    body: bytes

    @property
    def _text_at(self) -> int:
        return 4 if self.kind == b"COMM" else 1  # behind the encoding, and the language

    @property
    def comment(self) -> str | None:
        """The comment, where this is one (FFmpeg's own sort, too) and not one on something in particular."""
        if self.kind not in (b"COMM", b"TXXX") or self.flags[1] or self.body[:1] not in (b"\0", b"\1", b"\2", b"\3"):
            return None
        text = self.body[self._text_at :].decode(ENCODINGS[self.body[0]], "replace")
        about, _, said = text.partition("\0")
        is_one = about.strip("\ufeff").lower() == ("" if self.kind == b"COMM" else "comment")
        return said.removeprefix("\ufeff").rstrip("\0") if is_one else None


@dataclass(frozen=True)
class _Tag:
    version: int
    frames: list[_Frame]
    end: int
    """Where the sound begins."""

    @property
    def place(self) -> int:
        """Number of the frame with the comment; that of the next one when there is none."""
        found = [number for number, frame in enumerate(self.frames) if frame.comment is not None]
        return min(found, key=lambda number: self.frames[number].kind, default=len(self.frames))


def read_comment(path: Path) -> str | None:
    """Return the comment, empty when there is none; None when the tag is of a rare kind that is not read here."""
    with path.open("rb") as file:
        tag = _read(file)
    if tag is None:
        return None
    return (tag.frames[tag.place].comment or "") if tag.place < len(tag.frames) else ""


def write_comment(source: Path, target: Path, comment: str) -> bool:
    """Copy a file with another comment; content credentials, which any change makes invalid, are left out.

    Returns:
        False, and nothing is written, when the tag is of a rare kind that is not written here.
    """
    with source.open("rb") as file:
        tag = _read(file)
        if tag is None:
            return False
        frames = list(tag.frames)
        frames[tag.place : tag.place + 1] = [_frame(tag, comment)]
        body = b"".join(_packed(tag.version, frame) for frame in frames if not _is_store(frame))
        file.seek(tag.end)
        with target.open("wb") as out:
            out.write(b"ID3" + bytes([tag.version, 0, 0]) + _spread(len(body)) + body)
            shutil.copyfileobj(file, out)
    return True


def _read(file: BinaryIO) -> _Tag | None:
    head = file.read(HEADER)
    if head[:3] != b"ID3":
        return _Tag(4, [], 0)
    size = _joined(head[6:])
    if len(head) < HEADER or head[3] not in (3, 4) or head[5] or size > ID3_LIMIT:
        return None
    data, at, frames = file.read(size), 0, list[_Frame]()
    while at + HEADER <= len(data) and NAME.match(data, at):
        told = data[at + 4 : at + 8]
        end = at + HEADER + (_joined(told) if head[3] == 4 else int.from_bytes(told, "big"))
        frames.append(_Frame(data[at : at + 4], data[at + 8 : at + HEADER], data[at + HEADER : end]))
        at = end
    is_whole = at <= len(data) == size and not data[at:].strip(b"\0")
    return _Tag(head[3], frames, HEADER + size) if is_whole else None


def _is_store(frame: _Frame) -> bool:
    return frame.kind == b"GEOB" and MANIFEST_STORE in frame.body


def _frame(tag: _Tag, comment: str) -> _Frame:
    old = tag.frames[tag.place] if tag.place < len(tag.frames) else None
    language = old.body[1:4] if old and old.kind == b"COMM" else NO_LANGUAGE
    new = _Frame(b"COMM", b"\0\0", b"\3" + language + b"\0" + comment.encode())
    if tag.version == 4 or comment.isascii():
        return new if tag.version == 4 else replace(new, body=b"\0" + new.body[1:])
    mark = "\ufeff".encode("utf-16-le")
    return replace(new, body=b"\1" + language + mark + b"\0\0" + mark + comment.encode("utf-16-le"))


def _packed(version: int, frame: _Frame) -> bytes:
    size = len(frame.body)
    return frame.kind + (_spread(size) if version == 4 else size.to_bytes(4, "big")) + frame.flags + frame.body


def _joined(parts: bytes) -> int:
    """A number of seven bits a byte; more than any tag has where a byte has eight."""
    return sum((part if part < 0x80 else ID3_LIMIT) << 7 * place for place, part in enumerate(reversed(parts)))


def _spread(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))
