"""Plain JPEGs, decoded to their stored planes and scaled singly: brightness and colours never become RGB in between.

Against going through RGB this saves taking Pillow's pixels apart and joining them, and scaling colours that are stored at half
the size as if they were whole. Measured against Lanczos in floating point of the picture before it became a JPEG (8 photographs
and pictures like them, results of half and two thirds of the size), the result is 0.0 to 0.2 dB better for 4:4:4 and 0.0 to
0.5 dB for 4:2:0. With saturated edges it is up to 0.1 dB worse for 4:4:4 and 2 to 6 dB better for 4:2:0.

FFmpeg decodes here, Pillow everywhere else. So that nothing is accepted, refused or shown otherwise than there, FFmpeg only
gets pictures with nothing special about them, without any metadata; and wherever it complains, Pillow decides.
"""

from __future__ import annotations

import platform
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from .fitting import Fitted
from .jpeg_tables import essence
from .opening import opened, orientation_of
from .resample import reduces, scale_plane, whole_pixels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Plane = NDArray[np.uint8]

__all__ = ["fitted_planes"]

FORMATS = {(1, 1): "yuvj444p", (2, 1): "yuvj422p", (2, 2): "yuvj420p"}
"""FFmpeg's name of the planes, by how many pixels share a colour, across and down."""
IDCT = "xvid" if platform.machine().lower() in ("x86_64", "amd64") else "simple"
"""Both are as exact as libjpeg's (above 62 dB against floating point); this is FFmpeg's fastest there, which elsewhere is slow."""
KEPT_PX = 1 << 21
"""Up to this size a thread keeps its decoder: memory that is new takes a sixth of the time of decoding a megapixel."""
_mine = threading.local()
DRAFTS = 4
"""From this reduction on, libjpeg decodes at half the size, which is faster than what is done here."""


def fitted_planes(path: Path, plan: Callable[[int, int], Fitted]) -> Image.Image | None:
    """Fit a JPEG into a size, when it and the fit are of the plain kind.

    Args:
        path: Any picture.
        plan: Says, for the full width and height in pixels, what to make of the picture.

    Returns:
        The result in mode `YCbCr` (JPEG's own: BT.601, full range), or None when another way has to be taken: it is no
        baseline JPEG in one scan of 8-bit YCbCr, upright and without a profile; it would have bars; it is not moderately
        reduced, or not from whole samples of every plane; something about it is odd or damaged.

    Raises:
        ProbeError, UnsupportedMediaError, MediaLimitError: As for `read_picture`.
        ParameterError: From `plan`.
    """
    with opened(path) as (picture, media_type):
        if media_type != "image/jpeg" or orientation_of(picture, media_type) != 1:
            return None
        shared = _shared(picture)
        if shared is None:
            return None
        fitted = plan(*picture.size)
        size = fitted.width_px, fitted.height_px
        box = whole_pixels(fitted.box, size)
        if fitted.inner != (0, 0, *size) or box is None or not _suits(size, box, shared):
            return None
        picture.fp.seek(0)
        planes = _decoded(picture.fp.read(), picture.size, shared)
    if planes is None:
        return None
    boxes = (box, *[(box[0] // shared[0], box[1] // shared[1], box[2] // shared[0], box[3] // shared[1])] * 2)
    scaled = [
        scale_plane(plane[top:bottom, left:right], size, colour=number > 0)
        for number, (plane, (left, top, right, bottom)) in enumerate(zip(planes, boxes, strict=True))
    ]
    return Image.merge("YCbCr", scaled)


def _shared(picture: Any) -> tuple[int, int] | None:
    """Return how many pixels share a colour, across and down, or None when this is no plain JPEG."""
    info = picture.info
    if (
        picture.mode != "RGB"
        or info.get("progressive")
        or info.get("icc_profile")
        or info.get("adobe_transform", 1) != 1
    ):
        return None
    parts = [(number, across, down) for number, across, down, _table in picture.layer]
    if len(parts) != 3:  # a damaged header
        return None
    shared = parts[0][1:]
    return shared if shared in FORMATS and parts == [(1, *shared), (2, 1, 1), (3, 1, 1)] else None


def _suits(size: tuple[int, int], box: tuple[int, int, int, int], shared: tuple[int, int]) -> bool:
    wide, high = box[2] - box[0], box[3] - box[1]
    drafted = wide >= DRAFTS * size[0] and high >= DRAFTS * size[1]
    whole = not any(edge % shared[axis % 2] for axis, edge in enumerate(box))
    return reduces((wide, high), size) and (wide, high) != size and not drafted and whole


def _decoder() -> Any:
    import av

    decoder = av.CodecContext.create("mjpeg", "r")
    decoder.thread_count = 1
    decoder.options = {"err_detect": "explode", "flags": "bitexact", "idct": IDCT}
    return decoder


def _decoded(data: bytes, size: tuple[int, int], shared: tuple[int, int]) -> list[Plane] | None:
    import av
    import numpy as np
    from av.error import FFmpegError

    bare = essence(data)
    if bare is None:
        return None
    decoder = _mine.__dict__.pop("decoder", None) or _decoder()  # one that failed is not used again
    try:
        frames: list[Any] = decoder.decode(av.Packet(bare))
    except FFmpegError:
        return None
    if len(frames) != 1 or (frames[0].width, frames[0].height) != size or frames[0].format.name != FORMATS[shared]:
        return None
    if size[0] * size[1] <= KEPT_PX:
        _mine.decoder = decoder
    return [
        np.frombuffer(plane, np.uint8)[: plane.height * plane.line_size].reshape(plane.height, plane.line_size)[
            :, : plane.width
        ]
        for plane in frames[0].planes
    ]
