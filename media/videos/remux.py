"""Cut and join coded video without decoding it, where that is exact to the frame.

A range of frames can be taken as it is when it begins at a key frame and no packet before or after it in decoding order
is shown inside it. Ranges can follow each other when their streams are equal in everything a decoder is set up with.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from ...errors import EncodeError
from ..container import Container, open_guarded
from ..control import check_not_cancelled
from ..entries import entry_test
from ..streams import VideoStream

__all__ = ["Shot", "is_spliceable", "matches", "shot_of", "splice", "widest_shot"]

SUFFIXES = {"vp8": ".mkv"}
"""Of files that take a codec which MP4 does not."""


@dataclass(frozen=True)
class Shot:
    """A range of a file's video packets that stands alone.

    Attributes:
        path: The file.
        stream: Its video stream.
        first, count: Packets in decoding order.
        start: Time of the first frame, in units of the stream's time base.
        frames: Number of frames; all packets are shown.
        delay: For how many frames decoding must run ahead, because frames are stored in another order than they are shown.
    """

    path: Path
    stream: VideoStream
    first: int
    count: int
    start: int
    frames: int
    delay: int


def is_spliceable(stream: VideoStream) -> bool:
    """Whether a stream's frames can be counted by time: constant rate, on a clock that the frame rate divides."""
    step = 1 / stream.frame_rate / stream.time_base
    return stream.is_constant_rate and step.denominator == 1 and stream.rotation_deg == 0 and not stream.is_mirrored


def matches(one: VideoStream, other: VideoStream) -> bool:
    """Whether two streams can follow each other undecoded."""

    def facts(stream: VideoStream) -> tuple[Any, ...]:
        return (
            stream.codec,
            stream.parameters,
            stream.width_px,
            stream.height_px,
            stream.pixel_format,
            stream.sample_aspect_ratio,
            stream.frame_rate,
            stream.time_base,
            stream.colour,
            stream.tag,
        )

    return is_spliceable(one) and is_spliceable(other) and facts(one) == facts(other)


@dataclass(frozen=True)
class Cut:
    """A place where a stream's packets can be parted: no packet before it is shown after it, none after it before.

    Attributes:
        frame: The first frame behind it.
        packet: The first packet behind it, in decoding order.
        is_start: Whether decoding may begin there, with that frame.
    """

    frame: int
    packet: int
    is_start: bool


def shot_of(path: Path, found: Container, first: int = 0, end: int | None = None) -> Shot | None:
    """Return the shot of frames from `first` up to but not including `end`, or None when it cannot be taken as it is."""
    stream = found.picture
    if stream is None or not is_spliceable(stream):
        return None
    end = stream.frames if end is None else end
    times, cuts = _cuts(path, stream)
    start, stop = cuts.get(first), cuts.get(end)
    if start is None or stop is None or not start.is_start or not first < end:
        return None
    inside, begins = times[start.packet : stop.packet], times[start.packet]
    delay = max(number - _frame(stream, at - begins) for number, at in enumerate(inside))
    return Shot(path, stream, start.packet, len(inside), begins, end - first, delay)


def widest_shot(path: Path, found: Container, first: int, end: int) -> tuple[int, int] | None:
    """Return the first frame and the one after the last of the longest shot between two frames, None without one."""
    stream = found.picture
    if stream is None or not is_spliceable(stream):
        return None
    cuts = _cuts(path, stream)[1].values()
    begins = min((cut.frame for cut in cuts if cut.is_start and cut.frame >= first), default=end)
    ends = max((cut.frame for cut in cuts if cut.frame <= end), default=first)
    return (begins, ends) if begins < ends else None


def _cuts(path: Path, stream: VideoStream) -> tuple[array[int], dict[int, Cut]]:
    """Return the time of each packet, and the places between them where the stream can be parted, by frame."""
    times, keys = _packets(path, stream)
    if not times:
        return times, {}
    origin = min(times)
    highest = list(accumulate(times, max))  # of the packets up to here
    lowest = [*accumulate(reversed(times), min)][::-1]  # of the packets from here on
    cuts = {len(times): Cut(len(times), len(times), is_start=False)}
    for number, at in enumerate(lowest):
        if number == 0 or highest[number - 1] < at:
            frame = _frame(stream, at - origin)
            cuts[frame] = Cut(frame, number, is_start=keys[number] and times[number] == at)
    return times, cuts


def _step(stream: VideoStream) -> int:
    """Length of a frame of a spliceable stream, in units of its time base."""
    return int(1 / stream.frame_rate / stream.time_base)


def _frame(stream: VideoStream, time: int) -> int:
    """Number of the frame that is shown at a time since the first, which a coarse clock may have rounded."""
    step = _step(stream)
    return (time + step // 2) // step


def _packets(path: Path, stream: VideoStream) -> tuple[array[int], list[bool]]:
    """Return the time of each packet, and whether a decoder can begin with it, whatever it decoded before."""
    times, keys = array("q"), list[bool]()
    with open_guarded(path) as container:
        source = container.streams[stream.index]
        is_entry = entry_test(stream.codec, bytes(source.codec_context.extradata or b""))
        for packet in container.demux(source):
            if packet.size and packet.pts is not None:
                if packet.is_discard:  # hidden by an edit list, which a new file would not have
                    return array("q"), []
                times.append(packet.pts)
                keys.append(packet.is_keyframe and is_entry(packet))
    return times, keys


def splice(shots: Sequence[Shot], folder: Path, *, what: str) -> Path:
    """Write shots one after the other into a new file, undecoded, without sound, and return its path.

    Args:
        shots: Of matching streams (see `matches`).
        folder: Where to write the file, `pictures` with the suffix of a container that takes their codec.
        what: Completes "Cannot ..." in errors.

    Raises:
        EncodeError: It cannot be written, or was cancelled.
    """
    import av
    from av.error import FFmpegError

    path = folder / f"pictures{SUFFIXES.get(shots[0].stream.codec, '.mp4')}"
    try:
        with av.open(str(path), "w", options={"fflags": "+bitexact"}) as out:
            stream: Any = None
            at, delay = 0, max(shot.delay for shot in shots)
            for shot in shots:
                with open_guarded(shot.path) as container:
                    source = container.streams[shot.stream.index]
                    stream = stream or _stream_like(out, source)
                    _copy(container, source, out, stream, shot, at, delay)
                    at += shot.frames
    except FFmpegError as exc:
        raise EncodeError(f"Cannot {what}: {exc}") from exc
    return path


def _stream_like(out: Any, source: Any) -> Any:
    # By name, PyAV would look for an encoder that is called as the decoder; AV1 has none ("libdav1d").
    stream = out.add_stream_from_template(source, opaque=True)
    stream.time_base = source.time_base
    stream.metadata.clear()
    return stream


def _copy(container: Any, source: Any, out: Any, stream: Any, shot: Shot, at: int, delay: int) -> None:
    """Copy a shot to be shown from frame `at`. Decoding times are anew one frame apart, so that they go on over a seam."""
    step, number = _step(shot.stream), 0
    for packet in container.demux(source):
        if not packet.size or packet.pts is None:
            continue
        if shot.first <= number < shot.first + shot.count:
            if number % 512 == 0:
                check_not_cancelled(f"copy the video of '{shot.path.name}'")
            packet.pts = (at + _frame(shot.stream, packet.pts - shot.start)) * step
            packet.dts = (at + number - shot.first - delay) * step
            packet.duration = step
            packet.stream = stream
            out.mux(packet)
        number += 1
        if number >= shot.first + shot.count:
            break
