"""Local operations that make videos, as tasks. No model, no cost; results are cached by content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from ..media import concat as joins
from ..media import ken_burns as moves
from ..media import merge as merges
from ..media.types import Audio, Image, Video
from ._keys import key_of
from ._operate import operate
from ._task import media_task

__all__ = ["concat", "ken_burns", "merge"]

Fit = Literal["cover", "contain", "pad", "stretch", "exact"]


@media_task(key=key_of(merges.merge))
async def merge(
    video: Video,
    voice: Audio | None = None,
    *,
    music: Audio | None = None,
    duration: Literal["extend", "loop", "trim", "video", "tempo", "slow"] = "extend",
    keep_audio: bool = False,
    music_gain_db: float = -9.0,
    duck_db: float = 12.0,
    loudness_lufs: float | None = -16.0,
    fps: float | None = None,
) -> Video:
    """Merge a video with a voice and a music bed that goes down under the voice.

    The picture is copied without re-encoding whenever nothing requires it.

    Args:
        video: Its own sound is left out unless `keep_audio`.
        voice: Speech.
        music: Laid under everything, repeated when it is shorter.
        duration: When the voice outlasts the video: `extend` holds the last picture, `loop` repeats the video, `video` cuts
            the voice, `tempo` speaks up to 1.25 times faster, `slow` plays the video slower. `trim` ends with the shorter.
        keep_audio: Mix the video's own sound in.
        music_gain_db: Level of the music before it goes down.
        duck_db: How far music goes down while the voice speaks, 0 to 40.
        loudness_lufs: Loudness of the whole; None leaves it as it is.
        fps: Frame rate; by default the video's own.

    Returns:
        An mp4 whose streams are equally long within a frame or 25 ms.

    Raises:
        ParameterError: A value is not possible, or there is nothing to merge.
        MediaError: An input cannot be used.
    """
    return await operate(
        merges.merge, [video, voice, music], Video, ".mp4",
        duration=duration, keep_audio=keep_audio, music_gain_db=music_gain_db, duck_db=duck_db,
        lufs=loudness_lufs, fps=fps,
    )  # fmt: skip


@media_task(key=key_of(joins.concat_videos))
async def concat(
    videos: Sequence[Video],
    *,
    transition: joins.Transition = "cut",
    transition_s: float = 0.5,
    width: int | None = None,
    height: int | None = None,
    fit: Fit = "pad",
    background: str = "black",
    fps: float | None = None,
) -> Video:
    """Join videos in order; sizes, rates and missing sound may differ.

    Args:
        videos: One or more.
        transition: `cut` or `crossfade`.
        transition_s: Length of each transition in seconds.
        width, height: In pixels, even; by default the first video's.
        fit: How videos of another size are brought to it.
        background: Colour of bars.
        fps: Frame rate; by default the first video's.

    Raises:
        ParameterError: A value is not possible.
        MediaError: An input cannot be used.
    """
    return await operate(
        joins.concat_videos, [videos], Video, ".mp4",
        transition=transition, transition_s=transition_s, width=width, height=height, fit=fit,
        background=background, fps=fps,
    )  # fmt: skip


@media_task(key=key_of(moves.ken_burns))
async def ken_burns(
    image: Image,
    *,
    seconds: float = 5.0,
    width: int = 1280,
    height: int = 720,
    fps: float = 24,
    motion: str = "auto",
    zoom: float = 1.15,
    seed: int = 0,
) -> Video:
    """Animate a still picture: a slow, smooth camera move.

    Args:
        image: The picture.
        seconds: Length.
        width, height: Frame size in pixels, even.
        fps: Frames a second.
        motion: `auto`, `zoom-in`, `zoom-out`, `pan-left`, `pan-right`, `pan-up` or `pan-down`.
        zoom: How far a zoom goes, and how much closer than the whole picture a pan looks; 1.01 to 3.
        seed: Changes what `auto` chooses.

    Raises:
        ParameterError: A parameter is out of range.
        MediaError: The picture cannot be used.
    """
    parameters: dict[str, Any] = {
        "seconds": seconds, "width": width, "height": height, "fps": fps, "motion": motion, "zoom": zoom, "seed": seed,
    }  # fmt: skip
    return await operate(moves.ken_burns, [image], Video, ".mp4", **parameters)
