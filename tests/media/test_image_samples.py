"""Samples that are stored in rare ways, most of which Pillow hands on as they are, or mixes up."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from prefect_media.errors import EncodeError, UnsupportedMediaError
from prefect_media.media.images.fit import convert_image, load_rgb
from prefect_media.media.probe import probe

GREY, RGB, GREY_ALPHA = 0, 2, 4
BITS, PHOTOMETRIC, SAMPLES, PLANES, EXTRA = 258, 262, 277, 284, 338
WHITE_IS_ZERO, BLACK_IS_ZERO, SEPARATE, STRAIGHT = 0, 1, 2, 2


def png(path: Path, width: int, depth: int, kind: int, row: bytes, clear: Sequence[int]) -> Path:
    """One row of pixels, with a clear colour."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, depth, kind, 0, 0, 0))
    marked = chunk(b"tRNS", struct.pack(f">{len(clear)}H", *clear))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" + row))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + marked + pixels + chunk(b"IEND", b""))
    return path


def tiff(path: Path, width: int, tags: dict[int, Sequence[int]], strips: Sequence[bytes], compression: int = 1) -> Path:
    """One row of pixels, in one strip or one for each colour."""
    body, places = bytearray(b"II*\0\0\0\0\0"), list[int]()
    strips = [zlib.compress(strip) if compression == 8 else strip for strip in strips]
    for strip in strips:
        places.append(len(body))
        body += strip + bytes(len(strip) % 2)
    own = {256: [width], 257: [1], 259: [compression], 273: places, 278: [1], 279: [len(strip) for strip in strips]}
    every = sorted({**tags, **own}.items())
    body[4:8] = struct.pack("<I", len(body))
    rest, entries = bytearray(), b""
    start = len(body) + 2 + 12 * len(every) + 4
    for tag, values in every:
        value = struct.pack(f"<{len(values)}I", *values)
        if len(values) > 1:
            rest, value = rest + value, struct.pack("<I", start + len(rest))
        entries += struct.pack("<HHI", tag, 4, len(values)) + value
    path.write_bytes(bytes(body) + struct.pack("<H", len(every)) + entries + bytes(4) + bytes(rest))
    return path


def row(path: Path, mode: str) -> list[Any]:
    image = load_rgb(path).convert(mode)
    return [image.getpixel((x, 0)) for x in range(image.width)]


@pytest.mark.parametrize(
    ("depth", "kind", "pixels", "clear", "expected"),
    [
        (2, GREY, b"\x1b", [2], [(0, 255), (85, 255), (170, 0), (255, 255)]),
        (4, GREY, b"\x0f", [15], [(0, 255), (255, 0)]),
        (4, GREY, b"\x01", [0], [(0, 0), (17, 255)]),
        (16, RGB, struct.pack(">6H", 0x1234, 0, 0, 0xFF00, 0, 0), [0x1234, 0, 0], [(5, 0), (76, 255)]),
    ],
)
def test_a_clear_colour_of_another_depth_stays_clear(
    depth: int, kind: int, pixels: bytes, clear: list[int], expected: list[Any], tmp_path: Path
) -> None:
    source = png(tmp_path / "clear.png", len(expected), depth, kind, pixels, clear)
    assert row(source, "LA") == expected
    assert probe(source).fields["has_alpha"]


def test_grey_of_more_than_8_bits_is_scaled_by_its_depth_and_turned(tmp_path: Path) -> None:
    one = {SAMPLES: [1]}
    deep = struct.pack("<3H", 0, 0x8080, 0xFFFF)
    white = tiff(tmp_path / "white.tif", 3, {**one, BITS: [16], PHOTOMETRIC: [WHITE_IS_ZERO]}, [deep])
    twelve = tiff(tmp_path / "twelve.tif", 2, {**one, BITS: [12], PHOTOMETRIC: [BLACK_IS_ZERO]}, [b"\x00\x0f\xff"])
    assert row(white, "L") == [255, 127, 0]
    assert row(twelve, "L") == [0, 255]


def test_planes_that_would_be_mixed_up_are_refused(tmp_path: Path) -> None:
    deep = {BITS: [16] * 3, PHOTOMETRIC: [2], SAMPLES: [3], PLANES: [SEPARATE]}
    planes = [struct.pack("<2H", level, level) for level in (0xFFFF, 0, 0)]
    veiled = {BITS: [8] * 2, PHOTOMETRIC: [BLACK_IS_ZERO], SAMPLES: [2], PLANES: [SEPARATE], EXTRA: [STRAIGHT]}
    for source in (
        tiff(tmp_path / "deep.tif", 2, deep, planes),
        tiff(tmp_path / "veiled.tif", 2, veiled, [b"\x50\x60", b"\xff\x80"], compression=8),
    ):
        with pytest.raises(UnsupportedMediaError, match="colours one after the other"):
            load_rgb(source)
    assert row(tiff(tmp_path / "packed.tif", 2, deep, planes, compression=8), "RGB") == [(255, 0, 0)] * 2


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_only_exif_turns_a_picture_as_in_browsers(suffix: str, tmp_path: Path) -> None:
    """A program that turned the pixels may have dropped EXIF, and left XMP as it was."""
    told = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    )
    options: dict[str, Any] = {"xmp": told}
    if suffix == ".png":
        from PIL.PngImagePlugin import PngInfo

        options = {"pnginfo": PngInfo()}
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", told.decode())
    elif suffix == ".tif":
        options = {"tiffinfo": {700: told}}
    source = tmp_path / f"turned{suffix}"
    Image.new("RGB", (64, 48)).save(source, **options)
    assert told in source.read_bytes()
    fields = probe(source).fields
    assert (fields["width_px"], fields["height_px"]) == load_rgb(source).size == (64, 48)


def test_an_avif_is_not_written_longer_than_it_can_be_read(tmp_path: Path) -> None:
    source, target = tmp_path / "long.png", tmp_path / "long.avif"
    Image.new("RGB", (32_768, 1)).save(source)
    convert_image(source, target)
    assert load_rgb(target).size == (32_768, 1)
    Image.new("RGB", (32_769, 1)).save(source)
    with pytest.raises(EncodeError, match="Cannot write 32769x1 as avif: its longest side is 32768 pixels"):
        convert_image(source, target)


def test_every_level_of_deep_grey_is_rounded(tmp_path: Path) -> None:
    tall = np.arange(1 << 16, dtype=np.uint16)[:, None].repeat(4, axis=1)
    Image.fromarray(tall).save(tmp_path / "deep.png")
    levels = np.asarray(load_rgb(tmp_path / "deep.png").convert("L"))[:, 0].astype(int)
    assert np.array_equal(levels, (np.arange(1 << 16) + 128) // 257)
