"""Contenders that take turns, compared with the first of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

__all__ = ["Contender", "race"]

Contender = Callable[[], Any]


def _cpu_s() -> float:
    """Seconds of processor time of this process and of its children that have ended."""
    try:
        import resource
    except ImportError:  # Windows
        return time.process_time()
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def race(title: str, contenders: dict[str, Contender], rounds: int, goal: str = "") -> None:
    """Let contenders take turns and print, as ratios to the first: least processor time, median time on the clock.

    A busy machine stretches the clock for all of them, but not alike: the processor time says what the work costs.
    """
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            began, used = time.perf_counter(), _cpu_s()
            run()
            times[name].append((time.perf_counter() - began, _cpu_s() - used))
    found = {name: (min(c for _, c in each), statistics.median(w for w, _ in each)) for name, each in times.items()}
    base = next(iter(found.values()))
    print(f"\n{title}{f'  (aim: {goal})' if goal else ''}")
    for name, (cpu, wall) in found.items():
        print(
            f"  {name:40s} cpu x{cpu / base[0]:6.2f} {cpu * 1000:8.1f} ms   clock x{wall / base[1]:6.2f} {wall * 1000:8.1f} ms",
            flush=True,
        )
