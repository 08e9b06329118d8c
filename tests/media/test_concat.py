"""`concat_videos`: copies where streams are equal, mixed inputs, transitions, lengths and sounds that do not drift."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from prefect_media.errors import DecodeError, EncodeError, ParameterError, ProbeError, UnsupportedMediaError
from prefect_media.media.container import scan
from prefect_media.media.ffmpeg import cancellation
from prefect_media.media.videos import joining
from prefect_media.media.videos.concat import concat_videos
from prefect_media.media.videos.transcode import transcode

from .make_clips import (
    RATE,
    clip,
    frame,
    hostile,
    marks,
    near,
    packet_digests,
    shows_quarters,
    sound_seconds,
    spectrum,
    truncated,
)

MIXED = [
    "plain.mp4",
    "rotated.mp4",
    "vfr.mkv",
    "odd.mp4",
    "silent.mp4",
    "hdr.mp4",
    "moving.gif",
    "webm.webm",
    "surround.mp4",
    "single.mp4",
]


def lengths(path: Path, seconds: float, rate: Fraction) -> None:
    allowed = max(0.025, 1 / rate) + 1e-6
    found = scan(path)
    assert found.video[0].duration_s == pytest.approx(seconds, abs=allowed)
    assert found.video[0].frame_rate == rate
    assert found.audio[0].duration_s == pytest.approx(seconds, abs=allowed)
    assert sound_seconds(path) == pytest.approx(seconds, abs=allowed + 0.022)


def test_equal_videos_are_joined_undecoded(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    concat_videos([clip("plain.mp4"), clip("two_sounds.mp4"), clip("plain.mp4")], target)
    assert packet_digests(target) == [
        *packet_digests(clip("plain.mp4")), *packet_digests(clip("two_sounds.mp4")), *packet_digests(clip("plain.mp4")),
    ]  # fmt: skip
    assert marks(target) == [*range(15)] * 3
    lengths(target, 1.8, Fraction(RATE))


@pytest.mark.parametrize("name", ["bframes.mp4", "hevc.mp4", "plain.mov", "full_range.mp4"])
def test_a_video_after_itself_is_joined_undecoded(name: str, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    concat_videos([clip(name)] * 3, target)
    assert packet_digests(target) == packet_digests(clip(name)) * 3
    assert marks(target) == [*range(15)] * 3
    picture = scan(target).video[0]
    assert (picture.is_constant_rate, picture.frame_rate, picture.duration_s) == (True, RATE, pytest.approx(1.8))


def test_twenty_clips_do_not_drift(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    concat_videos([clip("plain.mp4")] * 20, target)
    assert marks(target) == [*range(15)] * 20
    lengths(target, 12.0, Fraction(RATE))


@pytest.mark.parametrize(
    "other",
    ["ntsc.mp4", "sar.mp4", "rotated.mp4", "hevc.mp4", "ten_bit.mp4", "bframes.mp4", "late_picture.mp4", "plain.mkv"],
)
def test_unequal_videos_are_encoded(other: str, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    concat_videos([clip("plain.mp4"), clip(other)], target)
    assert not set(packet_digests(target)) & set(packet_digests(clip("plain.mp4")))
    assert shows_quarters(frame(target, 5), slack=40)


def test_only_videos_that_differ_are_encoded(tmp_path: Path) -> None:
    own, target = tmp_path / "own.mp4", tmp_path / "out.mp4"
    transcode(clip("plain.mp4"), own, to="web-mp4", quality=80)  # what this library wrote
    other, odd = clip("hevc.mp4"), clip("odd.mp4")
    concat_videos([own, odd, own, other], target)
    seen, kept = packet_digests(target), packet_digests(own)
    assert (seen[:15], seen[-30:-15]) == (kept, kept)
    assert seen[15] not in kept  # the key frames of the others are new
    assert seen[-15] not in [*kept, *packet_digests(other)]
    found = scan(target).video[0]
    assert (found.is_constant_rate, found.frames, found.display_size) == (True, len(seen), (64, 48))
    assert marks(target)[:15] == [*range(15)]
    for number in (2, 17, len(seen) - 20, len(seen) - 5):
        assert shows_quarters(frame(target, number), slack=40)
    assert spectrum(target, 440, 0.0, 0.58) > 0.1


def test_of_videos_that_cannot_follow_each_other_the_longer_kind_is_kept(tmp_path: Path) -> None:
    own, target = tmp_path / "own.mp4", tmp_path / "out.mp4"
    transcode(clip("plain.mp4"), own, to="web-mp4", quality=80)
    concat_videos([clip("bframes.mp4"), own], target)
    assert packet_digests(target)[-15:] == packet_digests(own)
    assert marks(target) == [*range(15)] * 2


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_mixed_videos_take_the_form_of_the_first(suffix: str, tmp_path: Path) -> None:
    target = tmp_path / f"out{suffix}"
    concat_videos([clip(name) for name in MIXED], target)
    frames = 0
    for name in MIXED:
        frames += max(1, round(scan(clip(name)).video[0].duration_s * RATE))
    lengths(target, frames / RATE, Fraction(RATE))
    picture = scan(target).video[0]
    assert (picture.display_size, picture.frames) == ((64, 48), frames)
    assert picture.colour.matrix == "bt709"
    assert shows_quarters(frame(target, 3), slack=40)
    turned = frame(target, 18)  # upright, with bars at its sides
    assert near(turned.getpixel((2, 24)), (0, 0, 0))
    assert near(turned.getpixel((26, 12)), (0, 160, 0), 40)


def test_sound_and_silence_fall_on_their_own_pictures(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    concat_videos([clip("silent.mp4"), clip("plain.mp4"), clip("silent.mp4")], target)
    assert spectrum(target, 440, 0.0, 0.58) < 0.01
    assert spectrum(target, 440, 0.62, 1.18) > 0.1
    assert spectrum(target, 440, 1.22, 1.8) < 0.01


def test_without_any_sound_there_is_none(tmp_path: Path) -> None:
    for name, sources in (("copy", ["silent.mp4"] * 2), ("encoded", ["silent.mp4", "hevc.mp4"])):
        target = tmp_path / f"{name}.mp4"
        concat_videos([clip(source) for source in sources], target)
        assert scan(target).audio == ()


@pytest.mark.parametrize(
    ("parameters", "size", "rate"),
    [
        ({"width": 96, "height": 96}, (96, 96), RATE),
        ({"height": 24}, (32, 24), RATE),
        ({"fps": "30000/1001"}, (64, 48), Fraction(30000, 1001)),
        ({"width": 48, "height": 48, "fit": "cover"}, (48, 48), RATE),
    ],
)
def test_size_and_rate_are_what_was_asked_for(
    parameters: dict[str, object], size: tuple[int, int], rate: Fraction, tmp_path: Path
) -> None:
    target = tmp_path / "out.mp4"
    concat_videos([clip("plain.mp4"), clip("blue.mp4")], target, **parameters)  # type: ignore[arg-type]
    picture = scan(target).video[0]
    assert (picture.display_size, picture.frame_rate) == (size, rate)
    assert picture.duration_s == pytest.approx(1.1, abs=float(2 / rate))


@pytest.mark.parametrize(
    "transition", ["crossfade", "dissolve", "fade-black", "fade-white", "wipe", "slide", "circle", "zoom"]
)
def test_transitions_overlap_exactly(transition: str, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    sources = [clip("plain.mp4"), clip("blue.mp4"), clip("silent.mp4")]
    concat_videos(sources, target, transition=transition, transition_s=0.2, fit="stretch")  # type: ignore[arg-type]
    # 15 + 12 or 13 + 15 frames, twice 5 of them together
    seconds = scan(target).video[0].duration_s
    assert seconds == pytest.approx(0.6 + 0.5 + 0.6 - 0.4, abs=0.025)
    lengths(target, seconds, Fraction(RATE))
    last = scan(target).video[0].frames - 1
    assert shows_quarters(frame(target, 2), slack=40)
    assert near(frame(target, 16).getpixel((8, 8)), (0, 0, 255), 40)
    assert shows_quarters(frame(target, last), slack=40)
    middle = frame(target, 12).getpixel((8, 8))
    if transition == "crossfade":  # neither red nor blue
        assert middle[0] > 40
        assert middle[2] > 40
    assert marks(target)[:10] == list(range(10))
    assert marks(target)[-5:] == list(range(10, 15))


def test_a_video_fades_over_into_itself(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    concat_videos([clip("keyed.mp4"), clip("keyed.mp4")], target, transition="crossfade", transition_s=0.4)
    lengths(target, 2.8, Fraction(RATE))
    shown = marks(target)
    assert (shown[:30], shown[40:]) == (list(range(30)), list(range(10, 40)))


def test_one_video_alone_is_only_brought_into_form(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    concat_videos([clip("odd.mp4")], target, transition="wipe")
    assert marks(target) == list(range(15))
    assert scan(target).video[0].display_size == (62, 46)


@pytest.mark.parametrize(
    ("names", "parameters"),
    [
        (["plain.mp4", "plain.mp4"], {}),
        (["plain.mp4", "hdr.mp4"], {}),
        (["plain.mp4", "ntsc.mp4"], {"transition": "wipe", "transition_s": 0.2}),
    ],
)
def test_equal_inputs_give_equal_bytes(names: list[str], parameters: dict[str, object], tmp_path: Path) -> None:
    one, other = tmp_path / "one.mp4", tmp_path / "other.mp4"
    for target in (one, other):
        concat_videos([clip(name) for name in names], target, **parameters)  # type: ignore[arg-type]
    assert one.read_bytes() == other.read_bytes()


def test_progress_covers_all_parts(tmp_path: Path) -> None:
    seen: list[tuple[float, float | None]] = []
    with cancellation(on_progress=lambda done, total: seen.append((done, total))):
        concat_videos([clip("plain.mp4"), clip("hevc.mp4")], tmp_path / "out.mp4")
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1] == (pytest.approx(1.2), pytest.approx(1.2))


@pytest.mark.parametrize(
    ("names", "parameters", "message"),
    [
        ([], {}, "there are none"),
        (["plain.mp4"], {"transition": "spiral"}, r"transition='spiral' is unknown\. Known: cut, crossfade"),
        (["plain.mp4", "single.mp4"], {"transition": "wipe"}, r"transition_s=0\.5 does not fit 'single\.mp4'"),
        (["plain.mp4", "plain.mp4"], {"width": 63}, "width=63 is not even"),
        (["plain.mp4", "plain.mp4"], {"fit": "fill"}, "fit='fill' is unknown"),
        (["plain.mp4", "plain.mp4"], {"fps": 0}, "fps=0 is not a frame rate"),
    ],
)
def test_impossible_parameters_are_refused(
    names: list[str], parameters: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ParameterError, match=message):
        concat_videos([clip(name) for name in names], tmp_path / "out.mp4", **parameters)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_impossible_files_are_refused(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with pytest.raises(UnsupportedMediaError, match=r"'voice\.wav' as video: it has no video stream"):
        concat_videos([clip("plain.mp4"), clip("voice.wav")], target)
    with pytest.raises(DecodeError, match="it is cut off"):
        concat_videos([clip("plain.mp4"), truncated()], target)
    with pytest.raises(ProbeError):
        concat_videos([clip("plain.mp4"), hostile("ffconcat.mp4", "ffconcat")], target)
    with pytest.raises(ParameterError, match=r"suffix \.avi"):
        concat_videos([clip("plain.mp4")], tmp_path / "out.avi")
    assert list(tmp_path.iterdir()) == []


def test_a_part_with_wrong_frames_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "shot_of", lambda path, found: None)
    with pytest.raises(EncodeError, match="frames instead of 15") as caught:
        concat_videos([clip("plain.mp4"), clip("hevc.mp4")], tmp_path / "out.mp4")
    assert caught.value.reason == "wrong"
    assert list(tmp_path.iterdir()) == []
