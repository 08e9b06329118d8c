"""Merge a video with a voice and music."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, get_args

from ...errors import ParameterError
from .. import ffmpeg
from ..container import Container, scan
from ..operation import operation
from ..scratch import scratch_beside
from ..sounds._job import Sound, check_range, open_sound
from ..sounds.loudness import check_target
from ..sounds.soundtrack import Soundtrack
from .chain import Prepared, open_through, prepare
from .copying import shown_range, whole_copy
from .joining import encode_parts
from .opening import parse_rate, picture_of
from .pieces import Piece, is_own_form, last_frame, pieces
from .reel import Reel, evened, tagged
from .remux import splice
from .steps import speed
from .targets import SAMPLE_RATE_HZ, Target, target_of
from .written import tolerance, verify

__all__ = ["Lengths", "encodes_picture", "merge"]

Lengths = Literal["extend", "loop", "trim", "video", "tempo", "slow"]
MAX_TEMPO = 1.25
"""Speech faster than this is tiring to follow."""
MAX_SLOWING = 4.0


@operation(version=5)
def merge(
    video: Path,
    voice: Path | None,
    music: Path | None,
    target: Path,
    *,
    duration: Lengths = "extend",
    keep_audio: bool = False,
    music_gain_db: float = -9.0,
    own_gain_db: float = 0.0,
    duck_db: float = 12.0,
    lufs: float | None = -16.0,
    true_peak: float = -1.5,
    fps: float | str | None = None,
    steps: Sequence[Mapping[str, Any]] = (),
) -> tuple[str, ...]:
    """Merge a video with a voice and music.

    The picture is copied undecoded unless something requires otherwise: its length must change, the target does not take its
    codec or pixel format, its rate is variable or another one is asked for, its sides are odd, or it is HDR. A copy keeps a
    rotation tag; encoding turns the picture itself. Sound is 48 kHz stereo, as long as the picture.

    Args:
        video: Its own sound is left out unless `keep_audio`.
        voice: Speech, or None.
        music: Laid under everything, repeated when it is shorter, or None.
        target: `.mp4`, `.mov`, `.mkv` or `.webm`.
        duration: What happens when the voice outlasts the video. `extend` holds the last picture; `loop` repeats the video;
            `video` cuts the voice; `tempo` speaks up to 1.25 times faster, then extends; `slow` plays the video up to 4 times
            slower, then extends. `trim` ends with the shorter of both, also when that is the voice. Otherwise a shorter
            voice is followed by silence.
        keep_audio: Mix the video's own sound in.
        music_gain_db: Level of the music before ducking, -60 to 20. `own_gain_db`: of the video's own sound.
        own_gain_db: See `music_gain_db`.
        duck_db: How far music and own sound go down while the voice speaks, 0 to 40.
        lufs: Loudness of the whole; None leaves it as it is.
        true_peak: Ceiling of peaks in dBTP, where sounds are mixed or `lufs` is given.
        fps: Frame rate; by default the video's own.
        steps: What is done to the video before, as for `edit_video`, in the same encoding.

    Returns:
        What was done to picture and voice without being asked for by name, one line each (`last picture held for 1.20 s`).

    Raises:
        ParameterError: A value is not possible, or there is nothing to merge.
        MediaError: A source cannot be used, or the target not written.
    """
    what = f"merge '{video.name}' into '{target.name}'"
    job = _Job(video, target, target_of(target), scan(video), what, parse_rate(fps), tuple(prepare(steps)))
    _check(duration, music_gain_db, own_gain_db, duck_db)
    check_target(-16.0 if lufs is None else lufs, true_peak)
    speech, bed = (None if path is None else open_sound(path) for path in (voice, music))
    kept = keep_audio and job.found.sound is not None
    if speech is None and bed is None and not kept:
        raise ParameterError(
            f"Cannot merge '{video.name}': there is no voice, no music, and its own sound is left out. Give one of them."
        )
    plan = _plan(job, duration, speech, kept)
    with scratch_beside(target) as scratch:
        track = Soundtrack(
            samples=round(plan.duration * SAMPLE_RATE_HZ),
            voice=speech,
            voice_tempo=plan.tempo,
            music=bed,
            own=_own(job, plan) if kept else None,
            music_gain_db=music_gain_db,
            own_gain_db=own_gain_db,
            duck_db=duck_db,
            lufs=lufs,
            true_peak=true_peak,
            what=job.what,
        )
        _write(job, plan, track.node(scratch), scratch)
    return _notes(plan, speech)


def encodes_picture(
    video: Path,
    voice: Path | None,
    *,
    duration: Lengths = "extend",
    keep_audio: bool = False,
    fps: float | str | None = None,
    steps: Sequence[Mapping[str, Any]] = (),
) -> bool:
    """Whether a merge encodes its picture even where the steps were done before: its length or its rate has to change.

    Args:
        video: As for `merge`; likewise the rest.
        voice: See `video`.
        duration: See `video`.
        keep_audio: See `video`.
        fps: See `video`.
        steps: See `video`.

    Raises:
        ParameterError, MediaError: As `merge` raises them.
    """
    _check(duration, 0, 0, 0)
    target = Path("out.mp4")
    job = _Job(video, target, target_of(target), scan(video), f"merge '{video.name}'", None, tuple(prepare(steps)))
    plan = _plan(
        job, duration, None if voice is None else open_sound(voice), keep_audio and job.found.sound is not None
    )
    changes_rate = fps is not None and parse_rate(fps) != plan.rate
    return changes_rate or plan.slowing != 1 or plan.frames != plan.own_frames


def _check(duration: str, music_gain_db: float, own_gain_db: float, duck_db: float) -> None:
    if duration not in get_args(Lengths):
        raise ParameterError(f"duration={duration!r} is unknown. Known: {', '.join(get_args(Lengths))}.")
    check_range("music_gain_db", music_gain_db, -60, 20, "dB")
    check_range("own_gain_db", own_gain_db, -60, 20, "dB")
    check_range("duck_db", duck_db, 0, 40, "dB")


@dataclass(frozen=True)
class _Job:
    """The video and where it goes."""

    video: Path
    target: Path
    kind: Target
    found: Container
    what: str
    fps: Fraction | None
    steps: tuple[Prepared, ...] = ()

    def reel(self, *, keep_sound: bool = False) -> Reel:
        return open_through(self.video, self.found, self.steps, fps=self.fps, keep_sound=keep_sound)


@dataclass(frozen=True)
class _Plan:
    """How long the result is, and what happens to picture and voice for it.

    Attributes:
        rate, frames: Of the result. `own_frames`: of the video as it is.
        tempo: Factor by which the voice is spoken faster.
        slowing: Factor by which the video is played slower.
        loops: Whether the video is repeated rather than its last picture held.
        keeps_sound: Whether the video's own sound is heard.
    """

    rate: Fraction
    frames: int
    own_frames: int
    tempo: float = 1.0
    slowing: float = 1.0
    loops: bool = False
    keeps_sound: bool = False

    @property
    def duration(self) -> Fraction:
        return self.frames / self.rate


def _plan(job: _Job, duration: Lengths, voice: Sound | None, kept: bool) -> _Plan:
    reel = job.reel(keep_sound=kept)
    plan = _Plan(reel.rate, reel.frames, reel.frames, keeps_sound=kept)
    if voice is None or duration == "video":
        return plan
    whole, slack = float(reel.duration), tolerance(reel.rate)

    def frames(seconds: float) -> int:
        return max(1, math.ceil(Fraction(seconds) * reel.rate - Fraction(1, 1000)))

    if voice.duration_s <= whole + slack:
        shorter = duration == "trim" and voice.duration_s < whole - slack
        return replace(plan, frames=frames(voice.duration_s)) if shorter else plan
    if duration == "trim":
        return plan
    if duration == "tempo":
        tempo = min(MAX_TEMPO, voice.duration_s / whole)
        return replace(plan, tempo=tempo, frames=max(plan.frames, frames(voice.duration_s / tempo - slack)))
    if duration == "slow":
        return replace(plan, slowing=min(MAX_SLOWING, voice.duration_s / whole), frames=frames(voice.duration_s))
    return replace(plan, frames=frames(voice.duration_s), loops=duration == "loop")


def _notes(plan: _Plan, voice: Sound | None) -> tuple[str, ...]:
    notes: list[str] = []
    shown = plan.own_frames * Fraction(plan.slowing)
    more, slack = float((plan.frames - shown) / plan.rate), tolerance(plan.rate)
    if plan.slowing != 1:
        notes.append(f"video played {plan.slowing:.3g} times slower")
    if plan.loops:
        notes.append(f"video repeated for {more:.2f} s")
    elif more > slack:
        notes.append(f"last picture held for {more:.2f} s")
    elif more < -slack:
        notes.append(f"last {-more:.2f} s of the video cut")
    if plan.tempo != 1:
        notes.append(f"voice spoken {plan.tempo:.3g} times faster")
    cut = voice.duration_s / plan.tempo - float(plan.duration) if voice else 0.0
    if cut > slack:
        notes.append(f"last {cut:.2f} s of the voice cut")
    return tuple(notes)


def _own(job: _Job, plan: _Plan) -> Any:
    """The video's own sound under what happens to its picture."""
    reel = job.reel(keep_sound=True)
    if plan.slowing != 1:
        reel = speed(reel, factor=1 / plan.slowing)
    sound = reel.sound
    if plan.loops:
        sound = sound.filter("aloop", loop=-1, size=reel.samples)
    return sound


def _write(job: _Job, plan: _Plan, sound: Any, scratch: Path) -> None:
    copied = _copied(job, plan, scratch)
    size = None
    if copied is not None:
        picture, options = copied
    else:
        reel = evened(job.reel(keep_sound=plan.keeps_sound))
        size = (reel.width, reel.height)
        picture, options = _looped(job, plan, reel, scratch) if plan.loops else _drawn(job, plan, reel)
    ffmpeg.write(
        job.target,
        picture,
        sound,
        what=job.what,
        duration_s=float(plan.duration),
        options={**options, **job.kind.sound.options(), "t": ffmpeg.number(float(plan.duration) + 1)},
        check=lambda part: verify(
            part, what=job.what, duration=plan.duration, rate=plan.rate, size=size, has_audio=True
        ),
    )


def _copied(job: _Job, plan: _Plan, scratch: Path) -> tuple[Any, dict[str, Any]] | None:
    """The picture as it is, where the target takes it, cut, held or repeated where its length must change."""
    reel = job.reel(keep_sound=plan.keeps_sound)
    shown = shown_range(reel, job.kind)
    if shown is None or plan.slowing != 1:
        return None
    if plan.frames == reel.frames == shown[1].frames:
        return whole_copy(job.found, job.video, job.kind)
    parts = _parts(job, plan, replace(reel, sound=None))
    if parts is None:
        return None
    new = iter(encode_parts([part for part, shot in parts if shot is None], scratch, job.kind, what=job.what))
    joined = splice([shot or next(new).shot for _, shot in parts], scratch, what=job.what)
    return ffmpeg.source(joined)["v:0"], job.kind.copying(shown[1])


def _parts(job: _Job, plan: _Plan, reel: Reel) -> list[Piece] | None:
    """The planned picture in pieces, most of them copied; None where all of it has to be encoded."""
    if plan.frames <= reel.frames:
        return pieces(reel.cut(0, plan.frames), job.kind)
    once = pieces(reel, job.kind)
    if once is None:
        return None
    times, rest = divmod(plan.frames, reel.frames) if plan.loops else (1, plan.frames - reel.frames)
    if not rest:
        return once * times
    if plan.loops and (more := pieces(reel.cut(0, rest), job.kind)) is not None:
        return once * times + more
    if not is_own_form(picture_of(job.found, job.video), job.kind):
        return None
    return once * times + [(reel.cut(0, rest) if plan.loops else last_frame(reel).held(rest), None)]


def _drawn(job: _Job, plan: _Plan, reel: Reel) -> tuple[Any, dict[str, Any]]:
    """The picture encoded anew: slower, held or cut as planned."""
    silent = replace(reel, sound=None)
    if plan.slowing != 1:
        silent = speed(silent, factor=1 / plan.slowing)
    if plan.frames > silent.frames:
        silent = silent.held(plan.frames)
    silent = silent.cut(0, plan.frames)
    return tagged(silent.picture, silent.rate), job.kind.encoding(silent.rate)


def _looped(job: _Job, plan: _Plan, reel: Reel, scratch: Path) -> tuple[Any, dict[str, Any]]:
    """The picture encoded once, then repeated undecoded: a filter would hold all its frames in memory."""
    silent = replace(reel, sound=None)
    whole, rest = divmod(plan.frames, silent.frames)
    parts = [silent] * whole + ([silent.cut(0, rest)] if rest else [])
    encoded = encode_parts(parts, scratch, job.kind, what=job.what)
    joined = splice([part.shot for part in encoded], scratch, what=job.what)
    stream = scan(joined).picture
    assert stream is not None
    return ffmpeg.source(joined)["v:0"], job.kind.copying(stream)
