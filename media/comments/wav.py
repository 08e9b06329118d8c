"""The comment of a WAV file, read and written with every other chunk left as it is: what broadcasters and samplers put there.

Source: Multimedia Programming Interface and Data Specifications 1.0 (1991), chapters 2 and 3; EBU Tech 3306 (RF64).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ...errors import DecodeError, EncodeError

__all__ = ["read_comment", "write_comment"]

COMMENT = b"ICMT"
MOST_CHUNKS = 10_000
LONGEST_INFO = 1 << 24
COPIED = 1 << 20
LONGEST = (1 << 32) - 1
"""Bytes that a size can tell. As the size of the samples it stands for one that is told elsewhere, or not known."""


@dataclass(frozen=True)
class _Chunk:
    kind: bytes
    start: int
    """Of its content, in the file."""
    size: int


def read_comment(path: Path) -> str:
    """Return the comment, empty when there is none; what is not UTF-8 in it is replaced by U+FFFD."""
    with path.open("rb") as file:
        infos = (_content(file, chunk) for chunk in _chunks(path, file) if _is_info(file, chunk))
        texts = [text for info in infos for kind, text in _entries(info) if kind == COMMENT]
    return texts[0].partition(b"\0")[0].decode(errors="replace") if texts else ""


def write_comment(source: Path, target: Path, comment: str) -> bool:
    """Copy a file with another comment; content credentials, which any change makes invalid, are left out.

    Returns:
        True.

    Raises:
        DecodeError: It has endless chunks.
        EncodeError: It would be longer than its format allows.
    """
    with source.open("rb") as file, target.open("w+b") as out:
        chunks = [chunk for chunk in _chunks(source, file) if chunk.kind != b"C2PA"]
        is_long = any(chunk.kind == b"ds64" for chunk in chunks)
        info = next((chunk for chunk in chunks if _is_info(file, chunk)), None)
        new = _packed(b"LIST", _with_comment(_content(file, info) if info else b"INFO", comment.encode() + b"\0"))
        file.seek(0)
        out.write(file.read(12))
        for chunk in chunks:
            if chunk is info or (info is None and chunk.kind == b"data"):
                out.write(new)
            if chunk is not info:
                _copy(file, chunk, out, is_long)
        _set_size(out, is_long)
    return True


def _chunks(path: Path, file: BinaryIO) -> list[_Chunk]:
    end, at, samples = file.seek(0, 2), 12, LONGEST
    found: list[_Chunk] = []
    while at + 8 <= end:
        if len(found) == MOST_CHUNKS:
            raise DecodeError(f"Cannot read '{path.name}': it has more than {MOST_CHUNKS} chunks. The file is damaged.")
        file.seek(at)
        kind, size = struct.unpack("<4sI", file.read(8))
        if kind == b"ds64":
            samples = int.from_bytes(file.read(16)[8:], "little")
        elif kind == b"data" and size == LONGEST:
            size = samples if samples != LONGEST else end
        found.append(_Chunk(kind, at + 8, min(size, end - at - 8)))
        at += 8 + size + size % 2
    return found


def _content(file: BinaryIO, chunk: _Chunk) -> bytes:
    file.seek(chunk.start)
    return file.read(chunk.size)


def _is_info(file: BinaryIO, chunk: _Chunk) -> bool:
    file.seek(chunk.start)
    return chunk.kind == b"LIST" and chunk.size <= LONGEST_INFO and file.read(4) == b"INFO"


def _entries(info: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 4
    while at + 8 <= len(info):
        kind, size = struct.unpack_from("<4sI", info, at)
        yield kind, info[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _with_comment(info: bytes, comment: bytes) -> bytes:
    entries = [*((kind, text) for kind, text in _entries(info) if kind != COMMENT), (COMMENT, comment)]
    return b"INFO" + b"".join(_packed(kind, text) for kind, text in entries)


def _packed(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _copy(file: BinaryIO, chunk: _Chunk, out: BinaryIO, is_long: bool) -> None:
    """Copy a chunk, with its true size where that was not known when the file was begun."""
    file.seek(chunk.start - 4)
    told = int.from_bytes(file.read(4), "little")
    out.write(chunk.kind + struct.pack("<I", LONGEST if is_long and told == LONGEST else chunk.size))
    left = chunk.size
    while left and (part := file.read(min(left, COPIED))):
        left -= out.write(part)
    out.write(bytes(chunk.size % 2))


def _set_size(out: BinaryIO, is_long: bool) -> None:
    size = out.tell() - 8
    if is_long:  # behind the headers of the file and of its first chunk
        out.seek(20)
        out.write(struct.pack("<Q", size))
    elif size > LONGEST:
        raise EncodeError(f"Cannot write a WAV file of {size + 8} bytes: at most {LONGEST + 8} are possible.")
    else:
        out.seek(4)
        out.write(struct.pack("<I", size))
