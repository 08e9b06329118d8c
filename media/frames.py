"""Single pictures out of a video, decoded in process: posters and what quality checks look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from ..errors import DecodeError, UnsupportedMediaError
from .container import open_guarded, scan
from .streams import VideoStream

__all__ = ["poster", "sampled_frames"]

LOOKS = 5
"""Places that a poster is chosen from."""


def _upright(picture: Image.Image, stream: VideoStream) -> Image.Image:
    """Return a decoded frame as a player shows it: square pixels, rotation applied."""
    width, height = stream.display_size
    if stream.rotation_deg in (90, 270):
        width, height = height, width
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    if stream.is_mirrored:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    turn = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
    return picture.transpose(turn[stream.rotation_deg]) if stream.rotation_deg in turn else picture


def sampled_frames(path: Path, times_s: list[float]) -> Iterator[Image.Image]:
    """Yield the frames shown at some moments, as a player shows them.

    Args:
        path: A video.
        times_s: Seconds from its start, ascending; beyond the end means the last frame.

    Raises:
        UnsupportedMediaError: It has no moving picture.
        DecodeError: Not a single frame can be decoded.
        ProbeError, MediaLimitError: It cannot be opened.
    """
    from av.error import FFmpegError

    stream = scan(path).picture
    if stream is None:
        raise UnsupportedMediaError(f"'{path.name}' has no moving picture.")
    with open_guarded(path) as container:
        source = container.streams[stream.index]
        source.thread_type = "AUTO"
        for at_s in times_s:
            frame = None
            wanted = stream.start_s + at_s
            try:
                container.seek(max(0, int(wanted / source.time_base)), stream=source)
                for decoded in container.decode(source):
                    frame = decoded
                    if decoded.time is not None and decoded.time + 1e-6 >= wanted:
                        break
            except FFmpegError as exc:
                if frame is None:
                    raise DecodeError(f"'{path.name}' does not decode at {at_s:.2f} s: {exc}.") from exc
            if frame is None:
                raise DecodeError(f"'{path.name}' has no frame at {at_s:.2f} s.")
            yield _upright(frame.to_image(), stream)


def poster(path: Path, *, at_s: float | None = None) -> Image.Image:
    """Return a telling frame of a video.

    Args:
        path: A video.
        at_s: Where, in seconds; by default the liveliest of some frames across it.

    Raises:
        UnsupportedMediaError, DecodeError, ProbeError, MediaLimitError: As for `sampled_frames`.
    """
    if at_s is not None:
        return next(sampled_frames(path, [at_s]))
    length = scan(path).duration_s
    times = [length * (0.1 + 0.7 * number / (LOOKS - 1)) for number in range(LOOKS)]
    return max(sampled_frames(path, times), key=lambda frame: frame.convert("L").resize((64, 64)).entropy())
