"""The comments of the streams of an Ogg file, read and written with every other tag left as it is, covers too, and the sound.

FFmpeg would make one of several artists, and cannot write covers. Source: RFC 3533, 6; RFC 7845, 5; Vorbis I specification, 4.2.1.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from .vorbis import VorbisTags

__all__ = ["read_comments", "write_comments"]

CONTINUED, BEGINS = 1, 2
HEADER = 27
PREFIXES = {b"OpusHead": b"OpusTags", b"\x01vorbis": b"\x03vorbis"}
"""How the first packet of a stream begins, and how the one with the tags."""
PACKETS = {b"OpusHead": 2, b"\x01vorbis": 3}
"""Before the sound."""
SEGMENT, MOST_SEGMENTS = 255, 255
LONGEST_HEADERS = 64 << 20
MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class _RareError(Exception):
    """The file is of a kind that is not read here."""


@dataclass(frozen=True)
class _Page:
    head: bytes
    table: bytes
    body: bytes

    @property
    def stream(self) -> bytes:
        return self.head[14:18]

    @property
    def begins(self) -> bool:
        return bool(self.head[5] & BEGINS)

    def moved(self, by: int) -> _Page:
        number = (int.from_bytes(self.head[18:22], "little") + by) % (1 << 32)
        return replace(self, head=self.head[:18] + struct.pack("<I", number) + self.head[22:])

    def packed(self) -> bytes:
        whole = self.head[:22] + bytes(4) + self.head[26:] + self.table + self.body
        return whole[:22] + _checksum(whole) + whole[26:]


@dataclass
class _Headers:
    """Packets of a stream before its sound, and on how many pages after the first they stand."""

    packets: list[bytes] = field(default_factory=list[bytes])
    rest: bytes = b""
    pages: int = -1

    @property
    def kind(self) -> bytes:
        return next((kind for kind in PREFIXES if self.packets[0].startswith(kind)), b"") if self.packets else b""

    @property
    def is_whole(self) -> bool:
        return len(self.packets) == PACKETS.get(self.kind)

    def take(self, page: _Page) -> None:
        """Take one more page in."""
        at, self.pages = 0, self.pages + 1
        for size in page.table:
            if self.is_whole:
                raise _RareError
            self.rest, at = self.rest + page.body[at : at + size], at + size
            if size < SEGMENT:
                self.packets, self.rest = [*self.packets, self.rest], b""
        if (self.packets and not self.kind) or len(self.rest) > LONGEST_HEADERS:
            raise _RareError

    def tags(self) -> tuple[VorbisTags, bytes]:
        """Return the tags, and what follows them in their packet."""
        prefix = PREFIXES[self.kind]
        if not self.packets[1].startswith(prefix):
            raise _RareError
        return VorbisTags.read(self.packets[1][len(prefix) :])


def read_comments(path: Path) -> list[str] | None:
    """Return the comment of each stream, empty where there is none; None when the file is of a rare kind."""
    with path.open("rb") as file:
        try:
            return [each.tags()[0].comment for each in _headers(file).values()]
        except (_RareError, struct.error):
            return None


def write_comments(source: Path, target: Path, comments: Sequence[str]) -> bool:
    """Copy a file with other comments, one for each stream.

    Returns:
        False, and nothing is written, when the file is of a rare kind that is not written here, or damaged.
    """
    try:
        with source.open("rb") as file, target.open("wb") as out:
            headers = _headers(file)
            file.seek(0)
            _copy(
                _pages(file),
                headers,
                [_paged(*each) for each in zip(headers, _packets(headers, comments), strict=True)],
                out,
            )
    except (_RareError, struct.error):
        target.unlink()
        return False
    return True


def _copy(
    pages: Iterator[_Page], headers: dict[bytes, _Headers], new: Sequence[Sequence[_Page]], out: BinaryIO
) -> None:
    """Copy pages, but for those of headers, which are new; what follows these gets new numbers."""
    own, left = dict(zip(headers, new, strict=True)), {stream: each.pages for stream, each in headers.items()}
    for page in pages:
        if page.begins or page.stream not in left:
            out.write(page.packed())
        elif left[page.stream] == 0:
            out.write(page.moved(len(own[page.stream]) - headers[page.stream].pages).packed())
        else:
            if left[page.stream] == headers[page.stream].pages:
                out.writelines(each.packed() for each in own[page.stream])
            left[page.stream] -= 1


def _pages(file: BinaryIO) -> Iterator[_Page]:
    while head := file.read(HEADER):
        if len(head) < HEADER or head[:4] != b"OggS":
            raise _RareError
        table = file.read(head[26])
        page = _Page(head, table, file.read(sum(table)))
        if page.packed()[22:26] != head[22:26]:  # damaged, which a new checksum would hide
            raise _RareError
        yield page


def _headers(file: BinaryIO) -> dict[bytes, _Headers]:
    found: dict[bytes, _Headers] = {}
    for page in _pages(file):
        if page.begins:
            found[page.stream] = _Headers()
        if page.stream not in found:
            raise _RareError
        if not found[page.stream].is_whole:
            found[page.stream].take(page)
        if all(each.is_whole for each in found.values()):
            return found
    raise _RareError


def _packets(headers: dict[bytes, _Headers], comments: Sequence[str]) -> Iterator[list[bytes]]:
    for each, comment in zip(headers.values(), comments, strict=True):
        tags, rest = each.tags()
        yield [PREFIXES[each.kind] + tags.with_comment(comment).packed() + rest, *each.packets[2:]]


def _paged(stream: bytes, packets: Sequence[bytes]) -> list[_Page]:
    """Lay packets out on pages, from the second of the stream on."""
    body, pages = b"".join(packets), list[_Page]()
    sizes = [size for packet in packets for size in [SEGMENT] * (len(packet) // SEGMENT) + [len(packet) % SEGMENT]]
    at, is_continued = 0, False
    for start in range(0, len(sizes), MOST_SEGMENTS):
        table = bytes(sizes[start : start + MOST_SEGMENTS])
        time = 0 if min(table) < SEGMENT else -1  # of the last packet that ends there
        head = struct.pack(
            "<4sBBq4sIIB", b"OggS", 0, CONTINUED * is_continued, time, stream, len(pages) + 1, 0, len(table)
        )
        pages.append(_Page(head, table, body[at : at + sum(table)]))
        at, is_continued = at + sum(table), table[-1] == SEGMENT
    return pages


def _checksum(data: bytes) -> bytes:
    """CRC-32 from the highest bit on, which is that of zlib of mirrored bytes, mirrored."""
    value = zlib.crc32(data.translate(MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return struct.pack(">I", value).translate(MIRRORED)
