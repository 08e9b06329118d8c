"""What all HTTP adapters share: the client, the key, timeouts, answers that cannot be read."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prefect_media.adapters import _http
from prefect_media.adapters.base import Job, Output, Request
from prefect_media.errors import (
    AuthenticationError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    RequestRejectedError,
    TransientProviderError,
)

FAL = Request(card_id="fal:fal-ai/flux/dev", endpoint="fal-ai/flux/dev", payload={"prompt": "a lighthouse"})
REPLICATE = Request(card_id="replicate:a/b", endpoint="a/b", payload={"prompt": "a lighthouse"})
JOB = Job(provider="replicate", remote_id="r1", card_id="replicate:a/b")


async def test_one_client_serves_all_requests_of_a_loop_over_kept_connections(server: Any, adapter_for: Any) -> None:
    server.on("GET", "/predictions/r1", json_={"id": "r1", "status": "starting"})
    adapter = adapter_for("replicate")
    for _ in range(5):
        await adapter.check(JOB, Path())
    assert len(server._tasks) == 1


async def test_each_event_loop_gets_its_own_client(server: Any, adapter_for: Any) -> None:
    server.on("GET", "/predictions/r1", json_={"id": "r1", "status": "starting"})
    adapter = adapter_for("replicate")
    await adapter.check(JOB, Path())

    async def elsewhere() -> None:
        await adapter.check(JOB, Path())
        await adapter.aclose()

    await asyncio.to_thread(asyncio.run, elsewhere())
    await adapter.check(JOB, Path())
    assert len(server.seen) == 3


async def test_a_closed_adapter_can_be_used_again(server: Any, adapter_for: Any) -> None:
    server.on("GET", "/predictions/r1", json_={"id": "r1", "status": "starting"})
    adapter = adapter_for("replicate")
    await adapter.check(JOB, Path())
    await adapter.aclose()
    await adapter.check(JOB, Path())
    assert len(server.seen) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_of_the_api_is_not_followed(server: Any, adapter_for: Any, status: int) -> None:
    server.on("GET", "/predictions/r1", status, headers={"Location": f"{server.base}/elsewhere"})
    with pytest.raises(RequestRejectedError, match="answered with a redirect"):
        await adapter_for("replicate").check(JOB, Path())
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "how",
    [
        {"body": b"<html>not json</html>"},
        {"body": b"[]"},
        {"body": b""},
        {"body": b"{"},
        {"json_": {"no": "id"}},
        {"json_": {"id": 5, "request_id": 5}},
        {"body": b'{"id": "\xff"}'},
        {"body": b"[" * 100_000},
    ],
)
@pytest.mark.parametrize(("name", "request_"), [("replicate", REPLICATE), ("fal", FAL)])
async def test_an_accepted_request_whose_answer_cannot_be_read_is_unknown(
    server: Any, adapter_for: Any, scratch: Path, name: str, request_: Request, how: dict[str, Any]
) -> None:
    server.on("POST", "/*", 200, **how)
    with pytest.raises(ProviderUnavailableError) as caught:
        await adapter_for(name).submit(request_, scratch)
    assert caught.value.accepted is None
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "how",
    [{"silent": True}, {"json_": {"id": "r1", "request_id": "r1"}, "cut": 5}, {"json_": {"detail": 1}, "status": 500}],
)
@pytest.mark.parametrize(("name", "request_"), [("replicate", REPLICATE), ("fal", FAL)])
async def test_a_lost_answer_is_unknown_and_is_never_sent_again(
    server: Any,
    adapter_for: Any,
    scratch: Path,
    clean: Callable[[BaseException], None],
    name: str,
    request_: Request,
    how: dict[str, Any],
) -> None:
    server.on("POST", "/*", **how)
    with pytest.raises(TransientProviderError) as caught:
        await adapter_for(name).submit(request_, scratch)
    assert caught.value.accepted is None
    assert len(server.seen) == 1
    clean(caught.value)


async def test_no_connection_means_not_sent(adapter_for: Any, server: Any, scratch: Path, unused_tcp_port: int) -> None:
    server.base = f"http://127.0.0.1:{unused_tcp_port}"
    with pytest.raises(ProviderUnavailableError, match="the request was not sent") as caught:
        await adapter_for("replicate").submit(REPLICATE, scratch)
    assert caught.value.accepted is False
    assert caught.value.billed is False


async def test_a_silent_provider_times_out(
    adapter_for: Any,
    server: Any,
    scratch: Path,
    monkeypatch: pytest.MonkeyPatch,
    clean: Callable[[BaseException], None],
) -> None:
    server.on("POST", "/audio/speech", stall=True, headers={"Content-Length": "10"})
    request = Request("openai:tts-1", "tts-1", {"input": "hello"}, output_kind="audio", deadline_s=0.1)
    with pytest.raises(ProviderTimeoutError) as caught:
        await adapter_for("openai").submit(request, scratch)
    assert caught.value.accepted is None
    assert caught.value.billed is True
    clean(caught.value)


async def test_a_dripping_answer_does_not_outlive_the_deadline(
    adapter_for: Any, server: Any, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CONNECT_TIMEOUT_S", "WRITE_TIMEOUT_S", "POOL_TIMEOUT_S"):
        monkeypatch.setattr(_http, name, 0.1)
    server.on("POST", "/audio/speech", endless=True)
    request = Request("openai:tts-1", "tts-1", {"input": "hello"}, output_kind="audio", deadline_s=0.1)
    with pytest.raises(ProviderTimeoutError):
        await adapter_for("openai").submit(request, scratch)


async def test_an_answer_over_the_limit_is_not_read_to_its_end(
    server: Any, adapter_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_http, "MAX_ANSWER_BYTES", 1000)
    server.on("GET", "/predictions/r1", endless=True)
    with pytest.raises(ProviderUnavailableError, match="over 1000 bytes"):
        await adapter_for("replicate").check(JOB, Path())


async def test_an_endless_error_body_is_cut(server: Any, adapter_for: Any) -> None:
    server.on("GET", "/predictions/r1", 401, endless=True)
    with pytest.raises(AuthenticationError):
        await adapter_for("replicate").check(JOB, Path())


@pytest.mark.parametrize(
    ("name", "header", "value"),
    [
        ("replicate", "authorization", "Bearer {}"),
        ("fal", "authorization", "Key {}"),
        ("openai", "authorization", "Bearer {}"),
        ("elevenlabs", "xi-api-key", "{}"),
    ],
)
async def test_the_key_goes_into_its_header_and_is_never_repeated(
    server: Any, adapter_for: Any, scratch: Path, secret: str, name: str, header: str, value: str
) -> None:
    """The provider echoes the key in its error; it stands neither in the error nor in a log of any level."""
    request = Request(f"{name}:a/b", "a/b", {"text": "x", "voice_id": "v"}, capability="speech", output_kind="audio")
    echo = {"detail": f"key {secret} is wrong", "error": {"message": f"key {secret} is wrong", "code": secret}}
    server.on("POST", "/*", 401, json_=echo)
    adapter = adapter_for(name)
    with pytest.raises(AuthenticationError) as caught:
        await adapter.submit(request, scratch)
    assert server.seen[0].headers[header] == value.format(secret)
    error = caught.value
    assert "key *** is wrong" in str(error)
    assert secret not in repr(vars(error)) + "".join(traceback.format_exception(error)) + repr(adapter)


async def test_output_urls_are_not_logged(server: Any, adapter_for: Any, scratch: Path, caplog: Any) -> None:
    server.on("GET", "/out", body=b"x")
    caplog.set_level(logging.INFO)
    await adapter_for("fal").fetch(Output(url=f"{server.base}/out?sig=hidden"), scratch / "target")
    assert "hidden" not in caplog.text


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("{}/v1/predictions/x", True),
        ("{}/v1/predictions/x?logs=0", True),
        ("{}/v1", False),
        ("{}/v2/predictions", False),
        ("{}/v1evil/predictions", False),
        ("{}/v1/../v2/x", False),
        ("{}/v1/%2e%2e/x", False),
        ("https://127.0.0.1/v1/x", False),
        ("http://evil.example/v1/x", False),
        ("http://user@127.0.0.1/v1/x", False),
        ("http://127.0.0.1:99999/v1/x", False),
        ("not a url", False),
        ("", False),
    ],
)
async def test_only_what_lies_under_the_base_url_may_get_the_key(
    server: Any, adapter_for: Any, url: str, own: bool
) -> None:
    assert adapter_for("replicate", "/v1").is_own(url.format(server.base)) is own
