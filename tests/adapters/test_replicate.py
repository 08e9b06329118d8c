"""Replicate's protocol, from its page of bodies."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from prefect_media.adapters import replicate as module
from prefect_media.adapters.base import CancelOutcome, Job, JobStatus, MatchUnclear, Output, Request
from prefect_media.errors import (
    AuthenticationError,
    ContentRejectedError,
    JobCanceledError,
    JobFailedError,
    MediaLimitError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    QuotaExceededError,
    RateLimitedError,
    RequestRejectedError,
)
from prefect_media.media.types import Image, Word

ENDPOINT = "black-forest-labs/flux-schnell"
CARD = f"replicate:{ENDPOINT}"
PATH = f"/models/{ENDPOINT}/predictions"


def request(**changes: Any) -> Request:
    given: dict[str, Any] = {
        "card_id": CARD,
        "endpoint": ENDPOINT,
        "payload": {"prompt": "a lighthouse"},
        "deadline_s": 90.2,
    }
    return Request(**{**given, **changes})


def prediction(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "id": "gm3qorzdhgbfurvjtvhg6dckhu",
        "model": ENDPOINT,
        "version": "hidden",
        "input": {"prompt": "a lighthouse"},
        "output": None,
        "logs": "",
        "error": None,
        "status": "starting",
        "data_removed": False,
        "created_at": "2026-11-01T10:00:00.123Z",
        "started_at": None,
        "completed_at": None,
        "metrics": {},
        "urls": {"get": "https://evil.example/steal", "cancel": "https://evil.example/steal"},
    }
    return {**given, **changes}


def job(**data: Any) -> Job:
    return Job(provider="replicate", remote_id="gm3q", card_id=CARD, data={"output_kind": "image", **data})


async def _check(server: Any, adapter_for: Any, data: dict[str, Any] | None = None, **changes: Any) -> Any:
    server.on("GET", "/predictions/gm3q", json_=prediction(**changes))
    return await adapter_for("replicate").check(job(**(data or {})), Path())


async def test_an_official_model_is_submitted_with_its_deadline(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("POST", PATH, 201, json_=prediction())
    submission = await adapter_for("replicate").submit(request(), scratch)
    seen = server.seen[0]
    assert seen.json == {"input": {"prompt": "a lighthouse"}}
    assert seen.headers["cancel-after"] == "91s"
    assert "prefer" not in seen.headers
    assert (submission.job.remote_id, submission.snapshot.status) == ("gm3qorzdhgbfurvjtvhg6dckhu", JobStatus.QUEUED)
    assert submission.reattachable


@pytest.mark.parametrize(
    ("changes", "path", "body"),
    [
        ({"extra": {"version": "abc123"}}, "/predictions", {"version": "abc123"}),
        ({"endpoint": "stability-ai/sdxl:39ed"}, "/predictions", {"version": "stability-ai/sdxl:39ed"}),
        ({"extra": {"deployment": "acme/fast"}}, "/deployments/acme/fast/predictions", {}),
    ],
)
async def test_versions_and_deployments_have_their_own_paths(
    server: Any, adapter_for: Any, scratch: Path, changes: dict[str, Any], path: str, body: dict[str, str]
) -> None:
    server.on("POST", path, 202, json_=prediction())
    await adapter_for("replicate").submit(request(**changes), scratch)
    assert server.seen[0].json == {**body, "input": {"prompt": "a lighthouse"}}


@pytest.mark.parametrize(
    ("native", "status"),
    [
        ("starting", JobStatus.QUEUED),
        ("processing", JobStatus.RUNNING),
        ("something-new", JobStatus.RUNNING),
        ("failed", JobStatus.FAILED),
        ("canceled", JobStatus.CANCELED),
        ("aborted", JobStatus.CANCELED),
    ],
)
async def test_every_status_is_mapped(server: Any, adapter_for: Any, native: str, status: JobStatus) -> None:
    snapshot = await _check(server, adapter_for, status=native)
    assert (snapshot.status, snapshot.native_status) == (status, native)
    assert (snapshot.error is not None) == status.ended


async def test_a_running_prediction_shows_the_last_progress_bar_of_its_logs(server: Any, adapter_for: Any) -> None:
    logs = "Using seed: 4\n 25%|##   | 1/4 [00:01<00:03]\r 50%|#####     | 2/4 [00:02<00:02]\nstill going"
    snapshot = await _check(server, adapter_for, status="processing", output=["https://host/partial.png"], logs=logs)
    assert snapshot.progress == 0.5
    assert snapshot.outputs == ()


U = "https://replicate.delivery/xezq/abc/out-{}.webp"


@pytest.mark.parametrize(
    ("output", "data", "urls"),
    [
        (U.format(0), {}, [U.format(0)]),
        ([U.format(0), U.format(1)], {}, [U.format(0), U.format(1)]),
        ({"image": U.format(0), "nested": [{"mask": U.format(1)}], "seed": 4}, {}, [U.format(0), U.format(1)]),
        ({"image": U.format(0), "mask": U.format(1)}, {"output_field": "mask"}, [U.format(1)]),
        ("data:image/png;base64,AAAA", {}, ["data:image/png;base64,AAAA"]),
    ],
)
async def test_outputs_are_found_at_any_depth(
    server: Any, adapter_for: Any, output: Any, data: dict[str, Any], urls: list[str]
) -> None:
    now = datetime.now(UTC).isoformat()
    snapshot = await _check(server, adapter_for, data, status="succeeded", output=output, completed_at=now)
    assert snapshot.status is JobStatus.SUCCEEDED
    assert [found.url for found in snapshot.outputs] == urls
    assert 3590 < snapshot.outputs[0].expires_s <= 3600


async def test_the_life_of_an_output_counts_from_the_end_of_the_job(server: Any, adapter_for: Any) -> None:
    ended = (datetime.now(UTC) - timedelta(minutes=50)).isoformat()
    snapshot = await _check(server, adapter_for, status="succeeded", output=U, completed_at=ended)
    assert 595 < snapshot.outputs[0].expires_s <= 600


@pytest.mark.parametrize(
    ("output", "data", "text"),
    [
        (["Hello", ", ", "world"], {"output_kind": "text"}, "Hello, world"),
        ("plain", {"output_kind": "text"}, "plain"),
        (
            {"text": "spoken", "chunks": [{"text": " spoken", "timestamp": [0.5, 1.25]}]},
            {"output_kind": "text"},
            "spoken",
        ),
        ("https://looks.like/a-url", {"output_kind": "text"}, "https://looks.like/a-url"),
        ("plain", {"output_kind": None}, "plain"),
    ],
)
async def test_text_is_an_output_of_its_own(
    server: Any, adapter_for: Any, output: Any, data: dict[str, Any], text: str
) -> None:
    snapshot = await _check(server, adapter_for, data, status="succeeded", output=output)
    assert [found.text for found in snapshot.outputs] == [text]


async def test_words_of_a_transcript_are_kept(server: Any, adapter_for: Any) -> None:
    words = [
        {"word": " Hi", "start": 0.1, "end": 0.4},
        {"word": "", "start": 1, "end": 2},
        {"word": "you", "start": "x"},
    ]
    output = {"text": "Hi", "segments": [{"start": 0, "end": 1, "words": words}]}
    snapshot = await _check(server, adapter_for, {"output_kind": "text"}, status="succeeded", output=output)
    assert snapshot.outputs[0].words == (Word(text="Hi", start_s=0.1, end_s=0.4),)


async def test_the_metrics_are_the_usage(server: Any, adapter_for: Any) -> None:
    metrics = {"predict_time": 1.33, "total_time": 1.66, "image_count": 2, "weird": "text", "flag": True}
    snapshot = await _check(server, adapter_for, status="succeeded", output=U, metrics=metrics)
    units = {"gpu_seconds": Decimal("1.33"), "total_seconds": Decimal("1.66"), "images": Decimal(2)}
    assert snapshot.usage.units == units
    assert snapshot.usage.cost_usd is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"output": None, "data_removed": True}, "keeps outputs for one hour"),
        ({"output": {"seed": 4}}, "its output holds no file"),
        ({"output": None}, "its output holds no file"),
    ],
)
async def test_success_without_a_file_is_a_billed_failure(
    server: Any, adapter_for: Any, changes: dict[str, Any], reason: str
) -> None:
    snapshot = await _check(server, adapter_for, status="succeeded", **changes)
    assert snapshot.status is JobStatus.FAILED
    assert isinstance(snapshot.error, JobFailedError)
    assert reason in str(snapshot.error)
    assert snapshot.error.billed is True


@pytest.mark.parametrize(
    ("text", "cls"),
    [
        (
            "The input or output was flagged as sensitive. Please try again with different inputs. (E005)",
            ContentRejectedError,
        ),
        ("NSFW content detected. Try running it again, or try a different prompt.", ContentRejectedError),
        ("Prediction interrupted; please retry (code: PA)", ProviderUnavailableError),
        ("CUDA out of memory", JobFailedError),
        ("", JobFailedError),
        (None, JobFailedError),
    ],
)
async def test_failed_predictions_are_told_apart_by_their_text(
    server: Any, adapter_for: Any, text: str | None, cls: type[Exception]
) -> None:
    snapshot = await _check(server, adapter_for, status="failed", error=text)
    assert type(snapshot.error) is cls
    assert snapshot.error.billed is None
    assert snapshot.error.remote_id == "gm3q"
    assert (text or "no explanation was given") in str(snapshot.error)


@pytest.mark.parametrize(
    ("changes", "billed"),
    [
        ({"status": "aborted"}, False),
        ({"status": "canceled", "started_at": "2026-11-01T10:00:00Z"}, True),
        ({"status": "canceled"}, False),
    ],
)
async def test_a_canceled_prediction_says_whether_it_is_billed(
    server: Any, adapter_for: Any, changes: dict[str, Any], billed: bool | None
) -> None:
    snapshot = await _check(server, adapter_for, **changes)
    assert type(snapshot.error) is JobCanceledError
    assert snapshot.error.billed is billed


CREDIT = "You have insufficient credit to run this model. Go to https://replicate.com/account/billing#billing to buy."
FIELDS = [{"type": "required", "field": "input", "description": "prompt is required"}]
ERRORS = [
    (401, {"title": "Unauthenticated", "detail": "You did not pass a valid authentication token", "status": 401},
     AuthenticationError, ..., None),
    (402, {"title": "Insufficient credit", "detail": CREDIT, "status": 402}, QuotaExceededError, ..., None),
    (404, {"title": "Not found", "detail": "Not found.", "status": 404}, RequestRejectedError, ..., None),
    (422, {"title": "Invalid version or not permitted", "detail": "The specified version does not exist", "status": 422},
     RequestRejectedError, ..., None),
    (422, {"title": "Input validation failed", "detail": "- input: prompt is required\n", "status": 422,
           "invalid_fields": FIELDS}, RequestRejectedError, ..., None),
    (429, {"detail": "Request was throttled. Your rate limit resets in ~30s."}, RateLimitedError, False, 30),
    (429, {"detail": "Request was throttled.", "status": 429, "retry_after": 5}, RateLimitedError, False, 5),
    (500, {"detail": "Internal server error"}, ProviderUnavailableError, None, None),
    (502, None, ProviderUnavailableError, None, None),
    (503, {"detail": "Service unavailable"}, ProviderUnavailableError, False, None),
    (504, {"detail": "Gateway timeout"}, ProviderTimeoutError, None, None),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "cls", "accepted", "wait"), ERRORS)
async def test_every_error_body_has_its_class(
    server: Any,
    adapter_for: Any,
    scratch: Path,
    clean: Callable[[BaseException], None],
    status: int,
    body: dict[str, Any] | None,
    cls: type[Exception],
    accepted: Any,
    wait: float | None,
) -> None:
    headers = {"Content-Type": "application/problem+json"} if body else {}
    server.on("POST", PATH, status, json_=body, headers=headers, **({} if body else {"body": b"<html>502</html>"}))
    with pytest.raises(cls) as caught:
        await adapter_for("replicate").submit(request(), scratch)
    error: Any = caught.value
    assert type(error) is cls
    assert (error.status_code, error.model, error.provider) == (status, CARD, "replicate")
    assert getattr(error, "accepted", ...) is accepted
    assert getattr(error, "retry_after_s", None) == wait
    assert error.billed is (None if status in (500, 502, 504) else False)
    assert len(server.seen) == 1
    clean(error)


async def test_retry_after_outranks_the_body(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("POST", PATH, 429, json_={"detail": "resets in ~30s", "retry_after": 5}, headers={"Retry-After": "12"})
    with pytest.raises(RateLimitedError) as caught:
        await adapter_for("replicate").submit(request(), scratch)
    assert caught.value.retry_after_s == 12


async def test_the_key_never_follows_the_urls_of_an_answer(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("POST", PATH, 201, json_=prediction(id="../files/x"))
    server.on("GET", "/predictions/*", json_=prediction(status="processing"))
    adapter = adapter_for("replicate")
    submission = await adapter.submit(request(), scratch)
    await adapter.check(submission.job, scratch)
    assert server.seen[1].path == "/predictions/..%2Ffiles%2Fx"


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, prediction(status="canceled"), CancelOutcome.CANCELED),
        (200, prediction(status="aborted"), CancelOutcome.CANCELED),
        (200, prediction(status="processing"), CancelOutcome.REQUESTED),
        (200, prediction(status="starting"), CancelOutcome.REQUESTED),
        (200, prediction(status="succeeded"), CancelOutcome.TOO_LATE),
        (200, prediction(status="failed"), CancelOutcome.TOO_LATE),
        (404, {"detail": "Not found.", "status": 404}, CancelOutcome.TOO_LATE),
    ],
)
async def test_cancel_says_what_came_of_it(
    server: Any, adapter_for: Any, status: int, body: dict[str, Any], outcome: CancelOutcome
) -> None:
    server.on("POST", "/predictions/gm3q/cancel", status, json_=body)
    assert await adapter_for("replicate").cancel(job()) is outcome


async def test_small_media_goes_inline_and_large_media_is_uploaded(
    server: Any, adapter_for: Any, scratch: Path, picture: Callable[..., Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INLINE_BYTES", 1000)
    small, large = picture(500, "small"), picture(5000, "large")
    expires = datetime(2026, 11, 24, tzinfo=UTC)
    answer = {"id": "f1", "urls": {"get": f"{server.base}/files/f1"}, "expires_at": expires.isoformat()}
    server.on("POST", "/files", 201, json_=answer)
    server.on("POST", PATH, 201, json_=prediction())
    adapter = adapter_for("replicate")
    assert await adapter.upload(small) is None
    upload = await adapter.upload(large)
    assert (upload.url, upload.expires) == (f"{server.base}/files/f1", expires)
    form = server.seen[0]
    assert form.headers["content-type"].startswith("multipart/form-data")
    assert b'name="content"; filename="' + large.digest[:16].encode() + b'.png"' in form.body
    assert large.read() in form.body
    media = {"image": small, "image_input": [small, large]}
    await adapter.submit(request(media=media, uploads={large.digest: upload.url}), scratch)
    inline = f"data:image/png;base64,{base64.b64encode(small.read()).decode()}"
    assert server.seen[-1].json["input"] == {
        "prompt": "a lighthouse", "image": inline, "image_input": [inline, upload.url],
    }  # fmt: skip
    assert len(server.requests("POST", "/files")) == 1
    await adapter.submit(request(media={"image": large}), scratch)
    assert len(server.requests("POST", "/files")) == 2


async def test_a_card_can_send_more_inline(
    server: Any, adapter_for: Any, scratch: Path, picture: Callable[..., Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INLINE_BYTES", 1000)
    server.on("POST", PATH, 201, json_=prediction())
    changed = request(media={"image": picture(5000)}, extra={"data_uri_max_bytes": 9000})
    await adapter_for("replicate").submit(changed, scratch)
    assert server.seen[0].json["input"]["image"].startswith("data:image/png;base64,")


async def test_a_failed_upload_surely_bought_nothing(
    server: Any, adapter_for: Any, scratch: Path, picture: Callable[..., Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INLINE_BYTES", 10)
    server.on("POST", "/files", silent=True)
    with pytest.raises(ProviderUnavailableError) as caught:
        await adapter_for("replicate").submit(request(media={"image": picture()}), scratch)
    assert caught.value.accepted is False


async def test_a_file_over_the_limit_is_refused_before_it_is_sent(
    server: Any, adapter_for: Any, picture: Callable[..., Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INLINE_BYTES", 10)
    monkeypatch.setattr(module, "MAX_UPLOAD_BYTES", 100)
    with pytest.raises(MediaLimitError, match="it holds 200 bytes, at most 100 are taken"):
        await adapter_for("replicate").upload(picture(200))
    assert server.seen == []


async def test_files_of_the_api_itself_are_fetched_with_the_key(
    server: Any, adapter_for: Any, scratch: Path, secret: str
) -> None:
    server.on("GET", "/v1/files/f1/download", 302, headers={"Location": f"{server.base}/elsewhere/f1"})
    server.on("GET", "/elsewhere/f1", body=b"content")
    adapter = adapter_for("replicate", "/v1")
    await adapter.fetch(Output(url=f"{server.base}/v1/files/f1/download"), scratch / "target")
    assert server.seen[0].headers["authorization"] == f"Bearer {secret}"
    assert "authorization" not in server.seen[1].headers


SINCE = datetime(2026, 11, 1, 10, tzinfo=UTC)


async def test_recent_predictions_are_listed_over_pages(server: Any, adapter_for: Any) -> None:
    first = prediction(id="p1", created_at="2026-11-01T10:00:01Z")
    second = prediction(id="p2", created_at="2026-11-01T10:00:02Z", input={"prompt": "other"}, model="x/y")
    server.on(
        "GET", "/predictions", json_={"next": f"{server.base}/predictions?cursor=c2", "results": [second, "bad", {}]}
    )
    server.on("GET", "/predictions", json_={"next": None, "results": [first]})
    adapter = adapter_for("replicate")
    found = await adapter.recent(CARD, SINCE)
    assert [entry.job.remote_id for entry in found] == ["p2", "p1"]
    assert server.seen[0].query == "created_after=2026-11-01T10%3A00%3A00Z"
    assert server.seen[1].query == "cursor=c2"
    assert [adapter.match(request(), entry) is not None for entry in found] == [False, True]
    matched = adapter.match(request(extra={"output_field": "image"}), found[1])
    assert matched.data == {"endpoint": ENDPOINT, "output_kind": "image", "output_field": "image"}


async def test_pages_elsewhere_or_before_the_moment_are_not_asked_for(server: Any, adapter_for: Any) -> None:
    old = prediction(id="old", created_at="2026-11-01T09:59:59Z")
    new = prediction(id="new", created_at="2026-11-01T10:00:01Z")
    server.on("GET", "/predictions", json_={"next": "https://evil.example/predictions", "results": [new]})
    server.on("GET", "/predictions", json_={"next": f"{server.base}/predictions?cursor=c2", "results": [new, old]})
    adapter = adapter_for("replicate")
    assert [entry.job.remote_id for entry in await adapter.recent(CARD, SINCE)] == ["new"]
    assert [entry.job.remote_id for entry in await adapter.recent(CARD, SINCE)] == ["new"]
    assert len(server.seen) == 2


async def test_a_job_with_media_matches_by_its_content(
    adapter_for: Any, server: Any, picture: Callable[..., Image]
) -> None:
    one, two, three = picture(300, "one"), picture(300, "two"), picture(300, "three")
    files = f"{server.base}/files"
    inline = f"data:image/png;base64,{base64.b64encode(one.read()).decode()}"
    recorded: list[dict[str, Any]] = [
        {"prompt": "a lighthouse", "image": inline},
        {"prompt": "a lighthouse", "image": f"{files}/two"},
        {"prompt": "a lighthouse", "image": f"{files}/other"},
        {"prompt": "a lighthouse", "image": "https://replicate.delivery/pbxt/made-of-a-data-uri.png"},
        {"prompt": "a lighthouse", "image": "data:image/png;base64,!"},
        {"prompt": "a lighthouse", "image": None},
        {"prompt": "a lighthouse"},
        {"prompt": "other", "image": "https://replicate.delivery/pbxt/made-of-a-data-uri.png"},
        {"image": inline},
    ]
    results = [prediction(id=f"p{i}", input=given) for i, given in enumerate(recorded)]
    server.on("GET", "/predictions", json_={"next": None, "results": results})
    adapter = adapter_for("replicate")
    found = await adapter.recent(CARD, SINCE)

    def verdicts(media: Any) -> dict[str, str]:
        asked = request(media={"image": media}, uploads={two.digest: f"{files}/two"})
        given: dict[str, str] = {}
        for entry in found:
            try:
                given[entry.job.remote_id] = "yes" if adapter.match(asked, entry) else "no"
            except MatchUnclear:
                given[entry.job.remote_id] = "unclear"
        return {name: verdict for name, verdict in given.items() if verdict != "no"}

    assert verdicts(one) == {"p0": "yes", "p1": "unclear", "p2": "unclear", "p3": "unclear"}
    assert verdicts(two) == {"p1": "yes", "p3": "unclear"}
    assert verdicts(three) == {"p1": "unclear", "p2": "unclear", "p3": "unclear"}
    assert verdicts([one]) == {}


async def test_several_media_match_only_together(adapter_for: Any, server: Any, picture: Callable[..., Image]) -> None:
    one, two = picture(300, "one"), picture(300, "two")
    inline = [f"data:image/png;base64,{base64.b64encode(media.read()).decode()}" for media in (one, two)]
    results = [prediction(input={"prompt": "a lighthouse", "image_input": inline})]
    server.on("GET", "/predictions", json_={"next": None, "results": results})
    adapter = adapter_for("replicate")
    entry = (await adapter.recent(CARD, SINCE))[0]
    assert adapter.match(request(media={"image_input": [one, two]}), entry)
    assert not adapter.match(request(media={"image_input": [two, one]}), entry)
    assert not adapter.match(request(media={"image_input": [one]}), entry)
