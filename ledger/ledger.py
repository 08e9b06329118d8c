"""The ledger: one object that holds its parts, its writer thread and the renewal of claims."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
import weakref
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import ParamSpec, Self, TypeVar

from ..errors import LedgerError
from ..settings import get_settings
from .budgets import Budgets
from .calls import Calls
from .database import Database
from .journal import Journal
from .limits import Limits
from .records import Call
from .resolving import resolve
from .rows import Rows
from .statistics import Statistics
from .uploads import Uploads
from .waiting import Waiting
from .writer import Writer

__all__ = ["Ledger"]

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger("prefect_media.ledger")

BEAT_S = 2.0


class Ledger:
    """The journal of calls, budgets, finished rows, uploads and limits in one database.

    Every method of its parts is synchronous and one durable transaction. From asyncio call them with `run` (writes) or
    `look` (reads only).

    Attributes:
        calls: Claims, look-up, listing.
        journal: The steps of a call.
        budgets: Caps and their history.
        rows: Batches and finished rows.
        uploads: What providers hold.
        limits: What processes share per provider.
        statistics: Sums, and counters of reuse.

    Args:
        url: SQLAlchemy URL, or the path of an SQLite file.
        synchronous: SQLite's setting; `FULL` survives a power cut.
        keep_parameters: Whether parameters of calls (prompts among them) are recorded. Without them a lost answer cannot be
            matched with the provider's list of recent jobs by its content.
        clock: Seconds since the epoch, for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        synchronous: str = "FULL",
        keep_parameters: bool = True,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._database = Database(url, synchronous=synchronous, clock=clock)
        self.calls = Calls(self._database, keep_parameters=keep_parameters)
        self.waiting = Waiting(self.calls.free)
        self.calls.changed = self.waiting.wake
        self.budgets = Budgets(self._database)
        self.journal = Journal(self._database, self.calls, self.budgets)
        self.rows = Rows(self._database)
        self.uploads = Uploads(self._database)
        self.limits = Limits(self._database)
        self.statistics = Statistics(self._database)
        self._writer = Writer(self._database)
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="prefect-media-ledger-read")
        self._stop = threading.Event()
        beat = threading.Thread(
            target=_beat, args=(weakref.ref(self), self._stop), name="prefect-media-claims", daemon=True
        )
        beat.start()

    @staticmethod
    def current() -> Ledger:
        """Return the ledger that the settings name; one for each process and URL."""
        settings = get_settings()
        return _current(settings.ledger_url, settings.keep_parameters)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._stop.is_set()

    @property
    def place(self) -> str:
        """The file, or the URL without its password."""
        return self._database.place

    async def run(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a method of the ledger from asyncio; many at the same time share one durable transaction.

        A task that is cancelled meanwhile gets its `CancelledError`; work that had not begun is then not done, other
        work is.
        """
        return await asyncio.wrap_future(self.submit(work, *args, **kwargs))

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue a method of the ledger for the writer thread, from any thread."""
        return self._writer.submit(partial(work, *args, **kwargs))

    async def look(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a reading method of the ledger from asyncio, beside the writer."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, partial(work, *args, **kwargs))

    @contextmanager
    def together(self) -> Generator[None]:
        """Make one transaction of several method calls in this thread: all of them are recorded, or none."""
        with self._database.write() as tx, self._database.savepoint(tx):
            yield

    def resolve(self, key: str, as_: str, *, cost: Decimal | None = None) -> Call:
        """Settle by hand a call whose outcome the ledger cannot know; see `resolving.resolve`."""
        return resolve(self._database, self.calls, self.journal, key, as_, cost=cost)

    def beat(self) -> None:
        """Renew the claims of this process that need it, and write the counters. Called every few seconds."""
        self.calls.renew_due()
        self.statistics.flush()

    def close(self) -> None:
        """Finish what is queued, write the counters, close the database. Claims still held end with their lease."""
        self._stop.set()
        self.waiting.close()
        self._writer.close()
        self._readers.shutdown(wait=True)
        self.statistics.flush()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def _beat(ledger: weakref.ref[Ledger], stop: threading.Event) -> None:
    while not stop.wait(BEAT_S):
        alive = ledger()
        if alive is None:
            return
        try:
            alive.beat()
        except LedgerError as exc:
            log.warning("Claims could not be renewed this time: %s", exc)
        del alive


_open: dict[tuple[int, str, bool], Ledger] = {}
_open_lock = threading.Lock()


def _current(url: str, keep_parameters: bool) -> Ledger:
    key = (os.getpid(), url, keep_parameters)
    with _open_lock:
        if key not in _open or _open[key].closed:
            _open[key] = Ledger(url, keep_parameters=keep_parameters)
        return _open[key]


def _renew_lock() -> None:
    global _open_lock
    _open_lock = threading.Lock()


def _close_all() -> None:
    for (process, _url, _keep), ledger in list(_open.items()):
        if process == os.getpid():
            ledger.close()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)
