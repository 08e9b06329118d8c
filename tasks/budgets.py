"""Budgets as a parameter and as a context manager."""

from __future__ import annotations

import uuid
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, Token
from decimal import Decimal

from ..blocks import MediaBudget
from ..ledger import Budget as Cap
from ..ledger import BudgetStatus, Ledger, parse_money

__all__ = ["Budget", "caps", "current_caps", "spending"]

_caps: ContextVar[tuple[Cap, ...]] = ContextVar("prefect_media_caps", default=())


class Budget:
    """A cap on what calls may cost, kept by the ledger: it holds over threads, processes and restarts.

    Every call reserves its highest price before it is sent; a reservation that does not fit raises `BudgetExceeded`, or
    moves on to a fallback, and nothing is sent. Budgets nest: a call has to fit all of them.

    Args:
        cap: `"25 USD"`, `25`, or a Decimal.
        name: Budgets of one name and scope are one budget wherever they are opened. Without a name it counts only
            what happens inside its own `with` block.
        scope: What a named budget counts, for example `2026-11` for one month.

    Raises:
        ParameterError: The cap is not an amount.

    Example:
        ```python
        with Budget("5 USD", name="trailers", scope="2026-11"):
            await clip(prompt="a lighthouse at dawn")
        ```
    """

    def __init__(self, cap: str | float | Decimal, *, name: str = "", scope: str = "") -> None:
        self.cap = parse_money(cap)
        self.name = name
        self.scope = scope
        self._entered: list[Token[tuple[Cap, ...]]] = []

    @classmethod
    def of(cls, value: Budget | MediaBudget | str | float | Decimal) -> Budget:
        """Return a budget from what a user gives: a budget, a block, or an amount."""
        if isinstance(value, MediaBudget):
            kept = value.get_budget()
            return cls(kept.cap, name=kept.name, scope=kept.scope)
        return value if isinstance(value, Budget) else cls(value)

    def entry(self, *, name: str, scope: str) -> Cap:
        """Return it as the ledger knows it; `name` and `scope` are used when it has no name of its own."""
        return Cap(self.name, self.cap, self.scope) if self.name else Cap(name, self.cap, scope)

    def status(self) -> BudgetStatus:
        """Return what is spent and reserved of a named budget."""
        return Ledger.current().budgets.open(Cap(self.name, self.cap, self.scope))

    def __enter__(self) -> Budget:
        cap = self.entry(name="block", scope=uuid.uuid4().hex)
        self._entered.append(_caps.set((*_caps.get(), cap)))
        return self

    def __exit__(self, *_: object) -> None:
        _caps.reset(self._entered.pop())

    def __str__(self) -> str:
        return f"{self.cap} USD"

    def __repr__(self) -> str:
        name = f", name={self.name!r}, scope={self.scope!r}" if self.name else ""
        return f"Budget('{self.cap} USD'{name})"


@contextmanager
def spending(budget: Budget | None, *, name: str = "batch", scope: str = "") -> Generator[None]:
    """Make calls inside this block fit a budget; nothing changes for None."""
    token = _caps.set((*_caps.get(), budget.entry(name=name, scope=scope))) if budget is not None else None
    try:
        yield
    finally:
        if token is not None:
            _caps.reset(token)


def current_caps() -> Sequence[Cap]:
    """Return the budgets that surround the current code, outermost first."""
    return _caps.get()


def caps(budget: Budget | MediaBudget | str | float | Decimal | None) -> tuple[Cap, ...]:
    """Return the surrounding budgets and the one given for a single call."""
    own = () if budget is None else (Budget.of(budget).entry(name="call", scope=uuid.uuid4().hex),)
    return (*_caps.get(), *own)
