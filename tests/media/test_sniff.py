"""Media types come from the content."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from prefect_media.errors import ProbeError
from prefect_media.media.images.fit import load_rgb
from prefect_media.media.probe import probe
from prefect_media.media.sniff import describe, sniff, sniff_bytes

TYPES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "avif": "image/avif",
    "gif": "image/gif",
    "tiff": "image/tiff",
    "bmp": "image/bmp",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "mkv": "video/x-matroska",
    "webm": "video/webm",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "opus": "audio/ogg",
    "ogg": "audio/ogg",
}

FOREIGN = {
    "an HLS playlist": b"#EXTM3U\n#EXTINF:1,\nsegment.ts\n",
    "an ffconcat playlist": b"ffconcat version 1.0\nfile /etc/passwd\n",
    "an SDP session description": b"v=0\no=- 0 0 IN IP4 127.0.0.1\n",
    "a DASH manifest": b'<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>',
    "an SVG drawing": b'<?xml version="1.0"?>\n<!-- made by hand -->\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "an HTML page": b"\n  <!DOCTYPE html><html><body>504 Gateway Time-out</body></html>",
    "a JSON document (perhaps an error answer)": b'{"detail": "NSFW content"}',
    "a ZIP archive (or an Office, EPUB or JAR file)": b"PK\x03\x04\x14\x00\x00\x00",
    "a PDF document": b"%PDF-1.7\n",
    "a HEIC picture": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "an AVI video": b"RIFF\x10\0\0\0AVI LIST",
    "text": "Just some text, ünïcode.\n".encode(),
    "an empty file": b"",
    "unknown binary data (it starts with 00 01 02 03 04 05 06 07)": bytes(range(64)),
    "an MPEG transport stream": (b"\x47" + bytes(187)) * 4,
}


@pytest.mark.parametrize("name", TYPES)
def test_every_type_is_recognised_whatever_the_file_is_called(
    name: str, every_type: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "misnamed.txt"
    path.write_bytes(every_type[name])
    assert sniff(path) == TYPES[name]
    assert sniff_bytes(every_type[name]) == TYPES[name]
    assert sniff_bytes(every_type[name][:4096]) == TYPES[name]
    assert describe(path) == TYPES[name]


def test_every_type_that_is_listed_is_made(every_type: dict[str, bytes]) -> None:
    assert set(TYPES) == set(every_type)


@pytest.mark.parametrize("what", FOREIGN)
def test_everything_else_is_none_and_described(what: str, tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(FOREIGN[what])
    assert sniff(path) is None
    assert describe(path) == what


def test_an_mp3_behind_a_large_tag_is_recognised(every_type: dict[str, bytes]) -> None:
    cover = bytes(300_000)
    size = len(cover)
    tag = b"ID3\x04\0\0" + bytes([size >> 21 & 0x7F, size >> 14 & 0x7F, size >> 7 & 0x7F, size & 0x7F]) + cover
    plain = every_type["mp3"][every_type["mp3"].index(b"\xff\xfb") :]
    assert sniff_bytes(plain) == "audio/mpeg"
    assert sniff_bytes(tag + plain) == "audio/mpeg"
    assert sniff_bytes(tag + every_type["aac"]) == "audio/aac"
    assert sniff_bytes(tag + every_type["flac"]) == "audio/flac"


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfb\x90\x64" + bytes(2000),  # one MP3 sync word, then no second frame where it should be
        b"BM" + b"W is a car maker." * 10,
        b"RIFF\x10\0\0\0WXYZ",
        b"\x1a\x45\xdf\xa3" + bytes(40),
        b"OggS" + bytes(24) + b"\x80theora" + bytes(40),
    ],
)
def test_a_magic_number_alone_does_not_convince(data: bytes) -> None:
    assert sniff_bytes(data) is None


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "image/avif"),
        (b"\0\0\0\x18ftypM4V \0\0\0\0mp42isom", "video/mp4"),
        (b"\0\0\0\x18ftypM4B \0\0\0\0mp42isom", "audio/mp4"),
        (b"\0\0\x20\0moov" + bytes(20), "video/quicktime"),
        (b"RF64\xff\xff\xff\xffWAVEds64", "audio/wav"),
    ],
)
def test_brands_decide_among_containers(head: bytes, expected: str) -> None:
    assert sniff_bytes(head) == expected


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda path: None, "there is no such file"),
        (lambda path: path.mkdir(), "it is a folder"),
        (os.mkfifo, "it is a named pipe"),
        (lambda path: path.symlink_to("/dev/null"), "it is a device"),
        (lambda path: path.symlink_to(path.with_name("none")), "it is a link to nothing"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    ],
)
def test_what_is_not_a_file_is_told(make: Callable[[Path], object], what: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    make(path)
    for look in (sniff, describe, load_rgb):
        with pytest.raises(ProbeError, match=rf"^Cannot open '.*a\.png': {what}\.$"):
            look(path)
    with pytest.raises(ProbeError, match=rf"^Cannot read '.*a\.png': {what}\.$"):
        probe(path)


@pytest.mark.parametrize(("name", "what"), [("a\0.png", "embedded null byte"), ("a" * 300, "File name too long")])
def test_a_name_that_cannot_be_is_told(name: str, what: str, tmp_path: Path) -> None:
    for look in (sniff, probe):
        with pytest.raises(ProbeError, match=f": {what}\\.$"):
            look(tmp_path / name)
