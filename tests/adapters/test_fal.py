"""fal's queue, from its page of bodies."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from prefect_media.adapters import fal
from prefect_media.adapters.base import CancelOutcome, Job, JobStatus, Request
from prefect_media.errors import (
    AuthenticationError,
    ContentRejectedError,
    JobCanceledError,
    JobFailedError,
    OutputMismatchError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    QuotaExceededError,
    RateLimitedError,
    RequestRejectedError,
)

ENDPOINT = "fal-ai/flux/dev"
CARD = f"fal:{ENDPOINT}"
ID = "764cabcf-b745-4b3e-ae38-1200304cf45b"
AT = f"/fal-ai/flux/requests/{ID}"
FILE = {"url": "https://v3.fal.media/files/a/out.jpg", "content_type": "image/jpeg", "width": 1024, "height": 768}


@pytest.fixture(autouse=True)
def _doubts_without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fal, "DOUBTS_S", (0.0,) * len(fal.DOUBTS_S))


def request(**changes: Any) -> Request:
    given: dict[str, Any] = {
        "card_id": CARD,
        "endpoint": ENDPOINT,
        "payload": {"prompt": "a lighthouse"},
        "deadline_s": 90,
    }
    return Request(**{**given, **changes})


def job(**data: Any) -> Job:
    return Job(provider="fal", remote_id=ID, card_id=CARD, data={"output_kind": "image", "endpoint": ENDPOINT, **data})


def queued(base: str) -> dict[str, Any]:
    urls = {
        f"{name}_url": base + AT + tail
        for name, tail in (("response", ""), ("status", "/status"), ("cancel", "/cancel"))
    }
    return {"status": "IN_QUEUE", "request_id": ID, "queue_position": 0, **urls}


async def _finish(
    server: Any,
    adapter_for: Any,
    *,
    result: Any = None,
    code: int = 200,
    data: Any = None,
    status: Any = None,
    **how: Any,
) -> Any:
    server.on("GET", f"{AT}/status", json_={"status": "COMPLETED", "request_id": ID, "logs": None, **(status or {})})
    server.on("GET", AT, code, json_=result, **how)
    return await adapter_for("fal").check(job(**(data or {})), Path())


async def test_a_request_is_queued_with_its_deadline(server: Any, adapter_for: Any, scratch: Path, secret: str) -> None:
    server.on("POST", f"/{ENDPOINT}", json_=queued(server.base))
    submission = await adapter_for("fal").submit(request(), scratch)
    seen = server.seen[0]
    assert seen.json == {"prompt": "a lighthouse"}
    assert seen.headers["x-fal-request-timeout"] == "90.0"
    assert not {"x-fal-store-io", "x-fal-no-retry"} & set(seen.headers)
    assert submission.job.remote_id == ID
    assert submission.job.data["status_url"] == f"{server.base}{AT}/status"
    assert (submission.snapshot.status, submission.snapshot.queue_position) == (JobStatus.QUEUED, 0)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {
            "status_url": "https://evil.example/status",
            "response_url": "https://evil.example/",
            "cancel_url": "file:///x",
        },
        {"status_url": "https://queue.fal.run/fal-ai/flux/requests/1/status"},
        {"status_url": 5, "response_url": None},
    ],
)
async def test_urls_elsewhere_are_replaced_by_built_ones(
    server: Any, adapter_for: Any, scratch: Path, given: dict[str, Any]
) -> None:
    server.on("POST", f"/{ENDPOINT}", 202, json_={"request_id": ID, **given})
    server.on("GET", f"{AT}/status", 202, json_={"status": "IN_QUEUE", "queue_position": 3})
    server.on("PUT", f"{AT}/cancel", json_={"status": "OK"})
    adapter = adapter_for("fal")
    submission = await adapter.submit(request(), scratch)
    assert not any(name.endswith("_url") for name in submission.job.data)
    assert (await adapter.check(submission.job, scratch)).queue_position == 3
    assert await adapter.cancel(submission.job) is CancelOutcome.CANCELED


async def test_a_job_of_another_base_url_is_followed_under_this_one(server: Any, adapter_for: Any) -> None:
    server.on("GET", f"{AT}/status", 202, json_={"status": "IN_PROGRESS"})
    old = job(status_url=f"http://127.0.0.1:1{AT}/status")
    assert (await adapter_for("fal").check(old, Path())).status is JobStatus.RUNNING


@pytest.mark.parametrize("endpoint", ["workflows/acme/story", "comfy/acme/story/sub"])
async def test_namespaces_have_one_more_segment(server: Any, adapter_for: Any, endpoint: str) -> None:
    namespace = endpoint.split("/")[0]
    server.on("GET", f"/{namespace}/acme/story/requests/{ID}/status", json_={"status": "IN_PROGRESS"})
    named = Job(provider="fal", remote_id=ID, card_id=f"fal:{endpoint}", data={"endpoint": endpoint})
    assert (await adapter_for("fal").check(named, Path())).status is JobStatus.RUNNING


@pytest.mark.parametrize(
    ("code", "native", "status"),
    [
        (202, "IN_QUEUE", JobStatus.QUEUED),
        (200, "IN_QUEUE", JobStatus.QUEUED),
        (202, "IN_PROGRESS", JobStatus.RUNNING),
        (200, "REQUEUED_SOMEHOW", JobStatus.RUNNING),
    ],
)
async def test_every_waiting_status_is_mapped(
    server: Any, adapter_for: Any, code: int, native: str, status: JobStatus
) -> None:
    server.on("GET", f"{AT}/status", code, json_={"status": native, "queue_position": 2, "logs": None})
    snapshot = await adapter_for("fal").check(job(), Path())
    assert (snapshot.status, snapshot.native_status) == (status, native)
    assert server.seen[0].query == "logs=0"


MASK = {"url": "https://v3.fal.media/files/a/mask.png", "content_type": "image/png"}
VIDEO = {"url": "https://v3.fal.media/files/a/out.mp4", "content_type": "video/mp4"}
SOUND = {"url": "https://v3.fal.media/files/a/out.mp3"}


@pytest.mark.parametrize(
    ("kind", "field", "answer", "urls"),
    [
        ("image", None, {"images": [FILE, MASK], "seed": 1, "has_nsfw_concepts": [False, False]}, [FILE, MASK]),
        ("image", None, {"image": FILE, "mask_image": MASK}, [FILE]),
        ("image", "mask_image", {"image": FILE, "mask_image": MASK}, [MASK]),
        ("video", None, {"video": VIDEO, "seed": 1}, [VIDEO]),
        ("video", None, {"thumbnail": FILE, "clip": VIDEO}, [VIDEO]),
        ("audio", None, {"audio": SOUND}, [SOUND]),
        ("audio", None, {"audio_file": SOUND}, [SOUND]),
        ("audio", "data.sound", {"data": {"sound": SOUND}}, [SOUND]),
        ("image", None, {"images": [{"url": "data:image/png;base64,AAAA"}]}, [{"url": "data:image/png;base64,AAAA"}]),
        ("audio", "audio.url", {"audio": SOUND}, [SOUND]),
        ("image", None, {"prompt": "https://a.b is where it is", "result": FILE}, [FILE]),
    ],
)
async def test_outputs_of_every_shape_are_found(
    server: Any, adapter_for: Any, kind: str, field: str | None, answer: Any, urls: list[dict[str, Any]]
) -> None:
    data = {"output_kind": kind, **({"output_field": field} if field else {})}
    snapshot = await _finish(server, adapter_for, result=answer, data=data)
    assert snapshot.status is JobStatus.SUCCEEDED
    assert [output.url for output in snapshot.outputs] == [found["url"] for found in urls]


async def test_a_transcript_is_text_with_words(server: Any, adapter_for: Any) -> None:
    answer = {
        "text": "Hi there",
        "chunks": [{"timestamp": [0.0, 0.4], "text": "Hi"}, {"timestamp": [0.5, None], "text": "there"}],
    }
    snapshot = await _finish(server, adapter_for, result=answer, data={"output_kind": "text"})
    assert snapshot.outputs[0].text == "Hi there"
    assert [(word.text, word.start_s, word.end_s) for word in snapshot.outputs[0].words] == [
        ("Hi", 0, 0.4),
        ("there", 0.5, 0.5),
    ]


async def test_billable_units_are_the_usage(server: Any, adapter_for: Any) -> None:
    snapshot = await _finish(
        server,
        adapter_for,
        result={"images": [FILE]},
        headers={"X-Fal-Billable-Units": "3.008"},
        status={"metrics": {"inference_time": 3.42}},
    )
    assert snapshot.usage.units == {"billable_units": Decimal("3.008"), "inference_seconds": Decimal("3.42")}


@pytest.mark.parametrize(
    ("answer", "data", "reason"),
    [
        ({"seed": 1}, {}, "holds no 'image'; it has seed"),
        ({"images": []}, {}, "holds no 'image'"),
        ({"images": [FILE]}, {"output_field": "video"}, "holds no 'video'; it has images"),
    ],
)
async def test_success_without_a_file_is_a_failure(
    server: Any, adapter_for: Any, answer: Any, data: dict[str, Any], reason: str
) -> None:
    snapshot = await _finish(server, adapter_for, result=answer, data=data, headers={"X-Fal-Billable-Units": "1"})
    assert snapshot.status is JobStatus.FAILED
    assert isinstance(snapshot.error, JobFailedError)
    assert reason in str(snapshot.error)
    assert snapshot.error.billed is True


async def test_a_url_that_is_no_web_address_is_refused_when_it_is_fetched(
    server: Any, adapter_for: Any, scratch: Path
) -> None:
    snapshot = await _finish(server, adapter_for, result={"images": [{"url": "file:///etc/passwd"}]})
    with pytest.raises(OutputMismatchError, match="'file'"):
        await adapter_for("fal").fetch(snapshot.outputs[0], scratch / "target")


async def test_blacked_out_pictures_are_a_refusal(server: Any, adapter_for: Any) -> None:
    answer = {"images": [FILE], "has_nsfw_concepts": [True]}
    snapshot = await _finish(server, adapter_for, result=answer, headers={"X-Fal-Billable-Units": "1"})
    assert (snapshot.status, snapshot.outputs) == (JobStatus.FAILED, ())
    assert type(snapshot.error) is ContentRejectedError
    assert snapshot.error.billed is True


async def test_of_several_pictures_only_the_blacked_out_ones_are_left_out(server: Any, adapter_for: Any) -> None:
    answer = {"images": [FILE, MASK], "has_nsfw_concepts": [True, False]}
    snapshot = await _finish(server, adapter_for, result=answer)
    assert [output.url for output in snapshot.outputs] == [MASK["url"]]


def model_error(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "detail": [{"loc": ["body", "prompt"], "msg": f"about {kind}", "type": kind, "input": {"prompt": "…"}, **more}]
    }


INFRASTRUCTURE = [
    (504, "request_timeout", ProviderTimeoutError),
    (504, "startup_timeout", ProviderTimeoutError),
    (503, "runner_scheduling_failure", ProviderUnavailableError),
    (503, "runner_connection_timeout", ProviderUnavailableError),
    (503, "runner_disconnected", ProviderUnavailableError),
    (503, "runner_connection_refused", ProviderUnavailableError),
    (503, "runner_connection_error", ProviderUnavailableError),
    (502, "runner_incomplete_response", ProviderUnavailableError),
    (500, "runner_server_error", ProviderUnavailableError),
    (500, "internal_error", JobFailedError),
    (499, "client_disconnected", JobCanceledError),
    (499, "client_cancelled", JobCanceledError),
    (400, "bad_request", RequestRejectedError),
]


@pytest.mark.parametrize(("code", "kind", "cls"), INFRASTRUCTURE)
@pytest.mark.parametrize("place", ["result", "header", "status"])
async def test_every_infrastructure_error_has_its_class(
    server: Any, adapter_for: Any, clean: Callable[[BaseException], None], code: int, kind: str, cls: Any, place: str
) -> None:
    snapshot = await _finish(
        server,
        adapter_for,
        code=200 if place == "status" else code,
        result={"detail": "Some text", **({"error_type": kind} if place == "result" else {})},
        headers={"X-Fal-Error-Type": kind} if place == "header" else {},
        status={"error": "Some text", "error_type": kind} if place == "status" else {},
    )
    canceled = cls is JobCanceledError
    assert snapshot.status is (JobStatus.CANCELED if canceled else JobStatus.FAILED)
    assert type(snapshot.error) is cls
    assert snapshot.error.billed is (None if canceled else False)
    assert "Some text" in str(snapshot.error)
    clean(snapshot.error)


async def test_our_own_start_timeout_is_final(server: Any, adapter_for: Any) -> None:
    snapshot = await _finish(
        server,
        adapter_for,
        code=504,
        result={"detail": "Request timed out", "error_type": "request_timeout"},
        headers={"X-Fal-Request-Timeout-Type": "user"},
        status={"error": "Request timed out", "error_type": "request_timeout"},
    )
    assert type(snapshot.error) is JobFailedError
    assert snapshot.error.billed is False


REJECTED = [
    "image_too_small", "image_too_large", "image_load_error", "file_download_error", "face_detection_error",
    "file_too_large", "greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of",
    "sequence_too_short", "sequence_too_long", "one_of", "feature_not_supported", "invalid_archive",
    "archive_file_count_below_minimum", "archive_file_count_exceeds_maximum", "audio_duration_too_long",
    "audio_duration_too_short", "video_duration_too_long", "video_duration_too_short", "unsupported_audio_format",
    "unsupported_image_format", "unsupported_video_format", "missing", "string_type", "a_type_of_tomorrow",
]  # fmt: skip
MODEL = [
    *((422, kind, RequestRejectedError, None) for kind in REJECTED),
    (422, "content_policy_violation", ContentRejectedError, None),
    (422, "no_media_generated", JobFailedError, None),
    (500, "internal_server_error", ProviderUnavailableError, False),
    (504, "generation_timeout", ProviderTimeoutError, False),
    (400, "downstream_service_error", ProviderUnavailableError, None),
    (500, "downstream_service_error", ProviderUnavailableError, False),
    (500, "downstream_service_unavailable", ProviderUnavailableError, False),
    (500, "a_type_of_tomorrow", JobFailedError, False),
]


@pytest.mark.parametrize(("code", "kind", "cls", "billed"), MODEL)
async def test_every_model_error_has_its_class(
    server: Any, adapter_for: Any, code: int, kind: str, cls: Any, billed: bool | None
) -> None:
    snapshot = await _finish(server, adapter_for, code=code, result=model_error(kind))
    assert snapshot.status is JobStatus.FAILED
    assert type(snapshot.error) is cls
    assert snapshot.error.billed is billed
    assert f"prompt: about {kind}" in str(snapshot.error)


@pytest.mark.parametrize(("units", "billed"), [("0", False), ("1.5", True), ("nonsense", None)])
async def test_the_billable_units_tell_whether_a_refusal_is_charged(
    server: Any, adapter_for: Any, units: str, billed: bool | None
) -> None:
    snapshot = await _finish(
        server, adapter_for, code=422, result=model_error("missing"), headers={"X-Fal-Billable-Units": units}
    )
    assert snapshot.error.billed is billed


async def test_the_limits_of_an_error_are_shown(server: Any, adapter_for: Any) -> None:
    body = model_error("image_too_small", ctx={"min_width": 300, "min_height": 200})
    snapshot = await _finish(server, adapter_for, code=422, result=body)
    assert "(min_width=300, min_height=200)" in str(snapshot.error)


@pytest.mark.parametrize(
    "body",
    [
        {"detail": "plain text"},
        {"message": "plain text"},
        {"error": {"message": "plain text", "code": 7}},
        {"detail": {"message": "plain text", "code": "odd"}},
        {"error": "plain text"},
    ],
)
async def test_other_error_bodies_are_read(server: Any, adapter_for: Any, body: Any) -> None:
    snapshot = await _finish(server, adapter_for, code=422, result=body)
    assert type(snapshot.error) is RequestRejectedError
    assert "plain text" in str(snapshot.error)


async def test_the_result_is_more_precise_than_the_status(server: Any, adapter_for: Any) -> None:
    status = {"error": "Invalid status code: 422"}
    snapshot = await _finish(
        server, adapter_for, code=422, result=model_error("content_policy_violation"), status=status
    )
    assert type(snapshot.error) is ContentRejectedError


async def test_a_result_that_is_not_there_yet_is_running(server: Any, adapter_for: Any) -> None:
    snapshot = await _finish(server, adapter_for, code=400, result={"detail": "Request is still in progress"})
    assert snapshot.status is JobStatus.RUNNING


async def test_a_runner_error_that_the_status_does_not_know_is_asked_about_again(server: Any, adapter_for: Any) -> None:
    server.on("GET", f"{AT}/status", json_={"status": "COMPLETED"})
    server.on("GET", AT, 500, json_={"detail": "Runner error", "error_type": "runner_server_error"})
    server.on("GET", AT, json_={"images": [{"url": "https://v3.fal.media/a.png", "content_type": "image/png"}]})
    snapshot = await adapter_for("fal").check(job(), Path())
    assert snapshot.status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("code", [502, 503, 504])
async def test_a_gateway_is_not_the_models_verdict(server: Any, adapter_for: Any, code: int) -> None:
    server.on("GET", f"{AT}/status", json_={"status": "COMPLETED"})
    server.on("GET", AT, code, body=b"<html><title>nginx</title></html>")
    with pytest.raises((ProviderUnavailableError, ProviderTimeoutError)) as caught:
        await adapter_for("fal").check(job(), Path())
    assert caught.value.accepted is False


@pytest.mark.parametrize(
    ("code", "body", "cls", "accepted"),
    [
        (401, {"detail": "invalid key credentials"}, AuthenticationError, ...),
        (403, {"detail": "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."},
         QuotaExceededError, ...),
        (403, {"detail": "Forbidden"}, AuthenticationError, ...),
        (404, {"detail": "Application not found"}, RequestRejectedError, ...),
        (422, model_error("missing"), RequestRejectedError, ...),
        (422, model_error("content_policy_violation"), ContentRejectedError, ...),
        (429, model_error("concurrent_requests_limit"), RateLimitedError, False),
        (429, {"detail": "Queue is full"}, RateLimitedError, False),
        (500, {"detail": "Internal Server Error"}, ProviderUnavailableError, None),
        (502, None, ProviderUnavailableError, None),
        (503, None, ProviderUnavailableError, False),
        (504, None, ProviderTimeoutError, None),
        (400, {"error": {"type": "validation_error", "message": "no", "docs_url": "…"}}, RequestRejectedError, ...),
    ],
)  # fmt: skip
async def test_every_error_of_a_submission_has_its_class(
    server: Any,
    adapter_for: Any,
    scratch: Path,
    clean: Callable[[BaseException], None],
    code: int,
    body: Any,
    cls: Any,
    accepted: Any,
) -> None:
    server.on("POST", f"/{ENDPOINT}", code, json_=body)
    with pytest.raises(cls) as caught:
        await adapter_for("fal").submit(request(), scratch)
    assert type(caught.value) is cls
    assert getattr(caught.value, "accepted", ...) is accepted
    assert len(server.seen) == 1
    clean(caught.value)


@pytest.mark.parametrize(("code", "cls"), [(401, AuthenticationError), (429, RateLimitedError)])
async def test_account_errors_at_the_result_are_no_verdict(server: Any, adapter_for: Any, code: int, cls: Any) -> None:
    with pytest.raises(cls):
        await _finish(server, adapter_for, code=code, result={"detail": "no"})


@pytest.mark.parametrize(
    ("code", "word", "outcome"),
    [
        (200, "OK", CancelOutcome.CANCELED),
        (202, "CANCELLATION_REQUESTED", CancelOutcome.REQUESTED),
        (200, "CANCELLATION_REQUESTED", CancelOutcome.REQUESTED),
        (400, "ALREADY_COMPLETED", CancelOutcome.TOO_LATE),
        (404, "NOT_FOUND", CancelOutcome.TOO_LATE),
    ],
)
async def test_cancel_says_what_came_of_it(
    server: Any, adapter_for: Any, code: int, word: str, outcome: CancelOutcome
) -> None:
    server.on("PUT", f"{AT}/cancel", code, json_={"status": word})
    assert await adapter_for("fal").cancel(job()) is outcome


async def test_a_canceled_request_that_vanished_is_canceled(server: Any, adapter_for: Any) -> None:
    server.on("PUT", f"{AT}/cancel", json_={"status": "OK"})
    server.on("PUT", f"{AT}/cancel", 404, json_={"status": "NOT_FOUND"})
    server.on("GET", f"{AT}/status", 404, json_={"detail": "Request not found"})
    adapter = adapter_for("fal")
    with pytest.raises(RequestRejectedError, match="Request not found"):
        await adapter.check(job(), Path())
    assert await adapter.cancel(job()) is CancelOutcome.CANCELED
    snapshot = await adapter.check(job(), Path())
    assert snapshot.status is JobStatus.CANCELED
    assert type(snapshot.error) is JobCanceledError
    assert snapshot.error.billed is False
    assert await adapter.cancel(job()) is CancelOutcome.CANCELED


async def test_a_canceled_request_that_lost_its_result_is_canceled(server: Any, adapter_for: Any) -> None:
    server.on("PUT", f"{AT}/cancel", 202, json_={"status": "CANCELLATION_REQUESTED"})
    adapter = adapter_for("fal")
    await adapter.cancel(job())
    server.on("GET", f"{AT}/status", json_={"status": "COMPLETED"})
    server.on("GET", AT, 404, json_={"detail": "Request not found"})
    assert (await adapter.check(job(), Path())).status is JobStatus.CANCELED


async def test_nothing_can_be_looked_up(adapter_for: Any) -> None:
    from datetime import UTC, datetime

    adapter = adapter_for("fal")
    assert not adapter.can_look_up
    assert not adapter.can_find(request())
    assert await adapter.recent(CARD, datetime.now(UTC)) == []
