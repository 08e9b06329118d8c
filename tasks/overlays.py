"""Pictures, text and videos over others, as tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ParameterError
from ..media.images import edit as image_edit
from ..media.types import Image, Video
from ..media.videos import layers as stacking
from ._keys import key_of
from ._kinds import checked, refuse_extra
from ._operate import operate
from ._suffixes import image_suffix
from ._task import media_task

__all__ = ["overlay", "overlay_video"]


@media_task(key=key_of(image_edit.overlay_image, stacking.overlay_video, files=("font",)))
@checked
async def overlay(
    media: Image | Video,
    top: Image | Video | None = None,
    *,
    position: str = "bottom-right",
    scale: float | None = None,
    margin: float = 0.03,
    opacity: float = 1.0,
    text: str | None = None,
    colour: str = "#ffffff",
    font: str | Path | None = None,
    format: str | None = None,
    quality: int | None = None,
    start_s: float = 0.0,
    end_s: float | None = None,
    fade_s: float = 0.0,
    repeat: bool = False,
    sound_db: float | None = None,
) -> Image | Video:
    """Lay a picture, a line of text or a video over a picture or a video: watermark, logo, picture in picture.

    Args:
        media: What lies below. The result is of its kind, size and length.
        top: A picture; over a video also a video. Its transparency counts.
        position: `bottom-right`, `center`, `top` and so on; on a picture also `tile`.
        scale: Width of `top` as a share of that of `media`, by default 0.2 on a picture and 0.3 on a video; for text the
            height of a line.
        margin: Distance from the edges, as a share of the shorter side.
        opacity: 0 to 1.
        text: What to write on a picture instead of `top`. For text on a video, see `caption(cues=...)`.
        colour, font: Of the text; `font` is a font file.
        format: Of a picture, as for `fit_image`. `quality`: 1 to 100, for lossy formats.
        quality: See `format`.
        start_s, end_s: On a video, when `top` is there; by default from start to end.
        fade_s: On a video, how long it takes to appear and to vanish.
        repeat: Whether a video on top that is shorter starts over; otherwise its last picture stays.
        sound_db: Level of its sound in the mix, -60 to 20; None leaves it out.

    Raises:
        ParameterError: A value is not possible, or not for this kind of media.
        MediaError: An input cannot be used.
    """
    if isinstance(media, Image):
        if isinstance(top, Video):
            raise ParameterError(
                "overlay: a video cannot lie over an image. Make a video of it first with still_to_video, or take a picture "
                "of the video with extract_frame."
            )
        refuse_extra(
            "overlay", "videos", "images", start_s=(start_s, 0.0), end_s=(end_s, None), fade_s=(fade_s, 0.0),
            repeat=(repeat, False), sound_db=(sound_db, None),
        )  # fmt: skip
        return await operate(
            image_edit.overlay_image, [media, top], Image, image_suffix(media, format),
            text=text, position=position, scale=scale, opacity=opacity, margin=margin, colour=colour,
            font=None if font is None else str(Path(font).expanduser()), quality=quality,
        )  # fmt: skip
    refuse_extra(
        "overlay", "images", "videos", text=(text, None), colour=(colour, "#ffffff"), font=(font, None),
        format=(format, None), quality=(quality, None),
    )  # fmt: skip
    if top is None:
        raise ParameterError("overlay: there is nothing to lay over the video. Give an image or a video as top.")
    layer: dict[str, Any] = {
        "position": position, "margin": margin, "opacity": opacity, "start_s": start_s, "end_s": end_s, "fade_s": fade_s,
        "repeat": repeat, "sound_db": sound_db,
    }  # fmt: skip
    return await operate(
        stacking.overlay_video,
        [media, [top]],
        Video,
        ".mp4",
        layers=[layer if scale is None else {**layer, "scale": scale}],
    )


@media_task(key=key_of(stacking.overlay_video))
@checked
async def overlay_video(
    video: Video, tops: Sequence[Image | Video], *, layers: Sequence[Mapping[str, Any]] = ()
) -> Video:
    """Lay several pictures and videos over a video, in one encoding.

    Args:
        video: What lies below; the result is as long.
        tops: The last is on top; their transparency counts. At most 16.
        layers: For each of `tops` a mapping with some of the parameters of `overlay` for videos, for example
            `{"position": "top-left", "scale": 0.25, "start_s": 1, "fade_s": 0.3}`; none takes the defaults for all.

    Raises:
        ParameterError: A field or value is not possible.
        MediaError: An input cannot be used.
    """
    return await operate(stacking.overlay_video, [video, list(tops)], Video, ".mp4", layers=list(layers))
