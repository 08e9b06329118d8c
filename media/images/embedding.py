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
from .further_pictures import found_again

__all__ = ["XMP_FORMATS", "embed_xmp", "extract_xmp"]

XMP_FORMATS = ("image/png", "image/jpeg", "image/webp")
PNG_START = 8
PNG_XMP = b"XML:com.adobe.xmp"
JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
JPEG_BOX = 0xEB
JPEG_LIMIT = 65_502
"""Longest packet in one JPEG segment, in bytes."""
WEBP_ALPHA, WEBP_XMP = 0x10, 0x04
LONGEST = 1 << 20
"""Longer texts are not read."""


def embed_xmp(data: bytes, media_type: str, xmp: bytes, texts: dict[str, str]) -> bytes:
    """Return a picture file with an XMP packet in it, in place of the one that `extract_xmp` returns.

    Everything else stays where it is, further packets and the extended XMP of a JPEG too. Only content credentials, which
    any change makes invalid, are left out.

    Args:
        data: The file.
        media_type: One of `XMP_FORMATS`.
        xmp: The packet, UTF-8. It loses its padding where it would not fit into a JPEG otherwise.
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
    """Return the XMP packet of a picture file, the first where there are several.

    Returns:
        None when there is none, or nothing in it, or the file is broken before it. Empty when it is too long or does not
        unpack.
    """
    try:
        return next(_packets(data, media_type), None)
    except (struct.error, IndexError, ValueError, DecodeError):
        return None


def _packets(data: bytes, media_type: str) -> Iterator[bytes | None]:
    if media_type == "image/png":
        yield from (_itxt(body) for kind, body, _ in _png_chunks(data) if _keyword(kind, body) == PNG_XMP)
    elif media_type == "image/jpeg":
        found = (body for marker, body, _ in _jpeg_segments(data) if _is_jpeg_xmp(marker, body))
        yield from (_usable(body[len(JPEG_XMP) :]) for body in found)
    else:
        yield from (_usable(body) for kind, body in _webp_chunks(data) if kind == b"XMP ")


def _usable(text: bytes) -> bytes | None:
    return (text or None) if len(text) <= LONGEST else b""


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, memoryview]]:
    """Kind, content and the whole of each chunk (without content those of the pixels); then the rest of the file as kind
    `b""`: what follows the end, or is cut off.
    """
    at, has_pixels, view = PNG_START, False, memoryview(data)
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + size
        if kind == b"IEND" or (has_pixels and end > len(data)):
            break
        if end > len(data):
            raise DecodeError("Cannot add metadata: a chunk of the PNG file reaches past its end.")
        is_pixels = kind == b"IDAT"
        yield kind, b"" if is_pixels else data[at + 8 : end - 4], view[at:end]
        at, has_pixels = end, has_pixels or is_pixels
    yield b"", b"", view[at:]


def _keyword(kind: bytes, body: bytes) -> bytes:
    return body.partition(b"\0")[0] if kind == b"iTXt" else b""


def _itxt(body: bytes) -> bytes | None:
    """Text of a chunk, as `extract_xmp` returns it."""
    _, _, rest = body.partition(b"\0")  # keyword
    is_packed = rest[:1] == b"\1"
    _, _, rest = rest[2:].partition(b"\0")  # language
    _, _, text = rest.partition(b"\0")  # translated keyword
    return _unpacked(text) if is_packed else _usable(text)


def _unpacked(data: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(data, LONGEST)
    except zlib.error:
        return b""
    return text if unpacking.eof else b""


def _png_with(data: bytes, texts: dict[bytes, bytes]) -> bytes:
    """Each text takes the place of the first one of its keyword; new ones follow the header."""
    chunks = [each for each in _png_chunks(data) if each[0] != b"caBX"]
    kinds, keywords = [kind for kind, _, _ in chunks], [_keyword(kind, body) for kind, body, _ in chunks]
    if b"IHDR" not in kinds:
        raise DecodeError("Cannot add metadata: the PNG file has no header.")
    parts: list[bytes | memoryview] = [whole for _, _, whole in chunks]
    new: list[bytes] = []
    for key, text in texts.items():
        chunk = _chunk(b"iTXt", key + b"\0\0\0\0\0" + text)
        if key in keywords:
            parts[keywords.index(key)] = chunk
        else:
            new.append(chunk)
    place = kinds.index(b"IHDR") + 1
    return b"".join([data[:PNG_START], *parts[:place], *new, *parts[place:]])


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


def _is_jpeg_xmp(marker: int, body: bytes) -> bool:
    return marker == 0xE1 and body.startswith(JPEG_XMP)


def _jpeg_with(data: bytes, xmp: bytes) -> bytes:
    if len(xmp) > JPEG_LIMIT:
        xmp = _without_padding(xmp)
    if len(xmp) > JPEG_LIMIT:
        raise EncodeError(f"Cannot add {len(xmp)} bytes of metadata to a JPEG: at most {JPEG_LIMIT} fit. Shorten it.")
    body = JPEG_XMP + xmp
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    segments = list(_jpeg_segments(data))
    # A manifest store goes on over segments with one number; only the first one names it.
    stores = {old[:4] for marker, old, _ in segments if marker == JPEG_BOX and MANIFEST_STORE in old}
    kept = [each for each in segments if not (each[0] == JPEG_BOX and each[1][:4] in stores)]
    parts = [whole for _, _, whole in kept]
    place = next((number for number, (marker, old, _) in enumerate(kept) if _is_jpeg_xmp(marker, old)), None)
    if place is not None:
        parts[place] = segment
    else:  # after JFIF and Exif
        parts.insert(next(number for number, each in enumerate(kept) if each[0] not in (0xE0, 0xE1)), segment)
    return b"".join([data[:2], *found_again(parts, data)])


def _without_padding(xmp: bytes) -> bytes:
    """A packet without the blanks before its end, which only keep room."""
    head, mark, end = xmp.rpartition(b"<?xpacket end")
    return head.rstrip() + b"\n" + mark + end if mark else xmp


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        if at + 8 + size > len(data):
            raise DecodeError("Cannot add metadata: a chunk of the WebP file reaches past its end.")
        yield kind, data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _webp_with(data: bytes, xmp: bytes) -> bytes:
    chunks = [(kind, body) for kind, body in _webp_chunks(data) if kind != b"C2PA"]
    if chunks[0][0] != b"VP8X":
        chunks.insert(0, (b"VP8X", _webp_header(*chunks[0])))
    header = bytearray(chunks[0][1])
    header[0] |= WEBP_XMP
    chunks[0] = (b"VP8X", bytes(header))
    place = next((number for number, (kind, _) in enumerate(chunks) if kind == b"XMP "), len(chunks))
    chunks[place : place + 1] = [(b"XMP ", xmp)]
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
