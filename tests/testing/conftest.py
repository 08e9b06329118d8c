"""One simulator for the whole session where tests do not change it; a fresh one where they do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from prefect_media.testing import Simulator


@pytest.fixture(scope="session")
def shared() -> Iterator[Simulator]:
    with Simulator(latency=0.02) as running:
        yield running


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(latency=0.02) as running:
        yield running
