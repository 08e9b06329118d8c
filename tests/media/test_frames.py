"""Frames out of videos: the right ones, upright, with square pixels."""

import subprocess
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from prefect_media import errors
from prefect_media.media.ffmpeg import ffmpeg_exe
from prefect_media.media.samples.making import sample_audio
from prefect_media.media.videos.frames import poster, sampled_frames

RATE = 25


def counting(
    path: Path, *, frames: int = 200, group: int = 9999, start: int = 0, size: tuple[int, int] = (64, 48)
) -> Path:
    """A video whose brightness is the number of its frame."""
    with av.open(str(path), "w") as target:
        stream: Any = target.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.options = {"g": str(group), "crf": "1", "preset": "ultrafast"}
        for number in range(frames):
            frame = av.VideoFrame.from_image(Image.new("RGB", size, (number, number, number)))
            frame.pts = start + number
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return path


def numbers(path: Path, times: list[float]) -> list[int]:
    return [round(np.asarray(frame.convert("L"), float).mean()) for frame in sampled_frames(path, times)]


@pytest.mark.parametrize("group", [1, 25, 9999])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_each_moment_gets_the_frame_that_is_shown_then(group: int, suffix: str, tmp_path: Path) -> None:
    path = counting(tmp_path / f"a{suffix}", group=group)
    times = [0.0, 0.021, 0.041, 1.0, 1.0, 4.5, 4.53, 7.9, 99.0]
    expected = [0, 0, 1, 25, 25, 112, 113, 197, 199]
    assert np.abs(np.array(numbers(path, times)) - expected).max() <= 1
    for time, number in zip(times, expected, strict=True):
        assert abs(numbers(path, [time])[0] - number) <= 1


def test_time_begins_with_the_first_frame(tmp_path: Path) -> None:
    path = counting(tmp_path / "late.mkv", frames=50, start=100)
    assert np.abs(np.array(numbers(path, [0.0, 1.0])) - [0, 25]).max() <= 1


def corners(path: Path) -> Path:
    image = Image.new("RGB", (96, 64), (200, 0, 0))
    image.paste((0, 0, 200), (48, 0, 96, 64))
    image.save(path.with_suffix(".png"))
    command = [ffmpeg_exe(), "-v", "error", "-loop", "1", "-t", "0.4", "-i", path.with_suffix(".png")]
    subprocess.run([*command, "-pix_fmt", "yuv420p", path], check=True)
    return path


def test_rotation_and_wide_pixels_are_shown_as_a_player_does(tmp_path: Path) -> None:
    plain = corners(tmp_path / "plain.mp4")
    assert poster(plain).size == (96, 64)
    turned, wide = tmp_path / "turned.mp4", tmp_path / "wide.mp4"
    ffmpeg = [ffmpeg_exe(), "-v", "error"]
    subprocess.run([*ffmpeg, "-display_rotation", "90", "-i", plain, "-c", "copy", turned], check=True)
    subprocess.run([*ffmpeg, "-i", plain, "-vf", "setsar=2", wide], check=True)
    image = poster(turned)  # turned counter-clockwise: what was right is on top
    assert image.size == (64, 96)
    assert image.getpixel((32, 10))[2] > 150
    assert image.getpixel((32, 86))[0] > 150
    assert poster(wide).size == (192, 64)
    assert poster(wide, max_side_px=48).size == (48, 16)


def test_a_poster_is_not_the_black_beginning(tmp_path: Path) -> None:
    path = tmp_path / "fade.mp4"
    with av.open(str(path), "w") as target:
        stream: Any = target.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        lively = Image.linear_gradient("L").resize((64, 48)).convert("RGB")
        for number in range(50):
            target.mux(stream.encode(av.VideoFrame.from_image(lively if number > 25 else Image.new("RGB", (64, 48)))))
        target.mux(stream.encode(None))
    assert np.ptp(np.asarray(poster(path))) > 100
    assert np.ptp(np.asarray(poster(path, at_s=0))) < 10


def test_what_has_no_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp3"
    path.write_bytes(sample_audio(0.5, format="mp3"))
    with pytest.raises(errors.UnsupportedMediaError, match=r"Cannot take a picture from 'sound.mp3'"):
        poster(path)
    path.write_bytes(b"nothing")
    with pytest.raises(errors.ProbeError):
        poster(path)


@pytest.mark.parametrize("codec", ["libx264 -x264-params open-gop=1", "libx265 -x265-params open-gop=1:log-level=0"])
def test_a_sought_frame_of_open_groups_is_the_one_on_show(codec: str, tmp_path: Path) -> None:
    source = tmp_path / "open.mp4"
    pattern = "testsrc2=s=64x48:r=25:d=8"
    settings = f"-preset medium -bf 4 -g 30 -keyint_min 30 -sc_threshold 0 -pix_fmt yuv420p {source}"
    subprocess.run(
        [ffmpeg_exe(), "-v", "error", "-f", "lavfi", "-i", pattern, *f"-c:v {codec} {settings}".split()], check=True
    )
    with av.open(str(source)) as container:
        shown = [
            frame.reformat(format="rgb24", src_colorspace="ITU601").to_image() for frame in container.decode(video=0)
        ]
    for number in range(60, 200, 9):
        (picture,) = sampled_frames(source, [(number + 0.5) / 25])
        assert number in [at for at, each in enumerate(shown) if each == picture]
