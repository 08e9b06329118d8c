"""WAV files whose header does not say how long they are, as programs write that stream them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import ffmpeg
from ..streams import UNKNOWN, AudioStream

__all__ = ["sound_source"]

RAW = {
    "pcm_u8": "u8", "pcm_s16le": "s16le", "pcm_s24le": "s24le", "pcm_s32le": "s32le", "pcm_f32le": "f32le",
    "pcm_f64le": "f64le", "pcm_mulaw": "mulaw", "pcm_alaw": "alaw",
}  # fmt: skip
"""FFmpeg's demuxer of each codec without a header."""
UNSAID = 0x7FFF_0000
"""Sizes from here on (but for those of real files of 2 GB) stand for an unknown one: SoX writes 0x7ffff000 and the like, others
0xffffffff or 0."""
HEADER_BYTES = 1 << 20


def sound_source(path: Path, stream: AudioStream, **options: Any) -> Any:
    """Return a file as an input node whose stream `a:0` is its first sound.

    Of a WAV file of unsaid length, FFmpeg takes the last packet for a damaged one. Read as bare samples, it has no header.

    Args:
        path: The file.
        stream: Its first sound.
        **options: Input options of ffmpeg.
    """
    start = _unending(path) if stream.codec in RAW else None
    if start is None:
        return ffmpeg.source(path, **options)
    form = RAW[stream.codec]
    shape = {"ar": stream.sample_rate_hz, "ac": stream.channels} | (
        {} if stream.layout == UNKNOWN else {"ch_layout": stream.layout}
    )
    return ffmpeg.source(path, formats=form, f=form, skip_initial_bytes=start, **shape, **options)


def _unending(path: Path) -> int | None:
    """Return where the samples of a WAV file of unsaid length begin, in bytes; None for other files."""
    with path.open("rb") as file:
        head = file.read(HEADER_BYTES)
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return None
    at = 12
    while at + 8 <= len(head):
        name, size = head[at : at + 4], int.from_bytes(head[at + 4 : at + 8], "little")
        at += 8
        if name == b"data":
            is_unsaid = not size or (size >= UNSAID and at + size > path.stat().st_size)
            return at if is_unsaid else None
        at += size + size % 2
    return None
