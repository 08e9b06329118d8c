"""What all evaluations of one plan share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from prefect import Flow

from ._plan_calls import Known
from ._plan_shapes import Shapes
from ._stand_ins import StandIns

__all__ = ["Stage"]


@dataclass(frozen=True)
class Stage:
    """A flow that is planned, and what is known.

    Attributes:
        flow: The flow.
        known: What was made before. Calls count as seen once their row is evaluated.
        stand_ins: For the flows and tasks that the flow's code names.
        shapes: Requests that were resolved before.
    """

    flow: Flow[Any, Any]
    known: Known
    stand_ins: StandIns
    shapes: Shapes = field(default_factory=Shapes)
