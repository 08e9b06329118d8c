"""Offline music: exact length, quiet, no clicks, in the mood of its prompt."""

import hashlib
import os
import subprocess
import sys
import threading
import wave
from pathlib import Path

import numpy as np
import pytest

from prefect_media.errors import EncodeError, ParameterError
from prefect_media.media.ffmpeg import cancellation
from prefect_media.media.offline.score import MOODS, compose
from prefect_media.media.sounds.loudness import measure

PROMPTS = ("calm sea", "dark thriller", "sad rain", "epic adventure", "happy summer", "deep space", "lofi jazz")


def _sound(path: Path) -> np.ndarray:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 48_000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2) / 32768


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_bed_is_quiet_smooth_and_fades(tmp_path: Path, prompt: str) -> None:
    target = tmp_path / "made.wav"
    compose(prompt, target, seconds=4)
    sound = _sound(target)
    assert len(sound) == 4 * 48_000
    assert 0.02 < np.abs(sound).max() < 0.6
    assert np.abs(np.diff(sound, axis=0)).max() < 0.08  # a click is a jump
    assert abs(sound.mean()) < 1e-3
    assert np.abs(sound[[0, -1]]).max() < 1e-3
    tail, middle = np.abs(sound[-4800:]).mean(), np.abs(sound[96_000:100_800]).mean()
    assert tail < 0.2 * middle
    blocks = sound[24_000:-48_000].reshape(-1, 2400, 2)
    assert np.sqrt((blocks**2).mean(axis=(1, 2))).min() > 0.005  # no silence inside
    assert -28 < measure(target).integrated_lufs < -20


def test_prompts_and_seeds_give_other_pieces(tmp_path: Path) -> None:
    made = set()
    for number, (prompt, seed) in enumerate([*((p, 0) for p in PROMPTS), ("calm sea", 1), ("calm lake", 0)]):
        compose(prompt, tmp_path / f"{number}.wav", seconds=1, seed=seed)
        made.add((tmp_path / f"{number}.wav").read_bytes())
    assert len(made) == len(PROMPTS) + 2


def test_bytes_are_equal_in_every_process(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from prefect_media.media.offline.score import compose\n"
        "compose('calm sea at dawn', Path(sys.argv[1]), seconds=2.5, seed=4)"
    )
    digests = set()
    for number in range(2):
        target = tmp_path / f"{number}.wav"
        environment = os.environ | {"PYTHONHASHSEED": str(number + 1)}
        subprocess.run([sys.executable, "-c", program, str(target)], env=environment, check=True)
        digests.add(hashlib.sha256(target.read_bytes()).hexdigest())
    assert len(digests) == 1


@pytest.mark.parametrize("seconds", [0.5, 0.9, 1.234, 3, 7.77])
def test_length_is_exact(tmp_path: Path, seconds: float) -> None:
    compose("", tmp_path / "made.wav", seconds=seconds)
    assert len(_sound(tmp_path / "made.wav")) == round(seconds * 48_000)


@pytest.mark.parametrize("seconds", [0, 0.4, 301, float("nan"), float("inf")])
def test_lengths_out_of_range_are_refused(tmp_path: Path, seconds: float) -> None:
    with pytest.raises(ParameterError, match=f"seconds is {seconds}, allowed is 0.5 to 300"):
        compose("calm", tmp_path / "made.wav", seconds=seconds)
    assert list(tmp_path.iterdir()) == []


def test_every_mood_has_words_of_its_own_and_calm_is_the_rest() -> None:
    assert list(MOODS)[-1] == "calm"
    assert all(mood.words for name, mood in MOODS.items() if name != "calm")


def test_cancelling_leaves_no_file(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with cancellation(stop), pytest.raises(EncodeError, match="cancelled"):
        compose("calm", tmp_path / "made.wav", seconds=300)
    assert list(tmp_path.iterdir()) == []
