"""Uploads to fal: token and CDN, parts, and the address that the REST host hands out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from prefect_media.adapters import _fal_storage as module
from prefect_media.adapters._fal_storage import FalStorage
from prefect_media.adapters.base import Request
from prefect_media.adapters.credentials import Credentials
from prefect_media.adapters.fal import FalAdapter
from prefect_media.errors import ProviderError, ProviderUnavailableError, RequestRejectedError
from prefect_media.media.types import Image

LARGE = 300_000
TOKEN_PATH, CDN_PATH = "/_rest/storage/auth/token", "/_cdn/files/upload"


def token(server: Any, **changes: Any) -> dict[str, Any]:
    expires = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    return {
        "token": "short-lived",
        "token_type": "Bearer",
        "base_url": f"{server.base}/_cdn",
        "expires_at": expires,
    } | changes


async def test_small_media_is_not_uploaded(adapter_for: Any, server: Any, picture: Callable[..., Image]) -> None:
    assert await adapter_for("fal").upload(picture(200)) is None
    assert server.seen == []


async def test_large_media_goes_to_the_cdn_with_a_token(
    adapter_for: Any, server: Any, scratch: Path, picture: Callable[..., Image], secret: str
) -> None:
    media = picture(LARGE)
    server.on("POST", TOKEN_PATH, json_=token(server))
    server.on("POST", CDN_PATH, json_={"access_url": "https://v3.fal.media/files/b/in.png"})
    server.on("POST", "/fal-ai/flux/dev", json_={"request_id": "r1"})
    adapter = adapter_for("fal")
    upload = await adapter.upload(media)
    assert upload.url == "https://v3.fal.media/files/b/in.png"
    assert upload.expires > datetime.now(UTC)
    asked, sent = server.seen
    assert (asked.query, asked.headers["authorization"]) == ("storage_type=fal-cdn-v3", f"Key {secret}")
    assert sent.body == media.read()
    assert sent.headers["authorization"] == "Bearer short-lived"
    assert sent.headers["content-length"] == str(LARGE)
    assert sent.headers["x-fal-file-name"] == f"{media.digest[:16]}.png"
    assert "transfer-encoding" not in sent.headers

    request = Request(
        "fal:fal-ai/flux/dev", "fal-ai/flux/dev", {}, {"image_url": media}, uploads={media.digest: upload.url}
    )
    await adapter.submit(request, scratch)
    assert server.seen[-1].json == {"image_url": upload.url}
    await adapter.submit(Request("fal:fal-ai/flux/dev", "fal-ai/flux/dev", {}, {"image_url": media}), scratch)
    assert len(server.requests("POST", CDN_PATH)) == 2
    assert len(server.requests("POST", TOKEN_PATH)) == 1


async def test_an_expired_token_is_renewed(adapter_for: Any, server: Any, picture: Callable[..., Image]) -> None:
    for expires in ("2020-01-01T00:00:00Z", "nonsense", None):
        server.on("POST", TOKEN_PATH, json_=token(server, expires_at=expires))
    server.on("POST", CDN_PATH, json_={"access_url": "https://v3.fal.media/files/b/in.png"})
    adapter = adapter_for("fal")
    for _ in range(3):
        await adapter.upload(picture(LARGE))
    assert len(server.requests("POST", TOKEN_PATH)) == 3


async def test_very_large_media_goes_in_parts(
    adapter_for: Any, server: Any, picture: Callable[..., Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MULTIPART_ABOVE_BYTES", LARGE - 1)
    monkeypatch.setattr(module, "PART_BYTES", 120_000)
    media = picture(LARGE)
    url = f"{server.base}/_cdn/files/b/in.png"
    server.on("POST", TOKEN_PATH, json_=token(server))
    server.on("POST", f"{CDN_PATH}/multipart", json_={"access_url": url, "uploadId": "u1"})
    for number in (1, 2, 3):
        server.on("PUT", f"/_cdn/files/b/in.png/multipart/u1/{number}", headers={"ETag": f'"e{number}"'})
    server.on("POST", "/_cdn/files/b/in.png/multipart/u1/complete", json_={})
    assert (await adapter_for("fal").upload(media)).url == url
    parts = server.requests("PUT", "/_cdn/*")
    assert b"".join(part.body for part in parts) == media.read()
    assert [len(part.body) for part in parts] == [120_000, 120_000, 60_000]
    assert server.seen[-1].json == {"parts": [{"partNumber": n, "etag": f'"e{n}"'} for n in (1, 2, 3)]}
    assert {seen.headers["authorization"] for seen in server.seen[1:]} == {"Bearer short-lived"}


async def test_parts_do_not_follow_a_foreign_host(
    adapter_for: Any, server: Any, picture: Callable[..., Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MULTIPART_ABOVE_BYTES", 0)
    server.on("POST", TOKEN_PATH, json_=token(server, base_url="https://evil.example"))
    server.on("POST", f"{CDN_PATH}/multipart", json_={"access_url": "https://evil.example/x", "uploadId": "u1"})
    with pytest.raises(ProviderUnavailableError, match="names a foreign host"):
        await adapter_for("fal").upload(picture(LARGE))


async def test_when_the_cdn_refuses_the_handed_out_address_is_used_without_any_key(
    adapter_for: Any, server: Any, picture: Callable[..., Image]
) -> None:
    media = picture(LARGE)
    server.on("POST", TOKEN_PATH, json_=token(server))
    server.on("POST", CDN_PATH, 403, json_={"detail": "no"})
    given = {"upload_url": f"{server.base}/bucket/x?sig=hidden", "file_url": "https://storage.fal.media/x.png"}
    server.on("POST", "/_rest/storage/upload/initiate", json_=given)
    server.on("PUT", "/bucket/x")
    assert (await adapter_for("fal").upload(media)).url == "https://storage.fal.media/x.png"
    put = server.seen[-1]
    assert put.body == media.read()
    assert "authorization" not in put.headers
    assert server.requests("POST", "/_rest/storage/upload/initiate")[0].query == "storage_type=gcs"


@pytest.mark.parametrize(
    ("address", "cls", "reason"),
    [
        ("https://169.254.169.254/x?sig=hidden", RequestRejectedError, "not a public address"),
        ("http://example.com/x", RequestRejectedError, "only https"),
        ("{}/refuses?sig=hidden", ProviderUnavailableError, "answered 403 to the upload"),
        ("{}/breaks?sig=hidden", ProviderUnavailableError, "connection broke"),
    ],
)
async def test_a_handed_out_address_is_held_to_the_same_rules(
    adapter_for: Any,
    server: Any,
    picture: Callable[..., Image],
    clean: Callable[[BaseException], None],
    address: str,
    cls: Any,
    reason: str,
) -> None:
    server.on("POST", TOKEN_PATH, 404, json_={"detail": "no"})
    given = {"upload_url": address.format(server.base), "file_url": "https://x.example/x.png"}
    server.on("POST", "/_rest/storage/upload/initiate", json_=given)
    server.on("PUT", "/refuses", 403)
    server.on("PUT", "/breaks", silent=True)
    with pytest.raises(cls, match=reason) as caught:
        await adapter_for("fal").upload(picture(LARGE))
    clean(caught.value)


async def test_an_upload_inside_a_submission_that_fails_surely_bought_nothing(
    adapter_for: Any, server: Any, scratch: Path, picture: Callable[..., Image]
) -> None:
    server.on("POST", TOKEN_PATH, silent=True)
    request = Request("fal:fal-ai/flux/dev", "fal-ai/flux/dev", {}, {"image_url": picture(LARGE)})
    with pytest.raises(ProviderError) as caught:
        await adapter_for("fal").submit(request, scratch)
    assert isinstance(caught.value, ProviderUnavailableError)
    assert caught.value.accepted is False


@pytest.mark.parametrize(
    ("base", "extra", "rest", "cdn"),
    [
        ("https://queue.fal.run", {}, "https://rest.fal.ai", "https://v3.fal.media"),
        ("https://queue.fal.run/", {}, "https://rest.fal.ai", "https://v3.fal.media"),
        ("http://127.0.0.1:9/fal", {}, "http://127.0.0.1:9/fal/_rest", "http://127.0.0.1:9/fal/_cdn"),
        ("https://proxy.example", {"rest_url": "https://r.example", "cdn_url": "https://c.example"},
         "https://r.example", "https://c.example"),
    ],
)  # fmt: skip
def test_the_hosts_of_the_storage_follow_the_base_url(base: str, extra: dict[str, str], rest: str, cdn: str) -> None:
    credentials = Credentials(provider="fal", key=SecretStr("k"), base_url=base, extra=extra)
    storage = FalStorage(FalAdapter(credentials))
    assert (storage._rest, storage._cdn) == (rest, cdn)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://v3.fal.media", True),
        ("https://v3b.fal.media/x", True),
        ("http://v3.fal.media", False),
        ("https://evilfal.media", False),
        ("https://fal.media.evil.example", False),
    ],
)
def test_the_upload_token_stays_with_fal(url: str, allowed: bool) -> None:
    credentials = Credentials(provider="fal", key=SecretStr("k"), base_url="https://queue.fal.run")
    assert FalStorage(FalAdapter(credentials))._may_get_token(url) is allowed
