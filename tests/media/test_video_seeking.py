"""Frames far into a video: the right ones, in step with their sound, whatever the order in which they are coded."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from prefect_media.errors import ParameterError
from prefect_media.media.container import scan
from prefect_media.media.entries import whole_test
from prefect_media.media.videos import timing
from prefect_media.media.videos.concat import concat_videos
from prefect_media.media.videos.copying import shown_range
from prefect_media.media.videos.edit import edit_video
from prefect_media.media.videos.extract import extract_frame, extract_frames
from prefect_media.media.videos.merge import merge
from prefect_media.media.videos.opening import open_reel
from prefect_media.media.videos.targets import target_of
from prefect_media.media.videos.timing import resample_video, reverse_video, trim_video
from prefect_media.media.videos.tracks import remove_audio
from prefect_media.media.videos.transcode import transcode

from .make_clips import clip, ffmpeg, folder, packet_digests

RATE = 25
FRAMES = 110
PICTURE = f'-f lavfi -i "color=s=32x32:r={RATE}:d={FRAMES / RATE},geq=lum=20+20*if(lt(X\\,16)\\,mod(N\\,11)\\,floor(N/11)):cb=128:cr=128"'
BEEPS = '-f lavfi -i "aevalsrc=0.5*sin(2*PI*1500*t)*lt(mod(t\\,1)\\,0.02):s=48000:d={}"'
CODING = {
    "hevc": "-c:v libx265 -preset ultrafast -bf 3 -x265-params log-level=0:keyint=20:min-keyint=20:qp=4:open-gop={} -tag:v hvc1",
    "x264": "-c:v libx264 -preset medium -bf 3 -g 20 -sc_threshold 0 -qp 4 {}",
}
CLIPS = {
    "open.mp4": CODING["hevc"].format(1),
    "closed.mp4": CODING["hevc"].format(0),
    "open-x264.mp4": CODING["x264"].format("-x264-params open-gop=1"),
    "mpeg4.mp4": "-c:v mpeg4 -bf 2 -g 20 -sc_threshold 1000000000 -q:v 1",
    "x264.mp4": CODING["x264"].format(""),
    "intra.mov": "-c:v mjpeg -q:v 2 -pix_fmt yuvj420p",
    "refreshed.mp4": CODING["x264"].format("-x264-params intra-refresh=1"),
}
COPIES = {
    "open.mov": ("open.mp4", "-c copy -tag:v hvc1"),
    "open.mkv": ("open.mp4", "-c copy"),
    "x264.mkv": ("x264.mp4", "-c copy"),
    "no-edits.mp4": ("x264.mp4", "-an -c copy -use_editlist 0"),
    "fragments.mp4": ("x264.mp4", "-an -c copy -movflags frag_keyframe+empty_moov+default_base_moof"),
    "later.mp4": ("x264.mp4", "-c copy -output_ts_offset 3.7 -avoid_negative_ts disabled"),
    "later.mkv": ("x264.mp4", "-c copy -output_ts_offset 3.7 -avoid_negative_ts disabled"),
    "opus.mkv": ("x264.mp4", "-c:v copy -c:a libopus"),
}
TAKEN = [56, 57, 58, 59, 60, 61, 64, 79, 80, 100]
"""Frames at and around the key frames, which are 20 frames apart."""


@cache
def _clip(name: str) -> Path:
    """A clip whose frames tell their number by two greys (its remainder by 11, and the rest), with a beep each second."""
    target = folder() / f"seeking-{name}"
    if name in COPIES:
        original, arguments = COPIES[name]
        ffmpeg(f"-i {_clip(original)} {arguments} {target}")
    else:
        sound = f"{BEEPS.format(FRAMES / RATE)} -c:a aac -b:a 128k"
        ffmpeg(f"{PICTURE} {sound} -pix_fmt yuv420p {CLIPS[name]} {target}")
    return target


@cache
def _derived(name: str) -> Path:
    """Clips whose streams do not begin or end together."""
    source, target = _clip("x264.mp4"), folder() / f"seeking-{name}"
    arguments = {
        "long-sound.mp4": f"-i {source} {BEEPS.format(6)} -map 0:v -map 1:a -c:v copy -c:a aac",
        "late-picture.mp4": f"-itsoffset 0.5 -i {source} -i {source} -map 0:v -map 1:a -c copy",
        "hidden.mp4": f"-ss 0.6 -i {source} -c copy",
    }
    ffmpeg(f"{arguments[name]} {target}")
    return target


def _greys(path: Path) -> list[tuple[float, float]]:
    """The two greys of each frame, in steps."""
    with av.open(str(path)) as container:
        pictures = [shown.reformat(format="yuv420p").to_ndarray() for shown in container.decode(video=0)]
    return [tuple((float(each[8:24, at : at + 8].mean()) - 20) / 20 for at in (4, 20)) for each in pictures]


def _numbers(path: Path) -> list[int]:
    return [round(left) + 11 * round(right) for left, right in _greys(path)]


def _beeps(path: Path) -> list[float]:
    """When beeps begin, in seconds."""
    with av.open(str(path)) as container:
        floats = av.AudioResampler(format="fltp", layout="mono", rate=48000)
        parts = [each.to_ndarray()[0] for shown in container.decode(audio=0) for each in floats.resample(shown)]
    loud = np.flatnonzero(np.abs(np.concatenate(parts)) > 0.2)
    return [float(at) / 48000 for at, before in zip(loud, [-48000, *loud], strict=False) if at - before > 4800]


@pytest.mark.parametrize("name", [*CLIPS, *COPIES])
def test_a_part_far_into_a_video_has_its_own_frames_and_sound(name: str, tmp_path: Path) -> None:
    target = tmp_path / "out.mkv"
    for first in TAKEN:
        trim_video(_clip(name), target, start_s=first / RATE, seconds=0.2)
        assert _numbers(target) == [*range(first, first + 5)]
    trim_video(_clip(name), target, start_s=57 / RATE)
    assert scan(target).sound is None or _beeps(target) == pytest.approx([3 - 57 / RATE, 4 - 57 / RATE], abs=0.004)


def test_nothing_is_sought_inside_a_gradual_refresh(tmp_path: Path) -> None:
    """Frames that are marked as key frames though they still show what was decoded before them."""
    source, cut, picture = tmp_path / "wide.mp4", tmp_path / "cut.mp4", tmp_path / "frame.png"
    coding = "-c:v libx264 -preset veryfast -qp 8 -g 50 -x264-params intra-refresh=1 -pix_fmt yuv420p"
    ffmpeg(f'-f lavfi -i "testsrc2=s=640x64:r={RATE}:d=6" {coding} {source}')
    first = 130
    trim_video(source, cut, start_s=first / RATE)
    extract_frame(source, picture, at=first / RATE)
    with av.open(str(source)) as container:
        shown = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)][first:]
    with av.open(str(cut)) as container:
        kept = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    taken = np.asarray(Image.open(picture).convert("L"))
    assert len(kept) == len(shown)
    assert max(np.abs(one.astype(int) - other).mean() for one, other in zip(kept, shown, strict=True)) < 4
    assert np.abs(taken.astype(int) - shown[0]).mean() < 4


def test_a_picture_of_which_some_slices_need_others_is_no_place_to_seek_to(tmp_path: Path) -> None:
    def slices(scene_cut: int) -> list[bytes]:
        """The two halves of the second picture."""
        path = tmp_path / "slices.264"
        form = f"slices=2:keyint=99:min-keyint=50:bframes=0:scenecut={scene_cut}"
        ffmpeg(f"-f lavfi -i testsrc2=s=1280x720:d=0.08 -c:v libx264 -preset ultrafast -x264-params {form} {path}")
        return re.split(rb"(?=\x00\x00\x01\x41)", path.read_bytes())[1:3]

    is_whole = whole_test("h264", b"")
    (top, bottom), (changed_top, changed_bottom) = slices(10_000), slices(0)
    assert is_whole(top + bottom)
    assert is_whole(top + bottom + changed_top + changed_bottom)  # two fields, the second made from the first
    assert not is_whole(top + changed_bottom)
    assert not is_whole(changed_top + bottom)


@pytest.mark.parametrize("name", ["open.mp4", "x264.mp4"])
def test_what_is_sought_is_what_is_decoded_up_to(name: str, tmp_path: Path) -> None:
    sought, whole = tmp_path / "sought.mp4", tmp_path / "whole.mp4"
    steps = [{"do": "trim", "start_s": 2.6, "seconds": 0.6}]
    edit_video(_clip(name), sought, steps=steps)
    edit_video(_clip(name), whole, steps=[{"do": "trim", "end_s": 4.4}, *steps])
    assert sought.read_bytes() == whole.read_bytes()


def test_the_last_picture_is_held_wherever_a_part_begins(tmp_path: Path) -> None:
    source, target = _derived("long-sound.mp4"), tmp_path / "out.mp4"
    trim_video(source, target, start_s=4.6, seconds=0.6)
    assert _numbers(target) == [FRAMES - 1] * 15
    assert _beeps(target) == pytest.approx([0.4], abs=0.004)
    trim_video(source, target, start_s=4.2, seconds=0.4)
    assert _numbers(target) == [105, 106, 107, 108, 109, 109, 109, 109, 109, 109]


def test_a_held_picture_is_reversed_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "REVERSE_BYTES", 40 * 32 * 32 * 3 // 2)
    target = tmp_path / "out.mp4"
    reverse_video(_derived("long-sound.mp4"), target)
    assert _numbers(target) == [*[FRAMES - 1] * 40, *reversed(range(FRAMES))]


def test_a_held_picture_goes_over_into_the_next_video(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    sources = [_derived("long-sound.mp4"), _clip("x264.mp4")]
    concat_videos(sources, target, transition="crossfade", transition_s=0.4)
    found = _numbers(target)
    assert len(found) == 150 + FRAMES - 10
    assert found[:140] == [*range(FRAMES), *[FRAMES - 1] * 30]
    assert found[150:] == [*range(10, FRAMES)]
    fading = [right for _, right in _greys(target)[140:151]]
    assert all(0.2 < before - after < 2 for before, after in pairwise(fading))  # evenly from 9 to 0


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_hidden_frames_stay_hidden(suffix: str, tmp_path: Path) -> None:
    source, target = _derived("hidden.mp4"), tmp_path / f"out{suffix}"
    wanted = [*range(15, FRAMES)]
    remove_audio(source, target)
    assert _numbers(target) == wanted
    merge(source, clip("short_voice.wav"), None, target)
    assert _numbers(target) == wanted
    transcode(source, target, to=suffix[1:])
    assert _numbers(target) == wanted
    assert _beeps(target) == pytest.approx([0.4, 1.4, 2.4, 3.4], abs=0.004)


def test_a_stream_with_hidden_frames_is_not_copied() -> None:
    def copyable(path: Path) -> bool:
        found = scan(path)
        return shown_range(open_reel(path, found=found, keep_sound=False), target_of(Path("out.mp4"))) is not None

    assert copyable(_clip("x264.mp4"))
    assert not copyable(_derived("hidden.mp4"))


def _pictured(source: Path, target: Path, at: float | str) -> int:
    extract_frame(source, target, at=at)
    with Image.open(target) as picture:
        greys = [picture.convert("L").getpixel((x, 16)) * 219 / 255 + 16 for x in (8, 24)]  # as a video stores them
    left, right = (round((grey - 20) / 20) for grey in greys)
    return left + 11 * right


def test_a_picture_is_taken_by_the_time_at_which_a_player_shows_it(tmp_path: Path) -> None:
    source, target = _derived("late-picture.mp4"), tmp_path / "out.png"
    times = {0: 0, 0.4: 0, 1: 12, 1.94: 36, 1.98: 37, 2: 37, 3.02: 63, 4.88: 109, "first": 0, "middle": 54, "last": 109}
    assert {at: _pictured(source, target, at) for at in times} == times
    with pytest.raises(ParameterError, match=r"lasts 4\.900 s"):
        extract_frame(source, target, at=5)


@pytest.mark.parametrize("fps", ["60", "30000/1001", "10"])
def test_a_late_picture_is_resampled_from_its_own_times(fps: str, tmp_path: Path) -> None:
    target, rate = tmp_path / "out.mp4", Fraction(fps)
    resample_video(_derived("late-picture.mp4"), target, fps=fps)
    times = [number / rate - Fraction(1, 2) for number in range(round(Fraction(49, 10) * rate))]
    assert _numbers(target) == [max(0, math.floor(at * RATE)) for at in times]


@pytest.mark.parametrize("name", ["open.mp4", "fragments.mp4", "later.mkv"])
def test_a_picture_far_into_a_video_is_the_right_one(name: str, tmp_path: Path) -> None:
    taken = [_pictured(_clip(name), tmp_path / "out.png", (number + 0.5) / RATE) for number in TAKEN]
    assert taken == TAKEN


@pytest.mark.parametrize(
    ("codec", "coding", "suffix"),
    [
        ("av1", "-c:v libsvtav1 -preset 12", ".mp4"),
        ("av1", "-c:v libsvtav1 -preset 12", ".mkv"),
        ("vp8", "-c:v libvpx -cpu-used 8", ".mkv"),
        ("vp8", "-c:v libvpx -cpu-used 8", ".webm"),
    ],
)
def test_what_is_cut_undecoded_may_be_of_any_codec(codec: str, coding: str, suffix: str, tmp_path: Path) -> None:
    source, target = tmp_path / "in.mkv", tmp_path / f"out{suffix}"
    ffmpeg(f"-f lavfi -i testsrc2=s=64x64:r=25:d=1 {coding} -g 10 -pix_fmt yuv420p {source}")
    trim_video(source, target, start_s=0.4)
    found = scan(target).picture
    assert found is not None
    assert (found.codec, found.frames) == (codec, 15)
    assert packet_digests(target) == packet_digests(source)[10:]


def test_several_frames_are_counted_from_where_one_is(tmp_path: Path) -> None:
    source = clip("late_picture.mp4")
    found = scan(source)
    lead = found.picture.start_s - found.start_s if found.picture else 0.0
    assert lead > 0.1
    times = [0.0, lead + 0.1, lead + 0.3]
    several = extract_frames(source, tmp_path / "several", at=times)
    for number, (time, one) in enumerate(zip(times, several, strict=True)):
        extract_frame(source, alone := tmp_path / f"{number}.png", at=time)
        assert (np.asarray(Image.open(one)) == np.asarray(Image.open(alone))).all()
