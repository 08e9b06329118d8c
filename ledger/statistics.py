"""What calls cost, how long they took and how often they succeed."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from ..errors import ConfigurationError
from .database import Database
from .money import from_nano, to_nano
from .records import CallState
from .schema import ATTEMPTS, CALLS, REUSES

__all__ = ["GROUPS", "CostLine", "Statistics"]

GROUPS = ("model", "provider", "day", "flow", "batch")
PAGE = 2000

A = ATTEMPTS.c
C = CALLS.c
R = REUSES.c

PAGE_OF_ATTEMPTS = (
    select(
        A.call_key,
        A.number,
        A.state,
        A.cost,
        A.flow,
        A.batch,
        A.intent_at,
        A.submitted_at,
        A.ended_at,
        C.provider,
        C.card_id.label("model"),
    )
    .join(CALLS, C.key == A.call_key)
    .where((A.call_key > bindparam("k")) | ((A.call_key == bindparam("k")) & (A.number > bindparam("n"))))
    .order_by(A.call_key, A.number)
    .limit(PAGE)
)
COUNTERS = ("calls", "saved", "unpriced")
SAME = [R[name] == bindparam(f"b_{name}") for name in ("day", "provider", "card_id", "flow", "batch")]
COUNT_MORE = update(REUSES).where(*SAME).values({name: R[name] + bindparam(f"more_{name}") for name in COUNTERS})

UNDER_WAY = frozenset({CallState.INTENT, CallState.SUBMITTED, CallState.RUNNING})
"""Not ended, so their cost is not yet due rather than unknown."""


@dataclass(frozen=True, slots=True)
class CostLine:
    """Totals of one group of calls. Money in USD, times in seconds.

    Attributes:
        name: The model, provider, day (UTC), flow or batch; empty when a call had none.
        spent: Sum of the known costs, of failed attempts too.
        unknown: Attempts that ended with a cost that is not known.
        attempts: Paid or local requests made.
        open: Of these, not ended.
        done: Of these, successful.
        failed: Of these, failed, refused, canceled or given up.
        success_rate: done / (done + failed); None when nothing has ended.
        median_s, p90_s: From intent to result, of the successful ones.
        reused: Calls answered without a request.
        saved: What those would have cost; `reused_unpriced` of them had an unknown cost.
    """

    name: str
    spent: Decimal
    unknown: int
    attempts: int
    open: int
    done: int
    failed: int
    success_rate: float | None
    median_s: float | None
    p90_s: float | None
    reused: int
    saved: Decimal
    reused_unpriced: int


@dataclass
class _Group:
    spent: int = 0
    unknown: int = 0
    open: int = 0
    failed: int = 0
    times: list[float] = field(default_factory=list[float])
    reused: int = 0
    saved: int = 0
    unpriced: int = 0

    def add(self, row: Any) -> None:
        self.spent += row.cost or 0
        if row.state in UNDER_WAY:
            self.open += 1
        elif row.state == CallState.DONE:
            self.times.append(row.ended_at - row.intent_at)
        elif row.state in (CallState.UNKNOWN, CallState.HELD):
            self.open += 1
        else:
            self.failed += 1
        self.unknown += row.cost is None and row.state not in UNDER_WAY

    def line(self, name: str) -> CostLine:
        times = sorted(self.times)
        done = len(times)
        ended = done + self.failed
        return CostLine(
            name=name,
            spent=from_nano(self.spent),
            unknown=self.unknown,
            attempts=ended + self.open,
            open=self.open,
            done=done,
            failed=self.failed,
            success_rate=done / ended if ended else None,
            median_s=_quantile(times, 0.5),
            p90_s=_quantile(times, 0.9),
            reused=self.reused,
            saved=from_nano(self.saved),
            reused_unpriced=self.unpriced,
        )


class Statistics:
    """Sums over the ledger, and the counters of what was saved."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._pending: Counter[tuple[str, ...]] = Counter()

    def reused(
        self, *, provider: str, card_id: str, cost: Decimal | None, calls: int = 1, flow: str = "", batch: str = ""
    ) -> None:
        """Count calls that were answered without a request. Costs nothing now; `flush` writes the counters.

        Args:
            provider, card_id: Of the call; empty for a whole row.
            cost: What they had cost, in USD; None is unknown.
            calls: How many.
            flow, batch: Where they were asked for.
        """
        day = _day(self._database.now())
        key = (day, provider, card_id, flow, batch)
        with self._lock:
            self._pending[(*key, "calls")] += calls
            self._pending[(*key, "saved")] += 0 if cost is None else to_nano(cost)
            self._pending[(*key, "unpriced")] += calls if cost is None else 0

    def flush(self) -> None:
        """Write the counters of `reused`. A crash loses at most what was counted since."""
        with self._lock:
            pending, self._pending = self._pending, Counter()
        groups = {key[:5] for key in pending}
        if not groups:
            return
        with self._database.write() as tx:
            for key in sorted(groups):
                names = dict(zip(("day", "provider", "card_id", "flow", "batch"), key, strict=True))
                more = {name: pending[(*key, name)] for name in COUNTERS}
                where = {f"b_{name}": value for name, value in names.items()}
                if (
                    tx.execute(COUNT_MORE, where | {f"more_{name}": value for name, value in more.items()}).rowcount
                    == 0
                ):
                    tx.execute(insert(REUSES), names | more)

    def costs(self, by: str = "model", *, batch: str | None = None, since: float | None = None) -> list[CostLine]:
        """Return totals, the dearest group first (days in their order).

        Args:
            by: One of `GROUPS`.
            batch: Only of this batch.
            since: Only of attempts begun, and reuses counted on days from, this instant (seconds since the epoch).

        Raises:
            ConfigurationError: `by` is none of them.
        """
        if by not in GROUPS:
            raise ConfigurationError(f"Costs cannot be grouped by {by!r}. Allowed: {', '.join(GROUPS)}.")
        groups: defaultdict[str, _Group] = defaultdict(_Group)
        after = {"k": "", "n": 0}
        conditions = [] if batch is None else [A.batch == batch]
        conditions += [] if since is None else [A.intent_at >= since]
        query = PAGE_OF_ATTEMPTS.where(*conditions)
        while True:
            with self._database.read() as connection:
                page = connection.execute(query, after).all()
            for row in page:
                groups[_day(row.intent_at) if by == "day" else getattr(row, by)].add(row)
            if len(page) < PAGE:
                break
            after = {"k": page[-1].call_key, "n": page[-1].number}
        self._add_reuses(groups, by, batch, since)
        lines = [group.line(name) for name, group in groups.items()]
        return sorted(lines, key=(lambda line: line.name) if by == "day" else (lambda line: (-line.spent, line.name)))

    def _add_reuses(self, groups: defaultdict[str, _Group], by: str, batch: str | None, since: float | None) -> None:
        self.flush()
        query = select(REUSES)
        query = query if batch is None else query.where(R.batch == batch)
        query = query if since is None else query.where(R.day >= _day(since))
        with self._database.read() as connection:
            for row in connection.execute(query):
                group = groups[row.card_id if by == "model" else getattr(row, by)]
                group.reused += row.calls
                group.saved += row.saved
                group.unpriced += row.unpriced


def _day(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def _quantile(ordered: Sequence[float], part: float) -> float | None:
    """Return the smallest value that at least `part` of all do not exceed (nearest rank)."""
    if not ordered:
        return None
    rank = max(1, -(-len(ordered) * round(part * 100) // 100))
    return ordered[rank - 1]
