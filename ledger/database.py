"""The database under the ledger: opening it, its transactions, and its errors in plain words.

Writers exclude each other, in SQLite by `BEGIN IMMEDIATE`, in PostgreSQL by one advisory lock held to the end of the
transaction. So every write sees all earlier ones, nothing can deadlock, and what holds in one holds in the other.
A transaction is on disk when it ends: WAL with `synchronous=FULL`, or PostgreSQL's own commit.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from ..errors import ConfigurationError, LedgerError, MissingExtraError
from .schema import SCHEMA_VERSION, found_version, prepare

__all__ = ["Database", "Transaction", "upsert"]

LOCK_WAIT_S = 60
PG_LOCK_TIMEOUT = "55P03"
ADVISORY_LOCK = 0x5052_4546_4D45_4449
"""Any fixed number; it names the one lock of all ledgers in one PostgreSQL database."""
WRITES = "prefect_media_writes"


@dataclass
class Transaction:
    """One transaction that excludes other writers.

    Attributes:
        connection: To execute statements on.
        now: The ledger's time, seconds since the epoch; PostgreSQL's clock when several machines share it.
        after: Called, in order, once the transaction is durable.
    """

    connection: Connection
    now: float
    after: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])

    def execute(self, statement: Any, parameters: Any = None) -> Any:
        """Execute a statement."""
        return self.connection.execute(statement, parameters)


class Database:
    """Engine and transactions of one ledger.

    Args:
        url: SQLAlchemy URL, or the path of an SQLite file.
        synchronous: SQLite's setting. `FULL` survives a power cut; `NORMAL` may then lose the last transactions.
        clock: Seconds since the epoch, for tests; the default is the machine's (SQLite) or the server's (PostgreSQL).

    Raises:
        ConfigurationError: The URL, the path or the schema version cannot be used.
        MissingExtraError: The PostgreSQL driver is not installed.
        LedgerError: The database is damaged or out of reach.
    """

    def __init__(self, url: str, *, synchronous: str = "FULL", clock: Callable[[], float] | None = None) -> None:
        if synchronous not in ("FULL", "NORMAL", "EXTRA"):
            raise ConfigurationError(f"synchronous={synchronous!r} is not allowed. Allowed: 'FULL', 'EXTRA', 'NORMAL'.")
        self.url = _parse(url)
        self.place = str(self.url.database) if self.is_sqlite else self.url.render_as_string(hide_password=True)
        self._synchronous = synchronous
        self._clock = clock
        self._gate = threading.RLock()
        self._process = os.getpid()
        self._local = threading.local()
        self.engine = self._open()
        try:
            self._check_schema()
        except BaseException:
            self.engine.dispose()
            raise

    @property
    def is_sqlite(self) -> bool:
        """Whether it is an SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    def _open(self) -> Engine:
        options: dict[str, Any] = {"hide_parameters": True, "pool_size": 4, "max_overflow": 60}
        if self.is_sqlite:
            _make_file(Path(self.place))
            engine = create_engine(
                self.url, connect_args={"timeout": LOCK_WAIT_S, "check_same_thread": False}, **options
            )
            event.listen(engine, "connect", self._tune_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        given = self.url.query.get("options", "")
        settings = f"{given} -c lock_timeout={LOCK_WAIT_S * 1000:.0f} -c idle_in_transaction_session_timeout=60000"
        url = self.url.difference_update_query(["options"])
        try:
            return create_engine(url, pool_pre_ping=True, connect_args={"options": settings.strip()}, **options)
        except ModuleNotFoundError as exc:
            raise MissingExtraError(
                f"The ledger {self.place} needs the PostgreSQL driver {exc.name!r}. "
                "Install it with: pip install 'prefect-media[postgres]'"
            ) from exc

    def _tune_sqlite(self, connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            raise ConfigurationError(
                f"The file system of {self.place} has no shared memory for SQLite's write-ahead log (a network folder?). "
                "Put the ledger on a local disk, or use PostgreSQL (PREFECT_MEDIA_LEDGER)."
            )
        connection.execute(f"PRAGMA synchronous={self._synchronous}")
        connection.execute("PRAGMA foreign_keys=ON")

    def _check_schema(self) -> None:
        with self.read() as connection:
            if found_version(connection) == SCHEMA_VERSION:
                return
        with self.write() as tx:
            prepare(tx.connection, self.place)

    @contextmanager
    def write(self) -> Generator[Transaction]:
        """Give a transaction for writing; inside another one on the same thread, give that one."""
        current: Transaction | None = getattr(self._local, "transaction", None)
        if current is not None:
            yield current
            return
        self._check_process()
        with (
            self._gate,
            self._plain_errors(),
            self.engine.connect().execution_options(**{WRITES: True}) as connection,
            connection.begin(),
        ):
            tx = Transaction(connection, self._lock(connection))
            self._local.transaction = tx
            try:
                yield tx
            finally:
                self._local.transaction = None
        for action in tx.after:
            action()

    @contextmanager
    def read(self) -> Generator[Connection]:
        """Give a connection for reading: the one of this thread's transaction, if there is one."""
        current: Transaction | None = getattr(self._local, "transaction", None)
        if current is not None:
            yield current.connection
            return
        self._check_process()
        with self._plain_errors(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def savepoint(self, tx: Transaction) -> Generator[None]:
        """Run a part of a transaction that can fail by itself: on an exception only its own writes are undone."""
        kept = len(tx.after)
        tx.connection.exec_driver_sql("SAVEPOINT part")
        try:
            yield
        except BaseException:
            del tx.after[kept:]
            tx.connection.exec_driver_sql("ROLLBACK TO SAVEPOINT part")
            tx.connection.exec_driver_sql("RELEASE SAVEPOINT part")
            raise
        tx.connection.exec_driver_sql("RELEASE SAVEPOINT part")

    def now(self) -> float:
        """Return this machine's time, seconds since the epoch."""
        return (self._clock or time.time)()

    def time(self, connection: Connection) -> float:
        """Return the ledger's time: of this machine for a file, of the server when machines share it."""
        if self.is_sqlite or self._clock is not None:
            return self.now()
        return float(connection.exec_driver_sql("SELECT extract(epoch from clock_timestamp())::float8").scalar_one())

    def _lock(self, connection: Connection) -> float:
        if not self.is_sqlite:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})")
        return self.time(connection)

    @contextmanager
    def _plain_errors(self) -> Generator[None]:
        try:
            yield
        except DBAPIError as exc:
            raise self.translate(exc) from exc

    def translate(self, error: DBAPIError) -> LedgerError | ConfigurationError:
        """Return what a database error means to the user."""
        reason = str(error.orig).strip().splitlines()[0] if error.orig else type(error).__name__
        if not self.is_sqlite:
            if getattr(error.orig, "sqlstate", None) == PG_LOCK_TIMEOUT:
                return self._locked()
            return LedgerError(
                f"The ledger {self.place} failed: {reason}. Check that the server runs and the URL is right."
            )
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        match code:
            case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
                return LedgerError(
                    f"The ledger {self.place} is damaged: {reason}. Restore a backup, or move the file (and its -wal and "
                    "-shm files) away to start a new ledger; media in the store is not affected."
                )
            case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
                return _unwritable(Path(self.place), reason)
            case sqlite3.SQLITE_FULL:
                return LedgerError(
                    f"The disk of the ledger {self.place} is full. Nothing was recorded; free some space."
                )
            case sqlite3.SQLITE_BUSY:
                return self._locked()
            case _:
                return LedgerError(f"The ledger {self.place} failed: {reason}.")

    def _locked(self) -> LedgerError:
        return LedgerError(
            f"The ledger {self.place} was locked by another process for {LOCK_WAIT_S} s. End the process that "
            "holds it (a stopped run, or a database tool with an open transaction)."
        )

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _check_process(self) -> None:
        # SQLite's locks and PostgreSQL's sockets do not survive a fork.
        if os.getpid() != self._process:
            raise LedgerError(
                f"The ledger {self.place} was opened before this process was forked. Open it again in this process."
            )


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _parse(text: str) -> URL:
    try:
        url = make_url(text) if "://" in text else URL.create("sqlite", database=str(Path(text).expanduser()))
        backend = url.get_backend_name()
        if url.drivername in ("postgresql", "postgres"):
            url = url.set(drivername="postgresql+psycopg")
            backend = "postgresql"
    except (ArgumentError, NoSuchModuleError) as exc:
        raise ConfigurationError(
            "The ledger's URL cannot be read. Allowed: a path, sqlite:///path or postgresql://user@host/database "
            "(PREFECT_MEDIA_LEDGER)."
        ) from exc
    if backend not in ("sqlite", "postgresql"):
        raise ConfigurationError(
            f"A ledger cannot be kept in {backend!r}. Allowed: sqlite, postgresql (PREFECT_MEDIA_LEDGER)."
        )
    if backend == "sqlite" and (not url.database or url.database == ":memory:" or url.query):
        raise ConfigurationError(
            "The ledger has to be a plain SQLite file, because it must outlive the process: sqlite:///path/ledger.db "
            "(PREFECT_MEDIA_LEDGER)."
        )
    return url


def _make_file(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The file holds prompts: readable by its owner only, unless it was made otherwise before.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as exc:
        reason = f"{path.parent} is not a folder" if isinstance(exc, FileExistsError) else exc.strerror
        raise _unwritable(path, reason or str(exc)) from exc


def _unwritable(path: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"The ledger {path} cannot be written: {reason}. Give this user write access to the file and its folder, or name "
        "another place in PREFECT_MEDIA_LEDGER or PREFECT_MEDIA_HOME."
    )


def upsert(tx: Transaction, table: Table, keys: Sequence[str], values: dict[str, Any]) -> None:
    """Insert a row, or replace the other columns of the row with those keys."""
    tx.execute(_upsert(tx.connection.dialect.name, table, tuple(keys), tuple(values)), values)


@lru_cache(maxsize=32)
def _upsert(dialect: str, table: Table, keys: tuple[str, ...], names: tuple[str, ...]) -> Any:
    statement: Any = (sqlite.insert if dialect == "sqlite" else postgresql.insert)(table)
    changed = {name: statement.excluded[name] for name in names if name not in keys}
    return statement.on_conflict_do_update(index_elements=list(keys), set_=changed)
