from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy

from prefect_media.errors import BudgetExceeded, LedgerError
from prefect_media.ledger import Budget, Busy, CallSpec, Claimed, Ledger

URL = "https://x/1"


def _key(number: int) -> str:
    return f"{number:064x}"


def _path(url: str) -> str:
    return url.removeprefix("sqlite:///")


class Gate:
    """Keeps the writer busy until it is opened, so that what is queued meanwhile shares the next transaction."""

    def __init__(self, ledger: Ledger) -> None:
        self._open = threading.Event()
        self.future: Future[bool] = ledger.submit(self._open.wait, 30)

    def open(self) -> None:
        self._open.set()


async def test_waiting_writes_share_a_transaction(url: str) -> None:
    with Ledger(url) as ledger:
        commits: list[object] = []
        gate = Gate(ledger)
        sqlalchemy.event.listen(ledger._database.engine, "commit", commits.append)
        writes = [asyncio.ensure_future(ledger.run(ledger.uploads.remember, "fal", _key(n), URL)) for n in range(200)]
        await asyncio.sleep(0)
        gate.open()
        await asyncio.gather(*writes)
        assert len(commits) < 20
        assert len(ledger.uploads.known("fal", map(_key, range(200)))) == 200


def test_nobody_is_answered_before_the_shared_transaction_is_durable(sqlite_url: str) -> None:
    with Ledger(sqlite_url) as ledger, sqlite3.connect(_path(sqlite_url), check_same_thread=False) as other:
        visible: list[int] = []

        def look(_future: Future[None]) -> None:
            visible.append(other.execute("SELECT count(*) FROM uploads").fetchone()[0])

        gate = Gate(ledger)
        futures = [ledger.submit(ledger.uploads.remember, "fal", _key(number), URL) for number in range(50)]
        for future in futures:
            future.add_done_callback(look)
        gate.open()
        for future in futures:
            future.result(30)
        assert all(count >= position + 1 for position, count in enumerate(visible))
    assert len(visible) == 50


async def test_a_write_that_fails_undoes_only_itself(ledger: Ledger, spec: Callable[..., CallSpec]) -> None:
    cap = Budget("b", Decimal(1))

    def buy(number: int) -> int:
        claimed = ledger.calls.claim(spec(number))
        assert isinstance(claimed, Claimed)
        return ledger.journal.intend(claimed.claim, estimate=Decimal("0.3"), budgets=[cap]).number

    gate = Gate(ledger)
    buying = [asyncio.ensure_future(ledger.run(buy, number)) for number in range(6)]
    await asyncio.sleep(0)
    gate.open()
    outcomes = await asyncio.gather(*buying, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [int, int, int, BudgetExceeded, BudgetExceeded, BudgetExceeded]
    assert ledger.budgets.status("b").reserved == Decimal("0.9")
    assert len(list(ledger.calls.listing())) == 3, "the claims of the refused ones are undone with them"
    assert len(ledger.calls._held) == 3


async def test_a_database_error_in_one_write_does_not_touch_the_others(ledger: Ledger) -> None:
    batch = ledger.rows.begin_batch("clip", "1", "rows")

    def add(number: int) -> None:
        ledger.rows.add(batch, [(number % 3, f"r{number}", _key(number))])  # a position can be taken only once

    gate = Gate(ledger)
    adding = [asyncio.ensure_future(ledger.run(add, number)) for number in range(5)]
    await asyncio.sleep(0)
    gate.open()
    outcomes = await asyncio.gather(*adding, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None)] * 3 + [LedgerError] * 2
    assert [row.row_id for row in ledger.rows.rows_of(batch)] == ["r0", "r1", "r2"]


async def test_a_cancelled_write_that_has_not_begun_is_not_done(ledger: Ledger) -> None:
    gate = Gate(ledger)
    kept = asyncio.ensure_future(ledger.run(ledger.uploads.remember, "fal", _key(1), URL))
    dropped = asyncio.ensure_future(ledger.run(ledger.uploads.remember, "fal", _key(2), URL))
    await asyncio.sleep(0)
    dropped.cancel()
    await asyncio.sleep(0)
    gate.open()
    await kept
    with pytest.raises(asyncio.CancelledError):
        await dropped
    assert list(ledger.uploads.known("fal", [_key(1), _key(2)])) == [_key(1)]


async def test_reading_beside_the_writer_does_not_wait_for_it(ledger: Ledger) -> None:
    gate = Gate(ledger)
    assert await asyncio.wait_for(ledger.look(ledger.calls.find, _key(1)), 20) is None
    assert not gate.future.done()
    gate.open()


async def test_the_loop_goes_on_while_writes_wait(ledger: Ledger) -> None:
    gate = Gate(ledger)
    waiting = asyncio.ensure_future(ledger.run(ledger.uploads.remember, "fal", _key(1), URL))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not waiting.done()
    gate.open()
    await waiting


def test_closing_finishes_what_is_queued(url: str) -> None:
    ledger = Ledger(url)
    futures = [ledger.submit(ledger.uploads.remember, "fal", _key(number), URL) for number in range(100)]
    ledger.close()
    assert all(future.done() and future.exception() is None for future in futures)
    with pytest.raises(LedgerError, match="is closed"):
        ledger.submit(ledger.uploads.remember, "fal", _key(1), URL)
    with Ledger(url) as again:
        assert len(again.uploads.known("fal", map(_key, range(100)))) == 100


async def test_writes_from_several_event_loops_meet_in_one_writer(ledger: Ledger) -> None:
    def in_a_loop_of_its_own(start: int) -> None:
        async def several() -> None:
            await asyncio.gather(*(ledger.run(ledger.uploads.remember, "fal", _key(start + n), URL) for n in range(20)))

        asyncio.run(several())

    await asyncio.gather(*(asyncio.to_thread(in_a_loop_of_its_own, start) for start in (0, 100, 200)))
    assert len(ledger.uploads.known("fal", map(_key, range(300)))) == 60


def test_a_full_disk_is_named_and_nothing_is_half_recorded(sqlite_url: str, begin: Any) -> None:
    with Ledger(sqlite_url) as ledger:
        ledger.uploads.remember("fal", _key(0), URL)
        with ledger._database.write() as tx:
            tx.connection.exec_driver_sql("PRAGMA max_page_count = 1")  # SQLite's own way to run out of space

        def fill() -> None:
            for number in range(1, 200):
                ledger.submit(ledger.uploads.remember, "fal", _key(number), URL + "x" * 10_000).result(30)

        with pytest.raises(LedgerError, match=r"The disk of the ledger .* is full"):
            fill()
        count = len(ledger.uploads.known("fal", map(_key, range(200))))
        assert 1 <= count < 200
    with Ledger(sqlite_url) as ledger:
        assert len(ledger.uploads.known("fal", map(_key, range(200)))) == count


def test_a_ledger_locked_by_a_tool_says_so(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefect_media.ledger.database.LOCK_WAIT_S", 0.05)
    with Ledger(sqlite_url) as ledger:
        tool = sqlite3.connect(_path(sqlite_url), isolation_level=None)
        tool.execute("BEGIN IMMEDIATE")
        for write in (
            lambda: ledger.uploads.remember("fal", _key(1), URL),
            lambda: ledger.submit(lambda: None).result(30),
        ):
            with pytest.raises(LedgerError, match="was locked by another process"):
                write()
        tool.execute("ROLLBACK")
        tool.close()
        ledger.uploads.remember("fal", _key(1), URL)


def test_a_server_lock_that_somebody_keeps_says_so(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefect_media.ledger.database.LOCK_WAIT_S", 0.05)
    monkeypatch.setattr("prefect_media.ledger.database.ADVISORY_LOCK", 4711)  # other tests may use the server too
    with (
        Ledger(postgres_url) as ledger,
        Ledger(postgres_url) as other,
        other._database.write(),
        pytest.raises(LedgerError, match="was locked by another process"),
    ):
        ledger.uploads.remember("fal", _key(1), URL)


def test_the_ledger_goes_on_after_the_server_has_dropped_its_connections(postgres_url: str) -> None:
    name = sqlalchemy.make_url(postgres_url).query["options"]
    url = sqlalchemy.make_url(postgres_url).update_query_dict({"application_name": str(name)[-20:]})
    with Ledger(url.render_as_string(hide_password=False)) as ledger, Ledger(postgres_url) as other:
        ledger.submit(ledger.uploads.remember, "fal", _key(1), URL).result(30)
        with other._database.write() as tx:
            kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = %s"
            assert tx.connection.exec_driver_sql(kill, (str(name)[-20:],)).scalar() == 1
        ledger.submit(ledger.uploads.remember, "fal", _key(2), URL).result(30)
        assert len(ledger.uploads.known("fal", [_key(1), _key(2)])) == 2


def test_closing_from_a_with_block_and_twice_is_fine(url: str) -> None:
    with Ledger(url) as ledger:
        ledger.uploads.remember("fal", _key(1), URL)
    ledger.close()


def test_claims_are_renewed_while_the_loop_is_blocked(
    url: str, clock: Any, spec: Callable[..., CallSpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefect_media.ledger.ledger.BEAT_S", 0.01)
    with Ledger(url, clock=clock) as ledger:
        claimed = ledger.calls.claim(spec(), lease_s=60)
        assert isinstance(claimed, Claimed)
        for _ in range(5):
            clock.pass_s(30)
            while not _renewed(ledger, spec().key, clock.now + 30):
                threading.Event().wait(0.01)
        assert isinstance(ledger.calls.claim(spec()), Busy)


def _renewed(ledger: Ledger, key: str, until: float) -> bool:
    call = ledger.calls.find(key)
    assert call is not None
    return call.lease_until is not None and call.lease_until > until
