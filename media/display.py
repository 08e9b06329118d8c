"""How media values look in a notebook: pictures, and players that work without the store being served anywhere."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path
from typing import Any

from ..errors import MediaError
from .types import Audio, Image, Media, Video

__all__ = ["mimebundle"]

INLINE_BYTES = 8_000_000
"""Larger files are not copied into the notebook, which would grow by a third more than this for each."""
INLINE_IMAGE_BYTES = 2_000_000
LARGEST_SIDE_PX = 1280
SHOWN_AS_THEY_ARE = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/avif")
STYLE = "max-width:100%;max-height:480px"


def mimebundle(media: Media) -> dict[str, Any]:
    """Return representations of a media value by MIME type: always `text/plain`, and `text/html` or a picture.

    Nothing is raised when the bytes are gone or damaged: the text then says so.
    """
    text = _text(media)
    try:
        path = media.path()
        if isinstance(media, Image):
            return {"text/plain": text, **_picture(media, path)}
        if isinstance(media, Video):
            return {"text/plain": text, "text/html": _video(media, path, text)}
        if isinstance(media, Audio):
            return {"text/plain": text, "text/html": _audio(media, path, text)}
    except (MediaError, OSError) as exc:
        return {"text/plain": f"{text}\n{exc}"}
    return {"text/plain": text}


def _text(media: Media) -> str:
    facts = [media.media_type]
    if isinstance(media, Image | Video):
        facts.append(f"{media.width_px}x{media.height_px}")
    if isinstance(media, Video):
        facts.append(f"{media.duration_s:.2f} s, {float(media.frame_rate):.4g} fps")
        facts.append("with sound" if media.has_audio else "silent")
    if isinstance(media, Audio):
        facts.append(f"{media.duration_s:.2f} s, {media.sample_rate_hz} Hz, {media.channels} ch")
    name = "Video" if isinstance(media, Video) else type(media).__name__
    try:
        return f"{name}({', '.join([*facts, _size(media.size_bytes)])}, {media.digest[:12]})"
    except MediaError:  # one that is put off, and cannot be encoded; who asks for its file is told why
        return f"{name}({', '.join(facts)})"


def _size(count: int) -> str:
    return f"{count} B" if count < 1000 else f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _data_uri(media_type: str, data: bytes) -> str:
    return f"data:{media_type};base64,{_base64(data)}"


def _picture(media: Image, path: Path) -> dict[str, str]:
    small = media.size_bytes <= INLINE_IMAGE_BYTES and max(media.size) <= 2 * LARGEST_SIDE_PX
    if small and media.media_type in ("image/png", "image/jpeg"):
        return {media.media_type: _base64(path.read_bytes())}
    if small and media.media_type in SHOWN_AS_THEY_ARE:
        return {"text/html": f'<img src="{_data_uri(media.media_type, path.read_bytes())}" style="{STYLE}">'}
    return _reduced(path)


def _reduced(path: Path) -> dict[str, str]:
    from .images.fit import load_rgb
    from .images.resample import resample

    image = load_rgb(path, at_least=_twice)
    ratio = min(1.0, LARGEST_SIDE_PX / max(image.size))
    result = resample(image, (max(1, round(image.width * ratio)), max(1, round(image.height * ratio))))
    kind = "png" if result.mode == "RGBA" else "jpeg"
    return {f"image/{kind}": _base64(_encoded(result, kind))}


def _twice(wide: int, high: int) -> tuple[float, float]:
    ratio = 2 * LARGEST_SIDE_PX / max(wide, high)
    return wide * ratio, high * ratio


def _encoded(image: Any, kind: str) -> bytes:
    out = io.BytesIO()
    image.save(out, kind.upper(), **({"quality": 85} if kind == "jpeg" else {}))
    return out.getvalue()


def _video(media: Video, path: Path, text: str) -> str:
    if media.size_bytes <= INLINE_BYTES:
        source = _data_uri(media.media_type, path.read_bytes())
        return f'<video controls preload="metadata" src="{source}" style="{STYLE}" title="{escape(text)}"></video>'
    from .videos.frames import poster

    picture = _data_uri("image/jpeg", _encoded(poster(path, max_side_px=LARGEST_SIDE_PX), "jpeg"))
    return f'<img src="{picture}" style="{STYLE}" alt="{escape(text)}"><br>{_where(path, media)}'


def _audio(media: Audio, path: Path, text: str) -> str:
    if media.size_bytes <= INLINE_BYTES:
        source = _data_uri(media.media_type, path.read_bytes())
        return f'<audio controls preload="metadata" src="{source}" title="{escape(text)}"></audio>'
    return f"{escape(text)}<br>{_where(path, media)}"


def _where(path: Path, media: Media) -> str:
    return f"{_size(media.size_bytes)}, too large to show here: <code>{escape(str(path))}</code>"
