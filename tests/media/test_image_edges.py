"""Pictures at their edges: metadata of the source, transparency that formats lack, marks and text of any size."""

from __future__ import annotations

import os
import struct
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter, TiffImagePlugin

from prefect_media.errors import MediaError, MediaLimitError, ParameterError, ProbeError
from prefect_media.media.images.compose import contact_sheet, thumbnail
from prefect_media.media.images.edit import overlay_image, rotate_image
from prefect_media.media.images.fit import convert_image, fit_image, upscale_image
from prefect_media.media.images.lettering import lettering
from prefect_media.media.images.quiet import quietly
from prefect_media.media.probe import probe


def plain(path: Path, width: int = 300, height: int = 200) -> Path:
    Image.new("RGB", (width, height), (40, 90, 160)).save(path)
    return path


def sticker(path: Path) -> Path:
    """A disc with a soft shadow, on nothing."""
    shadow = Image.new("L", (200, 200))
    ImageDraw.Draw(shadow).ellipse((50, 60, 170, 180), fill=140)
    picture = Image.new("RGBA", (200, 200))
    picture.putalpha(shadow.filter(ImageFilter.GaussianBlur(14)))
    disc = Image.new("RGBA", (200, 200))
    ImageDraw.Draw(disc).ellipse((40, 40, 150, 150), fill=(240, 160, 20, 255))
    picture.alpha_composite(disc)
    picture.save(path)
    return path


def pixels(path: Path, mode: str = "RGBA") -> Any:
    with Image.open(path) as picture:
        return np.asarray(picture.convert(mode), np.int16)


def test_no_tag_of_a_tiff_reaches_another(tmp_path: Path) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for number, kind in ((700, 1), (33723, 7), (34377, 7)):
        tags.tagtype[number] = kind
        tags[number] = b"SECRET"
    tags[315] = tags[270] = "SECRET"
    source, target = tmp_path / "in.tif", tmp_path / "out.tif"
    Image.new("RGB", (50, 50)).save(source, tiffinfo=tags)
    assert b"SECRET" in source.read_bytes()
    for run in (convert_image, rotate_image, thumbnail):
        run(source, target)
        assert b"SECRET" not in target.read_bytes()


def test_a_soft_edge_becomes_a_hard_one_in_a_gif(tmp_path: Path) -> None:
    convert_image(sticker(tmp_path / "in.png"), tmp_path / "out.gif", background="#00ff00")
    made, source = pixels(tmp_path / "out.gif"), pixels(tmp_path / "in.png")
    assert ((made[..., 3] == 255) == (source[..., 3] >= 128)).all()
    assert np.abs(made[90, 90] - (240, 160, 20, 255)).max() <= 8
    half = (source[..., 3] >= 128) & (source[..., 3] < 140)
    assert made[half][:, 1].mean() > 90  # the background shows through


@pytest.mark.parametrize("level", [90, 200])
def test_an_even_veil_in_a_gif_is_there_or_not(tmp_path: Path, level: int) -> None:
    Image.new("RGBA", (20, 20), (255, 255, 255, level)).save(tmp_path / "in.png")
    convert_image(tmp_path / "in.png", tmp_path / "out.gif")
    made = pixels(tmp_path / "out.gif")
    assert (made[..., 3] == (255 if level >= 128 else 0)).all()


def test_a_mark_too_large_to_be_scaled_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (1, 5000)).save(tmp_path / "tall.png")
    with pytest.raises(MediaLimitError, match=r"400x2000000"):
        overlay_image(plain(tmp_path / "in.png", 2000, 1500), tmp_path / "tall.png", tmp_path / "out.png")


def test_small_marks_tile_a_large_picture(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1), "white").save(tmp_path / "dot.png")
    source, target = plain(tmp_path / "in.png", 3000, 3000), tmp_path / "out.png"
    overlay_image(source, tmp_path / "dot.png", target, position="tile", scale=0.0001, margin=0)
    made = pixels(target, "L")
    assert made[0, 0] == made[0, 2] == made[2996, 2998] == made[2, 1] == 255
    assert made[0, 1] == made[1, 0] < 200


@pytest.mark.parametrize("text", ["a\r\nb", "a\rb", "a\vb", "a\u2028b"])
def test_any_line_end_begins_a_line(text: str) -> None:
    assert lettering(text, 20, (255, 255, 255, 255)).tobytes() == lettering("a\nb", 20, (255,) * 4).tobytes()


def test_tabs_are_spaces_and_control_characters_nothing() -> None:
    assert lettering("a\tb\0", 20, (255,) * 4).tobytes() == lettering("a   b", 20, (255,) * 4).tobytes()


def test_the_edge_of_faint_text_is_faint() -> None:
    strong, faint = (lettering("x", 40, (255, 255, 255, level)).getchannel("A").getextrema()[1] for level in (255, 32))
    assert strong == 255
    assert faint <= 64


def test_text_wider_than_the_picture_becomes_smaller(tmp_path: Path) -> None:
    source, target = plain(tmp_path / "in.png"), tmp_path / "out.png"
    words = "A very long line of watermark text which does not fit"
    overlay_image(source, None, target, text=words, scale=0.2, position="center", margin=0)
    changed = np.abs(pixels(target, "L") - pixels(source, "L")).max(axis=0) > 20
    assert not changed[:2].any()
    assert not changed[-2:].any()
    assert changed[20:-20].mean() > 0.7


@pytest.mark.parametrize("degrees", [-1e-14, 360, 720, -360])
def test_whole_turns_change_nothing(tmp_path: Path, degrees: float) -> None:
    source, target = sticker(tmp_path / "in.png"), tmp_path / "out.png"
    rotate_image(source, target, degrees=degrees)
    assert (pixels(target) == pixels(source)).all()


def test_bars_keep_what_is_transparent(tmp_path: Path) -> None:
    source, target = sticker(tmp_path / "in.png"), tmp_path / "out.png"
    fit_image(source, target, width=400, height=200, fit="pad", background="#112233")
    made = pixels(target)
    assert (made[:, :100] == (0x11, 0x22, 0x33, 255)).all()
    assert made[0, 100, 3] == 0
    thumbnail(source, target, width=100, height=50, fit="pad", background="#00ff0000")
    assert pixels(target)[0, 0, 3] == 0
    fit_image(source, target, width=400, height=200, fit="pad", background="#11223300", transparent=False)
    with Image.open(target) as picture:
        assert picture.mode == "RGB"
        assert picture.getpixel((0, 0)) == (0x11, 0x22, 0x33)


def test_the_clear_value_of_16_bits_stays_clear(tmp_path: Path) -> None:
    values = np.full((8, 8), 40_000, np.uint16)
    values[:4] = 0x1234
    Image.fromarray(values).save(tmp_path / "in.png", transparency=0x1234)
    convert_image(tmp_path / "in.png", tmp_path / "out.png")
    made = pixels(tmp_path / "out.png")
    assert (made[:4, :, 3] == 0).all()
    assert (made[4:, :, 3] == 255).all()


def test_text_on_a_bright_sheet_is_dark(tmp_path: Path) -> None:
    source, target = plain(tmp_path / "in.png"), tmp_path / "out.png"
    contact_sheet([source], target, labels=["a label"], title="A title", background="white")
    made = pixels(target, "L")
    card = np.flatnonzero((made == made[made.shape[0] // 2, 30]).mean(axis=1) > 0.5)
    assert made[: card[0]].min() < 60
    assert made[card[-1] + 1 :].min() < 110


def test_exact_says_the_size_that_the_picture_has(tmp_path: Path) -> None:
    source = plain(tmp_path / "in.jpg", 2000, 1500)
    with pytest.raises(MediaError, match="2000x1500"):
        thumbnail(source, tmp_path / "out.png", width=200, height=150, fit="exact")


def test_names_and_colours_that_cannot_be_are_told(tmp_path: Path) -> None:
    source = plain(tmp_path / "in.png")
    with pytest.raises(MediaError, match=r"Cannot write '.*a\\x00b\.png': embedded null byte"):
        convert_image(source, tmp_path / "a\0b.png")
    with pytest.raises(ParameterError, match=r"background='rgb\(999,0,0\)' is not a colour"):
        convert_image(source, tmp_path / "out.jpg", background="rgb(999,0,0)")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(ProbeError, match="it is a named pipe"):
        convert_image(tmp_path / "pipe.png", tmp_path / "out.png")


def with_bad_tags(image: Image.Image, path: Path) -> Path:
    """A picture that is to be turned, with thousands of tags that claim more than the file holds."""
    bad = [struct.pack("<HHLL", 0x9000 + number, 2, 1 << 24, 8) for number in range(3000)]
    tags = [struct.pack("<HHLHH", 0x0112, 3, 1, 6, 0), *bad]
    directory = struct.pack("<H", len(tags)) + b"".join(tags) + bytes(4)
    if path.suffix == ".jpg":
        image.save(path, exif=b"Exif\0\0II*\0\x08\0\0\0" + directory)
        return path
    image.save(path)
    data = path.read_bytes()
    (at,) = struct.unpack_from("<L", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    own = [data[at + 2 + 12 * number : at + 14 + 12 * number] for number in range(count)]
    tags = sorted([*own, *tags], key=lambda tag: struct.unpack_from("<H", tag)[0])
    directory = struct.pack("<H", len(tags)) + b"".join(tags) + bytes(4)
    path.write_bytes(data[:4] + struct.pack("<L", len(data)) + data[8:] + directory)
    return path


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_nobody_is_warned_of_thousands_of_bad_tags(suffix: str, tmp_path: Path) -> None:
    source, target = with_bad_tags(Image.new("RGB", (60, 40)), tmp_path / f"in{suffix}"), tmp_path / "out.png"
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        facts = probe(source).fields
        convert_image(source, target)
        thumbnail(source, target, width=20, height=30)
        assert [str(each.message) for each in told] == []
        warnings.warn("still heard", stacklevel=1)
    assert [str(each.message) for each in told] == ["still heard"]
    assert (facts["width_px"], facts["height_px"]) == (40, 60)


def test_only_the_thread_that_reads_a_picture_is_quiet(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with quietly(), quietly():
            warnings.warn("of mine", stacklevel=1)
            other = threading.Thread(target=warnings.warn, args=("of another",))
            other.start()
            other.join()
    assert [str(each.message) for each in told] == ["of another"]


@pytest.mark.parametrize(
    ("run", "name", "options"),
    [
        (fit_image, "out.png", {"width": 280, "height": 200}),
        (fit_image, "out.jpg", {"width": 280, "height": 200, "quality": 100}),  # from plane to plane
        (fit_image, "out.png", {"fit": "contain", "width": 280, "max_bytes": 10_000_000}),
        (convert_image, "out.png", {"max_bytes": 10_000_000}),
        (upscale_image, "out.jpg", {"factor": 3}),
        (rotate_image, "out.bmp", {"degrees": 90}),
        (thumbnail, "out.tif", {}),
    ],
)
def test_a_result_over_the_byte_limit_is_not_written(
    run: Any, name: str, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, folder = tmp_path / "in.jpg", tmp_path / "results"
    Image.effect_noise((300, 200), 60).convert("RGB").save(source, quality=40)
    monkeypatch.setenv("PREFECT_MEDIA_MAX_MEDIA_BYTES", "25000")
    message = rf"^Cannot write '{name}': it has \d+ bytes, at most 25000 are allowed\. Ask for less, or raise PREFECT_MEDIA_MAX_MEDIA_BYTES\.$"
    with pytest.raises(MediaLimitError, match=message):
        run(source, folder / name, **options)
    assert not folder.exists()
