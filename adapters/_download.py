"""Streaming a URL into a file: size limit, redirects checked one by one, no credential, nothing half-written."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote_to_bytes

import httpx

from ..errors import (
    DegenerateOutputError,
    MediaLimitError,
    OutputMismatchError,
    ParameterError,
    ProviderError,
    ProviderUnavailableError,
    RateLimitedError,
    RequestRejectedError,
    TransientProviderError,
)
from ..settings import get_settings
from ._addresses import AddressRefused, GuardedTransport, Resolve, check_url, resolve
from ._errors import About, from_transport, retry_after, show_url, throw
from ._loops import PerLoop

__all__ = ["Downloader", "download", "download_output"]

MAX_REDIRECTS = 5
TOTAL_TIMEOUT_S = 1800.0
TIMEOUT = httpx.Timeout(connect=10.0, read=60.0, write=10.0, pool=None)
HEADERS = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "prefect-media"}
COMPRESSED = re.compile(r"gzip|deflate|\bbr\b|zstd|compress", re.IGNORECASE)
DECODE_STEP = 4 << 18  # characters of base64, a multiple of 4

HeadersFor = Callable[[httpx.URL], Mapping[str, str]]
"""Extra headers for one hop: the provider's key, when the hop goes to the provider's own API."""


class Refused(Exception):  # noqa: N818 - always translated before it leaves this module
    """Why a download must not go on."""


class TooLarge(Refused):
    """More bytes than allowed."""


class Empty(Refused):
    """Not a single byte."""


class Gone(Refused):
    """The server does not have it (any more), or does not give it."""


class Downloader:
    """Fetches untrusted URLs.

    Args:
        allow_loopback: Whether this machine's own servers may be fetched from, also by plain http.
        resolve: Name resolution; tests pass their own.
        total_timeout_s: Longest that one download may take.
    """

    def __init__(
        self, *, allow_loopback: bool = False, resolve: Resolve = resolve, total_timeout_s: float = TOTAL_TIMEOUT_S
    ) -> None:
        self._allow_loopback = allow_loopback
        self._total_timeout_s = total_timeout_s
        self._transports = PerLoop(lambda: GuardedTransport(allow_loopback=allow_loopback, resolve=resolve))

    async def aclose(self) -> None:
        """Close the connections of the running loop."""
        if transport := self._transports.pop():
            await transport.aclose()

    async def save(
        self, url: str, target: Path, about: About, *, max_bytes: int, headers_for: HeadersFor | None = None
    ) -> None:
        """Write what a URL holds to `target`; on any failure `target` does not exist.

        Raises:
            Refused: Not an allowed address, too large, empty, gone, or not decodable.
            TransientProviderError: Cut off, overloaded, or too slow.
        """
        try:
            with target.open("wb") as file:
                lost = await self._write(url, file, about, max_bytes, headers_for)
                if lost is not None:
                    throw(lost)
                if file.tell() == 0:
                    raise Empty(f"{show_url(url)} holds no bytes")
        except BaseException:
            target.unlink(missing_ok=True)
            raise

    async def _write(
        self, url: str, file: IO[bytes], about: About, max_bytes: int, headers_for: HeadersFor | None
    ) -> TransientProviderError | None:
        if url[:5].lower() == "data:":
            _write_data_uri(url, file, max_bytes)
            return None
        try:
            async with asyncio.timeout(self._total_timeout_s):
                return await self._fetch(url, file, about, max_bytes, headers_for)
        except (httpx.RequestError, TimeoutError) as exc:
            return from_transport(exc, about)

    async def _fetch(
        self, url: str, file: IO[bytes], about: About, max_bytes: int, headers_for: HeadersFor | None
    ) -> TransientProviderError | None:
        for _ in range(MAX_REDIRECTS + 1):
            try:
                response = await self._open(url, headers_for)
            except AddressRefused as exc:
                raise Refused(f"{show_url(url)} must not be fetched: {exc}") from None
            try:
                if response.has_redirect_location:
                    url = _onward(response)
                    continue
                if lost := _check_answer(response, about, max_bytes):
                    return lost
                await _copy(response, file, max_bytes)
                return None
            finally:
                with suppress(httpx.RequestError):
                    await response.aclose()
        raise Refused(f"{show_url(url)} was redirected more than {MAX_REDIRECTS} times")

    async def put(self, url: str, content: AsyncIterator[bytes], headers: Mapping[str, str], about: About) -> None:
        """Send bytes to an address that a provider handed out, under the same guard and without any key.

        Raises:
            ProviderError: The address must not be used, or did not take them.
        """
        lost: ProviderError | None = None
        try:
            async with asyncio.timeout(self._total_timeout_s):
                response = await self._send("PUT", self._checked(url), headers, content)
                await response.aclose()
            if not response.is_success:
                status = response.status_code
                text = f"{about}: {show_url(url)} answered {status} to the upload."
                lost = ProviderUnavailableError(text, accepted=False, status_code=status, **about.fields())
        except AddressRefused as exc:
            text = f"{about}: {show_url(url)} must not be uploaded to: {exc}."
            lost = RequestRejectedError(text, billed=False, **about.fields())
        except (httpx.RequestError, TimeoutError) as exc:
            lost = from_transport(exc, about)
        if lost is not None:
            throw(lost)

    async def _open(self, url: str, headers_for: HeadersFor | None) -> httpx.Response:
        here = self._checked(url)
        return await self._send("GET", here, {**HEADERS, **(headers_for(here) if headers_for else {})})

    def _checked(self, url: str) -> httpx.URL:
        return check_url(url, allow_loopback=self._allow_loopback)

    async def _send(
        self, method: str, url: httpx.URL, headers: Mapping[str, str], content: AsyncIterator[bytes] | None = None
    ) -> httpx.Response:
        request = httpx.Request(
            method, url, headers=headers, content=content, extensions={"timeout": TIMEOUT.as_dict()}
        )
        return await self._transports.get().handle_async_request(request)


def _onward(response: httpx.Response) -> str:
    try:
        return str(response.request.url.join(response.headers["location"]))
    except (httpx.InvalidURL, ValueError):
        raise Refused(f"{show_url(str(response.request.url))} redirects to something that is not a URL") from None


def _check_answer(response: httpx.Response, about: About, max_bytes: int) -> TransientProviderError | None:
    """Judge status line and headers; the body has not been read."""
    status, shown = response.status_code, show_url(str(response.request.url))
    fields: dict[str, Any] = {**about.fields(), "status_code": status, "accepted": False}
    if status == 429:
        wait = retry_after(response.headers)
        return RateLimitedError(f"{about}: {shown} answered {status}.", retry_after_s=wait, **fields)
    if status in (408, 425) or status >= 500:
        wait = retry_after(response.headers)
        return ProviderUnavailableError(f"{about}: {shown} answered {status}.", retry_after_s=wait, **fields)
    if status in (401, 403, 404, 410):
        raise Gone(f"{shown} answered {status}: it has expired, was deleted, or is not public")
    if status != 200:
        raise Refused(f"{shown} answered {status}")
    if COMPRESSED.search(response.headers.get("content-encoding", "")):
        raise Refused(f"{shown} came compressed although that was not asked for")
    length = response.headers.get("content-length", "")
    if length.isdecimal() and int(length) > max_bytes:
        raise TooLarge(f"{shown} holds {int(length)} bytes; at most {max_bytes} are allowed")
    return None


async def _copy(response: httpx.Response, file: IO[bytes], max_bytes: int) -> None:
    # A body that ends before its Content-Length, or before its last chunk, raises RemoteProtocolError here.
    total = 0
    async for chunk in response.aiter_raw():
        total += len(chunk)
        if total > max_bytes:
            raise TooLarge(
                f"{show_url(str(response.request.url))} was cut off after {max_bytes} bytes, the most that is allowed"
            )
        file.write(chunk)


def _write_data_uri(url: str, file: IO[bytes], max_bytes: int) -> None:
    head, comma, body = url.partition(",")
    if not comma:
        raise Refused("a data URI has no comma, so no data")
    if not head.lower().endswith(";base64"):
        if len(body) > 3 * max_bytes:
            raise TooLarge(f"a data URI is over {max_bytes} bytes")
        data = unquote_to_bytes(body)
        if len(data) > max_bytes:
            raise TooLarge(f"a data URI is over {max_bytes} bytes")
        file.write(data)
        return
    if "%" in body:
        body = unquote_to_bytes(body).decode("ascii", "replace")
    if len(body) // 4 * 3 - 2 > max_bytes:
        raise TooLarge(f"a data URI is over {max_bytes} bytes")
    try:
        for start in range(0, len(body), DECODE_STEP):
            file.write(base64.b64decode(body[start : start + DECODE_STEP], validate=True))
    except (binascii.Error, ValueError):
        raise Refused("a data URI is not valid base64") from None


async def download(url: str, target: Path) -> None:
    """Fetch a URL that a user gave, under the same guard as the outputs of providers and without any credential.

    Args:
        url: https, or `data:`.
        target: File to write; it does not exist after a failure.

    Raises:
        ParameterError: Not an address that may be fetched, or nothing is there.
        MediaLimitError: More than `PREFECT_MEDIA_MAX_MEDIA_BYTES`.
        TransientProviderError: Cut off, overloaded, or too slow.
    """
    downloader = Downloader()
    about = About(provider="", doing="import", model=show_url(url))
    try:
        await downloader.save(url, target, about, max_bytes=get_settings().max_media_bytes)
    except TooLarge as exc:
        raise MediaLimitError(f"Cannot import: {exc}. Raise PREFECT_MEDIA_MAX_MEDIA_BYTES if you want it.") from None
    except Refused as exc:
        raise ParameterError(f"Cannot import: {exc}. Download it yourself and import the file.") from None
    finally:
        await downloader.aclose()


async def download_output(
    downloader: Downloader, url: str, target: Path, about: About, headers_for: HeadersFor | None = None
) -> None:
    """Fetch one output of a provider.

    Raises:
        DegenerateOutputError: No bytes.
        OutputMismatchError: Not an address that may be fetched, expired, or too large.
        TransientProviderError: Cut off, overloaded, or too slow.
    """
    limit = get_settings().max_media_bytes
    try:
        await downloader.save(url, target, about, max_bytes=limit, headers_for=headers_for)
    except Empty as exc:
        raise DegenerateOutputError(f"{about}: {exc}.") from None
    except Refused as exc:
        raise OutputMismatchError(f"{about}: {exc}.") from None
