"""The models that the simulated providers host, read from `models.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from importlib import resources
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError

from ..errors import ConfigurationError
from ..media.measure import Measured
from .fields import Field, Problem
from .pricing import Charge, Price
from .product import Product
from .sizes import size_of

__all__ = ["Catalogue", "Model", "spoken_seconds"]

CHARACTERS_A_SECOND = 15.0
NUMBER = re.compile(r"[0-9.]+")


def spoken_seconds(text: str) -> float:
    """Return how long the simulated voices take to say something."""
    return max(0.6, round(len(text) / CHARACTERS_A_SECOND, 1))


def _number(value: Any, default: float) -> float:
    match = NUMBER.search(str(value))
    return float(match.group()) if match else default


class Model(BaseModel):
    """One model; `models.toml` says what each key means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ids: tuple[str, ...]
    kind: Literal["image", "video", "audio"]
    output: str = ""
    size: str = "1024x1024"
    count: str = ""
    format: str = ""
    seconds: str | float = 5.0
    fps: str | int = 24
    sound: str | bool = False
    audio: str = "mp3 44100 1 128000"
    cutout: bool = False
    price: str = ""
    run_s: float = 2.0
    versions: tuple[str, ...] = ()
    input: tuple[str, ...] = ()
    known: bool = True
    """Whether its parameters are known; an unknown model accepts any."""

    _fields: dict[str, Field] = PrivateAttr(default_factory=dict)
    _price: Price | None = PrivateAttr(default=None)

    def model_post_init(self, _context: Any) -> None:
        """Read the parameter lines and the price once."""
        self._fields = {field.name: field for field in map(Field.parse, self.input)}
        self._price = Price.parse(self.price) if self.price else None

    @property
    def fields(self) -> Mapping[str, Field]:
        """Its parameters by name."""
        return self._fields

    @property
    def first_price(self) -> tuple[str, Decimal, Decimal | None, str] | None:
        """Its first price: tier, USD for the first unit, USD for each further one if that differs, unit."""
        return self._price.terms[0] if self._price else None

    def filled(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Return the payload with every default filled in."""
        defaults = {name: field.default for name, field in self.fields.items() if field.default is not None}
        return defaults | {name: value for name, value in payload.items() if value is not None}

    def check(self, payload: Mapping[str, Any]) -> list[Problem]:
        """Return everything wrong with a payload. Unknown parameters are ignored, as the providers do."""
        missing = [
            Problem(name, "missing")
            for name, field in self.fields.items()
            if field.required and payload.get(name) in (None, "")
        ]
        checked = (self.fields[name].check(value) for name, value in payload.items() if name in self.fields)
        return missing + [problem for problem in checked if problem]

    def product(self, payload: Mapping[str, Any], media: Sequence[Measured]) -> Product:
        """Return what a payload buys, with `media` being the shapes of its input."""
        values = self.filled(payload)
        count = int(_number(values.get(self.count), 1)) if self.count else 1
        if self.kind == "audio":
            encoding, rate, channels, bit_rate = self._sound_format(values)
            return Product(
                "audio",
                seconds=self._seconds(values, media),
                format=encoding,
                sample_rate_hz=rate,
                channels=channels,
                bit_rate_bps=bit_rate,
            )
        visual = next((one for one in media if one.width), None)
        width, height = size_of(self.size, values, visual)
        if self.kind == "image":
            name = str(values.get("output_format") or values.get("format") or self.format or "png")
            name = "jpeg" if name == "jpg" else name
            return Product("image", count, width, height, format=name, cutout=self.cutout)
        sound = bool(values.get(self.sound)) if isinstance(self.sound, str) else self.sound
        rate = int(_number(values.get(self.fps), 24)) if isinstance(self.fps, str) else self.fps
        return Product(
            "video",
            width=max(2, width // 2 * 2),
            height=max(2, height // 2 * 2),
            seconds=self._seconds(values, media),
            frame_rate=rate,
            format="mp4",
            sound=sound,
        )

    def _sound_format(self, values: Mapping[str, Any]) -> tuple[str, int, int, int]:
        encoding, rate, channels, bit_rate = self.audio.split()
        if values.get("output_format") in ("wav", "mp3"):
            encoding = str(values["output_format"])
        return (
            encoding,
            int(values.get("sample_rate") or rate),
            int(channels),
            int(bit_rate) if encoding == "mp3" else 0,
        )

    def _seconds(self, values: Mapping[str, Any], media: Sequence[Measured]) -> float:
        if not isinstance(self.seconds, str):
            return float(self.seconds)
        rule, _, argument = self.seconds.partition(" ")
        if rule == "speech":
            return spoken_seconds(str(values.get(argument) or ""))
        if rule == "milliseconds":
            return _number(values.get(argument), 10_000) / 1000
        if rule == "input":
            lengths = [one.seconds for one in media if one.seconds]
            return min(lengths) if lengths else 5.0
        if rule == "frames":
            frames, _, rate = argument.partition("/")
            return _number(values.get(frames), 81) / _number(values.get(rate, rate), 24)
        return _number(values.get(rule), 5.0)

    def charge(self, payload: Mapping[str, Any], product: Product, run_s: float) -> Charge | None:
        """Return what a request costs; None when the model has no known price."""
        return self._price.charge(self.filled(payload), product, run_s) if self._price else None


GENERIC: dict[str, Model] = {
    kind: Model(ids=(), kind=kind, known=False, size="1024x1024" if kind == "image" else "1280x720")
    for kind in ("image", "video", "audio")
}
VIDEO_WORDS = re.compile(r"video|veo|kling|seedance|hailuo|wan[-/0-9]|ltx|ray-|lipsync|luma", re.IGNORECASE)
AUDIO_WORDS = re.compile(r"audio|music|speech|tts|sound|voice|lyria", re.IGNORECASE)


class Catalogue:
    """Models by `provider:endpoint`."""

    def __init__(self, models: Sequence[Model]) -> None:
        self._models = {identity: model for model in models for identity in model.ids}
        self._versions = {version: identity for identity, model in self._models.items() for version in model.versions}

    @staticmethod
    def standard(extra: Sequence[Mapping[str, Any]] = ()) -> Catalogue:
        """Return the built-in models, with `extra` ones added or replaced.

        Raises:
            ConfigurationError: An extra model is not valid.
        """
        try:
            return Catalogue([*_builtin(), *(Model(**one) for one in extra)])
        except ValidationError as exc:
            first = exc.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ConfigurationError(f"A [[model]] of the simulator is not valid: {where}: {first['msg']}.") from exc

    def find(self, provider: str, endpoint: str) -> Model:
        """Return a model; one that is not known gets a generic shape guessed from its name, and no price."""
        found = self._models.get(f"{provider}:{endpoint}")
        if found:
            return found
        kind = "audio" if AUDIO_WORDS.search(endpoint) else "video" if VIDEO_WORDS.search(endpoint) else "image"
        return GENERIC[kind]

    def of_version(self, version: str) -> str | None:
        """Return the Replicate model (`owner/name`) that a version id belongs to."""
        identity = self._versions.get(version)
        return identity.partition(":")[2] if identity else None


@lru_cache(maxsize=1)
def _builtin() -> tuple[Model, ...]:
    text = resources.files(__package__ or "").joinpath("models.toml").read_text("utf-8")
    return tuple(Model(**one) for one in tomllib.loads(text)["model"])
