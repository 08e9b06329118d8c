"""Single pictures out of a video, decoded in process: posters, thumbnails and what quality checks look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from ...errors import DecodeError, UnsupportedMediaError
from ..container import open_guarded, scan
from ..images.resample import resample
from ..streams import VideoStream

__all__ = ["poster", "sampled_frames"]

LOOKS = 5
"""Places that a poster is chosen from."""
JUMP_FRAMES = 48
"""A moment that is more frames ahead is sought, nearer ones are decoded up to."""
HD_HEIGHT_PX = 577
"""From this height on, colours without a tag are BT.709 to a player, below BT.601."""
TURNS = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}


def sampled_frames(path: Path, times_s: Sequence[float], *, max_side_px: int | None = None) -> Iterator[Image.Image]:
    """Yield the frames shown at some moments, as a player shows them: upright, with square pixels.

    Args:
        path: A video.
        times_s: Seconds from its start, ascending; beyond the end means the last frame.
        max_side_px: Reduce the pictures to this.

    Raises:
        UnsupportedMediaError: It has no moving picture.
        DecodeError: What is there does not decode.
        ProbeError, MediaLimitError: It cannot be opened.
    """
    stream = scan(path).picture
    if stream is None:
        raise UnsupportedMediaError(f"Cannot take a picture from '{path.name}': it has no moving picture.")
    with open_guarded(path) as container:
        decoder = _Decoder(path, container, stream)
        for at_s in times_s:
            yield _upright(decoder.frame_at(at_s), stream, max_side_px)


class _Decoder:
    """Decodes forward, and jumps ahead where the video has key frames to jump to."""

    def __init__(self, path: Path, container: Any, stream: VideoStream) -> None:
        self.path, self.container, self.stream = path, container, stream
        self.source = container.streams[stream.index]
        self.source.codec_context.thread_count = 1  # a pool of threads per open file would starve the others
        self.frames: Iterator[Any] = container.decode(self.source)
        self.current: Any = None
        self.following: Any = None

    def frame_at(self, at_s: float) -> Any:
        """The last frame that begins at or before a moment; the moments must rise."""
        from av.error import FFmpegError

        try:
            self._jump(at_s)
            while self.following is not None or self.current is None:
                if self.current is not None and self._time(self.following) > at_s + 1e-6:
                    break
                self.current = self.following or next(self.frames, None)
                self.following = next(self.frames, None)
                if self.current is None:
                    break
        except FFmpegError as exc:
            raise DecodeError(f"Cannot decode '{self.path.name}' at {at_s:.2f} s: {exc.strerror}.") from exc
        if self.current is None:
            raise DecodeError(f"Cannot take a picture from '{self.path.name}': it has no frame at {at_s:.2f} s.")
        return self.current

    def _time(self, frame: Any) -> float:
        return float(frame.time or 0.0) - self.stream.start_s

    def _jump(self, at_s: float) -> None:
        """Go on at the last place before a moment where decoding may begin, where that leaves out enough."""
        here = self._time(self.current) if self.current is not None else 0.0
        entry = max((place for place in self.stream.entries_s if place <= at_s), default=0.0)
        if (entry - here) * self.stream.frame_rate <= JUMP_FRAMES:
            return
        self.container.seek(round((self.stream.start_s + entry) / self.source.time_base), stream=self.source)
        self.frames = self.container.decode(self.source)
        self.current, self.following = None, next(self.frames, None)


def _upright(frame: Any, stream: VideoStream, max_side_px: int | None) -> Image.Image:
    options: dict[str, Any] = {}
    if stream.colour.matrix == "unknown":
        options["src_colorspace"] = "ITU709" if frame.height >= HD_HEIGHT_PX else "ITU601"
    picture: Image.Image = frame.reformat(format="rgb24", **options).to_image()
    if stream.is_mirrored:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if stream.rotation_deg in TURNS:
        picture = picture.transpose(TURNS[stream.rotation_deg])
    width, height = stream.display_size
    ratio = min(1.0, (max_side_px or max(width, height)) / max(width, height))
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    return picture if picture.size == size else resample(picture, size)


def poster(path: Path, *, at_s: float | None = None, max_side_px: int | None = None) -> Image.Image:
    """Return a telling frame of a video.

    Args:
        path: A video.
        at_s: Where, in seconds; by default the liveliest of some frames across it.
        max_side_px: Reduce it to this.

    Raises:
        UnsupportedMediaError, DecodeError, ProbeError, MediaLimitError: As for `sampled_frames`.
    """
    if at_s is not None:
        return next(sampled_frames(path, [max(0.0, at_s)], max_side_px=max_side_px))
    length = scan(path).duration_s
    times = [length * (0.1 + 0.7 * number / (LOOKS - 1)) for number in range(LOOKS)]
    return max(sampled_frames(path, times, max_side_px=max_side_px), key=_liveliness)


def _liveliness(picture: Image.Image) -> float:
    return picture.convert("L").resize((64, 64)).entropy()
