"""Operations on one video: size, shape, speed, fades, chains, over every awkward kind of input."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from prefect_media.errors import DecodeError, ParameterError, ProbeError, UnsupportedMediaError
from prefect_media.media.container import scan
from prefect_media.media.operation import OPERATIONS
from prefect_media.media.videos.edit import change_speed, edit_video, fade_video, fit_video, reframe_video
from prefect_media.media.videos.fusing import fuse
from prefect_media.media.videos.merge import merge
from prefect_media.media.videos.slides import still_to_video
from prefect_media.media.videos.timing import loop_video, resample_video, reverse_video, trim_video
from prefect_media.media.videos.tracks import remove_audio

from .make_clips import (
    RATE,
    VIDEOS,
    clip,
    frame,
    hostile,
    marks,
    near,
    shows_quarters,
    sound_seconds,
    spectrum,
    still,
    truncated,
)

UNLIKE = ("hdr.mp4", "rotated.mp4", "mirrored.mp4")


def written(path: Path, seconds: float, rate: Fraction | int, size: tuple[int, int], *, has_audio: bool) -> None:
    found = scan(path)
    picture, allowed = found.video[0], float(max(Fraction(1, 40), 1 / Fraction(rate))) + 1e-6
    assert picture.duration_s == pytest.approx(seconds, abs=allowed)
    assert (picture.frame_rate, picture.display_size) == (rate, size)
    assert bool(found.audio) == has_audio
    if has_audio:
        assert sound_seconds(path) == pytest.approx(seconds, abs=allowed + 0.022)


@pytest.mark.parametrize("name", VIDEOS)
def test_any_video_fits_exactly(name: str, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    found = scan(clip(name))
    source = found.video[0]
    fit_video(clip(name), target, width=40, height=32, fit="stretch")
    whole = found.duration_s if name in ("long_sound.mp4", "late_sound.mp4", "late_picture.mp4") else source.duration_s
    written(target, whole, source.nominal_rate, (40, 32), has_audio=bool(found.audio))
    assert scan(target).video[0].colour.matrix == "bt709"
    if name not in UNLIKE:
        assert shows_quarters(frame(target, 0), slack=40)


FITS = {
    # How 64x48 comes into 64x64: where what can be seen.
    "cover": {(0.1, 0.1): (200, 0, 0), (0.9, 0.9): (220, 220, 220)},
    "pad": {(0.25, 0.05): (255, 128, 0), (0.25, 0.3): (200, 0, 0), (0.75, 0.95): (255, 128, 0)},
    "stretch": {(0.1, 0.05): (200, 0, 0), (0.9, 0.95): (220, 220, 220)},
}


@pytest.mark.parametrize("fit", FITS)
def test_fit_shows_what_its_name_says(fit: str, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    fit_video(clip("plain.mp4"), target, width=64, height=64, fit=fit, background="#ff8000")  # type: ignore[arg-type]
    assert scan(target).video[0].display_size == (64, 64)
    assert shows_quarters(frame(target), FITS[fit], slack=40)


@pytest.mark.parametrize(
    ("focus", "colour"), [((0.0, 0.0), (200, 0, 0)), ((1.0, 0.0), (0, 160, 0)), ((1.0, 1.0), (220, 220, 220))]
)
def test_a_crop_keeps_its_focus(focus: tuple[float, float], colour: tuple[int, int, int], tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    fit_video(clip("plain.mp4"), target, width=20, height=48, focus=focus)
    assert near(frame(target).getpixel((10, 6 if focus[1] == 0 else 42)), colour, 40)


def test_contain_keeps_the_whole_picture(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    fit_video(clip("sar.mp4"), target, width=400, height=32, fit="contain")
    assert scan(target).video[0].display_size == (56, 32)


def test_exact_refuses_another_size(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedMediaError, match="64x48, exactly 32x32 is asked for"):
        fit_video(clip("plain.mp4"), tmp_path / "out.mp4", width=32, height=32, fit="exact")


@pytest.mark.parametrize("fill", ["blur", "crop", "pad"])
@pytest.mark.parametrize("name", ["plain.mp4", "rotated.mp4", "sar.mp4"])
def test_reframe_changes_the_shape(name: str, fill: str, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    reframe_video(clip(name), target, ratio="9:16", height=128, fill=fill)  # type: ignore[arg-type]
    written(target, 0.6, RATE, (72, 128), has_audio=True)
    shown = frame(target)
    if name == "plain.mp4":
        above = shown.getpixel((18, 20))
        if fill == "pad":
            assert near(above, (0, 0, 0))
        elif fill == "crop":
            assert near(above, (200, 0, 0), 40)
        else:  # the same red, darker, out of focus
            assert above[0] > 100
            assert above[1] < 90
        assert near(shown.getpixel((6, 50)), (200, 0, 0), 40)


def test_reframe_keeps_the_longer_side(tmp_path: Path) -> None:
    for ratio, size in (("9:16", (36, 64)), ("1:1", (64, 64)), ("16:9", (64, 36))):
        target = tmp_path / "out.mp4"
        reframe_video(clip("silent.mp4"), target, ratio=ratio)
        assert scan(target).video[0].display_size == size


@pytest.mark.parametrize(("factor", "seconds"), [(2, 0.3), (0.5, 1.2), (0.3, 2.0), (1.5, 0.4)])
def test_speed_changes_the_length_and_not_the_pitch(factor: float, seconds: float, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    change_speed(clip("plain.mp4"), target, factor=factor)
    written(target, seconds, RATE, (64, 48), has_audio=True)
    shown = marks(target)
    assert shown == [min(14, int(n * factor + 1e-9)) for n in range(len(shown))]
    assert spectrum(target, 440, 0.08, seconds - 0.05) > 0.05


def test_fades_come_from_and_go_to_the_colour(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    fade_video(clip("plain.mp4"), target, in_s=0.2, out_s=0.2, colour="white")
    assert near(frame(target, 0).getpixel((16, 12)), (255, 255, 255), 40)
    assert shows_quarters(frame(target, 7))
    assert near(frame(target, 14).getpixel((16, 12)), (245, 200, 200), 60)
    assert spectrum(target, 440, 0, 0.02) < 0.3 * spectrum(target, 440, 0.25, 0.35)
    written(target, 0.6, RATE, (64, 48), has_audio=True)


def test_steps_follow_each_other_in_one_encoding(tmp_path: Path) -> None:
    target = tmp_path / "out.mov"
    edit_video(
        clip("keyed.mp4"),
        target,
        steps=[
            {"do": "trim", "start_s": 0.4, "end_s": 1.2},
            {"do": "fit", "width": 64, "height": 64, "fit": "pad"},
            {"do": "speed", "factor": 2},
            {"do": "mute"},
            {"do": "frame_rate", "fps": 50},
        ],
    )
    written(target, 0.4, 50, (64, 64), has_audio=False)
    assert marks(target) == [10 + n // 2 * 2 for n in range(20)]


def test_a_late_start_is_exact(tmp_path: Path) -> None:
    long, target = tmp_path / "long.mp4", tmp_path / "out.mp4"
    loop_video(clip("keyed.mp4"), long, times=4)
    for start in (0.48, 3.0, 4.04, 6.0):
        edit_video(long, target, steps=[{"do": "trim", "start_s": start, "seconds": 0.2}, {"do": "fit", "width": 64}])
        first = round(start * RATE)
        assert marks(target) == [n % 40 for n in range(first, first + 5)]
        assert spectrum(target, 440) > 0.08


CALLS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "fit_video": (fit_video, {"width": 32, "height": 32, "fit": "pad"}),
    "reframe_video": (reframe_video, {"ratio": "1:1"}),
    "change_speed": (change_speed, {"factor": 1.5}),
    "fade_video": (fade_video, {"in_s": 0.1, "out_s": 0.1}),
    "edit_video": (edit_video, {"steps": [{"do": "trim", "start_s": 0.1}, {"do": "speed", "factor": 2}]}),
    "trim_video": (trim_video, {"start_s": 0.1}),
    "loop_video": (loop_video, {"seconds": 1.0}),
    "reverse_video": (reverse_video, {}),
    "resample_video": (resample_video, {"fps": 30}),
    "remove_audio": (remove_audio, {}),
}


@pytest.mark.parametrize("name", CALLS)
def test_equal_inputs_give_equal_bytes(name: str, tmp_path: Path) -> None:
    operation, parameters = CALLS[name]
    one, other = tmp_path / "one.mp4", tmp_path / "other.mp4"
    for target in (one, other):
        operation(clip("bframes.mp4"), target, **parameters)
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("name", CALLS)
def test_every_operation_refuses_what_is_no_video(name: str, tmp_path: Path) -> None:
    operation, parameters = CALLS[name]
    target = tmp_path / "out.mp4"
    with pytest.raises(UnsupportedMediaError, match="it has no video stream"):
        operation(clip("voice.wav"), target, **parameters)
    with pytest.raises(ProbeError):
        operation(hostile("hls.mp4", "hls"), target, **parameters)
    with pytest.raises(DecodeError, match="it is cut off"):
        operation(truncated(), target, **parameters)
    with pytest.raises(ParameterError, match=r"the suffix \.avi is not one of"):
        operation(clip("plain.mp4"), tmp_path / "out.avi", **parameters)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", CALLS)
def test_every_operation_has_a_name_and_a_version(name: str) -> None:
    assert OPERATIONS[name].name == name
    assert OPERATIONS[name].version >= 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s, t: fit_video(s, t, width=33), "width=33 is not even"),
        (lambda s, t: fit_video(s, t, width=32, height=0), "height=0 is not even"),
        (lambda s, t: fit_video(s, t, width=32, height=32, fit="fill"), "fit='fill' is unknown"),
        (lambda s, t: fit_video(s, t, width=32, background="nocolour"), "background='nocolour' is not a colour"),
        (lambda s, t: fit_video(s, t, width=32, focus=[2, 0]), "is not two fractions between 0 and 1"),
        (lambda s, t: fit_video(s, t, fps=1000), "fps=1000 is not a frame rate"),
        (lambda s, t: reframe_video(s, t, ratio="wide"), "ratio='wide'"),
        (lambda s, t: reframe_video(s, t, fill="zoom"), "fill='zoom' is unknown"),
        (lambda s, t: change_speed(s, t, factor=0), "factor=0 is out of range"),
        (lambda s, t: fade_video(s, t, in_s=0.5, out_s=0.5), "together at most its 0.600 s"),
        (lambda s, t: fade_video(s, t, in_s=0, out_s=0), "not both 0"),
        (lambda s, t: edit_video(s, t, steps=[]), "steps is empty"),
        (lambda s, t: edit_video(s, t, steps=[{"do": "fit"}, {"do": "paint"}]), "Step 2 does 'paint'"),
        (lambda s, t: edit_video(s, t, steps=[{"do": "trim", "end": 3}]), r"Step 1 \(trim\) has no parameter 'end'"),
        (lambda s, t: trim_video(s, t, start_s=0.3, end_s=9), r"from 0\.3 s to 9 s: it lasts 0\.600 s"),
        (lambda s, t: trim_video(s, t, start_s=0.31, end_s=0.33), "is shorter than one frame"),
        (lambda s, t: trim_video(s, t, end_s=0.3, seconds=0.1), "end_s or seconds, not both"),
        (loop_video, "needs either times or seconds"),
        (lambda s, t: loop_video(s, t, times=0), "times=0"),
        (lambda s, t: resample_video(s, t, fps="often"), "fps='often' is not a frame rate"),
    ],
)
def test_impossible_parameters_are_refused(call: Callable[[Path, Path], None], message: str, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=message):
        call(clip("plain.mp4"), tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []


# Stills


@pytest.mark.parametrize("name", ["still.png", "still.jpg", "still.webp"])
def test_a_still_is_shown_for_its_time(name: str, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    still_to_video(still(name), target, seconds=0.4, fps="30000/1001")
    written(target, 0.4, Fraction(30000, 1001), (96, 64), has_audio=False)
    assert shows_quarters(frame(target, 11), slack=12)


def test_a_still_is_fitted(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    still_to_video(still("still.png"), target, seconds=0.2, width=64, height=64, fit="pad", background="#ff8000")
    assert near(frame(target).getpixel((32, 3)), (255, 128, 0), 12)
    assert near(frame(target).getpixel((16, 24)), (200, 0, 0), 12)
    for seconds in (0, -1, 0.01, 1e9):
        with pytest.raises(ParameterError, match="is not from one frame"):
            still_to_video(still("still.png"), target, seconds=seconds)
    with pytest.raises(UnsupportedMediaError, match="it is text"):
        still_to_video(hostile("text.png", "text"), target)


# Fusing


def test_calls_that_encode_become_one() -> None:
    fit = ("fit_video", {"width": 32, "height": 32, "fps": 30})
    steps = [{"do": "frame_rate", "fps": 30}, {"do": "fit", "width": 32, "height": 32}, {"do": "trim", "seconds": 1}]
    trim = ("trim_video", {"seconds": 1})
    assert fuse([fit, trim]) == [("edit_video", {"steps": steps})]
    assert fuse([fit, trim, ("merge", {"lufs": None})]) == [("merge", {"lufs": None, "steps": steps})]
    assert fuse([fit, ("transcode", {"to": "gif"})]) == [fit, ("transcode", {"to": "gif"})]
    assert fuse([("fit_video", {"fps": 30}), ("change_speed", {"factor": 2})]) == [
        ("edit_video", {"steps": [{"do": "frame_rate", "fps": 30}, {"do": "speed", "factor": 2}]})
    ]


def test_calls_that_copy_stay_apart() -> None:
    copying = [("trim_video", {"seconds": 1}), ("remove_audio", {}), ("merge", {})]
    assert fuse(copying) == copying
    assert fuse([]) == []


def test_a_fused_chain_shows_the_same(tmp_path: Path) -> None:
    one, two, three, fused = (tmp_path / f"{name}.mp4" for name in ("one", "two", "three", "fused"))
    calls = [("trim_video", {"start_s": 0.2}), ("fit_video", {"width": 64, "height": 64, "fit": "pad"})]
    trim_video(clip("plain.mp4"), one, **calls[0][1])  # type: ignore[arg-type]
    fit_video(one, two, **calls[1][1])  # type: ignore[arg-type]
    merge(two, clip("voice.wav"), None, three)
    ((name, parameters),) = fuse([*calls, ("merge", {})])
    OPERATIONS[name](clip("plain.mp4"), clip("voice.wav"), None, fused, **parameters)
    assert marks(fused) == marks(three) == [*range(5, 15), *[14] * 15]
    assert scan(fused).video[0].display_size == scan(three).video[0].display_size


def test_what_may_be_transparent_keeps_its_colours(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    fit_video(clip("moving.gif"), target, width=64, height=48)
    assert shows_quarters(frame(target, 3), slack=14)
