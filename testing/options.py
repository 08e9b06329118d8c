"""How a simulator behaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .latency import Latency

__all__ = ["Options"]


@dataclass(frozen=True)
class Options:
    """What can be set about a simulator.

    Attributes:
        faults: A fault file (TOML or JSON), or the same as a mapping.
        latency: See `latency.Latency.parse`.
        keys: Expected key by provider; without one any key that is not empty will do.
        expiry_s: Seconds after which outputs are gone.
        log: File to which every event is appended as a line of JSON.
        allow_hooks: Whether `mark`, `pause` and `kill` may be added over HTTP.
        intercept: Whether it also stands in for the providers' own host names, see `intercept`.
    """

    faults: str | Path | Mapping[str, Any] | None = None
    latency: Latency | float | str | Mapping[str, Any] | None = None
    keys: Mapping[str, str] | None = None
    expiry_s: float = 3600.0
    log: str | Path | None = None
    allow_hooks: bool = False
    intercept: bool = False
