"""Cropping, turning, adjusting and overlaying; thumbnails and contact sheets."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from prefect_media import errors
from prefect_media.media.images.compose import contact_sheet, thumbnail
from prefect_media.media.images.edit import adjust_image, crop_image, overlay_image, rotate_image
from prefect_media.media.images.lettering import best_font, ellipsised
from prefect_media.media.samples.making import sample_image, sample_video

RED, GREEN, BLUE, WHITE = (220, 20, 20), (20, 180, 20), (20, 20, 220), (255, 255, 255)


@pytest.fixture
def corners(tmp_path: Path) -> Path:
    """40 x 24: red top left, green top right, blue bottom left, white bottom right."""
    image = Image.new("RGB", (40, 24), RED)
    image.paste(GREEN, (20, 0, 40, 24))
    image.paste(BLUE, (0, 12, 20, 24))
    image.paste(WHITE, (20, 12, 40, 24))
    image.save(tmp_path / "corners.png")
    return tmp_path / "corners.png"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target.png"


def loaded(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


def quarters(image: Image.Image) -> list[Any]:
    width, height = image.size
    places = ((2, 2), (width - 3, 2), (2, height - 3), (width - 3, height - 3))
    return [image.convert("RGB").getpixel(place) for place in places]


def test_crop_takes_pixels_or_fractions(corners: Path, target: Path) -> None:
    crop_image(corners, target, left=20, top=0, right=40, bottom=12)
    assert loaded(target).size == (20, 12)
    assert loaded(target).getcolors() == [(240, GREEN)]
    crop_image(corners, target, left=0, top=0.5, right=0.5, bottom=1)
    assert loaded(target).getcolors() == [(240, BLUE)]


@pytest.mark.parametrize("edges", [(10, 0, 10, 5), (0, 0, 41, 5), (-1, 0, 5, 5), (30, 0, 10, 5)])
def test_a_crop_outside_the_picture_is_refused(edges: tuple[int, ...], corners: Path, target: Path) -> None:
    sides = dict(zip(("left", "top", "right", "bottom"), edges, strict=True))
    with pytest.raises(errors.ParameterError, match="the picture is 40x24, and the part must lie inside it"):
        crop_image(corners, target, **sides)
    assert not target.exists()


@pytest.mark.parametrize(
    ("options", "size", "expected"),
    [
        ({"degrees": 90}, (24, 40), [BLUE, RED, WHITE, GREEN]),
        ({"degrees": 180}, (40, 24), [WHITE, BLUE, GREEN, RED]),
        ({"degrees": -90}, (24, 40), [GREEN, WHITE, RED, BLUE]),
        ({"degrees": 720}, (40, 24), [RED, GREEN, BLUE, WHITE]),
        ({"flip": "horizontal"}, (40, 24), [GREEN, RED, WHITE, BLUE]),
        ({"flip": "vertical"}, (40, 24), [BLUE, WHITE, RED, GREEN]),
    ],
)
def test_right_angles_keep_every_pixel(options: Any, size: Any, expected: Any, corners: Path, target: Path) -> None:
    rotate_image(corners, target, **options)
    image = loaded(target)
    assert image.size == size
    assert quarters(image) == expected
    assert len(image.getcolors() or []) == 4


def test_other_angles_make_room_and_fill_the_corners(corners: Path, target: Path) -> None:
    rotate_image(corners, target, degrees=45)
    image = loaded(target)
    assert image.mode == "RGBA"
    assert image.size in {(46, 46), (45, 46), (46, 45)}
    assert image.getpixel((0, 0))[3] == 0
    assert image.getpixel((23, 23))[3] == 255
    rotate_image(corners, target, degrees=45, expand=False, background="#123456")
    image = loaded(target)
    assert (image.size, image.mode, image.getpixel((0, 0))) == ((40, 24), "RGB", (0x12, 0x34, 0x56))
    jpeg = target.with_suffix(".jpg")
    rotate_image(corners, jpeg, degrees=30, background="#ffffff")
    assert min(loaded(jpeg).getpixel((0, 0))) > 245


def test_a_turn_that_grows_over_the_limit_is_refused(
    corners: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_MAX_IMAGE_PIXELS", "1000")
    rotate_image(corners, target, degrees=45, expand=False)
    with pytest.raises(errors.MediaLimitError, match="Cannot make 46x46"):
        rotate_image(corners, target, degrees=45)


def mean(path: Path) -> np.ndarray:
    return np.asarray(loaded(path).convert("RGB"), float).mean((0, 1))


def test_adjustments_do_what_they_say(tmp_path: Path, target: Path) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(sample_image(80, 60))
    plain = mean(source)
    adjust_image(source, target)
    assert np.array_equal(np.asarray(loaded(target)), np.asarray(loaded(source).convert("RGB")))
    adjust_image(source, target, brightness=0.5)
    assert np.allclose(mean(target), plain / 2, atol=1)
    adjust_image(source, target, saturation=0)
    pixels = np.asarray(loaded(target))
    assert np.ptp(pixels, axis=2).max() == 0
    adjust_image(source, target, contrast=0)
    assert len(loaded(target).getcolors() or []) == 1
    adjust_image(source, target, gamma=2)
    assert (mean(target) > plain + 10).all()
    adjust_image(source, target, sharpness=0)
    assert (
        np.abs(np.diff(np.asarray(loaded(target), int), axis=0)).sum()
        < np.abs(np.diff(np.asarray(loaded(source).convert("RGB"), int), axis=0)).sum()
    )


def test_adjusting_keeps_transparency(tmp_path: Path, target: Path) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(sample_image(80, 60, look="cutout"))
    adjust_image(source, target, brightness=1.5, gamma=0.8)
    assert loaded(target).getchannel("A").tobytes() == loaded(source).getchannel("A").tobytes()


def test_adjustments_out_of_range_are_all_named(corners: Path, target: Path) -> None:
    with pytest.raises(errors.ParameterError) as caught:
        adjust_image(corners, target, brightness=-1, gamma=0)
    assert caught.value.problems == ("brightness=-1 is not between 0 and 10.", "gamma=0 is not between 0.1 and 10.")


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    Image.new("RGB", (400, 300), (100, 100, 100)).save(tmp_path / "plain.png")
    return tmp_path / "plain.png"


def changed(path: Path) -> tuple[int, int, int, int] | None:
    """The part that differs from the plain grey."""
    pixels = np.asarray(loaded(path).convert("RGB"), int)
    rows, columns = np.nonzero(np.abs(pixels - 100).max(axis=2) > 3)
    return (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) if len(rows) else None


def test_a_picture_is_laid_where_it_should_be(plain: Path, corners: Path, target: Path) -> None:
    for position, box in (
        ("top-left", (9, 9, 89, 57)),
        ("bottom-right", (311, 243, 391, 291)),
        ("center", (160, 126, 240, 174)),
        ("right", (311, 126, 391, 174)),
    ):
        overlay_image(plain, corners, target, position=position)
        assert changed(target) == box, position
    overlay_image(plain, corners, target, position="top-left", opacity=0.5, margin=0, scale=0.1)
    assert changed(target) == (0, 0, 40, 24)
    assert np.abs(np.array(loaded(target).getpixel((2, 2))) - [160, 60, 60]).max() <= 2
    overlay_image(plain, corners, target, opacity=0)
    assert changed(target) is None
    overlay_image(plain, corners, target, scale=4, position="center")
    assert changed(target) == (0, 0, 400, 300)


def test_text_is_drawn_readably_in_its_corner(plain: Path, target: Path) -> None:
    overlay_image(plain, None, target, text="Ünicode ©\nin two lines", scale=0.08)
    box = changed(target)
    assert box is not None
    assert box[0] > 150
    assert box[1] > 200
    assert 380 <= box[2] <= 400
    pixels = np.asarray(loaded(target).convert("L"))
    assert pixels.max() > 240, "letters"
    assert pixels.min() < 60, "their dark edge"
    overlay_image(plain, None, target, text="dark", colour="#000000", position="top-left")
    assert np.asarray(loaded(target).convert("L")).max() > 150, "a light edge for dark letters"
    overlay_image(plain, None, target, text="DRAFT", position="tile", opacity=0.4)
    box = changed(target)
    assert box is not None
    assert box[2] - box[0] > 380
    assert box[3] - box[1] > 270


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs either a picture"),
        ({"text": "  "}, "needs either a picture"),
        ({"text": "x", "position": "north"}, "position='north' is unknown"),
        ({"text": "x", "opacity": 2}, "opacity=2 is not between 0 and 1"),
        ({"text": "x", "scale": 0}, "scale=0 is not above 0"),
        ({"text": "x", "margin": 0.6}, "margin=0.6"),
        ({"text": "x", "colour": "nocolour"}, "colour='nocolour' is not a colour"),
        ({"text": "x" * 3000}, "has 3000 characters, at most 2000"),
        ({"text": "x" * 2000, "scale": 4}, "The text would take"),
        ({"text": "\U0010ffff"}, "glyph"),
        ({"text": "x", "font": "missing.ttf"}, "missing.ttf"),
    ],
)
def test_impossible_overlays_are_refused(options: Any, message: str, plain: Path, target: Path) -> None:
    with pytest.raises(errors.ParameterError, match=message):
        overlay_image(plain, None, target, **options)
    assert not target.exists()


def test_text_and_picture_together_are_refused(plain: Path, corners: Path, target: Path) -> None:
    with pytest.raises(errors.ParameterError, match="either a picture to lay over the other, or text="):
        overlay_image(plain, corners, target, text="x")


def test_a_thumbnail_is_whole_and_never_enlarged(tmp_path: Path, corners: Path, target: Path) -> None:
    big = tmp_path / "big.jpg"
    Image.linear_gradient("L").resize((3000, 2000)).save(big)
    thumbnail(big, target, width=300, height=300)
    assert loaded(target).size == (300, 200)
    thumbnail(corners, target, width=300, height=300)
    assert loaded(target).size == (40, 24)
    thumbnail(big, target, width=100, height=100, fit="cover")
    assert loaded(target).size == (100, 100)
    thumbnail(corners, target, width=80, height=80, fit="pad", background="#00ff00")
    assert loaded(target).getpixel((40, 2)) == (0, 255, 0)


def test_a_thumbnail_of_a_video_is_the_frame_asked_for(tmp_path: Path, target: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(sample_video(160, 90, 2))
    found = []
    for moment in (0.0, 1.0, 9.0, None):
        thumbnail(clip, target, width=80, height=80, at_s=moment)
        assert loaded(target).size == (80, 45)
        found.append(np.asarray(loaded(target), int))
    assert np.abs(found[0] - found[2]).mean() > 2, "the picture moves"
    sound = tmp_path / "text.png"
    sound.write_bytes(b"not a picture")
    with pytest.raises(errors.UnsupportedMediaError, match="it is text"):
        thumbnail(sound, target)


@pytest.fixture
def several(tmp_path: Path) -> list[Path]:
    paths = []
    for number in range(5):
        path = tmp_path / f"{number}"
        made = sample_video(96, 54, 1, variant=number) if number == 1 else sample_image(96, 54, variant=number)
        path.write_bytes(made)
        paths.append(path)
    return paths


def test_a_sheet_shows_every_source_in_its_cell(several: list[Path], target: Path) -> None:
    labels = ["first", "", "a label that is far too long for one cell of this sheet", "ünï – “code”", "日本語 🙂"]
    contact_sheet(several, target, columns=3, cell=(96, 54), labels=labels, title="All of them")
    sheet = loaded(target).convert("RGB")
    background = sheet.getpixel((0, 0))
    assert max(background) < 40
    gap = 8
    tops = [y for y in range(sheet.height) if sheet.getpixel((gap + 48, y)) != background]
    first_row = next(y for y in tops if y > 30)
    for number in (0, 2):
        left = gap + number % 3 * (96 + gap)
        cell = np.asarray(sheet.crop((left, first_row, left + 96, first_row + 54)), int)
        assert np.abs(cell - np.asarray(loaded(several[number]).convert("RGB"), int)).mean() < 3
    assert sheet.width == gap + 3 * (96 + gap)
    assert sheet.getpixel((sheet.width - 20, sheet.height - 30)) == background, "the sixth cell is empty"


def test_sheets_of_any_number_and_shape(several: list[Path], target: Path, tmp_path: Path) -> None:
    tall = tmp_path / "tall"
    tall.write_bytes(sample_image(30, 300))
    for sources in (several[:1], several[:4], several * 3, [tall], [tall, several[0], tall]):
        contact_sheet(sources, target)
        image = loaded(target)
        assert image.width >= 120
        assert 0.2 < image.width / image.height < 12


def test_equal_sheets_are_equal_bytes(several: list[Path], target: Path) -> None:
    contact_sheet(several, target, labels=list("abcde"))
    first = target.read_bytes()
    contact_sheet(several, target, labels=list("abcde"))
    assert target.read_bytes() == first


@pytest.mark.parametrize(
    ("sources", "options", "message"),
    [
        (0, {}, "takes 1 to 2000 sources, 0 are given"),
        (2, {"labels": ["one"]}, "1 labels are given for 2 sources"),
        (2, {"columns": 0}, "columns=0 is not at least 1"),
        (2, {"cell": (8, 100)}, r"cell=\(8, 100\) is not"),
        (2, {"background": "?"}, "background='\\?' is not a colour"),
    ],
)
def test_impossible_sheets_are_refused(
    sources: int, options: Any, message: str, several: list[Path], target: Path
) -> None:
    with pytest.raises(errors.ParameterError, match=message):
        contact_sheet(several[:sources], target, **options)


def test_a_sheet_over_the_pixel_limit_is_refused(
    several: list[Path], target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_MAX_IMAGE_PIXELS", "100000")
    with pytest.raises(errors.MediaLimitError, match="Cannot make"):
        contact_sheet(several, target, cell=(400, 300))


def test_long_lines_end_in_an_ellipsis_that_fits() -> None:
    face = best_font("abc").at(16)
    for width in (0, 5, 60, 200):
        line = ellipsised("a rather long line\nof text", face, width)
        assert line.endswith("…") or line == "a rather long line of text"
        assert face.getlength(line) <= width or line == "…"
    assert ellipsised("short", face, 500) == "short"
