"""Offline sounds: what the words name is heard, at the asked length, never clipped."""

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
from prefect_media.media.offline.effects import LAYERS, ambience

WORDS = {
    "stream": "river", "boom": "explosion", "city": "traffic", "crickets": "cricket", "heart": "heartbeat", "birds": "bird",
}  # fmt: skip


def _sound(path: Path) -> np.ndarray:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 48_000)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2) / 32768


def _centre_hz(sound: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(sound.mean(axis=1))) ** 2
    return float((power * np.fft.rfftfreq(len(sound), 1 / 48_000)).sum() / power.sum())


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_is_heard_and_not_clipped(tmp_path: Path, layer: str) -> None:
    ambience(WORDS.get(layer, layer), tmp_path / "made.wav", seconds=1.5)
    sound = _sound(tmp_path / "made.wav")
    assert len(sound) == 72_000
    assert 0.02 < np.abs(sound).max() < 0.9
    assert abs(sound.mean()) < 0.01
    assert np.abs(sound[[0, -1]]).max() < 0.01


def test_words_choose_the_layers(tmp_path: Path) -> None:
    centres = {}
    for words in ("thunder", "rain", "bird song", "engine", "wind"):
        ambience(words, tmp_path / "made.wav", seconds=2)
        centres[words] = _centre_hz(_sound(tmp_path / "made.wav"))
    assert centres["thunder"] < 300 < centres["rain"]
    assert centres["engine"] < centres["rain"]
    assert centres["wind"] < 800 < centres["bird song"]


def test_part_of_a_word_chooses_nothing(tmp_path: Path) -> None:
    ambience("training for spring in fairness", tmp_path / "made.wav", seconds=1)
    ambience("rain", tmp_path / "rain.wav", seconds=1)
    assert _centre_hz(_sound(tmp_path / "made.wav")) < 0.5 * _centre_hz(_sound(tmp_path / "rain.wav"))


def test_bytes_are_equal_in_every_process_and_differ_by_seed(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from prefect_media.media.offline.effects import ambience\n"
        "ambience('storm at sea with a bell', Path(sys.argv[1]), seconds=1, seed=int(sys.argv[2]))"
    )
    digests = []
    for number, seed in enumerate((4, 4, 5)):
        target = tmp_path / f"{number}.wav"
        environment = os.environ | {"PYTHONHASHSEED": str(number + 1)}
        subprocess.run([sys.executable, "-c", program, str(target), str(seed)], env=environment, check=True)
        digests.append(hashlib.sha256(target.read_bytes()).hexdigest())
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("seconds", [0.2, 0.333, 2])
def test_length_is_exact(tmp_path: Path, seconds: float) -> None:
    ambience("", tmp_path / "made.wav", seconds=seconds)
    assert len(_sound(tmp_path / "made.wav")) == round(seconds * 48_000)


@pytest.mark.parametrize("seconds", [0, 121, float("nan")])
def test_lengths_out_of_range_are_refused(tmp_path: Path, seconds: float) -> None:
    with pytest.raises(ParameterError, match=f"seconds is {seconds}, allowed is 0.2 to 120"):
        ambience("rain", tmp_path / "made.wav", seconds=seconds)


def test_cancelling_leaves_no_file(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with cancellation(stop), pytest.raises(EncodeError, match="cancelled"):
        ambience("rain", tmp_path / "made.wav", seconds=100)
    assert list(tmp_path.iterdir()) == []
