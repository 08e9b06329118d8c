"""`scan` on every awkward kind of input, and on what it must refuse."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from prefect_media.errors import MediaError, MediaLimitError, ProbeError, UnsupportedMediaError
from prefect_media.media.container import open_guarded, scan

from .make_clips import RATE, clip, ffmpeg, folder, hostile, sparse, still, truncated

NTSC = Fraction(30000, 1001)

FACTS = {
    # name: (codec, pixel format, shown size, frame rate, constant, frames, seconds)
    "plain.mp4": ("h264", "yuv420p", (64, 48), RATE, True, 15, 0.6),
    "plain.mkv": ("h264", "yuv420p", (64, 48), RATE, True, 15, 0.6),
    "plain.mov": ("h264", "yuv420p", (64, 48), RATE, True, 15, 0.6),
    "ntsc.mp4": ("h264", "yuv420p", (64, 48), NTSC, True, 18, 0.6006),
    "vfr.mkv": ("h264", "yuv420p", (64, 48), Fraction(125, 14), False, 10, 1.12),
    "odd.mp4": ("h264", "yuv444p", (63, 47), RATE, True, 15, 0.6),
    "sar.mp4": ("h264", "yuv420p", (85, 48), RATE, True, 15, 0.6),
    "full_range.mp4": ("h264", "yuvj420p", (64, 48), RATE, True, 15, 0.6),
    "ten_bit.mp4": ("h264", "yuv420p10le", (64, 48), RATE, True, 15, 0.6),
    "hdr.mp4": ("hevc", "yuv420p10le", (64, 48), RATE, True, 15, 0.6),
    "single.mp4": ("h264", "yuv420p", (64, 48), RATE, True, 1, 0.04),
    "webm.webm": ("vp9", "yuv420p", (64, 48), RATE, True, 15, 0.6),
    "moving.gif": ("gif", "bgra", (64, 48), 10, True, 6, 0.6),
    "rotated.mp4": ("h264", "yuv420p", (48, 64), RATE, True, 15, 0.6),
    "late.mp4": ("h264", "yuv420p", (64, 48), RATE, True, 15, 0.6),
}


@pytest.mark.parametrize("name", FACTS)
def test_scan_tells_the_picture_by_its_packets(name: str) -> None:
    codec, pixels, size, rate, constant, frames, seconds = FACTS[name]
    picture = scan(clip(name)).picture
    assert picture is not None
    assert (picture.codec, picture.pixel_format, picture.display_size) == (codec, pixels, size)
    assert (picture.frame_rate, picture.is_constant_rate, picture.frames) == (rate, constant, frames)
    assert picture.duration_s == pytest.approx(seconds, abs=0.002)


def test_scan_gives_a_variable_rate_the_usual_rate_that_keeps_its_frames() -> None:
    picture = scan(clip("vfr.mkv")).picture
    assert picture is not None
    assert picture.nominal_rate == RATE


@pytest.mark.parametrize(
    ("name", "sounds"),
    [
        ("plain.mp4", [("aac", 1, 44100, 0.6)]),
        ("two_sounds.mp4", [("aac", 1, 44100, 0.6), ("aac", 1, 44100, 0.6)]),
        ("surround.mp4", [("aac", 6, 44100, 0.6)]),
        ("mono8k.mp4", [("aac", 1, 8000, 0.6)]),
        ("long_sound.mp4", [("aac", 1, 44100, 1.0)]),
        ("silent.mp4", []),
        ("voice.wav", [("pcm_s16le", 1, 22050, 1.0)]),
        ("music.mp3", [("mp3", 2, 44100, 0.4)]),
        ("voice51.m4a", [("aac", 6, 48000, 0.5)]),
    ],
)
def test_scan_tells_the_sounds(name: str, sounds: list[tuple[str, int, int, float]]) -> None:
    found = scan(clip(name)).audio
    assert [(s.codec, s.channels, s.sample_rate_hz, round(s.duration_s, 3)) for s in found] == sounds


def test_scan_names_layouts_that_the_file_leaves_open() -> None:
    sound = scan(clip("voice.wav")).sound
    assert sound is not None
    assert sound.layout == "mono"


def test_scan_tells_rotation_mirror_colour_and_interlacing() -> None:
    pictures = {
        name: scan(clip(name)).video[0]
        for name in (
            "plain.mp4",
            "rotated.mp4",
            "mirrored.mp4",
            "hdr.mp4",
            "full_range.mp4",
            "interlaced.mp4",
            "alpha.webm",
        )
    }
    assert (pictures["rotated.mp4"].rotation_deg, pictures["rotated.mp4"].is_mirrored) == (270, False)
    assert pictures["mirrored.mp4"].is_mirrored
    assert (pictures["plain.mp4"].rotation_deg, pictures["plain.mp4"].is_mirrored) == (0, False)
    assert pictures["plain.mp4"].colour.matrix == "bt709"
    assert (pictures["hdr.mp4"].is_hdr, pictures["hdr.mp4"].bit_depth) == (True, 10)
    assert (pictures["hdr.mp4"].colour.transfer, pictures["hdr.mp4"].colour.primaries) == ("smpte2084", "bt2020")
    assert not pictures["plain.mp4"].is_hdr
    assert pictures["full_range.mp4"].colour.range == "pc"
    assert pictures["interlaced.mp4"].is_interlaced
    assert not pictures["plain.mp4"].is_interlaced
    assert (pictures["alpha.webm"].has_alpha, pictures["plain.mp4"].has_alpha) == (True, False)


def test_scan_tells_when_streams_begin() -> None:
    late = scan(clip("late.mp4"))
    assert late.picture is not None
    assert late.picture.start_s == pytest.approx(1.5)
    assert late.start_s == pytest.approx(1.477, abs=0.002)
    picture_late = scan(clip("late_picture.mp4"))
    assert picture_late.picture is not None
    assert picture_late.picture.start_s - picture_late.start_s == pytest.approx(0.2)


def test_scan_counts_a_cover_picture_as_none(tmp_path: Path) -> None:
    target = tmp_path / "cover.m4a"
    ffmpeg(
        f"-i {clip('voice51.m4a')} -i {still('cover.jpg')} -map 0 -map 1 -c copy -disposition:v attached_pic {target}"
    )
    found = scan(target)
    assert (found.picture, found.covers) == (None, 1)
    assert found.sound is not None


def test_streams_of_one_encoder_have_equal_parameters() -> None:
    one, other, different = (scan(clip(name)).video[0] for name in ("plain.mp4", "two_sounds.mp4", "ntsc.mp4"))
    assert one.parameters == other.parameters != different.parameters


@pytest.mark.parametrize("kind", ["hls", "ffconcat", "sdp", "text"])
def test_scan_refuses_what_only_names_other_files(kind: str) -> None:
    with pytest.raises(ProbeError, match=f"Cannot read '{kind}.mp4' as video or audio: it is "):
        scan(hostile(f"{kind}.mp4", kind))


def test_scan_refuses_a_picture() -> None:
    with pytest.raises(ProbeError, match=r"Cannot read 'plain.png' as video or audio: it is image/png\. Allowed: "):
        scan(still("plain.png"))


def test_scan_refuses_an_empty_a_missing_and_a_misnamed_file(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    with pytest.raises(ProbeError, match=r"Cannot read 'empty.mp4' as media: the file is empty\."):
        scan(empty)
    with pytest.raises(ProbeError, match="there is no such file"):
        scan(tmp_path / "missing.mp4")
    with pytest.raises(ProbeError, match="control character"):
        scan(tmp_path / "line\nbreak.mp4")


@pytest.mark.parametrize("name", ["faststart.mp4", "plain.mkv"])
def test_scan_sees_that_bytes_are_missing_at_the_end(name: str) -> None:
    assert not scan(clip(name)).is_truncated
    assert scan(truncated(0.6, name)).is_truncated


def test_scan_refuses_a_file_without_its_index() -> None:
    with pytest.raises(ProbeError, match=r"Cannot read 'truncated-0.6-plain.mp4' as video or audio: Invalid data"):
        scan(truncated(0.6, "plain.mp4"))


def test_scan_sees_hours_that_a_header_hides() -> None:
    with pytest.raises(MediaLimitError, match=r"its video lasts 36000\.0 s, at most 14400\.0 s are allowed"):
        scan(sparse())


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("MAX_STREAMS", "2", r"it has 3 streams, at most 2 are allowed"),
        ("MAX_VIDEO_PIXELS", "3000", r"its frames are 64x48, at most 3000 pixels are allowed"),
        ("MAX_DURATION_S", "0.5", r"lasts 0\.\d+ s, at most 0\.5 s are allowed"),
        ("MAX_MEDIA_BYTES", "1000", r"bytes, at most 1000 are allowed"),
    ],
)
def test_scan_keeps_the_limits(setting: str, value: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"PREFECT_MEDIA_{setting}", value)
    with pytest.raises(MediaLimitError, match=message) as caught:
        scan(clip("two_sounds.mp4"))
    assert f"PREFECT_MEDIA_{setting}" in str(caught.value)


def test_scan_refuses_subtitles_alone(tmp_path: Path) -> None:
    text = tmp_path / "words.srt"
    text.write_text("1\n00:00:00,000 --> 00:00:01,000\nhello\n")
    target = tmp_path / "words.mkv"
    ffmpeg(f"-i {text} -c:s srt {target}")
    with pytest.raises(UnsupportedMediaError, match="neither video nor audio"):
        scan(target)


@pytest.mark.parametrize("name", ["plain.mp4", "webm.webm", "plain.mkv", "moving.gif", "music.mp3", "voice.wav"])
def test_scan_of_damaged_bytes_answers_or_refuses(name: str) -> None:
    data = clip(name).read_bytes()
    for number in range(12):
        damaged = bytearray(data)
        for step in range(1 + number * 3):
            place = (number * 7919 + step * 104_729) % len(damaged)
            damaged[place] ^= 1 << (step % 8)
        path = folder() / f"damaged{number}{Path(name).suffix}"
        path.write_bytes(damaged)
        message = ""
        try:
            seconds = scan(path).duration_s
        except MediaError as refusal:
            seconds, message = 0.0, str(refusal)
        assert seconds >= 0
        assert not message or path.name in message


def test_open_guarded_gives_an_open_container() -> None:
    with open_guarded(clip("plain.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]


def test_a_subtitle_may_outlast_the_picture(tmp_path: Path) -> None:
    (tmp_path / "late.srt").write_text("1\n00:00:00,100 --> 00:00:05,000\nhello\n")
    ffmpeg(f"-i {clip('plain.mkv')} -i {tmp_path}/late.srt -map 0:v -map 1:s -c:v copy -c:s srt {tmp_path}/out.mkv")
    found = scan(tmp_path / "out.mkv")
    assert found.subtitles == 1
    assert not found.is_truncated
