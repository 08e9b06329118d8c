"""The result of planning: what a flow would do, cost and be refused for."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ..errors import PlanError
from ..media.facts import Facts
from ._plan_calls import described
from ._plan_diff import PlanDiff
from ._planned import NOTHING, Group, Planned, Price, RowPlan

__all__ = ["Plan"]


@dataclass
class Plan:
    """What a flow would do.

    Attributes:
        pipeline: The flow.
        rows: One for each row; a single one without an id for plain parameters.
        items: Task runs of the first row that runs, in order: what the graph shows.
        outputs: Facts of the media that it gives.
        calls: New calls, at most 500 of them, with row and price.
        groups: All task runs, equal work in one line.
        price: Of everything that is new.
        seconds: Expected time: low, likely, high.
        time_basis: What the time is made of.
        problems: Everything that would be refused; nothing runs while there are any.
        warnings: What may go wrong, or is worth knowing.
        unforeseen: Why figures are floors, when they are.
        fingerprint: Of the flow's code.
        fields: The flow's parameters: what the marks of `rows` are made of.
        diff: What differs from an earlier batch or plan, when one was named.
    """

    pipeline: str
    rows: list[RowPlan] = field(default_factory=list)
    items: list[Planned] = field(default_factory=list)
    outputs: list[Facts] = field(default_factory=list)
    calls: list[Planned] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    price: Price = NOTHING
    saved_usd: Decimal = Decimal(0)
    seconds: tuple[float, float, float] = (0.0, 0.0, 0.0)
    time_basis: str = ""
    budget: Decimal | None = None
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    unforeseen: list[str] = field(default_factory=list)
    problems_by_row: dict[str, list[str]] = field(default_factory=dict)
    fingerprint: str = ""
    fields: tuple[str, ...] = ()
    diff: PlanDiff | None = None

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    @property
    def task_runs(self) -> int:
        """Task runs over all rows."""
        return sum(group.runs for group in self.groups)

    @property
    def is_floor(self) -> bool:
        """Whether the true price may lie above the figures."""
        return bool(self.price.unpriced or self.unforeseen)

    @property
    def spends(self) -> bool:
        """Whether running it may cost money."""
        return self.price.high > 0 or self.is_floor

    def count(self, status: str) -> int:
        """Return how many task runs have a status, see `Planned`."""
        return sum(group.counts.get(status, 0) for group in self.groups)

    def raise_for_problems(self) -> None:
        """Raise when there are problems.

        Raises:
            PlanError: With every problem.
        """
        if self.problems:
            lines = "\n".join(f"- {line}" for line in self.problems[:50])
            more = f"\n... and {len(self.problems) - 50} more problems." if len(self.problems) > 50 else ""
            count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
            raise PlanError(f"{self.pipeline}: {count}, nothing was run.\n{lines}{more}", self.problems)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        states = ("run", "finished", "refused")
        calls = [group for group in self.groups if group.kind == "call"]
        return {
            "pipeline": self.pipeline,
            "ok": self.ok,
            "rows": {name: sum(row.status == name for row in self.rows) for name in states} | {"total": len(self.rows)},
            "task_runs": self.task_runs,
            "calls": {
                name: sum(group.counts.get(name, 0) for group in calls)
                for name in ("new", "open", "paid", "cached", "repeated")
            },
            **self.price.to_dict(),
            "saved_usd": float(self.saved_usd),
            "is_floor": self.is_floor,
            "budget_usd": None if self.budget is None else float(self.budget),
            "seconds": dict(zip(("low", "expected", "high"), (round(s, 1) for s in self.seconds), strict=True)),
            "time_basis": self.time_basis,
            "problems": self.problems,
            "warnings": self.warnings,
            "unforeseen": self.unforeseen,
            "outputs": [described(facts) for facts in self.outputs],
            "groups": [group.to_dict() for group in self.groups],
            "new_calls": [item.to_dict() for item in self.calls],
            "task_runs_of_first_row": [item.to_dict() for item in self.items],
            "graph": self.graph(),
            "fingerprint": self.fingerprint,
            "fields": list(self.fields),
            "row_marks": {row.id: row.marks for row in self.rows if row.id},
            "diff": None if self.diff is None else self.diff.to_dict(),
        }

    def graph(self) -> str:
        """Return the task runs of the first row as a Mermaid flowchart."""
        from .plan_graph import mermaid

        return mermaid(self.items)

    def svg(self) -> str:
        """Return the task runs of the first row as a picture."""
        from .plan_graph import svg

        return svg(self.items)

    def __str__(self) -> str:
        from .plan_view import text

        return text(self)

    def __rich__(self) -> Any:
        from .plan_view import rich_view

        return rich_view(self)

    def _repr_html_(self) -> str:
        from .plan_view import html_view

        return html_view(self)
