"""Steps that turn a reel into another one, without running anything: cut, fit, reframe, speed, fade, mute.

Each takes the parameters of the operation of the same name in `video.py`, and several make one graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any, Literal, get_args

from ...errors import ParameterError
from ..captions.captioning import add_captions
from ..facts import ratio_of
from ..images.colour import parse_colour
from ..images.fitting import Fit, Fitted, Gravity, fitted_size
from .opening import parse_rate, picture_of
from .reel import Reel, evened, exactly, filled, sampled
from .targets import SAMPLE_RATE_HZ

__all__ = [
    "STEPS",
    "check_fit",
    "check_size",
    "encode",
    "even",
    "fade",
    "fit",
    "focus_point",
    "mute",
    "reframe",
    "resample",
    "span_of",
    "speed",
    "trim",
    "video_colour",
]

BLUR_SCALE = 8
MIN_SPEED, MAX_SPEED = 0.1, 20.0
MAX_SIDE_PX = 16_384
"""H.264 has no larger pictures."""
Fill = Literal["blur", "crop", "pad"]


def video_colour(text: str, name: str = "background") -> str:
    """Return a colour as FFmpeg writes it (`0xrrggbb`).

    Raises:
        ParameterError: It is not a colour.
    """
    return "0x{:02x}{:02x}{:02x}".format(*parse_colour(text, name)[:3])


def span_of(
    reel: Reel, start_s: float = 0.0, end_s: float | None = None, seconds: float | None = None
) -> tuple[int, int]:
    """Return the first frame and the one after the last, for times in seconds.

    Raises:
        ParameterError: The times are not inside the video, or leave nothing.
    """
    whole = float(reel.duration)
    if end_s is not None and seconds is not None:
        raise ParameterError("Give end_s or seconds, not both.")
    last = start_s + seconds if seconds is not None else whole if end_s is None else end_s
    slack = float(1 / reel.rate)
    if not (0 <= start_s < last <= whole + slack):
        raise ParameterError(
            f"Cannot cut '{reel.name}' from {start_s:g} s to {last:g} s: it lasts {whole:.3f} s. "
            "Give 0 <= start_s < end_s, both inside."
        )
    first, end = reel.frame_at(start_s), min(reel.frames, reel.frame_at(last))
    if seconds is not None:  # so many frames as were asked for, wherever the first one falls
        first = max(0, min(first, reel.frames - reel.frame_at(seconds)))
        end = min(reel.frames, first + reel.frame_at(seconds))
    if first >= end:
        raise ParameterError(
            f"Cannot cut '{reel.name}': {last - start_s:g} s is shorter than one frame ({slack:.3f} s)."
        )
    return first, end


def trim(reel: Reel, *, start_s: float = 0.0, end_s: float | None = None, seconds: float | None = None) -> Reel:
    """Keep the part between two times, to the nearest frame."""
    return reel.cut(*span_of(reel, start_s, end_s, seconds))


def fit(
    reel: Reel,
    *,
    width: int | None = None,
    height: int | None = None,
    fit: Fit = "cover",
    gravity: Gravity = "auto",
    focus: Sequence[float] | None = None,
    background: str = "black",
) -> Reel:
    """Bring the picture to a size, with the vocabulary of `fit_image`. Sides are even."""
    _check_even(width=width, height=height)
    colour = video_colour(background)
    plan = partial(fitted_size, reel.width, reel.height, width=width, height=height, fit=fit, multiple=2)
    point, fitted = focus_point(focus), plan(gravity=gravity, focus=focus_point(focus))
    check_size(fitted.width_px, fitted.height_px)
    if gravity == "smart" and point is None and reel.look is not None and fit == "cover" and fitted.crop_share:
        from ..images.attention import smart_focus

        fitted = plan(focus=smart_focus(reel.look.attention(), fitted, reel.width, reel.height))
    return placed(reel, fitted, colour)


def focus_point(focus: Sequence[float] | None) -> tuple[float, float] | None:
    """Return the point that `focus` names.

    Raises:
        ParameterError: It is not two fractions.
    """
    if focus is None:
        return None
    if len(focus) != 2 or not all(0 <= part <= 1 for part in focus):
        raise ParameterError(f"focus={focus!r} is not two fractions between 0 and 1.")
    return focus[0], focus[1]


def check_fit(*, width: int | None, height: int | None, fit: Fit, background: str) -> None:
    """Refuse what `fit` would refuse, before there is a reel.

    Raises:
        ParameterError: A value is not possible.
    """
    _check_even(width=width, height=height)
    video_colour(background)
    fitted_size(2, 2, width=2, height=2, fit=fit)


def check_size(width: int, height: int) -> None:
    """Refuse what is too large to be encoded.

    Raises:
        ParameterError: A side is too long.
    """
    if max(width, height) > MAX_SIDE_PX:
        raise ParameterError(
            f"The video would be {width}x{height} pixels, at most {MAX_SIDE_PX} a side are possible. Ask for less."
        )


def _check_even(**sides: int | None) -> None:
    for name, value in sides.items():
        if value is not None and (value % 2 or value < 2):
            raise ParameterError(
                f"{name}={value} is not even and at least 2: video stores colour for blocks of 2x2 pixels."
            )


def placed(reel: Reel, plan: Fitted, colour: str) -> Reel:
    """Carry out what `fitted_size` planned: scale the whole, then crop or pad."""
    left, top, width, height = plan.inner
    whole = (round(reel.width * plan.scale_x), round(reel.height * plan.scale_y))
    if reel.coded is not None and not picture_of(reel.coded.found, reel.coded.path).is_plain:
        reel = reel.redrawn()  # a size is asked for: tags do not make it
    big = reel.scaled(max(whole[0], width), max(whole[1], height))
    if (big.width, big.height) != (width, height):
        x = min(round(plan.box[0] * plan.scale_x), big.width - width)
        y = min(round(plan.box[1] * plan.scale_y), big.height - height)
        look = big.look and big.look.cropped(
            x / big.width, y / big.height, (x + width) / big.width, (y + height) / big.height
        )
        big = replace(big.resized("crop", width, height, x=x, y=y, exact=1), look=look)
    if (width, height) == (plan.width_px, plan.height_px):
        return big
    padded = big.resized("pad", plan.width_px, plan.height_px, x=left, y=top, color=colour)
    return replace(padded, look=None)


def reframe(
    reel: Reel,
    *,
    ratio: str = "9:16",
    height: int | None = None,
    fill: Fill = "blur",
    gravity: Gravity = "auto",
    focus: Sequence[float] | None = None,
    background: str = "black",
) -> Reel:
    """Give the picture another aspect ratio: on a blurred copy of itself, cropped, or with bars."""
    if fill not in get_args(Fill):
        raise ParameterError(f"fill={fill!r} is unknown. Known: {', '.join(get_args(Fill))}.")
    size = _frame_size(reel, ratio, height)
    check_size(*size)
    if fill != "blur":
        how: Fit = "cover" if fill == "crop" else "pad"
        return fit(reel, width=size[0], height=size[1], fit=how, gravity=gravity, focus=focus, background=background)
    inside = fitted_size(reel.width, reel.height, width=size[0], height=size[1], fit="contain", multiple=2)
    if (inside.width_px, inside.height_px) == size:  # nothing would be seen of the blurred copy
        return placed(reel, inside, "black")
    front, back = reel.split()
    small = (max(2, size[0] // BLUR_SCALE // 2 * 2), max(2, size[1] // BLUR_SCALE // 2 * 2))
    back = fit(back, width=small[0], height=small[1], gravity=gravity, focus=focus).seen(
        "gblur", sigma=max(2, min(small) / 12)
    )
    back = back.scaled(*size).seen("eq", brightness=-0.06, saturation=0.9).settled()
    front = front_of(front, size)
    x, y = (size[0] - front.width) // 4 * 2, (size[1] - front.height) // 4 * 2
    picture = back.picture.overlay(front.picture, x=x, y=y, format="yuv420")
    return replace(back, picture=picture, sound=front.sound, look=None)


def front_of(reel: Reel, size: tuple[int, int]) -> Reel:
    """The whole picture, as large as fits inside a size, with even sides."""
    plan = fitted_size(reel.width, reel.height, width=size[0], height=size[1], fit="contain", multiple=2)
    return placed(reel, plan, "black").settled()


def _frame_size(reel: Reel, ratio: str, height: int | None) -> tuple[int, int]:
    _check_even(height=height)
    try:
        shape = ratio_of(ratio)
    except ValueError as exc:
        raise ParameterError(f"ratio={ratio!r}: {exc}. Write it as '9:16'.") from exc
    if height is None:  # as much area as the source has pixels on its longer side
        longer = max(reel.width, reel.height)
        height = longer if shape < 1 else round(longer / shape)
    width = round(height * shape)
    return max(2, width // 2 * 2), max(2, height // 2 * 2)


def speed(reel: Reel, *, factor: float) -> Reel:
    """Play faster (above 1) or slower (below 1), at the same frame rate and pitch."""
    if not MIN_SPEED <= factor <= MAX_SPEED:
        raise ParameterError(
            f"factor={factor} is out of range. Allowed: {MIN_SPEED:g} to {MAX_SPEED:g} (2 is twice as fast)."
        )
    if factor == 1:
        return reel
    frames = max(1, round(reel.frames / Fraction(factor)))
    finer = reel.picture.filter("settb", "AVTB").filter("setpts", f"PTS/{factor:.9g}")
    quick = replace(reel, picture=filled(sampled(finer, reel.rate), frames), frames=frames)
    if quick.sound is None:
        return quick
    return replace(quick, sound=exactly(_in_tempo(quick.sound, factor), quick.samples))


def _in_tempo(sound: Any, factor: float) -> Any:
    """Return a sound node in another tempo, in step with its picture to some 20 ms.

    The tempo filter works on pieces of 2048 samples (1024 for one that it takes to be of half the rate), which it moves by
    up to a quarter of their length to where they fit, and it begins with the middle of the first. Sound comes that much
    later into it, less a sixteenth since a piece is heard before its middle (measured).
    """
    # Slowed in several stages, what the first moves is stretched by the others: shorter pieces, at the cost of deep tones.
    rate, piece = (SAMPLE_RATE_HZ // 2, 1024) if factor < 0.5 else (SAMPLE_RATE_HZ, 2048)
    if rate != SAMPLE_RATE_HZ:
        sound = sound.filter("asetrate", rate)
    for tempo in _tempos(factor):
        sound = sound.filter("adelay", f"{piece * 7 // 16}S", all=1).filter("atempo", f"{tempo:.9g}")
    return sound if rate == SAMPLE_RATE_HZ else sound.filter("asetrate", SAMPLE_RATE_HZ)


def _tempos(factor: float) -> list[float]:
    """Split a factor into ones that the tempo filter stretches without skipping (0.5 to 2)."""
    tempos: list[float] = []
    while factor > 2 or factor < 0.5:
        tempos.append(2.0 if factor > 2 else 0.5)
        factor /= tempos[-1]
    return [*tempos, factor]


def fade(reel: Reel, *, in_s: float = 0.0, out_s: float = 0.0, colour: str = "black") -> Reel:
    """Fade picture and sound in from, and out to, a colour."""
    whole = float(reel.duration)
    if not (in_s >= 0 and out_s >= 0 and 0 < in_s + out_s <= whole + 1e-6):
        raise ParameterError(
            f"Cannot fade '{reel.name}': in_s={in_s:g} and out_s={out_s:g} must not be negative, not both 0, and together at most "
            f"its {whole:.3f} s."
        )
    paint = video_colour(colour, "colour")
    for kind, length, start in (("in", in_s, 0.0), ("out", out_s, whole - out_s)):
        if length:
            count = max(1, reel.frame_at(length))
            first = 0 if kind == "in" else reel.frames - count
            reel = reel.seen("fade", type=kind, start_frame=first, nb_frames=count, color=paint)
            reel = reel.heard("afade", type=kind, start_time=f"{start:.6f}", duration=f"{length:.6f}")
    return reel


def mute(reel: Reel) -> Reel:
    """Drop the sound."""
    return replace(reel, sound=None)


def encode(reel: Reel) -> Reel:
    """Have the picture encoded, for a codec or key frames of the target's, also where nothing else changes it."""
    return reel.redrawn()


def even(reel: Reel) -> Reel:
    """Cut an odd last row and column off, as every video file that is written does."""
    return evened(reel)


def resample(reel: Reel, *, fps: float | str) -> Reel:
    """Give the picture another frame rate, by repeating or leaving out frames."""
    rate = parse_rate(fps)
    assert rate is not None
    if rate == reel.rate:
        return reel
    frames = max(1, round(reel.duration * rate))
    other = replace(reel, picture=filled(sampled(reel.picture, rate), frames), rate=rate, frames=frames)
    if other.sound is None or other.samples == reel.samples:
        return other
    return replace(other, sound=exactly(other.sound, other.samples))


STEPS: dict[str, Callable[..., Reel]] = {
    "trim": trim,
    "fit": fit,
    "reframe": reframe,
    "speed": speed,
    "fade": fade,
    "mute": mute,
    "frame_rate": resample,
    "caption": add_captions,
    "encode": encode,
    "even": even,
}
"""Steps by the name that `edit_video` takes."""
