"""Open a file as a reel: whatever it is, upright, regular, standard dynamic range, from time zero."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from ...errors import DecodeError, ParameterError, UnsupportedMediaError
from .. import ffmpeg
from ..container import Container, scan
from ..sounds.formats import conform
from ..streams import AudioStream, VideoStream
from .looking import Look
from .reel import Coded, Reel, exactly, filled, sampled
from .targets import AAC, SAMPLE_RATE_HZ

__all__ = ["lead_of", "open_reel", "parse_rate", "picture_of"]

HELD_SOUND_S = 0.1
"""Sound that outlasts its picture by more than this is kept: the last picture is held."""
SEEK_S = 2.0
"""A start later than this is sought, not decoded up to."""
RUN_UP_S = 0.1
"""A seek goes to a key frame at least so long before the start: decoders of sound need some, until they are right."""
SEEK_SHARE = Fraction(1, 4)
"""Share of a frame by which a seek goes ahead of it, so that rounding cannot lose it."""
FINEST_CLOCK = 1_000_000
"""Of times that are kept as floats, to find the exact ones again: half a frame more is a frame more, or none."""
LEAD_TICKS = 64
"""Parts of a frame's time base by which a late picture is placed among frames of another rate."""
SD_HEIGHT_PX = 720
MATRICES = {
    "bt709": "bt709", "smpte170m": "smpte170m", "bt470bg": "smpte170m", "fcc": "fcc", "smpte240m": "smpte240m",
    "bt2020nc": "bt2020", "bt2020c": "bt2020",
}  # fmt: skip


def parse_rate(fps: float | str | None, name: str = "fps") -> Fraction | None:
    """Return a frame rate given as a number or a ratio (`"30000/1001"`), exact.

    Raises:
        ParameterError: Not a rate from 1 to 240.
    """
    if fps is None:
        return None
    try:
        rate = Fraction(fps).limit_denominator(1001)
    except (ValueError, TypeError, ZeroDivisionError, OverflowError):
        rate = Fraction(0)
    if not 1 <= rate <= 240:
        raise ParameterError(f"{name}={fps!r} is not a frame rate. Allowed: 1 to 240, as a number or as '30000/1001'.")
    return rate


def picture_of(found: Container, path: Path) -> VideoStream:
    """Return the video stream to work on.

    Raises:
        UnsupportedMediaError: There is none.
        DecodeError: The file is cut off.
    """
    if found.picture is None:
        raise UnsupportedMediaError(f"Cannot use '{path.name}' as video: it has no video stream.")
    if found.is_truncated:
        raise DecodeError(f"Cannot use '{path.name}': it is cut off, bytes are missing at its end. Fetch it again.")
    return found.picture


def open_reel(
    path: Path,
    *,
    found: Container | None = None,
    fps: Fraction | None = None,
    from_s: float = 0.0,
    keep_sound: bool = True,
    keep_alpha: bool = False,
    twin: int = 0,
) -> Reel:
    """Open a video as a reel.

    Args:
        path: The file.
        found: Its facts, when they were scanned before.
        fps: Frame rate of the reel; by default the video's own, for a variable rate the usual one that keeps its frames.
        from_s: Where to begin; earlier frames are not decoded where that is exact.
        keep_sound: Whether to open its first audio stream.
        keep_alpha: Keep transparency instead of laying it over black.
        twin: Another number for each time that the same file is in one graph; equal nodes would become one.

    Raises:
        MediaError: It cannot be read, is cut off, or has no video.
    """
    found = found or scan(path)
    stream = picture_of(found, path)
    rate = fps or stream.nominal_rate
    audio = found.sound if keep_sound else None
    lead, early, end = _span(found, stream, audio, rate)
    frames = max(1, round(Fraction(end).limit_denominator(FINEST_CLOCK) * rate))
    skipped = 0 if lead else _skippable(found, stream, from_s, rate)
    options: dict[str, Any] = _input_options(stream, rate, skipped)
    if twin:
        options["thread_queue_size"] = 8 + twin
    node = ffmpeg.source(path, **options)
    picture = node[str(stream.index)]
    if skipped:
        picture = picture.filter("setpts", f"PTS-{SEEK_SHARE / rate}/TB")
    elif not lead or rate != stream.nominal_rate:
        picture = picture.filter("setpts", "PTS-STARTPTS")
    picture = _regular(picture, stream, rate, frames - skipped, lead)
    reel = Reel(
        name=path.name,
        picture=picture,
        sound=None,
        width=stream.display_size[0],
        height=stream.display_size[1],
        rate=rate,
        frames=frames - skipped,
        has_alpha=stream.has_alpha,
        pending=_conversion(stream),
        stored=_stored_size(stream),
        look=Look(path, float(frames / rate), begin=skipped / frames),
    )
    if audio is not None:
        sound = node[str(audio.index)].filter("aresample", SAMPLE_RATE_HZ, **{"async": 1, "first_pts": 0})
        early = float(SEEK_SHARE / rate) if skipped else early
        if early > 0:
            sound = sound.filter("atrim", start=ffmpeg.number(early)).filter("asetpts", "PTS-STARTPTS")
        reel = replace(reel, sound=exactly(conform(sound, audio, AAC), reel.samples))
    own = reel.picture if _is_as_stored(stream, rate, frames) else None
    reel = replace(reel, coded=Coded(path, found, own, skipped, None if skipped else reel.sound))
    if not keep_alpha:
        reel = reel.flattened()
    first = reel.frame_at(from_s) - skipped
    return reel.cut(first, reel.frames) if first > 0 else reel


def _is_as_stored(stream: VideoStream, rate: Fraction, frames: int) -> bool:
    """Whether a reel shows each of the stream's frames once, and a new file of them would too."""
    return (
        stream.is_constant_rate
        and rate == stream.frame_rate
        and frames == stream.frames
        and not stream.hidden  # a new file would show them
    )


def lead_of(found: Container, rate: Fraction) -> float:
    """Return for how long a file sounds before its picture begins (s); less than a frame is no lead."""
    lead = max(0.0, found.picture.start_s - found.start_s) if found.picture and found.sound else 0.0
    return lead if lead >= 1 / rate else 0.0  # an encoder's priming, not a late picture


def _span(
    found: Container, stream: VideoStream, audio: AudioStream | None, rate: Fraction
) -> tuple[float, float, float]:
    """When the picture begins after the reel does; how much sound before the reel is cut off; when the reel ends."""
    lead = lead_of(found, rate) if audio is not None else 0.0
    early = max(0.0, stream.start_s - found.start_s) if audio is not None and not lead else 0.0
    end = lead + stream.duration_s
    if audio is not None:
        late = audio.start_s - found.start_s + audio.duration_s - early
        end = late if late > end + HELD_SOUND_S else end
    return lead, early, end


def _skippable(found: Container, stream: VideoStream, from_s: float, rate: Fraction) -> int:
    """Frames that may be sought over: up to a key frame, as a seek into what another one needs may go too far.

    None where times are irregular, since a seek drops the frame on show, and in formats that are sought by guesses.
    """
    is_indexed = "mp4" in found.format or "matroska" in found.format
    if from_s < SEEK_S or not is_indexed or not stream.is_constant_rate or rate != stream.frame_rate:
        return 0
    return max((round(Fraction(at) * rate) for at in stream.entries_s if at <= from_s - RUN_UP_S), default=0)


def _input_options(stream: VideoStream, rate: Fraction, skipped: int) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if skipped:  # by the file's own clock: what else begins before the picture, such as a subtitle, does not count
        options["ss"] = ffmpeg.number(stream.start_s + float((skipped - SEEK_SHARE) / rate))
        options["seek_timestamp"] = 1
    if stream.has_alpha and stream.codec in ("vp8", "vp9"):  # FFmpeg's own decoders ignore the alpha channel
        options["c:v"] = "libvpx-vp9" if stream.codec == "vp9" else "libvpx"
    return options


def _regular(node: Any, stream: VideoStream, rate: Fraction, frames: int, lead: float) -> Any:
    """Constant rate from time zero, exactly so many frames, progressive, standard dynamic range."""
    nominal = stream.nominal_rate
    if stream.is_interlaced:
        node = node.filter("bwdif", mode="send_frame")
    node = node.filter("fps", fps=str(nominal), start_time=0)
    if rate != nominal:
        node = sampled(_later(node, nominal, lead) if lead else node, rate)
    node = filled(node, frames)
    return _tone_mapped(node, stream) if stream.is_hdr else node


def _later(node: Any, rate: Fraction, lead: float) -> Any:
    """A regular picture, begun later, on a clock that is exact for its frames and never too late for the lead."""
    clock = rate.numerator * LEAD_TICKS
    return node.filter("settb", f"1/{clock}").filter("setpts", f"PTS+{math.floor(lead * clock)}")


def _tone_mapped(node: Any, stream: VideoStream) -> Any:
    ffmpeg.require(filters=("zscale", "tonemap"))
    colour = stream.colour
    matrix = colour.matrix if colour.matrix in ("bt2020nc", "bt2020c", "bt709") else "bt2020nc"
    primaries = colour.primaries if colour.primaries in ("bt2020", "bt709", "smpte432", "smpte431") else "bt2020"
    return (
        node.filter(
            "zscale",
            tin=colour.transfer,
            min=matrix,
            pin=primaries,
            rin=colour.range.replace("unknown", "tv"),
            t="linear",
            npl=100,
        )
        .filter("format", "gbrpf32le")
        .filter("zscale", p="bt709")
        .filter("tonemap", "hable", desat=0)
        .filter("zscale", t="bt709", m="bt709", r="tv")
        .filter("format", "yuv420p")
    )


def _stored_size(stream: VideoStream) -> tuple[int, int]:
    size = (stream.width_px, stream.height_px)
    return (size[1], size[0]) if stream.rotation_deg in (90, 270) else size


def _conversion(stream: VideoStream) -> tuple[tuple[str, Any], ...]:
    """Options of the scale filter that bring a stream's colours to BT.709; none where they are."""
    if stream.is_hdr:
        return ()
    wanted: dict[str, Any] = {"out_color_matrix": "bt709", "out_range": "tv"}
    if stream.pixel_format.startswith(("yuv", "nv", "p0", "gray")):
        # Players take an untagged video for BT.601 or BT.709 by its height.
        matrix = MATRICES.get(stream.colour.matrix, "smpte170m" if stream.height_px < SD_HEIGHT_PX else "bt709")
        full = stream.colour.range == "pc" or stream.pixel_format.startswith("yuvj")
        wanted |= {"in_color_matrix": matrix, "in_range": "pc" if full else "tv"}
        if matrix == "bt709" and not full and stream.pixel_format == "yuv420p" and stream.sample_aspect_ratio == 1:
            return ()
    return tuple(wanted.items())
