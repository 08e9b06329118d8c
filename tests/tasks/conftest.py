"""Tasks run without a Prefect server here: their runs are orchestrated in the process, and events go nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..nothing_here import empty_api


@pytest.fixture(scope="session")
def api() -> Iterator[str]:
    with empty_api() as url:
        yield url


@pytest.fixture(autouse=True)
def no_server(tmp_path: Path, api: str) -> Iterator[None]:
    """Point Prefect at no server, and keep this test's results apart."""
    from prefect.events.clients import AssertingEventsClient
    from prefect.events.worker import EventsWorker
    from prefect.settings import (
        PREFECT_API_URL,
        PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED,
        PREFECT_LOCAL_STORAGE_PATH,
        PREFECT_LOGGING_TO_API_ENABLED,
        temporary_settings,
    )

    EventsWorker.set_client_override(AssertingEventsClient)
    with temporary_settings(
        {
            PREFECT_API_URL: api,
            PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED: False,
            PREFECT_LOGGING_TO_API_ENABLED: False,
            PREFECT_LOCAL_STORAGE_PATH: tmp_path / "results",
        }
    ):
        yield
    AssertingEventsClient.reset()
