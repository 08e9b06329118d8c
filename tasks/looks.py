"""Operations on the picture of a video, as tasks: its size, shape, format and single frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from ..media.images.fitting import Fit, Gravity
from ..media.types import Audio, Image, Video
from ..media.videos import edit as operations
from ..media.videos import extract, keying, tracks
from ..media.videos import transcode as transcodes
from ._chains import edit
from ._keys import key_of
from ._kinds import checked
from ._operate import operate
from ._steps import FILES, plain_steps
from ._suffixes import chosen_image, sound_suffix
from ._task import media_task

__all__ = [
    "chroma_key",
    "edit_video",
    "extract_audio",
    "extract_frame",
    "fit_video",
    "reframe_video",
    "remove_audio",
    "transcode",
]

Purpose = Literal["web-mp4", "mp4", "mov", "mkv", "webm", "prores", "gif", "webp"]


@media_task(key=key_of(operations.fit_video), chains=True)
@checked
async def fit_video(
    video: Video,
    *,
    width: int | None = None,
    height: int | None = None,
    fit: Fit = "cover",
    gravity: Gravity = "auto",
    focus: tuple[float, float] | None = None,
    background: str = "black",
    fps: float | str | None = None,
) -> Video:
    """Bring a video to a size and frame rate, with the vocabulary of `fit_image`.

    Args:
        video: The video.
        width, height: In pixels, even. With only one of them the other follows from the aspect ratio.
        fit: `cover` crops, `contain` fits inside, `pad` adds bars, `stretch` distorts, `exact` refuses another size.
        gravity: The part to keep when cropping, or where a padded picture goes; `smart` finds one place for the whole
            video.
        focus: Point to keep in the middle, as fractions of width and height; overrides `gravity`.
        background: Colour of bars.
        fps: Frame rate; by default the video's own.

    Raises:
        ParameterError: A value is not possible.
        MediaError: The video cannot be used.
    """
    return await edit(
        operations.fit_video, video,
        width=width, height=height, fit=fit, gravity=gravity, focus=focus, background=background, fps=fps,
    )  # fmt: skip


@media_task(key=key_of(operations.reframe_video), chains=True)
@checked
async def reframe_video(
    video: Video,
    *,
    ratio: str = "9:16",
    height: int | None = None,
    fill: Literal["blur", "crop", "pad"] = "blur",
    gravity: Gravity = "auto",
    focus: tuple[float, float] | None = None,
    background: str = "black",
) -> Video:
    """Give a video another aspect ratio, for example 16:9 to 9:16.

    Args:
        video: The video.
        ratio: Width to height, as `9:16`.
        height: In pixels, even; by default the longer side stays the longer side.
        fill: `blur` shows the whole picture on a blurred copy of itself, `crop` cuts, `pad` adds bars.
        gravity: The part to keep (`crop`), or the part that the blurred copy shows.
        focus: Point to keep in the middle, as fractions of width and height; overrides `gravity`.
        background: Colour of bars.

    Raises:
        ParameterError: A value is not possible.
        MediaError: The video cannot be used.
    """
    return await edit(
        operations.reframe_video, video,
        ratio=ratio, height=height, fill=fill, gravity=gravity, focus=focus, background=background,
    )  # fmt: skip


@media_task(key=key_of(transcodes.transcode))
@checked
async def transcode(
    video: Video,
    *,
    to: Purpose = "web-mp4",
    width: int | None = None,
    height: int | None = None,
    fps: float | str | None = None,
    quality: int | None = None,
) -> Video | Image:
    """Write a video for a purpose. Streams that are right already are copied undecoded.

    Args:
        video: The video.
        to: `web-mp4` (or `mp4`): H.264 and AAC that start before they are loaded. `mov`, `mkv`: the same in these
            containers. `webm`: VP9 and Opus. `prores`: for editing, with transparency where there is any. `gif` and
            `webp`: moving pictures without sound, by default at most 480 and 640 pixels wide, 12.5 frames a second.
        width, height: In pixels, even; the whole picture is fitted inside, never cropped.
        fps: Frame rate; by default the video's own (see above for `gif` and `webp`).
        quality: 1 to 100, for all but `prores` and `gif`; higher is better and larger.

    Returns:
        An `Image` with several frames for `gif` and `webp`, a `Video` otherwise.

    Raises:
        ParameterError: A value is not possible.
        MediaError: The video cannot be used.
    """
    purpose = transcodes.PURPOSES.get(to)
    suffix = purpose.suffixes[0] if purpose is not None else ".mp4"  # the operation says what it knows
    kind = Image if suffix in (".gif", ".webp") else Video
    return await operate(
        transcodes.transcode, [video], kind, suffix, to=to, width=width, height=height, fps=fps, quality=quality
    )


@media_task(key=key_of(keying.chroma_key))
@checked
async def chroma_key(
    video: Video,
    backdrop: Image | Video | None = None,
    *,
    colour: str = "green",
    similarity: float = 0.2,
    blend: float = 0.08,
    despill: bool = True,
) -> Video:
    """Replace one colour of a video by a backdrop, or by transparency.

    Args:
        video: A video in front of an even screen.
        backdrop: Picture or video that fills the frame behind; a shorter video stays at its last picture. None gives a
            transparent WebM video, to be laid over others.
        colour: Of the screen: `green`, `blue`, or any colour (`#rrggbb`).
        similarity: How far from the colour still counts as it, above 0 to 1.
        blend: Width of the soft edge, 0 to 1.
        despill: Take the screen's reflection off the subject; for green and blue screens.

    Raises:
        ParameterError: A value is not possible.
        MediaError: An input cannot be used.
    """
    return await operate(
        keying.chroma_key, [video, backdrop], Video, ".webm" if backdrop is None else ".mp4",
        colour=colour, similarity=similarity, blend=blend, despill=despill,
    )  # fmt: skip


@media_task(key=key_of(extract.extract_frame))
@checked
async def extract_frame(
    video: Video,
    *,
    at: float | Literal["first", "middle", "last"] = 0.0,
    format: str = "png",
    quality: int | None = None,
) -> Image:
    """Take one picture of a video, exact to the frame.

    Args:
        video: The video.
        at: Time in seconds, or `first`, `middle`, `last`.
        format: `png`, `jpeg`, `webp` or `avif`.
        quality: 1 to 100, for lossy formats.

    Raises:
        ParameterError: A value is not possible, or the time is not inside the video.
        MediaError: The video cannot be used.
    """
    return await operate(extract.extract_frame, [video], Image, chosen_image(format), at=at, quality=quality)


@media_task(key=key_of(tracks.extract_audio))
@checked
async def extract_audio(
    video: Video,
    *,
    format: str | None = None,
    stream: int = 0,
    exact: bool = False,
) -> Audio:
    """Take the sound of a video, undecoded where the format takes its codec.

    Args:
        video: A video with sound.
        format: `m4a`, `mp3`, `wav`, `flac` or `ogg`; by default one that takes the sound as it is.
        stream: Which sound, from 0, when there are several.
        exact: Encode in any case, so that the length is exact to the sample and not to the coded frame.

    Raises:
        ParameterError: A value is not possible.
        UnsupportedMediaError: There is no sound.
        MediaError: The video cannot be used.
    """
    return await operate(tracks.extract_audio, [video], Audio, sound_suffix(video, format), stream=stream, exact=exact)


@media_task(key=key_of(tracks.remove_audio), chains=True)
@checked
async def remove_audio(video: Video) -> Video:
    """Drop the sound of a video. The picture is copied undecoded.

    Args:
        video: The video.

    Raises:
        MediaError: The video cannot be used.
    """
    return await edit(tracks.remove_audio, video, video.suffix)


@media_task(key=key_of(operations.edit_video, files=FILES, words=True), chains=True)
@checked
async def edit_video(video: Video, *, steps: Sequence[Mapping[str, Any]]) -> Video:
    """Do several steps with one decode and one encode. `merge` takes such steps too.

    Args:
        video: The video.
        steps: In order, each a mapping with `do` (`trim fit reframe speed fade mute frame_rate caption encode even`) and the
            parameters of the task of that name, for example
            `[{"do": "trim", "end_s": 5}, {"do": "fit", "width": 1080, "height": 1920}, {"do": "caption", "voice": voice}]`.

    Raises:
        ParameterError: A step or a value is not possible.
        MediaError: The video or a file cannot be used.
    """
    return await edit(operations.edit_video, video, steps=plain_steps("edit_video", steps))
