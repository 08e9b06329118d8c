"""Join videos: by cuts or transitions, whatever their sizes, rates and sounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from ...errors import ParameterError
from ..container import Container, scan
from ..images.fitting import Fit
from ..operation import operation
from ..streams import VideoStream
from . import steps
from .joining import crossfaded, join
from .opening import open_reel, parse_rate, picture_of
from .pieces import Piece, pieces
from .reel import Reel
from .remux import Shot, shot_of
from .targets import Target, target_of
from .writing import write_reel

__all__ = ["Transition", "concat_videos"]

Transition = Literal["cut", "crossfade", "dissolve", "fade-black", "fade-white", "wipe", "slide", "circle", "zoom"]
FILTERS = {
    "crossfade": "fade",
    "dissolve": "dissolve",
    "fade-black": "fadeblack",
    "fade-white": "fadewhite",
    "wipe": "wipeleft",
    "slide": "slideleft",
    "circle": "circleopen",
    "zoom": "zoomin",
}


@operation(version=5)
def concat_videos(
    sources: Sequence[Path],
    target: Path,
    *,
    transition: Transition = "cut",
    transition_s: float = 0.5,
    width: int | None = None,
    height: int | None = None,
    fit: Fit = "pad",
    background: str = "black",
    fps: float | str | None = None,
) -> None:
    """Join videos in order.

    With cuts, videos that are equal in codec, size, rate, colours and encoder settings are joined without encoding their
    pictures again; among others that must be encoded, those keep theirs that this encoder wrote (the results of other
    operations). Of these a transition encodes only the frames that it mixes, and those up to the next key frame. Sound is
    always encoded again: coded sound does not join without gaps. A video without sound is silent among others that have some.

    Args:
        sources: One or more videos.
        target: `.mp4`, `.mov`, `.mkv` or `.webm`.
        transition: How one goes over into the next.
        transition_s: Length of each transition in seconds; the result is shorter by this for each. At most half of the
            shortest video.
        width: In pixels, even; by default the first video's size. With only one of the two, the other follows from the first.
        height: See `width`.
        fit: How videos of another size are brought to it.
        background: Colour of bars.
        fps: Frame rate; by default the first video's.

    Raises:
        ParameterError: A value is not possible.
        MediaError: A source cannot be used, or the target not written.
    """
    what = f"join {len(sources)} videos into '{target.name}'"
    if not sources:
        raise ParameterError("Cannot join videos: there are none. Give at least one.")
    if transition not in get_args(Transition):
        raise ParameterError(f"transition={transition!r} is unknown. Known: {', '.join(get_args(Transition))}.")
    steps.check_fit(width=width, height=height, fit=fit, background=background)
    kind = target_of(target)
    found = {path: scan(path) for path in dict.fromkeys(sources)}
    streams = {path: picture_of(facts, path) for path, facts in found.items()}
    rate = parse_rate(fps) or streams[sources[0]].nominal_rate
    size = _size(streams[sources[0]], width, height)

    def opened(path: Path, **options: Any) -> Reel:
        reel = open_reel(path, found=found[path], fps=rate, **options)
        return steps.fit(reel, width=size[0], height=size[1], fit=fit, background=background)

    coded: list[Shot | None] = []
    if transition == "cut" or len(sources) == 1:
        fitted = {path: opened(path) for path in found}
        shots = {path: _shot(path, found[path], fitted[path], kind) for path in found}
        reels, coded = [fitted[path] for path in sources], [shots[path] for path in sources]
    else:
        parts = _overlapped(sources, opened, FILTERS[transition], transition_s, kind)
        reels, coded = [reel for reel, _ in parts], [shot for _, shot in parts]
    if len(reels) == 1 and not any(coded):
        write_reel(reels[0], target, what=what)
    else:
        join(reels, target, what=what, coded=coded)


def _size(stream: VideoStream, width: int | None, height: int | None) -> tuple[int, int]:
    own = stream.display_size
    if width is None and height is None:
        return max(2, own[0] // 2 * 2), max(2, own[1] // 2 * 2)
    wide = width if width is not None else max(2, round(own[0] * (height or 2) / own[1] / 2) * 2)
    high = height if height is not None else max(2, round(own[1] * wide / own[0] / 2) * 2)
    return wide, high


def _shot(path: Path, found: Container, reel: Reel, kind: Target) -> Shot | None:
    """The video's picture as it is, where it shows what the reel shows and the target takes it."""
    stream = picture_of(found, path)
    if not kind.takes(stream) or stream.display_size != (reel.width, reel.height) or stream.frame_rate != reel.rate:
        return None
    shot = shot_of(path, found)
    return shot if shot is not None and shot.frames == reel.frames else None


def _overlapped(
    sources: Sequence[Path], opened: Callable[..., Reel], name: str, transition_s: float, kind: Target
) -> list[Piece]:
    """Each video's part until the next transition; all but the first begin with the transition from the one before."""
    # The same video several times is as many nodes: one graph can use each only once.
    twins = [2 * sources[:number].count(path) for number, path in enumerate(sources)]
    whole = [opened(path, twin=twin) for path, twin in zip(sources, twins, strict=True)]
    overlap = whole[0].frame_at(transition_s)
    shortest = min(whole, key=lambda reel: reel.frames)
    if overlap < 1 or 2 * overlap > shortest.frames:
        raise ParameterError(
            f"transition_s={transition_s:g} does not fit '{shortest.name}', which lasts {float(shortest.duration):.3f} s. "
            "Allowed: from one frame to half of the shortest video."
        )
    parts: list[Piece] = []
    for number, reel in enumerate(whole):
        end = reel.frames if number == len(whole) - 1 else reel.frames - overlap
        if number == 0:
            parts += pieces(reel.cut(0, end), kind) or [(reel.cut(0, end), None)]
            continue
        before = whole[number - 1]
        start = before.frames - overlap
        tail = opened(sources[number - 1], from_s=float(start / before.rate), twin=twins[number - 1] + 1)
        tail = tail.cut(tail.frames - overlap, tail.frames)
        rest = pieces(reel.cut(overlap, end), kind) if overlap < end else None
        head = reel.cut(0, end if rest is None else overlap)
        parts += [(crossfaded(tail, head, name), None), *(rest or [])]
    return parts
