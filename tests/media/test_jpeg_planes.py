"""Plain JPEGs that are fitted without becoming RGB: the same picture, and the same refusals."""

from __future__ import annotations

import io
import random
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from prefect_media.errors import DecodeError, MediaError
from prefect_media.media.images.fit import fit_image
from prefect_media.media.images.fitting import fitted_size
from prefect_media.media.images.jpeg_planes import fitted_planes
from prefect_media.media.images.opening import read_picture

SHARED = ["4:4:4", "4:2:2", "4:2:0"]


def photograph(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Smooth colours, edges, and a little grain."""
    source = np.random.RandomState(3)
    across, down = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    bands = [np.sin(9 * across + band) * np.cos(7 * down - band) * 100 + 128 for band in range(3)]
    pixels = np.stack(bands, -1) + source.normal(0, 3, (height, width, 3))
    pixels[height // 4 : height // 3, width // 5 : width // 2] = (230, 20, 30)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert(mode)


def jpeg(folder: Path, picture: Image.Image, **options: Any) -> Path:
    path = folder / "source.jpg"
    picture.save(path, "JPEG", **{"quality": 95, "subsampling": "4:4:4", **options})
    return path


def likeness_db(one: Image.Image, other: Image.Image) -> float:
    """Peak signal to noise."""
    difference = np.asarray(one.convert("RGB"), np.float64) - np.asarray(other.convert("RGB"), np.float64)
    return 10 * np.log10(255**2 / max(1e-9, float((difference**2).mean())))


def planes(path: Path, width: int, height: int, **how: Any) -> Image.Image | None:
    return fitted_planes(path, partial(fitted_size, width=width, height=height, **how))


@pytest.mark.parametrize("shared", SHARED)
@pytest.mark.parametrize(
    ("full", "size"),
    [((640, 480), (320, 240)), ((640, 480), (400, 300)), ((641, 479), (320, 240)), ((512, 512), (200, 200))],
)
def test_it_is_the_picture_that_pillow_makes(
    tmp_path: Path, shared: str, full: tuple[int, int], size: tuple[int, int]
) -> None:
    path = jpeg(tmp_path, photograph(*full), subsampling=shared)
    target = tmp_path / "target.jpg"
    fit_image(path, target, width=size[0], height=size[1], fit="stretch", quality=100)
    with Image.open(path) as source, Image.open(target) as made:
        assert (made.size, made.mode) == (size, "RGB")
        assert likeness_db(made, source.convert("RGB").resize(size, Image.Resampling.LANCZOS)) > 36


@pytest.mark.parametrize("shared", SHARED)
def test_even_planes_are_taken_as_they_are_stored(tmp_path: Path, shared: str) -> None:
    made = planes(jpeg(tmp_path, photograph(640, 480), subsampling=shared), 320, 240)
    assert made is not None
    assert (made.mode, made.size) == ("YCbCr", (320, 240))


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0), (255, 255, 255), (12, 200, 240)])
@pytest.mark.parametrize("shared", SHARED)
def test_colours_stay(tmp_path: Path, colour: tuple[int, int, int], shared: str) -> None:
    path, target = jpeg(tmp_path, Image.new("RGB", (400, 400), colour), subsampling=shared), tmp_path / "target.jpg"
    assert planes(path, 200, 200) is not None
    fit_image(path, target, width=200, height=200)
    with Image.open(target) as made:
        assert np.abs(np.asarray(made, np.int16) - colour).max() <= 3


@pytest.mark.parametrize("shared", SHARED)
def test_a_crop_shows_the_same_part(tmp_path: Path, shared: str) -> None:
    path, target = jpeg(tmp_path, photograph(800, 480), subsampling=shared), tmp_path / "target.jpg"
    fit_image(path, target, width=240, height=240, quality=100)
    with Image.open(path) as source, Image.open(target) as made:
        part = source.convert("RGB").crop((160, 0, 640, 480)).resize((240, 240), Image.Resampling.LANCZOS)
        assert likeness_db(made, part) > 36


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {"progressive": True}),
        ("RGB", {"icc_profile": srgb()}),
        ("RGB", {"exif": turned()}),
        ("RGB", {"keep_rgb": True}),
        ("L", {"subsampling": 0}),
        ("CMYK", {"subsampling": 0}),
    ],
)
def test_pictures_of_other_kinds_go_the_other_way(tmp_path: Path, mode: str, options: dict[str, Any]) -> None:
    path, target = jpeg(tmp_path, photograph(640, 480, mode), **options), tmp_path / "target.jpg"
    assert planes(path, 320, 240) is None
    fit_image(path, target, width=320, height=240)
    with Image.open(target) as made:
        assert made.size == (320, 240)


@pytest.mark.parametrize(
    ("size", "how"),
    [
        ((320, 320), {"fit": "pad"}),  # bars
        ((1280, 960), {"fit": "stretch"}),  # enlarged
        ((640, 480), {}),  # as large as it is
        ((32, 24), {}),  # tiny
    ],
)
def test_fits_of_other_kinds_go_the_other_way(tmp_path: Path, size: tuple[int, int], how: dict[str, Any]) -> None:
    assert planes(jpeg(tmp_path, photograph(640, 480)), *size, **how) is None


def test_metadata_of_any_length_does_not_matter(tmp_path: Path) -> None:
    """Comments and application data are left out before FFmpeg sees anything."""
    path = jpeg(tmp_path, photograph(640, 480), comment=b"c" * 60_000)
    plain = planes(jpeg(tmp_path, photograph(640, 480)), 320, 240)
    made = planes(path, 320, 240)
    assert made is not None
    assert plain is not None
    assert made.tobytes() == plain.tobytes()


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    path = jpeg(tmp_path, photograph(640, 480), subsampling="4:2:0")
    made = []
    for number in range(3):
        fit_image(path, tmp_path / f"{number}.jpg", width=300, height=200)
        made.append((tmp_path / f"{number}.jpg").read_bytes())
    assert made[0] == made[1] == made[2]


def test_what_a_thread_decoded_before_does_not_show(tmp_path: Path) -> None:
    pictures = [
        jpeg(tmp_path, photograph(*size), subsampling=shared, quality=quality, optimize=quality < 90).read_bytes()
        for size, shared, quality in [
            ((640, 480), "4:2:0", 95),
            ((420, 640), "4:4:4", 40),
            ((1920, 1088), "4:2:2", 80),  # kept
            ((1936, 1088), "4:4:4", 80),  # too large to be kept
            ((640, 480), "4:4:4", 95),
        ]
    ]
    path = tmp_path / "source.jpg"

    def made(data: bytes) -> bytes | None:
        path.write_bytes(data)
        result = planes(path, 320, 320)
        return result and result.tobytes()

    alone = []
    for data in pictures:
        with ThreadPoolExecutor(1) as fresh:
            alone.append(fresh.submit(made, data).result())
    assert None not in alone
    for data, expected in [*zip(pictures, alone, strict=True)] * 2:
        assert made(data) == expected
        assert made(data[: len(data) // 2] + b"\xff\xd9") is None
        assert made(data) == expected


@pytest.mark.parametrize("kept", [0.2, 0.6, 0.99])
def test_what_is_cut_off_is_refused(tmp_path: Path, kept: float) -> None:
    path = jpeg(tmp_path, photograph(640, 480))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(DecodeError, match=r"truncated or damaged"):
        fit_image(path, tmp_path / "target.jpg", width=320, height=240)
    assert not (tmp_path / "target.jpg").exists()


def test_what_follows_the_end_of_a_picture_does_not_matter(tmp_path: Path) -> None:
    path, target = jpeg(tmp_path, photograph(640, 480)), tmp_path / "target.jpg"
    path.write_bytes(path.read_bytes() + b"more\xff\xd9")
    fit_image(path, target, width=320, height=240)
    with Image.open(path) as source, Image.open(target) as made:
        assert likeness_db(made, source.convert("RGB").resize((320, 240), Image.Resampling.LANCZOS)) > 30


def refused(path: Path) -> bool:
    try:
        read_picture(path)
    except MediaError:
        return True
    return False


@pytest.mark.parametrize("seed", range(150))
def test_a_damaged_picture_is_refused_where_pillow_refuses_it(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    out = io.BytesIO()
    photograph(320, 240).save(out, "JPEG", quality=90, subsampling=SHARED[seed % 3])
    data = bytearray(out.getvalue())
    where = len(data) if seed % 2 else 700  # anywhere, or in the headers
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(2, where)] = chance.randrange(256)
    path, target = tmp_path / "source.jpg", tmp_path / "target.jpg"
    path.write_bytes(data)
    try:
        fit_image(path, target, width=160, height=120, fit="stretch")
    except MediaError:
        assert refused(path)
        assert not target.exists()
    else:
        assert not refused(path)
