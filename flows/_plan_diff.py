"""What differs from an earlier batch or plan: which rows, which of their calls run again, and at what price."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ._planned import NOTHING, Planned, Price, RowPlan, amount

__all__ = ["Before", "Earlier", "PlanDiff", "RowChange", "Step", "by_field", "steps_of"]

Kind = Literal["changed", "code", "added", "again"]
"""`changed` has other values; `code`: only the flow's code differs; `added` is new; `again` is equal, but was not finished or its
media is gone."""
MOST = 500
"""Rows that are listed one by one."""
MARK = 8
"""Characters of the mark of one value."""


@dataclass(frozen=True, slots=True)
class Before:
    """A row of the earlier batch. `marks` by parameter are None when they were not kept, as for rows that never ran."""

    id: str
    marks: Mapping[str, str] | None


@dataclass(frozen=True)
class Earlier:
    """A batch that ran, or a plan that was made, earlier.

    Attributes:
        name: What it is called in the plan.
        flow: Reference of its flow.
        fingerprint: Of that flow's code then.
        rows: Its rows.
    """

    name: str
    flow: str
    fingerprint: str
    rows: Sequence[Before]


@dataclass(frozen=True, slots=True)
class Step:
    """A task run of a row: whether it runs again, and why."""

    task: str
    model: str
    runs: bool
    why: str


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row that runs, or differs.

    Attributes:
        fields: Parameters whose values differ.
    """

    id: str
    kind: Kind
    fields: tuple[str, ...]
    price: Price
    steps: tuple[Step, ...]

    def __str__(self) -> str:
        values = ", ".join(self.fields) or "values that were not kept"
        words = {
            "code": "other code of the flow",
            "added": "added",
            "again": "not finished",
            "changed": f"changed {values}",
        }
        runs, kept = self._listed(runs=True), self._listed(runs=False)
        parts = [f"{self.id}: {words[self.kind]}", f"runs {runs}" if runs else "nothing to run"]
        return f"{'; '.join([*parts, f'reuses {kept}'] if kept else parts)}; {amount(self.price.expected)} USD"

    def _listed(self, *, runs: bool) -> str:
        found = Counter((step.task, step.why) for step in self.steps if step.runs == runs)
        return ", ".join(f"{count if count > 1 else ''} {task} ({why})".strip() for (task, why), count in found.items())

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        steps = [{"task": step.task, "model": step.model, "runs": step.runs, "why": step.why} for step in self.steps]
        return {"id": self.id, "kind": self.kind, "fields": list(self.fields), **self.price.to_dict(), "steps": steps}


@dataclass
class PlanDiff:
    """The difference.

    Attributes:
        since: What the plan is compared with.
        unchanged: How many rows are equal and finished: nothing of them runs.
        counts: The other rows by kind.
        fields: How many rows have another value, by parameter.
        removed: Ids of rows that are there no more.
        rows: At most 500 rows that differ, those with other values first.
        calls_run, calls_reused: Calls to models in all of them.
        price: Of the difference: everything that runs again or is new.
    """

    since: str
    unchanged: int = 0
    counts: Counter[str] = field(default_factory=Counter[str])
    fields: Counter[str] = field(default_factory=Counter[str])
    removed: list[str] = field(default_factory=list)
    rows: list[RowChange] = field(default_factory=list)
    calls_run: int = 0
    calls_reused: int = 0
    price: Price = NOTHING

    def lines(self) -> list[str]:
        """Return it for people: sums, then a line for each row."""
        words = {"changed": "changed", "code": "with other code of the flow", "added": "added", "again": "not finished"}
        counts = [f"{self.counts[kind]} {word}" for kind, word in words.items() if self.counts[kind]]
        counts += [f"{len(self.removed)} removed"] if self.removed else []
        fields = ", ".join(f"{name} in {count}" for name, count in self.fields.items())
        first = f"Since {self.since}: {', '.join([*counts, f'{self.unchanged} unchanged'])}."
        sums = (
            f"{self.calls_run} calls run, {self.calls_reused} are reused: {amount(self.price.expected)} USD expected."
        )
        return [f"{first} {f'Other values: {fields}. ' if fields else ''}{sums}", *map(str, self.rows)]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "since": self.since,
            "unchanged": self.unchanged,
            **{kind: self.counts[kind] for kind in ("changed", "code", "added", "again")},
            "removed": self.removed,
            "fields": dict(self.fields),
            "calls": {"run": self.calls_run, "reused": self.calls_reused},
            **self.price.to_dict(),
            "rows": [row.to_dict() for row in self.rows],
        }

    @classmethod
    def between(
        cls, earlier: Earlier, fingerprint: str, names: Sequence[str], rows: Sequence[RowPlan],
        steps: Mapping[str, tuple[Step, ...]],
    ) -> PlanDiff:  # fmt: skip
        """Compare a plan with what was earlier.

        Args:
            earlier: The batch or plan.
            fingerprint: Of the flow's code now.
            names: Parameters of the flow, in the order of the rows' marks.
            rows: Planned rows.
            steps: Task runs of the rows that run, by row id.
        """
        diff = cls(earlier.name)
        is_new_code = earlier.fingerprint != fingerprint
        changes: list[RowChange] = []
        pairs, removed = _paired(earlier.rows, rows, names)
        diff.removed = removed
        for row, before in pairs:
            kind, fields = _kind(row, before, names, is_new_code)
            if kind is None:
                diff.unchanged += 1
                continue
            change = RowChange(row.id, kind, fields, row.price, steps.get(row.id, ()))
            diff._count(change)
            changes.append(change)
        changes.sort(key=lambda change: (change.kind != "changed", change.kind != "added"))
        diff.rows = changes[:MOST]
        return diff

    def _count(self, change: RowChange) -> None:
        self.counts[change.kind] += 1
        self.fields.update(change.fields)
        self.price += change.price
        models = [step for step in change.steps if step.model]
        self.calls_run += sum(step.runs for step in models)
        self.calls_reused += sum(not step.runs for step in models)


def by_field(marks: str, names: Sequence[str]) -> dict[str, str]:
    """Return the marks of a row's values by the names of the flow's parameters."""
    return {name: marks[at * MARK : (at + 1) * MARK] for at, name in enumerate(names)}


def _paired(
    earlier: Sequence[Before], rows: Sequence[RowPlan], names: Sequence[str]
) -> tuple[Iterator[tuple[RowPlan, Before | None]], list[str]]:
    """Return each row with the one that it was: the one with equal values, else the one with the same id."""
    equal: dict[str, list[Before]] = {}
    for before in earlier:
        if before.marks is not None:
            equal.setdefault("".join(before.marks.get(name, "") for name in names), []).append(before)
    found: dict[str, Before] = {}
    for row in rows:
        if equal.get(row.marks):
            same = next((before for before in equal[row.marks] if before.id == row.id), equal[row.marks][0])
            equal[row.marks].remove(same)
            found[row.id] = same
    taken = {id(before) for before in found.values()}
    by_id = {before.id: before for before in earlier if id(before) not in taken}
    for row in rows:
        if row.id not in found and row.id in by_id:
            found[row.id] = by_id.pop(row.id)
    taken = {id(before) for before in found.values()}
    removed = [before.id for before in earlier if id(before) not in taken]
    return ((row, found.get(row.id)) for row in rows), removed


def _kind(
    row: RowPlan, before: Before | None, names: Sequence[str], is_new_code: bool
) -> tuple[Kind | None, tuple[str, ...]]:
    if before is None:
        return "added", ()
    now = by_field(row.marks, names)
    fields = tuple(
        name for name, mark in now.items() if before.marks is not None and before.marks.get(name, mark) != mark
    )
    if fields:
        return "changed", fields
    if row.status == "finished":
        return None, ()
    return ("code" if is_new_code else "again"), ()


def steps_of(items: Iterable[Planned]) -> tuple[Step, ...]:
    """Return the task runs of a row, with whether and why they run."""
    done = {"paid": "paid before", "cached": "made before", "repeated": "as in another row"}
    found: dict[int, Step] = {}
    for item in items:
        runs = item.status not in done
        source = next((found[at] for at in item.after if at in found and found[at].runs), None)
        why = done.get(item.status) or (f"after {source.task}" if source else "new request")
        found[item.number] = Step(
            item.task, item.model, runs, "sent before, is followed" if item.status == "open" else why
        )
    return tuple(found.values())
