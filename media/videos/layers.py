"""Lay videos and pictures over a video: picture-in-picture, logos, titles, each with its own place and time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from ...errors import ParameterError
from .. import ffmpeg
from ..arguments import Argument
from ..images.fit import load_rgb
from ..images.resample import resample
from ..operation import operation
from ..probe import media_type_of
from ..scratch import scratch_beside
from .chain import check_mappings
from .opening import open_reel
from .reel import Reel, exactly
from .slides import open_still
from .targets import SAMPLE_RATE_HZ
from .writing import write_reel

__all__ = ["Layer", "overlay_video"]

PLACES = {
    "center": (0.5, 0.5),
    "top": (0.5, 0.0),
    "bottom": (0.5, 1.0),
    "left": (0.0, 0.5),
    "right": (1.0, 0.5),
    "top-left": (0.0, 0.0),
    "top-right": (1.0, 0.0),
    "bottom-left": (0.0, 1.0),
    "bottom-right": (1.0, 1.0),
}
LOOP_BYTES = 400_000_000
"""Frames of a repeated layer that are held in memory."""
MAX_LAYERS = 16


@dataclass(frozen=True)
class Layer:
    """Where and when one picture or video lies over another.

    Attributes:
        position: Name of a place (`bottom-right`, `center`), or two fractions: 0, 0 is top left, 1, 1 bottom right.
        scale: Width as a share of the base's width, above 0 to 1; the height follows.
        margin: Distance from the edges as a share of the base's shorter side, 0 to 0.5.
        opacity: 0 to 1.
        start_s, end_s: When it is there; by default from the start to the end of the base.
        fade_s: How long it takes to appear and to vanish.
        repeat: Whether a video that is shorter starts over; otherwise its last picture stays.
        sound_db: Level of its sound in the mix, -60 to 20; None leaves it out.
    """

    position: str | Sequence[float] = "bottom-right"
    scale: float = 0.3
    margin: float = 0.03
    opacity: float = 1.0
    start_s: float = 0.0
    end_s: float | None = None
    fade_s: float = 0.0
    repeat: bool = False
    sound_db: float | None = None

    @property
    def place(self) -> tuple[float, float]:
        """The position as fractions."""
        if isinstance(self.position, str):
            return PLACES[self.position]
        return float(self.position[0]), float(self.position[1])


@operation(version=3)
def overlay_video(base: Path, tops: Sequence[Path], target: Path, *, layers: Sequence[Mapping[str, Any]] = ()) -> None:
    """Lay pictures and videos over a video. The result is as long as the base.

    Args:
        base: Any video.
        tops: Pictures or videos, the last on top; their transparency counts.
        target: `.mp4`, `.mov`, `.mkv` or `.webm`.
        layers: For each of `tops` a mapping with fields of `Layer`, for example `{"position": "top-left", "scale": 0.25,
            "start_s": 1, "fade_s": 0.3}`; none takes the defaults for all.

    Raises:
        ParameterError: A field or value is not possible.
        MediaError: A source cannot be used, or the target not written.
    """
    chosen = _layers(tops, layers)
    what = f"lay {len(tops)} pictures over '{base.name}'"
    with scratch_beside(target) as scratch:
        reel = open_reel(base).settled()
        sounds: list[Any] = []
        for number, (path, layer) in enumerate(zip(tops, chosen, strict=True)):
            first, end = _frames(reel, layer, path)
            top = _opened(path, layer, reel, end - first, number, scratch)
            reel = _laid(reel, top, layer, first)
            if top.sound is not None and layer.sound_db is not None:
                sounds.append(_placed_sound(top, layer, first, reel))
        if sounds:
            reel = _mixed(reel, sounds)
        write_reel(reel, target, what=what)


def _layers(tops: Sequence[Path], layers: Sequence[Mapping[str, Any]]) -> list[Layer]:
    if not 1 <= len(tops) <= MAX_LAYERS:
        raise ParameterError(f"Cannot lay {len(tops)} pictures over a video. Allowed: 1 to {MAX_LAYERS}.")
    check_mappings(layers, "layers", {"position": "top-left", "scale": 0.25})
    if layers and len(layers) != len(tops):
        raise ParameterError(f"layers has {len(layers)} entries for {len(tops)} pictures. Give one for each, or none.")
    known = _arguments()
    chosen: list[Layer] = []
    problems: list[str] = []
    for number, values in enumerate(layers or [{}] * len(tops), 1):
        if unknown := [name for name in values if name not in known]:
            problems.append(f"Layer {number} has no field {unknown[0]!r}. Known: {', '.join(known)}.")
            continue
        try:
            layer = Layer(**{name: known[name].taken(value) for name, value in values.items()})
        except ParameterError as exc:
            problems.append(f"Layer {number}: {exc}")
            continue
        problems += [f"Layer {number}: {problem}" for problem in _problems(layer)]
        chosen.append(layer)
    if problems:
        raise ParameterError(" ".join(problems), problems)
    return chosen


@cache
def _arguments() -> dict[str, Argument]:
    hints = get_type_hints(Layer)
    return {field.name: Argument(field.name, hints[field.name]) for field in fields(Layer)}


def _problems(layer: Layer) -> list[str]:
    problems: list[str] = []
    if isinstance(layer.position, str):
        if layer.position not in PLACES:
            problems.append(f"position={layer.position!r} is unknown. Known: {', '.join(PLACES)}, or two fractions.")
    elif len(layer.position) != 2 or not all(0 <= part <= 1 for part in layer.position):
        problems.append(f"position={layer.position!r} is not two fractions between 0 and 1.")
    allowed = {"scale": (0.01, 1), "margin": (0, 0.5), "opacity": (0, 1), "start_s": (0, 1e6), "fade_s": (0, 1e6)}
    for name, (low, high) in allowed.items():
        if not low <= getattr(layer, name) <= high:
            problems.append(f"{name}={getattr(layer, name)} is not between {low:g} and {high:g}.")
    if layer.sound_db is not None and not -60 <= layer.sound_db <= 20:
        problems.append(f"sound_db={layer.sound_db} is not between -60 and 20.")
    return problems


def _frames(reel: Reel, layer: Layer, path: Path) -> tuple[int, int]:
    first = reel.frame_at(layer.start_s)
    end = reel.frames if layer.end_s is None else min(reel.frames, reel.frame_at(layer.end_s))
    if first >= end:
        raise ParameterError(
            f"Cannot lay '{path.name}' over '{reel.name}' from {layer.start_s:g} s to "
            f"{'its end' if layer.end_s is None else f'{layer.end_s:g} s'}: the video lasts {float(reel.duration):.3f} s."
        )
    return first, end


def _opened(path: Path, layer: Layer, base: Reel, frames: int, number: int, scratch: Path) -> Reel:
    """The layer at its size, for exactly so many frames."""
    width = max(2, round(base.width * layer.scale))
    kind = media_type_of(path)
    if kind.startswith("image/") and kind != "image/gif":
        image = load_rgb(path)
        image = resample(image, (width, max(1, round(image.height * width / image.width))))
        return open_still(image, scratch / f"layer{number}.png", name=path.name, rate=base.rate, frames=frames)
    top = open_reel(path, fps=base.rate, keep_alpha=True, keep_sound=layer.sound_db is not None, twin=number + 1)
    top = top.scaled(width, max(2, round(top.height * width / top.width))).settled()
    if top.frames >= frames:
        return top.cut(0, frames)
    sound = top.sound
    if layer.repeat:
        if top.frames * top.width * top.height * 5 // 2 > LOOP_BYTES:
            raise ParameterError(
                f"Cannot repeat '{path.name}' as a layer: {float(top.duration):.1f} s at {top.width}x{top.height} are too much to "
                "hold in memory. Repeat it first (loop_video), or make it smaller."
            )
        picture = top.picture.filter("loop", loop=-1, size=top.frames).filter("setpts", f"N/({top.rate})/TB")
        sound = None if sound is None else sound.filter("aloop", loop=-1, size=top.samples)
        top = replace(top, picture=picture.filter("trim", end_frame=frames), frames=frames)
    else:
        top = top.held(frames)
    return replace(top, sound=None if sound is None else exactly(sound, round(frames / top.rate * SAMPLE_RATE_HZ)))


def _laid(base: Reel, top: Reel, layer: Layer, first: int) -> Reel:
    picture = top.picture.filter("format", "yuva420p")
    if layer.opacity < 1:
        picture = picture.filter("colorchannelmixer", aa=f"{layer.opacity:.4f}")
    if count := min(base.frame_at(layer.fade_s), top.frames // 2):
        picture = picture.filter("fade", type="in", start_frame=0, nb_frames=count, alpha=1)
        picture = picture.filter("fade", type="out", start_frame=top.frames - count, nb_frames=count, alpha=1)
    if first:
        picture = picture.filter("setpts", f"PTS+{first}/({base.rate})/TB")
    margin = round(layer.margin * min(base.width, base.height))
    across, down = layer.place
    # Where a layer is as large as the base, margins would push it out.
    spare_x, spare_y = base.width - top.width, base.height - top.height
    x = round(min(margin, max(0, spare_x // 2)) + across * (spare_x - 2 * min(margin, max(0, spare_x // 2))))
    y = round(min(margin, max(0, spare_y // 2)) + down * (spare_y - 2 * min(margin, max(0, spare_y // 2))))
    laid = base.picture.overlay(picture, x=x, y=y, eof_action="pass", format="yuv420")
    return replace(base, picture=laid)


def _placed_sound(top: Reel, layer: Layer, first: int, base: Reel) -> Any:
    sound = top.sound.filter("volume", f"{layer.sound_db:.3f}dB", precision="float")
    if delay := round(Fraction(first) / base.rate * SAMPLE_RATE_HZ):
        sound = sound.filter("adelay", f"{delay}S", all=1)
    return exactly(sound, base.samples)


def _mixed(base: Reel, sounds: list[Any]) -> Reel:
    own = [] if base.sound is None else [base.sound]
    nodes = [*own, *sounds]
    if len(nodes) == 1:
        return replace(base, sound=nodes[0])
    mixed = ffmpeg.graph_module().filter(nodes, "amix", inputs=len(nodes), normalize=0, duration="longest")
    mixed = mixed.filter("alimiter", limit=0.95, level=0, attack=2, release=50, latency=1)
    return replace(base, sound=exactly(mixed, base.samples))
