"""A card: the facts of one model as data, checked when it is loaded.

A card is one TOML file. What all models of a provider share (source, cancelling) may stand once in `_provider.toml` beside
the cards; a card's own values win. How input media is delivered is the adapter's business.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import CardError
from ..media.contracts import Contract
from .durations import SecondsRule
from .parameters import Parameter, suggestion
from .sizes import SizeRule
from .tariffs import Tariff

__all__ = [
    "CAPABILITIES",
    "FORMATS",
    "UNIFIED",
    "Capability",
    "Card",
    "Input",
    "OutputRule",
    "parse_card",
    "parse_text",
]

Capability = Literal[
    "text-to-image", "image-to-image", "image-to-video", "text-to-video", "speech", "music", "sound", "transcribe",
    "lip-sync", "upscale", "remove-background",
]  # fmt: skip

CAPABILITIES: dict[str, str] = {
    "text-to-image": "image",
    "image-to-image": "image",
    "image-to-video": "video",
    "text-to-video": "video",
    "speech": "audio",
    "music": "audio",
    "sound": "audio",
    "transcribe": "text",
    "lip-sync": "video",
    "upscale": "image",
    "remove-background": "image",
}
"""Capability to the usual kind of output; a card may say otherwise (`sound` that returns the video with it)."""

SIZE_NAMES = ("size", "width", "height", "aspect_ratio")
PLAIN_NAMES = (
    "prompt", "negative_prompt", "text", "fps", "seed", "voice", "language", "format", "scale",
)  # fmt: skip
INPUT_NAMES = ("image", "last_image", "images", "mask", "video", "audio")
UNIFIED = (*PLAIN_NAMES, *SIZE_NAMES, "seconds", "take", *INPUT_NAMES)

FORMATS: dict[str, str] = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
    "opus": "audio/ogg",
    "aac": "audio/aac",
}
"""Values of the unified `format` parameter and their MIME types."""


CancelTruth = Literal["free", "billed", "impossible", "unknown"]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Input(_Section):
    """One input medium.

    Attributes:
        field: The provider's name of it. Empty: the same as ours.
        kind: What it must be.
        max_count: More than 1 takes a list.
        contract: Limits it must keep.
        help: One line for people.
    """

    field: str = ""
    kind: Literal["image", "video", "audio"]
    required: bool = False
    max_count: int = Field(default=1, ge=1)
    contract: Contract | None = None
    help: str = ""

    @model_validator(mode="after")
    def _same_kind(self) -> Self:
        if self.contract and self.contract.kind != self.kind:
            raise ValueError(f"the contract is for {self.contract.kind}, the input is {self.kind}")
        return self


class OutputRule(_Section):
    """What comes back.

    Attributes:
        kind: Empty: what the capability usually returns.
        field: Where it is in the provider's answer.
        count: Number of outputs.
        format: Value of `FORMATS`, when there is no `format` parameter.
        frame_rate: Of video: a number, or the parameter that sets it.
        has_audio: Of video: whether it has sound, or the option that says so.
        has_alpha: Of pictures.
        sample_rate_hz, channels: Of audio; a rate for each format when they differ.
        expires_s: How long the provider keeps the file.
    """

    kind: Literal["", "image", "video", "audio", "text"] = ""
    field: str = ""
    count: int = Field(default=1, ge=1)
    format: str = ""
    frame_rate: float | str | None = None
    has_audio: bool | str | None = None
    has_alpha: bool | None = None
    sample_rate_hz: int | dict[str, int] | None = None
    channels: int | None = None
    expires_s: float | None = None

    @model_validator(mode="after")
    def _known_format(self) -> Self:
        if self.format and self.format not in FORMATS:
            raise ValueError(f"format {self.format!r} is not one of {', '.join(FORMATS)}")
        return self


class Times(_Section):
    """Seconds: how long a call usually takes, when it is given up on, when the first look is worth it."""

    expected_s: float = Field(gt=0)
    deadline_s: float = Field(gt=0)
    first_poll_s: float = Field(default=1.0, gt=0)


class Cancel(_Section):
    """What cancelling and failing cost, from `_provider.toml` unless the model differs.

    `free` stops the job without a charge, `billed` stops it and charges, `impossible` lets it run and charges.
    """

    queued: CancelTruth = "unknown"
    running: CancelTruth = "unknown"
    failure_billed: bool | None = None
    refusal_billed: bool | None = None


class Rule(_Section):
    """A limit that holds over several fields: when all of `when` match, each field of `need` must have one of its values.

    Attributes:
        when, need: Provider field to the values meant. Fields that are not sent match nothing in `when`.
        because: The limit in words.
    """

    when: dict[str, tuple[Any, ...]]
    need: dict[str, tuple[Any, ...]]
    because: str

    def problem(self, sent: Mapping[str, Any]) -> str:
        """Return what is wrong with the fields to be sent, or nothing."""
        if not all(name in sent and sent[name] in values for name, values in self.when.items()):
            return ""
        wrong = [f"{name}={sent.get(name)!r}" for name, values in self.need.items() if sent.get(name) not in values]
        return f"{', '.join(wrong)}: {self.because}" if wrong else ""


class Card(_Section):
    """The facts of one model at one provider.

    Attributes:
        id: `provider:endpoint`, with `#capability` when one endpoint has several cards.
        version: Raised when the same unified parameters would be sent differently than before.
        endpoint: What the provider calls the model. Empty: the part of the id between colon and `#`.
        family: Short name shared by all hosts of the model.
        parameters: Unified name to how it is sent.
        size, seconds: How a size and a length are sent; none when the model takes none and promises none.
        options: The provider's own extras, by the provider's names.
        fixed: Fields that are always sent as they stand.
        rules: Limits that hold over several fields.
        extra: Facts that only this provider's adapter reads.
        source, date: Where the facts come from, and when they were read.
        uncertain: Facts above that no primary source confirms.
    """

    id: str = Field(pattern=r"^[a-z0-9_-]+:[^\s#]+(#[a-z-]+)?$")
    version: int = Field(ge=1)
    endpoint: str = ""
    family: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")
    title: str
    capability: Capability
    parameters: dict[str, Parameter] = {}
    size: SizeRule | None = None
    seconds: SecondsRule | None = None
    options: dict[str, Parameter] = {}
    fixed: dict[str, Any] = {}
    inputs: dict[str, Input] = {}
    output: OutputRule = OutputRule()
    price: Tariff
    times: Times
    rules: tuple[Rule, ...] = ()
    cancel: Cancel = Cancel()
    extra: dict[str, Any] = {}
    source: str = Field(min_length=1)
    date: date
    uncertain: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def provider(self) -> str:
        """Name of the adapter that speaks to it."""
        return self.id.partition(":")[0]

    @property
    def model(self) -> str:
        """What the provider calls it."""
        return self.endpoint or self.id.partition(":")[2].partition("#")[0]

    @property
    def output_kind(self) -> str:
        """`image`, `video`, `audio` or `text`."""
        return self.output.kind or CAPABILITIES[self.capability]

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine and costs nothing."""
        return self.provider == "local"

    @property
    def accepted(self) -> tuple[str, ...]:
        """Unified names that the model takes."""
        names = list(self.parameters) + list(self.inputs)
        names += SIZE_NAMES if self.size else ()
        names += ("seconds",) if self.seconds else ()
        return tuple(name for name in UNIFIED if name in names)

    @model_validator(mode="after")
    def _names(self) -> Self:
        for name in self.parameters:
            if name not in PLAIN_NAMES:
                hint = suggestion(name, PLAIN_NAMES)
                raise ValueError(f"parameters.{name}: not one of {', '.join(PLAIN_NAMES)}.{hint} Use `options`.")
        for name in self.inputs:
            if name not in INPUT_NAMES:
                raise ValueError(f"inputs.{name}: not one of {', '.join(INPUT_NAMES)}.")
        for name in self.options:
            if name in UNIFIED:
                raise ValueError(f"options.{name}: this is a unified name; use `parameters`, `size` or `seconds`.")
        return self

    @model_validator(mode="after")
    def _fields_once(self) -> Self:
        seen: dict[str, str] = {}
        sent = {f"parameters.{name}": item.field or name for name, item in self.parameters.items()}
        sent |= {f"options.{name}": item.field or name for name, item in self.options.items()}
        sent |= {f"inputs.{name}": item.field or name for name, item in self.inputs.items()}
        sent |= {f"fixed.{name}": name for name in self.fixed}
        sent |= {f"size ({field})": field for field in (self.size.sent_fields if self.size else ())}
        sent |= {f"seconds ({field})": field for field in (self.seconds.sent_fields if self.seconds else ())}
        for where, field in sent.items():
            if field in seen:
                raise ValueError(f"{where}: provider field {field!r} is also written by {seen[field]}.")
            seen[field] = where
        return self

    @model_validator(mode="after")
    def _references(self) -> Self:
        known = {*self.parameters, *self.options}
        wanted = {
            "output.frame_rate": self.output.frame_rate,
            "output.has_audio": self.output.has_audio,
            "seconds.fps": getattr(self.seconds, "fps", None),
            "size.scale": getattr(self.size, "scale", None),
        }
        for where, name in wanted.items():
            if isinstance(name, str) and name not in known:
                raise ValueError(f"{where}: {name!r} is neither a parameter nor an option of this card.")
        for where, name in (
            ("size.input", getattr(self.size, "input", None)),
            ("size.frame", getattr(self.size, "frame", None)),
            *self._followed(),
        ):
            if name and name not in self.inputs:
                raise ValueError(f"{where}: {name!r} is not an input of this card.")
        return self

    def _followed(self) -> list[tuple[str, str]]:
        rows = getattr(self.size, "rows", ())
        followed = [(f"size.rows ({row.label})", row.follow) for row in rows if row.follow]
        source = getattr(self.seconds, "input", "")
        return followed + ([("seconds.input", source)] if source and source != "text" else [])


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `over` laid over it, table by table."""
    result = dict(base)
    for name, value in over.items():
        below = result.get(name)
        both = isinstance(value, Mapping) and isinstance(below, Mapping)
        result[name] = merged(below, value) if both else value  # pyright: ignore
    return result


def named(path: Path) -> str:
    """Return what a card's file is called in messages: its folder and name."""
    return f"{path.parent.name}/{path.name}"


def parse_card(path: Path, shared: Mapping[str, Any] | None = None) -> Card:
    """Read and check one card.

    Args:
        path: The TOML file.
        shared: Content of `_provider.toml`, laid under the card.

    Raises:
        CardError: The file cannot be read or does not validate; the message names file and field.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as exc:
        raise CardError(f"Cannot read the card {named(path)}: {exc.strerror}.") from exc
    except UnicodeDecodeError as exc:
        raise CardError(f"Card {named(path)} is not valid TOML: {exc}.") from exc
    return parse_text(text, named(path), shared)


def parse_text(text: str, where: str, shared: Mapping[str, Any] | None = None) -> Card:
    """Check the text of a card.

    Args:
        text: TOML.
        where: What it is called in errors.
        shared: Content of `_provider.toml`, laid under the card.

    Raises:
        CardError: It does not validate; the message names `where` and the field.
    """
    try:
        return Card.model_validate(merged(shared or {}, tomllib.loads(text)))
    except tomllib.TOMLDecodeError as exc:
        raise CardError(f"Card {where} is not valid TOML: {exc}.") from exc
    except ValidationError as exc:
        lines = [_explain(error["loc"], error["msg"], error.get("input")) for error in exc.errors()]
        raise CardError(f"Card {where} is not valid: " + "; ".join(lines)) from exc


def _explain(loc: tuple[int | str, ...], message: str, found: object) -> str:
    where = ".".join(str(part) for part in loc)
    text = message.removeprefix("Value error, ")
    shown = f" (found {found!r})" if isinstance(found, (str, int, float, bool)) else ""
    return f"{where}: {text}{shown}" if where else text
