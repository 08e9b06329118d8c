"""What an argument of an operation may be, by its annotation: a wrong type is told before anything is opened."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BeforeValidator, Strict, TypeAdapter, ValidationError

from ..errors import ParameterError

__all__ = ["Argument"]


def _number(value: Any) -> int | float:
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
        return value if isinstance(value, int) else float(value)
    raise ValueError


def _whole(value: Any) -> int:
    number = _number(value)
    if isinstance(value, Integral) or float(number).is_integer():
        return int(number)
    raise ValueError


PLAIN: dict[Any, tuple[Any, str, str]] = {
    float: (Annotated[int | float, BeforeValidator(_number)], "a number", "numbers"),
    int: (Annotated[int, BeforeValidator(_whole)], "a whole number", "whole numbers"),
    bool: (Annotated[bool, Strict()], "True or False", "True or False"),
    str: (Annotated[str, Strict()], "a text", "texts"),
    Path: (Path, "a path", "paths"),
    NoneType: (None, "None", "None"),
}
"""What stands for each plain type, and what it is called, alone and in a list."""


class Argument:
    """A parameter of an operation.

    Args:
        name: Its name.
        annotation: Numbers, texts, paths, None, and lists and unions of them are held to; of anything else the operation
            itself says what is wrong with it.
    """

    def __init__(self, name: str, annotation: Any) -> None:
        self.name = name
        self._annotation = annotation

    def taken(self, value: Any) -> Any:
        """Return a value as the operation takes it: paths from texts, whole numbers from 2.0.

        Raises:
            ParameterError: It is of another type.
        """
        try:
            return self._adapter.validate_python(value)
        except ValidationError:
            shown = f"{value!r:.80}"
            raise ParameterError(f"{self.name}={shown} is not {_described(self._annotation)}.") from None

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(_held(self._annotation))


def _held(annotation: Any) -> Any:
    if annotation in PLAIN:
        return PLAIN[annotation][0]
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return Union[tuple(_held(each) for each in inner)]  # noqa: UP007 - made of what is only known now
    if origin is Sequence and _is_held(inner[0]):
        return Sequence[_held(inner[0])]
    if origin is tuple:
        return tuple[tuple(_held(each) for each in inner)]
    return Any


def _is_held(annotation: Any) -> bool:
    return _held(annotation) is not Any


def _described(annotation: Any) -> str:
    if annotation in PLAIN:
        return PLAIN[annotation][1]
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return " or ".join(_described(each) for each in inner)
    if origin is Literal:
        return " or ".join(map(repr, inner))
    several = PLAIN[inner[0]][2] if inner[0] in PLAIN else f"which each is {_described(inner[0])}"
    return f"a list of {len(inner)} {several}" if origin is tuple else f"a list of {several}"
