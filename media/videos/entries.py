"""Pictures that a decoder may begin with after anything else: what containers call a key frame is not always one.

An open group of pictures and a gradual refresh begin with frames that are marked as key frames, but need a decoder that has
forgotten nothing (open) or that may show nothing for a while (refresh). Source: ITU-T H.264 (2021) table 7-1; H.265 (2021)
table 7-1; ISO/IEC 14496-15 (2022), 5.3.3.1 and 8.3.3.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["entry_test"]

H264_IDR = (5,)
HEVC_ENTRIES = (16, 17, 18, 19, 20)
"""IDR, and pictures at which a link was broken."""
START_CODE = re.compile(rb"\x00\x00\x01")
LENGTH_AT = {"h264": 4, "hevc": 21}
"""Byte of the decoder's configuration whose last two bits say in how many bytes, less one, a unit has its length."""


def entry_test(codec: str, configuration: bytes) -> Callable[[Any], bool]:
    """Return what tells of a packet that is marked as a key frame whether it is an entry.

    Args:
        codec: FFmpeg's name. Key frames of others than H.264 and HEVC are entries.
        configuration: Of the stream: `extradata`.
    """
    if codec not in LENGTH_AT:
        return lambda _: True
    at = LENGTH_AT[codec]
    length = (configuration[at] & 3) + 1 if len(configuration) > at and configuration[:1] == b"\x01" else 0

    def is_entry(packet: Any) -> bool:
        kinds = _kinds(bytes(packet), length)
        if codec == "h264":
            return any(kind & 31 in H264_IDR for kind in kinds)
        return any(kind >> 1 & 63 in HEVC_ENTRIES for kind in kinds)

    return is_entry


def _kinds(data: bytes, length: int) -> Iterator[int]:
    """Yield the first byte of each unit, which tells its kind."""
    if not length:
        yield from (data[found.end()] for found in START_CODE.finditer(data) if found.end() < len(data))
        return
    at = 0
    while at + length < len(data):
        yield data[at + length]
        at += length + int.from_bytes(data[at : at + length], "big")
