"""Sample media is valid, of the shape asked for, alive, and its own for every token."""

from __future__ import annotations

import io
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from prefect_media.media.measure import measure
from prefect_media.media.samples.making import AUDIO_FORMATS, IMAGE_FORMATS, sample_audio, sample_image, sample_video
from prefect_media.media.samples.stamp import PLACEHOLDER

ONE, TWO = "1" * 32, "2" * 32


def decoded(data: bytes) -> np.ndarray[Any, Any]:
    with av.open(io.BytesIO(data)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


@pytest.mark.parametrize("name", IMAGE_FORMATS)
@pytest.mark.parametrize("size", [(64, 48), (31, 57)])
def test_pictures(name: str, size: tuple[int, int]) -> None:
    one, two = (sample_image(*size, format=name, token=token) for token in (ONE, TWO))
    image = Image.open(io.BytesIO(one))
    image.load()
    assert (image.size, image.get_format_mimetype()) == (size, IMAGE_FORMATS[name])
    assert np.asarray(image.convert("L")).std() > 10
    assert one != two
    assert len(one) == len(two)
    assert one == sample_image(*size, format=name, token=ONE)
    assert PLACEHOLDER not in one


def test_png_checksums_hold_after_stamping() -> None:
    image = Image.open(io.BytesIO(sample_image(16, 16, token=ONE)))
    image.verify()
    assert image.info["Comment"] == ONE


def test_variants_look_different() -> None:
    pictures = [np.asarray(Image.open(io.BytesIO(sample_image(32, 32, variant=variant))), int) for variant in range(3)]
    assert np.abs(pictures[0] - pictures[1]).mean() > 10
    assert np.abs(pictures[1] - pictures[2]).mean() > 10


def test_cutout_is_transparent_around_an_opaque_middle() -> None:
    alpha = Image.open(io.BytesIO(sample_image(40, 40, look="cutout"))).getchannel("A")
    assert (alpha.getpixel((0, 0)), alpha.getpixel((20, 20))) == (0, 255)


@pytest.mark.parametrize(("seconds", "rate", "sound"), [(0.5, 8, False), (2.25, 24, True), (1.7, 30, True)])
def test_video(seconds: float, rate: int, sound: bool) -> None:
    one, two = (sample_video(66, 50, seconds, frame_rate=rate, sound=sound, token=token) for token in (ONE, TWO))
    assert one != two
    with av.open(io.BytesIO(one)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 66, 50)
        assert stream.average_rate == rate
        assert len(container.streams.audio) == sound
        frames = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    assert len(frames) == round(seconds * rate)
    assert np.abs(frames[0].astype(int) - frames[len(frames) // 2]).mean() > 5
    if sound:
        samples = decoded(one)
        assert samples.shape[1] / 48_000 == pytest.approx(seconds, abs=0.03)
        assert np.abs(samples).max() > 0.1


@pytest.mark.parametrize("name", [name for name in AUDIO_FORMATS if name not in ("pcm", "ulaw", "alaw")])
@pytest.mark.parametrize(("seconds", "rate"), [(0.4, 48_000), (3.3, 24_000)])
def test_sound(name: str, seconds: float, rate: int) -> None:
    one, two = (
        sample_audio(seconds, format=name, sample_rate_hz=rate, channels=2, token=token) for token in (ONE, TWO)
    )
    assert one != two
    found = measure(one)
    assert found is not None
    assert (found.kind, found.seconds) == ("audio", pytest.approx(seconds, abs=0.06))
    samples = decoded(one).astype(float)
    assert np.abs(samples).max() > 0.1


@pytest.mark.parametrize(("name", "width"), [("pcm", 2), ("ulaw", 1), ("alaw", 1)])
def test_raw_samples(name: str, width: int) -> None:
    one, two = (sample_audio(0.5, format=name, sample_rate_hz=8000, token=token) for token in (ONE, TWO))
    assert len(one) == len(two) == 4000 * width
    assert one != two
    assert one[600:] == two[600:]


def test_long_sound_and_video_are_cheap_to_hold() -> None:
    music = measure(sample_audio(600, format="mp3", bit_rate_bps=32_000))
    video = measure(sample_video(32, 32, 60))
    assert music is not None
    assert video is not None
    assert music.seconds == pytest.approx(600, abs=0.1)
    assert video.seconds == 60


def test_measure_knows_what_is_no_media() -> None:
    assert measure(b"") is None
    assert measure(b"<html>not a picture</html>") is None
