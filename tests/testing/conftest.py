"""One simulator for all tests of this folder; each test finds it empty."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from prefect_media.testing import Simulator

from .client import Client


@pytest.fixture(scope="session")
def shared() -> Iterator[Simulator]:
    with Simulator(latency=0.02) as running:
        yield running


@pytest.fixture
def simulator(shared: Simulator) -> Simulator:
    shared.reset()
    return shared


@pytest.fixture
def client(simulator: Simulator) -> Iterator[Client]:
    made = Client(simulator.url)
    yield made
    made.http.close()
    made.plain.close()
