"""Loudness: measured values, targets met on varied sounds, and what is left alone.

`PREFECT_MEDIA_FULL=1` runs all 50 sounds; without it, one of each kind.
"""

from __future__ import annotations

import math
import os
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from prefect_media.errors import ParameterError, ProbeError, UnsupportedMediaError
from prefect_media.media.container import scan
from prefect_media.media.sounds.loudness import Level, Loudness, find_level, measure, normalize_loudness

from .make_clips import ffmpeg

FULL = os.environ.get("PREFECT_MEDIA_FULL") == "1"


def write_wav(path: Path, samples: Any, rate: int = 48_000) -> Path:
    """Write samples, shape (n,) or (n, channels), as 16-bit PCM."""
    data = np.clip(np.atleast_2d(samples.T).T, -1, 1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(data.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((data * 32767).astype("<i2").tobytes())
    return path


def seconds(length: float, rate: int) -> Any:
    return np.arange(round(length * rate)) / rate


def speech(length: float, rate: int, seed: int) -> Any:
    """Syllables of a buzzing voice with formants' noise and pauses."""
    dice, t = np.random.RandomState(seed), seconds(length, rate)
    pitch = 110 + 60 * dice.rand() + 15 * np.sin(2 * np.pi * 0.7 * t)
    buzz = sum(np.sin(2 * np.pi * np.cumsum(pitch) / rate * k) / k for k in range(1, 12))
    syllables = np.clip(np.sin(2 * np.pi * (3 + dice.rand()) * t + dice.rand()), 0, 1) ** 0.7
    pauses = (np.sin(2 * np.pi * 0.45 * t + dice.rand() * 6) > -0.4).astype(float)
    return 0.25 * (0.2 + dice.rand()) * (buzz + 0.3 * dice.randn(len(t))) * syllables * pauses


def tone(length: float, rate: int, seed: int) -> Any:
    level, pitch = 10 ** (-(12 + 5.5 * (seed % 5)) / 20), 180 * 1.6 ** (seed % 5)
    return level * np.sin(2 * np.pi * pitch * seconds(length, rate))


def clicks(length: float, rate: int, seed: int) -> Any:
    dice, t = np.random.RandomState(seed), seconds(length, rate)
    sound = 0.02 * dice.randn(len(t))
    sound[:: rate // (3 + seed % 4)] += 0.9
    return sound


def dynamic(length: float, rate: int, seed: int) -> Any:
    dice, t = np.random.RandomState(seed), seconds(length, rate)
    quiet_to_loud = 10 ** (-(32 - 31 * (t / length) ** (1 + seed % 3)) / 20)
    return quiet_to_loud * dice.uniform(-1, 1, len(t))


def music(length: float, rate: int, seed: int) -> Any:
    dice, t = np.random.RandomState(seed), seconds(length, rate)
    chord = sum(np.sin(2 * np.pi * 110 * 2 ** (step / 12) * t) for step in dice.choice(24, 4, replace=False))
    beat = np.exp(-((t * (2 + seed % 2)) % 1) * 6)
    return np.clip(0.22 * chord * (0.3 + beat) + 0.5 * beat * np.sin(2 * np.pi * 55 * t), -1, 1)


def square(length: float, rate: int, seed: int) -> Any:
    """Full scale, and over it between the samples."""
    return 0.98 * np.sign(np.sin(2 * np.pi * (700 + 211 * seed) * seconds(length, rate) + 0.3))


KINDS: dict[str, Callable[[float, int, int], Any]] = {
    "speech": speech, "tone": tone, "clicks": clicks, "dynamic": dynamic, "music": music, "square": square,
}  # fmt: skip
SHAPES = [  # rate, channels, target, seconds
    (48_000, 1, ".wav", 3.0),
    (44_100, 2, ".m4a", 3.0),
    (8_000, 1, ".wav", 3.0),
    (48_000, 6, ".flac", 2.0),
    (22_050, 1, ".mp3", 3.0),
    (48_000, 2, ".ogg", 2.5),
    (96_000, 2, ".wav", 1.5),
    (16_000, 1, ".m4a", 1.0),
]
EVERY = [(kind, shape, seed) for seed, shape in enumerate(SHAPES) for kind in KINDS] + [
    ("speech", (44_100, 1, ".mp3", 0.6), 40),
    ("music", (48_000, 2, ".m4a", 0.6), 41),
]
CORE = [
    ("speech", SHAPES[0], 0), ("speech", SHAPES[1], 1), ("speech", SHAPES[2], 2), ("music", SHAPES[3], 3),
    ("dynamic", SHAPES[4], 4), ("music", SHAPES[5], 5), ("clicks", SHAPES[6], 6), ("square", SHAPES[0], 0),
    ("tone", SHAPES[1], 1), ("clicks", SHAPES[1], 1), ("dynamic", SHAPES[2], 2), EVERY[-2],
]  # fmt: skip


def made(folder: Path, kind: str, shape: tuple[int, int, str, float], seed: int) -> Path:
    rate, channels, _, length = shape
    sound = KINDS[kind](length, rate, seed)
    columns = [np.roll(sound, n * rate // 50) * (1 - 0.12 * n) for n in range(channels)]
    return write_wav(folder / "in.wav", np.stack(columns, axis=1), rate)


@pytest.mark.parametrize(
    ("kind", "shape", "seed"),
    EVERY if FULL else CORE,
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, tuple) else str(value),  # pyright: ignore
)
def test_loudness_meets_the_target_under_the_ceiling(
    tmp_path: Path, kind: str, shape: tuple[int, int, str, float], seed: int
) -> None:
    source = made(tmp_path, kind, shape, seed)
    target = tmp_path / f"out{shape[2]}"
    assert normalize_loudness(source, target, lufs=-16.0, true_peak=-1.5) == ()
    found = measure(target)
    print(f"{kind} {shape}: {found.integrated_lufs + 16:+.1f} LU, {found.true_peak_dbtp} dBTP")
    assert abs(found.integrated_lufs + 16) <= 0.5
    assert found.true_peak_dbtp <= -1.5
    sound = scan(target).sound
    assert sound is not None
    assert sound.channels == shape[1]
    assert abs(sound.duration_s - shape[3]) <= 0.0251


def test_there_are_fifty_varied_sounds() -> None:
    assert len(EVERY) == len(set(map(str, EVERY))) == 50
    assert set(map(str, CORE)) <= set(map(str, EVERY))


def test_measure_agrees_with_the_definition(tmp_path: Path) -> None:
    # BS.1770: a 997 Hz sine at full scale in one channel reads -3.01 LUFS
    sine = 10 ** (-20 / 20) * np.sin(2 * np.pi * 997 * seconds(3, 48_000))
    found = measure(write_wav(tmp_path / "sine.wav", sine))
    assert found.integrated_lufs == pytest.approx(-23.0, abs=0.11)
    assert found.true_peak_dbtp == pytest.approx(-20.0, abs=0.11)
    both = measure(write_wav(tmp_path / "both.wav", np.stack([sine, sine], axis=1)))
    assert both.integrated_lufs == pytest.approx(-20.0, abs=0.11)


def test_plain_gain_changes_nothing_but_the_level(tmp_path: Path) -> None:
    source = write_wav(tmp_path / "in.wav", speech(2, 48_000, 1) * 0.1)
    normalize_loudness(source, tmp_path / "out.wav", lufs=-30, true_peak=-1)
    with wave.open(str(source)) as a, wave.open(str(tmp_path / "out.wav")) as b:
        assert a.getparams() == b.getparams()
        x, y = (np.frombuffer(f.readframes(10**7), "<i2").astype(float) for f in (a, b))
    gain = float(x @ y / (x @ x))
    assert gain > 1.2
    assert np.max(np.abs(y - gain * x)) <= 1.5


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".m4a"])
@pytest.mark.parametrize("kind", ["silent", "hiss", "short"])
def test_silence_and_very_short_sounds_are_left_alone(tmp_path: Path, kind: str, suffix: str) -> None:
    sound = {
        "silent": np.zeros(48_000),
        "hiss": 2e-4 * np.random.RandomState(0).randn(48_000),
        "short": 0.1 * np.sin(2 * np.pi * 440 * seconds(0.3, 48_000)),
    }[kind]
    source = write_wav(tmp_path / "in.wav", sound)
    notes = normalize_loudness(source, tmp_path / f"out{suffix}")
    assert notes == ("left as it is: silent, or under 0.4 s",)
    found = measure(tmp_path / f"out{suffix}")
    assert found.is_silent
    assert abs(found.true_peak_dbtp - measure(source).true_peak_dbtp) < 3.0 or kind == "silent"
    length = scan(tmp_path / f"out{suffix}").duration_s
    assert length == pytest.approx(len(sound) / 48_000, abs=0.025)


def test_gain_stops_at_24_db(tmp_path: Path) -> None:
    source = write_wav(tmp_path / "in.wav", 0.002 * np.sin(2 * np.pi * 440 * seconds(1, 48_000)))
    before = measure(source).integrated_lufs
    notes = normalize_loudness(source, tmp_path / "out.wav")
    after = measure(tmp_path / "out.wav").integrated_lufs
    assert notes == (f"loudness is {after:.1f} LUFS instead of -16.0 (at most 24 dB of gain)",)
    assert before < -55
    assert after - before == pytest.approx(24, abs=0.2)


def test_equal_inputs_give_equal_bytes(tmp_path: Path) -> None:
    source = write_wav(tmp_path / "in.wav", music(1, 44_100, 3), 44_100)
    for suffix in (".wav", ".m4a", ".ogg"):
        for name in ("a", "b"):
            normalize_loudness(source, tmp_path / f"{name}{suffix}")
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def clip(path: Path, sound: Any, *, delay_s: float = 0.0, tracks: int = 1) -> Path:
    """Write a tiny mp4 with moving pictures and sound, by PyAV."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = [out.add_stream("aac", rate=48_000, layout="mono") for _ in range(tracks)]
        for number in range(round(len(sound) / 4800)):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number * 5 % 255, np.uint8), format="rgb24")
            frame.pts = number
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        for stream in audio:
            for start in range(0, len(sound) - 1023, 1024):
                piece = np.ascontiguousarray(sound[None, start : start + 1024].astype(np.float32))
                frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
                frame.sample_rate, frame.pts = 48_000, start + round(delay_s * 48_000)
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    return path


def packets(path: Path, kind: str) -> list[tuple[Any, bytes]]:
    with av.open(str(path)) as file:
        stream = next(s for s in file.streams if s.type == kind)
        return [(p.pts * p.time_base, bytes(p)) for p in file.demux(stream) if p.size]


@pytest.mark.parametrize("delay_s", [0.0, 0.4])
def test_in_a_video_pictures_are_copied_and_sound_stays_in_place(tmp_path: Path, delay_s: float) -> None:
    sound = np.zeros(96_000)
    sound[48_000:] = 0.05 * np.sin(2 * np.pi * 500 * seconds(1, 48_000))
    source = clip(tmp_path / "in.mp4", sound, delay_s=delay_s, tracks=2)
    target = tmp_path / "out.mp4"
    normalize_loudness(source, target, lufs=-20)
    assert measure(target).integrated_lufs == pytest.approx(-20, abs=0.5)
    assert packets(target, "video") == packets(source, "video")
    before, after = scan(source), scan(target)
    assert len(after.audio) == len(before.audio) == 2
    assert abs(after.audio[0].start_s - before.audio[0].start_s) < 0.025
    assert abs(onset(target) - onset(source)) < 0.005


def onset(path: Path) -> float:
    """Return when the sound first gets loud, on the file's own clock."""
    with av.open(str(path)) as file:
        for frame in file.decode(audio=0):
            loud = np.flatnonzero(np.abs(frame.to_ndarray()[0]) > 0.02)
            if len(loud):
                return float(frame.time) + loud[0] / frame.sample_rate
    raise AssertionError("never loud")


def test_in_a_video_languages_stay(tmp_path: Path) -> None:
    made = clip(tmp_path / "made.mp4", 0.2 * np.sin(np.arange(48_000) / 20), tracks=2)
    source, target = tmp_path / "in.mp4", tmp_path / "out.mp4"
    ffmpeg(f"-i {made} -map 0 -c copy -metadata:s:a:0 language=fra -metadata:s:a:1 language=jpn {source}")
    normalize_loudness(source, target, lufs=-20)
    assert [sound.language for sound in scan(target).audio] == ["fra", "jpn"]


def test_refusals(tmp_path: Path) -> None:
    source = write_wav(tmp_path / "in.wav", speech(1, 8000, 1), 8000)
    with pytest.raises(ParameterError, match=r"lufs=-60 is out of range\. Allowed: -50 to -5"):
        normalize_loudness(source, tmp_path / "out.wav", lufs=-60)
    with pytest.raises(ParameterError, match="true_peak=1 is out of range"):
        normalize_loudness(source, tmp_path / "out.wav", true_peak=1)
    with pytest.raises(ParameterError, match=r"Cannot write sound to a \.txt file"):
        normalize_loudness(source, tmp_path / "out.txt")
    (tmp_path / "junk.wav").write_bytes(b"junk" * 100)
    with pytest.raises(ProbeError):
        normalize_loudness(tmp_path / "junk.wav", tmp_path / "out.wav")
    mute = tmp_path / "mute.mp4"
    with av.open(str(mute), "w") as out:
        video = out.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        out.mux(video.encode(av.VideoFrame(64, 48, "yuv420p")))
        out.mux(video.encode(None))
    with pytest.raises(UnsupportedMediaError, match=r"'mute\.mp4': it has no sound"):
        normalize_loudness(mute, tmp_path / "out.mp4")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.wav", "junk.wav", "mute.mp4"]


def test_find_level_follows_the_slope_and_keeps_the_best_outcome() -> None:
    before = Loudness(-30.0, -3.0, 5.0)
    tried: list[Level] = []

    def sluggish(level: Level) -> Loudness:
        tried.append(level)
        return Loudness(-30 + 0.6 * level.gain_db, -1.7, 5.0)

    level = find_level(before, sluggish, lufs=-20, true_peak=-1.5)
    assert -30 + 0.6 * level.gain_db == pytest.approx(-20, abs=0.15)
    assert len(tried) <= 3
    assert find_level(Loudness(-math.inf, -math.inf, 0), sluggish, lufs=-20, true_peak=-1.5) == Level()
