"""Is an output worth anything? What a model returns when something went wrong reads like media, but shows nothing.

The checks are cheap (a few frames, a small copy of each picture) and careful: a dark scene with structure passes, a black
rectangle does not.
"""

from __future__ import annotations

import math
from itertools import combinations
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageStat

from ..errors import DecodeError, DegenerateOutputError, MediaError
from .images.colour import to_srgb
from .images.fit import load_rgb, opaque_if_it_is
from .images.opening import Picture
from .probe import probe
from .types import Audio, Media, Video
from .videos.frames import sampled_frames

__all__ = ["check_output"]

SAMPLE_PX = 128
FLAT_DEVIATION = 0.6
"""Standard deviation, of 255, under which a picture counts as one colour: below what dithering and JPEG add to it."""
TINY_PX = 64
"""Pictures of so few pixels may well be of one colour."""
SILENT_PEAK = 0.001
"""Of full scale (-60 dBFS): under it nothing is heard."""
SHORTEST_SOUND_S = 0.02
WINDOW_S = 0.01
HEARD_S = 0.03
"""Sound that is heard for less than this altogether is a click in silence: the shortest syllable lasts longer."""
BLOCK_PX, MOST_BLOCKS = 16, 32
"""Frames are compared by the mean colours of blocks at least so large: what encoding adds averages out in them."""
MOVED_LEVELS = 7
"""Of 255. A block that changes by less, between any two looks, stands still. Measured with H.264 at crf 18 to 36: a frozen
picture changes its blocks by at most 5 (1280x720) or 6 (640x360, with grain), a moving mouth by 34 or 13, a zoom of half a
pixel per frame by 11."""
STILL_AFTER_S = 1.0
"""A video shorter than this may stand still."""
LOOKS = (0.02, 0.17, 0.31, 0.52, 0.73, 0.98)
"""Where a video is looked at, as shares of its length: unevenly, as frames at equal distances of one that repeats itself
are all alike."""
CLOSE_LOOKS = 41
"""How many more are taken before a video is called still: it was paid for."""


def check_output(media: Media | Path, picture: Picture | None = None) -> None:
    """Refuse media that is readable but worthless.

    Args:
        media: A value of the store, or a file that need not be in it.
        picture: What the file shows, when it is an image and already decoded.

    Raises:
        DegenerateOutputError: One colour throughout, silent, frozen, too short to be anything, or cut off.
        MediaError: It cannot be read at all.
    """
    if isinstance(media, Path):
        kind, path, duration_s, picture = _probed(media)
    else:
        kind, path, duration_s = _known(media)
    if kind == "image":
        _check_picture(_shown(picture) if picture else _decoded(path), path)
    elif kind == "video":
        _check_video(path, duration_s)
    else:
        _check_sound(path, duration_s)


def _known(media: Media) -> tuple[str, Path, float]:
    if isinstance(media, Video | Audio):
        return media.kind, media.path(), media.duration_s
    return "image", media.path(), 0.0


def _probed(path: Path) -> tuple[str, Path, float, Picture | None]:
    try:
        probed = probe(path)
    except DecodeError as exc:
        raise DegenerateOutputError(f"The output cannot be decoded: {exc}") from exc
    return probed.kind, path, float(probed.fields.get("duration_s", 0.0)), probed.picture


def _shown(picture: Picture) -> Image.Image:
    return opaque_if_it_is(to_srgb(picture.image, picture.profile))


def _decoded(path: Path) -> Image.Image:
    try:
        return load_rgb(path)
    except DecodeError as exc:
        raise DegenerateOutputError(f"The picture '{path.name[:16]}…' cannot be decoded: {exc}") from exc


def _small(picture: Image.Image) -> Image.Image:
    if "A" in picture.getbands():
        under = Image.new("RGBA", picture.size, (128, 128, 128, 255))
        picture = Image.alpha_composite(under, picture.convert("RGBA"))
    picture = picture.convert("RGB")
    return picture.resize((min(SAMPLE_PX, picture.width), min(SAMPLE_PX, picture.height)), Image.Resampling.BOX)


def _is_flat(small: Image.Image) -> bool:
    return max(ImageStat.Stat(small).stddev) < FLAT_DEVIATION


def _check_picture(picture: Image.Image, path: Path) -> None:
    if picture.width * picture.height <= TINY_PX:
        return
    # A cut-out of one colour is structure as well: what is transparent counts.
    shapes = picture.getchannel("A") if "A" in picture.getbands() else None
    if shapes is not None and shapes.getextrema() == (0, 0):
        raise DegenerateOutputError(f"The picture '{path.name[:16]}…' is transparent throughout.")
    if _is_flat(_small(picture)) and (shapes is None or shapes.getextrema()[0] == shapes.getextrema()[1]):
        raise DegenerateOutputError(f"The picture '{path.name[:16]}…' is {_colour(_small(picture))} throughout.")


def _colour(small: Image.Image) -> str:
    mean: list[Any] = [round(value) for value in ImageStat.Stat(small).mean]
    return (
        "black" if max(mean) <= 4 else "white" if min(mean) >= 251 else "one colour #{:02x}{:02x}{:02x}".format(*mean)
    )


def _check_video(path: Path, duration_s: float) -> None:
    pictures = _looked_at(path, [duration_s * share for share in LOOKS])
    frames = [_small(picture) for picture in pictures]
    if all(_is_flat(frame) for frame in frames):
        raise DegenerateOutputError(f"The video '{path.name[:16]}…' is {_colour(frames[0])} throughout.")
    if duration_s < STILL_AFTER_S:
        return
    closer = [duration_s * (number + 0.5) / CLOSE_LOOKS for number in range(CLOSE_LOOKS)]
    if not _moves(pictures) and not _moves(_looked_at(path, closer)):
        raise DegenerateOutputError(f"The video '{path.name[:16]}…' stands still from beginning to end.")


def _looked_at(path: Path, times_s: list[float]) -> list[Image.Image]:
    try:
        return list(sampled_frames(path, times_s, max_side_px=BLOCK_PX * MOST_BLOCKS))
    except MediaError as exc:
        raise DegenerateOutputError(f"The video '{path.name[:16]}…' cannot be decoded to its end: {exc}") from exc


def _moves(pictures: list[Image.Image]) -> bool:
    return any(_differ(before, after) for before, after in combinations(map(_blocks, pictures), 2))


def _blocks(frame: Image.Image) -> Image.Image:
    across = max(1, min(MOST_BLOCKS, frame.width // BLOCK_PX))
    down = max(1, min(MOST_BLOCKS, frame.height // BLOCK_PX))
    return frame.resize((across, down), Image.Resampling.BOX)


def _differ(before: Image.Image, after: Image.Image) -> bool:
    bands = ImageChops.difference(before, after).getextrema()
    return max(high for _, high in bands) >= MOVED_LEVELS  # pyright: ignore[reportGeneralTypeIssues]


def _check_sound(path: Path, duration_s: float) -> None:
    if duration_s < SHORTEST_SOUND_S:
        raise DegenerateOutputError(f"The sound '{path.name[:16]}…' lasts {duration_s * 1000:.0f} ms.")
    try:
        peak, heard_s = _heard(path)
    except MediaError as exc:
        raise DegenerateOutputError(f"The sound '{path.name[:16]}…' cannot be decoded: {exc}") from exc
    if peak < SILENT_PEAK:
        level = f"{20 * math.log10(peak):.0f} dBFS" if peak > 0 else "digital silence"
        raise DegenerateOutputError(f"The sound '{path.name[:16]}…' is silent: its peak is {level}.")
    if heard_s < min(HEARD_S, duration_s / 2):
        raise DegenerateOutputError(
            f"The sound '{path.name[:16]}…' is nearly empty: of {duration_s:.2f} s, {heard_s:.2f} s are above -60 dBFS."
        )


def _heard(path: Path) -> tuple[float, float]:
    """Return the largest sample, of full scale, and for how long something is heard; stop when that is long enough."""
    import numpy as np
    from av.audio.resampler import AudioResampler

    from .container import open_guarded

    peak, heard_s, rate = 0.0, 0.0, 16_000
    window = round(rate * WINDOW_S)
    # One for each shape of frames, which may change on the way. Channels stay apart: opposite ones would cancel out.
    resamplers: dict[tuple[str, str, int], AudioResampler] = {}
    with open_guarded(path) as container:
        for frame in container.decode(audio=0):
            shape = (frame.format.name, frame.layout.name, frame.sample_rate)
            for piece in resamplers.setdefault(shape, AudioResampler(format="flt", rate=rate)).resample(frame):
                # Side by side: PyAV crashes on eight planes.
                levels = np.abs(piece.to_ndarray().reshape(-1, piece.layout.nb_channels)).max(axis=1)
                peak = max(peak, float(levels.max(initial=0.0)))
                windows = [levels[at : at + window] for at in range(0, len(levels), window)]
                heard_s += sum(len(part) / rate for part in windows if part.max() >= SILENT_PEAK)
            if heard_s >= HEARD_S:
                break
    return peak, heard_s
