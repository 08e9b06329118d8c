"""Chroma key: make one colour of a video transparent, and put something behind it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from ...errors import ParameterError
from ..images.colour import parse_colour
from ..images.fit import load_rgb
from ..images.fitting import fitted_size
from ..images.resample import resample
from ..operation import operation
from ..scratch import scratch_beside
from ..sniff import sniff
from . import steps
from .opening import open_reel
from .reel import Reel
from .slides import open_still
from .targets import PRORES_ALPHA, WEBM_ALPHA, Target
from .writing import write_reel

__all__ = ["chroma_key"]

Screen = Literal["green", "blue"]
SCREENS = {"green": "#00ff00", "blue": "#0000ff"}
MARGIN_PX = 2


@operation(version=2)
def chroma_key(
    source: Path,
    backdrop: Path | None,
    target: Path,
    *,
    colour: str = "green",
    similarity: float = 0.2,
    blend: float = 0.08,
    despill: bool = True,
) -> None:
    """Replace one colour of a video by a backdrop, or by transparency.

    Args:
        source: A video in front of an even screen.
        backdrop: Picture or video that fills the frame behind; a shorter video stays at its last picture. None writes a
            transparent video.
        target: `.mp4`, `.mov`, `.mkv` or `.webm`; for a transparent one `.webm` (VP9) or `.mov` (ProRes 4444).
        colour: Of the screen: `green`, `blue`, or any colour (`#rrggbb`).
        similarity: How far from the colour still counts as it, above 0 to 1.
        blend: Width of the soft edge, 0 to 1.
        despill: Take the screen's reflection off the subject; for green and blue screens.

    Raises:
        ParameterError: A value is not possible.
        MediaError: A source cannot be used, or the target not written.
    """
    if not 0 < similarity <= 1 or not 0 <= blend <= 1:
        raise ParameterError(f"similarity={similarity} must be above 0 to 1, blend={blend} from 0 to 1.")
    kind: Target | None = None
    if backdrop is None:
        kind = {".webm": WEBM_ALPHA, ".mov": PRORES_ALPHA}.get(target.suffix.lower())
        if kind is None:
            raise ParameterError(
                f"A transparent video cannot be written to '{target.name}'. Allowed: .webm and .mov, or give a backdrop."
            )
    keyed = _keyed(open_reel(source), colour, similarity, blend, despill)
    what = f"key '{source.name}'"
    if backdrop is None:
        write_reel(keyed, target, what=what, kind=kind)
        return
    with scratch_beside(target) as scratch:
        behind = _behind(backdrop, keyed, scratch)
        picture = behind.picture.overlay(keyed.picture, eof_action="repeat", format="yuv420")
        write_reel(replace(behind, picture=picture, sound=keyed.sound), target, what=what)


def _keyed(reel: Reel, colour: str, similarity: float, blend: float, despill: bool) -> Reel:
    red, green, blue = parse_colour(SCREENS.get(colour, colour), "colour")[:3]
    key = "0x{:02x}{:02x}{:02x}".format(*_bt709(red, green, blue))
    keyed = reel.settled()
    picture = keyed.picture.filter("format", "yuva444p")
    # FFmpeg's filter looks at the neighbours of a pixel; outside of the picture it takes those of the last row's end.
    picture = picture.filter("pad", f"iw+{2 * MARGIN_PX}", f"ih+{2 * MARGIN_PX}", MARGIN_PX, MARGIN_PX)
    edges = dict.fromkeys(("left", "right", "top", "bottom"), MARGIN_PX)
    picture = picture.filter("fillborders", **edges, mode="smear")
    picture = picture.filter("chromakey", color=key, similarity=f"{similarity:.4f}", blend=f"{blend:.4f}", yuv=1)
    picture = picture.filter("crop", keyed.width, keyed.height, MARGIN_PX, MARGIN_PX)
    screen = "green" if green > max(red, blue) else "blue" if blue > max(red, green) else ""
    if despill and screen in get_args(Screen):
        picture = picture.filter("despill", type=screen)
        picture = picture.filter("scale", out_color_matrix="bt709", out_range="tv")
    return replace(keyed, picture=picture.filter("format", "yuva420p"), has_alpha=True)


def _bt709(red: int, green: int, blue: int) -> tuple[int, int, int]:
    """A colour as the reel stores it: BT.709, limited range (ITU-R BT.709-6, 3.2 to 3.4)."""
    r, g, b = red / 255, green / 255, blue / 255
    luma = 0.2126 * r + 0.7152 * g + 0.0722 * b
    return round(16 + 219 * luma), round(128 + 224 * (b - luma) / 1.8556), round(128 + 224 * (r - luma) / 1.5748)


def _behind(path: Path, front: Reel, scratch: Path) -> Reel:
    """The backdrop, filling the frame, as long as the front."""
    if (sniff(path) or "").startswith("image/") and sniff(path) != "image/gif":
        image = load_rgb(path)
        plan = fitted_size(image.width, image.height, width=front.width, height=front.height, fit="cover")
        image = resample(image, (front.width, front.height), plan.box).convert("RGB")
        return open_still(image, scratch / "backdrop.png", name=path.name, rate=front.rate, frames=front.frames)
    reel = open_reel(path, fps=front.rate, keep_sound=False, twin=1)
    plan = fitted_size(reel.width, reel.height, width=front.width, height=front.height, fit="cover")
    reel = steps.placed(reel, plan, "black").settled()
    return reel.held(front.frames) if reel.frames < front.frames else reel.cut(0, front.frames)
