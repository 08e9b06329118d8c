"""The pytest plugin, installed with the package: a simulator for pipelines, their bill, and a guard against spending.

Pytest imports this module in every run, so it imports nothing heavy itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from .bill import Bill
    from .simulator import Simulator

__all__: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker that lets a test reach real providers."""
    config.addinivalue_line("markers", "live: may reach real providers and spend real money (prefect-media)")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Any:
    """Keep a test away from real providers, from its set-up to its tear-down, unless it is marked `live`."""
    from . import guard

    if item.get_closest_marker("live"):
        return (yield)
    with guard.closed():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Fail a test that tried to reach a real provider, even when it handled the error."""
    from . import guard

    report: pytest.TestReport = yield
    attempts = guard.take_attempts()
    if attempts and report.outcome != "failed":
        report.outcome = "failed"
        report.longrepr = guard.explain(attempts)
    return report


@pytest.fixture(scope="session")
def media_simulator_session() -> Iterator[Simulator]:
    """One provider simulator for the whole session; tests use `media_simulator`."""
    from .simulator import Simulator

    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def media_simulator(media_simulator_session: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """An empty provider simulator, with the adapters pointed at it, and store and ledger in a new folder."""
    media_simulator_session.reset()
    for name, value in media_simulator_session.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PREFECT_MEDIA_HOME", str(tmp_path / "prefect-media"))
    for name in ("PREFECT_MEDIA_STORE", "PREFECT_MEDIA_LEDGER"):
        monkeypatch.delenv(name, raising=False)
    return media_simulator_session


@pytest.fixture
def media_bill(media_simulator: Simulator) -> LiveBill:
    """The bill of this test's simulator, always as it stands: `usd`, `calls`, `duplicates`, `by_model`, ..."""
    return LiveBill(media_simulator)


class LiveBill:
    """Reads the bill anew at each look; has every attribute of `Bill`."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def __getattr__(self, name: str) -> Any:
        return getattr(self._simulator.bill, name)

    def __repr__(self) -> str:
        return repr(self._simulator.bill)

    def now(self) -> Bill:
        """Return the bill as it stands, fixed."""
        return self._simulator.bill
