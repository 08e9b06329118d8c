"""Run one child process to its end: bounded in time, memory and output, watched, and killed with all its children."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from ..errors import EncodeError
from ..settings import Settings, get_settings
from .children import GRACE_S, child, end
from .control import Progress, check_not_cancelled, control

__all__ = ["bounded", "run"]

TAIL_LINES = 60
LINE_BYTES = 500
POLL_S = 0.02


def _limit(pid: int, limits: Settings, deadline_s: float) -> None:
    """Set limits from outside: code between fork and exec is not safe in a threaded process."""
    try:
        import resource

        set_limit = resource.prlimit
    except (ImportError, AttributeError):  # not Linux
        return
    memory, size = limits.media_memory_bytes, limits.max_media_bytes
    # Should this process be killed, and its orphan not be (see `child`), that still ends: it runs out of processor time.
    seconds = int(deadline_s * (os.cpu_count() or 1)) + 1
    with contextlib.suppress(ProcessLookupError, PermissionError):
        set_limit(pid, resource.RLIMIT_AS, (memory, memory))
        set_limit(pid, resource.RLIMIT_FSIZE, (size, size))
        set_limit(pid, resource.RLIMIT_CPU, (seconds, seconds))


@dataclass
class _Watch:
    """What the process has said so far."""

    total_s: float | None
    on_progress: Progress | None
    keep: int | None
    beat: float = field(default_factory=time.monotonic)
    first_error: str = ""
    problem: BaseException | None = None
    tail: deque[str] = field(init=False)

    def __post_init__(self) -> None:
        self.tail = deque(maxlen=self.keep)

    def read_log(self, stream: IO[bytes]) -> None:
        for raw in stream:
            line = raw[:LINE_BYTES].decode("utf-8", "replace").rstrip()
            self.tail.append(line)
            if not self.first_error and ("[error]" in line or "[fatal]" in line or "[panic]" in line):
                self.first_error = line

    def read_progress(self, stream: IO[bytes]) -> None:
        values: dict[str, str] = {}
        last: tuple[str | None, ...] = ()
        for raw in stream:
            key, _, value = raw.decode("ascii", "replace").strip().partition("=")
            values[key] = value
            if key != "progress":
                continue
            position = (values.get("out_time_us"), values.get("frame"), values.get("total_size"))
            if position != last:  # the program reports also while it hangs; only movement counts
                self.beat, last = time.monotonic(), position
                self.tell(values.get("out_time_us", "N/A"))

    def tell(self, microseconds: str) -> None:
        if self.on_progress is None or self.problem is not None or not microseconds.lstrip("-").isdigit():
            return
        try:
            self.on_progress(max(0.0, int(microseconds) / 1e6), self.total_s)
        except BaseException as exc:  # noqa: BLE001 - it is raised again in the caller's thread
            self.problem = exc


def _follow(
    process: subprocess.Popen[bytes], watch: _Watch, deadline_s: float, stall_s: float, cancel: threading.Event | None
) -> str:
    """Wait for the end; return why it was ended early, or an empty text."""
    started = time.monotonic()
    while process.poll() is None:
        now = time.monotonic()
        if watch.problem is not None:
            return "failed"
        if cancel is not None and cancel.is_set():
            return "cancelled"
        if now - started > deadline_s:
            return "deadline"
        if now - watch.beat > stall_s:
            return "stall"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(POLL_S)
    return ""


def bounded(what: str, output: Path) -> Callable[[], None]:
    """Return what in-process work calls every few hundredths of a second, so that it ends as a `run` does.

    Args:
        what: Completes "Cannot ..." in the error.
        output: The file that it writes; it need not be there yet.

    Returns:
        Raises EncodeError when the work was cancelled, when it takes longer than the settings allow one run, counted from
        now, and when its output has more bytes than they allow.
    """
    limits, started = get_settings(), time.monotonic()

    def check() -> None:
        check_not_cancelled(what)
        if time.monotonic() - started > limits.media_timeout_s:
            raise EncodeError(f"Cannot {what}: {_too_long(limits.media_timeout_s)}", reason="deadline")
        if output.exists() and output.stat().st_size > limits.max_media_bytes:
            raise EncodeError(f"Cannot {what}: {_too_large(limits.max_media_bytes)}")

    return check


def run(
    argv: Sequence[str],
    *,
    what: str,
    shown: Sequence[str] | None = None,
    total_s: float | None = None,
    keep_log: bool = False,
    deadline_s: float | None = None,
    cancel: threading.Event | None = None,
    cwd: Path | None = None,
) -> list[str]:
    """Run a program that writes FFmpeg's progress to its standard output and its log to its standard error.

    Args:
        argv: Program and arguments; no shell is involved.
        what: Completes "Cannot ..." in the error, for example `merge 'a.mp4'`.
        shown: The arguments as the error shall show them (final instead of temporary names).
        total_s: Seconds of media there will be, for the progress.
        keep_log: Keep the whole log, not only its last lines.
        deadline_s: Longest time in all; default from the settings, as the longest time without progress.
        cancel: Event that stops it; default from `cancellation`.
        cwd: Working folder.

    Returns:
        Lines of the log.

    Raises:
        EncodeError: It failed, took too long, hung or was cancelled; `reason` tells which, `command` reproduces it.
            Nothing of it is left running.
    """
    limits, above = get_settings(), control()
    deadline_s, stall_s = deadline_s or limits.media_timeout_s, limits.media_stall_s
    watch = _Watch(total_s, above.on_progress, None if keep_log else TAIL_LINES)
    with child(argv, cwd=cwd, LC_ALL="C.UTF-8", AV_LOG_FORCE_NOCOLOR="1") as process:
        _limit(process.pid, limits, deadline_s)
        why = _attended(process, watch, deadline_s, stall_s, cancel or above.cancel)
    if watch.problem is not None:
        raise watch.problem
    if why or process.returncode:
        raise _failure(what, why, process.returncode, watch, shown or argv, deadline_s, stall_s)
    return list(watch.tail)


def _attended(
    process: subprocess.Popen[bytes], watch: _Watch, deadline_s: float, stall_s: float, cancel: threading.Event | None
) -> str:
    """Read what a process says until it ends; return why it was ended early, or an empty text. Nothing is left running."""
    assert process.stdout is not None
    assert process.stderr is not None
    readers = [
        threading.Thread(target=watch.read_log, args=(process.stderr,), daemon=True),
        threading.Thread(target=watch.read_progress, args=(process.stdout,), daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        return _follow(process, watch, deadline_s, stall_s, cancel)
    finally:  # also on KeyboardInterrupt and on an exception thrown into this thread
        end(process)
        for reader in readers:
            reader.join(GRACE_S)


def _failure(
    what: str, why: str, code: int, watch: _Watch, argv: Sequence[str], deadline_s: float, stall_s: float
) -> EncodeError:
    command, log = shlex.join(argv), [line for line in watch.tail if line]
    if why == "cancelled":
        return EncodeError(f"Cannot {what}: it was cancelled.", command=command, log=log, reason=why)
    if why == "deadline":
        text = _too_long(deadline_s)
    elif why == "stall":
        text = f"it made no progress for {stall_s:g} s. Try again, or raise PREFECT_MEDIA_MEDIA_STALL_S."
    elif code == -getattr(signal, "SIGXFSZ", 0):
        text = _too_large(get_settings().max_media_bytes)
    elif _is_short_of_memory(code, log):
        text = (
            f"it needed more memory than the {get_settings().media_memory_bytes} bytes of PREFECT_MEDIA_MEDIA_MEMORY_BYTES. "
            "Ask for smaller media, or raise it."
        )
    else:
        cause = watch.first_error or (log[-1] if log else f"exit code {code} and no message")
        text = _plain(cause) + "."
        if log and _plain(log[-1]) not in text:
            text += f" Last line: {_plain(log[-1])}."
    error = EncodeError(f"Cannot {what}: {text}", command=command, log=log, reason=why or "failed")
    error.add_note(f"Reproduce: {command}")
    return error


def _too_long(limit_s: float) -> str:
    return f"it took over {limit_s:g} s. Make the media shorter or smaller, or raise PREFECT_MEDIA_MEDIA_TIMEOUT_S."


def _too_large(limit_bytes: int) -> str:
    return (
        f"the output has more than the {limit_bytes} bytes of PREFECT_MEDIA_MAX_MEDIA_BYTES. Ask for less, or raise it."
    )


def _is_short_of_memory(code: int, log: Sequence[str]) -> bool:
    told = any("Cannot allocate memory" in line or "malloc of size" in line for line in log)
    return told or (code == -getattr(signal, "SIGSEGV", 0) and not log)


def _plain(line: str) -> str:
    """Return a log line without addresses and level: `[mov @ 0x5d] [error] moov atom not found` -> `moov atom not found`."""
    text = line
    while text.startswith("[") and "]" in text:
        text = text[text.index("]") + 1 :].lstrip()
    return (text or line).rstrip(".")
