"""Ken Burns: a still picture becomes a video by a slow, smooth camera move.

The camera window moves in fractions of a pixel. Each of the three 4:2:0 planes is cropped and scaled on its own, which
takes two thirds of the time of cropping RGB and converting every frame, with the same luma (55 dB), and leaves a
frame-to-frame jitter of about 0.04 pixel, where ffmpeg's zoompan shakes by half a pixel.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import EncodeError, ParameterError
from ..control import report_progress
from ..images.colour import flattened, to_srgb
from ..images.opening import read_picture
from ..operation import operation
from ..runner import bounded
from ..scratch import scratch_beside
from .written import check_limits

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

__all__ = ["MOTIONS", "camera_path", "ken_burns"]

MOTIONS = ("auto", "zoom-in", "zoom-out", "pan-left", "pan-right", "pan-up", "pan-down")
MAX_SIDE_PX = 4096
MAX_SECONDS = 600.0
MAX_FRAMES = 36_000
BT709 = 1
PAN_PER_SECOND = 0.06  # of the frame's side: slow enough to read the picture
EASE = 0.35  # 0 moves at constant speed, 1 starts and stops at rest


@dataclass(frozen=True)
class Window:
    """A camera window in source pixels, fractions included."""

    left: float
    top: float
    width: float
    height: float

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom."""
        return self.left, self.top, self.left + self.width, self.top + self.height


@operation(version=1)
def ken_burns(
    source: Path,
    target: Path,
    *,
    seconds: float = 5.0,
    width: int = 1280,
    height: int = 720,
    fps: float | str = 24,
    motion: str = "auto",
    zoom: float = 1.15,
    seed: int = 0,
) -> None:
    """Animate a still picture into an H.264 video without sound.

    Args:
        source: Picture of any size and aspect; it is cropped to the frame's aspect, a little above centre.
        target: The video; `.mp4`.
        seconds: Length, up to 600. The number of frames is `seconds * fps`, rounded, at least 1.
        width: Frame width in pixels, even, 16 to 4096.
        height: Frame height in pixels, even, 16 to 4096.
        fps: Frames per second, 1 to 120; a ratio may be a string (`"30000/1001"`).
        motion: One of `MOTIONS`. `auto` pans along a picture that is much longer than the frame, and otherwise
            chooses by `seed` and the picture.
        zoom: How far a zoom goes, and how much closer than the whole picture a pan looks; 1.01 to 3.
        seed: Changes what `auto` chooses.

    Raises:
        ParameterError: A parameter is out of range; the nearest allowed value is named.
        MediaError: The picture cannot be read, or the video cannot be written.
    """
    rate = _checked(seconds, width, height, fps, motion, zoom)
    if target.suffix.lower() not in (".mp4", ".mov", ".m4v"):
        raise ParameterError(f"Cannot write {target.name!r}: a camera move is H.264 in .mp4. Name the target .mp4.")
    frames = max(1, round(Fraction(seconds).limit_denominator(100_000) * rate))
    check_limits(f"animate '{source.name}'", width, height, frames / rate)
    picture = _opened(source, width, height)
    chosen = motion if motion != "auto" else _choose(picture, width / height, source, seed)
    path = list(camera_path(picture.size, (width, height), frames, chosen, zoom, frames / float(rate)))
    planes, path = _prepared(picture, path, (width, height))
    _encode(planes, path, target, (width, height), rate)


def _checked(seconds: float, width: int, height: int, fps: float | str, motion: str, zoom: float) -> Fraction:
    problems: list[str] = []
    for name, value in (("width", width), ("height", height)):
        if not 16 <= value <= MAX_SIDE_PX:
            problems.append(f"{name} is {value}, allowed are 16 to {MAX_SIDE_PX} pixels")
        elif value % 2:
            problems.append(f"{name} is {value}; H.264 in yuv420p needs an even {name}, the nearest is {value + 1}")
    if not (math.isfinite(seconds) and 0 < seconds <= MAX_SECONDS):
        problems.append(f"seconds is {seconds}, allowed is more than 0 up to {MAX_SECONDS:g}")
    if motion not in MOTIONS:
        problems.append(f"motion is {motion!r}, allowed are {', '.join(MOTIONS)}")
    if not 1.01 <= zoom <= 3:
        problems.append(f"zoom is {zoom}, allowed is 1.01 to 3")
    try:
        rate = Fraction(str(fps)).limit_denominator(1001)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not 1 <= rate <= 120:
        problems.append(f"fps is {fps!r}, allowed is a number or a ratio such as '30000/1001' from 1 to 120")
    elif not problems and seconds * rate > MAX_FRAMES:
        problems.append(f"{seconds:g} s at {fps} fps are {int(seconds * rate)} frames, allowed are {MAX_FRAMES}")
    if problems:
        raise ParameterError(f"Cannot animate the picture: {'; '.join(problems)}.", problems)
    return rate


def _opened(source: Path, width: int, height: int) -> Picture:
    # Twice the frame is more than the closest view of any move needs of a picture that is decoded at a fraction.
    picture = read_picture(source, at_least=lambda _wide, _high: (2.0 * width, 2.0 * height))
    return flattened(to_srgb(picture.image, picture.profile), (255, 255, 255, 255))


def _choose(picture: Picture, aspect: float, source: Path, seed: int) -> str:
    digest = hashlib.sha256(f"{seed}\0".encode() + source.read_bytes()).digest()[0]
    longer = picture.width / picture.height / aspect
    if longer > 1.25:
        return ("pan-right", "pan-left")[digest % 2]
    if longer < 0.8:
        return ("pan-up", "pan-down")[digest % 2]
    return ("zoom-in", "zoom-out", "pan-right", "zoom-in", "pan-left")[digest % 5]


def _cover(size: tuple[int, int], aspect: float, zoom: float) -> Window:
    """Largest window of an aspect inside a picture, divided by zoom; centred across, a third down what is cut."""
    width = min(size[0], size[1] * aspect) / zoom
    height = width / aspect
    return Window((size[0] - width) * 0.5, (size[1] - height) * (0.5 if zoom > 1 else 1 / 3), width, height)


def _ends(size: tuple[int, int], aspect: float, motion: str, zoom: float, seconds: float) -> tuple[Window, Window]:
    if motion in ("zoom-in", "zoom-out"):
        wide = _cover(size, aspect, 1.0)
        width, height = wide.width / zoom, wide.height / zoom
        close = Window(wide.left + (wide.width - width) * 0.5, wide.top + (wide.height - height) * 0.44, width, height)
        return (wide, close) if motion == "zoom-in" else (close, wide)
    view = _cover(size, aspect, zoom)
    if motion in ("pan-left", "pan-right"):
        reach = min(size[0] - view.width, view.width * PAN_PER_SECOND * seconds)
        middle = (size[0] - view.width) / 2
        top = (size[1] - view.height) * 0.44
        first, last = (Window(middle + reach * k, top, view.width, view.height) for k in (-0.5, 0.5))
    else:
        reach = min(size[1] - view.height, view.height * PAN_PER_SECOND * seconds)
        middle = (size[1] - view.height) / 2
        left = (size[0] - view.width) / 2
        first, last = (Window(left, middle + reach * k, view.width, view.height) for k in (-0.5, 0.5))
    return (last, first) if motion in ("pan-left", "pan-up") else (first, last)


def camera_path(
    size: tuple[int, int], frame: tuple[int, int], frames: int, motion: str, zoom: float, seconds: float
) -> Iterator[Window]:
    """Give the camera window of each frame, in source pixels.

    A zoom shrinks the window by a constant factor per step, so that its apparent speed is even, about a fixed point.

    Args:
        size: Width and height of the source.
        frame: Width and height of the video.
        frames: How many windows.
        motion: One of `MOTIONS`, not `auto`.
        zoom: As for `ken_burns`.
        seconds: Length of the move; a pan travels at most 6 % of the frame's side per second.
    """
    first, last = _ends(size, frame[0] / frame[1], motion, zoom, seconds)
    for index in range(frames):
        time = index / max(1, frames - 1)
        eased = time + (time * time * (3 - 2 * time) - time) * EASE
        width = first.width * (last.width / first.width) ** eased
        share = eased if first.width == last.width else (width - first.width) / (last.width - first.width)
        yield Window(
            first.left + (last.left - first.left) * share,
            first.top + (last.top - first.top) * share,
            width,
            width * frame[1] / frame[0],
        )


def _prepared(picture: Picture, path: list[Window], frame: tuple[int, int]) -> tuple[list[Picture], list[Window]]:
    """Cut out what the camera sees, scale it once so that the closest view is 1:1, and split it into Y, U, V.

    The one Lanczos pass keeps the cost of a frame the same for every source, and small sources sharp.
    """
    import av
    from PIL import Image

    left, top = max(0.0, min(w.left for w in path)), max(0.0, min(w.top for w in path))
    right = min(float(picture.width), max(w.left + w.width for w in path))
    bottom = min(float(picture.height), max(w.top + w.height for w in path))
    scale = frame[0] / min(w.width for w in path)
    size = max(2, round((right - left) * scale / 2) * 2), max(2, round((bottom - top) * scale / 2) * 2)
    scaled = picture.resize(size, Image.Resampling.LANCZOS, box=(left, top, right, bottom), reducing_gap=3.0)
    yuv = av.VideoFrame.from_image(scaled).reformat(format="yuv420p", dst_colorspace=BT709)
    planes = [Image.fromarray(_rows(plane)[: plane.height, : plane.width].copy()) for plane in yuv.planes]
    across, down = size[0] / (right - left), size[1] / (bottom - top)
    moved = [Window((w.left - left) * across, (w.top - top) * down, w.width * across, w.height * down) for w in path]
    return planes, moved


def _rows(plane: Any) -> Any:
    """The bytes of a plane as an array, padding at the right included."""
    import numpy as np

    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)


def _frame(planes: list[Picture], window: Window, frame: tuple[int, int]) -> Any:
    import av
    import numpy as np
    from PIL import Image

    made = av.VideoFrame(*frame, "yuv420p")
    made.colorspace = made.color_range = BT709  # 1 is BT.709 in one enumeration and limited range in the other
    for number, (plane, picture) in enumerate(zip(made.planes, planes, strict=True)):
        half = 2 if number else 1
        left, top, right, bottom = (edge / half for edge in window.box)
        box = max(0.0, left), max(0.0, top), min(picture.width, right), min(picture.height, bottom)
        view = picture.resize((frame[0] // half, frame[1] // half), Image.Resampling.BICUBIC, box=box)
        rows = _rows(plane)
        rows[: view.height, : view.width] = np.asarray(view)
    return made


def _encode(
    planes: list[Picture],
    path: list[Window],
    target: Path,
    frame: tuple[int, int],
    rate: Fraction,
) -> None:
    import av.error

    try:
        with scratch_beside(target) as scratch:
            partial = scratch / target.name
            _write(planes, path, partial, frame, rate)
            partial.replace(target)
    except av.error.FFmpegError as exc:
        raise EncodeError(f"Cannot write {target.name!r}: the encoder said {exc}.") from exc


@lru_cache(maxsize=1)
def _instructions() -> str:
    """x264's `asm` option, where it is needed.

    On a CPU with AVX-512 the x264 in PyAV 18.1 weighs macroblocks by memory that it has not written, when a row of them
    is no multiple of 8: equal frames then gave up to 19 different files in 60. With AVX2 they give one.
    """
    try:
        return ":asm=AVX2" if "avx512" in Path("/proc/cpuinfo").read_text() else ""
    except OSError:
        return ""


def _write(planes: list[Picture], path: list[Window], target: Path, frame: tuple[int, int], rate: Fraction) -> None:
    import av

    # The bytes depend on the number of encoder threads, so it is fixed. aq-mode 3 spends bits on dark gradients.
    options = {
        "preset": "veryfast",
        "crf": "18",
        "threads": "2",
        "x264-params": f"aq-mode=3:scenecut=0{_instructions()}",
    }
    check = bounded(f"animate {target.name!r}", target)
    with av.open(str(target), "w", options={"movflags": "+faststart", "fflags": "+bitexact"}) as container:
        stream: Any = container.add_stream("libx264", rate=rate, options=options)
        stream.width, stream.height, stream.pix_fmt = *frame, "yuv420p"
        codec = stream.codec_context
        codec.color_range = codec.colorspace = codec.color_primaries = codec.color_trc = BT709
        codec.gop_size = round(2 * rate)
        for index, window in enumerate(path):
            check()
            report_progress(float(index / rate), float(len(path) / rate))
            made = _frame(planes, window, frame)
            made.pts, made.time_base = index, 1 / rate
            container.mux(stream.encode(made))
        container.mux(stream.encode())
    check()
