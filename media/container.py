"""Facts of a container by a scan of its packets: what is really in the file, whatever its header says.

Headers are wrong often enough to matter: a variable frame rate reported as constant, a duration that hides a gap of
hours, a size of another stream. Only the first picture is decoded (it carries rotation and colour); everything else
comes from packet times. Nothing but local files in known formats is opened: see `FORMATS`.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import MediaLimitError, ProbeError, UnsupportedMediaError
from ..settings import Settings, get_settings
from .gauges import AudioGauge, Gauge, VideoGauge, reason_of
from .sniff import describe, not_a_file
from .streams import AudioStream, Colour, Container, VideoStream

__all__ = [
    "FORMATS",
    "AudioStream",
    "Colour",
    "Container",
    "VideoStream",
    "open_guarded",
    "scan",
]

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,wav,mp3,ogg,flac,aac,gif"
"""Demuxers that may open a sound or video file. Playlists (hls, concat, dash, sdp) and file patterns (image2) are left
out: they make FFmpeg read other files. Pictures are not opened here at all."""

OPEN_TIMEOUT_S = 10.0
MISSING_S = 0.2
"""By how much a Matroska header may promise more than there is."""


@contextmanager
def open_guarded(path: Path) -> Generator[Any]:
    """Open a local file with PyAV behind the guards (formats, protocols, time, number of streams).

    Raises:
        ProbeError: It is not there, or not readable as one of `FORMATS`.
        MediaLimitError: It is too large, or has too many streams.
    """
    import av
    from av.error import FFmpegError

    limits = get_settings()
    _check_file(path, limits)
    options = {"protocol_whitelist": "file", "format_whitelist": FORMATS}
    try:
        with av.open(
            f"file:{path.absolute()}",
            timeout=OPEN_TIMEOUT_S,
            options=options,
            metadata_errors="replace",
        ) as container:
            if len(container.streams) > limits.max_streams:
                raise MediaLimitError(
                    f"Cannot use '{path.name}': it has {len(container.streams)} streams, at most {limits.max_streams} "
                    "are allowed. Remove some, or raise PREFECT_MEDIA_MAX_STREAMS."
                )
            yield container
    except FFmpegError as exc:
        raise ProbeError(
            f"Cannot read '{path.name}' as video or audio: {_why(path, exc)}. Allowed: {FORMATS}."
        ) from exc


def _why(path: Path, error: Exception) -> str:
    """Say what a file is, when it is nothing that plays; else what FFmpeg said, such as that it is damaged."""
    found = describe(path)
    return reason_of(error) if found.startswith(("video/", "audio/")) else f"it is {found}"


def _check_file(path: Path, limits: Settings) -> None:
    if any(ord(char) < 32 for char in str(path)):
        raise ProbeError(f"Cannot read {str(path)!r}: its name has a control character. Rename it.")
    if problem := not_a_file(path):
        raise ProbeError(f"Cannot read '{path}': {problem}.")
    size = path.stat().st_size
    if size == 0:
        raise ProbeError(f"Cannot read '{path.name}' as media: the file is empty.")
    if size > limits.max_media_bytes:
        raise MediaLimitError(
            f"Cannot use '{path.name}': it has {size} bytes, at most {limits.max_media_bytes} are allowed. "
            "Make it smaller, or raise PREFECT_MEDIA_MAX_MEDIA_BYTES."
        )


def scan(path: Path) -> Container:
    """Return the facts of an audio or video file from its packets.

    Raises:
        ProbeError: Not readable as media, or none of its streams holds anything.
        UnsupportedMediaError: Readable, but with neither video nor audio.
        MediaLimitError: Over a limit of the settings (bytes, streams, pixels, duration), or too slow to read.
    """
    limits = get_settings()
    with open_guarded(path) as container:
        gauges = [_gauge(path, stream, limits) for stream in container.streams]
        covers = sum(1 for stream in container.streams if _is_cover(stream))
        others_end_s = _read_packets(path, container, gauges, limits)
        video = tuple(g.facts() for g in gauges if isinstance(g, VideoGauge) and g.times)
        audio = tuple(g.facts() for g in gauges if isinstance(g, AudioGauge) and g.times)
        streams = [*video, *audio]
        if not streams:
            if any(isinstance(g, VideoGauge | AudioGauge) for g in gauges):
                raise ProbeError(f"Cannot use '{path.name}': its streams are empty. The file is truncated or damaged.")
            raise UnsupportedMediaError(
                f"Cannot use '{path.name}': it holds neither video nor audio that can be decoded."
            )
        start = min(stream.start_s for stream in streams)
        end = max(stream.start_s + stream.duration_s for stream in streams)
        return Container(
            format=container.format.name,
            size_bytes=path.stat().st_size,
            start_s=start,
            duration_s=end - start,
            video=video,
            audio=audio,
            subtitles=sum(1 for stream in container.streams if stream.type == "subtitle"),
            covers=covers,
            is_truncated=_is_truncated(container, path.stat().st_size, max(end, others_end_s)),
            tags=dict(container.metadata),
            zero_s=None if container.start_time is None else container.start_time / 1_000_000,
        )


def _is_truncated(container: Any, size_bytes: int, end_s: float) -> bool:
    if "mp4" in container.format.name:
        entries = (stream.index_entries for stream in container.streams if stream.index_entries)
        return any(entry.pos + entry.size > size_bytes for each in entries for entry in each)
    if "matroska" not in container.format.name:
        return False
    # The header's duration counts every stream, also those whose packets do not say how long they last.
    others = any(stream.type not in ("video", "audio") for stream in container.streams)
    slack_s = max(MISSING_S, end_s / 20) if others else MISSING_S
    return (container.duration or 0) / 1_000_000 > end_s + slack_s


def _is_cover(stream: Any) -> bool:
    from av.stream import Disposition

    return stream.type == "video" and bool(stream.disposition & Disposition.attached_pic)


def _read_packets(path: Path, container: Any, gauges: list[Gauge | None], limits: Settings) -> float:
    """Read all packets; return where the last of what has no gauge, such as a subtitle, ends (s)."""
    deadline, others_end_s = time.monotonic() + limits.media_stall_s, 0.0
    for number, packet in enumerate(container.demux()):
        gauge = gauges[packet.stream_index]
        if gauge is not None:
            gauge.take(packet)
        elif packet.pts is not None and packet.time_base:
            others_end_s = max(others_end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        if number % 1024 == 1023 and time.monotonic() > deadline:
            raise MediaLimitError(
                f"Cannot use '{path.name}': reading its packets took over {limits.media_stall_s:.0f} s "
                f"({number + 1} packets). Re-encode it, or raise PREFECT_MEDIA_MEDIA_STALL_S."
            )
    return others_end_s


def _gauge(path: Path, stream: Any, limits: Settings) -> Gauge | None:
    from av.audio.stream import AudioStream as Sounding
    from av.video.stream import VideoStream as Moving

    # A stream that no decoder knows still says that it is video or audio, but is of neither class.
    if isinstance(stream, Moving) and stream.codec_context is not None and not _is_cover(stream):
        return VideoGauge(path, stream, limits.max_duration_s, limits.max_video_pixels)
    if isinstance(stream, Sounding) and stream.codec_context is not None:
        return AudioGauge(path, stream, limits.max_duration_s)
    return None
