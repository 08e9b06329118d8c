"""Edges of the video operations: any frame rate, fused chains, sound in step, shapes of steps and layers, sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image, ImageStat

from prefect_media.errors import MediaLimitError, ParameterError
from prefect_media.media.container import scan
from prefect_media.media.operation import OPERATIONS
from prefect_media.media.videos.edit import change_speed, edit_video, fit_video, reframe_video
from prefect_media.media.videos.extract import extract_frames
from prefect_media.media.videos.fusing import FUSED, fuse
from prefect_media.media.videos.ken_burns import ken_burns
from prefect_media.media.videos.layers import overlay_video
from prefect_media.media.videos.merge import merge
from prefect_media.media.videos.slides import still_to_video
from prefect_media.media.videos.timing import loop_video, resample_video, trim_video
from prefect_media.media.videos.transcode import transcode

from .make_clips import clip, ffmpeg, still

NAN, INFINITY = math.nan, math.inf
FRAMES = 40


def _numbered(path: Path, rate: str) -> Path:
    """A clip whose frames are greys that tell their number."""
    codec = "-pix_fmt gray" if path.suffix == ".gif" else "-c:v libx264 -preset ultrafast -qp 2 -pix_fmt yuv420p"
    grey = r"geq=lum='20+5*N':cb=128:cr=128"
    ffmpeg(f'-f lavfi -i "color=s=32x32:r={rate}:d=10,{grey}" -frames:v {FRAMES} {codec} {path}')
    return path


def _numbers(pictures: Sequence[Path]) -> list[int]:
    levels = [ImageStat.Stat(Image.open(picture).convert("L")).mean[0] for picture in pictures]
    return [round((level * 219 / 255 + 16 - 20) / 5) for level in levels]  # as a video stores grey


@pytest.mark.parametrize("rate", ["60", "30000/1001", "50", "25", "24000/1001", "10"])
def test_pictures_are_the_right_ones_at_any_frame_rate(rate: str, tmp_path: Path) -> None:
    source, fps = _numbered(tmp_path / "in.mp4", rate), float(Fraction(rate))
    wanted = [0, 13, 26, 39]
    by_time = extract_frames(source, tmp_path / "at", at=[number / fps for number in wanted])
    assert _numbers(by_time) == wanted
    assert _numbers(extract_frames(source, tmp_path / "count", count=10)) == [
        round(number * 39 / 9) for number in range(10)
    ]
    assert _numbers(extract_frames(source, tmp_path / "every", every_s=5 / fps)) == [*range(0, 40, 5)]


def test_pictures_of_a_fast_gif_are_the_right_ones(tmp_path: Path) -> None:
    source = _numbered(tmp_path / "in.gif", "100/3")
    assert _numbers(extract_frames(source, tmp_path / "count", count=6)) == [0, 8, 16, 23, 31, 39]


@pytest.mark.parametrize(
    "wish",
    [
        {"at": 5},
        {"at": "first"},
        {"at": None},
        {"at": ["x"]},
        {"at": [None]},
        {"at": [[1]]},
        {"at": [NAN]},
        {"every_s": NAN},
        {"every_s": INFINITY},
        {"every_s": "1"},
        {"every_s": 0},
        {"count": NAN},
        {"count": 1.5},
        {"count": "2"},
    ],
)
def test_times_that_are_none_are_refused(wish: dict[str, Any], tmp_path: Path) -> None:
    (name,) = wish
    with pytest.raises(ParameterError, match=f"^{name}="):
        extract_frames(clip("plain.mp4"), tmp_path / "out", **wish)
    assert not (tmp_path / "out").exists()


def _frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [shown.to_ndarray(format="rgb24").astype(float) for shown in container.decode(video=0)]


def _wave(path: Path) -> np.ndarray:
    """The sound, mono at 48 kHz, from time zero."""
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=48_000)
    with av.open(str(path)) as container:
        if not container.streams.audio:
            return np.zeros(0)
        parts = [each.to_ndarray()[0] for shown in container.decode(audio=0) for each in resampler.resample(shown)]
    return np.concatenate(parts)


def _loudness(path: Path) -> np.ndarray:
    wave = _wave(path)
    return np.sqrt((wave[: len(wave) // 4800 * 4800].reshape(-1, 4800) ** 2).mean(axis=1))


CUES = [{"start_s": 0.2, "end_s": 1.2, "text": "Hello"}]
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("trim_video", {}),
    ("trim_video", {"start_s": 0.2, "seconds": 0.8}),
    ("fit_video", {"width": 48}),
    ("fit_video", {"fps": 50}),
    ("reframe_video", {}),
    ("change_speed", {"factor": 2}),
    ("fade_video", {}),
    ("fade_video", {"in_s": 0.3}),
    ("remove_audio", {}),
    ("resample_video", {"fps": 10}),
    ("caption", {"cues": CUES}),
]


@pytest.mark.parametrize(("name", "parameters"), CALLS)
@pytest.mark.parametrize("is_first", [True, False])
def test_a_fused_chain_shows_what_one_by_one_shows(
    name: str, parameters: dict[str, Any], is_first: bool, tmp_path: Path
) -> None:
    calls = [(name, parameters), ("fit_video", {"width": 128, "height": 96})]
    calls = calls if is_first else calls[::-1]
    between, alone, together = tmp_path / "between.mp4", tmp_path / "alone.mp4", tmp_path / "together.mp4"
    OPERATIONS[calls[0][0]](clip("keyed.mp4"), between, **calls[0][1])
    OPERATIONS[calls[1][0]](between, alone, **calls[1][1])
    ((fused, values),) = fuse(calls)
    OPERATIONS[fused](clip("keyed.mp4"), together, **values)
    ours, theirs = _frames(together), _frames(alone)
    assert len(ours) == len(theirs)
    assert max(abs(one - other).mean() for one, other in zip(ours, theirs, strict=True)) < 8
    assert _loudness(together) == pytest.approx(_loudness(alone), abs=0.02)


@pytest.mark.parametrize("frames", [2, 6, 14])
def test_a_chain_has_as_many_frames_as_its_steps_where_half_a_frame_is_left(frames: int, tmp_path: Path) -> None:
    source, part, alone, together = (tmp_path / f"{name}.mp4" for name in ("in", "part", "alone", "together"))
    _numbered(source, "24000/1001")
    seconds, fps = frames * 1001 / 24000, "30000/1001"
    trim_video(source, part, seconds=seconds)
    resample_video(part, alone, fps=fps)
    edit_video(source, together, steps=[{"do": "trim", "seconds": seconds}, {"do": "frame_rate", "fps": fps}])
    assert len(_frames(alone)) == len(_frames(together))


def test_every_operation_that_fuses_is_among_the_chains() -> None:
    assert {name for name, _ in CALLS} == set(FUSED)


def test_a_chain_of_other_defaults_is_possible() -> None:
    assert fuse([("change_speed", {"factor": 2}), ("fade_video", {"in_s": 0.3})]) == [
        ("edit_video", {"steps": [{"do": "speed", "factor": 2}, {"do": "fade", "in_s": 0.3, "out_s": 0.5}]})
    ]


def test_a_frame_rate_first_counts_from_the_source(tmp_path: Path) -> None:
    """The last frame of a variable rate is longer than the reel's frames, which a new rate can tell."""
    one, other, third = (tmp_path / f"{number}.mp4" for number in range(3))
    steps = [{"do": "frame_rate", "fps": 120}, {"do": "fit", "width": 64}]
    fit_video(clip("vfr.mkv"), one, width=64, height=48, fps=120)
    edit_video(clip("vfr.mkv"), other, steps=steps)
    merge(clip("vfr.mkv"), clip("voice.wav"), None, third, duration="video", steps=steps)
    assert len(_frames(one)) == len(_frames(other)) == len(_frames(third))


BURSTS = [0.5, 1.13, 1.9, 2.71, 3.3]
FPS = 25


@pytest.fixture(scope="module")
def bursts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bursts") / "bursts.mp4"
    heard = "+".join(f"between(t,{begin},{begin + 0.1})" for begin in BURSTS)
    ffmpeg(
        f"-f lavfi -i color=s=64x48:r={FPS}:d=4 -f lavfi -i \"aevalsrc='0.7*sin(2*PI*440*t)*({heard})':s=48000:d=4\" "
        f"-c:v libx264 -preset ultrafast -c:a aac -b:a 192k {path}"
    )
    return path


def _onsets(path: Path) -> list[float]:
    loud = np.flatnonzero(abs(_wave(path)) > 0.2) / 48_000
    return [float(loud[0]), *(float(b) for a, b in pairwise(loud) if b - a > 0.03)]


@pytest.mark.parametrize("factor", [0.25, 0.3, 0.45, 0.5, 0.75, 0.9, 1.1, 1.5, 2, 3, 4])
def test_sound_at_another_speed_stays_with_its_picture(factor: float, bursts: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    change_speed(bursts, target, factor=factor)
    assert _onsets(target) == pytest.approx([begin / factor for begin in BURSTS], abs=0.025)
    assert len(_wave(target)) == pytest.approx(4 / factor * 48_000, abs=2048)


def test_the_speed_that_it_has_leaves_the_sound_alone(bursts: Path, tmp_path: Path) -> None:
    one, other = tmp_path / "one.mp4", tmp_path / "other.mp4"
    change_speed(bursts, one, factor=1.0)
    fit_video(bursts, other, width=64, height=48)
    assert np.array_equal(_wave(one), _wave(other))


STEPS: list[tuple[Any, str]] = [
    ("trim", r"^steps='trim' is not a list.*\[\{'do': 'trim'"),
    ({"do": "trim"}, r"^steps=\{'do': 'trim'\} is not a list"),
    (5, "^steps=5 is not a list"),
    (["trim"], r"^steps\[0\]='trim' is not a mapping"),
    ([{"do": "mute"}, None], r"^steps\[1\]=None is not a mapping"),
    ([{"do": "speed"}], r"^Step 1 \(speed\) needs 'factor'"),
    ([{"do": "mute"}, {"do": "frame_rate"}], r"^Step 2 \(frame_rate\) needs 'fps'"),
    ([{"do": "frame_rate", "fps": None}], r"^Step 1 \(frame_rate\): fps=None is not a number"),
    ([{"do": "fit", "width": "100"}], r"^Step 1 \(fit\): width='100' is not a whole number"),
    ([{"do": "fit", "width": 64, "focus": (0.5,)}], r"^focus=\(0\.5,\) is not two fractions"),
    ([{"do": "fit", "width": 64, "focus": 0.5}], r"^Step 1 \(fit\): focus=0\.5 is not a list of numbers"),
    ([{"do": "fit", "width": 64, "focus": "ab"}], r"^Step 1 \(fit\): focus='ab' is not a list of numbers"),
    ([{"do": "reframe", "ratio": None}], r"^Step 1 \(reframe\): ratio=None is not a text"),
    ([{"do": "reframe", "ratio": 1.5}], r"^Step 1 \(reframe\): ratio=1\.5 is not a text"),
    ([{"do": "fade", "in_s": NAN}], r"^Step 1 \(fade\): in_s=nan is not a number"),
    ([{"do": "trim", "end_s": INFINITY}], r"^Step 1 \(trim\): end_s=inf is not a number"),
]


@pytest.mark.parametrize(("steps", "message"), STEPS)
def test_steps_of_another_shape_are_refused(steps: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=message):
        edit_video(clip("plain.mp4"), tmp_path / "out.mp4", steps=steps)
    assert not list(tmp_path.glob("*.mp4"))


LAYERS: list[tuple[Any, str]] = [
    ("x", "^layers='x' is not a list"),
    ({"scale": 0.5}, r"^layers=\{'scale': 0\.5\} is not a list"),
    (5, "^layers=5 is not a list"),
    (["x"], r"^layers\[0\]='x' is not a mapping"),
    ([{"position": 5}], r"^Layer 1: position=5 is not a text or a list of numbers"),
    ([{"position": None}], "^Layer 1: position=None is not"),
    ([{"position": ("a", "b")}], r"^Layer 1: position=\('a', 'b'\) is not"),
    ([{"position": (0.5,)}], r"^Layer 1: position=\(0\.5,\) is not two fractions"),
    ([{"end_s": NAN}], "^Layer 1: end_s=nan is not a number"),
    ([{"end_s": INFINITY}], "^Layer 1: end_s=inf is not a number"),
    ([{"end_s": "1"}], "^Layer 1: end_s='1' is not a number"),
    ([{"scale": "x"}], "^Layer 1: scale='x' is not a number"),
    ([{"repeat": "x"}], "^Layer 1: repeat='x' is not True or False"),
    ([{"scale": "x"}, {"position": "nowhere"}], "^Layer 1: scale='x' is not a number.* Layer 2: position='nowhere'"),
]


@pytest.mark.parametrize(("layers", "message"), LAYERS)
def test_layers_of_another_shape_are_refused(layers: Any, message: str, tmp_path: Path) -> None:
    tops = len(layers) if isinstance(layers, list) else 1
    with pytest.raises(ParameterError, match=message):
        overlay_video(clip("plain.mp4"), [still("top.png")] * tops, tmp_path / "out.mp4", layers=layers)
    assert not list(tmp_path.glob("*.mp4"))


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"fps": None}, "^fps=None is not"),
        ({"focus": (0.5,)}, r"^focus=\(0\.5,\) is not two fractions"),
        ({"focus": 0.5}, "^focus=0.5 is not"),
        ({"seconds": NAN}, "^seconds=nan is not"),
        ({"width": 17_000, "height": 100, "fit": "stretch"}, "^The video would be 17000x100 pixels.* 16384"),
    ],
)
def test_a_still_that_cannot_be_a_video_is_refused(wish: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=message):
        still_to_video(still("top.png"), tmp_path / "out.mp4", **wish)


@pytest.mark.parametrize("seconds", [NAN, INFINITY])
def test_a_length_that_is_no_number_is_refused(seconds: float, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="^seconds="):
        loop_video(clip("plain.mp4"), tmp_path / "out.mp4", seconds=seconds)


@pytest.mark.parametrize(
    ("to", "wish", "message"),
    [
        ("mp4", {"width": 0}, "^width=0 is not"),
        ("mp4", {"height": 0}, "^height=0 is not"),
        ("gif", {"width": 0}, "^width=0 is not"),
        ("mp4", {"quality": 50.5}, "^quality=50.5 is not"),
        ("mp4", {"width": 60_000}, "^The video would be 60000x45000 pixels.* 16384"),
        ("webm", {"width": 16_400}, "^The video would be 16400x12300 pixels.* 16384"),
        ("webp", {"width": 16_384}, "^The video would be 16384x12288 pixels.* 16383"),
        ("gif", {"fps": 240}, "^fps=240 is too fast for gif.* 100"),
    ],
)
def test_what_no_encoder_takes_is_refused_before_it_runs(
    to: str, wish: dict[str, Any], message: str, tmp_path: Path
) -> None:
    target = tmp_path / f"out.{to}"
    with pytest.raises(ParameterError, match=message):
        transcode(clip("plain.mp4"), target, to=to, **wish)
    assert not target.exists()


def test_sizes_beyond_the_encoder_are_refused_by_every_step(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with pytest.raises(ParameterError, match="^The video would be 16400x16400 pixels.* 16384"):
        fit_video(clip("plain.mp4"), target, width=16_400, height=16_400)
    for fill in ("blur", "crop", "pad"):
        with pytest.raises(ParameterError, match="^The video would be 20000x200 pixels.* 16384"):
            reframe_video(clip("plain.mp4"), target, ratio="100:1", height=200, fill=fill)
    fit_video(clip("plain.mp4"), target, width=30_000, height=48, fit="contain")  # which the result is not
    assert scan(target).video[0].display_size == (64, 48)


def test_the_fastest_gif_is_written(tmp_path: Path) -> None:
    transcode(clip("plain.mp4"), tmp_path / "out.gif", to="gif", fps=100)
    assert scan(tmp_path / "out.gif").video[0].frames == 60


@pytest.mark.parametrize(
    "run",
    [
        lambda target: still_to_video(still("opaque.png"), target, seconds=50),
        lambda target: ken_burns(still("opaque.png"), target, seconds=50),
        lambda target: change_speed(clip("plain.mp4"), target, factor=0.1),
        lambda target: loop_video(clip("plain.mp4"), target, seconds=50),
    ],
    ids=["still", "ken-burns", "speed", "loop"],
)
def test_a_result_that_would_be_too_long_is_refused_before_it_is_made(
    run: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_MAX_DURATION_S", "5")
    with pytest.raises(MediaLimitError, match=r"it would last \d+\.\d+ s, at most 5 s are allowed.*MAX_DURATION_S"):
        run(tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []


def test_a_result_with_too_many_pixels_is_refused_before_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_MAX_VIDEO_PIXELS", "80000")
    with pytest.raises(MediaLimitError, match=r"300x300 are 90000 pixels, at most 80000 are allowed.*MAX_VIDEO_PIXELS"):
        fit_video(clip("plain.mp4"), tmp_path / "out.mp4", width=300, height=300)
