"""Kept connections whose use costs the same however many there are.

httpcore's own pool looks at every connection, and asks the system about every idle one, whenever a request begins or
ends: with hundreds of calls in flight that was half of all work. Here the connection that came back last is taken first,
and only that one is looked at.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterable, AsyncIterator
from ssl import SSLContext
from typing import Self, TypeAlias, cast

import httpcore
import httpx

__all__ = ["Connections", "KeptTransport"]

Place: TypeAlias = tuple[bytes, bytes, int]


class Connections:
    """HTTP/1.1 connections of one event loop. Has what httpx asks of a pool.

    Args:
        tls: Context for https.
        most: Requests at the same time; further ones wait, first come, first served.
        most_idle: Connections kept for later.
        keep_s: Seconds after which an idle connection is not used any more.
        network: How to connect.
    """

    def __init__(
        self,
        tls: SSLContext,
        *,
        most: int,
        most_idle: int,
        keep_s: float,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._tls = tls
        self._turns = asyncio.Semaphore(most)
        self._most_idle = most_idle
        self._keep_s = keep_s
        self._network = network
        self._idle: defaultdict[Place, deque[httpcore.AsyncHTTPConnection]] = defaultdict(deque)
        """By where they lead, the one that is idle for longest first."""

    async def handle_async_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send one request, once, and give the answer with its body unread.

        Raises:
            httpcore.PoolTimeout: Its turn did not come in time.
        """
        await self._turn(request.extensions.get("timeout", {}).get("pool"))
        try:
            origin = request.url.origin
            place = (origin.scheme, origin.host, origin.port)
            connection = await self._take(place) or httpcore.AsyncHTTPConnection(
                origin, ssl_context=self._tls, keepalive_expiry=self._keep_s, network_backend=self._network
            )
            answer = await connection.handle_async_request(request)
        except BaseException:  # a connection that fails has closed itself
            self._turns.release()
            raise
        body = _Body(cast("AsyncIterable[bytes]", answer.stream), connection, place, self)
        return httpcore.Response(answer.status, headers=answer.headers, content=body, extensions=answer.extensions)

    async def _turn(self, timeout_s: float | None) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._turns.acquire()
        except TimeoutError:
            raise httpcore.PoolTimeout(f"no connection was free within {timeout_s:g} s") from None

    async def _take(self, place: Place) -> httpcore.AsyncHTTPConnection | None:
        """Return the connection that came back last, unless it has expired or the server has closed it."""
        while idle := self._idle.get(place):
            connection = idle.pop()
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return None

    async def give_back(self, connection: httpcore.AsyncHTTPConnection, place: Place) -> None:
        """Keep a connection whose answer was read to its end; close any other, and those that were idle for long."""
        self._turns.release()
        if connection.is_idle():
            self._idle[place].append(connection)
        elif not connection.is_closed():
            await connection.aclose()
        for idle in [old for old in self._idle.values() if old]:
            if len(idle) > self._most_idle or idle[0].has_expired():
                await idle.popleft().aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close what is idle; answers that are still read are closed by their readers."""
        idle = [connection for many in self._idle.values() for connection in many]
        self._idle.clear()
        for connection in idle:
            await connection.aclose()


class _Body:
    """The body of an answer; its connection goes back when it is closed."""

    def __init__(
        self,
        stream: AsyncIterable[bytes],
        connection: httpcore.AsyncHTTPConnection,
        place: Place,
        connections: Connections,
    ) -> None:
        self._stream = stream
        self._connection = connection
        self._place = place
        self._connections: Connections | None = connections

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part

    async def aclose(self) -> None:
        connections, self._connections = self._connections, None
        if connections is None:
            return
        try:
            await self._stream.aclose()  # pyright: ignore - httpcore's streams have it
        finally:
            await connections.give_back(self._connection, self._place)


class KeptTransport(httpx.AsyncHTTPTransport):
    """httpx transport over `Connections`."""

    def __init__(self, connections: Connections, tls: SSLContext) -> None:
        super().__init__(verify=tls)
        # httpx has no argument for the pool. The tests of connections fail if this attribute ever moves.
        self._pool = cast("httpcore.AsyncConnectionPool", cast("object", connections))
