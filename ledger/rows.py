"""Batches and their rows: what a rerun can answer from, without running anything."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from ..errors import ConfigurationError
from .calls import CHUNK
from .database import Database, upsert
from .money import from_nano, to_nano
from .records import clean, media_in, to_json
from .schema import BATCH_ROWS, BATCHES, ROWS

__all__ = ["Batch", "BatchRow", "RowResult", "Rows", "row_key"]

SUCCEEDED = "succeeded"

F = ROWS.c
M = BATCH_ROWS.c
BT = BATCHES.c

FINISHED = select(ROWS).where(F.key.in_(bindparam("ks", expanding=True)), F.status == SUCCEEDED)
PAGE = (
    select(M.position, M.row_id, M.row_key, ROWS)
    .join(ROWS, F.key == M.row_key, isouter=True)
    .where(M.batch == bindparam("b"), M.position > bindparam("after"))
    .order_by(M.position)
    .limit(CHUNK)
)


def row_key(flow: str, fingerprint: str, parameters: str) -> str:
    """Return the key of a row: the same flow with the same canonical parameters has the same key.

    Args:
        flow: Name of the flow.
        fingerprint: What changes when the flow's own work changes.
        parameters: Canonical JSON of the parameters, with digests in place of media.
    """
    return hashlib.sha256(json.dumps([flow, fingerprint, parameters]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of a row.

    Attributes:
        status: `succeeded`, or why not: `failed`, `refused`, `canceled`.
        output: The flow's result as JSON value.
        media: Digest and media type of every media value in the output, to check that the store holds them.
        cost: Of all its calls in USD; None when a part is not known.
        calls: Paid or local calls that it took.
        degraded: One line for each better choice that failed.
        batch: The batch that ran it.
        finished_at: Seconds since the epoch.
    """

    key: str
    status: str
    output: Any
    media: tuple[tuple[str, str], ...]
    cost: Decimal | None
    calls: int
    degraded: tuple[str, ...]
    error: str | None
    batch: str
    finished_at: float


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A row's place in a batch; `result` is None until it has ended once."""

    position: int
    row_id: str
    key: str
    result: RowResult | None


@dataclass(frozen=True, slots=True)
class Batch:
    """One run over rows. `status` is `running` until it was ended."""

    id: str
    flow: str
    fingerprint: str
    source: str
    status: str
    summary: Mapping[str, Any] | None
    started_at: float
    ended_at: float | None


class Rows:
    """The batches and rows of a ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin_batch(self, flow: str, fingerprint: str, source: str) -> str:
        """Record that a batch begins.

        Args:
            flow: Name of the flow.
            fingerprint: Of the flow, as in `row_key`.
            source: Where its rows come from, for people.

        Returns:
            Its id: the day and a random part, safe in file names.
        """
        with self._database.write() as tx:
            batch = f"{datetime.fromtimestamp(tx.now, UTC):%Y%m%d}-{secrets.token_hex(4)}"
            values = {
                "id": batch,
                "flow": flow,
                "fingerprint": fingerprint,
                "source": clean(source),
                "status": "running",
            }
            tx.execute(insert(BATCHES), {**values, "started_at": tx.now})
            return batch

    def end_batch(self, batch: str, status: str, summary: Mapping[str, Any]) -> None:
        """Record how a batch ended (`done`, `failed`, `stopped`, `canceled`), with its totals."""
        with self._database.write() as tx:
            values = {"status": status, "summary": to_json(summary), "ended_at": tx.now}
            tx.execute(update(BATCHES).where(BT.id == batch).values(**values))

    def add(self, batch: str, rows: Sequence[tuple[int, str, str]]) -> None:
        """Say which rows a batch has: position, row id, row key. Give a few thousand at a time."""
        if rows:
            with self._database.write() as tx:
                values = [
                    {"batch": batch, "position": at, "row_id": clean(name), "row_key": key} for at, name, key in rows
                ]
                tx.execute(insert(BATCH_ROWS), values)

    def batch(self, batch: str) -> Batch:
        """Return a batch, by its id or an unambiguous beginning of it; `last` is the latest.

        Raises:
            ConfigurationError: There is none, or several.
        """
        query = select(BATCHES).order_by(BT.started_at.desc(), BT.id).limit(2)
        if batch != "last":
            query = query.where(BT.id.startswith(batch, autoescape=True))
        with self._database.read() as connection:
            found = connection.execute(query).all()
        if not found or (batch != "last" and len(found) > 1 and found[0].id != batch):
            known = ", ".join(each.id for each in self.batches(limit=5)) or "none"
            raise ConfigurationError(
                f"The ledger has {'no' if not found else 'more than one'} batch {batch!r}. Latest: {known}."
            )
        return _batch(found[0])

    def batches(self, *, limit: int = 100) -> list[Batch]:
        """Return the latest batches, newest first."""
        query = select(BATCHES).order_by(BT.started_at.desc()).limit(limit)
        with self._database.read() as connection:
            return [_batch(row) for row in connection.execute(query)]

    def rows_of(self, batch: str) -> Iterator[BatchRow]:
        """Yield the rows of a batch in their order, with their latest results, in pages."""
        after = -1
        while True:
            with self._database.read() as connection:
                page = connection.execute(PAGE, {"b": batch, "after": after}).all()
            for row in page:
                yield BatchRow(row.position, row.row_id, row.row_key, None if row.key is None else _result(row))
            if len(page) < CHUNK:
                return
            after = page[-1].position

    def finished(self, keys: Iterable[str]) -> dict[str, RowResult]:
        """Return the results of those rows that have succeeded. For flat memory give some thousand keys at a time."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, RowResult] = {}
        with self._database.read() as connection:
            for start in range(0, len(wanted), CHUNK):
                for row in connection.execute(FINISHED, {"ks": wanted[start : start + CHUNK]}):
                    found[row.key] = _result(row)
        return found

    def finish(
        self,
        key: str,
        *,
        flow: str,
        batch: str,
        status: str,
        output: Any = None,
        cost: Decimal | None,
        calls: int = 0,
        degraded: Sequence[str] = (),
        error: str | None = None,
    ) -> None:
        """Record what became of a row, in place of what was known of it.

        Args:
            key: See `row_key`.
            flow, batch: Where it ran.
            status: `succeeded`, or why not.
            output: The flow's result: media values, plain values, and structures of them.
            cost: In USD; None when a part is not known.
            calls: How many calls it took.
            degraded: One line for each better choice that failed.
            error: Why it did not succeed; must hold no secret.
        """
        plain = to_json(output)
        values = {
            "key": key,
            "flow": flow,
            "batch": batch,
            "status": status,
            "output": plain,
            "media": json.dumps(list(dict.fromkeys(media_in(json.loads(plain))))),
            "cost": None if cost is None else to_nano(cost),
            "calls": calls,
            "degraded": json.dumps(list(degraded)),
            "error": None if error is None else clean(error),
        }
        with self._database.write() as tx:
            upsert(tx, ROWS, ["key"], {**values, "finished_at": tx.now})


def _batch(row: Any) -> Batch:
    summary = None if row.summary is None else json.loads(row.summary)
    return Batch(row.id, row.flow, row.fingerprint, row.source, row.status, summary, row.started_at, row.ended_at)


def _result(row: Any) -> RowResult:
    return RowResult(
        key=row.key,
        status=row.status,
        output=json.loads(row.output) if row.output else None,
        media=tuple((digest, media_type) for digest, media_type in json.loads(row.media)),
        cost=None if row.cost is None else from_nano(row.cost),
        calls=row.calls,
        degraded=tuple(json.loads(row.degraded)),
        error=row.error,
        batch=row.batch,
        finished_at=row.finished_at,
    )
