"""fal's file storage: a short-lived token from the REST host, then the bytes to the CDN.

Ways, as in the official Python client 1.0.3: one request up to 100 MB, parts of 10 MB above; when the CDN refuses, an
upload to an address that the REST host hands out.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import SecretStr

from ..errors import PermanentProviderError, ProviderUnavailableError
from ..media.types import AnyMedia
from ._delivery import file_chunks, file_name
from ._errors import About
from ._http import KeyAuth
from .base import Upload

if TYPE_CHECKING:
    from .fal import FalAdapter

__all__ = ["FalStorage"]

OFFICIAL_BASE = "https://queue.fal.run"
REST_URL = "https://rest.fal.ai"
CDN_URL = "https://v3.fal.media"
MULTIPART_ABOVE_BYTES = 100 << 20
PART_BYTES = 10 << 20
UPLOAD_TIMEOUT_S = 600.0
# Files are kept until the account's own setting says otherwise, which is not visible from here. Not relied on for long.
REUSE_FOR = timedelta(hours=24)


class FalStorage:
    """Uploads input files for one adapter."""

    def __init__(self, adapter: FalAdapter) -> None:
        credentials = adapter.credentials
        own = credentials.base_url if credentials.base_url != OFFICIAL_BASE else None
        self._adapter = adapter
        self._rest = credentials.extra.get("rest_url") or (f"{own}/_rest" if own else REST_URL)
        self._cdn = credentials.extra.get("cdn_url") or (f"{own}/_cdn" if own else CDN_URL)
        self._token: tuple[KeyAuth, str, datetime] | None = None

    async def upload(self, media: AnyMedia) -> Upload:
        """Upload one file.

        Raises:
            ProviderError: Not taken; nothing was bought.
        """
        about = self._adapter.about("upload an input to")
        path = await asyncio.to_thread(media.path)
        url: str | None = None
        with suppress(PermanentProviderError):
            url = await self._to_cdn(media, path, about)
        if url is None:
            url = await self._to_given_address(media, path, about)
        return Upload(url, datetime.now(UTC) + REUSE_FOR)

    async def _authorization(self, about: About) -> tuple[KeyAuth, str]:
        if self._token is None or self._token[2] <= datetime.now(UTC) + timedelta(seconds=30):
            reply = await self._adapter.call(
                "POST", f"{self._rest}/storage/auth/token", about, params={"storage_type": "fal-cdn-v3"}, json={}
            )
            fields = self._adapter.document(reply, about, needs="token")
            expires = datetime.now(UTC)
            with suppress(TypeError, ValueError):
                expires = datetime.fromisoformat(fields.get("expires_at", ""))
            expires = expires if expires.tzinfo else expires.replace(tzinfo=UTC)
            auth = KeyAuth("Authorization", f"{fields.get('token_type', 'Bearer')} ", SecretStr(fields["token"]))
            self._token = (auth, str(fields.get("base_url") or self._cdn), expires)
        auth, base, _ = self._token
        return auth, base if self._may_get_token(base) else self._cdn

    def _may_get_token(self, url: str) -> bool:
        """Return whether the storage token may go to a URL that an answer named."""
        found = httpx.URL(url)
        official = self._cdn == CDN_URL and found.scheme == "https" and found.host.endswith(".fal.media")
        return official or self._adapter.is_own(f"{url}/", self._cdn)

    async def _to_cdn(self, media: AnyMedia, path: Path, about: About) -> str:
        auth, base = await self._authorization(about)
        if media.size_bytes > MULTIPART_ABOVE_BYTES:
            return await self._in_parts(media, path, about, auth, base)
        reply = await self._adapter.call(
            "POST",
            f"{self._cdn}/files/upload",
            about,
            auth=auth,
            timeout_s=UPLOAD_TIMEOUT_S,
            content=file_chunks(path),
            headers=_headers(media, media.size_bytes),
        )
        return self._adapter.document(reply, about, needs="access_url")["access_url"]

    async def _in_parts(self, media: AnyMedia, path: Path, about: About, auth: KeyAuth, base: str) -> str:
        begin = await self._adapter.call(
            "POST", f"{base}/files/upload/multipart", about, auth=auth, headers=_headers(media)
        )
        url = self._adapter.document(begin, about, needs="access_url")["access_url"]
        upload_id = self._adapter.document(begin, about, needs="uploadId")["uploadId"]
        if not self._may_get_token(url):
            raise ProviderUnavailableError(
                f"{about}: the storage names a foreign host.", accepted=False, **about.fields()
            )
        parts: list[dict[str, Any]] = []
        for number, start in enumerate(range(0, media.size_bytes, PART_BYTES), 1):
            length = min(PART_BYTES, media.size_bytes - start)
            reply = await self._adapter.call(
                "PUT",
                f"{url}/multipart/{upload_id}/{number}",
                about,
                auth=auth,
                timeout_s=UPLOAD_TIMEOUT_S,
                content=file_chunks(path, start, length),
                headers=_headers(media, length),
            )
            parts.append({"partNumber": number, "etag": reply.headers.get("etag", "")})
        await self._adapter.call(
            "POST", f"{url}/multipart/{upload_id}/complete", about, auth=auth, json={"parts": parts}
        )
        return url

    async def _to_given_address(self, media: AnyMedia, path: Path, about: About) -> str:
        reply = await self._adapter.call(
            "POST",
            f"{self._rest}/storage/upload/initiate",
            about,
            params={"storage_type": "gcs"},
            json={"file_name": file_name(media), "content_type": media.media_type},
        )
        fields = self._adapter.document(reply, about, needs="upload_url")
        address, url = fields["upload_url"], self._adapter.document(reply, about, needs="file_url")["file_url"]
        headers = {"Content-Type": media.media_type, "Content-Length": str(media.size_bytes)}
        await self._adapter.downloader.put(address, file_chunks(path), headers, about)
        return url


def _headers(media: AnyMedia, length: int | None = None) -> dict[str, str]:
    headers = {"Content-Type": media.media_type, "X-Fal-File-Name": file_name(media)}
    return headers if length is None else {**headers, "Content-Length": str(length)}
