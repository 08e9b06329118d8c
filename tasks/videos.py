"""Local operations that make videos, as tasks. No model, no cost; results are cached by content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ..errors import ParameterError
from ..media.images.fitting import Fit, Gravity
from ..media.sounds import edit as sounds
from ..media.types import Audio, Image, Video
from ..media.videos import concat as joins
from ..media.videos import ken_burns as moves
from ..media.videos import merge as merges
from ..media.videos import slides
from ._chains import opened, told
from ._keys import key_of
from ._kinds import checked, refuse_extra
from ._operate import operate
from ._steps import FILES, plain_steps
from ._suffixes import audio_suffix
from ._task import media_task
from ._words import joined_words

__all__ = ["concat", "ken_burns", "merge", "still_to_video"]


@media_task(key=key_of(merges.merge, files=FILES), chains=True)
@checked
async def merge(
    video: Video,
    voice: Audio | None = None,
    *,
    music: Audio | None = None,
    duration: Literal["extend", "loop", "trim", "video", "tempo", "slow"] = "extend",
    keep_audio: bool = False,
    music_gain_db: float = -9.0,
    own_gain_db: float = 0.0,
    duck_db: float = 12.0,
    loudness_lufs: float | None = -16.0,
    true_peak: float = -1.5,
    fps: float | str | None = None,
    steps: Sequence[Mapping[str, Any]] = (),
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
        music_gain_db: Level of the music before it goes down, -60 to 20.
        own_gain_db: Level of the video's own sound, likewise.
        duck_db: How far music goes down while the voice speaks, 0 to 40.
        loudness_lufs: Loudness of the whole; None leaves it as it is.
        true_peak: Ceiling of peaks in dBTP, where sounds are mixed or a loudness is given.
        fps: Frame rate; by default the video's own.
        steps: What is done to the video before, in the same encoding, as for `edit_video`:
            `merge(video, voice, steps=[{"do": "fit", "width": 1080, "height": 1920}, {"do": "caption", "voice": voice}])`.

    Returns:
        An mp4 whose streams are equally long within a frame or 25 ms.

    Raises:
        ParameterError: A value is not possible, or there is nothing to merge.
        MediaError: An input cannot be used.
    """
    plain = plain_steps("merge", steps)
    source, before = await opened(video, voice, plain, duration=duration, keep_audio=keep_audio, fps=fps)
    made = await operate(
        merges.merge, [source, voice, music], Video, ".mp4",
        duration=duration, keep_audio=keep_audio, music_gain_db=music_gain_db, own_gain_db=own_gain_db, duck_db=duck_db,
        lufs=loudness_lufs, true_peak=true_peak, fps=fps, steps=[*before, *plain],
    )  # fmt: skip
    return told(made, before)


@media_task(key=key_of(joins.concat_videos, sounds.concat_audio, words=True))
@checked
async def concat(
    media: Sequence[Video] | Sequence[Audio],
    *,
    transition: joins.Transition = "cut",
    transition_s: float = 0.5,
    width: int | None = None,
    height: int | None = None,
    fit: Fit = "pad",
    background: str = "black",
    fps: float | str | None = None,
    gap_s: float = 0.0,
    curve: Literal["equal-power", "linear", "smooth"] = "equal-power",
) -> Video | Audio:
    """Join videos, or sounds, in order; sizes, rates, channels and missing sound may differ.

    Args:
        media: One or more videos, or one or more sounds. Word timings of sounds move along.
        transition: `cut` or one of the videos' transitions; sounds know `cut` and `crossfade`.
        transition_s: Length of each transition in seconds.
        width, height: Of videos, in pixels, even; by default the first video's.
        fit: How videos of another size are brought to it.
        background: Colour of bars.
        fps: Frame rate; by default the first video's.
        gap_s: Silence between sounds, in seconds.
        curve: Of a cross-fade of sounds: `equal-power` for different ones, `linear` for parts of one.

    Returns:
        A `Video` (mp4) of videos, an `Audio` in the first one's format of sounds.

    Raises:
        ParameterError: A value is not possible, or videos and sounds are mixed.
        MediaError: An input cannot be used.
    """
    items: list[Any] = list(media)
    if items and all(isinstance(item, Audio) for item in items):
        refuse_extra(
            "concat", "videos", "sounds", width=(width, None), height=(height, None), fit=(fit, "pad"),
            background=(background, "black"), fps=(fps, None),
        )  # fmt: skip
        if transition not in ("cut", "crossfade"):
            raise ParameterError(f"concat: transition={transition!r} is for videos. Sounds know 'cut' and 'crossfade'.")
        overlap = transition_s if transition == "crossfade" else 0.0
        return await operate(
            sounds.concat_audio, [items], Audio, audio_suffix(items[0], None), joined_words(items, gap_s - overlap),
            gap_s=gap_s, crossfade_s=overlap, curve=curve,
        )  # fmt: skip
    if any(isinstance(item, Audio) for item in items):
        raise ParameterError(
            "concat: media: videos and sounds are mixed. Join the videos, and merge the sound afterwards."
        )
    refuse_extra("concat", "sounds", "videos", gap_s=(gap_s, 0.0), curve=(curve, "equal-power"))
    return await operate(
        joins.concat_videos, [items], Video, ".mp4",
        transition=transition, transition_s=transition_s, width=width, height=height, fit=fit,
        background=background, fps=fps,
    )  # fmt: skip


@media_task(key=key_of(moves.ken_burns))
@checked
async def ken_burns(
    image: Image,
    *,
    seconds: float = 5.0,
    width: int = 1280,
    height: int = 720,
    fps: float | str = 24,
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


@media_task(key=key_of(slides.still_to_video))
@checked
async def still_to_video(
    image: Image,
    *,
    seconds: float = 5.0,
    fps: float | str = 25,
    width: int | None = None,
    height: int | None = None,
    fit: Fit = "cover",
    gravity: Gravity = "auto",
    focus: tuple[float, float] | None = None,
    background: str = "#000000",
) -> Video:
    """Show a still picture for some time. For one with a camera move, see `ken_burns`.

    Args:
        image: The picture.
        seconds: Length, up to an hour.
        fps: Frames a second, 1 to 240.
        width, height: In pixels; both are rounded down to even. By default the picture's own size.
        fit, gravity, focus: As for `fit_image`.
        background: Colour of bars, and under transparency.

    Raises:
        ParameterError: A value is not possible.
        MediaError: The picture cannot be used.
    """
    return await operate(
        slides.still_to_video, [image], Video, ".mp4",
        seconds=seconds, fps=fps, width=width, height=height, fit=fit, gravity=gravity, focus=focus, background=background,
    )  # fmt: skip
