"""What every HTTP adapter shares: its connections, one set per event loop, the key's way into requests, errors, and downloads.

The key travels in one header, to the provider's own base URL and nowhere else: redirects are not followed, and a URL
that an answer names gets the key only when it lies under the base URL.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Collection, Container, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, cast

import httpx
from pydantic import SecretStr

from ..errors import ProviderError, ProviderUnavailableError
from ..media.types import AnyMedia
from ._addresses import ssl_context
from ._connections import KeptTransport
from ._delivery import matches
from ._download import Downloader, download_output
from ._errors import About, Fault, Rule, classify, from_transport, throw
from ._loops import PerLoop
from .base import CancelFacts, CancelOutcome, Job, Output, RecentJob, Request, Upload
from .credentials import Credentials

__all__ = ["HttpAdapter", "KeyAuth", "Reply"]

CONNECT_TIMEOUT_S = 10.0
WRITE_TIMEOUT_S = 60.0
POOL_TIMEOUT_S = 60.0
READ_TIMEOUT_S = 60.0
HEADERS = {
    "Accept": "application/json, */*;q=0.5",
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": "prefect-media",
}
MAX_ANSWER_BYTES = 64 << 20
MAX_ERROR_BYTES = 256 << 10


NO_CANCEL = CancelFacts(
    queued=CancelOutcome.UNSUPPORTED,
    running=CancelOutcome.UNSUPPORTED,
    queued_billed=None,
    running_billed=None,
    note="The provider has no way to cancel.",
    source="",
)


class KeyAuth(httpx.Auth):
    """Puts a key into one header at the moment of sending; its repr shows nothing."""

    def __init__(self, header: str, prefix: str, key: SecretStr) -> None:
        self._header = header
        self._prefix = prefix
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header."""
        request.headers[self._header] = self._prefix + self._key.get_secret_value()
        yield request


@dataclass(frozen=True)
class Reply:
    """A complete answer."""

    status: int
    headers: httpx.Headers
    body: bytes

    def parsed(self) -> Any:
        """Return the body as JSON; None when it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    def fields(self) -> dict[str, Any]:
        """Return the body as a JSON object; empty when it is something else."""
        parsed = self.parsed()
        return cast("dict[str, Any]", parsed) if isinstance(parsed, dict) else {}

    @property
    def text(self) -> str:
        """The body as text, whatever it is."""
        return self.body.decode("utf-8", "replace")


class HttpAdapter(ABC):
    """Base of the adapters over HTTP; a provider adds its protocol, its error bodies and its error table."""

    name: str = ""
    can_look_up: bool = False
    cancellation: CancelFacts = NO_CANCEL
    rules: ClassVar[tuple[Rule, ...]] = ()
    key_header: ClassVar[str] = "Authorization"
    key_prefix: ClassVar[str] = "Bearer "
    most_requests: ClassVar[int] = 1000
    """Requests at the same time. Where an answer comes only when the job has ended, each job in flight takes one."""
    recorded: ClassVar[Collection[str] | None] = None
    """Parameters that `recent` reports; None for all of them."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials
        self._auth = KeyAuth(self.key_header, self.key_prefix, credentials.key)
        self._transports = PerLoop(self._make_transport)
        self.downloader = Downloader(allow_loopback=credentials.on_loopback)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.credentials.base_url}>"

    def _make_transport(self) -> KeptTransport:
        return KeptTransport(ssl_context(), most=self.most_requests)

    async def aclose(self) -> None:
        """Close the connections of the running loop."""
        if transport := self._transports.pop():
            await transport.aclose()
        await self.downloader.aclose()

    # What a provider adds.

    def extra_headers(self) -> dict[str, str]:
        """Return further headers of every request to the API. No secrets."""
        return {}

    @abstractmethod
    def read_fault(self, reply: Reply) -> Fault:
        """Read an error body of this provider."""

    def key_goes_to(self, url: httpx.URL) -> bool:
        """Return whether an output at this URL, which is under the base URL, needs the key."""
        return False

    def can_find(self, request: Request) -> bool:
        """Return whether `recent` would list a job of this request."""
        return self.can_look_up

    def job_data(self, request: Request) -> dict[str, Any]:
        """Return what `check` must know of a request besides the job's id."""
        wanted = {"endpoint": request.endpoint, "output_kind": request.output_kind}
        return wanted | {name: request.extra[name] for name in ("output_field",) if request.extra.get(name)}

    def match(self, request: Request, found: RecentJob) -> Job | None:
        """Return the job to follow when it is this request's, else None."""
        same = found.endpoint in ("", request.endpoint.partition(":")[0])
        if not same or not matches(request, found, records=self.recorded):
            return None
        return found.job.model_copy(update={"data": {**self.job_data(request), **found.job.data}})

    async def upload(self, media: AnyMedia) -> Upload | None:
        """Nothing is uploaded ahead of a request."""
        return None

    async def recent(self, card_id: str, since: datetime) -> list[RecentJob]:
        """This provider lists nothing."""
        return []

    # What all share.

    def about(self, doing: str, of: Request | Job | None = None) -> About:
        """Say what a request is about."""
        remote_id = of.remote_id if isinstance(of, Job) else None
        return About(self.name, doing, of.card_id if of else None, remote_id)

    def url(self, path: str) -> str:
        """Return the address of a path of the API."""
        return self.credentials.base_url + path

    def is_own(self, url: str, base: str | None = None) -> bool:
        """Return whether a URL lies under the base URL, so that it may get the key."""
        return _lies_under(url, base or self.credentials.base_url)

    async def call(
        self,
        method: str,
        url: str,
        about: About,
        *,
        paid: bool = False,
        tolerate: Container[int] = (),
        timeout_s: float = READ_TIMEOUT_S,
        auth: httpx.Auth | None = None,
        **content: Any,
    ) -> Reply:
        """Send one request, once, and read its whole answer.

        Args:
            method: HTTP method.
            url: Absolute; the adapter has made sure that the key may go there.
            about: For errors.
            paid: Whether it buys something: a lost answer then leaves `accepted` unknown.
            tolerate: Statuses of 400 and above that are returned like a success.
            timeout_s: Longest wait for the answer.
            auth: Another key than the provider's (of its file storage).
            content: `json`, `content`, `data`, `files`, `params`, `headers`, as httpx takes them.

        Raises:
            ProviderError: From the provider's table, or for what happened on the way.
        """
        async with self.stream(
            method, url, about, paid=paid, tolerate=tolerate, timeout_s=timeout_s, auth=auth, **content
        ) as response:
            body = await _read(response, MAX_ANSWER_BYTES)
            if body is None:
                raise ProviderUnavailableError(
                    f"{about}: the answer is over {MAX_ANSWER_BYTES} bytes.",
                    accepted=None if paid else False,
                    status_code=response.status_code,
                    **about.fields(),
                )
            return Reply(response.status_code, response.headers, body)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        about: About,
        *,
        paid: bool = False,
        tolerate: Container[int] = (),
        timeout_s: float = READ_TIMEOUT_S,
        auth: httpx.Auth | None = None,
        **content: Any,
    ) -> AsyncGenerator[httpx.Response, None]:
        """Send one request, once, and give the answer with its body unread. Arguments and errors as for `call`."""
        timeout = {"connect": CONNECT_TIMEOUT_S, "read": timeout_s, "write": WRITE_TIMEOUT_S, "pool": POOL_TIMEOUT_S}
        total_s = sum(timeout.values())
        headers = {**HEADERS, **self.extra_headers(), **content.pop("headers", {})}
        # No httpx client: it would keep cookies, which cost a fifth of a request, and log every URL.
        request = httpx.Request(method, _parsed(url), headers=headers, extensions={"timeout": timeout}, **content)
        next((auth or self._auth).auth_flow(request))
        failure: ProviderError | None = None
        accepted = False
        try:
            async with asyncio.timeout(total_s):
                response = await self._transports.get().handle_async_request(request)
                try:
                    if response.status_code >= 300 and response.status_code not in tolerate:
                        failure = await self._refusal(response, about, paid)
                    else:
                        accepted = paid and response.status_code < 300
                        yield response
                finally:
                    await response.aclose()
        except ProviderError:
            raise
        except (httpx.RequestError, TimeoutError) as exc:
            failure = failure or from_transport(exc, about, paid=paid, billed=True if accepted else None)
        if failure is not None:
            throw(failure)

    async def _refusal(self, response: httpx.Response, about: About, paid: bool) -> ProviderError:
        status = response.status_code
        try:
            body = await _read(response, MAX_ERROR_BYTES, cut=True) or b""
        except httpx.RequestError:
            body = b""  # the status says enough
        reply = Reply(status, response.headers, body)
        if 300 <= status < 400:
            where = "The API answered with a redirect, which is not followed so that the key stays here. Check the base URL."
            fault = Fault(status, where)
        else:
            fault = self.read_fault(reply)
        return self.error(fault, about, paid=paid)

    def error(self, fault: Fault, about: About, *, paid: bool = False) -> ProviderError:
        """Make the error for a fault by this provider's table."""
        return classify(self.rules, fault, about, secret=self.credentials.key, paid=paid)

    def document(self, reply: Reply, about: About, *, paid: bool = False, needs: str = "") -> dict[str, Any]:
        """Return an answer's JSON object.

        Args:
            reply: A successful answer.
            about: For errors.
            paid: Whether it answers a paid request: it was accepted, but what it bought cannot be read.
            needs: Field that must be there, a text.

        Raises:
            ProviderUnavailableError: Not JSON, not an object, or without the field.
        """
        fields = reply.fields()
        if not fields or (needs and not (isinstance(fields.get(needs), str) and fields[needs])):
            problem = f"has no {needs!r}" if fields else "is not a JSON object"
            raise ProviderUnavailableError(
                f"{about}: the answer {problem} ({len(reply.body)} bytes).",
                accepted=None if paid else False,
                status_code=reply.status,
                **about.fields(),
            )
        return fields

    async def fetch(self, output: Output, target: Path) -> None:
        """Stream one output into `target`.

        Raises:
            OutputMismatchError: Not an address that may be fetched, expired, too large, or empty.
            TransientProviderError: Cut off; may be tried again.
        """
        if output.path is not None:
            output.path.replace(target)
        elif output.text is not None:
            target.write_text(output.text, encoding="utf-8")
        else:
            about = self.about("fetch an output from")
            await download_output(self.downloader, output.url or "", target, about, self._headers_for)

    def _headers_for(self, url: httpx.URL) -> dict[str, str]:
        if not (self.is_own(str(url)) and self.key_goes_to(url)):
            return {}
        return dict(next(self._auth.auth_flow(httpx.Request("GET", url))).headers)


@lru_cache(maxsize=4096)
def _lies_under(url: str, base: str) -> bool:
    try:
        found, own = _parsed(url), _parsed(base)
    except (httpx.InvalidURL, ValueError, TypeError):
        return False
    same = (found.scheme, found.host, found.port) == (own.scheme, own.host, own.port)
    return (
        same
        and not found.userinfo
        and found.path.startswith(own.path.rstrip("/") + "/")
        and ".." not in found.path.split("/")
    )


@lru_cache(maxsize=4096)
def _parsed(url: str) -> httpx.URL:
    """Parse a URL; those of jobs in flight come again with every look at them."""
    return httpx.URL(url)


async def _read(response: httpx.Response, limit: int, *, cut: bool = False) -> bytes | None:
    """Read a body; None when it is over the limit, or its beginning when it may be cut."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > limit:
            return bytes(body[:limit]) if cut else None
    return bytes(body)
