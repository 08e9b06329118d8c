"""Fitting, converting and enlarging pictures: sizes as promised, colours right, odd inputs either right or refused."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageFilter

from prefect_media import errors
from prefect_media.media.control import cancellation
from prefect_media.media.images.fit import convert_image, fit_image, flatten, upscale_image
from prefect_media.media.images.fitting import Fitted, fitted_size
from prefect_media.media.images.opening import picture_facts, read_picture
from prefect_media.media.images.resample import resample
from prefect_media.media.samples.making import sample_image

RED, GREEN, BLUE, WHITE = (220, 20, 20), (20, 180, 20), (20, 20, 220), (255, 255, 255)


def corners(width: int = 40, height: int = 24) -> Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(GREEN, (width // 2, 0, width, height))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    image.paste(WHITE, (width // 2, height // 2, width, height))
    return image


def saved(image: Image.Image, path: Path, **options: Any) -> Path:
    image.save(path, **options)
    return path


def fitted(source: Path, *, suffix: str = ".png", **options: Any) -> Image.Image:
    target = source.with_name("target" + suffix)
    fit_image(source, target, **options)
    with Image.open(target) as image:
        image.load()
        return image


def assert_corners(image: Image.Image, tolerance: int = 12) -> None:
    width, height = image.size
    pixels = np.asarray(image.convert("RGB")).astype(int)
    places = {(1, 1): RED, (width - 2, 1): GREEN, (1, height - 2): BLUE, (width - 2, height - 2): WHITE}
    for (x, y), colour in places.items():
        assert np.abs(pixels[y, x] - colour).max() <= tolerance, (x, y, tuple(pixels[y, x]), colour)


def noise(width: int, height: int, seed: int = 1) -> Image.Image:
    """Something like a photograph: random detail at several scales."""
    random = np.random.RandomState(seed)
    total = np.zeros((height, width, 3), np.float32)
    for cells in (4, 16, 64):
        small = Image.fromarray(random.randint(0, 256, (cells, cells, 3), dtype=np.uint8))
        total += np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), np.float32) / 3
    return Image.fromarray(total.astype(np.uint8))


# --- inputs of every sort ------------------------------------------------------------------------------------------


def test_a_single_pixel_becomes_any_size(tmp_path: Path) -> None:
    source = saved(Image.new("RGB", (1, 1), RED), tmp_path / "one.png")
    image = fitted(source, width=300, height=200)
    assert image.size == (300, 200)
    assert image.getcolors() == [(60_000, RED)]


def test_forty_eight_megapixels_shrink(tmp_path: Path) -> None:
    source = saved(Image.linear_gradient("L").resize((8000, 6000)).convert("RGB"), tmp_path / "big.jpg", quality=80)
    image = fitted(source, width=400, height=300)
    assert image.size == (400, 300)
    column = np.asarray(image.convert("L"))[:, 200].astype(int)
    assert column[0] < 4
    assert column[-1] > 251
    assert np.diff(column).min() >= -1


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    for suffix in (".jpg", ".tiff"):
        source = saved(corners().convert("CMYK"), tmp_path / f"ink{suffix}")
        image = fitted(source, width=40, height=24)
        assert image.mode == "RGB"
        assert_corners(image, tolerance=40)


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None, :].repeat(8, axis=0)
    source = saved(Image.fromarray(ramp), tmp_path / "deep.png")
    assert picture_facts(source).mode == "I;16"
    row = np.asarray(fitted(source, width=256, height=8).convert("L"))[4].astype(int)
    assert np.abs(row - np.arange(256)).max() <= 1


def test_sixteen_bit_rgb_is_scaled(tmp_path: Path, sixteen_bit_png: bytes) -> None:
    source = tmp_path / "deep.png"
    source.write_bytes(sixteen_bit_png)
    row = np.asarray(fitted(source, width=256, height=4))[2].astype(int)
    assert np.abs(row[:, 0] - np.arange(256)).max() <= 1
    assert np.abs(row[:, 1] - np.arange(256)[::-1]).max() <= 1


@pytest.fixture
def sixteen_bit_png() -> bytes:
    """256 x 4: red rises, green falls, blue is in the middle; Pillow itself cannot write this."""
    import struct
    import zlib

    ramp = np.linspace(0, 65535, 256).astype(">u2")
    row = np.stack([ramp, ramp[::-1], np.full(256, 32768, ">u2")], axis=1).tobytes()
    body = zlib.compress((b"\0" + row) * 4)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", 256, 4, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_floating_point_samples_are_refused(tmp_path: Path) -> None:
    for mode in ("I", "F"):
        source = saved(Image.new(mode, (8, 8), 1), tmp_path / f"{mode}.tiff")
        with pytest.raises(errors.UnsupportedMediaError, match="its samples have 32 bits"):
            fit_image(source, tmp_path / "target.png", width=4, height=4)


def test_a_palette_with_transparency_keeps_it_or_is_flattened(tmp_path: Path) -> None:
    image = corners().quantize(8)
    transparent = image.getpixel((1, 1))
    source = saved(image, tmp_path / "palette.png", transparency=transparent)
    assert picture_facts(source).mode == "P"
    kept = fitted(source, width=80, height=48)
    assert kept.mode == "RGBA"
    assert kept.getpixel((2, 2))[3] == 0
    assert kept.getpixel((78, 2))[3] == 255
    flat = fitted(source, width=80, height=48, transparent=False, background="#102030")
    assert flat.mode == "RGB"
    assert flat.getpixel((2, 2)) == (16, 32, 48)
    jpeg = fitted(source, width=80, height=48, suffix=".jpg", background="white")
    assert np.abs(np.asarray(jpeg)[2, 2].astype(int) - 255).max() < 6


def test_one_transparent_colour_of_rgb_and_grey_counts_as_transparency(tmp_path: Path) -> None:
    source = saved(corners(), tmp_path / "rgb.png", transparency=RED)
    assert fitted(source, width=40, height=24).getpixel((1, 1))[3] == 0
    grey = saved(corners().convert("L"), tmp_path / "grey.png", transparency=255)
    assert fitted(grey, width=40, height=24).getpixel((38, 22))[3] == 0


def test_one_bit_grey_with_alpha_and_plain_grey_are_understood(tmp_path: Path) -> None:
    half = Image.new("L", (20, 10))
    half.paste(255, (10, 0, 20, 10))
    for name, image in (("1", half.convert("1")), ("L", half), ("LA", Image.merge("LA", (half, half)))):
        result = fitted(saved(image, tmp_path / f"{name}.png"), width=20, height=10)
        assert result.mode == ("RGBA" if name == "LA" else "RGB")
        assert result.getpixel((18, 5))[:3] == WHITE
        assert result.getpixel((1, 5))[:3] == (0, 0, 0)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff"])
def test_every_orientation_comes_out_upright(orientation: int, suffix: str, tmp_path: Path) -> None:
    turns = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE"}
    turns |= {6: "ROTATE_90", 7: "TRANSVERSE", 8: "ROTATE_270"}  # what a viewer undoes
    image = corners(400, 240)
    if orientation > 1:
        image = image.transpose(Image.Transpose[turns[orientation]])
    exif = Image.Exif()
    exif[0x0112] = orientation
    source = saved(image, tmp_path / f"turned{suffix}", exif=exif)
    facts = picture_facts(source)
    assert (facts.width_px, facts.height_px) == (400, 240)
    result = fitted(source, width=100, height=60)
    assert result.size == (100, 60)
    assert_corners(result, tolerance=25)
    assert 0x0112 not in result.getexif()


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_a_broken_exif_block_does_not_lose_the_picture(tmp_path: Path) -> None:
    source = saved(
        corners(), tmp_path / "exif.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff garbage", quality=95, subsampling=0
    )
    assert_corners(fitted(source, width=40, height=24), tolerance=40)


def test_the_first_frame_of_an_animation_is_taken(tmp_path: Path) -> None:
    for suffix in (".gif", ".webp", ".png", ".avif"):
        others = [Image.new("RGB", (40, 24), (shade, shade, shade)) for shade in (0, 90, 180)]
        source = tmp_path / f"moving{suffix}"
        corners().save(source, save_all=True, append_images=others, duration=40, lossless=True, quality=100)
        assert picture_facts(source).frames == 4
        assert_corners(fitted(source, width=40, height=24), tolerance=30)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".gif", ".tiff", ".bmp", ".avif"])
def test_a_truncated_picture_is_refused_and_leaves_the_target_alone(suffix: str, tmp_path: Path) -> None:
    source = saved(noise(120, 90), tmp_path / f"cut{suffix}")
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    target = tmp_path / "target.png"
    target.write_bytes(b"old")
    with pytest.raises((errors.DecodeError, errors.ProbeError), match="cut"):
        fit_image(source, target, width=50, height=50)
    assert target.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [source.name, "target.png"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"no picture", "it is text"),
        (b"PK\x03\x04" + bytes(40), "it is a ZIP archive"),
        (b"#EXTM3U\n", "it is an HLS playlist"),
    ],
)
def test_other_files_are_refused(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(data)
    with pytest.raises(errors.UnsupportedMediaError, match=f"Cannot use 'x.png' as a picture: {message}"):
        fit_image(tmp_path / "x.png", tmp_path / "y.png", width=4, height=4)


# --- colours -------------------------------------------------------------------------------------------------------


def swapped_profile() -> bytes:
    """A valid RGB profile with gamma 1.0 tone curves, so that its effect is plain to see."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(profile[128:132], "big")
    for number in range(count):
        entry = 132 + 12 * number
        if profile[entry : entry + 4] in (b"rTRC", b"gTRC", b"bTRC"):
            offset = int.from_bytes(profile[entry + 4 : entry + 8], "big")
            profile[offset : offset + 16] = b"curv\0\0\0\0\0\0\0\0" + profile[offset + 12 : offset + 16]
    return bytes(profile)


def test_an_embedded_profile_is_applied(tmp_path: Path) -> None:
    grey = Image.new("RGB", (64, 64), (55, 55, 55))
    source = saved(grey, tmp_path / "linear.png", icc_profile=swapped_profile())
    level = fitted(source, width=32, height=32).getpixel((10, 10))[0]
    expected = round(255 * (1.055 * (55 / 255) ** (1 / 2.4) - 0.055))  # linear light to sRGB
    assert abs(level - expected) <= 2


def test_an_srgb_profile_changes_nothing(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = noise(64, 64)
    result = fitted(saved(image, tmp_path / "srgb.png", icc_profile=profile), width=64, height=64)
    assert np.abs(np.asarray(result).astype(int) - np.asarray(image)).max() <= 1
    assert "icc_profile" not in result.info


def test_a_broken_or_unfitting_profile_does_not_lose_the_picture(tmp_path: Path) -> None:
    for profile in (b"garbage" * 40, swapped_profile()):
        source = saved(corners().convert("L"), tmp_path / "grey.png", icc_profile=profile)
        assert fitted(source, width=40, height=24).getpixel((38, 22)) == WHITE


def test_metadata_of_the_source_is_not_passed_on(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at my home"
    source = saved(corners(), tmp_path / "private.jpg", exif=exif, comment=b"private")
    for suffix in (".jpg", ".png", ".webp"):
        fit_image(source, tmp_path / f"target{suffix}", width=20, height=12)
        data = (tmp_path / f"target{suffix}").read_bytes()
        assert b"private" not in data
        assert b"my home" not in data


def test_hidden_colours_do_not_bleed_from_under_transparency(tmp_path: Path) -> None:
    image = Image.new("RGBA", (512, 512), (0, 255, 0, 0))  # invisible green
    image.paste((200, 0, 0, 255), (128, 128, 384, 384))
    result = np.asarray(fitted(saved(image, tmp_path / "cut.png"), width=256, height=256)).astype(int)
    visible = result[..., 3] > 8
    assert result[..., 1][visible].max() <= 8


# --- sizes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fit", "size", "lost"),
    [
        ("cover", (960, 512), "crops 47 %, enlarges 1.9x"),
        ("contain", (512, 512), "keeps everything"),
        ("pad", (960, 512), "adds bars over 47 %"),
        ("stretch", (960, 512), "distorts by 88 %"),
    ],
)
def test_the_table_of_fits(fit: Any, size: tuple[int, int], lost: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"width": 1000, "height": 562, "fit": fit, "multiple": 64}
    plan = fitted_size(512, 512, **options)
    assert (plan.width_px, plan.height_px) == size
    assert plan.describe() == lost
    assert fitted(saved(noise(512, 512), tmp_path / "a.png"), **options).size == size


def test_exact_refuses_any_other_size(tmp_path: Path) -> None:
    source = saved(corners(40, 24), tmp_path / "a.png")
    assert fitted(source, width=40, height=24, fit="exact").size == (40, 24)
    with pytest.raises(errors.UnsupportedMediaError, match="the picture is 40x24, exactly 24x40 is asked for"):
        fitted(source, width=24, height=40, fit="exact")
    with pytest.raises(errors.UnsupportedMediaError, match="both sides must be multiples of 16"):
        fitted(source, width=40, height=24, fit="exact", multiple=16)


def test_megapixels_are_kept_before_rounding_to_the_multiple() -> None:
    plan = fitted_size(4096, 4096, max_megapixels=1, multiple=8)
    assert (plan.width_px, plan.height_px) == (1000, 1000)


def test_one_side_follows_from_the_other(tmp_path: Path) -> None:
    source = saved(corners(40, 24), tmp_path / "a.png")
    assert fitted(source, width=100).size == (100, 60)
    assert fitted(source, height=12).size == (20, 12)
    assert fitted(source).size == (40, 24)


def test_default_crop_is_the_middle_across_and_a_third_down() -> None:
    tall, wide = fitted_size(100, 400, width=100, height=100), fitted_size(400, 100, width=100, height=100)
    assert tall.box == (0, 100, 100, 200)
    assert wide.box == (150, 0, 250, 100)
    assert tall.crop_share == 0.75


@pytest.mark.parametrize(
    ("options", "box"),
    [
        ({"gravity": "top-left"}, (0, 0, 100, 100)),
        ({"gravity": "right"}, (300, 0, 400, 100)),
        ({"gravity": "center"}, (150, 0, 250, 100)),
        ({"focus": (0.5, 0.5)}, (150, 0, 250, 100)),
        ({"focus": (0.3, 0.9)}, (70, 0, 170, 100)),
        ({"focus": (1.0, 0.0)}, (300, 0, 400, 100)),
    ],
)
def test_gravity_and_focus_choose_the_part_that_is_kept(options: Any, box: tuple[int, ...]) -> None:
    plan = fitted_size(400, 100, width=100, height=100, **options)
    assert plan.box == pytest.approx(box)


def test_a_crop_without_scaling_keeps_every_pixel(tmp_path: Path) -> None:
    image = noise(301, 200)
    for size in ((301, 101), (100, 200), (77, 55)):
        plan = fitted_size(301, 200, width=size[0], height=size[1])
        result = np.asarray(fitted(saved(image, tmp_path / "a.png"), width=size[0], height=size[1]))
        if plan.scale_x == 1:
            left, top = round(plan.box[0]), round(plan.box[1])
            assert np.array_equal(result, np.asarray(image)[top : top + size[1], left : left + size[0]])


def test_bars_have_the_colour_asked_for_and_the_picture_its_place(tmp_path: Path) -> None:
    source = saved(corners(40, 40), tmp_path / "a.png")
    image = fitted(source, width=100, height=40, fit="pad", background="#ff8000")
    assert image.getpixel((5, 20)) == (255, 128, 0)
    assert image.getpixel((95, 20)) == (255, 128, 0)
    assert_corners(image.crop((30, 0, 70, 40)))
    left = fitted(source, width=100, height=40, fit="pad", gravity="left", background="#00000000")
    assert left.getpixel((99, 20)) == (0, 0, 0, 0)
    assert_corners(left.crop((0, 0, 40, 40)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "width=0 is not between 1 and 65535"),
        ({"width": 30, "multiple": 64}, r"width=30 is not between 64 \(the multiple\)"),
        ({"fit": "fill"}, "fit='fill' is unknown. Known: cover, contain, pad, stretch, exact"),
        ({"gravity": "north"}, "gravity='north' is unknown"),
        ({"focus": (0.5, 1.5)}, "focus="),
        ({"multiple": 0}, "multiple=0 is not at least 1"),
        ({"max_megapixels": -1}, "max_megapixels=-1 is not above 0"),
        ({"max_megapixels": 0.001, "multiple": 64}, "smaller than one block"),
        ({"max_bytes": 0}, "max_bytes=0"),
        ({"format": "heic"}, "format='heic' cannot be written. Known: png"),
        ({"quality": 101, "format": "jpeg"}, "quality=101 is not between 1 and 100"),
        ({"quality": 50, "format": "png"}, "no meaning for png, which is lossless"),
        ({"background": "blackish"}, "background='blackish' is not a colour"),
    ],
)
def test_impossible_parameters_are_refused(options: Any, message: str, tmp_path: Path) -> None:
    source = saved(corners(100, 100), tmp_path / "a.png")
    with pytest.raises(errors.ParameterError, match=message):
        fit_image(source, tmp_path / "target.png", **options)
    assert not (tmp_path / "target.png").exists()


def test_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    source = saved(corners(), tmp_path / "a.png")
    with pytest.raises(errors.ParameterError, match=r"Cannot tell the picture format of 'b.doc'.*\.png"):
        fit_image(source, tmp_path / "b.doc", width=4, height=4)


# --- bytes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif"])
def test_a_byte_limit_is_kept_by_lowering_the_quality(suffix: str, tmp_path: Path) -> None:
    source = saved(noise(600, 600), tmp_path / "a.png")
    fit_image(source, tmp_path / f"free{suffix}", width=600, height=600)
    free = (tmp_path / f"free{suffix}").stat().st_size
    image = fitted(source, suffix=suffix, width=600, height=600, max_bytes=free * 2 // 3)
    assert image.size == (600, 600)
    size = (tmp_path / f"target{suffix}").stat().st_size
    assert free // 3 < size <= free * 2 // 3
    fit_image(source, tmp_path / f"same{suffix}", width=600, height=600, max_bytes=free)
    assert (tmp_path / f"same{suffix}").stat().st_size == free


def test_a_size_that_was_asked_for_is_not_given_up_for_bytes(tmp_path: Path) -> None:
    source = saved(noise(300, 300), tmp_path / "a.png")
    with pytest.raises(errors.MediaLimitError, match=r"300x300 as jpeg within 500 bytes: at quality 40 it has \d+"):
        fitted(source, suffix=".jpg", width=300, height=300, max_bytes=500)
    with pytest.raises(errors.MediaLimitError, match=r"as png within 5000 bytes: it has \d+. Write jpeg or webp"):
        fitted(source, width=300, height=300, max_bytes=5000)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_without_a_fixed_size_the_picture_shrinks_for_bytes(suffix: str, tmp_path: Path) -> None:
    source = saved(noise(400, 300), tmp_path / "a.png")
    image = fitted(source, suffix=suffix, width=400, height=400, fit="contain", max_bytes=6000, multiple=4)
    assert (tmp_path / f"target{suffix}").stat().st_size <= 6000
    assert image.size[0] % 4 == image.size[1] % 4 == 0
    assert abs(image.size[0] / image.size[1] - 4 / 3) < 0.1


# --- quality and determinism ---------------------------------------------------------------------------------------


def decibels(image: Image.Image, reference: np.ndarray) -> float:
    error = np.mean((np.asarray(image, float) - reference) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def float_lanczos(image: Image.Image, size: tuple[int, int], box: Any = None) -> np.ndarray:
    planes = [np.asarray(p.convert("F").resize(size, Image.Resampling.LANCZOS, box=box)) for p in image.split()]
    return np.stack(planes, -1).clip(0, 255)


@pytest.mark.parametrize(
    ("source", "target"), [(1024, 512), (1000, 333), (700, 699), (1024, 150), (200, 300), (333, 64)]
)
def test_resampling_is_as_good_as_floating_point(source: int, target: int) -> None:
    image = noise(source, source * 3 // 4).filter(ImageFilter.SHARPEN)
    size = (target, target * 3 // 4)
    assert decibels(resample(image, size), float_lanczos(image, size)) > 50


def test_a_jpeg_decoded_at_a_fraction_is_not_worse_for_it(tmp_path: Path) -> None:
    """Decoding straight at the target's size would give about 42 dB."""
    source = saved(noise(2048, 2048), tmp_path / "a.jpg", quality=95)
    with Image.open(source) as full:
        reference = float_lanczos(full.convert("RGB"), (300, 300))
    assert read_picture(source, at_least=lambda w, h: (600, 600)).scale == 0.5
    assert decibels(fitted(source, width=300, height=300), reference) > 48


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".avif", ".gif", ".tiff", ".bmp"])
def test_equal_inputs_give_equal_bytes(suffix: str, tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(sample_image(200, 150, look="cutout"))
    made = []
    for number in range(2):
        fit_image(source, tmp_path / f"{number}{suffix}", width=96, height=96)
        made.append((tmp_path / f"{number}{suffix}").read_bytes())
    assert made[0] == made[1]
    with Image.open(io.BytesIO(made[0])) as image:
        assert image.size == (96, 96)


# --- the other operations ------------------------------------------------------------------------------------------


def test_convert_keeps_size_and_transparency_where_it_can(tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(sample_image(50, 40, look="cutout"))
    for suffix, mode in ((".webp", "RGBA"), (".jpg", "RGB"), (".bmp", "RGB"), (".avif", "RGBA"), (".tiff", "RGBA")):
        convert_image(source, tmp_path / f"b{suffix}", background="#ffffff")
        with Image.open(tmp_path / f"b{suffix}") as image:
            assert (image.size, image.mode) == ((50, 40), mode)


def test_flatten_lays_a_picture_over_a_colour(tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(sample_image(50, 40, look="cutout"))
    flatten(source, tmp_path / "b.png", background="#00ff00")
    with Image.open(tmp_path / "b.png") as image:
        assert image.mode == "RGB"
        assert image.getpixel((0, 0)) == (0, 255, 0)
        assert image.getpixel((25, 20)) != (0, 255, 0)


def test_upscale_enlarges_within_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = saved(corners(40, 24), tmp_path / "a.png")
    upscale_image(source, tmp_path / "b.png", factor=2.5)
    with Image.open(tmp_path / "b.png") as image:
        assert image.size == (100, 60)
        assert_corners(image)
    for factor in (1.0, 17):
        with pytest.raises(errors.ParameterError, match="is not above 1 and at most 16"):
            upscale_image(source, tmp_path / "c.png", factor=factor)
    monkeypatch.setenv("PREFECT_MEDIA_MAX_IMAGE_PIXELS", "5000")
    with pytest.raises(errors.MediaLimitError, match="Cannot make 100x60"):
        upscale_image(source, tmp_path / "c.png", factor=2.5)
    with pytest.raises(errors.MediaLimitError, match="Cannot make 200x100"):
        fit_image(source, tmp_path / "c.png", width=200, height=100)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
@pytest.mark.parametrize(("width", "height", "factor"), [(301, 200, 5), (1200, 1, 9), (230, 1100, 2.5)])
def test_enlarging_in_parts_changes_no_bit(mode: str, width: int, height: int, factor: float) -> None:
    source = noise(width, height).convert(mode)
    if mode == "RGBA":
        source.putalpha(noise(width, height, 2).convert("L"))
    size = round(width * factor), max(1200, round(height * factor))
    assert resample(source, size).tobytes() == source.resize(size, Image.Resampling.LANCZOS).tobytes()


class Cancelled(threading.Event):
    """Set after it was asked some times."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.left = after

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.mark.parametrize(
    ("suffix", "after", "what"),
    [
        (".png", 0, "enlarge 'a.png'"),
        (".png", 5, "enlarge 'a.png'"),  # rows
        (".png", 12, "enlarge 'a.png'"),  # columns
        (".png", 30, "write 3000x3000 as png"),
        (".jpg", 30, "write 3000x3000 as jpeg"),
    ],
)
def test_enlarging_can_be_cancelled(suffix: str, after: int, what: str, tmp_path: Path) -> None:
    source, target = saved(noise(1000, 1000), tmp_path / "a.png"), tmp_path / "results" / f"b{suffix}"
    with cancellation(Cancelled(after)), pytest.raises(errors.EncodeError) as caught:
        upscale_image(source, target, factor=3)
    assert str(caught.value) == f"Cannot {what}: it was cancelled."
    assert caught.value.reason == "cancelled"
    assert not target.parent.exists()


def test_a_picture_too_long_for_its_format_is_refused(tmp_path: Path) -> None:
    source = saved(Image.new("RGB", (20_000, 2)), tmp_path / "long.png")
    with pytest.raises(errors.EncodeError, match="Cannot write 20000x2 as webp: its longest side is 16383 pixels"):
        convert_image(source, tmp_path / "long.webp")


def test_what_is_kept_is_described() -> None:
    plan = fitted_size(1024, 1024, width=1024, height=576)
    assert isinstance(plan, Fitted)
    assert plan.describe() == "crops 44 %"


def test_threads_do_not_disturb_each_other(tmp_path: Path) -> None:
    source = saved(noise(700, 500), tmp_path / "a.png")
    sizes = [(300, 200), (250, 250), (640, 100), (180, 360)] * 6

    def fit(job: tuple[int, tuple[int, int]]) -> bytes:
        target = tmp_path / f"{job[0]}.png"
        fit_image(source, target, width=job[1][0], height=job[1][1])
        return target.read_bytes()

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(fit, enumerate(sizes)))
    assert together == [fit(job) for job in enumerate(sizes)]
