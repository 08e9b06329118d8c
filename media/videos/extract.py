"""Single pictures out of a video, upright, in sRGB, exact to the frame."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from PIL import Image

from ...errors import DecodeError, ParameterError
from .. import ffmpeg
from ..arguments import Argument
from ..container import scan
from ..images.encoding import check_quality, format_of, save_picture
from ..operation import operation
from ..scratch import scratch_beside
from .opening import lead_of, open_reel
from .reel import Reel

__all__ = ["extract_frame", "extract_frames", "read_frames"]

MAX_FRAMES = 1000
WORDS = {"first": 0.0, "middle": 0.5, "last": 1.0}


@operation(version=3)
def extract_frame(source: Path, target: Path, *, at: float | str = 0.0, quality: int | None = None) -> None:
    """Save one picture of a video.

    Args:
        source: Any video.
        target: Picture file; its suffix decides the format.
        at: Time in seconds from where the video begins, be it with sound alone; before the first picture that one is taken.
            Or `first`, `middle`, `last`.
        quality: 1 to 100, for jpeg, webp and avif.

    Raises:
        ParameterError: A value is not possible, or the time is not inside the video.
        MediaError: The source cannot be used, or the target not written.
    """
    check_quality(format_of(target), quality)
    found = scan(source)
    reel = open_reel(source, found=found, keep_sound=False, keep_alpha=True)
    number = _number(reel, at, lead_of(found, reel.rate))
    sought = open_reel(source, found=found, keep_sound=False, keep_alpha=True, from_s=float(number / reel.rate))
    with scratch_beside(target) as scratch:
        picture = read_frames(sought, [0], scratch, what=f"take a picture of '{source.name}'")[0]
        save_picture(picture, target, quality=quality)


def _number(reel: Reel, at: float | str, lead_s: float) -> int:
    if isinstance(at, str):
        if at not in WORDS:
            raise ParameterError(f"at={at!r} is unknown. Known: {', '.join(WORDS)}, or a time in seconds.")
        return int((reel.frames - 1) * WORDS[at])
    length = lead_s + float(reel.duration)
    if not 0 <= at <= length:
        raise ParameterError(f"at={at} is outside '{reel.name}', which lasts {length:.3f} s.")
    since = Fraction(max(0.0, at - lead_s))
    return min(reel.frames - 1, int(since * reel.rate + Fraction(1, 1000)))


def extract_frames(
    source: Path,
    folder: Path,
    *,
    at: Sequence[float | str] = (),
    count: int | None = None,
    every_s: float | None = None,
    suffix: str = ".png",
    quality: int | None = None,
) -> list[Path]:
    """Save several pictures of a video, with one decode.

    Args:
        source: Any video.
        folder: Where the pictures go, as `frame-00001.png` and so on, in order of time.
        at: Times, as for `extract_frame`; or one of the next two.
        count: So many pictures, evenly spread, the first and the last included.
        every_s: One picture each time this many seconds have passed, from the first on.
        suffix: Decides the format.
        quality: 1 to 100, for jpeg, webp and avif.

    Returns:
        The files, in order of time.

    Raises:
        ParameterError: A value is not possible, or a time is not inside the video.
        MediaError: The source cannot be used, or a picture not written.
    """
    check_quality(format_of(Path(f"frame{suffix}")), quality)
    if isinstance(at, str) or not isinstance(at, Sequence):
        raise ParameterError(f"at={at!r:.80} is not a list of times. Write at=[0, 1.5, 'last'].")
    at = [Argument("at", float | str).taken(time) for time in at]
    count, every_s = Argument("count", int | None).taken(count), Argument("every_s", float | None).taken(every_s)
    found = scan(source)
    reel = open_reel(source, found=found, keep_sound=False, keep_alpha=True)
    numbers = _numbers(reel, at, count, every_s, lead_of(found, reel.rate))
    paths = [folder / f"frame-{number:05d}{suffix}" for number in range(1, len(numbers) + 1)]
    with scratch_beside(paths[0]) as scratch:
        pictures = read_frames(reel, numbers, scratch, what=f"take {len(numbers)} pictures of '{source.name}'")
        for picture, path in zip(pictures, paths, strict=True):
            save_picture(picture, path, quality=quality)
    return paths


def _numbers(
    reel: Reel, at: Sequence[float | str], count: int | None, every_s: float | None, lead_s: float
) -> list[int]:
    if sum((bool(at), count is not None, every_s is not None)) != 1:
        raise ParameterError("extract_frames needs one of at, count and every_s.")
    if count is not None:
        if not 1 <= count <= min(MAX_FRAMES, reel.frames):
            raise ParameterError(f"count={count} is not from 1 to {min(MAX_FRAMES, reel.frames)}.")
        return sorted({round(n * (reel.frames - 1) / max(1, count - 1)) for n in range(count)})
    if every_s is not None:
        step = Fraction(every_s) * reel.rate
        if step < 1 or reel.frames / step > MAX_FRAMES:
            raise ParameterError(
                f"every_s={every_s} is shorter than a frame, or gives more than {MAX_FRAMES} pictures."
            )
        return [round(n * step) for n in range(int((reel.frames - 1) / step) + 1)]
    return sorted({_number(reel, one, lead_s) for one in at})


def read_frames(reel: Reel, numbers: Sequence[int], scratch: Path, *, what: str) -> list[Image.Image]:
    """Return frames of a reel by their numbers (ascending), `RGB` or `RGBA`.

    Raises:
        DecodeError: The video ended before the last of them.
        EncodeError: ffmpeg failed.
    """
    ready = reel.settled()
    mode, pixels, depth = ("RGBA", "rgba", 4) if ready.has_alpha else ("RGB", "rgb24", 3)
    raw = scratch / "frames.rgb"
    options = {"f": "rawvideo", "c:v": "rawvideo", "pix_fmt": pixels, "fps_mode": "passthrough"}  # no frame twice
    ffmpeg.render({raw: ([_chosen(ready, numbers, pixels)], options)}, what=what)
    size = ready.width * ready.height * depth
    with raw.open("rb") as file:
        data = [file.read(size) for _ in numbers]
    if len(data[-1]) < size:
        raise DecodeError(f"Cannot {what}: the video ended before frame {numbers[-1]}.")
    return [Image.frombytes(mode, (ready.width, ready.height), one) for one in data]


def _chosen(reel: Reel, numbers: Sequence[int], pixels: str) -> Any:
    picture = reel.picture.filter("trim", end_frame=numbers[-1] + 1)
    if list(numbers) != list(range(numbers[-1] + 1)):
        picture = picture.filter("select", "+".join(f"eq(n,{number})" for number in numbers))
    conversion = {"in_color_matrix": "bt709", "in_range": "tv", "out_range": "pc"}
    return picture.filter("scale", flags="bicubic+accurate_rnd+full_chroma_int+full_chroma_inp", **conversion).filter(
        "format", pixels
    )
