"""When a stream may go into a result as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import ffmpeg
from ..container import Container
from ..streams import AudioStream, VideoStream
from .opening import picture_of
from .reel import Coded, Reel
from .targets import Target
from .written import LEAST_TOLERANCE_S, tolerance

__all__ = ["shown_range", "sound_as_is", "whole_copy"]


def shown_range(reel: Reel, kind: Target) -> tuple[Coded, VideoStream, int] | None:
    """Return the file whose frames a reel shows as they are, its stream and the first of the frames.

    Args:
        reel: Opened from a file, after any steps.
        kind: Where it goes.

    Returns:
        None where a step or opening changed the picture, or the target does not take it undecoded.
    """
    coded = reel.coded
    if coded is None or coded.picture is not reel.picture:
        return None
    stream = picture_of(coded.found, coded.path)
    is_whole = (reel.width, reel.height) == stream.display_size and reel.rate == stream.frame_rate
    return (coded, stream, coded.first) if is_whole and kind.takes(stream) else None


def sound_as_is(reel: Reel, kind: Target) -> AudioStream | None:
    """Return the sound of the file that a reel was opened from, where that can be copied.

    It is still the reel's, the target takes it, and it begins and ends with the picture.
    """
    coded = reel.coded
    if coded is None or reel.sound is None or coded.sound is not reel.sound:
        return None
    sound, picture = coded.found.sound, picture_of(coded.found, coded.path)
    if sound is None or not kind.takes_sound(sound):
        return None
    starts = (sound.start_s, picture.start_s)
    is_in_step = all(abs(start - coded.found.start_s) < LEAST_TOLERANCE_S for start in starts)
    is_as_long = abs(sound.duration_s - float(reel.duration)) <= tolerance(reel.rate)
    return sound if is_in_step and is_as_long else None


def whole_copy(found: Container, path: Path, kind: Target, *, alone: bool = True) -> tuple[Any, dict[str, Any]]:
    """Return the node of the whole stream and the options that copy it.

    Args:
        found: Facts of the file.
        path: The file.
        kind: Where it goes.
        alone: Begin at time zero: whatever else the file holds may begin before the picture, and in the result the picture
            is where time begins. Not for a sound that is copied with it.
    """
    stream = picture_of(found, path)
    zero = found.start_s if found.zero_s is None else found.zero_s
    lead = stream.start_s - zero if alone else 0.0
    shift = {"itsoffset": ffmpeg.number(-lead)} if lead > 0 else {}
    return ffmpeg.source(path, **shift)[str(stream.index)], kind.copying(stream)
