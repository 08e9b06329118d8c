"""Write a video for a purpose: the web, editing, a picture format that moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from ...errors import EncodeError, ParameterError
from .. import ffmpeg
from ..container import Container, scan
from ..images.encoding import LONGEST_PX
from ..images.opening import picture_facts
from ..operation import operation
from ..scratch import scratch_beside
from . import steps
from .opening import open_reel, parse_rate, picture_of
from .reel import Reel, tagged
from .targets import PRORES, PRORES_ALPHA, TARGETS, WEB, WEBM_ALPHA, Target
from .writing import write_reel
from .written import tolerance

__all__ = ["PURPOSES", "transcode"]


@dataclass(frozen=True)
class Purpose:
    """What `to` names.

    Attributes:
        suffixes: Of the target; the first is the usual one.
        quality: Lowest, default and highest value of `quality`; None where there is none.
    """

    suffixes: tuple[str, ...]
    quality: tuple[int, int, int] | None


PURPOSES = {
    "web-mp4": Purpose((".mp4",), (1, 80, 100)),
    "mp4": Purpose((".mp4",), (1, 80, 100)),
    "mov": Purpose((".mov",), (1, 80, 100)),
    "mkv": Purpose((".mkv",), (1, 80, 100)),
    "webm": Purpose((".webm",), (1, 70, 100)),
    "prores": Purpose((".mov",), None),
    "gif": Purpose((".gif",), None),
    "webp": Purpose((".webp",), (1, 75, 100)),
}
GIF_RATE, GIF_WIDTH = Fraction(25, 2), 480
"""Frames of a GIF last whole hundredths of a second: 12.5 frames a second are exact."""
GIF_MAX_RATE = 100
WEBP_RATE, WEBP_WIDTH = Fraction(25, 2), 640


@operation(version=4)
def transcode(
    source: Path,
    target: Path,
    *,
    to: str,
    width: int | None = None,
    height: int | None = None,
    fps: float | str | None = None,
    quality: int | None = None,
) -> None:
    """Write a video for a purpose.

    Streams that are right already are copied undecoded, unless a size, rate or quality is asked for.

    Args:
        source: Any video.
        target: File with a suffix that fits.
        to: `web-mp4` (or `mp4`): H.264 and AAC that start before they are loaded. `mov`, `mkv`: the same in these containers.
            `webm`: VP9 and Opus. `prores`: ProRes 422 HQ (4444 with transparency) and PCM, for editing.
            `gif` and `webp`: moving pictures without sound, by default at most 480 and 640 pixels wide, 12.5 frames a second.
        width: In pixels, even; the whole picture is fitted inside, never cropped.
        height: See `width`.
        fps: Frame rate; by default the source's own (see above for `gif` and `webp`).
        quality: 1 to 100, for all but `prores` and `gif`; higher is better and larger.

    Raises:
        ParameterError: A value is not possible.
        MediaError: The source cannot be used, or the target not written.
    """
    purpose = _purpose(target, to, quality)
    what = f"transcode '{source.name}' to {to}"
    found = scan(source)
    if to in ("gif", "webp"):
        moving = _small(source, found, to, width, height, parse_rate(fps))
        writer = _write_gif if to == "gif" else _webp_writer(quality or (purpose.quality or (1, 75, 100))[1])
        writer(moving, target, what)
        return
    rate = parse_rate(fps)
    kind = _kind(to, picture_of(found, source).has_alpha, quality)
    reel = open_reel(source, found=found, fps=rate, keep_alpha=kind.keeps_alpha)
    is_sized = width is not None or height is not None
    if quality is not None or not picture_of(found, source).is_plain:
        reel = reel.redrawn()
    if kind.pixels != "yuv420p":
        reel = replace(reel, depth=kind.pixels.removeprefix("yuva").removeprefix("yuv"))
    if is_sized:
        reel = steps.fit(reel, width=width, height=height, fit="contain")
    write_reel(reel, target, what=what, kind=kind)


def _purpose(target: Path, to: str, quality: int | None) -> Purpose:
    purpose = PURPOSES.get(to)
    if purpose is None:
        raise ParameterError(f"to={to!r} is unknown. Known: {', '.join(PURPOSES)}.")
    if target.suffix.lower() not in purpose.suffixes:
        raise ParameterError(
            f"to={to!r} cannot be written to '{target.name}'. The suffix must be {purpose.suffixes[0]}."
        )
    if quality is not None and purpose.quality is None:
        raise ParameterError(f"quality={quality} has no meaning for {to}. Leave it out.")
    if quality is not None and not 1 <= quality <= 100:
        raise ParameterError(f"quality={quality} is not between 1 and 100.")
    return purpose


def _kind(to: str, has_alpha: bool, quality: int | None) -> Target:
    if to == "prores":
        return PRORES_ALPHA if has_alpha else PRORES
    if to == "webm":
        kind = WEBM_ALPHA if has_alpha else TARGETS[".webm"]
        crf = None if quality is None else round(63 - 0.6 * quality)
    else:
        kind = WEB if to in ("web-mp4", "mp4") else TARGETS[f".{to}"]
        crf = None if quality is None else round(51 - 0.41 * quality)
    if crf is None:
        return kind
    options = tuple((name, crf if name == "crf" else value) for name, value in kind.video_options)
    return replace(kind, video_options=options)


def _small(
    source: Path, found: Container, to: str, width: int | None, height: int | None, rate: Fraction | None
) -> Reel:
    own = picture_of(found, source)
    if to == "gif" and rate is not None and rate > GIF_MAX_RATE:
        raise ParameterError(
            f"fps={float(rate):g} is too fast for gif, whose frames last hundredths of a second. Allowed: up to {GIF_MAX_RATE}."
        )
    rate = rate or min(own.nominal_rate, GIF_RATE if to == "gif" else WEBP_RATE)
    reel = open_reel(source, found=found, fps=rate, keep_sound=False, keep_alpha=to == "webp")
    widest = GIF_WIDTH if to == "gif" else WEBP_WIDTH
    if width is None and height is None:
        return steps.fit(reel, width=widest, fit="contain") if reel.width > widest else reel
    fitted = steps.fit(reel, width=width, height=height, fit="contain")
    longest = LONGEST_PX["gif" if to == "gif" else "webp"]
    if max(fitted.width, fitted.height) > longest:
        raise ParameterError(
            f"The video would be {fitted.width}x{fitted.height} pixels, at most {longest} a side are possible in {to}. "
            "Ask for less."
        )
    return fitted


def _write_gif(reel: Reel, target: Path, what: str) -> None:
    """Two runs, so that memory does not grow with the length: first the colours, then the picture in them."""
    module = ffmpeg.graph_module()
    with scratch_beside(target) as scratch:
        palette = scratch / "palette.png"
        ready = reel.settled()
        colours = tagged(ready.picture, ready.rate).filter("palettegen", stats_mode="diff")
        ffmpeg.render({palette: ([colours], {"update": 1, "frames:v": 1})}, what=what)
        node = ffmpeg.source(palette, formats="png_pipe", f="png_pipe")["v:0"]
        picture = module.filter(
            [tagged(ready.picture, ready.rate), node],
            "paletteuse",
            dither="bayer",
            bayer_scale=4,
            diff_mode="rectangle",
        )

        def check(part: Path) -> None:
            written = scan(part).picture
            length = written.duration_s if written else 0.0
            if abs(length - float(ready.duration)) > tolerance(ready.rate):
                raise EncodeError(
                    f"Cannot {what}: it lasts {length:.3f} s instead of {float(ready.duration):.3f} s.", reason="wrong"
                )

        ffmpeg.write(target, picture, what=what, duration_s=float(ready.duration), options={"loop": 0}, check=check)


def _webp_writer(quality: int) -> Callable[[Reel, Path, str], None]:
    def write(reel: Reel, target: Path, what: str) -> None:
        ffmpeg.require(encoders=("libwebp_anim",))
        ready = reel.settled()
        options: dict[str, Any] = {
            "c:v": "libwebp_anim",
            "pix_fmt": "bgra",  # WebP is BT.601 by definition; from RGB the encoder converts itself
            "quality": quality,
            "compression_level": 4,
            "loop": 0,
        }

        def check(part: Path) -> None:
            # Frames equal to the one before are merged into it.
            if picture_facts(part).frames > ready.frames:
                raise EncodeError(f"Cannot {what}: it has more frames than {ready.frames}.", reason="wrong")

        picture = tagged(ready.picture, ready.rate)
        ffmpeg.write(target, picture, what=what, duration_s=float(ready.duration), options=options, check=check)

    return write
