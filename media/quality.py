"""Is an output worth anything? What a model returns when something went wrong reads like media, but shows nothing.

The checks are cheap (a few frames, a small copy of each picture) and careful: a dark scene with structure passes, a black
rectangle does not.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageStat

from ..errors import DegenerateOutputError, MediaError
from .frames import sampled_frames
from .images import load_rgb
from .types import Audio, Media, Video
from .types import Image as ImageValue

__all__ = ["check_output"]

SAMPLE_PX = 128
FLAT_DEVIATION = 0.6
"""Standard deviation, of 255, under which a picture counts as one colour: below what dithering and JPEG add to it."""
TINY_PX = 64
"""Pictures of so few pixels may well be of one colour."""
SILENT_PEAK = 0.001
"""Of full scale (-60 dBFS): under it nothing is heard."""
SHORTEST_SOUND_S = 0.02
STILL_DIFFERENCE = 0.35
"""Mean difference of two frames, of 255, under which they show the same: encoding alone makes less."""
STILL_AFTER_S = 1.0
"""A video shorter than this may stand still."""
LOOKS = (0.02, 0.25, 0.5, 0.75, 0.98)


def check_output(media: Media) -> None:
    """Refuse media that is readable but worthless.

    Raises:
        DegenerateOutputError: One colour throughout, silent, frozen, or too short to be anything.
        MediaError: It does not decode.
    """
    path = media.path()
    if isinstance(media, ImageValue):
        _check_picture(load_rgb(path), path)
    elif isinstance(media, Video):
        _check_video(media, path)
    else:
        assert isinstance(media, Audio)
        _check_sound(media, path)


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
    return "black" if max(mean) <= 4 else "white" if min(mean) >= 251 else "one colour #{:02x}{:02x}{:02x}".format(*mean)


def _check_video(video: Video, path: Path) -> None:
    times = [video.duration_s * share for share in LOOKS]
    try:
        frames = [_small(frame) for frame in sampled_frames(path, times)]
    except MediaError as exc:
        raise DegenerateOutputError(f"The video '{path.name[:16]}…' cannot be decoded to its end: {exc}") from exc
    if all(_is_flat(frame) for frame in frames):
        raise DegenerateOutputError(f"The video '{path.name[:16]}…' is {_colour(frames[0])} throughout.")
    if video.duration_s < STILL_AFTER_S:
        return
    differences = [
        max(ImageStat.Stat(ImageChops.difference(a, b)).mean) for a, b in zip(frames, frames[1:], strict=False)
    ]
    if max(differences) < STILL_DIFFERENCE:
        raise DegenerateOutputError(f"The video '{path.name[:16]}…' stands still from beginning to end.")


def _check_sound(audio: Audio, path: Path) -> None:
    if audio.duration_s < SHORTEST_SOUND_S:
        raise DegenerateOutputError(f"The sound '{path.name[:16]}…' lasts {audio.duration_s * 1000:.0f} ms.")
    peak = _peak(path)
    if peak < SILENT_PEAK:
        level = f"{20 * math.log10(peak):.0f} dBFS" if peak > 0 else "digital silence"
        raise DegenerateOutputError(f"The sound '{path.name[:16]}…' is silent: its peak is {level}.")


def _peak(path: Path) -> float:
    """Return the largest sample, of full scale; it stops as soon as it has heard something."""
    import numpy as np
    from av.audio.resampler import AudioResampler

    from .container import open_guarded

    found = 0.0
    resampler = AudioResampler(format="flt", layout="mono", rate=16_000)
    with open_guarded(path) as container:
        for frame in container.decode(audio=0):
            for piece in resampler.resample(frame):
                found = max(found, float(np.abs(piece.to_ndarray()).max(initial=0.0)))
            if found >= 10 * SILENT_PEAK:
                break
    return found
