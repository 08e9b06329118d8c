"""Layers over a video, and keying: places, times, transparency, sounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from prefect_media.errors import DecodeError, MediaError, ParameterError, ProbeError, UnsupportedMediaError
from prefect_media.media.container import scan
from prefect_media.media.probe import probe
from prefect_media.media.videos import layers as layering
from prefect_media.media.videos.extract import extract_frame
from prefect_media.media.videos.keying import chroma_key
from prefect_media.media.videos.layers import overlay_video

from .make_clips import CORNERS, RATE, clip, frame, hostile, marks, near, shows_quarters, spectrum, still, truncated

BLUE, RED = (0, 0, 255), (200, 0, 0)
PLAIN = {"scale": 0.25, "margin": 0}


def shown(path: Path, number: int, x: float, y: float) -> Any:
    picture = frame(path, number)
    return picture.getpixel(
        (min(picture.width - 1, int(x * picture.width)), min(picture.height - 1, int(y * picture.height)))
    )


@pytest.mark.parametrize(
    ("position", "x", "y"),
    [
        ("top-left", 0.05, 0.05),
        ("top-right", 0.95, 0.05),
        ("bottom-left", 0.05, 0.97),
        ("bottom-right", 0.95, 0.97),
        ("top", 0.5, 0.05),
        ("left", 0.05, 0.5),
        ([1.0, 0.5], 0.95, 0.5),
    ],
)
def test_a_layer_lies_in_its_place(position: object, x: float, y: float, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    overlay_video(clip("plain.mp4"), [clip("blue.mp4")], target, layers=[{**PLAIN, "position": position}])
    assert near(shown(target, 2, x, y), BLUE, 60)
    others = {place: colour for place, colour in CORNERS.items() if abs(place[0] - x) > 0.3 or abs(place[1] - y) > 0.3}
    assert shows_quarters(frame(target, 2), others)
    found = scan(target)
    assert (found.video[0].display_size, found.video[0].frames, found.video[0].frame_rate) == ((64, 48), 15, RATE)
    assert spectrum(target, 440) > 0.1


def test_a_margin_keeps_a_layer_off_the_edge(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    overlay_video(
        clip("plain.mp4"), [clip("blue.mp4")], target, layers=[{"scale": 0.25, "margin": 0.2, "position": "top-left"}]
    )
    assert near(shown(target, 2, 0.05, 0.05), RED, 60)
    assert near(shown(target, 2, 0.25, 0.25), BLUE, 60)


def test_a_layer_comes_and_goes_at_its_times(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    layer = {**PLAIN, "position": "top-left", "start_s": 0.2, "end_s": 0.4}
    overlay_video(clip("plain.mp4"), [still("blue.png")], target, layers=[layer])
    seen = [shows_quarters(frame(target, n), {(0.05, 0.05): RED}, 60) for n in (4, 5, 9, 10)]
    assert seen[0] == seen[3] is True
    overlay_video(clip("plain.mp4"), [clip("blue.mp4")], target, layers=[layer])
    assert [near(shown(target, n, 0.05, 0.05), BLUE, 60) for n in (4, 5, 9, 10)] == [False, True, True, False]


def test_a_layer_fades_in_and_out(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    overlay_video(
        clip("plain.mp4"), [clip("blue.mp4")], target, layers=[{**PLAIN, "position": "top-left", "fade_s": 0.2}]
    )
    blue = [shown(target, n, 0.05, 0.05)[2] for n in (0, 2, 7, 14)]
    assert blue[0] < blue[1] < blue[2] > blue[3]


@pytest.mark.parametrize(("opacity", "blue"), [(0.0, (0, 40)), (0.5, (90, 165)), (1.0, (215, 255))])
def test_opacity_lets_the_base_through(opacity: float, blue: tuple[int, int], tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    overlay_video(
        clip("plain.mp4"), [clip("blue.mp4")], target, layers=[{**PLAIN, "position": "top-left", "opacity": opacity}]
    )
    assert blue[0] <= shown(target, 2, 0.05, 0.05)[2] <= blue[1]


def test_transparency_of_layers_counts(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    overlay_video(
        clip("blue.mp4"), [clip("alpha.webm")], target, layers=[{"scale": 0.3, "margin": 0, "position": "left"}]
    )
    red, green, blue = shown(target, 2, 0.1, 0.5)
    assert 90 < red < 165
    assert green < 40
    assert 90 < blue < 165


def test_pictures_lie_over_videos_in_order(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    overlay_video(
        clip("blue.mp4"),
        [still("top.png"), still("top.jpg"), clip("plain.mp4")],
        target,
        layers=[
            {"scale": 0.3, "margin": 0, "position": "left"},
            {"scale": 0.3, "margin": 0, "position": "right"},
            {"scale": 0.3, "margin": 0, "position": "left"},
        ],
    )
    picture = frame(target, 3)
    assert near(picture.getpixel((30, 3)), BLUE, 30)
    right = picture.crop((67, 10, 96, 30))
    assert shows_quarters(right, slack=50)


def test_a_short_layer_stays_or_starts_over(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    whole = {"scale": 1, "margin": 0}
    overlay_video(clip("keyed.mp4"), [clip("plain.mp4")], target, layers=[whole])
    assert marks(target) == [*range(15), *[14] * 25]
    overlay_video(clip("keyed.mp4"), [clip("plain.mp4")], target, layers=[{**whole, "repeat": True, "start_s": 0.2}])
    assert marks(target) == [*range(5), *range(15), *range(15), *range(5)]


def test_a_layer_too_large_to_repeat_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layering, "LOOP_BYTES", 1000)
    with pytest.raises(ParameterError, match="are too much to hold in memory"):
        overlay_video(clip("keyed.mp4"), [clip("plain.mp4")], tmp_path / "out.mp4", layers=[{"repeat": True}])


def test_the_sound_of_a_layer_is_mixed_at_its_time(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    overlay_video(clip("keyed.mp4"), [clip("plain.mp4")], target, layers=[{"start_s": 0.8, "sound_db": 6}])
    # Base and layer both sound at 440 Hz; the layer twice as loud.
    assert spectrum(target, 440, 0.2, 0.7) == pytest.approx(0.125, rel=0.2)
    assert spectrum(target, 440, 0.9, 1.3) > 0.2 or spectrum(target, 440, 0.9, 1.3) < 0.1  # in or out of phase
    overlay_video(clip("silent.mp4"), [clip("plain.mp4")], target, layers=[{"start_s": 0.2, "sound_db": 0}])
    assert spectrum(target, 440, 0.0, 0.18) < 0.01
    assert spectrum(target, 440, 0.22, 0.58) == pytest.approx(0.125, rel=0.2)
    overlay_video(clip("silent.mp4"), [clip("plain.mp4")], target)
    assert scan(target).audio == ()


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([{"place": "top"}], r"Layer 1 has no field 'place'\. Known: position, scale"),
        ([{"position": "nowhere"}], "Layer 1: position='nowhere' is unknown"),
        ([{"position": [2, 0]}], "is not two fractions"),
        ([{"scale": 0}], r"scale=0 is not between 0\.01 and 1"),
        ([{"opacity": 2}], "opacity=2 is not between 0 and 1"),
        ([{"sound_db": 99}], "sound_db=99 is not between -60 and 20"),
        ([{"start_s": 5}], r"from 5 s to its end: the video lasts 0\.600 s"),
        ([{}, {}], "layers has 2 entries for 1 pictures"),
    ],
)
def test_impossible_layers_are_refused(layers: list[dict[str, Any]], message: str, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=message):
        overlay_video(clip("plain.mp4"), [clip("blue.mp4")], tmp_path / "out.mp4", layers=layers)
    with pytest.raises(ParameterError, match="Cannot lay 0 pictures"):
        overlay_video(clip("plain.mp4"), [], tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["hls", "ffconcat", "text"])
def test_a_layer_that_is_no_media_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises((ProbeError, UnsupportedMediaError)):
        overlay_video(clip("plain.mp4"), [hostile(f"{kind}.mp4", kind)], tmp_path / "out.mp4")
    with pytest.raises(DecodeError, match="it is cut off"):
        overlay_video(clip("plain.mp4"), [truncated()], tmp_path / "out.mp4")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "it is an SVG drawing"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "it is a HEIC picture"),
        (b"%PDF-1.7\n", "it is a PDF document"),
        (b"", "the file is empty"),
    ],
)
def test_a_layer_that_is_not_handled_is_refused_as_everywhere(data: bytes, what: str, tmp_path: Path) -> None:
    path = tmp_path / "logo.png"
    path.write_bytes(data)
    with pytest.raises(MediaError) as elsewhere:
        probe(path)
    with pytest.raises(MediaError) as caught:
        overlay_video(clip("plain.mp4"), [path], tmp_path / "out.mp4")
    assert str(caught.value).startswith(f"Cannot use 'logo.png': {what}.")
    assert (type(caught.value), str(caught.value)) == (type(elsewhere.value), str(elsewhere.value))


# Keying


@pytest.mark.parametrize("backdrop", ["blue.mp4", "still.png"])
def test_a_backdrop_shows_where_the_screen_was(backdrop: str, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    behind = still("still.png") if backdrop.endswith("png") else clip(backdrop)
    chroma_key(clip("green_screen.mp4"), behind, target)
    picture = frame(target, 3)
    assert near(picture.getpixel((32, 24)), RED, 40)
    around = (
        {(0.05, 0.05): BLUE}
        if backdrop == "blue.mp4"
        else {(0.1, 0.1): RED, (0.9, 0.1): (0, 160, 0), (0.1, 0.9): (0, 0, 200)}
    )
    assert shows_quarters(picture, around)
    assert scan(target).video[0].frames == 15


def test_a_subject_at_one_edge_leaves_no_mark_at_the_other(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    chroma_key(clip("green_edge.mp4"), clip("blue.mp4"), target)
    picture = frame(target, 3)
    assert all(near(picture.getpixel((0, row)), BLUE, 12) for row in range(picture.height))
    assert near(picture.getpixel((picture.width - 1, 24)), RED, 40)


@pytest.mark.parametrize("suffix", [".webm", ".mov"])
def test_without_a_backdrop_the_screen_is_transparent(suffix: str, tmp_path: Path) -> None:
    target, picture = tmp_path / f"out{suffix}", tmp_path / "frame.png"
    chroma_key(clip("green_screen.mp4"), None, target)
    assert scan(target).video[0].has_alpha
    extract_frame(target, picture, at="middle")
    from PIL import Image

    with Image.open(picture) as image:
        assert image.mode == "RGBA"
        assert image.getpixel((4, 4))[3] < 20  # type: ignore[index]
        subject = image.getpixel((32, 24))
    assert near(subject, RED, 40)  # type: ignore[arg-type]
    assert subject[3] > 235  # type: ignore[index]
    over = tmp_path / "over.mp4"
    overlay_video(clip("blue.mp4"), [target], over, layers=[{"scale": 0.5, "margin": 0, "position": "left"}])
    assert near(shown(over, 3, 0.25, 0.5), RED, 40)
    assert near(shown(over, 3, 0.02, 0.15), BLUE, 40)


def test_impossible_keys_are_refused(tmp_path: Path) -> None:
    source = clip("green_screen.mp4")
    with pytest.raises(ParameterError, match=r"cannot be written to 'out\.mp4'\. Allowed: \.webm and \.mov"):
        chroma_key(source, None, tmp_path / "out.mp4")
    with pytest.raises(ParameterError, match="colour='nothing' is not a colour"):
        chroma_key(source, clip("blue.mp4"), tmp_path / "out.mp4", colour="nothing")
    with pytest.raises(ParameterError, match="similarity=0 must be above 0"):
        chroma_key(source, clip("blue.mp4"), tmp_path / "out.mp4", similarity=0)
    assert list(tmp_path.iterdir()) == []


def test_equal_inputs_give_equal_bytes(tmp_path: Path) -> None:
    for name, call in {
        "layers": lambda target: overlay_video(clip("plain.mp4"), [clip("alpha.webm"), still("a.png")], target),
        "key": lambda target: chroma_key(clip("green_screen.mp4"), clip("blue.mp4"), target),
    }.items():
        one, other = tmp_path / f"{name}-one.mp4", tmp_path / f"{name}-other.mp4"
        call(one)
        call(other)
        assert one.read_bytes() == other.read_bytes()
