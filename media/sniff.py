"""What a file is, from its content. Names and claimed types are never believed."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..errors import ProbeError

__all__ = ["describe", "not_a_file", "sniff", "sniff_bytes"]

T = TypeVar("T")

HEAD_BYTES = 4096
ID3_LIMIT = 64 << 20
"""Longest ID3 tag that is stepped over, in bytes (a cover picture is rarely above 10 MB)."""

Read = Callable[[int, int], bytes]
"""Gives up to n bytes from an offset."""

MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"fLaC", "audio/flac"),
)
RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav"}
BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)
OGG_AUDIO = (b"OpusHead", b"\x01vorbis", b"\x7fFLAC", b"Speex   ")
HEIC = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")
QUICKTIME_ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")

FOREIGN_MAGIC = (
    (b"#EXTM3U", "an HLS playlist"),
    (b"ffconcat version", "an ffconcat playlist"),
    (b"[playlist]", "a PLS playlist"),
    (b"v=0\r", "an SDP session description"),
    (b"v=0\n", "an SDP session description"),
    (b"PK\x03\x04", "a ZIP archive (or an Office, EPUB or JAR file)"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"%PDF-", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"8BPS", "a Photoshop picture"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"),
    (b"\x00\x00\x01\x00", "an icon (ICO)"),
    (b"MThd", "a MIDI file"),
    (b"FLV\x01", "a Flash video"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media file"),
    (b"\x00\x00\x01\xba", "an MPEG program stream"),
    (b"#!AMR", "an AMR recording"),
    (b"\x7fELF", "a program (ELF)"),
    (b"MZ", "a program (Windows)"),
    (b"glTF", "a 3D model (glTF)"),
    (b"\x93NUMPY", "a NumPy array"),
)
FOREIGN_MARKUP = (
    (b"<svg", "an SVG drawing"),
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<mpd", "a DASH manifest"),
    (b"<?xml", "an XML document"),
)

NO_FILES = (
    (stat.S_ISDIR, "folder"),
    (stat.S_ISFIFO, "named pipe"),
    (stat.S_ISSOCK, "socket"),
    (stat.S_ISCHR, "device"),
    (stat.S_ISBLK, "device"),
)


def sniff(path: Path) -> str | None:
    """Return the media type of a file from its content, or None when it is none that we handle.

    The type of a container is that of its brand (`video/mp4`, `video/quicktime`, `audio/mp4`, `video/webm`,
    `video/x-matroska`); whether it really holds a picture takes a scan of its streams.

    Raises:
        ProbeError: The file cannot be opened.
    """
    return _with_reader(path, _identify)


def sniff_bytes(data: bytes) -> str | None:
    """Return the media type of bytes in memory; their first 4096 nearly always suffice."""
    return _identify(lambda offset, size: data[offset : offset + size])


def describe(path: Path) -> str:
    """Say in a few words what a file is, for an error message (`a ZIP archive`, `video/mp4`).

    Raises:
        ProbeError: The file cannot be opened.
    """
    return _with_reader(path, lambda read: _identify(read) or _foreign(read(0, HEAD_BYTES)))


def not_a_file(path: Path) -> str | None:
    """Say in a few words why a path cannot be read as a file is, for an error message; None where it can.

    Nothing is opened: a pipe would wait for whoever writes into it.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "it is a link to nothing" if path.is_symlink() else "there is no such file"
    except (OSError, ValueError) as exc:  # ValueError: a name with a NUL
        return getattr(exc, "strerror", None) or str(exc)
    if stat.S_ISREG(mode):
        return None
    return next((f"it is a {name}" for is_one, name in NO_FILES if is_one(mode)), "it is not a file")


def _with_reader(path: Path, use: Callable[[Read], T]) -> T:
    try:
        if problem := not_a_file(path):
            raise ProbeError(f"Cannot open '{path}': {problem}.")
        with path.open("rb") as file:

            def read(offset: int, size: int) -> bytes:
                file.seek(offset)
                return file.read(size)

            return use(read)
    except (OSError, ValueError) as exc:
        raise ProbeError(f"Cannot open '{path}': {exc}.") from exc


def _identify(read: Read) -> str | None:
    head = read(0, HEAD_BYTES)
    for magic, media_type in MAGIC:
        if head.startswith(magic):
            return media_type
    if head[:4] in (b"RIFF", b"RF64"):
        return RIFF.get(head[8:12])
    if head[4:8] == b"ftyp":
        return _iso_brand(head)
    if head[4:8] in QUICKTIME_ATOMS and (head[:4] >= b"\0\0\0\x08" or head[:4] == b"\0\0\0\1"):
        return "video/quicktime"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return _ebml_doctype(head)
    if head.startswith(b"OggS"):
        return "audio/ogg" if any(codec in head for codec in OGG_AUDIO) and b"\x80theora" not in head else None
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in BMP_HEADERS:
        return "image/bmp"
    return _tagged_audio(read, head)


def _iso_brand(head: bytes) -> str | None:
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[i : i + 4] for i in range(16, size - 3, 4))]
    major = brands[0]
    if b"avif" in brands or b"avis" in brands:
        return "image/avif"
    if major in HEIC or major in (b"jpx ", b"jp2 ", b"crx "):
        return None
    if major == b"qt  ":
        return "video/quicktime"
    return "audio/mp4" if major in (b"M4A ", b"M4B ", b"M4P ") else "video/mp4"


def _ebml_doctype(head: bytes) -> str | None:
    start = head.find(b"\x42\x82", 4, 128)
    if start < 0:
        return None
    length = head[start + 2] & 0x7F
    doctype = head[start + 3 : start + 3 + length].rstrip(b"\0")
    return {b"webm": "video/webm", b"matroska": "video/x-matroska"}.get(doctype)


def _tagged_audio(read: Read, head: bytes) -> str | None:
    """Sound that starts with a frame, maybe after ID3 tags: MP3 and AAC (ADTS), rarely a tagged FLAC."""
    offset, tagged = 0, False
    while head.startswith(b"ID3") and len(head) >= 10 and offset < ID3_LIMIT:
        tagged = True
        size = (head[6] & 0x7F) << 21 | (head[7] & 0x7F) << 14 | (head[8] & 0x7F) << 7 | head[9] & 0x7F
        offset += size + (20 if head[5] & 0x10 else 10)
        head = read(offset, HEAD_BYTES)
    if head.startswith(b"fLaC"):
        return "audio/flac"
    for step in range(max(0, len(head) - 4) if tagged else 1):  # padding may follow a tag
        frame = head[step : step + 4]
        if len(frame) == 4 and frame[0] == 0xFF:
            length = _adts_length(head[step : step + 7])
            if length and _again(read, offset + step + length, 0xF6, frame[1] & 0xF6):
                return "audio/aac"
            length = _mp3_length(frame)
            if length and _again(read, offset + step + length, 0xFE, frame[1] & 0xFE):
                return "audio/mpeg"
    return "audio/mpeg" if tagged and not head else None


def _again(read: Read, offset: int, mask: int, expected: int) -> bool:
    """Whether another frame of the same kind (or the end, or a closing tag) follows: one sync word proves little."""
    following = read(offset, 3)
    if len(following) < 2 or following in (b"TAG", b"ID3", b"APE"):
        return True
    return following[0] == 0xFF and following[1] & mask == expected


def _adts_length(head: bytes) -> int:
    if len(head) < 7 or head[1] & 0xF6 != 0xF0 or head[2] >> 2 & 0xF > 12:
        return 0
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length > 7 else 0


# Source: ISO/IEC 11172-3 and 13818-3, tables of bit rates (kbit/s, layers I to III) and sample rates.
RATES_V1 = {
    3: (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    2: (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    1: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
RATES_V2 = {
    3: (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    1: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
SAMPLE_RATES = (44100, 48000, 32000)


def _mp3_length(frame: bytes) -> int:
    version, layer = frame[1] >> 3 & 3, frame[1] >> 1 & 3
    rate, sampling, padding = frame[2] >> 4, frame[2] >> 2 & 3, frame[2] >> 1 & 1
    if frame[1] & 0xE0 != 0xE0 or version == 1 or layer == 0 or rate in (0, 15) or sampling == 3:
        return 0
    bits = (RATES_V1 if version == 3 else RATES_V2)[layer][rate - 1] * 1000
    hertz = SAMPLE_RATES[sampling] >> {3: 0, 2: 1, 0: 2}[version]
    if layer == 3:
        return (12 * bits // hertz + padding) * 4
    return (72 if version != 3 and layer == 1 else 144) * bits // hertz + padding


def _foreign(head: bytes) -> str:
    if not head:
        return "an empty file"
    for magic, name in FOREIGN_MAGIC:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF" or head[:4] == b"FORM":
        return {b"AVI ": "an AVI video", b"AIFF": "an AIFF recording", b"AIFC": "an AIFF recording"}.get(
            head[8:12], "a RIFF file of another kind"
        )
    if head[4:8] == b"ftyp":
        return "a HEIC picture" if head[8:12] in HEIC else f"an ISO media file of brand {head[8:12]!r}"
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        return "an MPEG transport stream"
    if head.startswith(b"OggS"):
        return "an Ogg file without sound that we handle (Ogg video?)"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "an EBML file that is neither Matroska nor WebM"
    return _text(head)


def _text(head: bytes) -> str:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    lowered = start.lower()
    for tag, name in FOREIGN_MARKUP:
        if lowered.startswith(tag):
            return next((n for t, n in FOREIGN_MARKUP[:4] if t in lowered[:2048]), name)
    if start.startswith((b"#EXTM3U", b"ffconcat version")):
        return "a playlist"
    if b"\0" not in head and all(byte >= 32 or byte in b"\t\n\r\f\x1b" for byte in head):
        if start[:1] in (b"{", b"["):
            return "a JSON document (perhaps an error answer)"
        return "text"
    return f"unknown binary data (it starts with {head[:8].hex(' ')})"
