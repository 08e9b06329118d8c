"""Kept connections: which are used again, which are closed, who waits."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from prefect_media.adapters._addresses import ssl_context
from prefect_media.adapters._connections import KeptTransport

LARGE = bytes(3 << 20) + b"END"


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
            while asked := await reader.readuntil(b"\r\n\r\n"):
                await self.go_on.wait()
                length = 2_000_000 if b"/long" in asked else 2
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nok" % length)
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
    return httpx.AsyncClient(
        transport=KeptTransport(ssl_context(), **{"most": 10, "keep_s": 60.0, **limits}), timeout=5
    )


async def test_requests_one_after_the_other_share_a_connection(server: Any) -> None:
    async with client() as http:
        for _ in range(5):
            assert (await http.get(server.url)).text == "ok"
    assert (server.opened, server.answered) == (1, 5)


async def test_requests_at_once_have_their_own_connections_which_are_used_again(server: Any) -> None:
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
        with pytest.raises(httpx.ConnectTimeout):
            await http.get(server.url, timeout=httpx.Timeout(5, pool=0.05, connect=0.05))
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


async def test_idle_connections_are_closed_in_time(server: Any) -> None:
    async with client(keep_s=0.05) as http:
        await asyncio.gather(*(http.get(server.url) for _ in range(8)))
        while server.closed < 8:
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
        async with http.stream("GET", f"{server.url}long") as answer:
            assert answer.status_code == 200
        assert (await http.get(server.url)).text == "ok"
    assert server.opened == 2


async def raw_server(answer: bytes, *, reads: bool = True) -> tuple[asyncio.Server, str]:
    """Serve connections that get `answer` and are then closed."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if reads:
            await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    return listening, f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 2",
        b"no http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\n",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_breaks_after_the_request_was_sent_is_never_called_a_failed_connection(
    answer: bytes, method: str
) -> None:
    listening, url = await raw_server(answer)
    async with client() as http:
        with pytest.raises(httpx.RequestError) as caught:
            await http.request(method, url, json={"a": 1} if method == "POST" else None)
    assert not isinstance(caught.value, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    listening.close()


async def test_an_answer_that_does_not_come_is_a_read_timeout(server: Any) -> None:
    server.go_on.clear()
    async with client() as http:
        with pytest.raises(httpx.ReadTimeout):
            await http.post(server.url, timeout=httpx.Timeout(5, read=0.05))


async def test_a_post_on_a_connection_that_is_just_closed_is_not_sent_again(server: Any) -> None:
    """It may have been taken: only the journal can decide."""
    async with client() as http:
        await http.get(server.url)
        server.go_on.clear()
        posting = asyncio.ensure_future(http.post(server.url))
        while server.answered == 1 and not server.writers[0].is_closing():
            await asyncio.sleep(0.01)
            server.writers[0].close()
        with pytest.raises(httpx.RemoteProtocolError):
            await posting
    assert server.opened == 1


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "http:///nowhere"])
async def test_what_is_no_address_is_not_sent(url: str) -> None:
    async with client() as http:
        with pytest.raises((httpx.UnsupportedProtocol, httpx.ConnectError)):
            await http.get(url)


async def test_bodies_arrive_as_they_were_given() -> None:
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readuntil(b"END") if b"chunked" not in head else await reader.readuntil(b"0\r\n\r\n")
        seen.append(head.lower() + body)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"one "
        yield b"two END"

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2 * len(LARGE))
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/a%20b?c=d%2Fe&f=%E4"
    async with client() as http:
        await http.post(url, content=b"whole END", headers={"X-Some": "thing"})
        await http.post(url, content=LARGE)
        await http.put(url, content=pieces(), headers={"Content-Length": "11"})
        await http.put(url, content=pieces())
        await http.post(url, files={"file": ("a.txt", b"inside END")}, headers={"Connection": "close"})
    whole, large, sized, chunked, form = seen
    assert whole.startswith(b"post /a%20b?c=d%2fe&f=%e4 http/1.1\r\n")
    assert whole.endswith(b"\r\n\r\nwhole END")
    assert b"content-length: 9\r\n" in whole
    assert b"x-some: thing\r\n" in whole
    assert b"content-type" not in whole
    assert large.partition(b"\r\n\r\n")[2] == LARGE
    assert sized.endswith(b"\r\n\r\none two END")
    assert b"chunked" not in sized
    assert b"transfer-encoding: chunked\r\n" in chunked
    assert b"one " in chunked
    assert b"two END" in chunked
    assert b"content-type: multipart/form-data; boundary=" in form
    assert b"inside END" in form
    listening.close()


async def test_where_nobody_listens_there_is_an_error_and_a_free_turn() -> None:
    async with client(most=1) as http:
        for _ in range(2):
            with pytest.raises(httpx.ConnectError):
                await http.get("http://127.0.0.1:9/")


async def test_a_proxy_of_the_environment_is_used_but_not_for_this_machine(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    async with client() as http:
        assert (await http.get("http://provider.example/v1")).text == "ok"
        assert server.answered == 1
        with pytest.raises(httpx.ConnectError):
            await http.get("http://127.0.0.1:9/")
    assert server.answered == 1


def test_a_process_that_ends_with_open_connections_says_nothing_of_them() -> None:
    code = """
import asyncio, httpx
from prefect_media.adapters._addresses import ssl_context
from prefect_media.adapters._connections import KeptTransport

async def serve(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    http = httpx.AsyncClient(transport=KeptTransport(ssl_context(), most=5, keep_s=60.0))
    print((await http.get(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")).text)

asyncio.run(main())
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert (run.stdout.strip(), run.stderr) == ("ok", "")
