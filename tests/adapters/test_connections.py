"""Kept connections: which are used again, which are closed, who waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from prefect_media.adapters._addresses import ssl_context
from prefect_media.adapters._connections import Connections, KeptTransport


class Counting:
    """A server that answers every request with `ok` and counts connections; `hold` delays the answers."""

    def __init__(self) -> None:
        self.opened = self.closed = self.answered = 0
        self.writers: list[asyncio.StreamWriter] = []
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.opened += 1
        self.writers.append(writer)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await self.go_on.wait()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                self.answered += 1
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed += 1
            writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Any]:
    counting = Counting()
    listening = await asyncio.start_server(counting.serve, "127.0.0.1", 0)
    counting.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"  # type: ignore[attr-defined]
    yield counting
    counting.go_on.set()
    for writer in counting.writers:
        writer.close()
    listening.close()


def client(**limits: Any) -> httpx.AsyncClient:
    kept = Connections(ssl_context(), **{"most": 10, "most_idle": 10, "keep_s": 60.0, **limits})
    return httpx.AsyncClient(transport=KeptTransport(kept, ssl_context()), timeout=5)


async def test_requests_one_after_the_other_share_a_connection(server: Any) -> None:
    async with client() as http:
        for _ in range(5):
            assert (await http.get(server.url)).text == "ok"
    assert (server.opened, server.answered) == (1, 5)


async def test_requests_at_once_have_their_own_and_the_last_returned_is_used_first(server: Any) -> None:
    async with client() as http:
        await asyncio.gather(*(http.get(server.url) for _ in range(6)))
        for _ in range(6):
            await http.get(server.url)
    assert server.opened == 6


async def test_more_than_allowed_wait_their_turn(server: Any) -> None:
    async with client(most=2) as http:
        await asyncio.gather(*(http.get(server.url) for _ in range(20)))
    assert (server.answered, server.opened) == (20, 2)


async def test_who_waits_too_long_for_a_turn_is_told(server: Any) -> None:
    server.go_on.clear()
    async with client(most=1) as http:
        first = asyncio.ensure_future(http.get(server.url))
        while not server.opened:
            await asyncio.sleep(0)
        with pytest.raises(httpx.PoolTimeout):
            await http.get(server.url, timeout=httpx.Timeout(5, pool=0.05))
        server.go_on.set()
        assert (await first).text == "ok"
        assert (await http.get(server.url)).text == "ok"


async def test_a_connection_that_the_server_closed_is_not_used_again(server: Any) -> None:
    async with client() as http:
        await http.get(server.url)
        server.writers[0].close()
        await server.writers[0].wait_closed()
        assert (await http.get(server.url)).text == "ok"
    assert server.opened == 2


async def test_a_connection_that_was_idle_for_long_is_not_used_again(server: Any) -> None:
    async with client(keep_s=0.01) as http:
        await http.get(server.url)
        await asyncio.sleep(0.05)
        await http.get(server.url)
    assert server.opened == 2


async def test_no_more_than_allowed_stay_open(server: Any) -> None:
    async with client(most_idle=2) as http:
        await asyncio.gather(*(http.get(server.url) for _ in range(8)))
        while server.closed < 6:
            await asyncio.sleep(0.01)
    assert server.opened == 8


async def test_a_cancelled_request_closes_its_connection_and_frees_its_turn(server: Any) -> None:
    server.go_on.clear()
    async with client(most=1) as http:
        lost = asyncio.ensure_future(http.get(server.url))
        while not server.opened:
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        lost.cancel()
        with pytest.raises(asyncio.CancelledError):
            await lost
        server.go_on.set()
        assert (await http.get(server.url)).text == "ok"
    assert server.opened == 2


async def test_an_answer_that_is_not_read_to_its_end_costs_its_connection(server: Any) -> None:
    async with client() as http:
        async with http.stream("GET", server.url) as answer:
            assert answer.status_code == 200
        assert (await http.get(server.url)).text == "ok"
    assert server.opened == 2


async def test_where_nobody_listens_there_is_an_error_and_a_free_turn() -> None:
    async with client(most=1) as http:
        for _ in range(2):
            with pytest.raises(httpx.ConnectError):
                await http.get("http://127.0.0.1:9/")
