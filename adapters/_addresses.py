"""Which addresses a download may reach: public ones, checked after name resolution and at every connection.

The URLs of outputs come from a provider's answer, so they are untrusted: without this guard one that points into the
local network, or at a cloud's metadata service, would be fetched by us. The address that was checked is the address
that is connected to; a second look-up with another answer (DNS rebinding) never happens.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from ssl import SSLContext

import httpx
from aiohttp.abc import AbstractResolver, ResolveResult

from ._connections import KeptTransport, proxy_of
from .credentials import is_loopback

__all__ = ["AddressRefused", "GuardedTransport", "Resolve", "check_address", "check_url", "resolve", "ssl_context"]

NAT64 = ipaddress.ip_network("64:ff9b::/96")
CONNECTIONS = 256
RESOLVE_S = 10.0

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Name and port to addresses; raises `OSError` when the name does not resolve."""


class AddressRefused(Exception):  # noqa: N818 - always translated before it leaves this package
    """An address that a download must not reach."""


@lru_cache(maxsize=1)
def ssl_context() -> SSLContext:
    """Return the one TLS context; loading the certificates for each client would cost 20 ms and 1 MB."""
    return httpx.create_ssl_context()


async def resolve(host: str, port: int) -> list[str]:
    """Resolve a name with the operating system, without repeats, in its order."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that traffic to a translated or tunnelled IPv6 address ends at, if any."""
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.sixtofour or (address.teredo[1] if address.teredo else None)


def check_address(text: str, *, allow_loopback: bool = False) -> None:
    """Check one resolved address.

    Raises:
        AddressRefused: It is private, loopback (unless allowed), link-local, multicast, unspecified or reserved, or an
            IPv6 form of such an IPv4 address.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    inner = None
    if isinstance(address, ipaddress.IPv6Address):
        inner = _embedded(address)
        address = address.ipv4_mapped or address
    if allow_loopback and address.is_loopback:
        return
    for each in (address, inner):
        if each is not None and (not each.is_global or each.is_multicast):
            raise AddressRefused(f"it leads to {each}, which is not a public address")


def check_url(url: str, *, allow_loopback: bool = False) -> httpx.URL:
    """Check the form of a URL before anything is resolved.

    Raises:
        AddressRefused: Not https (http only on an allowed loopback), with a user, without a host, or not a URL.
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError, TypeError):
        raise AddressRefused("it is not a URL") from None
    local = allow_loopback and is_loopback(parsed.host)
    if parsed.scheme != "https" and not (parsed.scheme == "http" and local):
        raise AddressRefused(f"its scheme is {parsed.scheme or 'missing'!r}; only https is allowed")
    if not parsed.host:
        raise AddressRefused("it names no host")
    if parsed.userinfo:
        raise AddressRefused("it carries a user name or password")
    return parsed


class _GuardedResolver(AbstractResolver):
    """Resolves names, and gives only addresses that pass the check."""

    def __init__(self, resolve: Resolve, allow_loopback: bool) -> None:
        self._resolve = resolve
        self._allow_loopback = allow_loopback

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        try:
            async with asyncio.timeout(RESOLVE_S):
                addresses = await self._resolve(host, port)
        except TimeoutError:
            raise OSError(None, f"no answer to the name look-up within {RESOLVE_S:g} s") from None
        for address in addresses:
            # A public name must not lead to loopback, even where loopback itself is allowed.
            check_address(address, allow_loopback=self._allow_loopback and is_loopback(host))
        return [_numeric(host, address, port) for address in addresses]

    async def close(self) -> None:
        """Nothing is held."""


def _numeric(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=flags)


class GuardedTransport(KeptTransport):
    """httpx transport whose every connection goes to a checked address.

    Args:
        allow_loopback: Whether hosts that are written as loopback may be reached.
        resolve: Name resolution; tests pass their own.
    """

    def __init__(self, *, allow_loopback: bool = False, resolve: Resolve = resolve) -> None:
        super().__init__(ssl_context(), most=CONNECTIONS, resolver=_GuardedResolver(resolve, allow_loopback))
        self._allow_loopback = allow_loopback
        self._resolve = resolve
        self._proxied: KeptTransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; see `KeptTransport`.

        Raises:
            AddressRefused: It would lead to an address that is not public.
        """
        url = request.url
        if proxy_of(url) is None:
            with suppress(ValueError):  # a name: it is checked as soon as it is resolved
                ipaddress.ip_address(url.host)
                check_address(url.host, allow_loopback=self._allow_loopback)
            return await super().handle_async_request(request)
        # Behind a proxy it is the proxy that connects; what can be resolved here is still checked here.
        with suppress(OSError):
            for address in await self._resolve(url.host, url.port or 443):
                check_address(address)
        if self._proxied is None:
            self._proxied = KeptTransport(ssl_context(), most=CONNECTIONS)
        return await self._proxied.handle_async_request(request)

    async def aclose(self) -> None:
        """Close every connection."""
        await super().aclose()
        if self._proxied is not None:
            await self._proxied.aclose()
