"""Mixing: levels, offsets, lengths, ducking depth and the ceiling."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prefect_media.errors import ParameterError
from prefect_media.media.sounds._job import open_sound
from prefect_media.media.sounds.loudness import measure
from prefect_media.media.sounds.mixing import mix, speech_spans

RATE = 48_000


def sine(length: float, hertz: float, level: float = 0.2) -> Any:
    return level * np.sin(2 * np.pi * hertz * np.arange(round(length * RATE)) / RATE)


def noise(level: float) -> Any:
    """Three seconds."""
    return level * np.random.RandomState(1).uniform(-1, 1, 3 * RATE)


def wav(path: Path, samples: Any, rate: int = RATE) -> Path:
    data = np.atleast_2d(samples.T).T
    with wave.open(str(path), "wb") as file:
        file.setnchannels(data.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(data, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def read(path: Path) -> Any:
    with wave.open(str(path)) as file:
        data = np.frombuffer(file.readframes(10**8), "<i2").reshape(-1, file.getnchannels())
    return data.astype(np.float64) / 32767


def voice(path: Path, length: float, *, level: float = 0.3) -> Path:
    """Syllables with a pitch of 200 Hz, and half a second without any in the middle."""
    at = np.arange(round(length * RATE)) / RATE
    envelope = np.clip(np.sin(2 * np.pi * 4 * at), 0, 1) * (np.abs(at - length / 2) > 0.25)
    buzz = sum(np.sin(2 * np.pi * 200 * k * at) / k for k in (1, 2, 3))
    return wav(path, level * envelope * buzz)


def tone_db(samples: Any, hertz: float, start: float, end: float) -> float:
    """Return the level of one pitch in a part of a sound, in dB of full scale."""
    part = samples[round(start * RATE) : round(end * RATE), 0] * np.hanning(round(end * RATE) - round(start * RATE))
    at = np.arange(len(part)) / RATE
    return float(20 * np.log10(4 * abs(np.mean(part * np.exp(-2j * np.pi * hertz * at))) + 1e-9))


def test_levels_and_offsets_are_exact(tmp_path: Path) -> None:
    a, b = wav(tmp_path / "a.wav", sine(1.0, 500)), wav(tmp_path / "b.wav", sine(0.5, 3000))
    mix([a, b], tmp_path / "out.wav", levels_db=[-6, 3], offsets_s=[0, 0.75])
    samples = read(tmp_path / "out.wav")
    assert len(samples) == round(1.25 * RATE)
    assert tone_db(samples, 500, 0.2, 0.7) == pytest.approx(20 * np.log10(0.2) - 6, abs=0.1)
    assert tone_db(samples, 3000, 0.8, 1.2) == pytest.approx(20 * np.log10(0.2) + 3, abs=0.1)
    assert tone_db(samples, 3000, 0.1, 0.7) < -70
    assert np.abs(samples[round(1.01 * RATE) :, 0]).max() == pytest.approx(0.2 * 10 ** (3 / 20), abs=0.003)


@pytest.mark.parametrize(
    ("length", "seconds"), [("longest", 1.25), ("shortest", 1.0), ("first", 1.0), (0.3, 0.3), (2, 2.0)]
)
def test_length_follows_the_policy(tmp_path: Path, length: str | float, seconds: float) -> None:
    a, b = wav(tmp_path / "a.wav", sine(1.0, 500)), wav(tmp_path / "b.wav", sine(0.5, 3000))
    mix([a, b], tmp_path / "out.wav", offsets_s=[0, 0.75], length=length)
    assert len(read(tmp_path / "out.wav")) == round(seconds * RATE)


@pytest.mark.parametrize("depth", [6.0, 12.0, 20.0])
@pytest.mark.parametrize("speech_level", [0.05, 0.5])
def test_ducking_is_as_deep_as_asked_and_recovers(tmp_path: Path, depth: float, speech_level: float) -> None:
    bed = wav(tmp_path / "bed.wav", sine(5.0, 3000))
    mix(
        [bed, voice(tmp_path / "voice.wav", 2.0, level=speech_level)],
        tmp_path / "out.wav",
        offsets_s=[0, 1.5],
        speech=1,
        duck_db=depth,
    )
    samples = read(tmp_path / "out.wav")
    free = 20 * np.log10(0.2)
    assert tone_db(samples, 3000, 0.2, 1.2) == pytest.approx(free, abs=0.1)
    # Down before the first word, and in the pause of half a second between two.
    for start in (1.55, 1.9, 2.4, 2.9, 3.2):
        assert tone_db(samples, 3000, start, start + 0.15) == pytest.approx(free - depth, abs=1.0)
    assert tone_db(samples, 3000, 4.3, 4.9) == pytest.approx(free, abs=0.1)


def test_speech_itself_is_not_ducked_and_silent_speech_ducks_nothing(tmp_path: Path) -> None:
    spoken = voice(tmp_path / "voice.wav", 2.0)
    bed = wav(tmp_path / "bed.wav", np.zeros(2 * RATE))
    mix([bed, spoken], tmp_path / "out.wav", speech=1, duck_db=30)
    assert np.abs(read(tmp_path / "out.wav") - read(spoken)).max() < 0.01
    assert speech_spans(open_sound(bed)) == []
    mix([spoken, bed], tmp_path / "out2.wav", speech=1, duck_db=30)
    assert np.abs(read(tmp_path / "out2.wav") - read(spoken)).max() < 0.01


def test_the_sum_does_not_clip(tmp_path: Path) -> None:
    loud = [wav(tmp_path / f"{n}.wav", np.stack([sine(1.0, 300 + 170 * n, 0.9)] * 2, axis=1)) for n in range(6)]
    mix(loud, tmp_path / "out.wav", true_peak=-1.0)
    assert measure(tmp_path / "out.wav").true_peak_dbtp <= -1.0
    samples = read(tmp_path / "out.wav")
    assert 0.7 < np.abs(samples).max() < 10 ** (-1 / 20)
    mix(loud, tmp_path / "out.m4a", true_peak=-1.0)
    assert measure(tmp_path / "out.m4a").true_peak_dbtp < 0


def test_a_quiet_mix_is_the_sum_of_its_parts(tmp_path: Path) -> None:
    a, b = wav(tmp_path / "a.wav", sine(0.5, 500)), wav(tmp_path / "b.wav", sine(0.5, 3000))
    mix([a, b, a], tmp_path / "out.wav")
    assert np.abs(read(tmp_path / "out.wav") - (2 * read(a) + read(b)))[2000:-2000].max() < 0.002


def test_loudness_of_the_mix_can_be_set(tmp_path: Path) -> None:
    bed, spoken = wav(tmp_path / "bed.wav", sine(3.0, 700)), voice(tmp_path / "voice.wav", 2.0)
    for suffix in (".wav", ".mp3"):
        mix([bed, spoken], tmp_path / f"out{suffix}", speech=1, lufs=-20.0, true_peak=-2.0)
        found = measure(tmp_path / f"out{suffix}")
        assert found.integrated_lufs == pytest.approx(-20, abs=0.5)
        assert found.true_peak_dbtp <= -1.5


def test_rates_and_channels_may_differ(tmp_path: Path) -> None:
    low = wav(tmp_path / "low.wav", sine(1.0, 500)[::6], 8000)
    wide = wav(tmp_path / "wide.wav", np.stack([sine(1.0, 3000), 0 * sine(1.0, 3000)], axis=1))
    mix([low, wide], tmp_path / "out.wav", speech=0, duck_db=6)
    samples = read(tmp_path / "out.wav")
    assert samples.shape == (RATE, 2)
    assert tone_db(samples, 500, 0.2, 0.8) == pytest.approx(20 * np.log10(0.2), abs=0.2)
    assert tone_db(samples[:, ::-1], 500, 0.2, 0.8) == pytest.approx(20 * np.log10(0.2), abs=0.2)
    assert tone_db(samples, 3000, 0.2, 0.8) == pytest.approx(20 * np.log10(0.2) - 6, abs=0.2)


def test_fade_out_ends_in_silence(tmp_path: Path) -> None:
    mix([wav(tmp_path / "a.wav", sine(1.0, 500))], tmp_path / "out.wav", length=0.8, fade_out_s=0.4)
    samples = read(tmp_path / "out.wav")
    assert len(samples) == round(0.8 * RATE)
    assert np.abs(samples[-200:]).max() < 0.01 < np.abs(samples[:19_000]).max()


def test_equal_inputs_give_equal_bytes(tmp_path: Path) -> None:
    bed, spoken = wav(tmp_path / "bed.wav", sine(1.0, 700)), voice(tmp_path / "voice.wav", 1.0)
    for suffix in (".wav", ".m4a"):
        for name in "ab":
            mix([bed, spoken], tmp_path / f"{name}{suffix}", speech=1, lufs=-18)
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (lambda s, t: mix([], t), "Cannot mix 0 sources"),
        (lambda s, t: mix([s], t, levels_db=[1, 2]), "levels_db has 2 values for 1 sources"),
        (lambda s, t: mix([s], t, levels_db=[99]), "levels_db=99 is out of range"),
        (lambda s, t: mix([s], t, offsets_s=[-1]), "offsets_s=-1 is out of range"),
        (lambda s, t: mix([s], t, speech=1), r"speech=1 is not the number of a source\. Allowed: 0 to 0"),
        (lambda s, t: mix([s], t, duck_db=-3), "duck_db=-3 is out of range"),
        (lambda s, t: mix([s], t, length="middle"), "length='middle' is not known"),
        (lambda s, t: mix([s], t, length=0), "length=0 is out of range"),
        (lambda s, t: mix([s], t, fade_out_s=9), "fade_out_s=9 is out of range"),
        (lambda s, t: mix([s], t, true_peak=3), "true_peak=3 is out of range"),
    ],
)
def test_bad_parameters_are_refused_and_leave_nothing(
    tmp_path: Path, run: Callable[[Path, Path], None], words: str
) -> None:
    source = wav(tmp_path / "in.wav", sine(0.2, 500))
    with pytest.raises(ParameterError, match=words):
        run(source, tmp_path / "out.wav")
    assert [p.name for p in tmp_path.iterdir()] == ["in.wav"]


@pytest.mark.parametrize("suffix", [".wav", ".m4a", ".mp3", ".opus"])
def test_the_ceiling_holds_after_encoding(tmp_path: Path, suffix: str) -> None:
    loud = wav(tmp_path / "loud.wav", noise(0.9))
    mix([loud, loud], tmp_path / f"mix{suffix}", offsets_s=[0, 0.1], true_peak=-1)
    assert measure(tmp_path / f"mix{suffix}").true_peak_dbtp <= -1


def test_sounds_are_lowered_as_far_as_the_target_asks(tmp_path: Path) -> None:
    loud = wav(tmp_path / "loud.wav", noise(1.0))
    notes = mix([loud] * 6, tmp_path / "mix.wav", lufs=-30)
    assert abs(measure(tmp_path / "mix.wav").integrated_lufs + 30) <= 0.5
    assert notes == ()
