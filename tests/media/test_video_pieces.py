"""Of a video in this library's own form only the frames at a cut are encoded, and the result is exact to the frame."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from prefect_media.media.container import scan
from prefect_media.media.videos.concat import concat_videos
from prefect_media.media.videos.edit import edit_video
from prefect_media.media.videos.merge import merge
from prefect_media.media.videos.timing import loop_video, trim_video
from prefect_media.media.videos.tracks import remove_audio

from .make_clips import clip, marks, packet_digests, sound_seconds

FRAMES = 40


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1.6 s of 25 frames a second, with sound, whose packets are not in the order of their frames."""
    path = tmp_path_factory.mktemp("own") / "own.mp4"
    edit_video(clip("keyed.mp4"), path, steps=[{"do": "encode"}])
    assert len(packet_digests(path)) == FRAMES
    return path


def kept(target: Path, source: Path) -> int:
    """How many packets of the target are those of the source."""
    return sum(digest in set(packet_digests(source)) for digest in packet_digests(target))


def in_order(path: Path, seconds: Fraction, *, has_audio: bool = True) -> None:
    """The streams are regular, equally long and begin together."""
    found = scan(path)
    assert found.picture is not None
    assert found.picture.is_constant_rate
    assert found.picture.frame_rate == 25
    assert found.picture.duration_s == pytest.approx(float(seconds), abs=0.001)
    assert (found.sound is not None) == has_audio
    if found.sound is not None:
        assert sound_seconds(path) == pytest.approx(float(seconds), abs=0.025)
        assert abs(found.sound.start_s - found.picture.start_s) < 0.025


@pytest.mark.parametrize("end", [1, 7, 22, 31, 33, 38])
def test_a_cut_end_encodes_what_stands_before_it(own: Path, end: int, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    trim_video(own, target, end_s=end / 25)
    assert marks(target) == [*range(end)]
    in_order(target, Fraction(end, 25))
    if end > 8:
        assert kept(target, own) >= end - 4


def test_a_start_between_key_frames_is_encoded_up_to_the_next(tmp_path: Path) -> None:
    repeated, whole, target = (tmp_path / name for name in ("repeated.mp4", "whole.mp4", "out.mp4"))
    loop_video(clip("keyed.mp4"), repeated, times=3)
    edit_video(repeated, whole, steps=[{"do": "encode"}])
    trim_video(whole, target, start_s=20 / 25)
    assert marks(target) == marks(whole)[20:]
    assert kept(target, whole) >= 3 * FRAMES - 50  # key frames are two seconds apart
    in_order(target, Fraction(3 * FRAMES - 20, 25))


def test_another_encoders_video_is_encoded_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    trim_video(clip("bframes.mp4"), target, end_s=14 / 25)
    assert kept(target, clip("bframes.mp4")) == 0
    assert marks(target) == [*range(14)]


def test_a_muted_cut_has_no_sound(own: Path, tmp_path: Path) -> None:
    silent, target = tmp_path / "silent.mp4", tmp_path / "out.mp4"
    remove_audio(own, silent)
    trim_video(silent, target, end_s=31 / 25)
    assert marks(target) == [*range(31)]
    in_order(target, Fraction(31, 25), has_audio=False)


MERGED: dict[str, tuple[Callable[[Path, Path, Path], object], list[int]]] = {
    "held": (lambda v, a, t: merge(v, a, None, t, lufs=None), [*range(FRAMES), *[FRAMES - 1] * 15]),
    "repeated": (lambda v, a, t: merge(v, a, None, t, lufs=None, duration="loop"), [*range(FRAMES), *range(15)]),
    "cut": (
        lambda v, a, t: merge(v, a, None, t, lufs=None, duration="trim", steps=[{"do": "trim", "end_s": 33 / 25}]),
        [*range(33)],
    ),
}


@pytest.mark.parametrize("how", MERGED)
def test_a_merge_encodes_only_what_it_adds_or_cuts(how: str, own: Path, tmp_path: Path) -> None:
    voice, target = tmp_path / "voice.mp4", tmp_path / "out.mp4"
    loop_video(own, voice, seconds=55 / 25)
    does, shown = MERGED[how]
    does(own, voice, target)
    assert marks(target) == shown
    assert kept(target, own) >= min(len(shown), FRAMES) - 4
    in_order(target, Fraction(len(shown), 25))


def test_a_crossfade_encodes_only_where_two_videos_are_seen(own: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    concat_videos([own, own, own], target, transition="crossfade", transition_s=0.2)
    shown = marks(target)
    assert (len(shown), shown[:34]) == (FRAMES * 3 - 10, [*range(34)])
    assert shown[-35:] == [*range(5, FRAMES)]
    assert kept(target, own) >= 25
    in_order(target, Fraction(FRAMES * 3 - 10, 25))


@pytest.mark.parametrize("name", ["refresh.mp4", "opengop.mp4"])
def test_key_frames_that_need_what_was_before_are_no_start(name: str, tmp_path: Path) -> None:
    cut, looped, joined = (tmp_path / each for each in ("cut.mp4", "looped.mp4", "joined.mp4"))
    trim_video(clip(name), cut, start_s=20 / 25)
    assert marks(cut) == [*range(20, 40)]
    loop_video(cut, looped, times=3)
    assert marks(looped) == [*range(20, 40)] * 3
    concat_videos([clip(name), cut, clip(name)], joined)
    assert marks(joined) == [*range(40), *range(20, 40), *range(40)]


def test_the_same_video_may_be_crossfaded_with_itself(own: Path, tmp_path: Path) -> None:
    longer, target = tmp_path / "longer.mp4", tmp_path / "out.mp4"
    concat_videos([own, own, own], longer)
    concat_videos([longer, longer, longer], target, transition="crossfade", transition_s=0.2)
    assert len(marks(target)) == 3 * 3 * FRAMES - 10
    assert kept(target, longer) > 6 * FRAMES
    in_order(target, Fraction(3 * 3 * FRAMES - 10, 25))
