"""Operations on the time of a video or a sound, as tasks: what is shown, when, how fast."""

from __future__ import annotations

from ..media.sounds import edit as audio
from ..media.types import Audio, Video
from ..media.videos import edit as operations
from ..media.videos import timing
from ._chains import edit
from ._keys import key_of
from ._kinds import checked
from ._operate import operate
from ._suffixes import audio_suffix
from ._task import media_task
from ._words import cut_words

__all__ = ["change_speed", "fade_video", "loop_video", "resample_video", "reverse_video", "trim"]


@media_task(key=key_of(timing.trim_video, audio.trim_audio, words=True), chains=True)
@checked
async def trim(
    media: Video | Audio, *, start_s: float = 0.0, end_s: float | None = None, seconds: float | None = None
) -> Video | Audio:
    """Keep the part of a video or a sound between two times.

    A video is cut to the nearest frame, without decoding where that is exact; a sound to the sample, with the timings
    of the words that stay.

    Args:
        media: A video or a sound.
        start_s: Where the part begins.
        end_s: Where it ends; by default the end. Not together with `seconds`.
        seconds: How long it is.

    Returns:
        Of the kind and in the format that came in.

    Raises:
        ParameterError: The times are not inside, or leave nothing.
        MediaError: The input cannot be used.
    """
    if isinstance(media, Video):
        return await edit(timing.trim_video, media, media.suffix, start_s=start_s, end_s=end_s, seconds=seconds)
    last = end_s if end_s is not None else media.duration_s if seconds is None else start_s + seconds
    return await operate(
        audio.trim_audio, [media], Audio, audio_suffix(media, None), cut_words(media.words, start_s, last),
        start_s=start_s, end_s=end_s, seconds=seconds,
    )  # fmt: skip


@media_task(key=key_of(timing.loop_video))
@checked
async def loop_video(video: Video, *, times: int | None = None, seconds: float | None = None) -> Video:
    """Repeat a video, a number of times or for a length.

    Args:
        video: The video.
        times: How often it is played in all, 1 to 1000. Not together with `seconds`.
        seconds: Length of the result.

    Raises:
        ParameterError: A value is not possible.
        MediaError: The video cannot be used.
    """
    return await operate(timing.loop_video, [video], Video, video.suffix, times=times, seconds=seconds)


@media_task(key=key_of(timing.reverse_video))
@checked
async def reverse_video(video: Video) -> Video:
    """Play a video and its sound backwards.

    Args:
        video: The video.

    Raises:
        MediaError: The video cannot be used.
    """
    return await operate(timing.reverse_video, [video], Video, ".mp4")


@media_task(key=key_of(timing.resample_video), chains=True)
@checked
async def resample_video(video: Video, *, fps: float | str) -> Video:
    """Give a video another, constant frame rate, by repeating or leaving out frames. Its length stays.

    Args:
        video: The video.
        fps: Frames per second, 1 to 240; a ratio may be a string (`"30000/1001"`).

    Raises:
        ParameterError: Not a frame rate.
        MediaError: The video cannot be used.
    """
    return await edit(timing.resample_video, video, fps=fps)


@media_task(key=key_of(operations.change_speed), chains=True)
@checked
async def change_speed(video: Video, *, factor: float) -> Video:
    """Play a video faster or slower; its frame rate and the pitch of its sound stay.

    Args:
        video: The video.
        factor: 2 is twice as fast, 0.5 half as fast; 0.1 to 20.

    Raises:
        ParameterError: A value is not possible.
        MediaError: The video cannot be used.
    """
    return await edit(operations.change_speed, video, factor=factor)


@media_task(key=key_of(operations.fade_video), chains=True)
@checked
async def fade_video(video: Video, *, in_s: float = 0.5, out_s: float = 0.5, colour: str = "black") -> Video:
    """Fade picture and sound in at the start and out at the end.

    Args:
        video: The video.
        in_s, out_s: Length of each fade in seconds; 0 for none.
        colour: What the picture comes from and goes to.

    Raises:
        ParameterError: A value is not possible.
        MediaError: The video cannot be used.
    """
    return await edit(operations.fade_video, video, in_s=in_s, out_s=out_s, colour=colour)
