"""What a plan is made of: prices, planned task runs, planned rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

__all__ = ["NOTHING", "Group", "Planned", "Price", "RowPlan", "Status", "amount"]

Status = Literal["new", "open", "paid", "cached", "repeated", "refused", "unseen"]
"""`new` runs; `open` was sent before and is followed; `paid` is in the ledger; `cached` is a stored task result; `repeated` is
the same call as an earlier one of the plan; `refused` has a problem; `unseen` is code that the plan cannot see."""

ZERO = Decimal(0)


def amount(value: Decimal) -> str:
    """Return an amount in USD with as many digits as it needs."""
    return f"{value:.2f}" if value == 0 or value >= 1 or value == round(value, 2) else f"{value:.4f}"


@dataclass(frozen=True, slots=True)
class Price:
    """An interval in USD. What has no price counts nothing and is named.

    Attributes:
        low: Everything at its cheapest.
        expected: First choices, nothing fails.
        high: Every paid retry, and every fallback, at its dearest.
        unpriced: Models whose price is not known: the true figures lie above.
    """

    low: Decimal = ZERO
    expected: Decimal = ZERO
    high: Decimal = ZERO
    unpriced: tuple[str, ...] = ()

    def __add__(self, other: Price) -> Price:
        if other is NOTHING:
            return self
        names = tuple(dict.fromkeys((*self.unpriced, *other.unpriced))) if other.unpriced else self.unpriced
        return Price(self.low + other.low, self.expected + other.expected, self.high + other.high, names)

    def widened(self, others: Iterable[Price]) -> Price:
        """Return the interval that covers others as well; the expected figure stays."""
        every = [self, *others]
        names = tuple(dict.fromkeys(name for price in every for name in price.unpriced))
        return Price(min(p.low for p in every), self.expected, max(p.high for p in every), names)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values: figures are floors where something is unpriced."""
        return {
            "low_usd": float(self.low),
            "expected_usd": float(self.expected),
            "high_usd": None if self.unpriced else float(self.high),
            "unpriced": list(self.unpriced),
        }


NOTHING = Price()


@dataclass(frozen=True, slots=True)
class Planned:
    """One task run of the plan.

    Attributes:
        number: Its place in the row.
        task: Name of the task, or of the local operation of a conversion.
        kind: `call`, `local`, `conversion` or `code`.
        status: See `Status`.
        about: The prompt, or what a conversion does and loses.
        model: Card id of the first choice.
        fallbacks: Card ids that follow.
        makes: What comes of it, in words.
        after: Numbers of the task runs whose media it takes.
        start_s, seconds: When it begins, and how long it takes.
        saved: What a paid call had cost.
        notes: Doubts, missing keys of fallbacks, and the like.
    """

    number: int
    task: str
    kind: Literal["call", "local", "conversion", "code"]
    status: Status
    about: str = ""
    model: str = ""
    fallbacks: tuple[str, ...] = ()
    makes: str = ""
    price: Price = NOTHING
    start_s: float = 0.0
    seconds: float = 0.0
    after: tuple[int, ...] = ()
    key: str = ""
    saved: Decimal | None = None
    notes: tuple[str, ...] = ()
    row: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "row": self.row,
            "number": self.number,
            "task": self.task,
            "kind": self.kind,
            "status": self.status,
            "about": self.about,
            "model": self.model,
            "fallbacks": list(self.fallbacks),
            "makes": self.makes,
            **self.price.to_dict(),
            "start_s": round(self.start_s, 2),
            "seconds": round(self.seconds, 2),
            "after": list(self.after),
            "key": self.key,
            "notes": list(self.notes),
        }


@dataclass(slots=True)
class Group:
    """Equal work over all rows: one line of the plan.

    Attributes:
        counts: Task runs by status.
    """

    task: str
    kind: str
    model: str = ""
    fallbacks: tuple[str, ...] = ()
    about: str = ""
    makes: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    price: Price = NOTHING
    seconds: float = 0.0

    def add(self, item: Planned) -> None:
        """Count one task run."""
        self.counts[item.status] = self.counts.get(item.status, 0) + 1
        self.price += item.price
        self.seconds += item.seconds

    @property
    def runs(self) -> int:
        """Task runs."""
        return sum(self.counts.values())

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "task": self.task,
            "kind": self.kind,
            "model": self.model,
            "fallbacks": list(self.fallbacks),
            "about": self.about,
            "makes": self.makes,
            "runs": self.runs,
            **{name: self.counts.get(name, 0) for name in ("new", "open", "paid", "cached", "repeated", "refused")},
            **self.price.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class RowPlan:
    """One row.

    Attributes:
        status: `run`, `finished` by an earlier batch, or `refused`.
        calls: Calls that will be sent. `reused`: calls and local results that are there already.
        task_runs: All task runs.
        seconds: Critical path.
        is_floor: Whether something could not be foreseen, so that the price is a floor.
        marks: What tells its values from others: eight characters for each parameter of the flow.
    """

    id: str
    status: Literal["run", "finished", "refused"]
    price: Price = NOTHING
    calls: int = 0
    reused: int = 0
    task_runs: int = 0
    seconds: float = 0.0
    is_floor: bool = False
    marks: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "id": self.id,
            "status": self.status,
            **self.price.to_dict(),
            "calls": self.calls,
            "reused": self.reused,
            "task_runs": self.task_runs,
            "seconds": round(self.seconds, 1),
            "is_floor": self.is_floor,
        }
