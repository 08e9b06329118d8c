"""`transcode`, pictures and sounds taken out of videos."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from prefect_media.errors import DecodeError, ParameterError, ProbeError, UnsupportedMediaError
from prefect_media.media.container import scan
from prefect_media.media.videos.extract import extract_frame, extract_frames
from prefect_media.media.videos.tracks import extract_audio, remove_audio
from prefect_media.media.videos.transcode import transcode

from .make_clips import (
    CORNERS,
    RATE,
    VIDEOS,
    clip,
    ffmpeg,
    folder,
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

SUFFIX = {"web-mp4": ".mp4", "mp4": ".mp4", "mov": ".mov", "mkv": ".mkv", "webm": ".webm", "prores": ".mov"}
CODECS = {
    "web-mp4": ("h264", "aac"),
    "mp4": ("h264", "aac"),
    "mov": ("h264", "aac"),
    "mkv": ("h264", "aac"),
    "webm": ("vp9", "opus"),
    "prores": ("prores", "pcm_s16le"),
}
DIFFICULT = (
    "ntsc.mp4",
    "vfr.mkv",
    "odd.mp4",
    "sar.mp4",
    "ten_bit.mp4",
    "webm.webm",
    "moving.gif",
    "rotated.mp4",
    "interlaced.mp4",
    "surround.mp4",
    "late.mp4",
)
SPEEDY = ("hdr.mp4", "rotated.mp4", "mirrored.mp4")


@pytest.mark.parametrize("to", SUFFIX)
@pytest.mark.parametrize("name", ["bframes.mp4", "webm.webm", "odd.mp4"])
def test_each_purpose_has_its_codecs(to: str, name: str, tmp_path: Path) -> None:
    target = tmp_path / f"out{SUFFIX[to]}"
    transcode(clip(name), target, to=to)
    found = scan(target)
    assert (found.video[0].codec, found.audio[0].codec) == CODECS[to] or (name == "webm.webm" and to in ("mkv",))
    assert marks(target) == list(range(15))
    assert found.video[0].frame_rate == RATE
    assert found.video[0].duration_s == pytest.approx(0.6, abs=0.025)
    assert sound_seconds(target) == pytest.approx(0.6, abs=0.065)
    assert shows_quarters(frame(target), slack=40)


@pytest.mark.parametrize("name", DIFFICULT)
def test_anything_becomes_fit_for_the_web(name: str, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    transcode(clip(name), target, to="web-mp4")
    picture, source = scan(target).video[0], scan(clip(name)).video[0]
    assert (picture.codec, picture.pixel_format, picture.rotation_deg, picture.sample_aspect_ratio) == (
        "h264",
        "yuv420p",
        0,
        1,
    )
    assert picture.is_constant_rate
    assert picture.display_size == tuple(side // 2 * 2 for side in source.display_size)
    data = target.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize(
    ("name", "to", "copied"),
    [
        ("bframes.mp4", "web-mp4", True),
        ("plain.mkv", "web-mp4", True),
        ("hevc.mp4", "web-mp4", False),  # browsers do not all play it
        ("hevc.mp4", "mov", True),
        ("webm.webm", "webm", True),
        ("rotated.mp4", "web-mp4", False),
        ("sar.mp4", "web-mp4", False),
        ("plain.mp4", "webm", False),
    ],
)
def test_what_is_right_already_is_copied(name: str, to: str, copied: bool, tmp_path: Path) -> None:
    target = tmp_path / f"out{SUFFIX[to]}"
    transcode(clip(name), target, to=to)
    assert (packet_digests(target) == packet_digests(clip(name))) == copied


def test_size_rate_and_quality_are_what_was_asked_for(tmp_path: Path) -> None:
    good, poor = tmp_path / "good.mp4", tmp_path / "poor.mp4"
    for target, quality in ((good, 95), (poor, 10)):
        transcode(clip("plain.mp4"), target, to="mp4", width=32, fps="30000/1001", quality=quality)
        picture = scan(target).video[0]
        assert (picture.display_size, picture.frame_rate) == ((32, 24), Fraction(30000, 1001))
    assert good.stat().st_size > poor.stat().st_size


def test_hdr_becomes_standard_range_for_the_web(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    transcode(clip("hdr.mp4"), target, to="web-mp4")
    assert not scan(target).video[0].is_hdr


def test_prores_keeps_colour_resolution_and_transparency(tmp_path: Path) -> None:
    opaque, clear = tmp_path / "opaque.mov", tmp_path / "clear.mov"
    transcode(clip("ten_bit.mp4"), opaque, to="prores")
    transcode(clip("alpha.webm"), clear, to="prores")
    assert scan(opaque).video[0].pixel_format == "yuv422p10le"
    assert scan(clear).video[0].has_alpha


@pytest.mark.parametrize("to", ["gif", "webp"])
def test_moving_pictures(to: str, tmp_path: Path) -> None:
    target = tmp_path / f"out.{to}"
    transcode(clip("keyed.mp4"), target, to=to, width=48)
    with Image.open(target) as picture:
        assert picture.size == (48, 36)
        assert 15 <= picture.n_frames <= 20  # type: ignore[attr-defined]
        assert picture.info["loop"] == 0
        picture.seek(4)
        assert shows_quarters(picture.convert("RGB"), slack=45)


def test_a_webp_keeps_transparency(tmp_path: Path) -> None:
    target = tmp_path / "out.webp"
    transcode(clip("alpha.webm"), target, to="webp")
    with Image.open(target) as picture:
        red, green, blue, alpha = picture.convert("RGBA").getpixel((20, 20))  # type: ignore[misc]
    assert near((red, green, blue), (255, 0, 0), 30)
    assert 110 < alpha < 145


@pytest.mark.parametrize("to", ["web-mp4", "webm", "prores", "gif", "webp"])
def test_equal_inputs_give_equal_bytes(to: str, tmp_path: Path) -> None:
    suffix = SUFFIX.get(to, f".{to}")
    one, other = tmp_path / f"one{suffix}", tmp_path / f"other{suffix}"
    for target in (one, other):
        transcode(clip("odd.mp4"), target, to=to)
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("out.mp4", {"to": "vhs"}, r"to='vhs' is unknown\. Known: web-mp4, mp4"),
        ("out.mov", {"to": "gif"}, r"cannot be written to 'out\.mov'\. The suffix must be \.gif"),
        ("out.gif", {"to": "gif", "quality": 5}, "quality=5 has no meaning for gif"),
        ("out.mp4", {"to": "mp4", "quality": 500}, "quality=500 is not between 1 and 100"),
        ("out.mp4", {"to": "mp4", "width": 31}, "width=31 is not even"),
        ("out.mp4", {"to": "mp4", "fps": -1}, "fps=-1 is not a frame rate"),
    ],
)
def test_impossible_parameters_are_refused(name: str, parameters: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=message):
        transcode(clip("plain.mp4"), tmp_path / name, **parameters)
    assert list(tmp_path.iterdir()) == []


# Frames


@pytest.mark.parametrize("name", VIDEOS)
def test_a_frame_of_any_video(name: str, tmp_path: Path) -> None:
    target = tmp_path / "out.png"
    extract_frame(clip(name), target, at="middle")
    with Image.open(target) as picture:
        assert picture.size == scan(clip(name)).video[0].display_size
        if name not in SPEEDY:
            assert shows_quarters(picture.convert("RGB"), slack=40)


@pytest.mark.parametrize(
    ("at", "number"), [(0.0, 0), (0.2, 5), (0.239, 5), (0.24, 6), ("first", 0), ("middle", 7), ("last", 14), (0.6, 14)]
)
def test_a_frame_is_the_one_on_show(at: float | str, number: int, tmp_path: Path) -> None:
    target, reference = tmp_path / "out.png", folder() / "reference.png"
    extract_frame(clip("bframes.mp4"), target, at=at)
    ffmpeg(
        f'-i {clip("bframes.mp4")} -vf "select=eq(n\\,{number}),scale=in_color_matrix=bt709:out_range=pc,format=gray" -frames:v 1 -update 1 {reference}'
    )
    with Image.open(target) as picture, Image.open(reference) as wanted:
        for x in (28, 36):
            assert picture.convert("L").getpixel((x, 24)) == pytest.approx(wanted.getpixel((x, 24)), abs=6)


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif"])
def test_a_frame_in_any_picture_format(suffix: str, tmp_path: Path) -> None:
    target = tmp_path / f"out{suffix}"
    extract_frame(clip("plain.mp4"), target, at=0.2, quality=90)
    with Image.open(target) as picture:
        assert shows_quarters(picture.convert("RGB"))


def test_colours_of_a_frame_are_exact(tmp_path: Path) -> None:
    target = tmp_path / "out.png"
    extract_frame(clip("plain.mp4"), target)
    with Image.open(target) as picture:
        for (x, y), colour in CORNERS.items():
            assert near(picture.getpixel((int(x * 64), int(y * 48))), colour, 6)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wish", "numbers"),
    [
        ({"count": 4}, [0, 5, 9, 14]),
        ({"every_s": 0.2}, [0, 5, 10]),
        ({"at": [0.4, "first", 0.08]}, [0, 2, 10]),
        ({"count": 1}, [0]),
    ],
)
def test_frames_are_taken_in_order(wish: dict[str, Any], numbers: list[int], tmp_path: Path) -> None:
    paths = extract_frames(clip("bframes.mp4"), tmp_path / "frames", **wish)
    assert [path.name for path in paths] == [f"frame-{n:05d}.png" for n in range(1, len(numbers) + 1)]
    whole = extract_frames(clip("bframes.mp4"), tmp_path / "whole", count=15)
    assert [path.read_bytes() for path in paths] == [whole[number].read_bytes() for number in numbers]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["frames", "whole"]


def test_impossible_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"at=9 is outside 'plain\.mp4', which lasts 0\.600 s"):
        extract_frame(clip("plain.mp4"), tmp_path / "out.png", at=9)
    with pytest.raises(ParameterError, match="at='end' is unknown"):
        extract_frame(clip("plain.mp4"), tmp_path / "out.png", at="end")
    with pytest.raises(ParameterError, match="one of at, count and every_s"):
        extract_frames(clip("plain.mp4"), tmp_path / "frames")
    with pytest.raises(ParameterError, match="count=16 is not from 1 to 15"):
        extract_frames(clip("plain.mp4"), tmp_path / "frames", count=16)
    with pytest.raises(DecodeError, match="it is cut off"):
        extract_frame(truncated(), tmp_path / "out.png")
    with pytest.raises(ProbeError):
        extract_frame(hostile("hls.mp4", "hls"), tmp_path / "out.png")
    assert list(tmp_path.iterdir()) == []


# Sound


@pytest.mark.parametrize(
    ("name", "suffix", "codec", "copied"),
    [
        ("plain.mp4", ".m4a", "aac", True),
        ("plain.mp4", ".mp3", "mp3", False),
        ("plain.mp4", ".wav", "pcm_s16le", False),
        ("plain.mp4", ".flac", "flac", False),
        ("webm.webm", ".weba", "opus", True),
        ("webm.webm", ".ogg", "opus", True),
        ("webm.webm", ".m4a", "aac", False),
        ("surround.mp4", ".wav", "pcm_s16le", False),
        ("mono8k.mp4", ".mp3", "mp3", False),
    ],
)
def test_sound_is_taken_out(name: str, suffix: str, codec: str, copied: bool, tmp_path: Path) -> None:
    target = tmp_path / f"out{suffix}"
    extract_audio(clip(name), target)
    found = scan(target)
    assert (found.video, found.audio[0].codec) == ((), codec)
    assert found.audio[0].duration_s == pytest.approx(0.6, abs=0.06)
    assert found.audio[0].channels == (6 if name == "surround.mp4" else 1)
    assert spectrum(target, 440, 0.1, 0.5) > 0.1
    if copied:
        ffmpeg(f"-i {clip(name)} -map 0:a:0 -c copy -f framemd5 {tmp_path / 'a.txt'}")
        ffmpeg(f"-i {target} -map 0:a:0 -c copy -f framemd5 {tmp_path / 'b.txt'}")
        digests = [
            [line.split(",")[-1] for line in (tmp_path / text).read_text().splitlines() if line[0] != "#"]
            for text in ("a.txt", "b.txt")
        ]
        # Each container marks the end of the last packet in its own way.
        assert digests[0][:-1] == digests[1][:-1]


def test_the_second_sound_is_another(tmp_path: Path) -> None:
    first, second, exact = tmp_path / "first.m4a", tmp_path / "second.m4a", tmp_path / "second.wav"
    extract_audio(clip("two_sounds.mp4"), first)
    extract_audio(clip("two_sounds.mp4"), second, stream=1)
    extract_audio(clip("two_sounds.mp4"), exact, stream=1)
    assert spectrum(first, 440) > 0.1 > 0.02 > spectrum(first, 880)
    for path in (second, exact):
        assert spectrum(path, 880) > 0.1 > 0.02 > spectrum(path, 440)
    assert sound_seconds(exact) == pytest.approx(0.6, abs=1e-4)


def test_late_sound_gets_silence_in_front(tmp_path: Path) -> None:
    target = tmp_path / "out.m4a"
    extract_audio(clip("late_sound.mp4"), target)
    assert spectrum(target, 440, 0.0, 0.15) < 0.01
    assert scan(target).audio[0].duration_s == pytest.approx(0.8, abs=0.03)


def test_impossible_sounds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedMediaError, match=r"sound of 'silent\.mp4': it has none"):
        extract_audio(clip("silent.mp4"), tmp_path / "out.wav")
    with pytest.raises(ParameterError, match=r"stream=2 is not the number of a sound\. Allowed: 0 to 1"):
        extract_audio(clip("two_sounds.mp4"), tmp_path / "out.wav", stream=2)
    with pytest.raises(ParameterError, match=r"Cannot write sound to 'out\.mp4'"):
        extract_audio(clip("plain.mp4"), tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "copied"), [("bframes.mp4", True), ("late_picture.mp4", True), ("rotated.mp4", True), ("vfr.mkv", False)]
)
def test_sound_is_left_out(name: str, copied: bool, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    remove_audio(clip(name), target)
    found = scan(target)
    assert found.audio == ()
    assert found.video[0].start_s == 0
    assert (packet_digests(target) == packet_digests(clip(name))) == copied
