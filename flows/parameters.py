"""What a flow takes: its signature as a pydantic model, with paths and URLs standing for media."""

from __future__ import annotations

import difflib
import hashlib
import inspect
import json
import types
import typing
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import Flow
from pydantic import BaseModel, ConfigDict, Field, ValidationError, WrapValidator, create_model

from ..media.types import Audio, Image, Media, Video

__all__ = ["MediaSource", "Parameters", "as_json", "canonical", "marks_of"]

Kind = Literal["image", "video", "audio"]
KINDS: dict[type[Media], Kind] = {Image: "image", Video: "video", Audio: "audio"}


class MediaSource(BaseModel):
    """A user's own file or URL where a flow wants media; imported when the row runs."""

    model_config = ConfigDict(frozen=True)

    source: str
    kind: Kind | None

    @property
    def is_url(self) -> bool:
        """Whether it has to be downloaded."""
        return "://" in self.source

    def content(self) -> str:
        """Return what stands for it in a key: the digest of a file's bytes, or the URL."""
        if self.is_url:
            return self.source
        with Path(self.source).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


class Parameters:
    """A flow's parameters: names, types, defaults, and whether given values fit.

    Args:
        flow: The flow.
        folder: Where relative paths of media files start.
    """

    def __init__(self, flow: Flow[Any, Any], folder: Path | None = None) -> None:
        self.folder = folder or Path.cwd()
        signature = inspect.signature(flow.fn)
        hints = typing.get_type_hints(flow.fn, include_extras=True)
        self.names = tuple(
            name
            for name, spec in signature.parameters.items()
            if spec.kind not in (spec.VAR_KEYWORD, spec.VAR_POSITIONAL)
        )
        self._hints = {name: hints.get(name, Any) for name in self.names}
        fields: dict[str, Any] = {}
        for number, name in enumerate(self.names):
            default = signature.parameters[name].default
            fields[f"p{number}"] = (
                self._accepting_sources(self._hints[name]),
                Field(... if default is inspect.Parameter.empty else default, alias=name),
            )
        self._model = create_model(
            "Parameters", __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True), **fields
        )

    def _accepting_sources(self, hint: Any) -> Any:
        kinds: set[Kind] = {kind for media, kind in KINDS.items() if media in _parts(hint)}
        if not kinds and Media not in _parts(hint):
            return hint
        kind: Kind | None = next(iter(kinds)) if len(kinds) == 1 else None
        is_list = any(typing.get_origin(part) in (list, tuple) for part in _parts(hint))

        def accept(value: Any, handler: Any) -> Any:
            if isinstance(value, str | Path):
                return self._source(str(value), kind)
            if is_list and isinstance(value, list) and value and all(isinstance(item, str | Path) for item in value):
                return [self._source(str(item), kind) for item in value]
            return handler(value)

        return Annotated[hint, WrapValidator(accept)]

    def _source(self, text: str, kind: Kind | None) -> MediaSource:
        if "://" in text:
            if not text.startswith(("https://", "http://")):
                raise ValueError("a URL of media has to start with https:// or http://")
            return MediaSource(source=text, kind=kind)
        path = (self.folder / Path(text).expanduser()).resolve()
        if not path.is_file():
            raise ValueError(f"there is no file {path}")
        return MediaSource(source=str(path), kind=kind)

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values converted to what the flow declares, defaults included.

        Raises:
            ValidationError: Explain it with `explain`.
        """
        checked = self._model.model_validate(given)
        return {name: getattr(checked, f"p{number}") for number, name in enumerate(self.names)}

    def explain(self, error: ValidationError) -> list[str]:
        """Return one line for each problem: the field, the value found, what is expected."""
        return [self._line(problem) for problem in error.errors(include_url=False)]

    def _line(self, problem: Any) -> str:
        place = ".".join(str(part) for part in problem["loc"])
        known = ", ".join(self.names) or "none"
        match problem["type"]:
            case "missing":
                return (
                    f"field {place!r} is missing. Expected {self._wanted(place)}; the flow's parameters are: {known}."
                )
            case "extra_forbidden":
                near = difflib.get_close_matches(place, self.names, 1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                return f"field {place!r} ({problem['input']!r:.60}) is not a parameter of the flow. Expected: {known}.{hint}"
            case _:
                reason = str(problem["msg"]).removeprefix("Value error, ").rstrip(".")
                return (
                    f"field {place!r}: {problem['input']!r:.80} is not valid: {reason}. Expected {self._wanted(place)}."
                )

    def _wanted(self, place: str) -> str:
        hint = self._hints.get(place.split(".", 1)[0], Any)
        while typing.get_origin(hint) is Annotated:
            hint = typing.get_args(hint)[0]
        if any(media in _parts(hint) for media in (*KINDS, Media)):
            return "a path or URL of media"
        return (
            hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint).replace("typing.", "")
        )

    def from_text(self, name: str, text: Any) -> Any:
        """Return a value given as text (a CSV cell, a command-line argument) as what the parameter's type can take."""
        hint = self._hints.get(name, str)
        if not isinstance(text, str) or str in _alternatives(hint) or not text.strip():
            return text
        if text.strip()[0] in "[{" or text.strip() in ("null", "true", "false"):
            try:
                return json.loads(text)
            except ValueError:
                return text
        return text

    def canonical(self, given: Mapping[str, Any]) -> str:
        """Return the parameters as canonical JSON: what decides whether a finished row is the same row."""
        return as_json(canonical(self.check(given)))


def canonical(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked parameters as JSON values, with digests in place of media and files."""
    return {name: _canonical(value) for name, value in values.items()}


def as_json(values: Mapping[str, Any]) -> str:
    """Return canonical parameters as one text."""
    return json.dumps(values, sort_keys=True, ensure_ascii=False)


def marks_of(values: Mapping[str, Any]) -> dict[str, str]:
    """Return eight characters for each canonical parameter: equal values have equal marks, and they give nothing away."""
    return {name: f"{zlib.crc32(_text_of(value).encode()):08x}" for name, value in values.items()}


def _text_of(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "\0" + (repr(value) if value is None or isinstance(value, int | float) else as_json({"": value}))


def _canonical(value: Any) -> Any:
    if isinstance(value, MediaSource):
        return {"source": value.content()}
    if isinstance(value, Media):
        return {"media": value.digest}
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)  # a default of 5 and a given 5.0 are the same row
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def _alternatives(hint: Any) -> list[Any]:
    """Return the types that a value may have: the members of a union, without `Annotated`."""
    if typing.get_origin(hint) is Annotated:
        return _alternatives(typing.get_args(hint)[0])
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [inner for member in typing.get_args(hint) for inner in _alternatives(member)]
    return [hint]


def _parts(hint: Any) -> set[Any]:
    """Return a type hint and everything it is made of."""
    parts = {hint} if not isinstance(hint, list) else set()
    for inner in typing.get_args(hint):
        if not isinstance(inner, str | int | float | bool | bytes | type(None)):
            try:
                parts |= _parts(inner)
            except TypeError:
                continue
    return parts
