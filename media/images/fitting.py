"""Arithmetic of fitting a picture into a size, without pixels: what a plan shows is what `fit_image` does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from ...errors import ParameterError, UnsupportedMediaError

__all__ = ["DEFAULT_PLACE", "Fit", "Fitted", "Gravity", "fitted_size"]

Fit = Literal["cover", "contain", "pad", "stretch", "exact"]
Gravity = Literal[
    "auto", "smart", "center", "top", "bottom", "left", "right", "top-left", "top-right", "bottom-left", "bottom-right"
]
Box = tuple[float, float, float, float]

DEFAULT_PLACE = (0.5, 1 / 3)
"""Where a crop is taken: the middle across and one third down, which kept most of the subject in tests."""
LIMIT_PX = 65_535
"""Longest side that may be asked for (the JPEG limit)."""


@dataclass(frozen=True)
class Fitted:
    """What fitting does to a picture.

    Attributes:
        width_px, height_px: Size of the result.
        box: Part of the source that is kept: left, top, right, bottom in its pixels.
        inner: Where that part goes in the result: left, top, width, height. Bars fill the rest.
        crop_share: Share of the source's area that is cut off, 0 to 1.
        scale_x, scale_y: Factors; above 1 enlarges.
    """

    width_px: int
    height_px: int
    box: Box
    inner: tuple[int, int, int, int]
    crop_share: float
    scale_x: float
    scale_y: float

    @property
    def bar_share(self) -> float:
        """Share of the result's area that is bars, 0 to 1."""
        return 1 - self.inner[2] * self.inner[3] / (self.width_px * self.height_px)

    @property
    def distortion(self) -> float:
        """How much one direction is scaled more than the other: 0 is none, 0.1 is a tenth."""
        return max(self.scale_x, self.scale_y) / min(self.scale_x, self.scale_y) - 1

    def describe(self) -> str:
        """Say what is lost, for a plan: `crops 44 %`, `enlarges 2.1x`."""
        losses: list[str] = []
        if self.crop_share >= 0.005:
            losses.append(f"crops {self.crop_share:.0%}".replace("%", " %"))
        if self.bar_share >= 0.005:
            losses.append(f"adds bars over {self.bar_share:.0%}".replace("%", " %"))
        if self.distortion >= 0.01:
            losses.append(f"distorts by {self.distortion:.0%}".replace("%", " %"))
        if min(self.scale_x, self.scale_y) > 1.005:
            losses.append(f"enlarges {max(self.scale_x, self.scale_y):.2g}x")
        return ", ".join(losses) or "keeps everything"


def fitted_size(
    source_width: int,
    source_height: int,
    *,
    width: int | None = None,
    height: int | None = None,
    fit: Fit = "cover",
    gravity: Gravity = "auto",
    focus: tuple[float, float] | None = None,
    multiple: int | None = None,
    max_megapixels: float | None = None,
) -> Fitted:
    """Compute what `fit_image` makes of a picture, and what it costs the picture.

    Args:
        source_width: Width as displayed, in pixels; likewise `source_height`.
        source_height: See `source_width`.
        width: Wanted width in pixels. With only one of the two the other follows from the aspect ratio; with none, the
            source's own size is meant.
        height: See `width`.
        fit: `cover` fills the size and crops; `contain` gives the largest size inside it, uncropped but for what rounding
            to `multiple` takes; `pad` adds bars; `stretch` distorts; `exact` refuses any other size.
        gravity: The part to keep when cropping, or where a padded picture goes. `auto`: for crops `DEFAULT_PLACE`, for
            bars the middle. `smart`, which needs the pixels (see `attention.smart_focus`), counts as `auto` here: the
            size is the same.
        focus: Point of the source (fractions of width and height) to keep in the middle; overrides `gravity`.
        multiple: Both sides are rounded down to a multiple of this.
        max_megapixels: Area limit in millions of pixels; both sides shrink alike.

    Raises:
        ParameterError: A value is not possible.
        UnsupportedMediaError: `fit="exact"` and the source has another size.
    """
    step = 1 if multiple is None else multiple
    _check(source_width, source_height, width, height, fit, gravity, focus, step, max_megapixels)
    wide, high = _wanted(source_width, source_height, width, height)
    if fit == "exact":
        return _exact(source_width, source_height, wide, high, step, max_megapixels)
    if fit == "contain":
        ratio = min(wide / source_width, high / source_height)
        wide, high = source_width * ratio, source_height * ratio
    out = _rounded(wide, high, step, max_megapixels)
    whole: Box = (0.0, 0.0, float(source_width), float(source_height))
    if fit == "pad":
        ratio = min(out[0] / source_width, out[1] / source_height)
        inner = (_side(source_width * ratio, out[0]), _side(source_height * ratio, out[1]))
        fx, fy = focus or _anchor(gravity, (0.5, 0.5))
        place = (round((out[0] - inner[0]) * fx), round((out[1] - inner[1]) * fy))
        return _fitted(out, whole, (*place, *inner), source_width, source_height)
    cropped = fit == "cover" or (fit == "contain" and step > 1)
    box = _crop(source_width, source_height, out, gravity, focus) if cropped else whole
    return _fitted(out, box, (0, 0, *out), source_width, source_height)


def _side(value: float, limit: int) -> int:
    return min(limit, max(1, round(value)))


def _fitted(out: tuple[int, int], box: Box, inner: tuple[int, int, int, int], width: int, height: int) -> Fitted:
    wide, high = box[2] - box[0], box[3] - box[1]
    share = max(0.0, 1 - wide * high / (width * height))
    return Fitted(*out, box, inner, share if share > 1e-9 else 0.0, inner[2] / wide, inner[3] / high)


def _wanted(source_width: int, source_height: int, width: int | None, height: int | None) -> tuple[float, float]:
    if width and height:
        return width, height
    ratio = width / source_width if width else height / source_height if height else 1.0
    return width or source_width * ratio, height or source_height * ratio


def _rounded(wide: float, high: float, step: int, max_megapixels: float | None) -> tuple[int, int]:
    area = max_megapixels * 1e6 if max_megapixels else math.inf
    shrink = math.sqrt(area / (wide * high))
    if shrink < 1:
        wide, high = wide * shrink, high * shrink
    rounding = math.floor if shrink < 1 else round
    sides = [_multiple(wide, step, rounding), _multiple(high, step, rounding)]
    longer = 0 if sides[0] >= sides[1] else 1
    if sides[0] * sides[1] > area:  # the shorter side could not shrink as far as it should have
        sides[longer] = max(step, int(area // sides[1 - longer]) // step * step)
    for side, name in zip(sides, ("width", "height"), strict=True):
        if side > LIMIT_PX:
            raise ParameterError(f"The {name} would be {side} pixels, at most {LIMIT_PX} are possible.")
    if sides[0] * sides[1] > area:
        raise ParameterError(
            f"max_megapixels={max_megapixels} is smaller than one block of multiple={step} ({step}x{step} pixels)."
        )
    return sides[0], sides[1]


def _multiple(value: float, step: int, rounding: object) -> int:
    if step == 1:
        return max(1, int(value + 1e-9) if rounding is math.floor else round(value))
    return max(step, int(value + 1e-9) // step * step)


def _crop(width: int, height: int, out: tuple[int, int], gravity: Gravity, focus: tuple[float, float] | None) -> Box:
    ratio = max(out[0] / width, out[1] / height)
    wide, high = min(float(width), out[0] / ratio), min(float(height), out[1] / ratio)
    spare_x, spare_y = width - wide, height - high
    if focus:
        left = min(spare_x, max(0.0, focus[0] * width - wide / 2))
        top = min(spare_y, max(0.0, focus[1] * height - high / 2))
    else:
        fx, fy = _anchor(gravity, DEFAULT_PLACE)
        left, top = spare_x * fx, spare_y * fy
    return left, top, min(float(width), left + wide), min(float(height), top + high)


def _anchor(gravity: Gravity, automatic: tuple[float, float]) -> tuple[float, float]:
    if gravity in ("auto", "smart"):
        return automatic
    across = 0.0 if "left" in gravity else 1.0 if "right" in gravity else 0.5
    down = 0.0 if "top" in gravity else 1.0 if "bottom" in gravity else 0.5
    return across, down


def _exact(
    source_width: int, source_height: int, wide: float, high: float, step: int, max_megapixels: float | None
) -> Fitted:
    found = f"{source_width}x{source_height}"
    if (source_width, source_height) != (wide, high):
        raise UnsupportedMediaError(
            f"fit='exact': the picture is {found}, exactly {wide:.0f}x{high:.0f} is asked for. "
            "Use fit='cover', 'contain', 'pad' or 'stretch' to change it."
        )
    if source_width % step or source_height % step:
        raise UnsupportedMediaError(f"fit='exact': the picture is {found}, both sides must be multiples of {step}.")
    if max_megapixels and source_width * source_height > max_megapixels * 1e6:
        raise UnsupportedMediaError(
            f"fit='exact': the picture is {found}, at most {max_megapixels} megapixels are allowed."
        )
    out = (source_width, source_height)
    return Fitted(*out, (0.0, 0.0, float(source_width), float(source_height)), (0, 0, *out), 0.0, 1.0, 1.0)


def _check(
    source_width: int,
    source_height: int,
    width: int | None,
    height: int | None,
    fit: str,
    gravity: str,
    focus: tuple[float, float] | None,
    step: int,
    max_megapixels: float | None,
) -> None:
    problems: list[str] = []
    for name, value in (("source_width", source_width), ("source_height", source_height)):
        if value < 1:
            problems.append(f"{name}={value} is not at least 1.")
    for name, value in (("width", width), ("height", height)):
        if value is not None and not step <= value <= LIMIT_PX:
            least = f"{step} (the multiple)" if step > 1 else "1"
            problems.append(f"{name}={value} is not between {least} and {LIMIT_PX} pixels.")
    if fit not in get_args(Fit):
        problems.append(f"fit={fit!r} is unknown. Known: {', '.join(get_args(Fit))}.")
    if gravity not in get_args(Gravity):
        problems.append(f"gravity={gravity!r} is unknown. Known: {', '.join(get_args(Gravity))}.")
    if focus is not None and not (len(focus) == 2 and all(0 <= part <= 1 for part in focus)):
        problems.append(f"focus={focus!r} is not two fractions between 0 and 1.")
    if step < 1:
        problems.append(f"multiple={step} is not at least 1.")
    if max_megapixels is not None and max_megapixels <= 0:
        problems.append(f"max_megapixels={max_megapixels} is not above 0.")
    if problems:
        raise ParameterError(" ".join(problems), problems)
