"""Child processes: in groups of their own, with little of the environment, ended with whoever started them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

__all__ = ["GRACE_S", "child", "end"]

GRACE_S = 2.0
"""How long a child may take to end by itself when it is asked to."""
KEPT = (
    "PATH",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "FONTCONFIG_FILE",
    "FONTCONFIG_PATH",
)


@contextlib.contextmanager
def child(
    argv: Sequence[str], *, stdin: int = subprocess.DEVNULL, cwd: Path | None = None, **environment: str
) -> Generator[subprocess.Popen[bytes]]:
    """Start a program whose output and errors are read through pipes; no shell is involved.

    Should this process die, be it by SIGKILL, the kernel kills the program with its children (Linux).

    Args:
        argv: Program and arguments.
        stdin: As `subprocess.Popen` takes it.
        cwd: Working folder.
        environment: Variables that it gets beside those that any program needs.

    Yields:
        The process. When the block is left, however that happens, it and all its children are ended.
    """
    with _leash() as (inherited, tie):
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        started = subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=kept | environment,
            cwd=cwd,
            start_new_session=os.name == "posix",
            pass_fds=inherited,
        )
        with started as process:  # closes the pipes
            try:
                tie(process.pid)
                yield process
            finally:
                end(process)


@contextlib.contextmanager
def _leash() -> Generator[tuple[tuple[int, ...], Callable[[int], None]]]:
    """Make the kernel kill a child process with its group, should this process die, be it by SIGKILL (Linux; else nothing).

    The child holds one end of a pipe in which nothing is ever written, this process the other: when that end closes, a signal
    goes to the owner of the first. `PR_SET_PDEATHSIG` would need code between fork and exec, and goes by the thread that forked.

    Yields:
        What the child must inherit (`pass_fds`), and what to call with the id of the started child, the leader of its group.
    """
    if sys.platform != "linux":
        yield (), lambda _: None
        return
    import fcntl

    theirs, ours = os.pipe()

    def tie(pid: int) -> None:
        with contextlib.suppress(OSError):  # it has ended already
            fcntl.fcntl(theirs, fcntl.F_SETOWN, -pid)
            fcntl.fcntl(theirs, fcntl.F_SETSIG, signal.SIGKILL)
            fcntl.fcntl(theirs, fcntl.F_SETFL, os.O_ASYNC)

    try:
        yield (theirs,), tie
    finally:
        os.close(theirs)
        os.close(ours)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its whole group, gently first, unless it has ended."""
    if process.poll() is not None:
        return

    def send(name: str) -> None:
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, getattr(signal, name))
        elif name == "SIGTERM":
            process.terminate()
        else:
            process.kill()

    send("SIGTERM")
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        pass
    finally:
        send("SIGKILL")
        process.wait()
