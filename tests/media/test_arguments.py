"""Arguments of a wrong type are refused by every operation, in one line, before anything is opened."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest

import prefect_media.media
from prefect_media.errors import ParameterError, ProbeError
from prefect_media.media.arguments import Argument
from prefect_media.media.operation import OPERATIONS, Operation

for module in pkgutil.walk_packages(prefect_media.media.__path__, "prefect_media.media."):
    importlib.import_module(module.name)

PLAIN = [
    (name, parameter)
    for name, each in sorted(OPERATIONS.items())
    for parameter, annotation in get_type_hints(each.run).items()
    if parameter != "return" and "Mapping" not in str(annotation) and not str(annotation).startswith("typing.")
]


def required(operation: Operation[Any, Any]) -> dict[str, Any]:
    """Return something for each parameter that has to be given; no file of these names exists."""
    chosen: dict[str, Any] = {}
    hints = get_type_hints(operation.run)
    for name, parameter in inspect.signature(operation.run).parameters.items():
        if parameter.default is inspect.Parameter.empty:
            text = str(hints[name])
            value: Any = Path("missing.png") if "Path" in text else 2 if "int" in text or "float" in text else "x"
            chosen[name] = [value] if "Sequence" in text else value
    return chosen


@pytest.mark.parametrize(("name", "parameter"), PLAIN)
def test_every_parameter_refuses_what_it_cannot_be(name: str, parameter: str) -> None:
    with pytest.raises(ParameterError, match=rf"^{parameter}=<object object at .*> is not .+\.$"):
        OPERATIONS[name](**{**required(OPERATIONS[name]), parameter: object()})


@pytest.mark.parametrize(
    ("annotation", "value", "told"),
    [
        (float, "1", "it='1' is not a number."),
        (float, None, "it=None is not a number."),
        (float, float("nan"), "it=nan is not a number."),
        (float | None, float("inf"), "it=inf is not a number or None."),
        (float, True, "it=True is not a number."),
        (float | None, [], r"it=\[\] is not a number or None."),
        (int, 1.5, "it=1.5 is not a whole number."),
        (int | None, "100", "it='100' is not a whole number or None."),
        (bool, "no", "it='no' is not True or False."),
        (str, 5, "it=5 is not a text."),
        (float | str, b"x", "it=b'x' is not a number or a text."),
        (Path, 5, "it=5 is not a path."),
        (Sequence[float | str], 5, "it=5 is not a list of which each is a number or a text."),
        (tuple[float, float] | None, (0.5,), r"it=\(0.5,\) is not a list of 2 numbers or None."),
    ],
)
def test_the_error_names_the_value_and_what_was_expected(annotation: Any, value: Any, told: str) -> None:
    with pytest.raises(ParameterError, match=f"^{told}$"):
        Argument("it", annotation).taken(value)


@pytest.mark.parametrize(
    ("annotation", "value", "taken"),
    [
        (float, 1, 1),
        (float, np.float32(0.5), 0.5),
        (int, 512.0, 512),
        (int, np.int64(3), 3),
        (Path, "a.png", Path("a.png")),
        (tuple[float, float] | None, [0.5, 1], (0.5, 1)),
    ],
)
def test_what_means_the_same_is_taken(annotation: Any, value: Any, taken: Any) -> None:
    made = Argument("it", annotation).taken(value)
    assert made == taken
    assert type(made) is type(taken)


def test_a_path_may_be_given_as_a_text(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="missing.wav"):
        OPERATIONS["trim_audio"](str(tmp_path / "missing.wav"), str(tmp_path / "out.wav"), seconds=1)
