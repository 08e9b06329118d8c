"""What a command shows while it runs: rows as they end, and how far long local work is."""

from __future__ import annotations

import time
from decimal import Decimal
from threading import Lock
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ._output import err, money

if TYPE_CHECKING:
    from ..tasks.progress import Working

__all__ = ["Teller"]

PLAIN_EVERY_S = 15.0
"""Piped, a piece of long work gets a line this often."""
LONGEST_NAME = 60


class Teller:
    """Shows what happens inside its `with` block: bars on a terminal, plain lines when piped."""

    def __init__(self) -> None:
        self._bars: Progress | None = None
        self._rows: Any = None
        self._done = 0
        self._failed = 0
        self._cost = Decimal(0)
        self._working: dict[str, Any] = {}  # by task run: its bar, or when its last line was printed
        self._lock = Lock()

    def __enter__(self) -> Teller:
        from ..tasks.progress import watching

        self._watch = watching(self.works)
        self._watch.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._watch.__exit__(None, None, None)
        if self._bars is not None:
            self._bars.stop()

    def _shown(self) -> Progress:
        if self._bars is None:
            self._bars = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[so_far]}"),
                TimeElapsedColumn(),
                TextColumn("{task.fields[cost]}"),
                console=err,
            )
            self._bars.start()
        return self._bars

    def row_ended(self, row: Any, total: int) -> None:
        """Show a row that has ended, and how many have."""
        with self._lock:
            self._done += 1
            self._failed += row.status == "failed"
            self._cost += row.cost_usd
            if not err.is_terminal:
                if row.status != "skipped":
                    reason = f": {row.error.splitlines()[0]}" if row.error else ""
                    err.print(f"[{self._done}/{total}] {row.id} {row.status}{reason}", markup=False)
                return
            bars = self._shown()
            if self._rows is None:
                self._rows = bars.add_task("rows", total=total, cost="", so_far="")
            if row.status == "failed":
                bars.console.print(f"[red]{escape(row.id)}[/]: {escape((row.error or '').splitlines()[0])}")
            failed = f", [red]{self._failed} failed[/]" if self._failed else ""
            bars.update(
                self._rows,
                completed=self._done,
                description=f"rows{failed}",
                cost=money(self._cost),
                so_far=f"{self._done}/{total}",
            )

    def works(self, now: Working) -> None:
        """Show how far a piece of long local work is; it may be told from several threads."""
        with self._lock:
            if err.is_terminal:
                self._bar_of(now)
            else:
                self._line_of(now)

    def _bar_of(self, now: Working) -> None:
        bars = self._shown()
        if now.ended:
            if now.run in self._working:
                bars.remove_task(self._working.pop(now.run))
            return
        if now.run not in self._working:
            name = now.name if len(now.name) <= LONGEST_NAME else f"{now.name[: LONGEST_NAME - 1]}…"
            self._working[now.run] = bars.add_task(escape(name), total=100, cost="", so_far="")
        bars.update(self._working[now.run], completed=now.percent or 0, so_far=str(now))

    def _line_of(self, now: Working) -> None:
        if now.ended:
            self._working.pop(now.run, None)
        elif time.monotonic() - self._working.get(now.run, -PLAIN_EVERY_S) >= PLAIN_EVERY_S:
            self._working[now.run] = time.monotonic()
            err.print(f"{now.name}: {now}", markup=False)
