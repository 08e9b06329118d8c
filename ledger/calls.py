"""Who works on which call: claims with leases, look-up, listing."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update

from ..errors import ClaimLostError, ConfigurationError
from .database import Database, Transaction
from .owner import is_surely_dead, this_process
from .records import (
    NO_LABELS,
    Attempt,
    Busy,
    Call,
    CallSpec,
    CallState,
    Claim,
    Claimed,
    Done,
    Labels,
    attempt_of,
    call_of,
    clean,
    to_json,
)
from .schema import ATTEMPTS, CALLS

__all__ = ["CHUNK", "LEASE_S", "Calls", "label_columns"]

CHUNK = 500
"""Keys in one statement."""
LEASE_S = 60.0
PAGE = 200
RENEWALS = 200
"""Claims renewed in one transaction, so that others do not wait long for the lock."""

C = CALLS.c
A = ATTEMPTS.c

FIND = select(CALLS).where(C.key == bindparam("k"))
FIND_MANY = select(CALLS).where(C.key.in_(bindparam("ks", expanding=True)))
OWNERS = select(C.key, C.owner, C.token, C.lease_until).where(C.key.in_(bindparam("ks", expanding=True)))
LAST = select(ATTEMPTS).where(A.call_key == bindparam("k"), A.number == bindparam("n"))
ALL_ATTEMPTS = select(ATTEMPTS).where(A.call_key == bindparam("k")).order_by(A.number)
RENEW = update(CALLS).where(C.key == bindparam("k"), C.token == bindparam("t")).values(lease_until=bindparam("until"))
KNOWN_JOBS = (
    select(A.remote_id)
    .join(CALLS, C.key == A.call_key)
    .where(C.provider == bindparam("p"), A.remote_id.in_(bindparam("ids", expanding=True)))
)
RELEASE = (
    update(CALLS)
    .where(C.key == bindparam("k"), C.token == bindparam("t"))
    .values(owner=None, token=None, lease_until=None)
)
FORGET_NEW = delete(CALLS).where(C.key == bindparam("k"), C.state == CallState.NEW, C.token.is_(None))
SET_CALL = update(CALLS).where(C.key == bindparam("k"))
SET_ATTEMPT = update(ATTEMPTS).where(A.call_key == bindparam("k"), A.number == bindparam("n"))
NEW_CALL = insert(CALLS)
"""With these the columns to set are the names of the parameters, so that the statement is compiled once."""


class Calls:
    """Claims on calls, and what is known of them.

    Args:
        database: Of the ledger.
        keep_parameters: Whether to record the parameters of calls (prompts among them).

    Attributes:
        changed: Called with each key whose claim ended in this process, once that is durable.
    """

    def __init__(self, database: Database, *, keep_parameters: bool = True) -> None:
        self._database = database
        self._keep = keep_parameters
        self.changed: Callable[[str], None] = lambda _key: None
        self._held: dict[str, tuple[Claim, float]] = {}
        self._held_lock = threading.Lock()

    def find(self, key: str) -> Call | None:
        """Return what is known of a call."""
        with self._database.read() as connection:
            row = connection.execute(FIND, {"k": key}).one_or_none()
        return None if row is None else call_of(row)

    def find_many(self, keys: Iterable[str]) -> dict[str, Call]:
        """Return the calls among `keys` that the ledger knows."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, Call] = {}
        with self._database.read() as connection:
            for start in range(0, len(wanted), CHUNK):
                for row in connection.execute(FIND_MANY, {"ks": wanted[start : start + CHUNK]}):
                    found[row.key] = call_of(row)
        return found

    def known_keys(self, most: int) -> set[str] | None:
        """Return the key of every call; None when there are more than `most`."""
        with self._database.read() as connection:
            keys = set(connection.execute(select(C.key).limit(most + 1)).scalars())
        return keys if len(keys) <= most else None

    def attempts(self, key: str) -> list[Attempt]:
        """Return every attempt at a call, first one first."""
        with self._database.read() as connection:
            return [attempt_of(row) for row in connection.execute(ALL_ATTEMPTS, {"k": key})]

    def claim(
        self, spec: CallSpec, *, labels: Labels = NO_LABELS, lease_s: float = LEASE_S, lost: int | None = None
    ) -> Claimed | Busy | Done:
        """Ask for the right to work on a call.

        A claim whose lease has expired, or whose process on this machine has died, is taken over. Claims are renewed
        by the ledger until they are released, done, or the process ends.

        Args:
            spec: The call.
            labels: Where it is asked for.
            lease_s: Seconds until others may take over, unless it is renewed.
            lost: Number of the attempt whose outputs the store does not hold any more (`call.result_attempt` of a
                `Done`): claim the call to make them again. A newer result is still `Done`.
        """
        with self._database.write() as tx:
            row = tx.execute(FIND, {"k": spec.key}).one_or_none()
            if row is not None:
                if row.state == CallState.DONE and (lost is None or row.result_attempt != lost):
                    return Done(call_of(row))
                if _is_live(row, tx.now):
                    return Busy(spec.key, row.owner, row.lease_until)
            claim = Claim(spec.key, secrets.token_hex(16), this_process(), lease_s, labels)
            tx.after.append(lambda: self._hold(claim, self._database.now()))
            taken = {"owner": claim.owner, "token": claim.token, "lease_until": tx.now + lease_s, "updated_at": tx.now}
            taken |= label_columns(labels)
            if row is None:
                new = self._new(spec, tx.now) | taken
                tx.execute(NEW_CALL, new)
                return Claimed(claim, call_of(SimpleNamespace(**new)), None)
            tx.execute(SET_CALL, {"k": spec.key, **taken})
            last = self._last_attempt(tx, row) if row.attempt else None
            return Claimed(claim, call_of(tx.execute(FIND, {"k": spec.key}).one()), last)

    def _last_attempt(self, tx: Transaction, row: Any) -> Attempt:
        which = {"k": row.key, "n": row.attempt}
        last = tx.execute(LAST, which).one()
        state = last.state
        if state == CallState.INTENT:  # whoever was about to send it is gone
            state = CallState.UNKNOWN
            tx.execute(SET_ATTEMPT, {**which, "state": state})
            last = tx.execute(LAST, which).one()
        if state != row.state:
            tx.execute(SET_CALL, {"k": row.key, "state": state, "result_attempt": None, "outputs": None, "cost": None})
        return attempt_of(last)

    def _new(self, spec: CallSpec, now: float) -> dict[str, Any]:
        return {
            "key": spec.key,
            "card_id": spec.card_id,
            "capability": spec.capability,
            "provider": spec.provider,
            "parameters": to_json(spec.parameters) if self._keep else "{}",
            "inputs": json.dumps(spec.inputs),
            "take": spec.take,
            "state": CallState.NEW,
            "attempt": 0,
            "result_attempt": None,
            "outputs": None,
            "cost": None,
            "created_at": now,
        }

    def renew(self, *claims: Claim) -> list[Claim]:
        """Extend claims by their lease from now.

        Returns:
            Those that could not be extended: another process has taken them over, or they were released.
        """
        with self._database.write() as tx:
            lost = [
                claim
                for claim in claims
                if tx.execute(RENEW, {"k": claim.key, "t": claim.token, "until": tx.now + claim.lease_s}).rowcount != 1
            ]
            tx.after.extend(lambda claim=claim: self.let_go(claim) for claim in lost)
            return lost

    def release(self, claim: Claim) -> None:
        """Give a claim back. A call that was never attempted is forgotten. Releasing twice does nothing."""
        with self._database.write() as tx:
            if tx.execute(RELEASE, {"k": claim.key, "t": claim.token}).rowcount == 1:
                tx.execute(FORGET_NEW, {"k": claim.key})
            tx.after.append(lambda: self.let_go(claim))

    def require(self, tx: Transaction, claim: Claim) -> Any:
        """Return the call's row when the claim still stands.

        Raises:
            ClaimLostError: It does not.
        """
        row = tx.execute(FIND, {"k": claim.key}).one_or_none()
        if row is None or row.token != claim.token:
            raise ClaimLostError(
                f"The claim on call {claim.key[:12]} has been taken over"
                f"{f' by {row.owner}' if row is not None and row.owner else ''}: it was not renewed for {claim.lease_s:g} s, "
                "or it was released. Claim the call again.",
                call_key=claim.key,
            )
        return row

    def is_lost(self, tx: Transaction, claim: Claim) -> bool:
        """Return whether a claim was taken over or released."""
        row = tx.execute(FIND, {"k": claim.key}).one_or_none()
        return row is None or row.token != claim.token

    def listing(
        self, *, state: CallState | str | None = None, batch: str | None = None, limit: int | None = None
    ) -> Iterator[Call]:
        """Yield calls, newest first, in pages (no transaction stays open meanwhile).

        Raises:
            ConfigurationError: There is no such state.
        """
        if state is not None and state not in set(CallState):
            raise ConfigurationError(f"There is no call state {state!r}. Allowed: {', '.join(CallState)}.")
        query = select(CALLS).order_by(C.created_at.desc(), C.key.desc())
        query = query if state is None else query.where(C.state == str(state))
        query = query if batch is None else query.where(C.batch == batch)
        given = 0
        after: tuple[float, str] | None = None
        while limit is None or given < limit:
            page = query.limit(PAGE if limit is None else min(PAGE, limit - given))
            if after is not None:
                at, key = after
                page = page.where((C.created_at < at) | ((C.created_at == at) & (C.key < key)))
            with self._database.read() as connection:
                found = connection.execute(page).all()
            for row in found:
                yield call_of(row)
            if len(found) < PAGE:
                return
            given += len(found)
            after = (found[-1].created_at, found[-1].key)

    def known_jobs(self, provider: str, remote_ids: Iterable[str]) -> set[str]:
        """Return those remote ids that belong to an attempt of this ledger already."""
        wanted = list(dict.fromkeys(remote_ids))
        known: set[str] = set()
        with self._database.read() as connection:
            for start in range(0, len(wanted), CHUNK):
                some = {"p": provider, "ids": wanted[start : start + CHUNK]}
                known.update(connection.execute(KNOWN_JOBS, some).scalars())
        return known

    def keys_like(self, prefix: str) -> list[str]:
        """Return at most 10 keys that begin with `prefix`."""
        query = select(C.key).where(C.key.startswith(prefix, autoescape=True)).order_by(C.key).limit(10)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def free(self, keys: Collection[str]) -> list[str]:
        """Return those keys that are finished or that nobody works on."""
        wanted = list(keys)
        free: list[str] = []
        with self._database.read() as connection:
            now = self._database.time(connection)
            for start in range(0, len(wanted), CHUNK):
                some = wanted[start : start + CHUNK]
                found = {row.key: row for row in connection.execute(OWNERS, {"ks": some})}
                free += [key for key in some if key not in found or not _is_live(found[key], now)]
        return free

    def holds(self, claim: Claim) -> bool:
        """Return whether this process still holds a claim, as far as it knows."""
        with self._held_lock:
            return claim.token in self._held

    def renew_due(self) -> None:
        """Renew those claims of this process that have used a third of their lease."""
        now = self._database.now()
        with self._held_lock:
            due = [claim for claim, since in self._held.values() if now - since >= claim.lease_s / 3]
        for start in range(0, len(due), RENEWALS):
            some = due[start : start + RENEWALS]
            self.renew(*some)
            with self._held_lock:
                self._held.update((claim.token, (claim, now)) for claim in some if claim.token in self._held)

    def _hold(self, claim: Claim, since: float) -> None:
        with self._held_lock:
            self._held[claim.token] = (claim, since)

    def let_go(self, claim: Claim) -> None:
        """Stop renewing a claim, and tell those who wait for its call."""
        with self._held_lock:
            self._held.pop(claim.token, None)
        self.changed(claim.key)


def _is_live(row: Any, now: float) -> bool:
    return row.token is not None and row.lease_until > now and not is_surely_dead(row.owner)


def label_columns(labels: Labels) -> dict[str, str]:
    """Return labels as columns."""
    return {"flow": labels.flow, "flow_run": labels.flow_run, "batch": labels.batch, "row": clean(labels.row)}
