"""Kept HTTP/1.1 connections under httpx: aiohttp sends, waits and parses, which costs a quarter of what httpcore takes.

With a thousand calls in flight, requests are the largest part of a process's work. What httpx knows of them stays as it
is (headers, streams, timeouts, errors), so that adapters and users' tests see httpx alone.

The errors decide whether a paid request may be sent again, so they are translated here, one by one: only what happened
before a connection stood is a connect error. (The package httpx-aiohttp 0.2.0 calls a server that hung up after it got
the request a connect timeout.)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from io import BytesIO
from ssl import SSLContext
from typing import Any
from urllib.request import getproxies, proxy_bypass
from weakref import finalize

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver
from yarl import URL

from .credentials import is_loopback

__all__ = ["KeptTransport", "proxy_of"]

# Shorter than the 5 s after which common servers drop an idle connection: a paid request that meets a connection which
# is just being closed would get no answer, and nobody would know whether it was taken.
KEEP_S = 4.0
"""Seconds that an idle connection is kept for, unless told otherwise."""
LONGEST_LINE = 64 << 10
"""Bytes of a header line. aiohttp's own limit, 8 kB, is below what some hosts of files send as their policy."""
LARGE_BYTES = 1 << 20
OWN_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
"""Headers that aiohttp would add; httpx has decided on them already."""

# First fit wins.
ERRORS: tuple[tuple[type[Exception], type[httpx.RequestError]], ...] = (
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError),
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    (aiohttp.NonHttpUrlClientError, httpx.UnsupportedProtocol),
    (aiohttp.ServerTimeoutError, httpx.ReadTimeout),
    (TimeoutError, httpx.ReadTimeout),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError),
    (aiohttp.ClientPayloadError, httpx.RemoteProtocolError),
    (aiohttp.ClientConnectionError, httpx.ReadError),
    (aiohttp.ClientError, httpx.RemoteProtocolError),
    (OSError, httpx.ReadError),
    (ValueError, httpx.LocalProtocolError),
)


@contextmanager
def _as_httpx(request: httpx.Request) -> Generator[None]:
    try:
        yield
    except tuple(kind for kind, _ in ERRORS) as exc:
        cls = next(cls for kind, cls in ERRORS if isinstance(exc, kind))
        raise cls(str(exc) or type(exc).__name__, request=request) from exc


def proxy_of(url: httpx.URL) -> str | None:
    """Return the proxy that the environment names for a URL; none for this machine itself."""
    if is_loopback(url.host) or proxy_bypass(url.host):
        return None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy or None


class _Connector(aiohttp.TCPConnector):
    """Says nothing of connections that are still open when it goes; the operating system closes them."""

    def __del__(self, _warnings: Any = None) -> None:
        """Not aiohttp's, which reports them to the loop's error handler."""


class KeptTransport(httpx.AsyncBaseTransport):
    """httpx transport over aiohttp's connections, through the environment's proxy if it names one.

    It belongs to the event loop that runs while it is made.

    Args:
        tls: Context for https.
        most: Requests at the same time; further ones wait, first come, first served.
        keep_s: Seconds that an idle connection is kept for.
        resolver: Name resolution, asked once for each connection; default the operating system's.
    """

    def __init__(
        self, tls: SSLContext, *, most: int, keep_s: float = KEEP_S, resolver: AbstractResolver | None = None
    ) -> None:
        self._session = aiohttp.ClientSession(
            connector=_Connector(
                ssl=tls, limit=most, keepalive_timeout=keep_s, resolver=resolver, use_dns_cache=resolver is None
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=OWN_HEADERS,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
        )
        # Adapters live as long as their process, and no one closes them: that is no error to report to users.
        finalize(self, self._session.detach)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and give the answer with its body unread.

        aiohttp sends a GET or a PUT a second time when a kept connection turns out to be closed; a POST never.

        Raises:
            httpx.RequestError: `ConnectTimeout`, `ConnectError`, `UnsupportedProtocol`: it was not sent. Any other: it may
                have arrived.
        """
        limits = request.extensions.get("timeout", {})
        pool, connect = limits.get("pool"), limits.get("connect")
        timeout = aiohttp.ClientTimeout(
            # aiohttp's counts the wait for a turn, the look-up of the name and the connection together.
            connect=None if pool is None or connect is None else pool + connect,
            sock_connect=connect,
            sock_read=limits.get("read"),
        )
        headers = [item for item in request.headers.multi_items() if item[0] != "transfer-encoding"]
        with _as_httpx(request):
            answer = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=headers,
                data=_content(request),
                proxy=proxy_of(request.url),
                allow_redirects=False,
                timeout=timeout,
            )
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer, request), request=request)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._session.close()


def _content(request: httpx.Request) -> Any:
    try:
        content = request.content
    except httpx.RequestNotRead:
        return request.stream
    # aiohttp warns of large bytes, which it would copy in one go; a file it sends piece by piece.
    return BytesIO(content) if len(content) > LARGE_BYTES else content or None


class _Body(httpx.AsyncByteStream):
    """The body of an answer. Closed before its end, it takes its connection with it."""

    def __init__(self, answer: aiohttp.ClientResponse, request: httpx.Request) -> None:
        self._answer = answer
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _as_httpx(self._request):
            async for part in self._answer.content.iter_any():
                yield part

    async def aclose(self) -> None:
        self._answer.close()
