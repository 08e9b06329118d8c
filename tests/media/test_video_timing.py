"""Cutting, repeating, reversing: exact to the frame, undecoded where that is exact."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from prefect_media.media.container import scan
from prefect_media.media.videos import timing
from prefect_media.media.videos.remux import shot_of
from prefect_media.media.videos.timing import loop_video, resample_video, reverse_video, trim_video

from .make_clips import RATE, clip, marks, packet_digests, sound_seconds, spectrum

CUTS = [
    # clip, start, end, frames, whether its packets are copied
    ("keyed.mp4", 0.0, 0.4, range(10), True),
    ("keyed.mp4", 0.4, 1.2, range(10, 30), True),
    ("keyed.mp4", 0.8, 1.0, range(20, 25), True),  # ends between key frames, which is no obstacle without B-frames
    ("keyed.mp4", 0.44, 0.8, range(11, 20), False),
    ("bframes.mp4", 0.0, 0.4, range(10), True),
    ("bframes.mp4", 0.4, 0.6, range(10, 15), True),
    ("bframes.mp4", 0.0, 0.2, range(5), None),
    ("plain.mp4", 0.0, 0.6, range(15), True),
    ("plain.mkv", 0.0, 0.4, range(10), True),
    ("ten_bit.mp4", 0.0, 0.4, range(10), False),
]


@pytest.mark.parametrize(("name", "start", "end", "frames", "copied"), CUTS)
def test_a_cut_is_exact(
    name: str, start: float, end: float, frames: range, copied: bool | None, tmp_path: Path
) -> None:
    target = tmp_path / "out.mp4"
    trim_video(clip(name), target, start_s=start, end_s=end)
    assert marks(target) == list(frames)
    digests = packet_digests(clip(name))
    if copied is not None:
        written = packet_digests(target)
        assert (written == digests[frames.start : frames.stop]) == copied
    picture, sound = scan(target).video[0], scan(target).audio[0]
    assert picture.start_s == 0
    assert picture.duration_s == pytest.approx(len(frames) / RATE)
    assert sound.duration_s == pytest.approx(len(frames) / RATE, abs=0.025)
    assert spectrum(target, 440) > 0.08


def test_a_cut_by_length_is_the_same(tmp_path: Path) -> None:
    one, other = tmp_path / "one.mp4", tmp_path / "other.mp4"
    trim_video(clip("plain.mp4"), one, start_s=0.2, end_s=0.4)
    trim_video(clip("plain.mp4"), other, start_s=0.2, seconds=0.2)
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("start_s", [0, 0.02, 0.1, 0.3, 0.38, 0.4])
def test_a_length_is_as_many_frames_wherever_it_begins(start_s: float, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    trim_video(clip("plain.mp4"), target, start_s=start_s, seconds=0.2)
    assert len(marks(target)) == 5


def test_a_range_that_needs_other_frames_is_no_shot() -> None:
    found = scan(clip("bframes.mp4"))
    assert shot_of(clip("bframes.mp4"), found, 10, 15) is not None
    assert shot_of(clip("bframes.mp4"), found, 5, 15) is None  # no key frame
    assert shot_of(clip("bframes.mp4"), found, 0, 99) is None
    assert shot_of(clip("vfr.mkv"), scan(clip("vfr.mkv"))) is None
    assert shot_of(clip("rotated.mp4"), scan(clip("rotated.mp4"))) is None
    # A clock of milliseconds cannot count frames of 1001/30000 s.
    assert shot_of(clip("ntsc.mkv"), scan(clip("ntsc.mkv"))) is None


@pytest.mark.parametrize(
    ("name", "wish", "frames"),
    [
        ("plain.mp4", {"times": 3}, [*range(15)] * 3),
        ("plain.mp4", {"seconds": 1.0}, [*range(15), *range(10)]),
        ("plain.mp4", {"seconds": 0.2}, [*range(5)]),
        ("silent.mp4", {"times": 2}, [*range(15)] * 2),
        ("bframes.mp4", {"seconds": 1.0}, [*range(15), *range(10)]),
        ("vfr.mkv", {"times": 2}, None),
    ],
)
def test_a_loop_is_exact(name: str, wish: dict[str, float], frames: list[int] | None, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    loop_video(clip(name), target, **wish)  # type: ignore[arg-type]
    shown = marks(target)
    if frames is None:
        assert shown[:28] == shown[28:]
        return
    assert shown == frames
    assert packet_digests(target)[:5] == packet_digests(clip(name))[:5]
    assert bool(scan(target).audio) == (name != "silent.mp4")
    if name != "silent.mp4":
        assert sound_seconds(target) == pytest.approx(len(frames) / RATE, abs=0.06)


def test_backwards_is_backwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = tmp_path / "whole.mp4", tmp_path / "parts.mp4"
    reverse_video(clip("late_sound.mp4"), whole)
    # Picture and sound last 0.8 s: the last frame is held while the sound goes on.
    assert marks(whole) == [*[14] * 5, *reversed(range(15))]
    assert spectrum(whole, 440, 0.65, 0.78) < 0.02 < 0.08 < spectrum(whole, 440, 0.1, 0.5)
    monkeypatch.setattr(timing, "REVERSE_BYTES", 64 * 48 * 3 // 2 * 7)
    reverse_video(clip("late_sound.mp4"), parts)
    assert marks(parts) == marks(whole)
    assert sound_seconds(parts) == pytest.approx(sound_seconds(whole), abs=0.001)
    assert spectrum(parts, 440, 0.65, 0.78) < 0.02 < 0.08 < spectrum(parts, 440, 0.1, 0.5)


@pytest.mark.parametrize("fps", [10, 24, "30000/1001", 60])
def test_a_frame_rate_is_exact(fps: float | str, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    resample_video(clip("keyed.mp4"), target, fps=fps)
    picture = scan(target).video[0]
    assert (picture.frame_rate, picture.is_constant_rate) == (Fraction(fps), True)
    assert picture.duration_s == pytest.approx(1.6, abs=float(1 / Fraction(fps)))
    # Each frame is the one that was on show at its time.
    assert marks(target) == [int(n / Fraction(fps) * RATE) for n in range(picture.frames)]
