"""Stop, or follow, everything that runs below a caller, and run parts of one work side by side."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextvars import ContextVar
from dataclasses import dataclass, replace

from ..errors import EncodeError

__all__ = [
    "Control",
    "Progress",
    "cancellation",
    "check_not_cancelled",
    "control",
    "following",
    "report_progress",
    "side_by_side",
    "stage",
]

Progress = Callable[[float, float | None], None]
"""Called with the seconds of media written so far, and the seconds there will be (None when not known)."""
POLL_S = 0.02


@dataclass(frozen=True)
class Control:
    """What a caller above has to say: an event that stops the work, and who hears of its progress."""

    cancel: threading.Event | None = None
    on_progress: Progress | None = None


NO_CONTROL = Control()
_control: ContextVar[Control] = ContextVar("prefect_media_control", default=NO_CONTROL)


@contextlib.contextmanager
def cancellation(
    cancel: threading.Event | None = None, *, on_progress: Progress | None = None
) -> Generator[threading.Event]:
    """Make every process started inside this block stop when the event is set, and report its progress.

    The block is bound to the context (`contextvars`), so it reaches through `asyncio.to_thread` and is not seen by
    other tasks. Blocks nest: the innermost counts; one that does not follow progress leaves that to the one around it.

    Example:
        >>> with cancellation() as cancel:  # cancel.set() from any thread kills what runs here
        ...     cancel.is_set()
        False
    """
    event = cancel or threading.Event()
    token = _control.set(Control(event, on_progress or _control.get().on_progress))
    try:
        yield event
    finally:
        _control.reset(token)


@contextlib.contextmanager
def following(on_progress: Progress) -> Generator[None]:
    """Report the progress of what runs inside this block; it is cancelled as before."""
    token = _control.set(replace(_control.get(), on_progress=on_progress))
    try:
        yield
    finally:
        _control.reset(token)


def report_progress(done_s: float, total_s: float) -> None:
    """Say how far in-process work is, as a child process does by itself; in seconds of media."""
    tell = _control.get().on_progress
    if tell is not None:
        tell(done_s, total_s)


@contextlib.contextmanager
def stage(done_s: float, total_s: float) -> Generator[None]:
    """Report the progress of what runs inside as a part of a longer work.

    Args:
        done_s: Seconds of media that earlier parts have written.
        total_s: Seconds that all parts together will write.
    """
    outer = _control.get()
    tell = outer.on_progress
    if tell is None:
        yield
        return
    token = _control.set(Control(outer.cancel, lambda at_s, _: tell(min(total_s, done_s + at_s), total_s)))
    try:
        yield
    finally:
        _control.reset(token)


def check_not_cancelled(what: str) -> None:
    """Stop in-process work that was cancelled; call it every few hundredths of a second of work.

    Args:
        what: Completes "Cannot ..." in the error.

    Raises:
        EncodeError: The event of the innermost `cancellation` is set; `reason` is `cancelled`.
    """
    cancel = _control.get().cancel
    if cancel is not None and cancel.is_set():
        raise EncodeError(f"Cannot {what}: it was cancelled.", reason="cancelled")


def control() -> Control:
    """Return what the innermost `cancellation` says."""
    return _control.get()


def side_by_side(jobs: Sequence[tuple[float, Callable[[], object]]], *, what: str, at_a_time: int) -> None:
    """Run the parts of one work, some at the same time: one progress, one cancellation, the first failure ends all.

    Args:
        jobs: For each part the seconds of media that it writes, and what writes them.
        what: Completes "Cannot ..." in the error.
        at_a_time: How many run at the same time, at least 1.

    Raises:
        EncodeError: It was cancelled; `reason` is `cancelled`.
        Exception: Whatever the first part to fail raised; nothing of the others is left running.
    """
    outer, stop = _control.get(), threading.Event()
    tell = _shared_progress(outer.on_progress, [seconds for seconds, _ in jobs])

    def part(number: int) -> None:
        with cancellation(stop, on_progress=tell(number)):
            check_not_cancelled(what)  # those not begun yet
            jobs[number][1]()

    with ThreadPoolExecutor(at_a_time) as pool:
        try:
            pending = {pool.submit(contextvars.copy_context().run, part, number) for number in range(len(jobs))}
            while pending:
                done, pending = wait(pending, POLL_S, FIRST_EXCEPTION)
                if outer.cancel is not None and outer.cancel.is_set():
                    stop.set()
                for each in done:
                    each.result()
        except BaseException:  # a failed part, or an exception thrown into this thread
            stop.set()
            raise


def _shared_progress(tell: Progress | None, lengths: Sequence[float]) -> Callable[[int], Progress | None]:
    """Return, for the number of a part, what it reports to: the sum of all parts goes on to `tell`."""
    at, total, lock = [0.0] * len(lengths), sum(lengths), threading.Lock()

    def report(number: int, at_s: float) -> None:
        with lock:
            at[number] = max(at[number], min(lengths[number], at_s))
            if tell is not None:
                tell(sum(at), total)

    return lambda number: None if tell is None else lambda at_s, _: report(number, at_s)
