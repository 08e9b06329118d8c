"""Waiting for a call that somebody else works on, in this process or another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future

__all__ = ["Waiting"]

SHORTEST_S = 0.1
PER_KEY_S = 0.001
LONGEST_S = 1.0


class Waiting:
    """Futures by call key. Ends in this process are told at once; those of others are looked up in one query for all.

    Args:
        free: Returns those of some keys that can be claimed or are finished.
    """

    def __init__(self, free: Callable[[Collection[str]], list[str]]) -> None:
        self._free = free
        self._lock = threading.Lock()
        self._futures: dict[str, list[Future[None]]] = {}
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def future(self, key: str) -> Future[None]:
        """Return a future that is done when it is worth asking for the call again."""
        future: Future[None] = Future()
        with self._lock:
            if self._stop.is_set():
                future.set_result(None)
                return future
            self._futures.setdefault(key, []).append(future)
            if self._thread is None:
                self._thread = threading.Thread(target=self._poll, name="prefect-media-waiting", daemon=True)
                self._thread.start()
        return future

    def wake(self, key: str) -> None:
        """Tell those who wait for a call that something changed."""
        with self._lock:
            futures = self._futures.pop(key, [])
        _finish(futures)

    def close(self) -> None:
        """Stop looking, and wake everybody."""
        self._stop.set()
        with self._lock:
            thread, futures = (self._thread, [one for many in self._futures.values() for one in many])
            self._futures.clear()
        if thread is not None:
            thread.join()
        _finish(futures)

    def _poll(self) -> None:
        while True:
            with self._lock:
                self._drop_cancelled()
                keys = list(self._futures)
                if not keys or self._stop.is_set():
                    self._thread = None
                    return
            if self._stop.wait(min(LONGEST_S, SHORTEST_S + PER_KEY_S * len(keys))):
                continue
            try:
                ready = self._free(keys)
            except Exception as exc:  # noqa: BLE001 - it is handed to those who wait
                self._fail(keys, exc)
                continue
            for key in ready:
                self.wake(key)

    def _drop_cancelled(self) -> None:
        for key, futures in list(self._futures.items()):
            kept = [future for future in futures if not future.cancelled()]
            if kept:
                self._futures[key] = kept
            else:
                del self._futures[key]

    def _fail(self, keys: list[str], error: Exception) -> None:
        with self._lock:
            futures = [future for key in keys for future in self._futures.pop(key, [])]
        for future in futures:
            if future.set_running_or_notify_cancel():
                future.set_exception(error)


def _finish(futures: Collection[Future[None]]) -> None:
    for future in futures:
        if future.set_running_or_notify_cancel():
            future.set_result(None)
