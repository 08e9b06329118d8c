"""What changes nothing of a picture, or of a sound, copies it: packet by packet the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from prefect_media.media.captions.captioning import caption
from prefect_media.media.container import scan
from prefect_media.media.videos.concat import concat_videos
from prefect_media.media.videos.edit import change_speed, edit_video, fade_video, fit_video, reframe_video
from prefect_media.media.videos.merge import merge
from prefect_media.media.videos.timing import loop_video, resample_video, trim_video
from prefect_media.media.videos.tracks import remove_audio

from .make_clips import clip, ffmpeg, marks, packet_digests

Made = Callable[[Path, Path], Any]

NOTHING: dict[str, Made] = {
    "fit": lambda source, target: fit_video(source, target, width=64, height=48),
    "fit one side": lambda source, target: fit_video(source, target, width=64),
    "fit rate": lambda source, target: fit_video(source, target, fps=25),
    "contain": lambda source, target: fit_video(source, target, width=64, height=480, fit="contain"),
    "reframe blur": lambda source, target: reframe_video(source, target, ratio="4:3", height=48),
    "reframe crop": lambda source, target: reframe_video(source, target, ratio="4:3", height=48, fill="crop"),
    "speed": lambda source, target: change_speed(source, target, factor=1),
    "rate": lambda source, target: resample_video(source, target, fps=25),
    "trim": trim_video,
    "loop": lambda source, target: loop_video(source, target, times=1),
    "steps": lambda source, target: edit_video(
        source,
        target,
        steps=[{"do": "frame_rate", "fps": 25}, {"do": "fit", "width": 64}, {"do": "speed", "factor": 1}],
    ),
}


def sound_digests(path: Path) -> list[str]:
    with av.open(str(path)) as container:
        return [hashlib.sha256(bytes(packet)).hexdigest() for packet in container.demux(audio=0) if packet.size]


@pytest.mark.parametrize("what", NOTHING)
@pytest.mark.parametrize("name", ["plain.mp4", "bframes.mp4", "plain.mkv"])
def test_what_changes_nothing_copies_picture_and_sound(what: str, name: str, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    NOTHING[what](clip(name), target)
    assert packet_digests(target) == packet_digests(clip(name))
    assert sound_digests(target) == sound_digests(clip(name))
    found = scan(target)
    assert found.picture is not None
    assert found.sound is not None
    assert abs(found.picture.start_s - found.sound.start_s) < 0.025


@pytest.mark.parametrize(
    "steps",
    [
        [{"do": "mute"}],
        [{"do": "mute"}, {"do": "fit", "width": 64, "height": 48}],
        [{"do": "trim", "start_s": 0.0}, {"do": "mute"}],
    ],
)
def test_a_chain_that_only_mutes_copies_the_picture(steps: list[dict[str, Any]], tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    edit_video(clip("plain.mp4"), target, steps=steps)
    assert packet_digests(target) == packet_digests(clip("plain.mp4"))
    assert scan(target).sound is None


def test_a_chain_that_cuts_at_key_frames_copies_the_picture(tmp_path: Path) -> None:
    source, target = clip("keyed.mp4"), tmp_path / "out.mp4"
    edit_video(source, target, steps=[{"do": "fit", "width": 64}, {"do": "trim", "start_s": 0.4, "end_s": 1.2}])
    assert packet_digests(target) == packet_digests(source)[10:30]
    assert marks(target) == [*range(10, 30)]
    found = scan(target)
    assert found.sound is not None
    assert abs(found.sound.duration_s - 0.8) < 0.025


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        ([{"do": "mute"}], slice(None)),
        ([{"do": "fit", "width": 64, "height": 48}], slice(None)),
        ([{"do": "trim", "start_s": 0.4, "end_s": 1.2}], slice(10, 30)),
        ([{"do": "trim", "start_s": 0.4}, {"do": "trim", "end_s": 0.8}], slice(10, 30)),
    ],
)
def test_a_merge_copies_through_steps_that_leave_the_picture(
    steps: list[dict[str, Any]], kept: slice, tmp_path: Path
) -> None:
    source, target = clip("keyed.mp4"), tmp_path / "out.mp4"
    merge(source, None, clip("keyed.mp4"), target, steps=steps, lufs=None)
    assert packet_digests(target) == packet_digests(source)[kept]
    assert marks(target) == [*range(40)][kept]


def test_a_merge_repeats_a_cut_undecoded(tmp_path: Path) -> None:
    source, target = clip("keyed.mp4"), tmp_path / "out.mp4"
    merge(
        source, source, None, target, duration="loop", lufs=None, steps=[{"do": "trim", "start_s": 0.4, "end_s": 1.2}]
    )
    part = packet_digests(source)[10:30]
    assert packet_digests(target) == part * 2
    assert marks(target) == [*range(10, 30)] * 2


PICTURE: dict[str, Made] = {
    "fit": lambda source, target: fit_video(source, target, width=32, height=32),
    "reframe": lambda source, target: reframe_video(source, target, ratio="9:16", height=64),
    "caption": lambda source, target: caption(source, target, cues=[{"start_s": 0, "end_s": 0.5, "text": "word"}]),
}


@pytest.mark.parametrize("what", PICTURE)
@pytest.mark.parametrize("name", ["plain.mp4", "surround.mp4", "mono8k.mp4"])
def test_what_changes_only_the_picture_copies_the_sound(what: str, name: str, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    PICTURE[what](clip(name), target)
    assert sound_digests(target) == sound_digests(clip(name))
    assert not set(packet_digests(target)) & set(packet_digests(clip(name)))


@pytest.mark.parametrize(
    "name",
    [
        "vfr.mkv",
        "odd.mp4",
        "sar.mp4",
        "hdr.mp4",
        "interlaced.mp4",
        "rotated.mp4",
        "mirrored.mp4",
        "webm.webm",
        "alpha.webm",
    ],
)
def test_what_is_not_as_asked_is_encoded(name: str, tmp_path: Path) -> None:
    source, target = clip(name), tmp_path / "out.mp4"
    found = scan(source).picture
    assert found is not None
    width, height = (side // 2 * 2 for side in found.display_size)
    fit_video(source, target, width=width, height=height, fit="stretch")
    assert not set(packet_digests(target)) & set(packet_digests(source))
    made = scan(target).picture
    assert made is not None
    assert made.is_plain
    assert (made.width_px, made.height_px) == (width, height)


@pytest.mark.parametrize("name", ["late_sound.mp4", "late_picture.mp4"])
def test_sound_that_is_not_in_step_is_encoded(name: str, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    fit_video(clip(name), target, width=32, height=32)
    assert not set(sound_digests(target)) & set(sound_digests(clip(name)))


def test_a_fade_of_the_picture_is_one_of_the_sound(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    fade_video(clip("plain.mp4"), target, in_s=0.2, out_s=0)
    assert sound_digests(target) != sound_digests(clip("plain.mp4"))


def test_a_turned_video_stays_turned_without_its_sound(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    remove_audio(clip("rotated.mp4"), target)
    made = scan(target).picture
    assert made is not None
    assert made.display_size == (48, 64)
    assert packet_digests(target) == packet_digests(clip("rotated.mp4"))


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_copy_beside_a_primed_sound_shows_every_frame(suffix: str, tmp_path: Path) -> None:
    source, target = clip("opus.mkv"), tmp_path / f"out{suffix}"
    for made in (trim_video, remove_audio, lambda a, b: merge(a, clip("plain.mp4"), None, b, lufs=None)):
        made(source, target)
        assert marks(target) == [*range(15)]
        picture = scan(target).picture
        assert picture is not None
        assert picture.hidden == 0


@pytest.mark.parametrize("rate", ["30000/1001", "60000/1001", "24"])
def test_a_copy_of_a_coarse_clock_keeps_the_frame_rate(rate: str, tmp_path: Path) -> None:
    """Matroska rounds times to milliseconds, which a copy in MP4 holds on a finer clock."""
    source, copy, edited = tmp_path / "in.mkv", tmp_path / "copy.mp4", tmp_path / "edited.mp4"
    ffmpeg(f"-r {rate} -i {clip('keyed.mp4')} -an -r {rate} -c:v libx264 -preset ultrafast -qp 8 {source}")
    remove_audio(source, copy)
    edit_video(copy, edited, steps=[{"do": "encode"}])
    for path in (source, copy, edited):
        picture = scan(path).video[0]
        assert (picture.frame_rate, picture.is_constant_rate) == (Fraction(rate), True)
        assert marks(path) == [*range(40)]


def test_a_short_copy_of_a_coarse_clock_is_not_refused(tmp_path: Path) -> None:
    source, copy = tmp_path / "in.mkv", tmp_path / "copy.mp4"
    ffmpeg(
        f"-r 24000/1001 -i {clip('keyed.mp4')} -an -r 24000/1001 -frames:v 8 -c:v libx264 -preset ultrafast {source}"
    )
    remove_audio(source, copy)
    assert marks(copy) == [*range(8)]
    assert scan(copy).video[0].is_constant_rate


@pytest.mark.parametrize("first", [10, 15])
def test_rounded_times_are_cut_and_joined_on_even_ones(first: int, tmp_path: Path) -> None:
    source, exact, part, joined = (tmp_path / name for name in ("in.mkv", "exact.mp4", "part.mp4", "joined.mp4"))
    ffmpeg(f"-i {clip('keyed.mp4')} -an -c:v libx264 -preset ultrafast -qp 8 -bf 0 -g 5 -sc_threshold 0 {exact}")
    ffmpeg(rf'-i {exact} -c copy -bsf:v "setts=ts=TS-12*mod(N\,2)" {source}')
    trim_video(source, part, start_s=first / 25)
    concat_videos([source, source], joined)
    for path, wanted in ((part, [*range(first, 40)]), (joined, [*range(40), *range(40)])):
        picture = scan(path).video[0]
        assert (picture.frame_rate, picture.is_constant_rate) == (25, True)
        assert marks(path) == wanted
        assert set(packet_digests(path)) <= set(packet_digests(source))
