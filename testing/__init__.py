"""What pipelines are tested with: the provider simulator and the pytest plugin.

from prefect_media.testing import Simulator

with Simulator() as simulator:
    ...  # point the adapters at it with `simulator.env`
    assert simulator.bill.duplicates == 0
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bill import Bill, Entry
    from .simulator import Simulator

__all__ = ["Bill", "Entry", "Simulator"]


def __getattr__(name: str) -> Any:
    # Lazy, because pytest imports this package in every run of everyone who installed it.
    from importlib import import_module

    homes = {"Bill": "bill", "Entry": "bill", "Simulator": "simulator"}
    if name not in homes:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{homes[name]}", __name__), name)
