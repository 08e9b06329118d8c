"""What a plan's tasks give: media that does not exist yet, with the facts that are known of it.

A fact that is exact reads as usual. One that lies within limits reads as the figure of the scenario that is being evaluated,
and the plan notes that something depended on it. One that is not known ends the evaluation: guessing it would send the plan down
a branch that the run may not take.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn, Protocol

from ..media.facts import Facts, Span
from ..media.types import Audio, Image, Media, Origin, Video

__all__ = ["Opaque", "PlannedText", "Reader", "Told", "Unforeseen", "planned_media", "told"]


class Unforeseen(BaseException):
    """The flow's own code asked for something that only a run can tell.

    Not an `Exception`: a flow's `except Exception` must not take it for a failure of its own.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Reader(Protocol):
    """Reads spans as the scenario wants them."""

    def figure(self, task: str, fact: str, span: Span) -> float:
        """Return the scenario's figure, and remember that it was asked for."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """What the plan knows of a symbolic value.

    Attributes:
        task: Name of the task that gives it.
        facts: Of the media.
        reader: The evaluation.
        ready_s: When it is there, in seconds from the start.
        is_file: Whether the digest is that of real bytes (a local file that a run will import).
    """

    task: str
    facts: Facts
    reader: Reader
    ready_s: float = 0.0
    is_file: bool = False


def told(value: Any) -> Told | None:
    """Return what the plan knows of a value, when it is a symbolic one."""
    return value.__dict__["_told"] if type(value) in SYMBOLIC else None


def _whole(value: float) -> int:
    return round(value)


def _rate(value: float) -> Fraction:
    return Fraction(value).limit_denominator(1001)


NUMBERS: dict[str, Any] = {
    "width_px": _whole,
    "height_px": _whole,
    "duration_s": float,
    "frame_rate": _rate,
    "sample_rate_hz": _whole,
    "channels": _whole,
    "size_bytes": _whole,
    "frames": _whole,
}
PLAIN = ("has_alpha", "media_type", "codec")


class _Symbolic:
    """Reads of facts that are not exact, and refusals of what needs the bytes. Exact facts are plain attributes."""

    def __getattr__(self, name: str) -> Any:
        known: Told | None = self.__dict__.get("_told")
        if known is None or name.startswith("__") or name not in type(self).model_fields:  # type: ignore[attr-defined]
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        value = getattr(known.facts, name, None)
        if isinstance(value, Span):
            return NUMBERS[name](known.reader.figure(known.task, name, value))
        raise Unforeseen(f"{name} of what {known.task} makes is not known before it runs")

    def _no_bytes(self, what: str) -> NoReturn:
        known: Told = self.__dict__["_told"]
        raise Unforeseen(f"{what} of what {known.task} makes: the file does not exist before it runs")

    def exists(self) -> bool:
        self._no_bytes("exists()")

    def path(self) -> Path:
        self._no_bytes("path()")

    def read(self) -> bytes:
        self._no_bytes("read()")

    def save(self, path: str | Path) -> Path:
        self._no_bytes("save()")

    def model_dump(self, *_: Any, **__: Any) -> dict[str, Any]:
        self._no_bytes("model_dump()")

    def model_dump_json(self, *_: Any, **__: Any) -> str:
        self._no_bytes("model_dump_json()")

    def __repr__(self) -> str:
        known: Told = self.__dict__["_told"]
        return f"<planned {known.facts.kind} of {known.task}>"

    __str__ = __repr__


class _PlannedImage(_Symbolic, Image):
    pass


class _PlannedVideo(_Symbolic, Video):
    @property
    def has_audio(self) -> bool:
        known: Told = self.__dict__["_told"]
        if known.facts.has_audio is None:
            raise Unforeseen(f"whether what {known.task} makes has sound is not known before it runs")
        return known.facts.has_audio


class _PlannedAudio(_Symbolic, Audio):
    pass


CLASSES: dict[str, type[Any]] = {"image": _PlannedImage, "video": _PlannedVideo, "audio": _PlannedAudio}
BASES: dict[str, type[Media]] = {"image": Image, "video": Video, "audio": Audio}


@lru_cache(maxsize=1024)
def _origin(made_by: str) -> Origin | None:
    return Origin(made_by=made_by) if made_by else None


@lru_cache(maxsize=1024)
def _exact(facts: Facts) -> dict[str, Any]:
    """Return the facts that are plain attributes."""
    fields = CLASSES[facts.kind].model_fields
    values: dict[str, Any] = {"kind": facts.kind}
    for name, convert in NUMBERS.items():
        span = getattr(facts, name)
        if span is not None and span.low == span.high and name in fields:
            values[name] = convert(span.low)
    for name in PLAIN:
        value = getattr(facts, name)
        if value is not None and name in fields:
            values[name] = value
    if facts.kind == "video" and facts.has_audio is False:
        values |= {"audio_codec": None, "audio_duration_s": None}
    return values


def planned_media(known: Told, digest: str, made_by: str = "") -> Media:
    """Return media that does not exist yet.

    Args:
        known: Its facts.
        digest: Stands for its content in keys: equal for equal requests, and the digest of no real bytes (unless
            `known.is_file`).
        made_by: Card id or name of the operation.
    """
    media: Any = object.__new__(CLASSES[known.facts.kind])
    values = {**_exact(known.facts), "_told": known, "digest": digest, "origin": _origin(made_by)}
    object.__setattr__(media, "__dict__", values)
    object.__setattr__(media, "__pydantic_fields_set__", set())
    object.__setattr__(media, "__pydantic_extra__", None)
    object.__setattr__(media, "__pydantic_private__", None)
    return media


def _refuse(what: str) -> Any:
    def refused(self: Any, *_: Any, **__: Any) -> Any:
        raise Unforeseen(f"the flow {what} what {self.__dict__['_told'].task} gives, which is not known before it runs")

    return refused


READING = (
    "__format__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__contains__", "__getitem__", "__iter__",
    "__add__", "__mod__", "__mul__",
)  # fmt: skip


class PlannedText(str):
    """Words that a model will write: they can be handed on, but not read.

    As a string it is filler of the likely length, so that what speaks it can be priced.
    """

    def __new__(cls, known: Told, length: int) -> PlannedText:
        """Return filler of a length that carries what the plan knows."""
        text = super().__new__(cls, "x" * max(1, length))
        text.__dict__["_told"] = known
        return text

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(str, name):
            return super().__getattribute__(name)
        raise Unforeseen(
            f"the flow reads (.{name}) the text of {self.__dict__['_told'].task}, which is not known before it runs"
        )

    def __hash__(self) -> int:
        return str.__hash__(self)

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        raise Unforeseen(f"the length of the text of {self.__dict__['_told'].task} is not known before it runs")


class Opaque:
    """Result of code that the plan cannot see: it can be handed on, but not looked at."""

    def __init__(self, known: Told) -> None:
        self.__dict__["_told"] = known

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise Unforeseen(
            f"the flow reads .{name} of what {self.__dict__['_told'].task} gives, which is not known before it runs"
        )

    def __repr__(self) -> str:
        return f"<result of {self.__dict__['_told'].task}>"

    def __hash__(self) -> int:
        return id(self)


SYMBOLIC = {*CLASSES.values(), PlannedText, Opaque}
"""Types of values that do not exist yet."""

for _name in READING:
    setattr(Opaque, _name, _refuse("looks at"))
    setattr(PlannedText, _name, _refuse("reads"))
for _name in ("__bool__", "__len__", "__str__", "__int__", "__float__"):
    setattr(Opaque, _name, _refuse("looks at"))
