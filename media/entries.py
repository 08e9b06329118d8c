"""Pictures that a decoder may begin with: what containers call a key frame is not always one.

An open group of pictures and a gradual refresh begin with frames that are marked as key frames. Of an open group the first
picture is whole, but some that are stored after it and shown before it are not; what a refresh begins with needs pictures from
before. Source: ITU-T H.264 (2021) table 7-1 and 7.3.3; H.265 (2021) table 7-1; ISO/IEC 14496-15 (2022), 5.3.3.1 and 8.3.3.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["entry_test", "whole_test"]

H264_SLICE, H264_IDR = 1, 5
H264_INTRA = (2, 4, 7, 9)
"""Slice types I and SI."""
HEVC_ENTRIES = (16, 17, 18, 19, 20)
"""IDR, and pictures at which a link was broken."""
UNIT_BYTES = 6
"""Of a unit, as many as its kind, its first macroblock and its type of slice take."""
START_CODE = re.compile(rb"\x00\x00\x01")
LENGTH_AT = {"h264": 4, "hevc": 21}
"""Byte of the decoder's configuration whose last two bits say in how many bytes, less one, a unit has its length."""


def entry_test(codec: str, configuration: bytes) -> Callable[[Any], bool]:
    """Return what tells of a packet that is marked as a key frame whether decoding may begin there after anything else.

    Args:
        codec: FFmpeg's name. Key frames of others than H.264 and HEVC are entries.
        configuration: Of the stream: `extradata`.
    """
    length = _length(codec, configuration)
    if codec == "h264":
        return lambda packet: any(unit[0] & 31 == H264_IDR for unit in _units(packet, length))
    if codec == "hevc":
        return lambda packet: any(unit[0] >> 1 & 63 in HEVC_ENTRIES for unit in _units(packet, length))
    return lambda _: True


def whole_test(codec: str, configuration: bytes) -> Callable[[Any], bool]:
    """Return what tells of a packet that is marked as a key frame whether its picture is whole without any before it.

    Args:
        codec: FFmpeg's name. Key frames of others than H.264 are whole; in HEVC a refresh has no such mark.
        configuration: Of the stream: `extradata`.
    """
    length = _length(codec, configuration)
    return (lambda packet: _is_whole(_units(packet, length))) if codec == "h264" else lambda _: True


def _length(codec: str, configuration: bytes) -> int:
    """Return in how many bytes a unit has its length; 0 where start codes part them."""
    at = LENGTH_AT.get(codec, len(configuration))
    return (configuration[at] & 3) + 1 if len(configuration) > at and configuration[:1] == b"\x01" else 0


def _units(packet: Any, length: int) -> Iterator[memoryview]:
    """Yield the beginning of each unit of a packet, which tells its kind: one byte at least."""
    data = memoryview(packet)
    if not length:
        yield from (data[at : at + UNIT_BYTES] for at in map(re.Match.end, START_CODE.finditer(data)) if at < len(data))
        return
    at = 0
    while at + length < len(data):
        yield data[at + length : at + length + UNIT_BYTES]
        at += length + int.from_bytes(data[at : at + length], "big")


def _is_whole(units: Iterator[memoryview]) -> bool:
    """Whether all slices of the first picture, or of the first field of a pair, are made from themselves alone.

    A refresh may go from slice to slice, and a second field may be made from the first.
    """
    is_begun = False
    for unit in units:
        if unit[0] & 31 == H264_IDR:
            return True
        if unit[0] & 31 == H264_SLICE:
            macroblock, rest = _golomb("".join(f"{byte:08b}" for byte in unit[1:]))
            if is_begun and macroblock == 0:
                break
            if _golomb(rest)[0] not in H264_INTRA:
                return False
            is_begun = True
    return is_begun


def _golomb(bits: str) -> tuple[int, str]:
    """Read an Exp-Golomb number; return it, -1 where there is none, and the bits that follow."""
    zeros = bits.find("1")
    end = 2 * zeros + 1
    return (int(bits[zeros:end], 2) - 1, bits[end:]) if zeros >= 0 and end <= len(bits) else (-1, "")
