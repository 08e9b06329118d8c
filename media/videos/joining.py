"""Join reels one after the other, each encoded on its own and joined undecoded: memory does not grow with their number."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
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
from ..scratch import scratch_beside
from .reel import Reel, evened, filled, silence, tagged
from .remux import Shot, matches, shot_of, splice
from .targets import AAC, SAMPLE_RATE_HZ, Target, target_of
from .written import check_limits, verify

__all__ = ["Part", "crossfaded", "encode_parts", "join"]

RAW = {"f": "f32le", "c:a": "pcm_f32le"}
RAW_INPUT = {"f": "f32le", "ar": SAMPLE_RATE_HZ, "ac": AAC.channels}
SOUNDS_AT_A_TIME = 16
PARTS_AT_A_TIME = 4
"""Most that are encoded at the same time, each with two threads and its own frames in memory."""
COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class Part:
    """One reel, ready to be joined.

    Attributes:
        shot: Its picture, coded.
        sound: Its sound, raw; None where the result has none.
    """

    shot: Shot
    sound: Path | None


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


def join(reels: Sequence[Reel], target: Path, *, what: str, coded: Sequence[Shot | None] = ()) -> None:
    """Write reels of one size and rate one after the other. The same reel twice is encoded once.

    Without sound in any of them the result has none; otherwise the silent ones get silence.

    Args:
        reels: What to write.
        target: The file.
        what: Completes "Cannot ..." in errors.
        coded: For each reel, its picture as a file has it already, or None. It is used as it is where it can follow the
            others undecoded: where all are alike, or like what this encodes.

    Raises:
        MediaLimitError: It would be over a limit of the settings.
        EncodeError: ffmpeg failed, or the result is not what was meant.
    """
    first = evened(reels[0])
    check_limits(what, first.width, first.height, sum(reel.frames for reel in reels) / first.rate)
    unique = {id(reel): reel for reel in reels}
    kept = {id(reel): each for reel, each in zip(reels, coded, strict=bool(coded)) if each is not None}
    has_audio = any(reel.sound is not None for reel in reels)
    with scratch_beside(target) as folder:
        done: dict[int, Part] = {}
        size = None

        def encode(keys: Sequence[int]) -> None:
            within = folder / f"{len(done)}"
            within.mkdir()
            with stage(_seconds(unique, done), _seconds(unique, unique)):
                some = [unique[key] for key in keys]
                done.update(
                    zip(
                        keys, encode_parts(some, within, target_of(target), what=what, has_audio=has_audio), strict=True
                    )
                )

        new, *others = _batches(unique, kept)
        if new or others[1:]:
            encode(new or others.pop(0))
            size = (evened(reels[0]).width, evened(reels[0]).height)
            made = next(iter(done.values())).shot.stream
            others = [keys for keys in others if not matches(kept[keys[0]].stream, made)]
            if others:
                encode([key for keys in others for key in keys])
        copied = [key for key in unique if key not in done]
        sounds = _sounds([unique[key] for key in copied], folder, what) if has_audio else [None] * len(copied)
        done |= {key: Part(kept[key], sound) for key, sound in zip(copied, sounds, strict=True)}
        whole = _Whole(target, what, reels[0].rate, sum(reel.frames for reel in reels), size)
        _write(whole, [done[id(reel)] for reel in reels], folder)


def _seconds(unique: Mapping[int, Reel], keys: Iterable[int]) -> float:
    return float(sum(unique[key].duration for key in keys))


def _batches(unique: Mapping[int, Reel], kept: Mapping[int, Shot]) -> list[list[int]]:
    """The reels that no file has yet, then those that can follow each other, from the shortest such group to the longest."""
    groups: list[list[int]] = []
    for key, each in kept.items():
        group = next((group for group in groups if matches(kept[group[0]].stream, each.stream)), None)
        if group is None:
            groups.append([key])
        else:
            group.append(key)
    return [[key for key in unique if key not in kept], *sorted(groups, key=lambda keys: _seconds(unique, keys))]


def encode_parts(
    reels: Sequence[Reel], folder: Path, kind: Target, *, what: str, has_audio: bool = False
) -> list[Part]:
    """Encode reels of one size and rate into matching shots, and their sound into raw files; each reel once.

    Raises:
        EncodeError: ffmpeg failed, or a part has not the frames that it should have.
    """
    unique = {id(reel): reel for reel in reels}
    parts: dict[int, Part] = {}

    def encode(number: int, key: int, reel: Reel) -> None:
        ready = evened(reel.flattened())
        picture, sound = folder / f"{number}.mp4", folder / f"{number}.f32" if has_audio else None
        outputs: dict[Path, Any] = {
            picture: ([tagged(ready.picture, ready.rate)], {**kind.encoding(ready.rate), "t": _bound(ready)})
        }
        if sound is not None:
            outputs[sound] = ([_sound(ready)], {**RAW, "t": _bound(ready)})
        ffmpeg.render(outputs, what=what, duration_s=float(ready.duration))
        parts[key] = Part(_shot(picture, ready, what), sound)

    jobs = [
        (float(reel.duration), partial(encode, number, key, reel)) for number, (key, reel) in enumerate(unique.items())
    ]
    side_by_side(jobs, what=what, at_a_time=min(PARTS_AT_A_TIME, get_settings().workers))
    return [parts[id(reel)] for reel in reels]


def _sounds(reels: Sequence[Reel], folder: Path, what: str) -> list[Path]:
    """The sound of reels as raw files."""
    paths = [folder / f"{number}.f32" for number in range(len(reels))]
    for begin in range(0, len(reels), SOUNDS_AT_A_TIME):
        some = list(zip(paths, reels, strict=True))[begin : begin + SOUNDS_AT_A_TIME]
        ffmpeg.render({path: ([_sound(reel)], {**RAW, "t": _bound(reel)}) for path, reel in some}, what=what)
    return paths


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


def _write(whole: _Whole, parts: Sequence[Part], folder: Path) -> None:
    pictures = splice([part.shot for part in parts], folder, what=whole.what)
    sounds = [part.sound for part in parts if part.sound is not None]
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
