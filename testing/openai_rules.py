"""What OpenAI accepts and charges: sizes, tokens of pictures, prices of speech."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..media.measure import Measured
from .openai_answers import invalid
from .pricing import Charge

__all__ = ["SIZES", "TOKENS", "Usage", "picture_size", "speech_charge"]

SIZES = ("1024x1024", "1536x1024", "1024x1536")
# Output tokens of a 1024x1024 picture by quality, and USD for a million tokens: text in, image in, image out. Derived
# from published prices (read 2026-11-23), so they are near the truth, not exact.
TOKENS: dict[str, tuple[dict[str, int], tuple[str, str, str]]] = {
    "gpt-image-1-mini": ({"low": 272, "medium": 1056, "high": 4160}, ("2", "2.5", "8")),
    "gpt-image-1.5": ({"low": 272, "medium": 1056, "high": 4160}, ("5", "8", "32")),
    "chatgpt-image": ({"low": 272, "medium": 1056, "high": 4160}, ("5", "8", "32")),
    "gpt-image-2.": ({"low": 197, "medium": 440, "high": 1757, "xhigh": 3123, "max": 7023}, ("5", "8", "30")),
    "gpt-image-2": ({"low": 200, "medium": 1767, "high": 7033}, ("5", "8", "30")),
}
SPEECH_USD = {"tts-1-hd": "30", "tts-1": "15"}


MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Usage:
    """Tokens of one picture request."""

    text_in: int
    image_in: int
    out: int

    def charge(self, rates: tuple[str, str, str]) -> Charge:
        """Return its price at USD rates for a million tokens of text in, image in and image out."""
        pairs = zip((self.text_in, self.image_in, self.out), rates, strict=True)
        return Charge(
            Decimal(self.out), sum((Decimal(count) * Decimal(rate) / MILLION for count, rate in pairs), Decimal(0))
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        return {
            "input_tokens": self.text_in + self.image_in,
            "input_tokens_details": {"text_tokens": self.text_in, "image_tokens": self.image_in},
            "output_tokens": self.out,
            "output_tokens_details": {"image_tokens": self.out, "text_tokens": 0},
            "total_tokens": self.text_in + self.image_in + self.out,
        }


def picture_size(value: str, model: str, media: tuple[Measured, ...]) -> tuple[int, int]:
    """Return width and height for a `size`, which is refused as the API would refuse it."""
    if value == "auto":
        if media and media[0].height:
            ratio = media[0].width / media[0].height
            value = SIZES[0] if 0.8 < ratio < 1.25 else SIZES[1] if ratio > 1 else SIZES[2]
        else:
            value = SIZES[0]
    match = re.fullmatch(r"(\d+)x(\d+)", value)
    if match and value in SIZES:
        return int(match[1]), int(match[2])
    free = model.startswith("gpt-image-2")
    if match and free:
        width, height = int(match[1]), int(match[2])
        long, short = max(width, height), min(width, height)
        if short > 0 and width % 16 == height % 16 == 0 and long <= 3 * short and long <= 3840 and short <= 2160:
            return width, height
    raise invalid("size", f"Invalid size '{value}'. Supported sizes are {', '.join(SIZES)}, and auto.")


def speech_charge(model: str, text: str, seconds: float) -> Charge:
    """Return the price of speech: by characters, or by tokens of text and sound."""
    rate = next((usd for name, usd in SPEECH_USD.items() if model.startswith(name)), None)
    if rate:
        return Charge(Decimal(len(text)), Decimal(len(text)) * Decimal(rate) / MILLION)
    spoken = Decimal(str(seconds)) * Decimal("20.8") * 12 / MILLION
    return Charge(Decimal(len(text)), spoken + Decimal(len(text) // 4 + 1) * Decimal("0.6") / MILLION)
