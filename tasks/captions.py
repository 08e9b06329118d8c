"""Captions, as a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ..media.captions import captioning as operations
from ..media.captions.subtitles import Cue
from ..media.types import Audio, Video, Word
from ._chains import edit
from ._keys import key_of
from ._kinds import checked
from ._operate import operate
from ._steps import FILES, caption_source
from ._task import media_task
from ._whole import whole

__all__ = ["caption"]


@media_task(key=key_of(operations.caption, files=FILES, words=True), chains=True)
@checked
async def caption(
    video: Video,
    voice: Audio | None = None,
    *,
    words: Sequence[Word | Mapping[str, Any]] = (),
    cues: Sequence[Cue | Mapping[str, Any]] = (),
    subtitles: str | Path | None = None,
    burn: bool = True,
    style: Literal["outline", "box", "shadow", "bold"] = "outline",
    highlight: Literal["word"] | None = None,
    position: Literal["bottom", "middle", "top"] | None = None,
    size: float | None = None,
    colour: str | None = None,
    highlight_colour: str | None = None,
    font: str | Path | None = None,
    language: str | None = None,
) -> Video:
    """Caption a video, from exactly one of a voice with word timings, words, cues, or a subtitle file.

    Burnt in, the picture is encoded anew. As a subtitle stream everything is copied, and a player can switch the captions
    off; then only `language` of the options below counts.

    Args:
        video: The video, whose voice begins when it does.
        voice: Speech that carries the timings of its words.
        words: Each with `text`, `start_s`, `end_s`; `audio.words`, or mappings.
        cues: Each with `start_s`, `end_s`, `text`.
        subtitles: SRT, WebVTT or ASS file. Its content is part of the cache key, its path is not.
        burn: False for a subtitle stream.
        style: How captions look.
        highlight: `word` lights each word while it is spoken.
        position: By default where the style has them.
        size: Of the letters, as a fraction of the frame's shorter side, 0.02 to 0.25.
        colour: Of the letters, as `#rrggbb` or a name.
        highlight_colour: Of the spoken word.
        font: A font file, for scripts that the built-in font lacks.
        language: Three letters (ISO 639-2), for the subtitle stream.

    Raises:
        ParameterError: A value is not possible, no font covers the text, or all captions begin after the end.
        MediaError: A file cannot be used.
    """
    given: dict[str, Any] = {
        "voice": voice, "words": words, "cues": cues, "subtitles": subtitles, "style": style, "highlight": highlight,
        "position": position, "size": size, "colour": colour, "highlight_colour": highlight_colour, "font": font,
    }  # fmt: skip
    source = caption_source("caption", given)
    if burn:
        return await edit(operations.caption, video, burn=burn, language=language, **source)
    video = await whole(video)
    return await operate(operations.caption, [video], Video, video.suffix, burn=burn, language=language, **source)
