"""Join reels one after the other, each encoded on its own and joined undecoded: memory does not grow with their number."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

from ...errors import EncodeError
from ...settings import get_settings
from .. import ffmpeg
from ..container import scan
from ..control import side_by_side, stage
from ..runner import scratch_beside
from .reel import Reel, evened, filled, silence, tagged
from .remux import Shot, shot_of, splice
from .targets import AAC, SAMPLE_RATE_HZ, Target, target_of
from .written import verify

__all__ = ["crossfaded", "encode_parts", "join", "join_shots"]

RAW = {"f": "f32le", "c:a": "pcm_f32le"}
RAW_INPUT = {"f": "f32le", "ar": SAMPLE_RATE_HZ, "ac": AAC.channels}
SOUNDS_AT_A_TIME = 16
PARTS_AT_A_TIME = 4
"""Most that are encoded at the same time, each with two threads and its own frames in memory."""
COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class _Whole:
    """What the joined file will be."""

    target: Path
    what: str
    rate: Fraction
    frames: int
    size: tuple[int, int] | None

    @property
    def duration(self) -> Fraction:
        return self.frames / self.rate


def join(reels: Sequence[Reel], target: Path, *, what: str) -> None:
    """Encode reels of one size and rate, and write them one after the other. The same reel twice is encoded once.

    Without sound in any of them the result has none; otherwise the silent ones get silence.

    Raises:
        EncodeError: ffmpeg failed, or the result is not what was meant.
    """
    with scratch_beside(target) as folder:
        has_audio = any(reel.sound is not None for reel in reels)
        shots, sounds = encode_parts(reels, folder, target_of(target), what=what, has_audio=has_audio)
        first = evened(reels[0])
        frames = sum(reel.frames for reel in reels)
        whole = _Whole(target, what, first.rate, frames, (first.width, first.height))
        _write(whole, shots, sounds, folder)


def encode_parts(
    reels: Sequence[Reel], folder: Path, kind: Target, *, what: str, has_audio: bool
) -> tuple[list[Shot], list[Path]]:
    """Encode reels of one size and rate into matching shots, and their sound into raw files; each reel once.

    Raises:
        EncodeError: ffmpeg failed, or a part has not the frames that it should have.
    """
    unique = {id(reel): reel for reel in reels}
    shots: dict[int, Shot] = {}
    sounds = {key: folder / f"{number}.f32" for number, key in enumerate(unique)} if has_audio else {}

    def encode(number: int, key: int, reel: Reel) -> None:
        ready = evened(reel.flattened())
        picture = folder / f"{number}.mp4"
        outputs: dict[Path, Any] = {
            picture: ([tagged(ready.picture, ready.rate)], {**kind.encoding(ready.rate), "t": _bound(ready)})
        }
        if has_audio:
            outputs[sounds[key]] = ([_sound(ready)], {**RAW, "t": _bound(ready)})
        ffmpeg.render(outputs, what=what, duration_s=float(ready.duration))
        shots[key] = _shot(picture, ready, what)

    jobs = [
        (float(reel.duration), partial(encode, number, key, reel)) for number, (key, reel) in enumerate(unique.items())
    ]
    side_by_side(jobs, what=what, at_a_time=min(PARTS_AT_A_TIME, get_settings().workers))
    return [shots[id(reel)] for reel in reels], [sounds[id(reel)] for reel in reels] if has_audio else []


def join_shots(shots: Sequence[Shot], reels: Sequence[Reel], target: Path, *, what: str, rate: Fraction) -> None:
    """Write shots one after the other undecoded, with the sound of reels, which is encoded.

    Args:
        shots: Matching ones; see `remux.matches`.
        reels: One for each shot, of the same length; their pictures are not used.
        target: The file.
        what: Completes "Cannot ..." in errors.
        rate: Frame rate.

    Raises:
        EncodeError: ffmpeg failed, or the result is not what was meant.
    """
    whole = _Whole(target, what, rate, sum(shot.frames for shot in shots), None)
    has_audio = any(reel.sound is not None for reel in reels)
    with scratch_beside(target) as folder:
        sounds: dict[int, Path] = {}
        if has_audio:
            unique = list({id(reel): reel for reel in reels}.items())
            for begin in range(0, len(unique), SOUNDS_AT_A_TIME):
                some = unique[begin : begin + SOUNDS_AT_A_TIME]
                paths = {key: folder / f"{begin + number}.f32" for number, (key, _) in enumerate(some)}
                outputs = {paths[key]: ([_sound(reel)], {**RAW, "t": _bound(reel)}) for key, reel in some}
                ffmpeg.render(outputs, what=what)
                sounds |= paths
        _write(whole, shots, [sounds[id(reel)] for reel in reels] if has_audio else [], folder)


def _bound(reel: Reel) -> str:
    return ffmpeg.number(float(reel.duration) + 1)


def _sound(reel: Reel) -> Any:
    return silence(reel.samples) if reel.sound is None else reel.sound


def _shot(picture: Path, reel: Reel, what: str) -> Shot:
    found = scan(picture)
    shot = shot_of(picture, found)
    if shot is None or shot.frames != reel.frames:
        count = found.picture.frames if found.picture else 0
        raise EncodeError(
            f"Cannot {what}: '{reel.name}' gave {count} frames instead of {reel.frames}. Please report this.",
            reason="wrong",
        )
    return shot


def _write(whole: _Whole, shots: Sequence[Shot], sounds: Sequence[Path], folder: Path) -> None:
    pictures = folder / "pictures.mp4"
    splice(shots, pictures, rate=whole.rate, what=whole.what)
    kind = target_of(whole.target)
    found = scan(pictures)
    assert found.picture is not None
    streams = [ffmpeg.source(pictures)["v:0"]]
    options = kind.copying(found.picture)
    if sounds:
        streams.append(ffmpeg.source(_appended(sounds, folder), formats="f32le", **RAW_INPUT)["a:0"])
        options |= kind.sound.options()
    with stage(float(whole.duration), float(whole.duration)):
        ffmpeg.write(
            whole.target,
            *streams,
            what=whole.what,
            duration_s=float(whole.duration),
            options={**options, "t": ffmpeg.number(float(whole.duration) + 1)},
            check=lambda part: verify(
                part,
                what=whole.what,
                duration=whole.duration,
                rate=whole.rate,
                size=whole.size,
                has_audio=bool(sounds),
            ),
        )


def _appended(sounds: Sequence[Path], folder: Path) -> Path:
    if len(sounds) == 1:
        return sounds[0]
    joined = folder / "sound.f32"
    with joined.open("wb") as out:
        for path in sounds:
            with path.open("rb") as data:
                shutil.copyfileobj(data, out, COPY_BYTES)
    return joined


def crossfaded(tail: Reel, head: Reel, transition: str) -> Reel:
    """The end of one reel going over into the start of another; as long as the second.

    Args:
        tail: As long as the transition.
        head: At least as long.
        transition: FFmpeg's name of it (`fade`).
    """
    module = ffmpeg.graph_module()
    tail, head = evened(tail.flattened()), evened(head.flattened())
    pictures = [reel.picture.filter("settb", "AVTB") for reel in (tail, head)]
    mixed = module.filter(
        pictures, "xfade", transition=transition, duration=ffmpeg.number(float(tail.duration)), offset=0
    )
    mixed = mixed.filter("fps", fps=str(head.rate), start_time=0)
    mixed = filled(mixed, head.frames)
    sound = None
    if tail.sound is not None or head.sound is not None:
        sounds = [_sound(tail), _sound(head)]
        sound = module.filter(sounds, "acrossfade", nb_samples=tail.samples, c1="tri", c2="tri")
        sound = sound.filter("apad", whole_len=head.samples).filter("atrim", end_sample=head.samples)
    return replace(head, picture=mixed, sound=sound)
