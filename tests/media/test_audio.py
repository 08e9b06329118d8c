"""Trim, fade, volume, convert, concatenate and silence: exact lengths and samples on real files."""

from __future__ import annotations

import subprocess
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import imageio_ffmpeg
import numpy as np
import pytest

from prefect_media.errors import MediaError, ParameterError, UnsupportedMediaError
from prefect_media.media.container import scan
from prefect_media.media.sounds.edit import change_volume, concat_audio, convert_audio, fade_audio, trim_audio
from prefect_media.media.sounds.silence import kept_spans, trim_silence, words_after
from prefect_media.media.types import Word

LOSSLESS = (".wav", ".flac")
FORMATS = (*LOSSLESS, ".mp3", ".m4a", ".ogg", ".opus", ".weba", ".aac")


def seconds(length: float, rate: int = 48_000) -> Any:
    return np.arange(round(length * rate)) / rate


def sine(length: float, *, rate: int = 48_000, hertz: float = 440.0, level: float = 0.5) -> Any:
    return level * np.sin(2 * np.pi * hertz * seconds(length, rate))


def wav(path: Path, samples: Any, rate: int = 48_000) -> Path:
    data = np.atleast_2d(samples.T).T
    with wave.open(str(path), "wb") as file:
        file.setnchannels(data.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(data, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def decoded(path: Path) -> tuple[Any, int]:
    """Return all samples, shape (n, channels), as a player gets them, and the rate. By the bare program, not by us."""
    with av.open(str(path)) as file:
        context = file.streams.audio[0].codec_context
        rate, channels = context.sample_rate, context.layout.nb_channels
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-f", "f32le", "-"]
    data = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(data, "<f4").reshape(-1, channels), rate


def level_db(samples: Any) -> float:
    return float(10 * np.log10(np.mean(np.square(samples)) + 1e-12))


def frame_of(suffix: str) -> int:
    """Return by how many samples a decoder may give more: raw AAC has no place to mark what its encoder added, and
    WebM's clock has milliseconds."""
    return {".aac": 3 * 1024, ".m4a": 1024, ".weba": 48}.get(suffix, 0)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(("rate", "length"), [(44_100, 1.0), (8_000, 0.51), (48_000, 0.013)])
def test_convert_keeps_the_length_and_the_sound(tmp_path: Path, suffix: str, rate: int, length: float) -> None:
    source = wav(tmp_path / "in.wav", sine(length, rate=rate), rate)
    target = tmp_path / f"out{suffix}"
    notes = convert_audio(source, target)
    samples, found_rate = decoded(target)
    assert notes == (() if found_rate == rate else (f"{rate} Hz resampled to 48000 Hz",))
    wanted = round(length * found_rate)
    assert 0 <= len(samples) - wanted <= frame_of(suffix)
    assert found_rate == (48_000 if suffix in (".ogg", ".opus", ".weba") else rate)
    if length > 0.5:
        quarter = slice(wanted // 4, wanted // 2)
        assert level_db(samples[quarter]) == pytest.approx(level_db(sine(1.0)), abs=0.6)
    if suffix in LOSSLESS:
        assert np.array_equal(samples, decoded(source)[0])


def test_equal_inputs_give_equal_bytes(tmp_path: Path) -> None:
    source = wav(tmp_path / "in.wav", np.stack([sine(0.4), sine(0.4, hertz=700)], axis=1))
    runs: list[tuple[str, Callable[[Path], object]]] = [
        *((suffix, lambda t: convert_audio(source, t)) for suffix in FORMATS),
        (".m4a", lambda t: concat_audio([source, source], t, crossfade_s=0.1)),
        (".mp3", lambda t: trim_silence(source, t, max_pause_s=0.1)),
    ]
    for number, (suffix, run) in enumerate(runs):
        names = [tmp_path / f"{number}{half}{suffix}" for half in "ab"]
        for name in names:
            run(name)
        assert names[0].read_bytes() == names[1].read_bytes()


def test_convert_copies_packets_where_nothing_changes(tmp_path: Path) -> None:
    source = wav(tmp_path / "in.wav", sine(0.5, rate=44_100), 44_100)
    for suffix in (".mp3", ".m4a", ".flac", ".ogg"):
        first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
        convert_audio(source, first)
        convert_audio(first, second)
        assert packets(second) == packets(first)
        assert abs(scan(second).duration_s - 0.5) < 0.001


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as file:
        return [bytes(packet) for packet in file.demux(audio=0) if packet.size]


def test_convert_keeps_24_bits_only_where_they_are(tmp_path: Path) -> None:
    rough = wav(tmp_path / "rough.wav", sine(0.2))
    with av.open(str(tmp_path / "fine.wav"), "w") as out:
        stream = out.add_stream("pcm_s24le", rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            (sine(0.2, level=1e-5)[None] * 2**31).astype(np.int32), format="s32p", layout="mono"
        )
        frame.sample_rate = 48_000
        for piece in av.AudioResampler("s32", "mono", 48_000).resample(frame):
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    for suffix in LOSSLESS:
        convert_audio(tmp_path / "fine.wav", tmp_path / f"fine2{suffix}")
        convert_audio(rough, tmp_path / f"rough2{suffix}")
        # A level of -100 dB drowns in 16 bits, and comes through in 24.
        assert level_db(decoded(tmp_path / f"fine2{suffix}")[0]) == pytest.approx(-103, abs=0.5)
        sound = scan(tmp_path / f"rough2{suffix}").sound
        assert sound is not None
        assert sound.sample_format.startswith("s16")


def test_surround_is_mixed_down_without_loss_of_level(tmp_path: Path) -> None:
    for channel, (left, right, mono) in {
        0: (0, None, -6),
        2: (-3, -3, -3),
        3: (None, None, None),
        4: (-3, None, -9),
    }.items():
        six = np.zeros((24_000, 6))
        six[:, channel] = sine(0.5, level=0.25)
        source = wav(tmp_path / "six.wav", six)
        convert_audio(source, tmp_path / "two.wav", channels=2)
        convert_audio(source, tmp_path / "one.wav", channels=1)
        two, one = decoded(tmp_path / "two.wav")[0], decoded(tmp_path / "one.wav")[0]
        for found, wanted in ((two[:, 0], left), (two[:, 1], right), (one[:, 0], mono)):
            if wanted is None:
                assert level_db(found) < -80
            else:
                assert level_db(found) - level_db(six[:, channel]) == pytest.approx(wanted, abs=0.1)
    assert convert_audio(tmp_path / "six.wav", tmp_path / "two.mp3") == ("6 channels mixed down to 2",)
    loud = wav(tmp_path / "loud.wav", np.stack([sine(0.5, level=0.9)] * 6, axis=1))
    convert_audio(loud, tmp_path / "sum.wav", channels=2)
    assert 0.8 < np.abs(decoded(tmp_path / "sum.wav")[0]).max() < 0.99


def test_mono_and_stereo_become_each_other_at_the_same_level(tmp_path: Path) -> None:
    mono = wav(tmp_path / "mono.wav", sine(0.2))
    convert_audio(mono, tmp_path / "stereo.wav", channels=2)
    convert_audio(tmp_path / "stereo.wav", tmp_path / "back.wav", channels=1)
    assert np.abs(decoded(tmp_path / "back.wav")[0] - decoded(mono)[0]).max() < 1e-4
    assert decoded(tmp_path / "stereo.wav")[0].shape == (9600, 2)


@pytest.mark.parametrize(("start", "end"), [(0.0, None), (0.25, 0.75), (0.1234, 0.4321), (0.9, 1.0)])
@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".m4a"])
def test_trim_is_exact(tmp_path: Path, suffix: str, start: float, end: float | None) -> None:
    ramp = np.linspace(-0.9, 0.9, 48_000)
    source = wav(tmp_path / "in.wav", ramp)
    target = tmp_path / f"out{suffix}"
    trim_audio(source, target, start_s=start, end_s=end)
    samples = decoded(target)[0][:, 0]
    wanted = ramp[round(start * 48_000) : round((1.0 if end is None else end) * 48_000)]
    assert 0 <= len(samples) - len(wanted) <= frame_of(suffix)
    if suffix == ".wav":
        assert np.abs(samples - wanted).max() < 1e-4


def test_trim_by_length_is_the_same_as_by_end(tmp_path: Path) -> None:
    source = wav(tmp_path / "in.wav", sine(0.5))
    trim_audio(source, tmp_path / "a.wav", start_s=0.1, end_s=0.3)
    trim_audio(source, tmp_path / "b.wav", start_s=0.1, seconds=0.2)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()


def test_trim_of_lossy_sound_does_not_shift_it(tmp_path: Path) -> None:
    sound = np.zeros(48_000)
    sound[24_000:24_480] = sine(0.01, hertz=2000)
    source = wav(tmp_path / "in.wav", sound)
    for suffix in (".mp3", ".m4a", ".ogg"):
        lossy = tmp_path / f"lossy{suffix}"
        convert_audio(source, lossy)
        trim_audio(lossy, tmp_path / "part.wav", start_s=0.4)
        loud = np.flatnonzero(np.abs(decoded(tmp_path / "part.wav")[0][:, 0]) > 0.2)
        assert loud[0] / 48_000 == pytest.approx(0.1, abs=0.002), suffix


def test_fades_reach_silence_and_full_level(tmp_path: Path) -> None:
    source = wav(tmp_path / "in.wav", np.full(48_000, 0.5))
    for curve in ("linear", "smooth", "equal-power"):
        fade_audio(source, tmp_path / "out.wav", in_s=0.25, out_s=0.5, curve=curve)
        samples = decoded(tmp_path / "out.wav")[0][:, 0]
        assert len(samples) == 48_000
        assert abs(samples[0]) < 0.01
        assert abs(samples[-1]) < 0.01
        assert np.allclose(samples[12_000:24_000], 0.5, atol=1e-4)
        assert np.all(np.diff(samples[:12_000]) >= -1e-4)
        assert np.all(np.diff(samples[24_000:]) <= 1e-4)


def test_volume_changes_by_decibels_and_never_clips(tmp_path: Path) -> None:
    source = wav(tmp_path / "in.wav", sine(0.5, level=0.1))
    change_volume(source, tmp_path / "soft.wav", gain_db=-12)
    change_volume(source, tmp_path / "loud.wav", gain_db=30)
    before, soft, loud = (decoded(p)[0] for p in (source, tmp_path / "soft.wav", tmp_path / "loud.wav"))
    assert level_db(soft) - level_db(before) == pytest.approx(-12, abs=0.05)
    assert 0.9 < np.abs(loud).max() <= 0.985
    # limited, not cut off: a clipped sine spends much of its time at the top
    assert np.mean(np.abs(loud[4800:-4800]) > 0.97) < 0.25


# Concatenation ------------------------------------------------------------------------------------------------------


def test_concat_takes_mixed_rates_and_channels(tmp_path: Path) -> None:
    low = wav(tmp_path / "low.wav", sine(0.5, rate=8000), 8000)
    high = wav(tmp_path / "high.wav", np.stack([sine(0.25, hertz=880)] * 2, axis=1))
    convert_audio(low, tmp_path / "low.mp3")
    target = tmp_path / "out.wav"
    concat_audio([low, high, tmp_path / "low.mp3", low], target, gap_s=0.1)
    samples, rate = decoded(target)
    assert (rate, samples.shape) == (48_000, (round((0.5 * 3 + 0.25 + 0.3) * 48_000), 2))
    at = {"low": 0.25, "gap": 0.55, "high": 0.725, "gap2": 0.9, "mp3": 1.2, "low2": 1.8}
    found = {name: level_db(samples[round((t - 0.02) * rate) : round((t + 0.02) * rate)]) for name, t in at.items()}
    assert found["gap"] < -80
    assert found["gap2"] < -60
    assert all(found[name] == pytest.approx(-9, abs=0.7) for name in ("low", "high", "mp3", "low2"))


def test_crossfades_overlap_and_keep_the_power(tmp_path: Path) -> None:
    noise = [0.2 * np.random.RandomState(seed).randn(48_000) for seed in (1, 2, 3)]
    sources = [wav(tmp_path / f"{n}.wav", sound) for n, sound in enumerate(noise)]
    concat_audio(sources, tmp_path / "out.wav", crossfade_s=0.4)
    samples, rate = decoded(tmp_path / "out.wav")
    assert len(samples) == round((3 - 0.8) * 48_000)
    powers = [level_db(samples[i : i + rate // 10]) for i in range(0, len(samples) - rate // 10, rate // 10)]
    assert max(powers) - min(powers) < 0.6


def test_a_hundred_lossy_pieces_do_not_drift(tmp_path: Path) -> None:
    source = wav(tmp_path / "in.wav", sine(0.1, rate=44_100), 44_100)
    convert_audio(source, tmp_path / "in.m4a")
    concat_audio([tmp_path / "in.m4a"] * 100, tmp_path / "out.wav")
    assert len(decoded(tmp_path / "out.wav")[0]) == 441_000


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (lambda s, t: concat_audio([], t), "no sources were given"),
        (lambda s, t: concat_audio([s, s], t, gap_s=1, crossfade_s=1), "exclude each other"),
        (lambda s, t: concat_audio([s, s, s], t, crossfade_s=0.3), r"Allowed: up to 0\.250 s"),
        (lambda s, t: concat_audio([s, s], t, crossfade_s=0.1, curve="odd"), "curve='odd' is not known"),
        (lambda s, t: trim_audio(s, t, start_s=0.4, end_s=0.2), "must end after it starts"),
        (lambda s, t: trim_audio(s, t, end_s=0.4, seconds=0.2), "end_s or seconds, not both"),
        (lambda s, t: trim_audio(s, t, end_s=7), r"it is 0\.500 s long"),
        (lambda s, t: trim_audio(s, t, start_s=float("nan")), "start_s=nan is not a number"),
        (lambda s, t: fade_audio(s, t, in_s=0.3, out_s=0.3), "together are longer"),
        (lambda s, t: change_volume(s, t, gain_db=90), r"gain_db=90 is out of range\. Allowed: -60 to 40 dB"),
        (lambda s, t: convert_audio(s, t, sample_rate_hz=7), "sample_rate_hz=7 does not fit"),
        (lambda s, t: convert_audio(s, t, channels=9), "channels=9 does not fit"),
        (lambda s, t: convert_audio(s, t, bit_rate_bps=64_000), "bit_rate_bps=64000 does not fit a .wav"),
        (lambda s, t: convert_audio(s, t.with_suffix(".mp3"), channels=6), "channels=6 does not fit a .mp3"),
        (lambda s, t: convert_audio(s, t.with_suffix(".doc")), r"Cannot write sound to a \.doc file"),
        (lambda s, t: trim_silence(s, t, threshold_db=5), "threshold_db=5 is out of range"),
    ],
)
def test_bad_parameters_are_refused_and_leave_nothing(
    tmp_path: Path, run: Callable[[Path, Path], None], words: str
) -> None:
    source = wav(tmp_path / "in.wav", sine(0.5))
    with pytest.raises(ParameterError, match=words):
        run(source, tmp_path / "out.wav")
    assert [p.name for p in tmp_path.iterdir()] == ["in.wav"]


def test_bad_media_is_refused(tmp_path: Path) -> None:
    (tmp_path / "junk.mp3").write_bytes(b"\xff\xfb junk" * 40)
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXTINF:1,\nin.wav\n")
    for name in ("junk.mp3", "list.m3u8", "none.wav"):
        with pytest.raises(MediaError):
            convert_audio(tmp_path / name, tmp_path / "out.wav")
    assert not (tmp_path / "out.wav").exists()


# Silence ------------------------------------------------------------------------------------------------------------


def pauses(tmp_path: Path) -> Path:
    """Half a second of silence, tone, 2 s of silence, tone, 0.3 s of silence."""
    hush = 1e-4 * np.random.RandomState(0).randn(96_000)
    return wav(tmp_path / "in.wav", np.concatenate([hush[:24_000], sine(1), hush, sine(0.7), hush[:14_400]]))


@pytest.mark.parametrize("suffix", [".wav", ".mp3", ".m4a"])
def test_silence_at_both_ends_is_cut(tmp_path: Path, suffix: str) -> None:
    source, target = pauses(tmp_path), tmp_path / f"out{suffix}"
    trim_silence(source, target, keep_s=0.05)
    samples = decoded(target)[0]
    assert len(samples) == pytest.approx(round((1 + 2 + 0.7 + 0.1) * 48_000), abs=400 + frame_of(suffix))
    assert level_db(samples[:1900]) < -60
    assert level_db(samples[3000:9000]) > -12


def test_pauses_inside_are_shortened_and_words_move_with_them(tmp_path: Path) -> None:
    source = pauses(tmp_path)
    trim_silence(source, tmp_path / "out.wav", keep_s=0, max_pause_s=0.5)
    samples = decoded(tmp_path / "out.wav")[0]
    assert len(samples) == pytest.approx(round((1 + 0.5 + 0.7) * 48_000), abs=600)
    spans = kept_spans(source, keep_s=0, max_pause_s=0.5)
    words = words_after([Word(text="one", start_s=0.5, end_s=1.5), Word(text="two", start_s=3.5, end_s=4.2)], spans)
    assert [(w.start_s, w.end_s) for w in words] == [
        (pytest.approx(0, abs=0.01), pytest.approx(1, abs=0.01)),
        (pytest.approx(1.5, abs=0.01), pytest.approx(2.2, abs=0.01)),
    ]
    assert level_db(samples[73_000:76_000]) > -12


def test_sound_without_silence_stays_and_nothing_but_silence_is_refused(tmp_path: Path) -> None:
    full = wav(tmp_path / "full.wav", sine(0.5) + 0.1)
    trim_silence(full, tmp_path / "out.wav")
    assert np.array_equal(decoded(tmp_path / "out.wav")[0], decoded(full)[0])
    empty = wav(tmp_path / "empty.wav", np.zeros(4800))
    with pytest.raises(UnsupportedMediaError, match="nothing in it reaches -50 dB"):
        trim_silence(empty, tmp_path / "gone.wav")
    assert not (tmp_path / "gone.wav").exists()


# Sound of a video ---------------------------------------------------------------------------------------------------


def test_sound_that_starts_after_its_picture_keeps_its_place(tmp_path: Path) -> None:
    path = tmp_path / "late.mkv"
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
        audio = out.add_stream("flac", rate=48_000, layout="mono")
        for number in range(10):
            frame = av.VideoFrame(32, 32, "yuv420p")
            frame.pts = number
            out.mux(video.encode(frame))
        tone = av.AudioFrame.from_ndarray((sine(0.5)[None] * 32767).astype(np.int16), format="s16", layout="mono")
        tone.sample_rate, tone.pts = 48_000, 24_000
        for piece in av.AudioResampler("s16", "mono", 48_000, 4608).resample(tone):
            out.mux(audio.encode(piece))
        out.mux([*video.encode(None), *audio.encode(None)])
    convert_audio(path, tmp_path / "out.wav")
    samples = decoded(tmp_path / "out.wav")[0][:, 0]
    assert level_db(samples[:23_000]) < -80
    assert level_db(samples[25_000:40_000]) == pytest.approx(-9, abs=0.5)
