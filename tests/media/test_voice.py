"""Offline speech: audible, timed word by word, the same in every process, honest about its fallback."""

import hashlib
import json
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
from prefect_media.media.offline import voice
from prefect_media.media.offline.voice import MAX_TEXT, Speech, speak

TEXT = "A lighthouse keeper finds a glowing map; she follows it, at dawn, into the fog. It cost $12.50 - wow!"

# Runs `speak` where the loader cannot be imported (`missing`), or its library cannot be loaded (`broken`).
PROGRAM = """
import json, sys
from pathlib import Path
how, text, target = sys.argv[1:4]
if how == "missing":
    sys.modules["espeakng_loader"] = None
elif how == "broken":
    import espeakng_loader
    espeakng_loader.get_library_path = lambda: "/nowhere/libespeak-ng.so"
from prefect_media.media.offline.voice import speak
made = speak(text, Path(target))
print(json.dumps({"engine": made.engine, "note": made.note, "words": [w.model_dump() for w in made.words],
                  "duration_s": made.duration_s}))
"""


def _sound(path: Path) -> tuple[np.ndarray, int]:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768, file.getframerate()


def _elsewhere(how: str, text: str, target: Path, hash_seed: str = "0") -> dict[str, object]:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-c", PROGRAM, how, text, str(target)]
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(made.stdout)


def _check_words(made: Speech, path: Path, text: str) -> None:
    sound, rate = _sound(path)
    assert made.duration_s == pytest.approx(len(sound) / rate)
    assert " ".join(word.text for word in made.words).split() == text.split()
    for word in made.words:
        assert 0 <= word.start_s < word.end_s <= made.duration_s + 1e-3
        loud = np.abs(sound[round(word.start_s * rate) : round(word.end_s * rate)]).max()
        assert loud > 0.02, word
    starts = [word.start_s for word in made.words]
    assert starts == sorted(starts)
    assert all(a.end_s <= b.start_s + 1e-3 for a, b in zip(made.words, made.words[1:], strict=False))


def test_every_word_is_heard_where_it_is_said_to_be(tmp_path: Path) -> None:
    made = speak(TEXT, tmp_path / "made.wav")
    assert (made.engine, made.note) == ("espeak-ng", "")
    _check_words(made, tmp_path / "made.wav", TEXT)
    assert 5 < made.duration_s < 12
    sound, _ = _sound(tmp_path / "made.wav")
    assert np.abs(sound).max() < 0.98
    assert 0.04 < np.sqrt((sound**2).mean()) < 0.2
    assert np.abs(sound[-50:]).max() < 0.02
    assert [path.name for path in tmp_path.iterdir()] == ["made.wav"]


def test_bytes_are_equal_in_every_process_and_call(tmp_path: Path) -> None:
    digests = set()
    for number in range(2):
        _elsewhere("as it is", TEXT, tmp_path / f"{number}.wav", str(number + 1))
        speak(TEXT, tmp_path / f"here-{number}.wav")
        digests |= {
            hashlib.sha256((tmp_path / f"{name}{number}.wav").read_bytes()).hexdigest() for name in ("", "here-")
        }
    assert len(digests) == 1


def test_rate_pitch_and_voice_change_the_sound(tmp_path: Path) -> None:
    slow = speak(TEXT, tmp_path / "slow.wav", rate=120)
    fast = speak(TEXT, tmp_path / "fast.wav", rate=240)
    assert slow.duration_s > 1.5 * fast.duration_s
    made = set()
    for number, options in enumerate(({}, {"pitch": 80}, {"voice": "de"}, {"voice": "en-us+f3"})):
        speak(TEXT, tmp_path / f"{number}.wav", **options)  # type: ignore[arg-type]
        made.add((tmp_path / f"{number}.wav").read_bytes())
    assert len(made) == 4


def test_scripts_without_spaces_get_words_too(tmp_path: Path) -> None:
    made = speak("你好，世界。我爱你", tmp_path / "made.wav", voice="cmn")
    assert "".join(word.text for word in made.words) == "你好，世界。我爱你"
    assert len(made.words) >= 4


@pytest.mark.parametrize(
    "text", ["<b>bold</b> & co", "[[h@l'oU]]", "naïve café 👍🏽", "\ud800 lone", "a\0b c", "100% — yes..."]
)
def test_odd_texts_are_spoken(tmp_path: Path, text: str) -> None:
    made = speak(text, tmp_path / "made.wav")
    assert made.engine == "espeak-ng"
    assert made.words
    assert all(0 <= word.start_s <= word.end_s <= made.duration_s + 1e-3 for word in made.words)


@pytest.mark.parametrize("how", ["missing", "broken"])
def test_without_the_library_tones_stand_in_and_say_so(tmp_path: Path, how: str) -> None:
    made = _elsewhere(how, TEXT, tmp_path / "made.wav")
    assert made["engine"] == "tones"
    expected = {"missing": "espeak-ng is not installed", "broken": "the espeak-ng library does not load here"}[how]
    assert str(made["note"]).startswith(f"Tones instead of speech: {expected}")
    speech = Speech(tuple(_word(word) for word in made["words"]), "tones", "", made["duration_s"])  # type: ignore[union-attr, arg-type]
    _check_words(speech, tmp_path / "made.wav", TEXT)
    again = _elsewhere(how, TEXT, tmp_path / "again.wav", "7")
    assert again["words"] == made["words"]
    assert (tmp_path / "again.wav").read_bytes() == (tmp_path / "made.wav").read_bytes()


def _word(fields: dict[str, object]) -> object:
    from prefect_media.media.types import Word

    return Word.model_validate(fields)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("en-gb", "Did you mean 'en'?"),
        ("fr-fr", "Did you mean 'fr'?"),
        ("pt-bz", "Did you mean 'pt'?"),
        ("qqq", "Known: "),
    ],
)
def test_an_unknown_voice_is_refused_with_the_known_ones(tmp_path: Path, name: str, hint: str) -> None:
    with pytest.raises(ParameterError) as caught:
        speak("Hello", tmp_path / "made.wav", voice=name)
    assert str(caught.value).startswith(f"Unknown voice {name!r}. ")
    assert hint in str(caught.value)
    assert ", de, " in str(caught.value)
    assert " en-us," in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "has nothing to speak in it"),
        ("... --- !", {}, "has nothing to speak in it"),
        ("x" * (MAX_TEXT + 1), {}, "text has 10001 characters, allowed are 10000"),
        ("Hi", {"rate": 20}, "rate is 20, allowed are 80 to 450"),
        ("Hi", {"pitch": 100}, "pitch is 100, allowed is 0 to 99"),
        ("Hi", {"voice": "../../etc"}, "voice is '../../etc', expected a language"),
    ],
)
def test_parameters_out_of_range_are_refused(
    tmp_path: Path, text: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ParameterError) as caught:
        speak(text, tmp_path / "made.wav", **options)  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_is_not_wav_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"Cannot write 'made\.mp3'"):
        speak("Hello", tmp_path / "made.mp3")


def test_a_crash_is_an_error_and_not_a_reason_for_tones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "crash.py"
    program.write_text("import os, sys; sys.stderr.write('segment violated'); sys.stderr.flush(); os._exit(9)")
    monkeypatch.setattr(voice, "PROGRAM", program)
    with pytest.raises(EncodeError, match=r"espeak-ng ended with code 9\. segment violated"):
        speak("Hello", tmp_path / "made.wav")


def test_a_hang_ends_at_the_deadline_and_leaves_no_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, note = tmp_path / "hang.py", tmp_path / "pid"
    program.write_text(
        f"import os, time, pathlib; pathlib.Path({str(note)!r}).write_text(str(os.getpid())); time.sleep(99)"
    )
    monkeypatch.setattr(voice, "PROGRAM", program)
    monkeypatch.setattr(voice, "TIMEOUT_S", 1.5)
    with pytest.raises(EncodeError, match=r"did not end within 1\.5 s"):
        speak("Hello", tmp_path / "made.wav")
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


def test_cancelling_stops_the_child_and_leaves_no_file(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with cancellation(stop), pytest.raises(EncodeError, match="it was cancelled") as caught:
        speak("word " * 1900, tmp_path / "made.wav")
    assert caught.value.reason == "cancelled"
    assert list(tmp_path.iterdir()) == []
