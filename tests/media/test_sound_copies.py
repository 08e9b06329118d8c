"""Sound of which nothing changes: the same packets in the same place; and encoded where a copy would not sound the same."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from prefect_media.media.container import scan
from prefect_media.media.ffmpeg import ffmpeg_exe
from prefect_media.media.sounds.edit import change_volume, concat_audio, convert_audio, fade_audio, trim_audio
from prefect_media.media.sounds.loudness import measure, normalize_loudness
from prefect_media.media.sounds.mixing import mix
from prefect_media.media.sounds.silence import trim_silence
from prefect_media.media.videos.tracks import extract_audio

from .test_audio import decoded, packets, sine, wav

RATE = 44_100

UNCHANGED: dict[str, Callable[[Path, Path], object]] = {
    "trim": lambda source, target: trim_audio(source, target, end_s=length_of(source)),
    "fade": lambda source, target: fade_audio(source, target, in_s=0, out_s=0),
    "volume": lambda source, target: change_volume(source, target, gain_db=0),
    "convert": lambda source, target: convert_audio(
        source, target, sample_rate_hz=scan(source).audio[0].sample_rate_hz, channels=1
    ),
    "concat": lambda source, target: concat_audio([source], target, gap_s=1),
    "silence": trim_silence,
    "mix": lambda source, target: mix([source], target),
    "loudness": lambda source, target: normalize_loudness(source, target, lufs=measure(source).integrated_lufs),
}


def length_of(path: Path) -> float:
    return scan(path).audio[0].duration_s


def sound(path: Path, seconds: float = 0.51) -> Path:
    """A steady tone with noise, which a second encoding would not leave as it is."""
    return wav(path, sine(seconds, rate=RATE) * 0.4 + np.random.RandomState(1).randn(round(seconds * RATE)) / 30, RATE)


def coded(path: Path, options: str, source: Path | None = None) -> Path:
    given = source or sound(path.with_name("plain.wav"))
    command = [ffmpeg_exe(), "-v", "error", "-y", "-i", str(given), *options.split(), str(path)]
    subprocess.run(command, check=True)
    return path


def assert_same(source: Path, target: Path) -> None:
    assert packets(target) == packets(source)
    assert np.array_equal(decoded(target)[0], decoded(source)[0])
    assert length_of(target) == pytest.approx(length_of(source), abs=1e-6)


@pytest.mark.parametrize("name", UNCHANGED)
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".m4a", ".ogg"])
def test_where_nothing_changes_the_sound_is_copied(tmp_path: Path, name: str, suffix: str) -> None:
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    convert_audio(sound(tmp_path / "plain.wav"), source)
    UNCHANGED[name](source, target)
    assert_same(source, target)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("vorbis.ogg", "-c:a libvorbis"),
        ("flac.ogg", "-c:a flac"),
        ("opus.weba", "-c:a libopus -f webm"),
        ("lossless.m4a", "-c:a alac"),
        ("bare.aac", "-c:a aac"),
        ("float.wav", "-c:a pcm_f32le -af volume=20dB"),
        ("eight.wav", "-c:a pcm_u8"),
    ],
)
def test_what_the_container_holds_stays_though_it_is_not_what_would_be_encoded(
    tmp_path: Path, name: str, options: str
) -> None:
    source = coded(tmp_path / name, options)
    target = tmp_path / f"out{source.suffix}"
    trim_audio(source, target)
    assert_same(source, target)


def test_a_conversion_still_leads_to_the_form_that_is_planned(tmp_path: Path) -> None:
    convert_audio(coded(tmp_path / "float.wav", "-c:a pcm_f32le"), tmp_path / "out.wav")
    convert_audio(coded(tmp_path / "vorbis.ogg", "-c:a libvorbis"), tmp_path / "out.ogg")
    assert [scan(tmp_path / name).audio[0].codec for name in ("out.wav", "out.ogg")] == ["pcm_s24le", "opus"]


@pytest.mark.parametrize("name", ["trim", "convert", "loudness"])
def test_a_copied_mp3_without_a_header_loses_nothing(tmp_path: Path, name: str) -> None:
    source, target = coded(tmp_path / "in.mp3", "-write_xing 0 -b:a 64k"), tmp_path / "out.mp3"
    UNCHANGED[name](source, target)
    assert_same(source, target)


def test_silence_in_an_mp3_without_a_header_stays_as_long(tmp_path: Path) -> None:
    quiet = wav(tmp_path / "quiet.wav", np.zeros(RATE // 2), RATE)
    source, target = coded(tmp_path / "in.mp3", "-write_xing 0 -b:a 64k", quiet), tmp_path / "out.mp3"
    assert normalize_loudness(source, target) == ("left as it is: silent, or under 0.4 s",)
    assert_same(source, target)


def test_an_mp3_of_varying_bit_rate_gets_the_header_that_it_lacks(tmp_path: Path) -> None:
    source, target = coded(tmp_path / "in.mp3", "-write_xing 0 -q:a 4"), tmp_path / "out.mp3"
    convert_audio(source, target)
    assert packets(target) != packets(source)
    assert len(decoded(target)[0]) == len(decoded(source)[0])


def test_an_edit_list_that_hides_a_part_is_kept(tmp_path: Path) -> None:
    whole = coded(tmp_path / "whole.m4a", "-c:a aac")
    source = tmp_path / "in.m4a"
    command = [ffmpeg_exe(), "-v", "error", "-ss", "0.2", "-i", str(whole), "-c", "copy", str(source)]
    subprocess.run(command, check=True)
    trim_audio(source, tmp_path / "out.m4a")
    assert_same(source, tmp_path / "out.m4a")


def test_another_container_gets_a_copy_only_where_it_begins_with_the_same_sample(tmp_path: Path) -> None:
    plain = sound(tmp_path / "plain.wav")
    clock = coded(tmp_path / "clock.mkv", "-c:a aac", plain)  # whose clock cannot say where the priming ends
    trim_audio(clock, tmp_path / "clock.m4a")
    assert packets(tmp_path / "clock.m4a") != packets(clock)
    kept = coded(tmp_path / "kept.mkv", "-c:a flac", plain)
    trim_audio(kept, tmp_path / "kept.flac")
    assert packets(tmp_path / "kept.flac") == packets(kept)
    vorbis = coded(tmp_path / "in.webm", "-c:a libvorbis", plain)  # where the last packet is not cut
    trim_audio(vorbis, tmp_path / "out.ogg")
    assert len(decoded(tmp_path / "out.ogg")[0]) == round(length_of(vorbis) * 48_000)


def test_a_gap_before_the_sound_of_a_video_is_filled_rather_than_lost(tmp_path: Path) -> None:
    plain = sound(tmp_path / "plain.wav")
    picture = "-f lavfi -i color=s=32x32:r=10:d=1"
    command = f"{ffmpeg_exe()} -v error {picture} -itsoffset 0.3 -i {plain} -c:a flac {tmp_path / 'late.mkv'}"
    subprocess.run(command.split(), check=True)
    trim_audio(tmp_path / "late.mkv", tmp_path / "out.flac")
    assert len(decoded(tmp_path / "out.flac")[0]) / RATE == pytest.approx(0.81, abs=0.002)


def test_a_mix_of_one_is_limited_where_it_passes_the_ceiling(tmp_path: Path) -> None:
    source = wav(tmp_path / "in.wav", sine(0.5, level=0.99))
    mix([source], tmp_path / "out.wav", true_peak=-6)
    assert measure(tmp_path / "out.wav").true_peak_dbtp <= -6


def test_a_videos_mp3_without_a_header_keeps_its_length(tmp_path: Path) -> None:
    source = coded(tmp_path / "plain.mp3", "-c:a libmp3lame -b:a 128k -write_xing 0")
    video = tmp_path / "video.mkv"
    picture = ["-f", "lavfi", "-i", "color=s=64x48:r=25:d=0.6"]
    command = [ffmpeg_exe(), "-v", "error", *picture, "-i", str(source), "-c:v", "libx264", "-c:a", "copy", str(video)]
    subprocess.run(command, check=True)
    target = tmp_path / "out.mp3"
    extract_audio(video, target)
    assert length_of(target) == pytest.approx(length_of(video), abs=0.003)
    assert packets(target) == packets(source)
