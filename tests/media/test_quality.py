"""Worthless outputs are refused, odd but real ones pass: both sides of every threshold."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw

from prefect_media.errors import DegenerateOutputError, MediaError
from prefect_media.media.intake import admit_bytes
from prefect_media.media.quality import check_output
from prefect_media.media.samples.making import sample_audio, sample_image, sample_video

SIZE = (256, 192)


def picture(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def stars() -> Image.Image:
    image = Image.new("RGB", (512, 512))
    random = np.random.RandomState(4)
    for x, y in random.randint(0, 512, (150, 2)):
        image.putpixel((int(x), int(y)), (255, 255, 255))
    return image


def dark_room() -> Image.Image:
    image = Image.new("RGB", SIZE, (3, 3, 4))
    ImageDraw.Draw(image).rectangle((100, 60, 150, 150), fill=(12, 11, 9))
    return image


def cutout() -> Image.Image:
    image = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (60, 40, 180, 150))
    return image


def noisy(level: int) -> Image.Image:
    random = np.random.RandomState(5)
    return Image.fromarray(np.clip(random.normal(level, 0.7, (192, 256, 3)), 0, 255).astype(np.uint8))


GOOD: dict[str, Callable[[], Image.Image]] = {
    "a night sky": stars,
    "a dark room": dark_room,
    "a black silhouette on transparency": cutout,
    "a pale gradient": lambda: Image.linear_gradient("L").point([240 + level // 26 for level in range(256)]),
    "a small logo on white": lambda: (image := Image.new("L", (512, 512), 255), image.paste(0, (250, 250, 262, 262)))[
        0
    ],
    "one pixel": lambda: Image.new("RGB", (1, 1)),
}
BAD: dict[str, tuple[Callable[[], Image.Image], str]] = {
    "black": (lambda: Image.new("RGB", SIZE), "is black throughout"),
    "white": (lambda: Image.new("RGB", SIZE, "white"), "is white throughout"),
    "one colour": (lambda: Image.new("RGB", SIZE, "#336699"), "is one colour #336699 throughout"),
    "nearly black": (lambda: noisy(2), "is black throughout"),
    "a colour with noise": (lambda: noisy(120), "is one colour #.* throughout"),
    "nothing": (lambda: Image.new("RGBA", SIZE, (200, 10, 10, 0)), "is transparent throughout"),
}


@pytest.mark.parametrize("name", GOOD)
def test_structured_pictures_pass(name: str) -> None:
    check_output(admit_bytes(picture(GOOD[name]())))


@pytest.mark.parametrize("name", BAD)
def test_worthless_pictures_are_refused(name: str) -> None:
    make, message = BAD[name]
    with pytest.raises(DegenerateOutputError, match=message):
        check_output(admit_bytes(picture(make())))


def test_compression_does_not_save_a_black_picture() -> None:
    with pytest.raises(DegenerateOutputError, match="is black throughout"):
        check_output(admit_bytes(picture(noisy(1), "JPEG", quality=60)))


def test_sample_media_fall_on_their_sides() -> None:
    for data in (sample_image(64, 48), sample_video(64, 48, 2, sound=True), sample_audio(1.0, format="mp3")):
        check_output(admit_bytes(data))
    for data, message in (
        (sample_image(64, 48, look="black"), "is black"),
        (sample_video(64, 48, 2, look="black"), "is black"),
        (sample_video(64, 48, 2, look="frozen"), "stands still"),
        (sample_audio(1.0, format="wav", look="silent"), "is silent: its peak is digital silence"),
        (sample_audio(1.0, format="mp3", look="silent"), "is silent"),
    ):
        with pytest.raises(DegenerateOutputError, match=message):
            check_output(admit_bytes(data))


def video(draw: Callable[[int], Image.Image], frames: int = 30, crf: int = 23) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as target:
        stream: Any = target.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = *BACKDROP.size, "yuv420p"
        stream.options = {"crf": str(crf), "preset": "veryfast", "g": "12"}
        for number in range(frames):
            target.mux(stream.encode(av.VideoFrame.from_image(draw(number))))
        target.mux(stream.encode(None))
    return out.getvalue()


CHANGING: tuple[tuple[int, Any], ...] = ((48_000, "silent"), (16_000, "tone"))
BACKDROP = Image.open(io.BytesIO(sample_image(640, 360)))
WIDTH, HEIGHT = BACKDROP.size


def talking(number: int) -> Image.Image:
    image = BACKDROP.copy()
    ImageDraw.Draw(image).ellipse((300, 200, 330, 205 + number * 3 % 13), fill=(90, 20, 20))
    return image


def test_a_small_thing_that_moves_is_motion() -> None:
    check_output(admit_bytes(video(talking)))


def test_a_slow_zoom_is_motion() -> None:
    def zoom(number: int) -> Image.Image:
        inset = number * 0.3
        box = (inset, inset, WIDTH - inset, HEIGHT - inset)
        return BACKDROP.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=box)

    check_output(admit_bytes(video(zoom)))


@pytest.mark.parametrize("frames_a_round", [2, 3, 5, 6, 10, 12, 15, 25, 30])
def test_a_video_that_repeats_itself_moves(frames_a_round: int) -> None:
    def circling(number: int) -> Image.Image:
        image = BACKDROP.copy()
        left = 300 + 200 * (number % frames_a_round) // frames_a_round
        ImageDraw.Draw(image).ellipse((left, 100, left + 60, 160), fill=(90, 20, 20))
        return image

    check_output(admit_bytes(video(circling, frames=61)))


def test_a_blink_in_a_still_video_is_motion() -> None:
    check_output(admit_bytes(video(lambda number: talking(4 * (25 <= number < 28)), frames=61)))


@pytest.mark.parametrize("frame_rate", [6, 8, 24, 25])
def test_what_simulated_models_return_moves(frame_rate: int) -> None:
    for frames in (2 * frame_rate + 1, 4 * frame_rate, 4 * frame_rate + 1):
        check_output(admit_bytes(sample_video(64, 48, frames / frame_rate, frame_rate=frame_rate)))


def test_a_fade_from_and_to_black_passes() -> None:
    def fade(number: int) -> Image.Image:
        return Image.blend(Image.new("RGB", BACKDROP.size), BACKDROP, max(0, 1 - abs(number - 15) / 10))

    check_output(admit_bytes(video(fade)))


def test_a_frozen_video_is_refused_however_it_is_encoded() -> None:
    for crf in (18, 36):
        with pytest.raises(DegenerateOutputError, match="stands still from beginning to end"):
            check_output(admit_bytes(video(lambda _: BACKDROP, crf=crf)))


def test_a_frozen_video_with_grain_is_refused() -> None:
    grain = np.random.default_rng(1).normal(0, 12, (HEIGHT, WIDTH, 3))
    grainy = Image.fromarray((np.asarray(BACKDROP.convert("RGB")) + grain).clip(0, 255).astype(np.uint8))
    with pytest.raises(DegenerateOutputError, match="stands still from beginning to end"):
        check_output(admit_bytes(video(lambda _: grainy, frames=120, crf=36)))


def test_a_very_short_video_may_stand_still() -> None:
    check_output(admit_bytes(video(lambda _: BACKDROP, frames=10)))


def sound(samples: np.ndarray, rate: int = 16_000) -> bytes:
    out = io.BytesIO()
    layout = "mono" if samples.ndim == 1 else "stereo"
    with av.open(out, "w", format="wav") as target:
        stream: Any = target.add_stream("pcm_s16le", rate=rate, layout=layout)
        packed = np.ascontiguousarray(samples.T if samples.ndim > 1 else samples).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray((packed * 32767).astype(np.int16), format="s16", layout=layout)
        frame.sample_rate = rate
        target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return out.getvalue()


def tone(seconds: float, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(np.arange(int(16_000 * seconds)) * 0.2)).astype(np.float32)


def test_sound_that_is_nearly_empty_is_refused() -> None:
    click = np.zeros(32_000, np.float32)
    click[5000:5016] = 0.9
    with pytest.raises(DegenerateOutputError, match=r"is nearly empty: of 2.00 s, 0.0\d s are above -60 dBFS"):
        check_output(admit_bytes(sound(click)))
    with pytest.raises(DegenerateOutputError, match="is silent: its peak is -7"):
        check_output(admit_bytes(sound(tone(2, 0.0003))))
    with pytest.raises(DegenerateOutputError, match="lasts 10 ms"):
        check_output(admit_bytes(sound(tone(0.01))))


def test_quiet_late_short_and_opposite_sound_passes() -> None:
    late = np.concatenate([np.zeros(64_000, np.float32), tone(0.2)])
    for samples in (tone(1, 0.004), late, tone(0.04), np.stack([tone(1), -tone(1)])):
        check_output(admit_bytes(sound(samples)))


@pytest.mark.parametrize("channels", [6, 8])
def test_sound_of_many_channels_is_heard(channels: int, tmp_path: Path) -> None:
    path = tmp_path / "surround.wav"
    levels = np.zeros((channels, 16_000), np.float32)
    levels[-1] = tone(1)
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("pcm_f32le", rate=16_000, layout={6: "5.1", 8: "7.1"}[channels])
        frame = av.AudioFrame.from_ndarray(levels.T.reshape(1, -1), format="flt", layout=stream.layout.name)
        frame.sample_rate = 16_000
        out.mux([*stream.encode(frame), *stream.encode()])
    check_output(path)


def test_files_outside_the_store_are_checked_too(tmp_path: Path) -> None:
    path = tmp_path / "output.png"
    path.write_bytes(sample_image(64, 48))
    check_output(path)
    path.write_bytes(sample_image(64, 48, look="black"))
    with pytest.raises(DegenerateOutputError, match="is black"):
        check_output(path)
    path.write_bytes(b"no media")
    with pytest.raises(MediaError, match="it is text"):
        check_output(path)


@pytest.mark.parametrize("name", ["png", "jpeg", "webp", "mp4", "mov"])
def test_a_truncated_output_is_refused(name: str, every_type: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / f"output.{name}"
    path.write_bytes(every_type[name][: len(every_type[name]) * 2 // 3])
    with pytest.raises((DegenerateOutputError, MediaError)):
        check_output(path)


def test_sound_that_changes_its_rate_on_the_way_is_heard() -> None:
    quiet, loud = (sample_audio(0.5, format="aac", sample_rate_hz=rate, look=look) for rate, look in CHANGING)
    check_output(admit_bytes(quiet + loud))
