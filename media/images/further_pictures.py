"""Further pictures behind that of a JPEG (a gain map for bright screens, the other eye), found by where they stand.

Source: CIPA DC-007 (2021), 5.2: an `APP2` segment has a TIFF header, from which on each further picture is so many bytes away.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

__all__ = ["found_again"]

INDEX = b"MPF\0"
BASE = 8
"""Where in the segment the TIFF header begins."""
ENTRIES = 0xB002
ENTRY_BYTES = 16


def found_again(parts: Sequence[bytes], data: bytes) -> list[bytes]:
    """Return the parts of a changed JPEG with its index of pictures set right; a broken index stays as it is.

    Args:
        parts: Segments of the changed file; the last holds the rest of it.
        data: The file before the change.
    """
    at = next((at for at, part in enumerate(parts) if part[:2] == b"\xff\xe2" and part[4:8] == INDEX), None)
    if at is None:
        return list(parts)
    grown_behind = sum(map(len, parts[at + 1 :])) - (len(data) - data.index(parts[at]) - len(parts[at]))
    grown = 2 + sum(map(len, parts)) - len(data)
    try:
        return [*parts[:at], _moved(parts[at], grown, grown_behind), *parts[at + 1 :]]
    except (struct.error, IndexError):
        return list(parts)


def _moved(segment: bytes, grown: int, grown_behind: int) -> bytes:
    """The first picture is the one that grew; the others stand further behind."""
    order = "<" if segment[BASE : BASE + 2] == b"II" else ">"
    index = BASE + struct.unpack_from(f"{order}I", segment, BASE + 4)[0]
    changed = bytearray(segment)
    for number in range(struct.unpack_from(f"{order}H", segment, index)[0]):
        tag, _, size, place = struct.unpack_from(f"{order}HHII", segment, index + 2 + 12 * number)
        for entry in range(BASE + place, BASE + place + size, ENTRY_BYTES) if tag == ENTRIES else ():
            length, distance = struct.unpack_from(f"{order}II", segment, entry + 4)
            pair = (length, distance + grown_behind) if distance else (length + grown, 0)
            struct.pack_into(f"{order}II", changed, entry + 4, *pair)
    return bytes(changed)
