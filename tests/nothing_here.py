"""A Prefect API with nothing in it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

__all__ = ["empty_api"]


class _NothingHere(BaseHTTPRequestHandler):
    """Says at once that there is nothing: Prefect asks for each task where results are kept, and asks again what is silent."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


@contextlib.contextmanager
def empty_api() -> Iterator[str]:
    """Serve it; yields its URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _NothingHere) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()
