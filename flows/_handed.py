"""What `batch()` hands to its flow run inside one process: values that a flow run's JSON parameters cannot carry."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field

from .pipelines import Pipeline
from .plan import Plan
from .results import RowReport
from .rows import Row

__all__ = ["HANDED", "Handed", "OnRow"]

OnRow = Callable[[RowReport, int], None]
"""Called after each row with its report and the number of rows in the batch."""


@dataclass(frozen=True)
class Handed:
    """The flow object, the admitted rows, their plan, the rows that were refused, and who wants to hear of progress."""

    pipeline: Pipeline
    rows: list[Row]
    on_row: OnRow | None
    plan: Plan | None = None
    refused: list[RowReport] = field(default_factory=list)


HANDED: ContextVar[Handed | None] = ContextVar("prefect_media_handed", default=None)
