"""Answers and non-answers: what a handler raises to end a request at once."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

__all__ = ["Abort", "Reply", "abort_connection", "answer"]


class Reply(Exception):  # noqa: N818 - control flow inside the simulator, never seen outside
    """End the request with this response."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


class Abort(Exception):  # noqa: N818 - control flow inside the simulator, never seen outside
    """End the request by resetting its connection."""


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None, kind: str = "") -> Response:
    """Return a JSON response."""
    text = json.dumps(body, separators=(",", ":"))
    return Response(text, status, headers=dict(headers or {}), media_type=kind or "application/json")


def abort_connection(transport: Any) -> None:
    """Reset a TCP connection, as a crashed peer would."""
    if transport is None or transport.is_closing():
        return
    connection = transport.get_extra_info("socket")
    if connection is not None and transport.get_extra_info("sslcontext") is None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
