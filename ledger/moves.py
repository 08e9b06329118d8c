"""The moves that an attempt can make: which state may follow which, and what a move does to call and budgets."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, select, update

from ..errors import CallOrderError
from .budgets import Budgets
from .calls import Calls
from .database import Database, Transaction
from .money import to_nano
from .records import Attempt, CallState, Claim
from .schema import ATTEMPTS, CALLS

__all__ = ["ATTEMPT", "SET_CALL", "SOURCES", "Moves"]

S = CallState
SOURCES: Mapping[CallState, frozenset[CallState]] = {
    S.SUBMITTED: frozenset({S.INTENT, S.UNKNOWN, S.HELD}),
    S.RUNNING: frozenset({S.SUBMITTED, S.RUNNING}),
    # A result that comes late is banked, whatever was thought of its attempt meanwhile.
    S.DONE: frozenset({S.INTENT, S.SUBMITTED, S.RUNNING, S.UNKNOWN, S.HELD, S.CANCELED, S.ABANDONED}),
    S.FAILED: frozenset({S.INTENT, S.SUBMITTED, S.RUNNING, S.UNKNOWN, S.HELD}),
    S.REFUSED: frozenset({S.INTENT, S.SUBMITTED, S.RUNNING, S.UNKNOWN, S.HELD}),
    S.CANCELED: frozenset({S.INTENT, S.SUBMITTED, S.RUNNING}),
    S.UNKNOWN: frozenset({S.INTENT}),
    S.HELD: frozenset({S.UNKNOWN}),
    S.ABANDONED: frozenset({S.UNKNOWN, S.HELD}),
}
"""States that may come before each state of an attempt."""

A = ATTEMPTS.c
C = CALLS.c
ATTEMPT = select(ATTEMPTS).where(A.call_key == bindparam("k"), A.number == bindparam("n"))
SET_ATTEMPT = update(ATTEMPTS).where(A.call_key == bindparam("k"), A.number == bindparam("n"))
SET_CALL = update(CALLS).where(C.key == bindparam("k"))
FOLLOW = SET_CALL.where(C.attempt == bindparam("n"), C.result_attempt.is_(None))


class Moves:
    """Changes of attempts, each checked against `SOURCES`."""

    def __init__(self, database: Database, calls: Calls, budgets: Budgets) -> None:
        self._database = database
        self._calls = calls
        self._budgets = budgets

    def _step(self, claim: Claim, attempt: Attempt, state: CallState, **facts: Any) -> None:
        with self._database.write() as tx:
            self._calls.require(tx, claim)
            row = self._row(tx, attempt)
            if row.state != state:
                self._move(tx, row, state, **facts)

    def _finish(
        self,
        claim: Claim,
        attempt: Attempt,
        state: CallState,
        *,
        billed: bool | None,
        cost: Decimal | None,
        **facts: Any,
    ) -> None:
        nano = None if cost is None else to_nano(cost)
        if billed is False and nano is None:
            nano = 0
        with self._database.write() as tx:
            self._calls.require(tx, claim)
            self._end(tx, self._row(tx, attempt), state, billed=billed, cost=nano, **facts)

    def _end(self, tx: Transaction, row: Any, state: CallState, **facts: Any) -> None:
        self._move(tx, row, state, ended_at=tx.now, **facts)
        self._settle(tx, row, cost=facts["cost"], billed=facts["billed"])

    def _settle(self, tx: Transaction, row: Any, *, cost: int | None, billed: bool | None) -> None:
        if row.reserved is not None:
            self._budgets.settle(tx, cost, billed=billed, call_key=row.call_key, number=row.number)

    def _row(self, tx: Transaction, attempt: Attempt) -> Any:
        return tx.execute(ATTEMPT, {"k": attempt.call_key, "n": attempt.number}).one()

    def _move(self, tx: Transaction, row: Any, state: CallState, **facts: Any) -> None:
        if row.state not in SOURCES[state]:
            allowed = ", ".join(sorted(SOURCES[state]))
            raise self._out_of_order(row, f"marked {state}", f"it is {row.state}; only {allowed} can become {state}")
        self._update(tx, row, state=state, **facts)
        if state != S.DONE:  # then the call gets its result in the same step
            tx.execute(FOLLOW, {"k": row.call_key, "n": row.number, "state": state, "updated_at": tx.now})

    def _update(self, tx: Transaction, row: Any, **facts: Any) -> None:
        tx.execute(SET_ATTEMPT, {"k": row.call_key, "n": row.number, **facts})

    def _out_of_order(self, row: Any, wanted: str, found: str) -> CallOrderError:
        return CallOrderError(
            f"Attempt {row.number} at call {row.call_key[:12]} cannot be {wanted}: {found}. Nothing was written."
        )
