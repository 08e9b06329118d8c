"""Tasks run without a Prefect server here: their runs are orchestrated in the process, and events go nowhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


class NothingHere(BaseHTTPRequestHandler):
    """Says at once that there is nothing: Prefect asks for each task where results are kept, and waits for what is silent."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@pytest.fixture(scope="session")
def empty_api() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), NothingHere) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/api"
        server.shutdown()


@pytest.fixture(autouse=True)
def no_server(tmp_path: Path, empty_api: str) -> Iterator[None]:
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
            PREFECT_API_URL: empty_api,
            PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED: False,
            PREFECT_LOGGING_TO_API_ENABLED: False,
            PREFECT_LOCAL_STORAGE_PATH: tmp_path / "results",
        }
    ):
        yield
    AssertingEventsClient.reset()
