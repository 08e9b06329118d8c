"""Plan the cheapest local operations that make media satisfy a contract, with what they lose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ParameterError
from .contracts import Contract, violations
from .facts import Facts

__all__ = ["Conversion", "Step", "plan_conversion"]


@dataclass(frozen=True)
class Step:
    """One local operation of a conversion.

    Attributes:
        operation: Name in `OPERATIONS`.
        parameters: Of that operation.
        suffix: Of the file that it writes, with its dot.
        loss: What it costs the media (`crops 44 %`), for the plan.
    """

    operation: str
    parameters: Mapping[str, Any]
    suffix: str
    loss: str


@dataclass(frozen=True)
class Conversion:
    """The steps, in order (none when the media fits already), and the facts after them."""

    steps: tuple[Step, ...]
    facts: Facts


def plan_conversion(facts: Facts, contract: Contract | None, *, fit: str = "cover") -> Conversion:
    """Return what has to be done to media before it satisfies a contract.

    Raises:
        ParameterError: Nothing local can make it fit, or `fit="refuse"` and something would have to be done.
    """
    if contract is None:
        return Conversion((), facts)
    problems = violations(contract, facts)
    if not problems:
        return Conversion((), facts)
    raise ParameterError("; ".join(problems))
