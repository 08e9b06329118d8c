"""Write a token into the comment of a ready file, without encoding it again."""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache

__all__ = ["PLACEHOLDER", "stamp_file", "stamp_raw"]

PLACEHOLDER = b"<!--prefect-media-sample-token->"
"""What a file carries in its comment until it is stamped."""


def stamp_file(data: bytes, token: str) -> bytes:
    """Return `data` with the placeholder in its comment replaced by `token`, checksums corrected.

    Args:
        data: A png, jpeg, webp, gif, mp4, mp3, aac, wav, flac or ogg file that carries `PLACEHOLDER`.
        token: At most 32 ASCII characters; padded with `-`.
    """
    at = data.find(PLACEHOLDER)
    text = token.encode("ascii")[: len(PLACEHOLDER)].ljust(len(PLACEHOLDER), b"-")
    stamped = data[:at] + text + data[at + len(PLACEHOLDER) :]
    if data.startswith(b"\x89PNG"):
        return _repair_png(stamped, at)
    if data.startswith(b"OggS"):
        return _repair_ogg(stamped, at)
    return stamped


def stamp_raw(data: bytes, token: str) -> bytes:
    """Return raw samples whose first bytes carry `token` in their lowest bits, too quiet to hear."""
    bits = int.from_bytes(token.encode("ascii"), "big")
    head = bytearray(data[:512])
    for index in range(0, len(head), 2):
        head[index] = head[index] & 0xFE | (bits >> (index // 2)) & 1
    return bytes(head) + data[512:]


def _repair_png(data: bytes, at: int) -> bytes:
    start = data.rfind(b"tEXt", 0, at)
    (length,) = struct.unpack(">I", data[start - 4 : start])
    end = start + 4 + length
    return data[:end] + struct.pack(">I", zlib.crc32(data[start:end])) + data[end + 4 :]


@lru_cache(maxsize=1)
def _ogg_table() -> tuple[int, ...]:
    table: list[int] = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ 0x04C11DB7) if value & 0x80000000 else value << 1
        table.append(value & 0xFFFFFFFF)
    return tuple(table)


def _repair_ogg(data: bytes, at: int) -> bytes:
    """Correct the checksum of the Ogg page around position `at` (RFC 3533, section 6)."""
    start = data.rfind(b"OggS", 0, at)
    segments = data[start + 26]
    end = start + 27 + segments + sum(data[start + 27 : start + 27 + segments])
    page = bytearray(data[start:end])
    page[22:26] = bytes(4)
    table, value = _ogg_table(), 0
    for byte in page:
        value = (value << 8 & 0xFFFFFFFF) ^ table[(value >> 24) ^ byte]
    page[22:26] = struct.pack("<I", value)
    return data[:start] + bytes(page) + data[end:]
