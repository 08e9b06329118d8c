"""Write a reel into a file: undecoded where nothing was changed, encoded otherwise, checked before it appears."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import ffmpeg
from .copying import shown_range, sound_as_is, whole_copy
from .joining import join
from .pieces import pieces
from .reel import Reel, evened, tagged
from .targets import Target, target_of
from .written import check_limits, verify

__all__ = ["is_copied", "write_reel"]


def write_reel(reel: Reel, target: Path, *, what: str, kind: Target | None = None) -> None:
    """Run a reel's graph and write the target, checked before it appears.

    A picture, or a sound, that is still the file's own is copied, where the target takes it; of a picture in the form that is
    written here, all but the frames at a cut. Odd sides, which 4:2:0 cannot hold, lose their last row or column.

    Args:
        reel: What to write.
        target: The file.
        what: Completes "Cannot ..." in errors.
        kind: How to encode; by default as the target's suffix says.

    Raises:
        ParameterError: The target's suffix is not one of a video.
        MediaLimitError: It would be over a limit of the settings.
        EncodeError: ffmpeg failed, or the result is not what the reel promised.
    """
    kind = kind or target_of(target)
    shown = shown_range(reel, kind)
    if shown is not None and reel.frames == shown[1].frames:
        _copy(reel, target, what, kind)
    elif (found := pieces(reel, kind)) is not None:
        join([piece for piece, _ in found], target, what=what, coded=[shot for _, shot in found])
    else:
        _encode(reel, target, what, kind)


def is_copied(reel: Reel, kind: Target) -> bool:
    """Whether `write_reel` copies the picture, or most of it."""
    shown = shown_range(reel, kind)
    return shown is not None and (reel.frames == shown[1].frames or pieces(reel, kind) is not None)


def _encode(reel: Reel, target: Path, what: str, kind: Target) -> None:
    ready = evened(reel if kind.keeps_alpha else reel.flattened())
    check_limits(what, ready.width, ready.height, ready.duration)
    sounds, options = _sound(reel, kind)
    picture = tagged(ready.picture, ready.rate)
    _run(reel, target, what, [picture, *sounds], {**kind.encoding(ready.rate), **options}, (ready.width, ready.height))


def _copy(reel: Reel, target: Path, what: str, kind: Target) -> None:
    """Copy the whole picture, and the sound with it where that is the file's own too."""
    assert reel.coded is not None
    check_limits(what, reel.width, reel.height, reel.duration)
    path, found = reel.coded.path, reel.coded.found
    sounds, options = _sound(reel, kind)
    picture, copying = whole_copy(found, path, kind, alone=sound_as_is(reel, kind) is None)
    _run(reel, target, what, [picture, *sounds], {**copying, **options}, None)


def _sound(reel: Reel, kind: Target) -> tuple[list[Any], dict[str, Any]]:
    """The stream of the sound, none for silence, and the options that copy or encode it."""
    if reel.sound is None:
        return [], {}
    own = sound_as_is(reel, kind)
    if own is None or reel.coded is None:
        return [reel.sound], kind.sound.options()
    return [ffmpeg.source(reel.coded.path)[str(own.index)]], {"c:a": "copy"}


def _run(
    reel: Reel, target: Path, what: str, streams: Sequence[Any], options: dict[str, Any], size: tuple[int, int] | None
) -> None:
    def check(part: Path) -> None:
        has_audio = reel.sound is not None
        verify(part, what=what, duration=reel.duration, rate=reel.rate, size=size, has_audio=has_audio)

    ffmpeg.write(
        target,
        *streams,
        what=what,
        duration_s=float(reel.duration),
        options={**options, "t": ffmpeg.number(float(reel.duration) + 1)},
        check=check,
    )
