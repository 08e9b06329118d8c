"""Tags as FLAC and Ogg keep them: names may come several times, and their order is kept.

Source: Vorbis I specification, 5; RFC 9639, 8.6.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

__all__ = ["VorbisTags"]

NAMES = ("description", "comment")
"""What a comment goes by, that of FFmpeg first."""


@dataclass(frozen=True)
class VorbisTags:
    """Tags, each `NAME=text` in UTF-8.

    Attributes:
        vendor: What the encoder said of itself.
    """

    vendor: bytes = b""
    tags: tuple[bytes, ...] = ()

    @staticmethod
    def read(data: bytes) -> tuple[VorbisTags, bytes]:
        """Return the tags that data begin with, and what follows them.

        Raises:
            struct.error: They are cut off.
        """

        def part(at: int) -> bytes:
            (size,) = struct.unpack_from("<I", data, at)
            return struct.unpack_from(f"{size}s", data, at + 4)[0]

        vendor = part(0)
        (count,), at, tags = struct.unpack_from("<I", data, 4 + len(vendor)), 8 + len(vendor), list[bytes]()
        for _ in range(count):
            tags.append(part(at))
            at += 4 + len(tags[-1])
        return VorbisTags(vendor, tuple(tags)), data[at:]

    @property
    def comment(self) -> str:
        """The comment, empty when there is none; what is not UTF-8 in it is replaced by U+FFFD."""
        return b"".join(self.tags[self._place :][:1]).partition(b"=")[2].decode(errors="replace")

    def with_comment(self, text: str) -> VorbisTags:
        """Return the same with another comment."""
        place = self._place
        name = b"".join(self.tags[place:][:1]).partition(b"=")[0] or b"DESCRIPTION"
        new = name + b"=" + text.encode()
        return replace(self, tags=(*self.tags[:place], new, *self.tags[place + 1 :]))

    def packed(self) -> bytes:
        """Return the tags as they are stored."""
        parts = (struct.pack("<I", len(each)) + each for each in self.tags)
        return struct.pack("<I", len(self.vendor)) + self.vendor + struct.pack("<I", len(self.tags)) + b"".join(parts)

    @property
    def _place(self) -> int:
        """Number of the tag with the comment; that of the next one when there is none."""
        names = [tag.partition(b"=")[0].decode(errors="replace").lower() for tag in self.tags]
        found = [number for number, name in enumerate(names) if name in NAMES]
        return min(found, key=lambda number: NAMES.index(names[number]), default=len(names))
