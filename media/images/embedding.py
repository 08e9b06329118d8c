"""Text inside picture files, put in and read back without touching a pixel.

PNG keeps it in `iTXt` chunks, JPEG in an `APP1` segment, WebP in an `XMP ` chunk. Whatever else a file holds stays in it.
Source: PNG (third edition) 11.3.3.4; XMP specification part 3, 1.1.3 and 1.1.5; WebP container specification.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from ...errors import DecodeError, EncodeError
from ..signing.carried import MANIFEST_STORE

__all__ = ["XMP_FORMATS", "embed_xmp", "extract_xmp"]

XMP_FORMATS = ("image/png", "image/jpeg", "image/webp")
PNG_START = 8
PNG_XMP = b"XML:com.adobe.xmp"
JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
JPEG_BOX = 0xEB
JPEG_LIMIT = 65_533
"""Payload of one JPEG segment, in bytes."""
WEBP_ALPHA, WEBP_XMP = 0x10, 0x04
LONGEST = 1 << 20
"""Longer texts are not read."""


def embed_xmp(data: bytes, media_type: str, xmp: bytes, texts: dict[str, str]) -> bytes:
    """Return a picture file with an XMP packet in it, in place of any that it had (see `extract_xmp`).

    Content credentials, which any change makes invalid, are left out.

    Args:
        data: The file.
        media_type: One of `XMP_FORMATS`.
        xmp: The packet, UTF-8.
        texts: Further texts by keyword, for PNG only.

    Raises:
        DecodeError: The file's structure is broken.
        EncodeError: The packet is too long for the format.
    """
    try:
        if media_type == "image/png":
            return _png_with(
                data, {PNG_XMP: xmp} | {key.encode("latin-1"): text.encode() for key, text in texts.items()}
            )
        return _jpeg_with(data, xmp) if media_type == "image/jpeg" else _webp_with(data, xmp)
    except (struct.error, IndexError) as exc:
        raise DecodeError(f"Cannot add metadata: the structure of the {media_type} file is broken.") from exc


def extract_xmp(data: bytes, media_type: str) -> bytes | None:
    """Return the XMP packet of a picture file, empty when it is too long or does not unpack; None when it has none, or the
    file is broken before it.
    """
    try:
        if media_type == "image/png":
            found = (_itxt(body) for kind, body, _ in _png_chunks(data) if kind == b"iTXt")
            return next((text for key, text in found if key == PNG_XMP), None)
        if media_type == "image/jpeg":
            segments = (body for marker, body, _ in _jpeg_segments(data) if marker == 0xE1)
            return next((body[len(JPEG_XMP) :] for body in segments if body.startswith(JPEG_XMP)), None)
        found = (body for kind, body in _webp_chunks(data) if kind == b"XMP ")
        return next((body if len(body) <= LONGEST else b"" for body in found), None)
    except (struct.error, IndexError, ValueError, DecodeError):
        return None


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Kind, content and the whole of each chunk before the pixels; then the rest of the file as kind `b""`."""
    at = PNG_START
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind in (b"IDAT", b"IEND"):
            break
        if at + 12 + size > len(data):
            raise DecodeError("Cannot add metadata: a chunk of the PNG file reaches past its end.")
        yield kind, data[at + 8 : at + 8 + size], data[at : at + 12 + size]
        at += 12 + size
    yield b"", b"", data[at:]


def _itxt(body: bytes) -> tuple[bytes, bytes]:
    """Keyword and text of a chunk; a text that is too long or does not unpack reads as empty."""
    keyword, _, rest = body.partition(b"\0")
    is_packed = rest[:1] == b"\1"
    _, _, rest = rest[2:].partition(b"\0")  # language
    _, _, text = rest.partition(b"\0")  # translated keyword
    if is_packed:
        text = _unpacked(text)
    return keyword, text if len(text) <= LONGEST else b""


def _unpacked(data: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(data, LONGEST)
    except zlib.error:
        return b""
    return text if unpacking.eof else b""


def _png_with(data: bytes, texts: dict[bytes, bytes]) -> bytes:
    out, added = [data[:PNG_START]], False
    for kind, body, whole in _png_chunks(data):
        if kind == b"caBX" or (kind == b"iTXt" and body.partition(b"\0")[0] in texts):
            continue
        out.append(whole)
        if kind == b"IHDR" and not added:
            out += [_chunk(b"iTXt", key + b"\0\0\0\0\0" + text) for key, text in texts.items()]
            added = True
    if not added:
        raise DecodeError("Cannot add metadata: the PNG file has no header.")
    return b"".join(out)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Marker, content and the whole of each segment before the pixels; then the rest of the file as marker 0."""
    at = 2
    while data[at] == 0xFF and data[at + 1] not in (0xDA, 0xD9):
        if data[at + 1] == 0xFF:  # padding
            at += 1
            continue
        (size,) = struct.unpack_from(">H", data, at + 2)
        yield data[at + 1], data[at + 4 : at + 2 + size], data[at : at + 2 + size]
        at += 2 + size
    yield 0, b"", data[at:]


def _jpeg_with(data: bytes, xmp: bytes) -> bytes:
    body = JPEG_XMP + xmp
    if len(body) > JPEG_LIMIT:
        raise EncodeError(f"Cannot add {len(xmp)} bytes of metadata to a JPEG: at most {JPEG_LIMIT} fit. Shorten it.")
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    segments = list(_jpeg_segments(data))
    # A manifest store goes on over segments with one number; only the first one names it.
    stores = {old[:4] for marker, old, _ in segments if marker == JPEG_BOX and MANIFEST_STORE in old}
    kept = [
        (marker, whole)
        for marker, old, whole in segments
        if not (old.startswith(JPEG_XMP) or (marker == JPEG_BOX and old[:4] in stores))
    ]
    place = next(number for number, (marker, _) in enumerate(kept) if marker not in (0xE0, 0xE1))  # after JFIF and Exif
    parts = [whole for _, whole in kept]
    return b"".join([data[:2], *parts[:place], segment, *parts[place:]])


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        if at + 8 + size > len(data):
            raise DecodeError("Cannot add metadata: a chunk of the WebP file reaches past its end.")
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _webp_with(data: bytes, xmp: bytes) -> bytes:
    chunks = [(kind, body) for kind, body in _webp_chunks(data) if kind not in (b"XMP ", b"C2PA")]
    if chunks[0][0] != b"VP8X":
        chunks.insert(0, (b"VP8X", _webp_header(*chunks[0])))
    header = bytearray(chunks[0][1])
    header[0] |= WEBP_XMP
    chunks[0] = (b"VP8X", bytes(header))
    chunks.append((b"XMP ", xmp))
    body = b"".join(kind + struct.pack("<I", len(part)) + part + b"\0" * (len(part) % 2) for kind, part in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _webp_header(kind: bytes, body: bytes) -> bytes:
    """The extended header of a file that had only its pixels."""
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", body, 1)
        width, height, has_alpha = bits & 0x3FFF, bits >> 14 & 0x3FFF, bits >> 28 & 1
    else:
        wide, high = struct.unpack_from("<HH", body, 6)
        width, height, has_alpha = (wide & 0x3FFF) - 1, (high & 0x3FFF) - 1, 0
    flags = WEBP_ALPHA if has_alpha else 0
    return bytes([flags, 0, 0, 0]) + width.to_bytes(3, "little") + height.to_bytes(3, "little")
