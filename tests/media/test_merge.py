"""`merge` over every awkward kind of input: lengths, copies, policies, levels, equal bytes, refusals."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path

import pytest

from prefect_media.errors import DecodeError, EncodeError, ParameterError, ProbeError, UnsupportedMediaError
from prefect_media.media.container import scan
from prefect_media.media.ffmpeg import cancellation
from prefect_media.media.sounds.loudness import measure
from prefect_media.media.videos.merge import merge

from .make_clips import (
    RATE,
    VIDEOS,
    clip,
    frame,
    hostile,
    marks,
    packet_digests,
    shows_quarters,
    sound_seconds,
    spectrum,
    truncated,
)

COPIED = (
    "plain.mp4", "silent.mp4", "bframes.mp4", "keyed.mp4", "ntsc.mp4", "opus.mkv", "sar.mp4", "full_range.mp4", "hevc.mp4", "two_sounds.mp4",
    "surround.mp4", "mono8k.mp4", "long_sound.mp4", "rotated.mp4", "mirrored.mp4", "late.mp4", "late_sound.mp4",
    "late_picture.mp4", "faststart.mp4", "plain.mkv", "ntsc.mkv", "plain.mov",
)  # fmt: skip
"""Videos whose picture an mp4 takes as it is."""
TURNED = ("rotated.mp4", "mirrored.mp4")
ALIKE = ("silent.mp4", "faststart.mp4", "plain.mov", "mono8k.mp4", "surround.mp4", "two_sounds.mp4")
"""Videos whose picture, once decoded, is that of another one."""
UNLIKE = ("hdr.mp4", *TURNED)
"""Videos whose quarters are elsewhere, or of other colours."""


def lengths(path: Path, seconds: float, rate: Fraction) -> None:
    """Hold picture and sound against the promise: one frame or 25 ms."""
    allowed = max(0.025, 1 / rate) + 1e-6
    found = scan(path)
    assert found.picture is not None
    assert found.sound is not None
    assert found.picture.duration_s == pytest.approx(seconds, abs=allowed)
    assert found.sound.duration_s == pytest.approx(seconds, abs=allowed)
    assert sound_seconds(path) == pytest.approx(seconds, abs=allowed + 0.022)  # the last coded frame may stick out
    assert abs(found.picture.start_s) < 1e-6


@pytest.mark.parametrize("name", [name for name in VIDEOS if name not in ALIKE])
def test_any_video_and_a_longer_voice(name: str, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    source = scan(clip(name)).video[0]
    notes = merge(clip(name), clip("voice.wav"), None, target)
    picture = scan(target).video[0]
    longest = max(1.0, source.duration_s)
    lengths(target, longest, source.nominal_rate)
    assert picture.frame_rate == source.nominal_rate
    assert picture.is_constant_rate
    assert (picture.codec, picture.pixel_format) == ("h264", "yuv420p") or source.duration_s > 1
    width, height = source.display_size
    assert picture.display_size == (width // 2 * 2, height // 2 * 2)
    assert picture.rotation_deg == 0
    assert any("last picture held" in note for note in notes) == (source.duration_s < 0.95)
    if name not in UNLIKE:
        assert shows_quarters(frame(target, picture.frames - 1), slack=40)
    assert measure(target).integrated_lufs == pytest.approx(-16, abs=0.5)


@pytest.mark.parametrize("name", VIDEOS)
def test_any_video_and_a_shorter_voice(name: str, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    source = scan(clip(name)).video[0]
    merge(clip(name), clip("short_voice.wav"), None, target, lufs=None)
    if source.frames > 1:
        lengths(target, source.duration_s, source.nominal_rate)
    assert (packet_digests(target) == packet_digests(clip(name))) == (name in COPIED)
    written = scan(target).video[0]
    assert written.display_size == (source.display_size if name in COPIED else written.display_size)
    assert written.rotation_deg == (source.rotation_deg if name in COPIED else 0)
    if name not in UNLIKE:
        assert shows_quarters(frame(target, 0), slack=40)


def test_a_rotated_video_that_is_encoded_is_turned(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    merge(clip("rotated.mp4"), clip("voice.wav"), None, target)
    upright = frame(target)
    assert upright.size == (48, 64)
    # Turned a quarter to the left: what was top right is now top left.
    turned = {
        (0.25, 0.25): (0, 160, 0),
        (0.75, 0.25): (220, 220, 220),
        (0.25, 0.75): (200, 0, 0),
        (0.75, 0.75): (0, 0, 200),
    }
    assert shows_quarters(upright, turned)


def test_a_mirrored_video_that_is_encoded_is_mirrored(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    merge(clip("mirrored.mp4"), clip("voice.wav"), None, target)
    mirrored = {
        (0.25, 0.25): (0, 160, 0),
        (0.75, 0.25): (200, 0, 0),
        (0.25, 0.75): (220, 220, 220),
        (0.75, 0.75): (0, 0, 200),
    }
    assert shows_quarters(frame(target), mirrored)


def test_hdr_becomes_standard_range(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    merge(clip("hdr.mp4"), clip("voice.wav"), None, target)
    picture = scan(target).video[0]
    assert (picture.colour.transfer, picture.colour.primaries, picture.bit_depth) == ("bt709", "bt709", 8)
    corners = [
        frame(target).getpixel((int(x * 64), int(y * 48))) for x, y in ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75))
    ]
    assert [max(range(3), key=lambda channel: colour[channel]) for colour in corners] == [0, 1, 2]


POLICIES = {
    # The video has 15 frames, the voice lasts 1.0 s (25 frames): what is shown, what is noted.
    "extend": ([*range(15), *[14] * 10], "last picture held for 0.40 s"),
    "loop": ([*range(15), *range(10)], "video repeated for 0.40 s"),
    "trim": (list(range(15)), "last 0.40 s of the voice cut"),
    "video": (list(range(15)), "last 0.40 s of the voice cut"),
    "tempo": ([*range(15), *[14] * 4], "voice spoken 1.25 times faster"),
    "slow": ([int(n * 0.6 + 1e-9) for n in range(25)], "video played 1.67 times slower"),
}


@pytest.mark.parametrize("name", ["plain.mp4", "hevc.mp4"])
@pytest.mark.parametrize("policy", POLICIES)
def test_what_happens_when_the_voice_is_longer(policy: str, name: str, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    notes = merge(clip(name), clip("voice.wav"), None, target, duration=policy)  # type: ignore[arg-type]
    wanted, note = POLICIES[policy]
    shown = marks(target)
    assert len(shown) == len(wanted)
    assert max(abs(a - b) for a, b in zip(shown, wanted, strict=True)) == 0
    assert note in notes
    lengths(target, len(wanted) / RATE, Fraction(RATE))


@pytest.mark.parametrize(
    ("name", "policy"), [("plain.mp4", "trim"), ("plain.mp4", "video"), ("hevc.mp4", "loop"), ("plain.mp4", "tempo")]
)
def test_picture_packets_are_copied_where_the_length_allows(name: str, policy: str, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    merge(clip(name), clip("voice.wav"), None, target, duration=policy)  # type: ignore[arg-type]
    source, written = packet_digests(clip(name)), packet_digests(target)
    if policy == "tempo":
        assert not set(source) & set(written)
    elif policy == "loop":
        assert written == [*source, *source[:10]]
    else:
        assert written == source


def test_trim_ends_with_a_shorter_voice(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    notes = merge(clip("plain.mp4"), clip("short_voice.wav"), None, target, duration="trim")
    assert marks(target) == list(range(8))  # 0.3 s are 7.5 frames
    assert notes == ("last 0.28 s of the video cut",)
    lengths(target, 0.3, Fraction(RATE))


def test_a_cut_between_key_frames_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "out.mp4"
    merge(clip("keyed.mp4"), clip("voice.wav"), None, target, duration="trim")
    assert packet_digests(target) == packet_digests(clip("keyed.mp4"))[:25]
    assert marks(target) == list(range(25))


@pytest.mark.parametrize("suffix", [".mov", ".mkv", ".webm"])
@pytest.mark.parametrize("name", ["plain.mp4", "webm.webm"])
def test_other_containers(name: str, suffix: str, tmp_path: Path) -> None:
    target = tmp_path / f"out{suffix}"
    merge(clip(name), clip("short_voice.wav"), clip("music.mp3"), target)
    lengths(target, 0.6, Fraction(RATE))
    found = scan(target)
    assert found.video[0].codec == (
        "vp9" if suffix == ".webm" or (suffix == ".mkv" and name == "webm.webm") else "h264"
    )
    assert found.audio[0].codec == ("opus" if suffix == ".webm" else "aac")
    copied = packet_digests(target) == packet_digests(clip(name))
    assert copied == (
        (name == "plain.mp4" and suffix != ".webm") or (name == "webm.webm" and suffix in (".webm", ".mkv"))
    )
    assert shows_quarters(frame(target), slack=40)


def test_hevc_is_marked_so_that_all_players_take_it(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    merge(clip("hevc.mp4"), clip("short_voice.wav"), None, target)
    assert scan(target).video[0].tag == "hvc1"


@pytest.mark.parametrize("voice", ["voice8k.mp3", "voice51.m4a", "short_voice.wav", "two_sounds.mp4"])
def test_voices_of_any_rate_and_layout(voice: str, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    merge(clip("silent.mp4"), clip(voice), None, target)
    sound = scan(target).audio[0]
    assert (sound.codec, sound.sample_rate_hz, sound.channels) == ("aac", 48_000, 2)
    lengths(target, 0.6, Fraction(RATE))
    assert spectrum(target, 440 if voice == "two_sounds.mp4" else 300, 0.05, 0.25) > 0.1
    loudness = measure(target)
    assert loudness.integrated_lufs == pytest.approx(-16, abs=0.5)
    assert loudness.true_peak_dbtp <= -1.5


def test_music_is_repeated_and_goes_down_under_the_voice(tmp_path: Path) -> None:
    with_voice, alone = tmp_path / "with.mp4", tmp_path / "alone.mp4"
    # The "music" is a tone of 440 Hz and 0.6 s; the voice one of 300 Hz in the first second.
    merge(clip("keyed.mp4"), None, clip("plain.mp4"), alone, lufs=None)
    merge(clip("keyed.mp4"), clip("voice.wav"), clip("plain.mp4"), with_voice, lufs=None, duck_db=12)
    assert spectrum(alone, 440, 0.7, 1.1) == pytest.approx(spectrum(alone, 440, 0.2, 0.5), rel=0.1)
    assert spectrum(with_voice, 300, 0.2, 0.8) > 0.2
    assert spectrum(with_voice, 440, 0.2, 0.8) == pytest.approx(spectrum(alone, 440, 0.2, 0.8) / 4, rel=0.2)
    lengths(with_voice, 1.6, Fraction(RATE))


def test_own_sound_is_left_out_unless_asked_for(tmp_path: Path) -> None:
    without, kept = tmp_path / "without.mp4", tmp_path / "kept.mp4"
    merge(clip("plain.mp4"), clip("short_voice.wav"), None, without, lufs=None)
    merge(clip("plain.mp4"), clip("short_voice.wav"), None, kept, lufs=None, keep_audio=True, duck_db=0)
    assert spectrum(without, 440) < 0.005 < 0.05 < spectrum(kept, 440)
    assert spectrum(kept, 300, 0.05, 0.25) > 0.2
    assert packet_digests(kept) == packet_digests(clip("plain.mp4"))


@pytest.mark.parametrize("name", ["late_sound.mp4", "late_picture.mp4", "long_sound.mp4"])
def test_own_sound_stays_where_it_was(name: str, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    merge(clip(name), None, None, target, keep_audio=True, lufs=None)
    seconds = {"late_sound.mp4": 0.8, "late_picture.mp4": 0.8, "long_sound.mp4": 1.0}[name]
    lengths(target, seconds, Fraction(RATE))
    early = spectrum(target, 440, 0.02, 0.15)
    assert early < 0.01 if name == "late_sound.mp4" else early > 0.05
    if name == "late_picture.mp4":
        assert marks(target)[:7] == [0, 0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("lufs", [-23.0, -14.0])
def test_loudness_is_what_was_asked_for(lufs: float, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    merge(clip("keyed.mp4"), clip("voice.wav"), clip("music.mp3"), target, lufs=lufs)
    loudness = measure(target)
    assert loudness.integrated_lufs == pytest.approx(lufs, abs=0.5)
    assert loudness.true_peak_dbtp <= -1.5


def test_another_frame_rate_is_exact(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    merge(clip("plain.mp4"), clip("voice.wav"), None, target, fps="30000/1001")
    assert scan(target).video[0].frame_rate == Fraction(30000, 1001)
    lengths(target, 1.0, Fraction(30000, 1001))


def test_steps_before_are_one_encoding(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    steps = [{"do": "trim", "start_s": 0.2}, {"do": "fit", "width": 32, "height": 32, "fit": "stretch"}]
    merge(clip("plain.mp4"), clip("short_voice.wav"), None, target, steps=steps)
    assert scan(target).video[0].display_size == (32, 32)
    assert len(marks(target)) == 10
    assert shows_quarters(frame(target), slack=40)


@pytest.mark.parametrize(
    ("name", "policy"), [("plain.mp4", "video"), ("plain.mp4", "extend"), ("vfr.mkv", "loop"), ("hdr.mp4", "slow")]
)
def test_equal_inputs_give_equal_bytes(name: str, policy: str, tmp_path: Path) -> None:
    one, other = tmp_path / "one.mp4", tmp_path / "other.mp4"
    for target in (one, other):
        merge(clip(name), clip("voice.wav"), clip("music.mp3"), target, duration=policy, keep_audio=True)  # type: ignore[arg-type]
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    ("sources", "parameters", "message"),
    [
        (("plain.mp4", None, None), {}, "there is no voice, no music, and its own sound is left out"),
        (("silent.mp4", None, None), {"keep_audio": True}, "there is no voice, no music"),
        (
            ("plain.mp4", "voice.wav", None),
            {"duration": "longest"},
            r"duration='longest' is unknown\. Known: extend, loop",
        ),
        (("plain.mp4", "voice.wav", None), {"lufs": -2.0}, r"lufs=-2\.0 is out of range"),
        (("plain.mp4", "voice.wav", None), {"duck_db": 99.0}, r"duck_db=99\.0 is out of range"),
        (("plain.mp4", "voice.wav", None), {"fps": "fast"}, r"fps='fast' is not a frame rate"),
        (("plain.mp4", "voice.wav", None), {"steps": [{"do": "paint"}]}, r"Step 1 does 'paint'\. Known: trim, fit"),
    ],
)
def test_impossible_parameters_are_refused(
    sources: tuple[str | None, ...], parameters: dict[str, object], message: str, tmp_path: Path
) -> None:
    video, voice, music = (None if name is None else clip(name) for name in sources)
    with pytest.raises(ParameterError, match=message):
        merge(video, voice, music, tmp_path / "out.mp4", **parameters)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_impossible_files_are_refused(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with pytest.raises(ParameterError, match=r"the suffix \.avi is not one of \.mp4, \.mov, \.mkv, \.webm"):
        merge(clip("plain.mp4"), clip("voice.wav"), None, tmp_path / "out.avi")
    with pytest.raises(UnsupportedMediaError, match=r"'voice\.wav' as video: it has no video stream"):
        merge(clip("voice.wav"), clip("voice.wav"), None, target)
    with pytest.raises(UnsupportedMediaError, match=r"'silent\.mp4': it has no sound"):
        merge(clip("plain.mp4"), clip("silent.mp4"), None, target)
    with pytest.raises(DecodeError, match="it is cut off, bytes are missing at its end"):
        merge(truncated(), clip("voice.wav"), None, target)
    for kind in ("hls", "ffconcat"):
        with pytest.raises(ProbeError):
            merge(hostile(f"{kind}.mp4", kind), clip("voice.wav"), None, target)
        with pytest.raises(ProbeError):
            merge(clip("plain.mp4"), hostile(f"{kind}.mp4", kind), None, target)
    assert list(tmp_path.iterdir()) == []


def test_a_cancelled_merge_leaves_nothing(tmp_path: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    with cancellation(cancel), pytest.raises(EncodeError) as caught:
        merge(clip("plain.mp4"), clip("voice.wav"), clip("music.mp3"), tmp_path / "out.mp4")
    assert caught.value.reason == "cancelled"
    assert list(tmp_path.iterdir()) == []
