"""OpenAI's images, edits and speech, from its page of bodies."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from prefect_media.adapters.base import CancelOutcome, JobStatus, Request
from prefect_media.errors import (
    AuthenticationError,
    ContentRejectedError,
    DegenerateOutputError,
    JobFailedError,
    OutputMismatchError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    QuotaExceededError,
    RateLimitedError,
    RequestRejectedError,
)
from prefect_media.media.types import Image

ONE, TWO = b"\x89PNG one" * 40_000, b"\x89PNG two" * 3
USAGE = {
    "input_tokens": 50,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    "output_tokens": 4160,
    "output_tokens_details": {"image_tokens": 4160, "text_tokens": 0},
    "total_tokens": 4210,
}


def image_request(**changes: Any) -> Request:
    given: dict[str, Any] = {
        "card_id": "openai:gpt-image-2",
        "endpoint": "gpt-image-2",
        "payload": {"prompt": "a lighthouse", "n": 2, "size": "1024x1024", "moderation": None},
        "capability": "text-to-image",
    }
    return Request(**{**given, **changes})


def speech_request(**changes: Any) -> Request:
    given: dict[str, Any] = {
        "card_id": "openai:tts-1",
        "endpoint": "tts-1",
        "payload": {"input": "hello", "voice": "coral"},
        "capability": "speech",
        "output_kind": "audio",
    }
    return Request(**{**given, **changes})


def answer(*contents: bytes, **changes: Any) -> dict[str, Any]:
    data = [{"b64_json": base64.b64encode(content).decode()} for content in contents]
    return {"created": 1, "output_format": "png", "size": "1024x1024", "data": data, "usage": USAGE, **changes}


async def test_pictures_are_streamed_into_scratch_files(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("POST", "/images/generations", json_=answer(ONE, TWO), headers={"x-request-id": "req_1"})
    adapter = adapter_for("openai")
    submission = await adapter.submit(image_request(), scratch)
    assert server.seen[0].json == {"model": "gpt-image-2", "prompt": "a lighthouse", "n": 2, "size": "1024x1024"}
    snapshot = submission.snapshot
    assert (submission.job.remote_id, submission.reattachable) == ("req_1", False)
    assert snapshot.status is JobStatus.SUCCEEDED
    assert [output.media_type for output in snapshot.outputs] == ["image/png", "image/png"]
    assert [output.path.parent for output in snapshot.outputs] == [scratch, scratch]
    for number, content in enumerate((ONE, TWO)):
        await adapter.fetch(snapshot.outputs[number], scratch / f"target{number}")
        assert (scratch / f"target{number}").read_bytes() == content


async def test_tokens_are_the_usage(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("POST", "/images/generations", json_=answer(ONE))
    usage = (await adapter_for("openai").submit(image_request(), scratch)).snapshot.usage
    assert usage.units == {
        "text_input_tokens": Decimal(10),
        "image_input_tokens": Decimal(40),
        "text_output_tokens": Decimal(0),
        "image_output_tokens": Decimal(4160),
        "images": Decimal(1),
    }
    assert usage.cost_usd is None


async def test_totals_stand_in_for_missing_details(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("POST", "/images/generations", json_=answer(ONE, usage={"input_tokens": 5, "output_tokens": 7}))
    units = (await adapter_for("openai").submit(image_request(), scratch)).snapshot.usage.units
    assert units == {"input_tokens": 5, "image_output_tokens": 7, "images": 1}


async def test_edits_go_as_a_form(server: Any, adapter_for: Any, scratch: Path, picture: Callable[..., Image]) -> None:
    first, second, mask = picture(300, "1"), picture(300, "2"), picture(300, "m")
    server.on("POST", "/images/edits", json_=answer(ONE))
    payload = {"prompt": "brighter", "n": 1, "flag": True}
    request = image_request(payload=payload, media={"image": [first, second], "mask": mask})
    await adapter_for("openai").submit(request, scratch)
    seen = server.seen[0]
    assert seen.headers["content-type"].startswith("multipart/form-data; boundary=")
    for media, name in ((first, "image[]"), (second, "image[]"), (mask, "mask")):
        head = f'name="{name}"; filename="{media.digest[:16]}.png"\r\nContent-Type: image/png\r\n\r\n'.encode()
        assert head + media.read() in seen.body
    for name, value in (("model", "gpt-image-2"), ("prompt", "brighter"), ("n", "1"), ("flag", "true")):
        assert f'name="{name}"\r\n\r\n{value}\r\n'.encode() in seen.body


async def test_a_single_picture_is_a_single_part(
    server: Any, adapter_for: Any, scratch: Path, picture: Callable[..., Image]
) -> None:
    server.on("POST", "/images/edits", json_=answer(ONE))
    await adapter_for("openai").submit(image_request(media={"image": picture(300)}), scratch)
    assert b'name="image"; filename=' in server.seen[0].body


@pytest.mark.parametrize("content_type", ["audio/mpeg", "application/octet-stream", ""])
async def test_speech_is_streamed_into_a_scratch_file(
    server: Any, adapter_for: Any, scratch: Path, content_type: str
) -> None:
    server.on("POST", "/audio/speech", body=ONE, headers={"Content-Type": content_type})
    snapshot = (await adapter_for("openai").submit(speech_request(), scratch)).snapshot
    assert server.seen[0].json == {"model": "tts-1", "input": "hello", "voice": "coral"}
    assert snapshot.outputs[0].path.read_bytes() == ONE
    assert snapshot.outputs[0].media_type == (content_type or None)


async def test_the_card_can_name_the_path(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("POST", "/images/special", json_=answer(ONE))
    await adapter_for("openai").submit(image_request(extra={"path": "images/special"}), scratch)
    assert len(server.seen) == 1


async def test_a_compatible_service_may_answer_with_a_url(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("POST", "/images/generations", json_=answer(data=[{"url": "https://x.example/y.png"}, {}]))
    snapshot = (await adapter_for("openai").submit(image_request(), scratch)).snapshot
    assert [output.url for output in snapshot.outputs] == ["https://x.example/y.png"]


async def test_organisation_and_project_are_named(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("POST", "/audio/speech", body=b"x")
    await adapter_for("openai", organization="org-1", project="proj-1").submit(speech_request(), scratch)
    headers = server.seen[0].headers
    assert (headers["openai-organization"], headers["openai-project"]) == ("org-1", "proj-1")


@pytest.mark.parametrize("data", [[], None, "text"])
async def test_an_answer_without_pictures_is_a_billed_failure(
    server: Any, adapter_for: Any, scratch: Path, data: Any
) -> None:
    server.on("POST", "/images/generations", json_=answer(data=data))
    snapshot = (await adapter_for("openai").submit(image_request(), scratch)).snapshot
    assert snapshot.status is JobStatus.FAILED
    assert type(snapshot.error) is JobFailedError
    assert snapshot.error.billed is True


@pytest.mark.parametrize(
    "how",
    [
        {"json_": answer(ONE), "cut": 5000},
        {"body": b'{"data": [{"b64_json": "!!!!"}]}', "headers": {"Content-Type": "application/json"}},
        {"body": b"not json", "headers": {"Content-Type": "application/json"}},
    ],
)
async def test_an_answer_that_breaks_off_was_billed_and_is_unknown(
    server: Any, adapter_for: Any, scratch: Path, clean: Callable[[BaseException], None], how: dict[str, Any]
) -> None:
    server.on("POST", "/images/generations", **how)
    with pytest.raises(ProviderUnavailableError) as caught:
        await adapter_for("openai").submit(image_request(), scratch)
    assert (caught.value.accepted, caught.value.billed) == (None, True)
    clean(caught.value)


async def test_speech_that_breaks_off_is_unknown(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("POST", "/audio/speech", body=ONE, cut=100)
    with pytest.raises(ProviderUnavailableError) as caught:
        await adapter_for("openai").submit(speech_request(), scratch)
    assert caught.value.accepted is None


async def test_too_much_data_is_refused(
    server: Any, adapter_for: Any, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_MAX_MEDIA_BYTES", "1000")
    server.on("POST", "/images/generations", json_=answer(ONE))
    server.on("POST", "/audio/speech", endless=True)
    with pytest.raises(OutputMismatchError, match="more data than allowed"):
        await adapter_for("openai").submit(image_request(), scratch)
    with pytest.raises(OutputMismatchError, match="cut off after 1000 bytes"):
        await adapter_for("openai").submit(speech_request(), scratch)


async def test_empty_speech_is_degenerate(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("POST", "/audio/speech", headers={"Content-Type": "audio/mpeg"})
    with pytest.raises(DegenerateOutputError):
        await adapter_for("openai").submit(speech_request(), scratch)


def error(message: str, kind: str, code: str | None, param: str | None = None, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code, **more}}


SAFETY = "Your request was rejected by the safety system."
DETAILS = {"moderation_details": {"moderation_stage": "output", "categories": ["violence"]}}
ERRORS: list[Any] = [
    (400, error("Unknown parameter.", "invalid_request_error", "unknown_parameter", "style"), RequestRejectedError, ...),
    (400, error("Invalid value.", "invalid_request_error", "invalid_value", "size"), RequestRejectedError, ...),
    (400, error(SAFETY, "image_generation_user_error", "moderation_blocked"), ContentRejectedError, ...),
    (400, error(SAFETY, "image_generation_user_error", "moderation_blocked", **DETAILS), ContentRejectedError, ...),
    (400, error("Billing hard limit has been reached", "invalid_request_error", "billing_hard_limit_reached"),
     QuotaExceededError, ...),
    (401, error("Incorrect API key provided", "invalid_request_error", "invalid_api_key"), AuthenticationError, ...),
    (403, error("Country not supported", "request_forbidden", "unsupported_country_region_territory"),
     AuthenticationError, ...),
    (404, error("The model does not exist", "invalid_request_error", "model_not_found"), RequestRejectedError, ...),
    (408, error("Timeout", "server_error", None), ProviderTimeoutError, None),
    (409, error("Conflict", "server_error", None), ProviderUnavailableError, False),
    (429, error("Rate limit reached", "requests", "rate_limit_exceeded"), RateLimitedError, False),
    (429, error("You exceeded your current quota", "insufficient_quota", "insufficient_quota"), QuotaExceededError, ...),
    (500, error("The server had an error", "server_error", None), ProviderUnavailableError, None),
    (503, error("Overloaded", "server_error", None), ProviderUnavailableError, False),
    (500, {"error": "plain text"}, ProviderUnavailableError, None),
    (400, {"unexpected": True}, RequestRejectedError, ...),
]  # fmt: skip


@pytest.mark.parametrize(("code", "body", "cls", "accepted"), ERRORS)
async def test_every_error_body_has_its_class(
    server: Any,
    adapter_for: Any,
    scratch: Path,
    clean: Callable[[BaseException], None],
    code: int,
    body: Any,
    cls: Any,
    accepted: Any,
) -> None:
    server.on("POST", "/images/generations", code, json_=body, headers={"x-request-id": "req_7"})
    with pytest.raises(cls) as caught:
        await adapter_for("openai").submit(image_request(), scratch)
    assert type(caught.value) is cls
    assert getattr(caught.value, "accepted", ...) is accepted
    assert caught.value.remote_id == "req_7"
    assert len(server.seen) == 1
    clean(caught.value)


async def test_moderation_details_and_parameters_are_shown(server: Any, adapter_for: Any, scratch: Path) -> None:
    body = error(SAFETY, "image_generation_user_error", "moderation_blocked", "prompt", **DETAILS)
    server.on("POST", "/images/generations", 400, json_=body)
    with pytest.raises(ContentRejectedError, match=r"Stage: output; categories: violence\. \(parameter 'prompt'\)"):
        await adapter_for("openai").submit(image_request(), scratch)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after-ms": "250"}, 0.25),
        ({"Retry-After": "20"}, 20),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "1h2m3.5s"}, 3723.5),
        ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "12ms"}, 0.012),
        ({"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": "6m0s"}, None),
        ({}, None),
    ],
)
async def test_the_wait_comes_from_the_headers(
    server: Any, adapter_for: Any, scratch: Path, headers: dict[str, str], wait: float | None
) -> None:
    server.on(
        "POST", "/images/generations", 429, json_=error("slow", "requests", "rate_limit_exceeded"), headers=headers
    )
    with pytest.raises(RateLimitedError) as caught:
        await adapter_for("openai").submit(image_request(), scratch)
    assert caught.value.retry_after_s == (pytest.approx(wait) if wait is not None else None)


async def test_nothing_can_be_followed_canceled_or_looked_up(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("POST", "/audio/speech", body=b"x")
    adapter = adapter_for("openai")
    job = (await adapter.submit(speech_request(), scratch)).job
    assert job.remote_id.startswith("unnamed-")
    snapshot = await adapter.check(job, scratch)
    assert (snapshot.status, snapshot.error.billed) == (JobStatus.FAILED, True)
    assert await adapter.cancel(job) is CancelOutcome.UNSUPPORTED
    assert not adapter.can_find(speech_request())
    assert await adapter.recent("openai:tts-1", datetime.now(UTC)) == []
    assert len(server.seen) == 1
