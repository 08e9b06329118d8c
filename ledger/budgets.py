"""Budgets: caps on spend that hold at every instant, over threads, processes, machines and restarts.

A call's price is reserved before it is sent and settled when it ends. The reservation is one conditional update in the
transaction that records the intent, so `spent + reserved <= cap` cannot be passed by a race. What cannot be known stays
counted: a call that ended with unknown cost is counted at what was reserved for it (`assumed`), until someone says more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from ..errors import BudgetExceeded, ConfigurationError, ParameterError
from .database import Database, Transaction
from .money import from_nano, parse_money, show_money, to_nano
from .schema import BUDGET_HISTORY, BUDGETS, RESERVATIONS

__all__ = ["Budget", "BudgetEvent", "BudgetStatus", "Budgets"]

PAGE = 500
MOST_OPENED = 1000
B = BUDGETS.c
R = RESERVATIONS.c
H = BUDGET_HISTORY.c

FIND = select(BUDGETS).where(B.name == bindparam("n"), B.scope == bindparam("s"))
RESERVE = (
    update(BUDGETS)
    .where(B.id == bindparam("i"), B.spent + B.reserved + bindparam("a") <= B.cap)
    .values(reserved=B.reserved + bindparam("a"))
    .returning(B.spent, B.reserved, B.cap)
)
HELD = select(R.budget_id, R.amount, R.settled, R.assumed).where(
    R.call_key == bindparam("k"), R.number == bindparam("n")
)
SETTLE = (
    update(BUDGETS)
    .where(B.id == bindparam("i"))
    .values(reserved=B.reserved + bindparam("r"), spent=B.spent + bindparam("s"), assumed=B.assumed + bindparam("u"))
    .returning(B.spent, B.reserved, B.cap, B.overrun_at)
)
CLOSE = (
    update(RESERVATIONS)
    .where(R.call_key == bindparam("k"), R.number == bindparam("n"), R.budget_id == bindparam("i"))
    .values(settled=bindparam("s"), assumed=bindparam("u"))
)
NEW_BUDGET = insert(BUDGETS)
NEW_RESERVATION = insert(RESERVATIONS)
NEW_EVENT = insert(BUDGET_HISTORY)
OVERRUN = update(BUDGETS).where(B.id == bindparam("i")).values(overrun_at=bindparam("at"))


@dataclass(frozen=True, slots=True)
class Budget:
    """A cap on spend.

    Attributes:
        name: What the user calls it.
        cap: Most that may be spent, in USD.
        scope: What it counts. Budgets of the same name and scope are one budget, over all processes and runs: for
            example the id of a batch, or a month; empty for everything ever spent under that name.
    """

    name: str
    cap: Decimal
    scope: str = ""

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise ParameterError("A budget needs a name.")
        to_nano(self.cap)

    @classmethod
    def of(cls, value: Budget | str | float | Decimal, *, name: str = "budget", scope: str = "") -> Budget:
        """Return a budget from what a user gives: a `Budget`, or an amount such as `"25 USD"`."""
        return value if isinstance(value, Budget) else cls(name, parse_money(value), scope)


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """A budget at one moment, in USD.

    Attributes:
        assumed: Part of `spent` that is not known but counted as it was reserved.
        overrun: How far `spent + reserved` is over the cap, because a provider charged more than was reserved.
        overrun_at: When that first happened, seconds since the epoch.
    """

    budget: Budget
    spent: Decimal
    reserved: Decimal
    assumed: Decimal
    overrun_at: float | None

    @property
    def left(self) -> Decimal:
        """What can still be reserved."""
        return max(Decimal(0), self.budget.cap - self.spent - self.reserved)

    @property
    def overrun(self) -> Decimal:
        """How far it is over its cap."""
        return max(Decimal(0), self.spent + self.reserved - self.budget.cap)


@dataclass(frozen=True, slots=True)
class BudgetEvent:
    """One change of a budget, in USD; `spent` and `reserved` are the values after it."""

    at: float
    event: str
    call_key: str | None
    number: int | None
    delta_spent: Decimal
    delta_reserved: Decimal
    spent: Decimal
    reserved: Decimal
    cap: Decimal


class Budgets:
    """The budgets of a ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._opened: dict[Budget, None] = {}  # by this process, so that it does not undo a later change by another

    def open(self, budget: Budget) -> BudgetStatus:
        """Make a budget known, or change the cap of a known one; what is spent and reserved stays.

        The first reservation under a budget value opens it too; after that the cap that was set last holds.
        """
        with self._database.write() as tx:
            self._open(tx, budget)
            return _status(tx.execute(FIND, {"n": budget.name, "s": budget.scope}).one())

    def status(self, name: str, scope: str = "") -> BudgetStatus:
        """Return a budget as it stands.

        Raises:
            ConfigurationError: It was never opened.
        """
        with self._database.read() as connection:
            row = connection.execute(FIND, {"n": name, "s": scope}).one_or_none()
            if row is None:
                known = connection.execute(select(B.name).order_by(B.name).limit(10)).scalars().all()
                raise ConfigurationError(
                    f"There is no budget {name!r}. Known: {', '.join(map(repr, known)) or 'none'}."
                )
        return _status(row)

    def listing(self) -> list[BudgetStatus]:
        """Return every budget, oldest first."""
        with self._database.read() as connection:
            return [_status(row) for row in connection.execute(select(BUDGETS).order_by(B.id))]

    def history(self, name: str, scope: str = "") -> Iterator[BudgetEvent]:
        """Yield every change of a budget, in the order in which they happened."""
        query = (
            select(BUDGET_HISTORY)
            .join(BUDGETS, B.id == H.budget_id)
            .where(B.name == name, B.scope == scope, H.id > bindparam("after"))
            .order_by(H.id)
            .limit(PAGE)
        )
        after = 0
        while True:
            with self._database.read() as connection:
                found = connection.execute(query, {"after": after}).all()
            for row in found:
                yield _event(row)
            if len(found) < PAGE:
                return
            after = found[-1].id

    def reserve(
        self,
        tx: Transaction,
        budgets: Sequence[Budget],
        amount: Decimal | None,
        *,
        call_key: str,
        number: int,
        what: str,
    ) -> None:
        """Set an amount aside in every budget, or in none.

        Args:
            tx: Transaction of the intent; it must be undone when this raises.
            budgets: Opened when they are not yet known.
            amount: USD; None for a call whose price nobody knows.
            call_key, number: The attempt that it is for.
            what: The model, for messages.

        Raises:
            BudgetExceeded: It does not fit, or the amount is not known.
        """
        for budget in budgets:
            row = tx.execute(FIND, {"n": budget.name, "s": budget.scope}).one_or_none()
            if row is None or (from_nano(row.cap) != budget.cap and budget not in self._opened):
                row = self._open(tx, budget)
            if amount is None:
                raise _unpriced(what, _status(row))
            nano = to_nano(amount, up=True)
            tx.execute(NEW_RESERVATION, {"call_key": call_key, "number": number, "budget_id": row.id, "amount": nano})
            if nano == 0:
                continue  # free, but should it cost something all the same, it is counted here
            after = tx.execute(RESERVE, {"i": row.id, "a": nano}).one_or_none()
            if after is None:
                raise _exceeded(what, _status(row), amount)
            self._note(tx, row.id, "reserve", after, reserved=nano, attempt=(call_key, number))

    def settle(self, tx: Transaction, cost: int | None, *, billed: bool | None, call_key: str, number: int) -> None:
        """Turn an attempt's reservations into spend, or correct an assumed spend by what became known later.

        Args:
            tx: Transaction of the outcome.
            cost: Nano-USD; None is unknown.
            billed: False gives the reservation back; otherwise an unknown cost is counted as it was reserved.
            call_key, number: The attempt.
        """
        for held in tx.execute(HELD, {"k": call_key, "n": number}).all():
            free = billed is False and not cost
            assumed = cost is None and not free
            actual = held.amount if assumed else (cost or 0)
            before = held.settled or 0
            if held.settled is not None and (actual, assumed) == (before, held.assumed):
                continue  # counted so already
            if held.amount == actual == before:
                continue
            released = -held.amount if held.settled is None else 0
            change = {
                "i": held.budget_id,
                "r": released,
                "s": actual - before,
                "u": (held.amount if assumed else 0) - (before if held.assumed else 0),
            }
            after = tx.execute(SETTLE, change).one()
            tx.execute(CLOSE, {"k": call_key, "n": number, "i": held.budget_id, "s": actual, "u": assumed})
            over = after.spent + after.reserved > after.cap and actual > held.amount
            event = "overrun" if over else "release" if free else "settle"
            self._note(
                tx, held.budget_id, event, after, spent=change["s"], reserved=released, attempt=(call_key, number)
            )
            if over and after.overrun_at is None:
                tx.execute(OVERRUN, {"i": held.budget_id, "at": tx.now})

    def _remember(self, budget: Budget) -> None:
        self._opened[budget] = None
        if len(self._opened) > MOST_OPENED:
            self._opened.pop(next(iter(self._opened)), None)

    def _open(self, tx: Transaction, budget: Budget) -> Any:
        tx.after.append(lambda: self._remember(budget))
        row = tx.execute(FIND, {"n": budget.name, "s": budget.scope}).one_or_none()
        cap = to_nano(budget.cap)
        if row is None:
            new = {"name": budget.name, "scope": budget.scope, "cap": cap, "spent": 0, "reserved": 0, "assumed": 0}
            tx.execute(NEW_BUDGET, {**new, "created_at": tx.now})
            event = "open"
        elif row.cap != cap:
            tx.execute(update(BUDGETS).where(B.id == row.id).values(cap=cap))
            event = "cap"
        else:
            return row
        row = tx.execute(FIND, {"n": budget.name, "s": budget.scope}).one()
        self._note(tx, row.id, event, row)
        return row

    def _note(
        self,
        tx: Transaction,
        budget_id: int,
        event: str,
        after: Any,
        *,
        spent: int = 0,
        reserved: int = 0,
        attempt: tuple[str, int] | None = None,
    ) -> None:
        tx.execute(
            NEW_EVENT,
            {
                "budget_id": budget_id,
                "at": tx.now,
                "event": event,
                "call_key": attempt[0] if attempt else None,
                "number": attempt[1] if attempt else None,
                "delta_spent": spent,
                "delta_reserved": reserved,
                "spent": after.spent,
                "reserved": after.reserved,
                "cap": after.cap,
            },
        )


def _status(row: Any) -> BudgetStatus:
    return BudgetStatus(
        Budget(row.name, from_nano(row.cap), row.scope),
        from_nano(row.spent),
        from_nano(row.reserved),
        from_nano(row.assumed),
        row.overrun_at,
    )


def _event(row: Any) -> BudgetEvent:
    money = (from_nano(getattr(row, name)) for name in ("delta_spent", "delta_reserved", "spent", "reserved", "cap"))
    return BudgetEvent(row.at, row.event, row.call_key, row.number, *money)


def _exceeded(what: str, status: BudgetStatus, asked: Decimal) -> BudgetExceeded:
    return BudgetExceeded(
        f"Budget {status.budget.name!r} has no room for {what}: {show_money(asked)} asked, cap {show_money(status.budget.cap)}, "
        f"{show_money(status.spent)} spent, {show_money(status.reserved)} reserved for calls under way. Nothing was sent. "
        "Raise the cap, or choose a cheaper model.",
        budget=status.budget.name,
        cap=status.budget.cap,
        spent=status.spent,
        reserved=status.reserved,
        asked=asked,
    )


def _unpriced(what: str, status: BudgetStatus) -> BudgetExceeded:
    return BudgetExceeded(
        f"The price of {what} is not known, so it cannot be held under budget {status.budget.name!r} "
        f"(cap {show_money(status.budget.cap)}). Nothing was sent. State the most that one call may cost, or run without a budget.",
        budget=status.budget.name,
        cap=status.budget.cap,
        spent=status.spent,
        reserved=status.reserved,
    )
