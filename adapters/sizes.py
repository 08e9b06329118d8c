"""How a model is told the size of its picture, and what size comes of what was asked.

Three ways exist: any number of pixels within limits (`pixels`), a table of named sizes (`choices`), or the size of an
input (`input`). A size between two that a model offers is met by the next larger and a planned local fit; one that is
larger than the model makes is refused, because enlarging is never done unasked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Annotated, Any, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..media.facts import Facts, Span, ratio_of
from .parameters import Rejected, nearest, show, suggestion
from .wishes import SizeWish, alike

__all__ = ["ChoiceSize", "InputSize", "PixelSize", "SizeRule", "Sized"]

UNPROMISED = 2.0
"""Pixel sizes that no provider page promises are taken to hold within this factor."""


@dataclass(frozen=True)
class Sized:
    """The outcome: what is sent, what comes back, what is done to it.

    Attributes:
        payload: Provider fields (dotted) and their values.
        parameters: The same choice in canonical form, for the call key.
        width, height, ratio: What the model returns.
        fit: Size that the output is fitted to locally afterwards.
        notes: What a plan should say about it.
    """

    payload: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    width: Span | None = None
    height: Span | None = None
    ratio: Span | None = None
    fit: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()


def _spans(px: tuple[int, int], exact: bool) -> tuple[Span, Span]:
    if exact:
        return Span.exactly(px[0]), Span.exactly(px[1])
    low, high = px[0] / UNPROMISED, px[0] * UNPROMISED
    return Span.within(low, high, px[0]), Span.within(px[1] / UNPROMISED, px[1] * UNPROMISED, px[1])


class _SizeRule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @property
    def sent_fields(self) -> tuple[str, ...]:
        """Provider fields that this rule writes."""
        return ()


class PixelSize(_SizeRule):
    """Any size within limits.

    Attributes:
        form: `fields` (two numbers), `text` (`WxH`), or `object` (`{width, height}` under one field).
        fields: Their provider names: two for `fields`, else one.
        default: Size sent when none was asked.
        multiple: Both sides are multiples of it.
        max_ratio: Longer side over shorter.
        like: Input whose ratio is taken when none is asked.
    """

    strategy: Literal["pixels"] = "pixels"
    form: Literal["fields", "text", "object"] = "fields"
    fields: tuple[str, ...] = ("width", "height")
    default: tuple[int, int]
    min_px: int = 1
    max_px: int
    min_pixels: int = 1
    max_pixels: int | None = None
    multiple: int = 1
    max_ratio: float | None = None
    like: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.fields) != (2 if self.form == "fields" else 1):
            raise ValueError("form 'fields' needs two `fields`, the others one")
        if problem := self._problem(self.default):
            raise ValueError(f"default size {problem}")
        return self

    @property
    def sent_fields(self) -> tuple[str, ...]:
        return self.fields

    @property
    def allowed(self) -> str:
        """The limits, in words."""
        parts = [f"sides of {self.min_px} to {self.max_px} px"]
        parts += [f"multiples of {self.multiple}"] if self.multiple > 1 else []
        parts += [f"at least {self.min_pixels} px in all"] if self.min_pixels > 1 else []
        parts += [f"at most {self.max_pixels} px in all"] if self.max_pixels else []
        parts += [f"at most {self.max_ratio:g} times as long as wide"] if self.max_ratio else []
        return ", ".join(parts)

    def _problem(self, size: tuple[int, int]) -> str:
        width, height = size
        small = min(size) < self.min_px or width * height < self.min_pixels
        large = max(size) > self.max_px or (self.max_pixels is not None and width * height > self.max_pixels)
        uneven = any(side % self.multiple for side in size)
        narrow = self.max_ratio is not None and max(size) > self.max_ratio * min(size)
        words = {"is too small": small, "is too large": large, "is off the grid": uneven, "is too narrow": narrow}
        return next((word for word, wrong in words.items() if wrong), "")

    def _grid(self, value: float, up: bool = True) -> int:
        steps = value / self.multiple
        return max(1, math.ceil(steps - 1e-9) if up else round(steps)) * self.multiple

    def _of_ratio(self, ratio: float) -> tuple[int, int]:
        width = math.sqrt(self.default[0] * self.default[1] * ratio)
        size = self._grid(width, up=False), self._grid(width / ratio, up=False)
        if min(size) < self.min_px:
            factor = self.min_px / min(size)
            size = self._grid(size[0] * factor), self._grid(size[1] * factor)
        return size

    def _covering(self, size: tuple[int, int]) -> tuple[int, int]:
        factor = max(1.0, self.min_px / min(size), math.sqrt(self.min_pixels / (size[0] * size[1])))
        return self._grid(size[0] * factor), self._grid(size[1] * factor)

    def solve(self, wish: SizeWish, pins: Mapping[str, Any], inputs: Mapping[str, Facts], scale: float) -> Sized:
        """Return what to send for a wish.

        Raises:
            Rejected: The model cannot make it.
        """
        size, fit = self.default, None
        if wish.size:
            size = wish.size if not self._problem(wish.size) else self._covering(wish.size)
            fit = wish.size if size != wish.size else None
        elif wish.ratio:
            size = self._of_ratio(float(wish.ratio))
        elif self.like in inputs and (aspect := inputs[self.like].aspect):
            size = self._of_ratio(min(max(aspect.likely, 1 / (self.max_ratio or 9)), self.max_ratio or 9))
        if problem := self._problem(size):
            hint = ""
            if problem == "is too large" and wish.ratio:
                hint = f" The nearest is {self._largest(wish.ratio)}; enlarge it afterwards with upscale_image."
            raise Rejected(f"{wish.text} {problem} for this model; allowed are {self.allowed}.{hint}")
        width, height = size
        values: tuple[Any, ...] = (width, height)
        if self.form != "fields":
            values = (f"{width}x{height}" if self.form == "text" else {"width": width, "height": height},)
        return Sized(
            payload=dict(zip(self.fields, values, strict=True)),
            parameters={"size": f"{width}x{height}"},
            width=Span.exactly(width),
            height=Span.exactly(height),
            fit=fit,
        )

    def _largest(self, ratio: Fraction) -> str:
        area = min(self.max_pixels or self.max_px**2, self.max_px**2)
        width = min(math.sqrt(area * float(ratio)), self.max_px, self.max_px * float(ratio))
        sides = [int(side / self.multiple) * self.multiple for side in (width, width / float(ratio))]
        return f"{sides[0]}x{sides[1]}"


class SizeRow(BaseModel):
    """One named size.

    Attributes:
        sends: Values of the rule's `fields`, in order; written `is` in a card.
        px: Width and height that come of it.
        ratio: Aspect ratio, when it is named or the pixels are not known.
        follow: Input whose ratio the output keeps.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    sends: tuple[str | int, ...] = Field(alias="is")
    px: tuple[int, int] | None = None
    ratio: str = ""
    follow: str = ""

    @property
    def aspect(self) -> Fraction | None:
        """Width over height, as named, else from the pixels."""
        if self.ratio:
            return ratio_of(self.ratio)
        return Fraction(*self.px) if self.px else None

    @property
    def label(self) -> str:
        """The row for people."""
        name = " ".join(str(value) for value in self.sends)
        return f"{name} ({self.px[0]}x{self.px[1]})" if self.px else name


class ChoiceSize(_SizeRule):
    """A table of named sizes; the first row is the default.

    Attributes:
        fields: Provider fields that name the size (`aspect_ratio`, `resolution`, `image_size`). None for a fixed size.
        exact: Whether the provider promises these pixels.
        area_px: Pixels in all of a row that follows an input.
        like: Input whose ratio is taken, as near as offered, when none is asked.
        frame: The same, for an input that becomes a frame of the output and so must have its ratio.
    """

    strategy: Literal["choices"] = "choices"
    like: str = ""
    frame: str = ""
    fields: tuple[str, ...] = ()
    rows: tuple[SizeRow, ...] = Field(min_length=1)
    exact: bool = True
    area_px: int = 1_048_576

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for row in self.rows:
            if len(row.sends) != len(self.fields):
                raise ValueError(f"row {row.label!r} has {len(row.sends)} values for {len(self.fields)} fields")
            if row.ratio:
                ratio_of(row.ratio)
        return self

    @property
    def sent_fields(self) -> tuple[str, ...]:
        return self.fields

    @property
    def ratios(self) -> tuple[str, ...]:
        """Every ratio offered, as `W:H`."""
        aspects = dict.fromkeys(row.aspect for row in self.rows if row.aspect)
        return tuple(f"{aspect.numerator}:{aspect.denominator}" for aspect in aspects if aspect)

    def _pinned(self, pins: Mapping[str, Any]) -> list[SizeRow]:
        rows = list(self.rows)
        for name, value in pins.items():
            at = self.fields.index(name)
            known = list(dict.fromkeys(str(row.sends[at]) for row in rows))
            rows = [row for row in rows if row.sends[at] == value]
            if not rows:
                hint = suggestion(str(value), known)
                raise Rejected(f"{name}={show(value)} is not one of {', '.join(known)}.{hint}")
        return rows

    def _default(self, rows: list[SizeRow]) -> SizeRow:
        """The row that differs least from the default one."""
        return max(rows, key=lambda row: sum(a == b for a, b in zip(row.sends, self.rows[0].sends, strict=True)))

    def _nearest(self, rows: list[SizeRow], ratio: float) -> SizeRow:
        shapes = [row.aspect for row in rows if row.aspect]
        close = min(shapes, key=lambda aspect: abs(math.log(float(aspect) / ratio)), default=None)
        return self._default([row for row in rows if row.aspect == close])

    def _by_ratio(self, rows: list[SizeRow], wish: SizeWish) -> SizeRow:
        ratio = cast("Fraction", wish.ratio)
        named = [row for row in rows if row.aspect and row.ratio and ratio_of(row.ratio) == ratio]
        fitting = named or [row for row in rows if row.aspect and alike(row.aspect, ratio)]
        if not fitting:
            known = {str(row.ratio or row.label): float(row.aspect) for row in rows if row.aspect}
            close = nearest(float(ratio), known.values()) if known else None
            hint = next((f" The nearest is {name}." for name, value in known.items() if value == close), "")
            raise Rejected(f"{wish.text} is not offered; allowed are {', '.join(known) or 'none'}.{hint}")
        return self._default(fitting)

    def _by_size(self, rows: list[SizeRow], wish: SizeWish) -> SizeRow:
        width, height = cast("tuple[int, int]", wish.size)
        best: tuple[float, int, SizeRow] | None = None
        for row in rows:
            if row.px and row.px[0] >= width and row.px[1] >= height:
                scale = max(width / row.px[0], height / row.px[1])
                crop = 1 - width * height / (row.px[0] * row.px[1] * scale * scale)
                score = (round(crop, 2), row.px[0] * row.px[1], row)
                best = score if best is None or score[:2] < best[:2] else best
        if best is None and not any(row.px for row in rows):
            raise Rejected(
                f"{wish.text}: how many pixels this model makes is not known. Ask for an aspect_ratio "
                f"({', '.join(self.ratios) or 'none is offered'}), and fit the result with fit_image."
            )
        if best is None:
            known = ", ".join(row.label for row in rows)
            raise Rejected(
                f"{wish.text} is larger than this model makes; allowed are {known}. "
                "Ask for one of these, and enlarge it afterwards with upscale_image."
            )
        return best[2]

    def solve(self, wish: SizeWish, pins: Mapping[str, Any], inputs: Mapping[str, Facts], scale: float) -> Sized:
        """Return what to send for a wish.

        Args:
            wish: What was asked.
            pins: Fields that the user set by the provider's own names.
            inputs: Facts of the input media, for rows that follow one.
            scale: Not used here.

        Raises:
            Rejected: The model does not offer it.
        """
        rows = self._pinned(pins)
        row = self._default(rows)
        model = inputs.get(self.frame) or inputs.get(self.like)
        shape = model.aspect if model else None
        if not wish.ratio and shape and not row.follow:
            row = self._nearest(rows, shape.likely)
        if wish.size:
            row = self._by_size(rows, wish)
        elif wish.ratio:
            row = self._by_ratio(rows, wish)
        sent = dict(zip(self.fields, row.sends, strict=True))
        if row.follow:
            width, height, ratio = _of_area(inputs.get(row.follow), self.area_px)
            return Sized(dict(sent), dict(sent), width, height, ratio)
        if shape and self.frame and row.aspect and not alike(row.aspect, shape.likely):
            raise Rejected(
                f"{self.frame}: its ratio of {shape.likely:.3g} differs from that of the output, {row.label}. "
                f"Fit the {self.frame} first."
            )
        aspect = Span.exactly(row.aspect) if row.aspect and not self.exact else None
        width, height = _spans(row.px, self.exact) if row.px else (None, None)
        fit = wish.size if wish.size and not (self.exact and row.px == wish.size) else None
        notes = () if self.exact or not fit else ("The provider does not promise a pixel size for this model.",)
        return Sized(dict(sent), dict(sent), width, height, aspect, fit, notes)


def _of_area(facts: Facts | None, area: int) -> tuple[Span | None, Span | None, Span | None]:
    aspect = facts.aspect if facts else None
    if aspect is None:
        return None, None, None
    width = math.sqrt(area * aspect.likely)
    sides = _spans((round(width), round(width / aspect.likely)), exact=False)
    return sides[0], sides[1], aspect


class InputSize(_SizeRule):
    """The output has the size of an input, times a factor, or its ratio at some area.

    Attributes:
        input: Name of the input.
        scale: Factor, or the name of the parameter or option that holds it.
        area_px: Pixels in all; the ratio is the input's and the size is not exact.
        multiple: Both sides are cut down to a multiple of it.
        exact: Whether the provider promises the size.
    """

    strategy: Literal["input"] = "input"
    input: str = "image"
    scale: float | str = 1.0
    area_px: int | None = None
    multiple: int = 1
    exact: bool = True

    def solve(self, wish: SizeWish, pins: Mapping[str, Any], inputs: Mapping[str, Facts], scale: float) -> Sized:
        """Return what comes of the input.

        Raises:
            Rejected: A ratio was asked that the input does not have.
        """
        facts = inputs.get(self.input)
        if wish.ratio and not wish.size and facts and facts.aspect and not alike(wish.ratio, facts.aspect.likely):
            raise Rejected(
                f"{wish.text} differs from the {self.input}, whose ratio the output keeps "
                f"({facts.aspect.likely:.3g}). Fit the {self.input} to {wish.text} first."
            )
        if self.area_px:
            width, height, ratio = _of_area(facts, self.area_px)
        else:
            width, height, ratio = self._scaled(facts, scale)
        size = (int(width.low), int(height.low)) if width and height and width.exact and height.exact else None
        return Sized(width=width, height=height, ratio=ratio, fit=wish.size if wish.size != size else None)

    def _scaled(self, facts: Facts | None, scale: float) -> tuple[Span | None, Span | None, Span | None]:
        if not facts or not facts.width_px or not facts.height_px:
            return None, None, facts.aspect if facts else None
        sides = [side.scaled(scale) for side in (facts.width_px, facts.height_px)]
        if self.multiple > 1 and all(side.exact for side in sides):
            sides = [Span.exactly(side.low // self.multiple * self.multiple) for side in sides]
        if all(side.exact for side in sides):
            spans = _spans((round(sides[0].low), round(sides[1].low)), self.exact)
            return spans[0], spans[1], None if self.exact else facts.aspect
        return sides[0], sides[1], facts.aspect


SizeRule = Annotated[PixelSize | ChoiceSize | InputSize, Field(discriminator="strategy")]
