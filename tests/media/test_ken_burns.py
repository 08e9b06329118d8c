"""Camera moves: smooth to fractions of a pixel, in the right direction, with exact length and tags."""

import hashlib
import os
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from prefect_media.errors import EncodeError, MediaError, ParameterError
from prefect_media.media.ffmpeg import cancellation
from prefect_media.media.videos.ken_burns import MOTIONS, camera_path, ken_burns

FRAME = (320, 180)
MOVES = [motion for motion in MOTIONS if motion != "auto"]


def _dot(path: Path, size: tuple[int, int], place: tuple[float, float] = (0.5, 0.5)) -> Path:
    """A soft white dot on grey: its centre can be measured to hundredths of a pixel."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    far = (x + 0.5 - place[0] * size[0]) ** 2 + (y + 0.5 - place[1] * size[1]) ** 2
    grey = 40 + 200 * np.exp(-far / (2 * (size[0] / 50) ** 2))
    Image.fromarray(grey.astype(np.uint8)).convert("RGB").save(path)
    return path


def _centres(path: Path) -> np.ndarray:
    """The centre of the dot in every frame."""
    found = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            light = frame.to_ndarray(format="gray").astype(np.float64)
            light = np.clip(light - light.min() - 30, 0, None)
            y, x = np.mgrid[0 : light.shape[0], 0 : light.shape[1]] + 0.5
            found.append(((light * x).sum() / light.sum(), (light * y).sum() / light.sum()))
    return np.array(found)


@pytest.mark.parametrize("motion", MOVES)
@pytest.mark.parametrize("size", [(700, 394), (240, 135)])
def test_motion_follows_its_path_without_jitter(tmp_path: Path, motion: str, size: tuple[int, int]) -> None:
    source = _dot(tmp_path / "dot.png", size, (0.56, 0.45))
    ken_burns(source, tmp_path / "made.mp4", seconds=1.5, width=FRAME[0], height=FRAME[1], motion=motion, zoom=1.2)
    windows = list(camera_path(size, FRAME, 36, motion, 1.2, 1.5))
    ideal = np.array(
        [
            ((0.56 * size[0] - w.left) / w.width * FRAME[0], (0.45 * size[1] - w.top) / w.height * FRAME[1])
            for w in windows
        ]
    )
    error = _centres(tmp_path / "made.mp4") - ideal
    jitter = np.sqrt((np.diff(error, axis=0) ** 2).sum(axis=1).mean())
    assert jitter < 0.15
    assert np.abs(error).max() < 0.6


@pytest.mark.parametrize(
    ("motion", "axis", "sign"), [("pan-left", 0, 1), ("pan-right", 0, -1), ("pan-up", 1, 1), ("pan-down", 1, -1)]
)
def test_a_pan_moves_the_picture_the_other_way(tmp_path: Path, motion: str, axis: int, sign: int) -> None:
    source = _dot(tmp_path / "dot.png", (400, 225))
    ken_burns(source, tmp_path / "made.mp4", seconds=1, width=160, height=90, fps=12, motion=motion)
    centres = _centres(tmp_path / "made.mp4")
    assert sign * (centres[-1] - centres[0])[axis] > 2
    assert abs((centres[-1] - centres[0])[1 - axis]) < 0.3


@pytest.mark.parametrize(("motion", "grows"), [("zoom-in", True), ("zoom-out", False)])
def test_a_zoom_changes_size_by_its_factor(motion: str, grows: bool) -> None:
    windows = list(camera_path((1600, 900), (320, 180), 50, motion, 1.3, 5))
    ratio = windows[0].width / windows[-1].width
    assert ratio == pytest.approx(1.3 if grows else 1 / 1.3)
    steps = np.diff(np.log([w.width for w in windows]))
    assert np.abs(steps).max() / np.abs(steps).min() < 1.8  # even speed, gently eased
    assert all(w.left >= 0 and w.left + w.width <= 1600.001 and w.top + w.height <= 900.001 for w in windows)


@pytest.mark.parametrize(
    ("seconds", "fps", "frames", "rate"),
    [(1.0, 24, 24, Fraction(24)), (0.5, "30000/1001", 15, Fraction(30000, 1001)), (0.04, 25, 1, Fraction(25))],
)
def test_frames_and_duration_are_exact(
    tmp_path: Path, seconds: float, fps: float | str, frames: int, rate: Fraction
) -> None:
    source = _dot(tmp_path / "dot.png", (100, 80))
    ken_burns(source, tmp_path / "made.mp4", seconds=seconds, width=64, height=48, fps=fps)
    with av.open(str(tmp_path / "made.mp4")) as container:
        stream = container.streams.video[0]
        codec = stream.codec_context
        assert (codec.name, codec.pix_fmt, codec.width, codec.height) == ("h264", "yuv420p", 64, 48)
        assert (codec.colorspace, codec.color_range, codec.color_primaries, codec.color_trc) == (1, 1, 1, 1)
        assert stream.average_rate == rate
        assert stream.duration * stream.time_base == frames / rate
        assert sum(1 for _ in container.decode(video=0)) == frames
    data = (tmp_path / "made.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_bytes_are_equal_in_every_process(tmp_path: Path) -> None:
    source = _dot(tmp_path / "dot.png", (320, 200))
    program = (
        "import sys; from pathlib import Path; from prefect_media.media.videos.ken_burns import ken_burns\n"
        "ken_burns(Path(sys.argv[1]), Path(sys.argv[2]), seconds=1, width=128, height=72, seed=5)"
    )
    digests = set()
    for number in range(2):
        made = tmp_path / f"made-{number}.mp4"
        environment = os.environ | {"PYTHONHASHSEED": str(number + 1)}
        subprocess.run([sys.executable, "-c", program, str(source), str(made)], env=environment, check=True)
        digests.add(hashlib.sha256(made.read_bytes()).hexdigest())
    ken_burns(source, tmp_path / "here.mp4", seconds=1, width=128, height=72, seed=5)
    assert digests == {hashlib.sha256((tmp_path / "here.mp4").read_bytes()).hexdigest()}


def test_auto_pans_along_a_long_picture_and_varies_with_the_seed(tmp_path: Path) -> None:
    wide = _dot(tmp_path / "wide.png", (600, 100))
    ken_burns(wide, tmp_path / "made.mp4", seconds=1, width=64, height=36, fps=12)
    centres = _centres(tmp_path / "made.mp4")
    assert abs(centres[-1][0] - centres[0][0]) > 1
    assert abs(centres[-1][1] - centres[0][1]) < 0.3
    plain = _dot(tmp_path / "plain.png", (160, 90), (0.4, 0.5))
    made = set()
    for seed in range(5):
        ken_burns(plain, tmp_path / "made.mp4", seconds=0.5, width=64, height=36, fps=8, seed=seed)
        made.add((tmp_path / "made.mp4").read_bytes())
    assert len(made) >= 2


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 2), (5, 4)])
def test_tiny_and_narrow_pictures_are_animated(tmp_path: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size, (200, 80, 40)).save(tmp_path / "source.png")
    for motion in MOVES:
        ken_burns(
            tmp_path / "source.png", tmp_path / "made.mp4", seconds=0.2, width=64, height=36, fps=10, motion=motion
        )
        with av.open(str(tmp_path / "made.mp4")) as container:
            assert sum(1 for _ in container.decode(video=0)) == 2


def test_colours_survive(tmp_path: Path) -> None:
    Image.new("RGB", (200, 120), (200, 80, 40)).save(tmp_path / "source.png")
    ken_burns(tmp_path / "source.png", tmp_path / "made.mp4", seconds=0.2, width=64, height=36)
    with av.open(str(tmp_path / "made.mp4")) as container:
        frame = next(container.decode(video=0)).reformat(format="rgb24", src_colorspace="ITU709").to_ndarray()
    assert np.abs(frame.mean(axis=(0, 1)) - (200, 80, 40)).max() < 4


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"width": 333}, "width is 333; H.264 in yuv420p needs an even width, the nearest is 334"),
        ({"height": 8}, "height is 8, allowed are 16 to 4096 pixels"),
        ({"seconds": 0}, "seconds is 0, allowed is more than 0 up to 600"),
        ({"seconds": float("nan")}, "seconds=nan is not a number"),
        ({"fps": "1/0"}, "fps is '1/0', allowed is a number or a ratio"),
        ({"fps": 500}, "fps is 500"),
        ({"seconds": 600, "fps": 120}, "are 72000 frames, allowed are 36000"),
        ({"motion": "spin"}, "motion is 'spin', allowed are auto, zoom-in"),
        ({"zoom": 1}, "zoom is 1, allowed is 1.01 to 3"),
    ],
)
def test_parameters_out_of_range_are_refused(tmp_path: Path, parameters: dict[str, object], message: str) -> None:
    source = _dot(tmp_path / "dot.png", (64, 48))
    with pytest.raises(ParameterError) as caught:
        ken_burns(source, tmp_path / "made.mp4", **parameters)  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert not (tmp_path / "made.mp4").exists()


def test_a_bad_source_or_target_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(MediaError):
        ken_burns(tmp_path / "text.png", tmp_path / "made.mp4")
    with pytest.raises(ParameterError, match=r"Cannot write 'made\.webm'"):
        ken_burns(_dot(tmp_path / "dot.png", (64, 48)), tmp_path / "made.webm")


def test_cancelling_leaves_the_old_target(tmp_path: Path) -> None:
    source = _dot(tmp_path / "dot.png", (320, 180))
    target = tmp_path / "made.mp4"
    target.write_bytes(b"old")
    stop = threading.Event()
    timer = threading.Timer(0.2, stop.set)
    timer.start()
    with cancellation(stop), pytest.raises(EncodeError, match="it was cancelled") as caught:
        ken_burns(source, target, seconds=600, width=640, height=360)
    timer.join()
    assert caught.value.reason == "cancelled"
    assert target.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir() if p.is_file()) == ["dot.png", "made.mp4"]
    assert not list(tmp_path.glob(".part-*"))


@pytest.mark.parametrize(
    ("variable", "value", "message", "reason"),
    [
        (
            "MEDIA_TIMEOUT_S",
            "0.1",
            "it took over 0.1 s. Make the media shorter or smaller, or raise PREFECT_MEDIA_MEDIA_TIMEOUT_S.",
            "deadline",
        ),
        (
            "MAX_MEDIA_BYTES",
            "30000",
            "the output has more than the 30000 bytes of PREFECT_MEDIA_MAX_MEDIA_BYTES. Ask for less, or raise it.",
            "failed",
        ),
    ],
)
def test_a_move_obeys_the_limits_of_a_run(
    variable: str, value: str, message: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "noise.png", tmp_path / "made.mp4"
    Image.effect_noise((200, 120), 20).save(source)
    target.write_bytes(b"old")
    monkeypatch.setenv(f"PREFECT_MEDIA_{variable}", value)
    with pytest.raises(EncodeError) as caught:
        ken_burns(source, target, seconds=20, width=640, height=360)
    assert str(caught.value) == f"Cannot animate 'made.mp4': {message}"
    assert caught.value.reason == reason
    assert target.read_bytes() == b"old"
    assert not list(tmp_path.glob(".part-*"))


def test_a_short_move_is_held_to_the_byte_limit_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = _dot(tmp_path / "dot.png", (64, 48)), tmp_path / "made.mp4"
    ken_burns(source, target, seconds=0.2, width=64, height=48)
    size = target.stat().st_size
    target.unlink()
    monkeypatch.setenv("PREFECT_MEDIA_MAX_MEDIA_BYTES", str(size - 1))
    with pytest.raises(EncodeError, match=f"has more than the {size - 1} bytes"):
        ken_burns(source, target, seconds=0.2, width=64, height=48)
    assert not target.exists()


def test_equal_requests_give_equal_bytes_also_side_by_side(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from prefect_media.media.painting.landscape import paint_picture

    source = tmp_path / "hill.png"
    paint_picture(source, prompt="hill", width=400, height=225)

    def digest(number: int) -> str:
        target = tmp_path / f"{number}.mp4"
        ken_burns(source, target, seconds=0.5, width=320, height=180)
        return hashlib.sha256(target.read_bytes()).hexdigest()

    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(digest, range(30)))) == 1
