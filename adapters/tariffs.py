"""Price rules as data: what a provider charges for, and how much.

Money is USD in `Decimal`. A rule turns the terms of one call into low, expected and high; what is not known is None, and
never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ..media.facts import Span
from .terms import MICRO, Money, TariffBase, Terms, as_decimal, as_word

__all__ = ["Tariff"]

TOKENS_PER_CHARACTER = Span(low=0.1, high=1.5, likely=0.25)
"""Text tokens for each character of a prompt, over languages."""
PROMPT_OVERHEAD_TOKENS = 50
CACHED = {"cached_input_tokens": Decimal(0)}
"""Reported besides the input tokens that it is part of."""


class Free(TariffBase):
    """Costs nothing."""

    rule: Literal["free"] = "free"

    def charge(self, terms: Terms) -> Money:
        return Money.of(Decimal(0))


class Unpriced(TariffBase):
    """The price is not known beforehand."""

    rule: Literal["unknown"] = "unknown"

    def charge(self, terms: Terms) -> Money:
        return Money()


class PerOutput(TariffBase):
    """A price for each output, whatever its size.

    Attributes:
        tiers: By length: `[[5, 0.35], [10, 0.70]]`, seconds up to which a price holds. Longer is not known, unless
            `further_usd` prices each second beyond the last tier.
    """

    rule: Literal["output"] = "output"
    tiers: tuple[tuple[float, Decimal], ...] = ()
    further_usd: Decimal | None = None

    @property
    def linear(self) -> bool:
        return not self.by and not self.tiers

    def _tier(self, seconds: float) -> Decimal | None:
        for limit, usd in self.tiers:
            if seconds <= limit + 0.5:  # a 5 s clip may run some frames longer and is still the 5 s product
                return usd
        if self.further_usd is None:
            return None
        limit, usd = self.tiers[-1]
        return usd + as_decimal(seconds - limit) * self.further_usd

    def charge(self, terms: Terms) -> Money:
        duration = terms.output.duration_s
        if not self.tiers:
            rate = self.rate(terms)
            return Money() if rate is None else Money.of(rate * terms.count)
        prices = [self._tier(s) for s in (duration.low, duration.likely, duration.high)] if duration else []
        known = [price * terms.count for price in prices if price is not None]
        return Money.of(*known) if len(known) == 3 else Money()


class PerMegapixel(TariffBase):
    """A price for each megapixel, begun ones counted whole.

    Attributes:
        first_usd: Price of the first megapixel, when it differs from the further ones.
        pixels: What counts as one.
        whole: Begun megapixels count whole.
        with_inputs: Input pictures are billed too, at the further price.
    """

    rule: Literal["megapixel"] = "megapixel"
    first_usd: Decimal | None = None
    pixels: int = 1_000_000
    whole: bool = True
    with_inputs: bool = False

    @property
    def linear(self) -> bool:
        return not self.by and self.first_usd is None and not self.with_inputs

    def _count(self, pixels: float) -> Decimal:
        count = as_decimal(pixels) / self.pixels
        return count.to_integral_value(ROUND_CEILING) if self.whole else count

    def charge(self, terms: Terms) -> Money:
        rate, area = self.rate(terms), terms.output.pixels
        if rate is None or area is None or (self.with_inputs and any(not item.pixels for item in terms.inputs)):
            return Money()
        first = rate if self.first_usd is None else self.first_usd
        inputs = [item.pixels for item in terms.inputs if item.pixels] if self.with_inputs else []
        totals: list[Decimal] = []
        for end in ("low", "likely", "high"):
            count = self._count(getattr(area, end))
            output = first * min(count, Decimal(1)) + rate * max(count - 1, Decimal(0))
            extra = sum((rate * self._count(getattr(span, end)) for span in inputs), Decimal(0))
            totals.append(output * terms.count + extra)
        return Money.of(*totals)


class PerSecond(TariffBase):
    """A price for each second of the output.

    Attributes:
        minimum_s: Least that is billed.
        block_s: Seconds are billed in blocks of this length; 0 bills them as they are.
        of: Whose seconds: `output`, or the longest `input`.
    """

    rule: Literal["second"] = "second"
    minimum_s: Decimal = Decimal(0)
    block_s: Decimal = Decimal(0)
    of: Literal["output", "input"] = "output"

    def _billed(self, seconds: float) -> Decimal:
        quantity = max(as_decimal(seconds), self.minimum_s)
        if self.block_s:
            quantity = (quantity / self.block_s).to_integral_value(ROUND_CEILING) * self.block_s
        return quantity

    def charge(self, terms: Terms) -> Money:
        rate, duration = self.rate(terms), terms.output.duration_s
        if self.of == "input":
            spans = [item.duration_s for item in terms.inputs if item.duration_s]
            duration = max(spans, key=lambda span: span.likely, default=None)
        if rate is None or duration is None:
            return Money()
        return Money.of(*(rate * self._billed(s) * terms.count for s in (duration.low, duration.likely, duration.high)))


class PerGpuSecond(TariffBase):
    """A price for each second of computing, which is known only afterwards.

    Attributes:
        usd: Rate of the hardware.
        low_s, expected_s, high_s: How long a call runs.
    """

    rule: Literal["gpu_second"] = "gpu_second"
    low_s: Decimal
    expected_s: Decimal
    high_s: Decimal

    def charge(self, terms: Terms) -> Money:
        rate = self.rate(terms)
        return Money() if rate is None else Money.of(rate * self.low_s, rate * self.expected_s, rate * self.high_s)

    def settled(self, units: Mapping[str, Decimal], terms: Terms) -> Decimal | None:
        rate = self.rate(terms)
        if "gpu_seconds" in units and rate is not None:
            return (units["gpu_seconds"] * rate).quantize(MICRO, ROUND_HALF_UP)
        return super().settled(units, terms)


class PerCharacter(TariffBase):
    """A price for each `per` characters of the text.

    Attributes:
        minimum: Least number of characters that is billed.
        below: Part that the real price may lie below this.
        step_usd: Smallest amount that is billed: low and high are rounded to it, down and up.
    """

    rule: Literal["character"] = "character"
    per: int = 1000
    minimum: int = 0
    below: Decimal = Field(default=Decimal(0), ge=0, le=1)
    step_usd: Decimal | None = Field(default=None, gt=0)

    def charge(self, terms: Terms) -> Money:
        rate = self.rate(terms)
        if rate is None:
            return Money()
        price = rate * max(len(terms.text), self.minimum) / self.per
        low, high = price * (1 - self.below), price
        if step := self.step_usd:
            low = (low / step).to_integral_value(ROUND_FLOOR) * step
            high = (high / step).to_integral_value(ROUND_CEILING) * step
        return Money.of(low, price, high)


class PlanFigure(BaseModel):
    """Planning figure for one output: what it cost at some quality (`is`) and size."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    values: tuple[str, ...] = Field(alias="is")
    pixels: int
    usd: Decimal


class PerToken(TariffBase):
    """A price for each token, by modality; planned from figures for whole outputs.

    Attributes:
        rates: USD for a million of each unit that the provider reports (`text_input_tokens`, `image_output_tokens`).
        plan: Figures for the output tokens of one result; between two sizes the price is interpolated.
        spread: Part that the real price may lie below or above the figure.
        input_image_tokens: Low, expected and high for each input picture.
    """

    rule: Literal["token"] = "token"
    rates: dict[str, Decimal]
    plan: tuple[PlanFigure, ...] = ()
    spread: Decimal = Decimal("0.25")
    input_image_tokens: tuple[int, int, int] = (0, 0, 0)

    @property
    def linear(self) -> bool:
        return False

    def _planned(self, terms: Terms) -> tuple[Decimal, Decimal, Decimal] | None:
        wanted = tuple(as_word(terms.payload.get(name)) for name in self.by)
        figures = sorted((f.pixels, f.usd) for f in self.plan if f.values == wanted)
        area = terms.output.pixels
        if not figures or area is None:
            return None
        largest, usd = figures[-1]
        pixels = max(Decimal(int(area.likely)), Decimal(figures[0][0]))
        if pixels > largest:  # the price grows with the size, at most as fast as it
            most = usd * pixels / largest
            return usd, (usd * most).sqrt(), most * (1 + self.spread)
        for (low, cheap), (high, dear) in pairwise(figures):
            if low <= pixels <= high:
                usd = cheap + (dear - cheap) * (pixels - low) / (high - low)
                break
        else:
            usd = figures[0][1]
        return usd * (1 - self.spread), usd, usd * (1 + self.spread)

    def charge(self, terms: Terms) -> Money:
        planned = self._planned(terms)
        if planned is None:
            return Money()
        text, image = self.rates.get("text_input_tokens", Decimal(0)), self.rates.get("image_input_tokens", Decimal(0))
        speeds = (TOKENS_PER_CHARACTER.low, TOKENS_PER_CHARACTER.likely, TOKENS_PER_CHARACTER.high)
        totals: list[Decimal] = []
        for at, (output, per_character) in enumerate(zip(planned, speeds, strict=True)):
            tokens = as_decimal(per_character) * len(terms.text) + at * PROMPT_OVERHEAD_TOKENS
            pictures = len(terms.inputs) * self.input_image_tokens[at]
            totals.append(output * terms.count + (tokens * text + pictures * image) / 1_000_000)
        return Money.of(*totals)

    def settled(self, units: Mapping[str, Decimal], terms: Terms) -> Decimal | None:
        priced = {name: count for name, count in units.items() if name in self.rates}
        unpriced = any(name.endswith("_tokens") and name not in self.rates | CACHED and units[name] for name in units)
        if unpriced or not any(name.endswith("output_tokens") for name in priced):
            return super().settled(units, terms)
        total = sum((count * self.rates[name] for name, count in priced.items()), Decimal(0))
        return (total / 1_000_000).quantize(MICRO, ROUND_HALF_UP)


class PerCredit(TariffBase):
    """A price in the provider's credits.

    Attributes:
        usd: Price of one credit.
        credits: Credits for each unit.
        each: The unit: `output`, or `second` of it.
    """

    rule: Literal["credit"] = "credit"
    credits: Decimal
    each: Literal["output", "second"] = "output"

    def charge(self, terms: Terms) -> Money:
        rate = self.rate(terms)
        if rate is None:
            return Money()
        each = PerOutput(usd=rate * self.credits) if self.each == "output" else PerSecond(usd=rate * self.credits)
        return each.charge(terms)

    def settled(self, units: Mapping[str, Decimal], terms: Terms) -> Decimal | None:
        rate = self.rate(terms)
        if "credits" in units and rate is not None:
            return (units["credits"] * rate).quantize(MICRO, ROUND_HALF_UP)
        return super().settled(units, terms)


Tariff = Annotated[
    Free | Unpriced | PerOutput | PerMegapixel | PerSecond | PerGpuSecond | PerCharacter | PerToken | PerCredit,
    Field(discriminator="rule"),
]
