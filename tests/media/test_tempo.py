"""Speech in another tempo: every sound of it in its place, its pitch and level as before, nothing of it lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prefect_media.media.sounds.tempo import in_tempo
from prefect_media.media.videos.merge import merge

from .make_clips import clip
from .test_audio import decoded, seconds, sine, wav

RATE = 48_000
STARTS_S = (0.0, 0.1, 0.23, 0.37, 0.48, 0.6, 0.69)
BURST_S = 0.03
LENGTH_S = 0.72


def bursts() -> Any:
    """Short sounds as consonants are, the last one at the very end."""
    sound, shape = np.zeros(round(LENGTH_S * RATE)), np.hanning(round(BURST_S * RATE))
    noise = np.random.RandomState(3)
    for number, start in enumerate(STARTS_S):
        burst = shape * (noise.randn(len(shape)) * 0.3 if number % 2 else sine(BURST_S, hertz=300))
        sound[round(start * RATE) :][: len(burst)] += burst
    return sound


def middles_s(samples: Any, factor: float) -> list[float]:
    """Where each burst is, as the middle of its energy around its place."""
    found: list[float] = []
    for start in STARTS_S:
        place = (start + BURST_S / 2) / factor
        first = max(0, round((place - 0.045) * RATE))
        power = samples[first : round((place + 0.045) * RATE)] ** 2
        assert power.sum() > 10, f"the burst at {start} s is lost"
        found.append((first + float(np.arange(len(power)) @ power / power.sum())) / RATE - place)
    return found


def quickened(tmp_path: Path, samples: Any, factor: float) -> Any:
    source, target = tmp_path / "in.f32", tmp_path / "out.f32"
    source.write_bytes(np.stack([samples, samples], axis=1).astype("<f4").tobytes())
    in_tempo(source, target, factor=factor, sample_rate_hz=RATE, channels=2, what="speak faster")
    return np.frombuffer(target.read_bytes(), "<f4").reshape(-1, 2)[:, 0]


def test_a_voice_spoken_faster_is_in_place_and_not_cut(tmp_path: Path) -> None:
    voice = wav(tmp_path / "voice.wav", bursts())
    target = tmp_path / "out.mp4"
    assert merge(clip("silent.mp4"), voice, None, target, duration="tempo", lufs=None) == (
        "voice spoken 1.2 times faster",
    )
    assert middles_s(decoded(target)[0][:, 0], 1.2) == pytest.approx([0.0] * len(STARTS_S), abs=0.01)


@pytest.mark.parametrize("factor", [0.8, 1.03, 1.1, 1.25])
def test_every_burst_keeps_its_place(tmp_path: Path, factor: float) -> None:
    samples = quickened(tmp_path, bursts(), factor)
    assert len(samples) == round(LENGTH_S * RATE / factor)
    assert middles_s(samples, factor) == pytest.approx([0.0] * len(STARTS_S), abs=0.01)


@pytest.mark.parametrize("factor", [1.07, 1.25])
@pytest.mark.parametrize("hertz", [80, 440])
def test_pitch_and_level_stay_and_vowels_keep_their_place(tmp_path: Path, factor: float, hertz: int) -> None:
    swell = 0.5 - 0.45 * np.cos(2 * np.pi * 4 * seconds(1.5))
    samples = quickened(tmp_path, swell * sine(1.5, hertz=hertz), factor)
    at = np.arange(len(samples)) / RATE
    envelope = np.sqrt(np.convolve(samples**2, np.hanning(2400) / 1200, "same"))
    wanted = (0.5 - 0.45 * np.cos(2 * np.pi * 4 * at * factor)) * 0.5 / np.sqrt(2)
    inner = slice(RATE // 10, -RATE // 10)
    assert np.abs(envelope - wanted)[inner].max() < 0.06
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert int(np.argmax(spectrum)) * RATE / len(samples) == pytest.approx(hertz, abs=1.5)


def test_silence_stays_silent(tmp_path: Path) -> None:
    assert not quickened(tmp_path, np.zeros(5000), 1.2).any()
