"""Admit a batch: every row is planned before the first paid call; what would be refused is refused now."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, get_args

from prefect.artifacts import acreate_markdown_artifact
from prefect.context import FlowRunContext

from ..errors import ConfigurationError, PlanError
from ._planned import amount
from .parameters import Parameters
from .pipelines import Pipeline
from .plan import Plan, Planning
from .results import RowReport
from .rows import Refused, Row

__all__ = ["Admit", "Admitted", "Confirm", "admitted", "check_admit", "needs_consent", "publish_plan"]

Admit = Literal["all", "valid", "unplanned"]
"""`all` refuses a batch with any problem; `valid` runs the rows without one; `unplanned` leaves every check to the run."""

Confirm = Callable[[Plan, bool], bool]
"""Called with the plan, and whether it may spend more than a budget covers; False stops the batch before anything runs."""


@dataclass(frozen=True)
class Admitted:
    """Rows that will run, and reports of those that will not."""

    rows: list[Row]
    plan: Plan | None = None
    refused: list[RowReport] = field(default_factory=list)


def check_admit(admit: str) -> Admit:
    """Return the word, checked.

    Raises:
        ConfigurationError: There is no such word.
    """
    if admit not in get_args(Admit):
        raise ConfigurationError(f"admit={admit!r} is not valid. Expected one of: {', '.join(get_args(Admit))}.")
    return admit  # type: ignore[return-value]


def needs_consent(plan: Plan, cap: Decimal | None) -> bool:
    """Return whether a plan may spend what no budget covers."""
    return plan.spends and (cap is None or plan.is_floor or plan.price.high > cap)


async def admitted(
    pipeline: Pipeline,
    parameters: Parameters,
    rows: list[Row],
    *,
    admit: Admit = "all",
    cap: Decimal | None = None,
    unreadable: list[Refused] | None = None,
    confirm: Confirm | None = None,
) -> Admitted:
    """Plan every row and decide which run.

    Args:
        pipeline, parameters: The flow.
        rows: Checked rows.
        admit: See `Admit`.
        cap: Budget of the batch in USD. A price above it is a warning here: the budget itself stops the batch in time.
        unreadable: Rows that were not even rows.
        confirm: Asked before anything runs.

    Raises:
        PlanError: The batch is refused, or was not confirmed; nothing was run.
    """
    refused = [RowReport(id=row.id, status="failed", error=f"RowsError: {row.error}") for row in unreadable or ()]
    if admit == "unplanned":
        return Admitted(rows, None, refused)
    # The plan evaluates in a thread of its own, so this one only waits.
    plan = await asyncio.to_thread(Planning(pipeline, parameters, cap, before_run=True).of_rows, rows)
    if plan.problems and admit == "all":
        plan.raise_for_problems()
    bad = plan.problems_by_row
    refused += [
        RowReport(id=row.id, status="failed", error=f"PlanError: {'; '.join(bad[row.id])}")
        for row in rows
        if row.id in bad
    ]
    good = [row for row in rows if row.id not in bad]
    if not good:
        plan.raise_for_problems()
    if confirm is not None and not confirm(plan, needs_consent(plan, cap)):
        raise PlanError(
            f"{pipeline.reference}: not confirmed, nothing was run. Expected price: {amount(plan.price.expected)} USD."
        )
    return Admitted(good, plan, refused)


async def publish_plan(plan: Plan) -> None:
    """Publish a batch's plan as a markdown artifact of the flow run, when there is one."""
    if FlowRunContext.get() is None:
        return
    from .plan_view import markdown_view

    name = re.sub(r"[^a-z0-9]+", "-", plan.pipeline.rpartition(":")[2].lower()).strip("-")
    markdown = await asyncio.to_thread(markdown_view, plan)
    await acreate_markdown_artifact(
        markdown, key=f"plan-{name or 'batch'}", description="What the batch will do and cost."
    )
