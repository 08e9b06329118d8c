"""Limits that processes share: calls at a time per provider, and how long to keep away after a 429.

A process does not take a slot for each call, which would cost a durable write each time. It leases a share of the
provider's limit, says every few seconds what it wants and uses, and gets its fair part. Shares of processes that died
fall back when their lease ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, select

from .database import Database, Transaction, upsert
from .owner import is_surely_dead, this_process
from .schema import LIMITS, MEMBERS

__all__ = ["Limits", "Share", "fair_share"]

LEASE_S = 15.0
L = LIMITS.c
M = MEMBERS.c

FIND = select(LIMITS).where(L.name == bindparam("n"))
ALL_MEMBERS = select(MEMBERS).where(M.name == bindparam("n"))


@dataclass(frozen=True, slots=True)
class Share:
    """What one process may do at a provider until it asks again.

    Attributes:
        granted: Calls at a time. Never below what is in use: calls under way are not cut off.
        limit: For all processes together.
        members: Processes that share it; a request rate is divided by it.
        not_before: Nothing may be sent before this instant (seconds since the epoch); 0 when nothing forbids.
        until: When the share ends unless it is asked for again.
    """

    granted: int
    limit: int
    members: int
    not_before: float
    until: float


def fair_share(limit: int, wanted: Mapping[str, int]) -> dict[str, int]:
    """Divide a limit so that small wishes are met in full and the others get equal parts (max-min fairness)."""
    shares: dict[str, int] = {}
    left = limit
    waiting = sorted(wanted, key=lambda name: (wanted[name], name))
    for position, name in enumerate(waiting):
        part = left // (len(waiting) - position)
        shares[name] = min(wanted[name], part)
        left -= shares[name]
    return shares


class Limits:
    """The shared limits of a ledger. A name is a provider, or a provider and an account's label."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def share(self, name: str, *, limit: int, wanted: int, in_use: int = 0, lease_s: float = LEASE_S) -> Share:
        """Ask for, renew or give back (`wanted=0, in_use=0`) this process's share.

        Args:
            name: Of the limit.
            limit: What the card or the user allows over all processes; what was learned from 429 lowers it.
            wanted: Calls that this process would run at a time.
            in_use: Calls that it runs now.
            lease_s: How long the share holds; ask again within a third of it.
        """
        me = this_process()
        with self._database.write() as tx:
            known = tx.execute(FIND, {"n": name}).one_or_none()
            whole = limit if known is None or known.learned is None else min(limit, known.learned)
            others = self._others(tx, name, me)
            wishes = {other.owner: max(other.wanted, other.in_use) for other in others} | {me: max(wanted, in_use)}
            taken = sum(other.granted for other in others)
            granted = max(in_use, min(fair_share(whole, wishes)[me], whole - taken), 0)
            values = {"name": name, "owner": me, "wanted": wanted, "in_use": in_use, "granted": granted}
            if wanted or in_use:
                upsert(tx, MEMBERS, ["name", "owner"], {**values, "until": tx.now + lease_s})
            else:
                tx.execute(delete(MEMBERS).where(M.name == name, M.owner == me))
            not_before = 0.0 if known is None else known.not_before
            return Share(granted, whole, len(wishes), not_before, tx.now + lease_s)

    def _others(self, tx: Transaction, name: str, me: str) -> list[Any]:
        others: list[Any] = []
        for member in tx.execute(ALL_MEMBERS, {"n": name}).all():
            if member.owner == me:
                continue
            if member.until <= tx.now or is_surely_dead(member.owner):
                tx.execute(delete(MEMBERS).where(M.name == name, M.owner == member.owner))
            else:
                others.append(member)
        return others

    def push_back(self, name: str, until: float, *, limit: int | None = None) -> None:
        """Record that a provider asked to wait, and what it seems to bear.

        Args:
            name: Of the limit.
            until: Seconds since the epoch; an earlier instant than the known one changes nothing.
            limit: Calls at a time that now seem right; a higher one than the known one changes nothing.
        """
        with self._database.write() as tx:
            known = tx.execute(FIND, {"n": name}).one_or_none()
            learned = None if known is None else known.learned
            if limit is not None:
                learned = max(1, limit if learned is None else min(limit, learned))
            latest = until if known is None else max(until, known.not_before)
            upsert(tx, LIMITS, ["name"], {"name": name, "learned": learned, "not_before": latest, "updated_at": tx.now})

    def learn(self, name: str, limit: int | None) -> None:
        """Record how many calls at a time a provider bears, up or down; None forgets it."""
        with self._database.write() as tx:
            known = tx.execute(FIND, {"n": name}).one_or_none()
            latest = 0.0 if known is None else known.not_before
            upsert(tx, LIMITS, ["name"], {"name": name, "learned": limit, "not_before": latest, "updated_at": tx.now})

    def not_before(self, name: str) -> float:
        """Return the instant before which nothing may be sent; 0 when nothing forbids."""
        with self._database.read() as connection:
            known = connection.execute(FIND, {"n": name}).one_or_none()
        return 0.0 if known is None else float(known.not_before)
