"""`plan`: what a flow would do, cost and be refused for, found out without running it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from prefect import Flow
from pydantic import ValidationError

from ..adapters.catalogue import remembered
from ..errors import ConfigurationError, LedgerError, RowsError
from ..ledger import RowResult, row_key
from ..settings import get_settings
from ..tasks.budgets import Budget
from ._evaluate import Outcome, evaluated
from ._own_loop import in_own_loop
from ._plan_calls import Known
from ._plan_context import planning_context
from ._plan_diff import Earlier, PlanDiff, Step, steps_of
from ._plan_since import earlier_of
from ._planned import Group, Planned, Price, RowPlan, amount
from ._stage import Stage
from ._stand_ins import StandIns
from .parameters import Parameters, as_json, canonical, marks_of
from .pipelines import Pipeline, find_pipeline
from .plan_result import Plan
from .results import RowReport
from .rows import Row, read_rows

__all__ = ["Plan", "Planning", "plan"]

SHOWN = 500
"""New calls of a batch that are listed one by one."""
CHUNK = 500
"""Rows looked up in the ledger at a time."""


def plan(
    pipeline: str | Flow[Any, Any],
    rows: str | Path | Iterable[Mapping[str, Any]] | None = None,
    *,
    budget: str | Budget | float | None = None,
    since: str | Path | Plan | None = None,
    **parameters: Any,
) -> Plan:
    """Find out what a flow would do: shapes, conversions, calls, price, time, and everything wrong with it.

    Nothing runs, nothing is sent, and no server is needed. The flow's own code is evaluated with media that does not exist
    yet; code of a flow outside tasks is executed.

    Args:
        pipeline: A flow, or a name: a ready flow (`clip`), `module:flow`, `path/to/file.py:flow`.
        rows: Rows of a batch: a file or mappings. None plans one run with `parameters`.
        budget: A price above it is a problem.
        since: With rows: an earlier batch (its id, or `latest`), an earlier plan or the file of one. The plan's `diff`
            says what differs: rows, calls, price.
        parameters: Of the flow; a flow that has a parameter of one of these names is planned with rows.

    Returns:
        The plan; its `problems` are empty when everything is fine.

    Raises:
        ConfigurationError: The pipeline, the budget, or what `since` names cannot be used.
    """
    found = find_pipeline(pipeline)
    cap = Budget.of(budget).cap if budget is not None else None
    if rows is None:
        if since is not None:
            raise ConfigurationError("since compares rows, and none were given. Plan a file of rows.")
        planning = Planning(found, Parameters(found.flow), cap)
        return planning.of_parameters(parameters)
    folder = Path(rows).expanduser().resolve().parent if isinstance(rows, str | Path) and str(rows) != "-" else None
    checks = Parameters(found.flow, folder)
    planning = Planning(found, checks, cap, earlier=None if since is None else earlier_of(since, found.reference))
    try:
        checked = read_rows(rows, checks)
    except RowsError as exc:
        return Plan(found.reference, budget=cap, problems=list(exc.problems))
    return planning.of_rows(checked)


class Planning:
    """Makes one plan, row by row.

    Args:
        pipeline: The flow.
        parameters: Its parameters.
        cap: Budget in USD; None for none.
        before_run: Whether a batch follows at once: then a budget that the price exceeds is a warning, because it stops the
            batch in time, and so is what the flow's own code raises, because that row fails without a call.
        earlier: What to compare rows with.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        parameters: Parameters,
        cap: Decimal | None = None,
        *,
        before_run: bool = False,
        earlier: Earlier | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.parameters = parameters
        self.cap = cap
        self.before_run = before_run
        self.earlier = earlier
        self.plan = Plan(
            pipeline.reference, budget=cap, fingerprint=pipeline.fingerprint, fields=tuple(parameters.names)
        )
        self._steps: dict[str, tuple[Step, ...]] = {}
        self._known: Known | None = None
        self._groups: dict[tuple[Any, ...], Group] = {}
        self._problems: dict[str, list[str]] = {}
        self._notes: dict[str, int] = {}
        self._prices: dict[Price, Price] = {}  # many rows cost the same: one object for all of them
        self._marks = ""
        self._local_s = 0.0
        self._ends = [0.0, 0.0, 0.0]
        self._sums = [0.0, 0.0, 0.0]

    def of_parameters(self, given: Mapping[str, Any]) -> Plan:
        """Plan one run."""
        try:
            values = self.parameters.check(given)
        except ValidationError as exc:
            self.plan.problems += self.parameters.explain(exc)
            return self.plan
        row = Row("", "", given)
        self._run([(row, values)])
        return self._done(1)

    def of_rows(self, rows: list[Row]) -> Plan:
        """Plan a batch; rows that an earlier batch finished, and whose media is there, count as finished."""
        self._run(self._open_rows(rows))
        return self._done(get_settings().concurrency)

    def _known_now(self) -> Known:
        if self._known is None:
            try:
                self._known = Known.now()
            except LedgerError as exc:
                self.plan.problems.append(str(exc))
                self._known = Known()
        return self._known

    def _open_rows(self, rows: list[Row]) -> Iterator[tuple[Row, Mapping[str, Any]]]:
        flow, fingerprint = self.pipeline.reference, self.pipeline.fingerprint
        ledger = self._known_now().ledger
        for start in range(0, len(rows), CHUNK):
            chunk = rows[start : start + CHUNK]
            checked = [self.parameters.check(row.given) for row in chunk]
            plain = list(map(canonical, checked))
            keys = [row_key(flow, fingerprint, as_json(each)) for each in plain]
            finished = ledger.rows.finished(keys) if ledger is not None else {}
            for row, key, values, each in zip(chunk, keys, checked, plain, strict=True):
                self._marks = "".join(marks_of(each).values())
                if key in finished and _is_there(finished[key]):
                    self.plan.rows.append(RowPlan(row.id, "finished", marks=self._marks))
                    self.plan.saved_usd += finished[key].cost or Decimal(0)
                else:
                    yield row, values

    def _run(self, rows: Iterable[tuple[Row, Mapping[str, Any]]]) -> None:
        flow = self.pipeline.flow
        stage = Stage(flow, self._known_now(), StandIns(flow))

        async def work() -> None:
            with planning_context(flow, stage.stand_ins), remembered():
                for row, values in rows:
                    self._add(row, await evaluated(stage, values, row.id))

        in_own_loop(work)

    def _add(self, row: Row, outcome: Outcome) -> None:
        main, the_plan = outcome.main, self.plan
        if not the_plan.items:
            the_plan.items, the_plan.outputs = main.items, main.outputs
        for item in main.items:
            self._group(item).add(item)
            if item.saved is not None:
                the_plan.saved_usd += item.saved
            if item.status == "new" and item.kind == "call" and len(the_plan.calls) < SHOWN:
                the_plan.calls.append(item)
            if item.status == "new" and (item.kind != "call" or item.model.startswith("local:")):
                self._local_s += item.seconds
            for note in item.notes:
                self._notes[note] = self._notes.get(note, 0) + 1
        problems = main.problems if self.before_run else [*main.problems, *main.raised]
        for problem in problems:
            self._problems.setdefault(problem, []).append(row.place)
        if problems and row.id:
            the_plan.problems_by_row[row.id] = problems
        for note in main.raised if self.before_run else ():
            self._notes[note] = self._notes.get(note, 0) + 1
        for note in (*outcome.notes, *main.warnings):
            self._notes[note] = self._notes.get(note, 0) + 1
        the_plan.unforeseen += [line for line in main.unseen if line not in the_plan.unforeseen][
            : max(0, 20 - len(the_plan.unforeseen))
        ]
        the_plan.price += outcome.price
        self._ends = [max(ends) for ends in zip(self._ends, outcome.seconds, strict=True)]
        self._sums = [total + more for total, more in zip(self._sums, outcome.seconds, strict=True)]
        new = [item for item in main.items if item.kind == "call" and item.status in ("new", "open")]
        reused = sum(item.status in ("paid", "cached") for item in main.items)
        status = "refused" if problems else "run"
        if self.earlier is not None:
            self._steps[row.id] = steps_of(main.items)
        the_plan.rows.append(
            RowPlan(
                row.id,
                status,
                outcome.price,
                len(new),
                reused,
                len(main.items),
                outcome.seconds[1],
                bool(main.unseen),
                self._marks,
            )
        )

    def _group(self, item: Planned) -> Group:
        about = item.about if item.kind == "conversion" else ""
        mark = (item.task, item.kind, item.model, item.fallbacks, about)
        if mark not in self._groups:
            if len(self._groups) >= SHOWN:  # conversions may differ from row to row
                mark = (item.task, item.kind, item.model, item.fallbacks, "various")
            if mark not in self._groups:
                self._groups[mark] = Group(item.task, item.kind, item.model, item.fallbacks, mark[4], item.makes)
        return self._groups[mark]

    def _done(self, concurrency: int) -> Plan:
        the_plan = self.plan
        the_plan.groups = list(self._groups.values())
        the_plan.problems += [_placed(problem, places) for problem, places in self._problems.items()]
        the_plan.warnings += [note if count == 1 else f"{note} ({count} times)" for note, count in self._notes.items()][
            :50
        ]
        if self.earlier is not None:
            the_plan.diff = PlanDiff.between(
                self.earlier, the_plan.fingerprint, the_plan.fields, the_plan.rows, self._steps
            )
        self._time(concurrency)
        self._hold_against_budget()
        return the_plan

    def _time(self, concurrency: int) -> None:
        ran = sum(row.status == "run" for row in self.plan.rows)
        if ran <= 1:
            low, likely, high = self._ends
            self.plan.time_basis = "critical path of the models' usual times; local operations are estimated"
        else:
            local = self._local_s / get_settings().workers
            low, likely, high = (
                max(end, total / concurrency, local) for end, total in zip(self._ends, self._sums, strict=True)
            )
            self.plan.time_basis = (
                f"the longest of: the longest row; all rows over {concurrency} at a time; local operations over "
                f"{get_settings().workers} workers; limits of providers are not counted"
            )
        self.plan.seconds = (low, likely, high)

    def _hold_against_budget(self) -> None:
        price, cap = self.plan.price, self.cap
        if cap is None:
            return
        if price.expected > cap:
            line = (
                f"The expected price is {amount(price.expected)} USD, over the budget of {amount(cap)} USD. Raise the budget, plan fewer "
                "rows, or name cheaper models."
            )
            (self.plan.warnings if self.before_run else self.plan.problems).append(line)
        elif price.high > cap:
            self.plan.warnings.append(
                f"With retries and fallbacks the price may reach {amount(price.high)} USD; the budget of {amount(cap)} USD would stop it."
            )
        if price.unpriced:
            names = ", ".join(price.unpriced)
            line = f"The price of {names} is not known, and under a budget unpriced calls are refused. State a ceiling, or drop it."
            (self.plan.warnings if self.before_run else self.plan.problems).append(line)


def _placed(problem: str, places: list[str]) -> str:
    named = [place for place in places[:3] if place]
    if not named:
        return problem
    more = f" and {len(places) - 3} more rows" if len(places) > 3 else ""
    return f"{', '.join(named)}{more}: {problem}"


def _is_there(result: RowResult) -> bool:
    known = RowReport.model_validate(result.output)
    return all(media.exists() for media in known.media)
