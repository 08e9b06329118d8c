"""`gravity="smart"`: a subject at an edge is kept, a plain picture is cropped as ever, a video gets one place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from prefect_media.errors import ParameterError
from prefect_media.media.container import scan
from prefect_media.media.contracts import ImageContract, VideoContract
from prefect_media.media.facts import Facts, Span
from prefect_media.media.images.fit import fit_image
from prefect_media.media.planning.conversions import plan_conversion
from prefect_media.media.videos import frames
from prefect_media.media.videos.edit import edit_video, fit_video, reframe_video
from prefect_media.media.videos.slides import still_to_video

PLACES = [
    ("left", (480, 270), (60, 140), (1, 1)),
    ("right", (480, 270), (420, 140), (1, 1)),
    ("top", (270, 480), (140, 50), (16, 9)),
    ("bottom", (270, 480), (140, 425), (16, 9)),
]
INK = (230, 60, 40)


def meadow(width: int, height: int) -> Image.Image:
    """A soft background, lighter above, with a little grain."""
    rows = np.linspace(180, 90, height)[:, None, None] * np.array([0.8, 1.0, 0.9])
    grain = np.random.RandomState(3).normal(0, 3, (height, width, 3))
    return Image.fromarray((rows + grain).clip(0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(1))


def with_subject(size: tuple[int, int], at: tuple[int, int], radius: int = 45) -> Image.Image:
    picture = meadow(*size)
    x, y = at
    draw = ImageDraw.Draw(picture)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=INK)
    for ring in range(8, radius, 12):
        draw.ellipse((x - ring, y - ring, x + ring, y + ring), outline=(250, 240, 200), width=3)
    return picture


def subject_share(picture: Image.Image) -> float:
    """Part of a picture's area that has the subject's colour."""
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    return float((np.abs(pixels - np.array(INK)).sum(-1) < 90).mean())


def cropped(picture: Image.Image, folder: Path, **options: Any) -> Image.Image:
    source, target = folder / "source.png", folder / "target.png"
    picture.save(source)
    fit_image(source, target, **options)
    with Image.open(target) as made:
        return made.convert("RGB")


@pytest.mark.parametrize(("place", "size", "at", "shape"), PLACES, ids=[place[0] for place in PLACES])
def test_a_subject_at_an_edge_is_kept(
    place: str, size: tuple[int, int], at: tuple[int, int], shape: tuple[int, int], tmp_path: Path
) -> None:
    picture = with_subject(size, at)
    box = {"width": 270, "height": 270 * shape[1] // shape[0] // 2 * 2}
    whole = subject_share(picture) * picture.width * picture.height
    smart = cropped(picture, tmp_path, gravity="smart", **box)
    usual = cropped(picture, tmp_path, **box)
    assert subject_share(smart) * smart.width * smart.height > 0.9 * whole
    assert subject_share(smart) > 1.3 * subject_share(usual)


@pytest.mark.parametrize("plain", ["one colour", "gradient", "noise", "subject in the middle", "tiny", "line"])
def test_other_pictures_are_cropped_as_ever(plain: str, tmp_path: Path) -> None:
    pictures = {
        "one colour": Image.new("RGB", (400, 200), "teal"),
        "gradient": Image.linear_gradient("L").resize((400, 200)).convert("RGB"),
        "noise": Image.fromarray(np.random.RandomState(1).randint(0, 256, (200, 400, 3)).astype(np.uint8)),
        "subject in the middle": with_subject((400, 200), (200, 80)),
        "tiny": Image.new("RGB", (3, 2), "red"),
        "line": Image.new("RGB", (2000, 2), "red"),
    }
    picture = pictures[plain]
    side = min(picture.size)
    smart = cropped(picture, tmp_path, width=side, height=side, gravity="smart")
    assert smart.tobytes() == cropped(picture, tmp_path, width=side, height=side).tobytes()


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "CMYK", "P", "1"])
def test_every_kind_of_pixels_can_be_looked_at(mode: str, tmp_path: Path) -> None:
    source, target = tmp_path / ("a.tiff" if mode == "CMYK" else "a.png"), tmp_path / "b.png"
    with_subject((300, 100), (40, 50)).convert(mode).save(source)
    fit_image(source, target, width=100, height=100, gravity="smart")
    with Image.open(target) as made:
        assert made.size == (100, 100)


def test_colours_under_transparency_draw_no_attention(tmp_path: Path) -> None:
    picture = with_subject((400, 100), (350, 50)).convert("RGBA")
    hidden = Image.new("L", picture.size, 0)
    ImageDraw.Draw(hidden).ellipse((10, 10, 90, 90), fill=255)
    picture.putalpha(hidden)
    picture.save(tmp_path / "a.png")
    fit_image(tmp_path / "a.png", tmp_path / "b.png", width=100, height=100, gravity="smart")
    with Image.open(tmp_path / "b.png") as made:
        assert made.getchannel("A").getextrema()[1] == 255  # the disc on the left, which is all that shows


def test_a_focus_wins_and_equal_inputs_give_equal_bytes(tmp_path: Path) -> None:
    picture = with_subject((480, 270), (60, 140))
    box = {"width": 270, "height": 270}
    right = cropped(picture, tmp_path, focus=(1.0, 0.5), **box)
    assert cropped(picture, tmp_path, focus=(1.0, 0.5), gravity="smart", **box).tobytes() == right.tobytes()
    first = cropped(picture, tmp_path, gravity="smart", **box)
    assert cropped(picture, tmp_path, gravity="smart", **box).tobytes() == first.tobytes()


def test_bars_and_byte_limits_go_with_it(tmp_path: Path) -> None:
    picture = with_subject((480, 270), (60, 140))
    box: dict[str, Any] = {"width": 300, "height": 300}
    padded = cropped(picture, tmp_path, fit="pad", gravity="smart", **box)
    assert padded.tobytes() == cropped(picture, tmp_path, fit="pad", **box).tobytes()
    picture.save(tmp_path / "a.png")
    fit_image(tmp_path / "a.png", tmp_path / "b.jpg", gravity="smart", max_bytes=8000, width=200, height=200)
    assert (tmp_path / "b.jpg").stat().st_size <= 8000


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("moving")
    with_subject((480, 270), (420, 140)).save(folder / "still.png")
    still_to_video(folder / "still.png", folder / "moving.mp4", seconds=1.0)
    return folder / "moving.mp4"


def shown(path: Path) -> list[float]:
    return [subject_share(picture) for picture in frames.sampled_frames(path, [0.0, 0.5, 0.9])]


def test_a_video_is_cropped_to_its_subject(moving: Path, tmp_path: Path) -> None:
    fit_video(moving, tmp_path / "smart.mp4", width=270, height=270, gravity="smart")
    fit_video(moving, tmp_path / "usual.mp4", width=270, height=270)
    reframe_video(moving, tmp_path / "tall.mp4", ratio="9:16", fill="crop", gravity="smart")
    assert min(shown(tmp_path / "smart.mp4")) > 3 * max(shown(tmp_path / "usual.mp4"))
    assert min(shown(tmp_path / "tall.mp4")) > 0.05
    picture = scan(tmp_path / "tall.mp4").picture
    assert picture is not None
    assert picture.display_size == (270, 480)


def test_a_later_step_looks_at_what_earlier_ones_left(moving: Path, tmp_path: Path) -> None:
    halves = [
        {"do": "trim", "end_s": 0.4},
        {"do": "fit", "width": 240, "height": 270, "gravity": "right"},
        {"do": "fit", "width": 120, "height": 270, "gravity": "smart"},
    ]
    edit_video(moving, tmp_path / "right.mp4", steps=halves)
    assert min(shown(tmp_path / "right.mp4")) > 0.1
    halves[1]["gravity"] = "left"  # the subject is gone: nothing to find
    edit_video(moving, tmp_path / "left.mp4", steps=halves)
    assert max(shown(tmp_path / "left.mp4")) == 0
    edit_video(moving, tmp_path / "usual.mp4", steps=[*halves[:2], {"do": "fit", "width": 120, "height": 270}])
    assert (tmp_path / "left.mp4").read_bytes() == (tmp_path / "usual.mp4").read_bytes()


def test_a_plan_carries_it() -> None:
    facts = Facts(kind="image", width_px=Span.exactly(800), height_px=Span.exactly(450))
    plan = plan_conversion(facts, ImageContract(sizes=((512, 512),)), gravity="smart")
    assert plan.steps[0].parameters["gravity"] == "smart"
    film = Facts(kind="video", width_px=Span.exactly(800), height_px=Span.exactly(450), duration_s=Span.exactly(2.0))
    plan = plan_conversion(film, VideoContract(sizes=((512, 512),)), gravity="smart")
    assert any(step.parameters.get("gravity") == "smart" for step in plan.steps)
    with pytest.raises(ParameterError, match="auto, smart, center"):
        plan_conversion(facts, None, gravity="clever")
