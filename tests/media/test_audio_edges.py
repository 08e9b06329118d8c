"""Sound at its edges: many pauses, many sources, more than two channels, fades of nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prefect_media.errors import MediaError, ParameterError
from prefect_media.media.container import scan
from prefect_media.media.ffmpeg import ffmpeg_exe
from prefect_media.media.sounds.edit import concat_audio, convert_audio, fade_audio, trim_audio
from prefect_media.media.sounds.loudness import measure, normalize_loudness
from prefect_media.media.sounds.mixing import mix
from prefect_media.media.sounds.silence import kept_spans, trim_silence, words_after
from prefect_media.media.types import Word

from .test_audio import decoded, level_db, sine, wav

RATE = 48_000


def channels(path: Path, layout: str, hertz: list[int]) -> Path:
    """Return a file with one pitch in each channel."""
    tones = "|".join(f"0.2*sin({each}*2*PI*t)" for each in hertz)
    source = f"aevalsrc='{tones}':c={layout}:d=0.5:s={RATE}"
    subprocess.run([ffmpeg_exe(), "-v", "error", "-y", "-f", "lavfi", "-i", source, str(path)], check=True)
    return path


def pitch(samples: Any) -> int:
    """The loudest frequency in Hz, to 2 Hz."""
    middle = samples[len(samples) // 4 :][: RATE // 4]
    return round(int(np.argmax(np.abs(np.fft.rfft(middle * np.hanning(len(middle)))))) * RATE / len(middle))


def test_speech_with_hundreds_of_pauses_is_cut(tmp_path: Path) -> None:
    word = np.concatenate([sine(0.2), np.zeros(RATE // 5)])
    folder = tmp_path / "a folder's [name], with: all"
    folder.mkdir()
    source = wav(folder / "speech.wav", np.tile(word, 300))
    trim_silence(source, target := folder / "out.wav", max_pause_s=0.05, keep_s=0)
    samples, _ = decoded(target)
    assert abs(len(samples) / RATE - (300 * 0.25 - 0.05)) < 0.5
    quiet = np.abs(samples[:, 0]) < 1e-3
    longest = max(map(len, "".join("01"[int(each)] for each in quiet).split("0")))
    assert longest / RATE < 0.06


@pytest.mark.parametrize(("how", "length"), [({}, 6.0), ({"gap_s": 0.01}, 8.99), ({"crossfade_s": 0.01}, 4.01)])
def test_hundreds_of_sounds_are_concatenated(tmp_path: Path, how: dict[str, float], length: float) -> None:
    low, high = wav(tmp_path / "low.wav", sine(0.02)), wav(tmp_path / "high.wav", sine(0.04, hertz=3000))
    concat_audio([low] * 100 + [low, high] * 50 + [high] * 50, tmp_path / "out.wav", **how)
    samples, _ = decoded(tmp_path / "out.wav")
    expected = 150 * 0.02 + 100 * 0.04 + 249 * (how.get("gap_s", 0) - how.get("crossfade_s", 0))
    assert len(samples) == round(expected * RATE)
    assert pitch(samples[: RATE // 2, 0]) == pytest.approx(440, abs=60)
    assert pitch(samples[-RATE // 2 :, 0]) == pytest.approx(3000, abs=60)


@pytest.mark.parametrize(("layout", "hertz"), [("3.0", [300, 400, 500]), ("4.0", [300, 400, 500, 600])])
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".m4a"])
def test_channels_stay_where_they_are(tmp_path: Path, layout: str, hertz: list[int], suffix: str) -> None:
    source = channels(tmp_path / "in.wav", layout, hertz)
    for target in (tmp_path / f"converted{suffix}", tmp_path / f"trimmed{suffix}"):
        if target.stem == "converted":
            assert convert_audio(source, target, sample_rate_hz=RATE) == ()
        else:
            trim_audio(source, target, seconds=0.4)
        sound = scan(target).sound
        assert sound is not None
        assert sound.layout == layout
        samples, _ = decoded(target)
        assert [pitch(samples[:, number]) for number in range(len(hertz))] == pytest.approx(hertz, abs=4)


def test_three_channels_fit_into_opus(tmp_path: Path) -> None:
    source = channels(tmp_path / "in.wav", "3.0", [300, 400, 500])
    convert_audio(source, tmp_path / "out.opus")
    samples, _ = decoded(tmp_path / "out.opus")
    assert sorted(pitch(samples[:, number]) for number in range(3)) == pytest.approx([300, 400, 500], abs=4)


def test_raw_aac_takes_six_channels(tmp_path: Path) -> None:
    source = channels(tmp_path / "in.wav", "7.1", [300 + 100 * number for number in range(8)])
    assert convert_audio(source, tmp_path / "out.aac") == ("8 channels mixed down to 6",)
    with pytest.raises(ParameterError, match=r"channels=8 does not fit a \.aac file\. Allowed: 1 to 6\."):
        convert_audio(source, tmp_path / "other.aac", channels=8)


@pytest.mark.parametrize(
    ("suffix", "rate", "told"),
    [
        (".opus", 300_000, "6000 to 256000"),
        (".mp3", 400_000, "6000 to 320000"),
        (".wav", 64_000, "none, for it keeps every sample"),
    ],
)
def test_a_bit_rate_that_the_format_has_not_is_refused(tmp_path: Path, suffix: str, rate: int, told: str) -> None:
    source = wav(tmp_path / "in.wav", sine(0.1))
    with pytest.raises(ParameterError, match=rf"bit_rate_bps={rate} does not fit a {suffix} file\. Allowed: {told}\."):
        convert_audio(source, tmp_path / f"out{suffix}", bit_rate_bps=rate)


def test_a_fade_of_no_sample_changes_nothing(tmp_path: Path) -> None:
    source = wav(tmp_path / "in.wav", sine(0.2))
    fade_audio(source, tmp_path / "out.wav", in_s=1e-9, out_s=1e-9)
    assert level_db(decoded(tmp_path / "out.wav")[0] - decoded(source)[0]) < -90


def test_an_unknown_curve_is_refused_though_no_fade_uses_it(tmp_path: Path) -> None:
    source = wav(tmp_path / "in.wav", sine(0.2))
    with pytest.raises(ParameterError, match="curve='x' is not known"):
        fade_audio(source, tmp_path / "out.wav", curve="x")
    with pytest.raises(ParameterError, match="curve='x' is not known"):
        concat_audio([source, source], tmp_path / "out.wav", curve="x")


def test_vorbis_is_as_long_as_it_sounds(tmp_path: Path) -> None:
    source = wav(tmp_path / "in.wav", sine(0.7, rate=44_100), 44_100)
    subprocess.run([ffmpeg_exe(), "-v", "error", "-i", source, "-c:a", "libvorbis", tmp_path / "in.ogg"], check=True)
    convert_audio(tmp_path / "in.ogg", tmp_path / "out.wav")
    assert len(decoded(tmp_path / "out.wav")[0]) == 30_870


@pytest.mark.parametrize(
    ("size", "codec"),
    [(0, "pcm_s16le"), (0x7FFF_F000, "pcm_f32le"), (0xFFFF_FFFF, "pcm_s16le"), (0xFFFF_FFFF, "pcm_mulaw")],
)
def test_wav_that_was_streamed_does_not_say_its_length(tmp_path: Path, size: int, codec: str) -> None:
    plain, source = tmp_path / "plain.wav", tmp_path / "streamed.wav"
    make = [ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", "sine=330:r=24000:d=0.7001", "-c:a", codec, str(plain)]
    subprocess.run(make, check=True)
    data = bytearray(plain.read_bytes())
    at = data.index(b"data") + 4
    data[4:8] = data[at : at + 4] = size.to_bytes(4, "little")
    source.write_bytes(data)
    expected, _ = decoded(plain)
    for name, write in (("a.flac", convert_audio), ("b.wav", trim_audio)):
        write(source, target := tmp_path / name)
        samples, rate = decoded(target)
        assert rate == 24_000
        np.testing.assert_allclose(samples, expected, atol=1 / 32_000)
    normalize_loudness(source, tmp_path / "loud.wav", lufs=-30)
    assert measure(tmp_path / "loud.wav").integrated_lufs == pytest.approx(-30, abs=0.5)
    assert measure(source) == measure(plain)


def test_wav_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    whole = wav(tmp_path / "whole.wav", sine(0.5)).read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) // 2 + 1])
    with pytest.raises(MediaError):
        convert_audio(tmp_path / "cut.wav", tmp_path / "out.flac")


def test_words_do_not_drift_from_speech_at_a_low_rate(tmp_path: Path) -> None:
    rate, count = 8000, 120
    burst, pause = 1000, 2460  # pauses end off the grid of the cuts, always to the same side
    one = np.concatenate([np.zeros(pause), 0.5 * np.cos(2 * np.pi * 1000 / rate * np.arange(burst))])
    source, target = wav(tmp_path / "in.wav", np.tile(one, count), rate=rate), tmp_path / "out.wav"
    spoken = [n * len(one) + pause for n in range(count)]
    words = [Word(text="x", start_s=at / rate, end_s=(at + burst) / rate) for at in spoken]
    how = {"keep_s": 0.0, "max_pause_s": 0.1}
    moved = words_after(words, kept_spans(source, **how))
    trim_silence(source, target, **how)
    loud = np.flatnonzero(np.abs(decoded(target)[0][:, 0]) > 0.25)
    begins = loud[np.flatnonzero(np.diff(loud, prepend=-rate) > 400)] / rate
    assert len(begins) == count
    assert max(abs(begins - [word.start_s for word in moved])) < 0.01


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".ogg"])
def test_limited_sound_of_uneven_packets_is_not_cut_at_its_end(tmp_path: Path, suffix: str) -> None:
    source = tmp_path / "in.ogg"  # before and after an attack, FFmpeg has packets of Vorbis at wrong times
    bursts = "aevalsrc='0.8*sin(440*2*PI*t)*gt(mod(t,0.3),0.2)':s=44100:d=1.5"
    subprocess.run(
        [ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", bursts, "-c:a", "libvorbis", str(source)], check=True
    )
    mix([source, source], tmp_path / f"mixed{suffix}")
    normalize_loudness(source, tmp_path / f"loud{suffix}", lufs=-12, true_peak=-6)
    for name in ("mixed", "loud"):
        samples, rate = decoded(tmp_path / f"{name}{suffix}")
        assert len(samples) == 1.5 * rate
        assert np.abs(samples[-rate // 500 :]).max() > 0.2
