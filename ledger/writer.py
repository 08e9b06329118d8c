"""Group commit: one thread that runs waiting writes together in one transaction.

A durable commit costs milliseconds whatever it holds, so a thousand calls in flight must not commit one by one. What
piles up while one transaction reaches the disk goes into the next. Each job has its own savepoint, so a job that fails
undoes only itself; nobody is answered before the shared transaction is durable.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import DBAPIError

from ..errors import LedgerError
from .database import Database, Transaction

__all__ = ["Writer"]

LONGEST_BATCH_S = 0.05
"""Other processes wait for the lock meanwhile, so a batch is closed after this long."""
MOST_JOBS = 500


@dataclass
class _Job:
    work: Callable[[], Any]
    future: Future[Any] = field(default_factory=Future[Any])
    result: Any = None
    error: BaseException | None = None

    def answer(self) -> None:
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class _BrokenTransactionError(Exception):
    """The shared transaction is gone, so nothing in it counts."""


class Writer:
    """Runs jobs in the order of their arrival, many in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        """Queue a job; the future is done when its transaction is durable. A job not yet begun can be cancelled."""
        job = _Job(work)
        with self._start:
            if self._closed:
                raise LedgerError(f"The ledger {self._database.place} is closed.")
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="prefect-media-ledger", daemon=True)
                self._thread.start()
            self._jobs.put(job)
        return job.future

    def close(self) -> None:
        """Finish what is queued and end the thread."""
        with self._start:
            self._closed = True
            thread = self._thread
            self._jobs.put(None)
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _loop(self) -> None:
        while (job := self._jobs.get()) is not None:
            if job.future.set_running_or_notify_cancel() and not self._together(job):
                return

    def _together(self, first: _Job) -> bool:
        """Run a job and those waiting behind it; return whether to go on."""
        done = [first]
        go_on = True
        try:
            with self._database.write() as tx:
                ends = time.monotonic() + LONGEST_BATCH_S
                self._run(tx, first)
                while go_on and len(done) < MOST_JOBS and time.monotonic() < ends:
                    job, go_on = self._next()
                    if job is None:
                        break
                    done.append(job)
                    self._run(tx, job)
        except Exception as exc:  # noqa: BLE001 - it is handed to those who wait
            self._one_by_one(done, exc)
        for job in done:
            job.answer()
        return go_on

    def _next(self) -> tuple[_Job | None, bool]:
        """Return the next waiting job, if any, and whether to go on after it."""
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return None, True
            if job is None:
                return None, False
            if job.future.set_running_or_notify_cancel():
                return job, True

    def _run(self, tx: Transaction, job: _Job) -> None:
        job.result = job.error = None
        try:
            with self._database.savepoint(tx):
                job.result = job.work()
        except DBAPIError as exc:
            raise _BrokenTransactionError from exc
        except BaseException as exc:  # noqa: BLE001 - it is handed to those who wait
            job.error = exc

    def _one_by_one(self, jobs: list[_Job], error: Exception) -> None:
        """Give each job a transaction of its own after the shared one broke; nothing of it was recorded."""
        for job in jobs:
            if len(jobs) == 1 and not isinstance(error, _BrokenTransactionError):
                job.error = error
                continue
            job.result = job.error = None
            try:
                with self._database.write():
                    job.result = job.work()
            except BaseException as exc:  # noqa: BLE001 - it is handed to those who wait
                job.error = exc
