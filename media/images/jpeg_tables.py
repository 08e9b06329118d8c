"""The headers of a plain JPEG, checked so closely that no two decoders can read them in two ways.

Source: ITU-T T.81, annexes B.2 and C.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["essence"]

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
SOF0, DHT, SOS, DQT, COM = 0xC0, 0xC4, 0xDA, 0xDB, 0xFE
APP = range(0xE0, 0xF0)
MARKER = re.compile(rb"\xff[^\x00]")
WHOLE_BLOCK = b"\x00\x3f\x00"
"""All 64 coefficients in one scan, at full precision."""
LARGEST_DC = 11
"""Most bits of a difference between two blocks with samples of 8 bits."""


@dataclass
class _Tables:
    scales: set[int] = field(default_factory=set[int])
    codes: set[int] = field(default_factory=set[int])
    frames: list[bytes] = field(default_factory=list[bytes])
    scan: bytes | None = None

    def take(self, kind: int, body: bytes) -> bool:
        """Take a segment in; return whether it is as it should be."""
        if kind == DQT:
            return self._take_scales(body)
        if kind == DHT:
            return self._take_codes(body)
        if kind == SOF0:
            self.frames.append(body)
        else:
            self.scan = body
        return True

    def _take_scales(self, body: bytes) -> bool:
        tables = [body[at : at + 65] for at in range(0, len(body), 65)]
        self.scales.update(table[0] for table in tables)
        return all(len(table) == 65 and table[0] < 4 and 0 not in table[1:] for table in tables)

    def _take_codes(self, body: bytes) -> bool:
        while body:
            key, counts, end = body[0], body[1:17], 17 + sum(body[1:17])
            symbols, body = body[17:end], body[end:]
            room = 1
            for count in counts:
                room = 2 * room - count
                if room < 1:  # more codes than there are, or one of ones only
                    return False
            if len(symbols) != end - 17 or key not in (0, 1, 2, 3, 16, 17, 18, 19):
                return False
            if key < 4 and max(symbols, default=0) > LARGEST_DC:
                return False
            self.codes.add(key)
        return True

    def agree(self) -> bool:
        """Return whether there is one frame of three parts and one scan of the same, with every table they name."""
        if len(self.frames) != 1 or self.scan is None:
            return False
        frame, scan = self.frames[0], self.scan
        if (
            len(frame) != 15
            or frame[0] != 8
            or frame[5] != 3
            or len(scan) != 10
            or scan[0] != 3
            or scan[7:] != WHOLE_BLOCK
        ):
            return False
        chosen = {key for pair in scan[2:7:2] for key in (pair >> 4, 16 + (pair & 15))}
        return frame[6::3] == scan[1:6:2] and set(frame[8::3]) <= self.scales and chosen <= self.codes


def essence(data: bytes) -> bytes | None:
    """Return a JPEG without its metadata, or None when it is not just sound tables, one baseline scan and its end.

    Args:
        data: The whole file.
    """
    tables, parts, at = _Tables(), [SOI], len(SOI)
    while tables.scan is None:
        if len(data) < at + 4 or data[at] != 0xFF:
            return None
        kind, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        end = at + 2 + length
        if kind in (DQT, DHT, SOF0, SOS):
            if length < 3 or not tables.take(kind, data[at + 4 : end]):
                return None
            parts.append(data[at:end])
        elif kind not in APP and kind != COM:
            return None
        at = end
    found = MARKER.search(data, at)
    if not tables.agree() or not found or found.group() != EOI or found.end() != len(data):
        return None
    parts.append(data[at:])
    return b"".join(parts)
