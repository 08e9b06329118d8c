"""Who holds a claim: a name for this process that another process on the same machine can check for life."""

from __future__ import annotations

import os
import secrets
import socket
from functools import lru_cache
from pathlib import Path

__all__ = ["is_surely_dead", "this_process"]


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except OSError:
        return ""


@lru_cache(maxsize=1)
def _namespace_of(process: int) -> str:
    """Return what must be equal for process numbers to mean the same: this boot of this kernel, this PID namespace."""
    boot = _read("/proc/sys/kernel/random/boot_id")
    try:
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}" if boot else ""
    except OSError:
        return ""


def _namespace() -> str:
    return _namespace_of(os.getpid())


def _start_time(process: int) -> str | None:
    """Return when a process started, in the kernel's ticks; None when it has ended (or is a zombie)."""
    stat = _read(f"/proc/{process}/stat")
    fields = stat.rpartition(")")[2].split()  # the name in parentheses may hold spaces
    return fields[19] if len(fields) > 19 and fields[0] not in "ZX" else None


@lru_cache(maxsize=1)
def _identity(process: int) -> str:
    parts = (socket.gethostname(), _namespace(), str(process), _start_time(process) or "", secrets.token_hex(4))
    return "|".join(part.replace("|", "_") for part in parts)


def this_process() -> str:
    """Return the name under which this process holds claims."""
    return _identity(os.getpid())


def is_surely_dead(owner: str) -> bool:
    """Return whether the process of that name has certainly ended.

    Only another process of the same boot and PID namespace can be judged (Linux); for all others the answer is False
    and the lease decides.
    """
    parts = owner.split("|")
    if len(parts) != 5 or not parts[1] or parts[1] != _namespace() or not parts[2].isdigit():
        return False
    return _start_time(int(parts[2])) != parts[3]
