"""Replicate: predictions over HTTP.

Keys of `Request.extra` that are read here:

- `version`: version id (64 hex digits) or `owner/name:id`; sent to `/predictions`. Without it the endpoint is taken as
  an official model, `/models/{owner}/{name}/predictions`.
- `deployment`: `owner/name` of a deployment to run on instead.
- `output_field`: dotted path to the outputs when the answer is an object with more in it.
- `data_uri_max_bytes`: largest input that goes inline, for models that refuse uploads (an upload reaches the model
  without its file name's suffix, and some look at that).

Facts are from replicate.com/docs, the vendor's OpenAPI document and its Python SDK 1.0.7, as of 2026-11.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from ..errors import (
    AuthenticationError,
    ContentRejectedError,
    JobCanceledError,
    JobFailedError,
    MediaLimitError,
    ProviderError,
    ProviderUnavailableError,
    QuotaExceededError,
    RateLimitedError,
    RequestRejectedError,
)
from ..media.types import AnyMedia
from ._delivery import deliver, file_name
from ._errors import About, Fault, Rule, retry_after
from ._http import HttpAdapter, Reply
from ._replicate_models import check_endpoint, published
from ._results import at, number, text_of, urls, words_of
from .base import (
    CancelFacts,
    CancelOutcome,
    Job,
    JobStatus,
    Output,
    RecentJob,
    Request,
    Snapshot,
    Submission,
    Upload,
    Usage,
)
from .importing.published import Published

__all__ = ["ReplicateAdapter"]

STATUSES = {
    "starting": JobStatus.QUEUED,
    "processing": JobStatus.RUNNING,
    "succeeded": JobStatus.SUCCEEDED,
    "failed": JobStatus.FAILED,
    "canceled": JobStatus.CANCELED,
    "aborted": JobStatus.CANCELED,
}
OUTPUT_LIFETIME_S = 3600.0
INLINE_BYTES = 1_000_000
INLINE_TOTAL_BYTES = 7_000_000  # 10,000,000 characters of data URIs in all, base64 being 4/3 as long
MAX_UPLOAD_BYTES = 100_000_000
UPLOAD_TIMEOUT_S = 600.0
MAX_PAGES = 20
PROGRESS = re.compile(r"^\s*(\d{1,3})%\s*\|")

RULES = (
    Rule(ContentRejectedError, text=r"\(E005\)|\bNSFW content|flagged as sensitive"),
    Rule(ProviderUnavailableError, text=r"prediction interrupted|\(code: PA\)"),
    Rule(AuthenticationError, status=(401, 403), billed=False),
    Rule(QuotaExceededError, status=(402,), billed=False),
    Rule(RequestRejectedError, status=(400, 404, 405, 413, 415, 422), billed=False),
    Rule(RateLimitedError, status=(429,), billed=False),
)


class ReplicateAdapter(HttpAdapter):
    """Adapter for replicate.com. A prediction is billed once it runs; see `cancellation`."""

    name = "replicate"
    can_look_up = True
    most_requests = 100
    rules = RULES
    cancellation = CancelFacts(
        queued=CancelOutcome.CANCELED,
        running=CancelOutcome.REQUESTED,
        queued_billed=False,
        running_billed=True,
        note="A running prediction turns canceled shortly after; models priced by time bill the seconds used. Before the "
        "start none are, for set-up is not billed on public models. Each submission carries its deadline as "
        "Cancel-After: what has not started by then is aborted and not billed.",
        source="replicate.com/docs, prediction lifecycle and changelog of 2025-10-16, read 2026-11",
    )

    def read_fault(self, reply: Reply) -> Fault:
        """Read an RFC 7807 body (`title`, `detail`, `status`)."""
        fields = reply.fields()
        title, detail = (text if isinstance(text := fields.get(name), str) else "" for name in ("title", "detail"))
        message = ": ".join(part.strip() for part in (title, detail) if part.strip()) if fields else reply.text
        return Fault(reply.status, message, retry_after_s=retry_after(reply.headers, fields, detail))

    def check_endpoint(self, endpoint: str) -> None:
        """Refuse what cannot be the name of a model."""
        check_endpoint(endpoint)

    async def published(self, endpoint: str) -> Published:
        """Ask for what Replicate publishes about a model. Free."""
        return await published(self, endpoint)

    async def upload(self, media: AnyMedia) -> Upload | None:
        """Upload a file that is too large to go inline; it lives for 24 hours.

        Raises:
            MediaLimitError: Over 100 MB.
        """
        return None if media.size_bytes <= INLINE_BYTES else await self._upload(media)

    async def _upload(self, media: AnyMedia) -> Upload:
        if media.size_bytes > MAX_UPLOAD_BYTES:
            raise MediaLimitError(
                f"Cannot upload {media.digest[:12]}…{media.suffix} to Replicate: it holds {media.size_bytes} bytes, "
                f"at most {MAX_UPLOAD_BYTES} are taken. Make it smaller or shorter."
            )
        about = self.about("upload an input to")
        path = await asyncio.to_thread(media.path)
        with path.open("rb") as file:
            reply = await self.call(
                "POST",
                self.url("/files"),
                about,
                timeout_s=UPLOAD_TIMEOUT_S,
                files={"content": (file_name(media), file, media.media_type)},
                data={"metadata": json.dumps({})},
            )
        fields = self.document(reply, about)
        url = at(fields, "urls.get")
        if not isinstance(url, str):
            raise ProviderUnavailableError(f"{about}: the answer names no URL.", accepted=False, **about.fields())
        expires = _moment(fields.get("expires_at")) or datetime.now(UTC) + timedelta(hours=23)
        return Upload(url, expires)

    async def submit(self, request: Request, scratch: Path) -> Submission:
        """Create a prediction. Billed by the second or by the output once it runs.

        Raises:
            TransientProviderError: With `accepted` as the protocol says.
            PermanentProviderError: Refused.
        """
        about = self.about("submit", request)
        inline = int(request.extra.get("data_uri_max_bytes") or INLINE_BYTES)
        given = await deliver(request, self._upload, inline_bytes=inline, inline_total_bytes=INLINE_TOTAL_BYTES)
        path, body = _target(request)
        reply = await self.call(
            "POST",
            self.url(path),
            about,
            paid=True,
            json={**body, "input": given},
            headers={"Cancel-After": f"{max(1, math.ceil(request.deadline_s))}s"},
        )
        prediction = self.document(reply, about, paid=True, needs="id")
        job = Job(provider=self.name, remote_id=prediction["id"], card_id=request.card_id, data=self.job_data(request))
        return Submission(job, self._snapshot(prediction, job))

    async def check(self, job: Job, scratch: Path) -> Snapshot:
        """Ask for the status once. Free."""
        about = self.about("check", job)
        reply = await self.call("GET", self._url_of(job), about)
        return self._snapshot(self.document(reply, about, needs="status"), job)

    async def cancel(self, job: Job) -> CancelOutcome:
        """Ask Replicate to cancel. The seconds that were used are billed."""
        about = self.about("cancel", job)
        reply = await self.call("POST", self._url_of(job) + "/cancel", about, tolerate=(404, 409, 422))
        status = STATUSES.get(str(reply.fields().get("status")))
        if reply.status >= 400 or status in (JobStatus.SUCCEEDED, JobStatus.FAILED):
            return CancelOutcome.TOO_LATE
        return CancelOutcome.CANCELED if status is JobStatus.CANCELED else CancelOutcome.REQUESTED

    async def recent(self, card_id: str, since: datetime) -> list[RecentJob]:
        """List the predictions since a moment, of every model (`match` compares it), newest first. Free."""
        about = About(self.name, "list predictions for", card_id)
        after = since.astimezone(UTC)
        reply = await self.call(
            "GET", self.url("/predictions"), about, params={"created_after": after.isoformat().replace("+00:00", "Z")}
        )
        found: list[RecentJob] = []
        for _ in range(MAX_PAGES):
            page = self.document(reply, about)
            listed = [entry for entry in page.get("results") or [] if isinstance(entry, dict)]
            jobs = [job for job in (_listed(entry, card_id) for entry in listed) if job]
            found += [job for job in jobs if job.created >= after]
            onward = page.get("next")
            if not isinstance(onward, str) or not self.is_own(onward) or any(job.created < after for job in jobs):
                break
            reply = await self.call("GET", onward, about)
        return sorted(found, key=lambda job: job.created, reverse=True)

    def key_goes_to(self, url: httpx.URL) -> bool:
        """Files of the API itself need the key; those of replicate.delivery do not."""
        return "/files/" in url.path

    def _url_of(self, job: Job) -> str:
        # Built anew each time: the URLs in an answer could lead the key elsewhere.
        return self.url(f"/predictions/{quote(job.remote_id, safe='')}")

    def _snapshot(self, prediction: dict[str, Any], job: Job) -> Snapshot:
        native = str(prediction.get("status"))
        status = STATUSES.get(native, JobStatus.RUNNING)
        usage = _usage(prediction.get("metrics"))
        if status is JobStatus.SUCCEEDED:
            outputs = self._outputs(prediction, job)
            if outputs:
                return Snapshot(status, outputs, usage=usage, progress=1.0, native_status=native)
            return Snapshot(JobStatus.FAILED, error=self._empty(prediction, job), usage=usage, native_status=native)
        if status.ended:
            return Snapshot(status, error=self._failure(prediction, job, status), usage=usage, native_status=native)
        return Snapshot(status, usage=usage, progress=_progress(prediction.get("logs")), native_status=native)

    def _outputs(self, prediction: dict[str, Any], job: Job) -> tuple[Output, ...]:
        value = prediction.get("output")
        field, kind = job.data.get("output_field"), job.data.get("output_kind")
        if field:
            value = at(value, str(field))
        ended = _moment(prediction.get("completed_at"))
        age_s = (datetime.now(UTC) - ended).total_seconds() if ended else 0.0
        expires_s = min(max(OUTPUT_LIFETIME_S - age_s, 0.0), OUTPUT_LIFETIME_S)
        files = tuple(urls(value))
        text = text_of(value)
        if text is not None and (kind == "text" or (kind is None and not files)):
            return (Output(text=text, words=words_of(prediction.get("output"))),)
        return tuple(Output(url=file.url, media_type=file.media_type, expires_s=expires_s) for file in files)

    def _empty(self, prediction: dict[str, Any], job: Job) -> ProviderError:
        about = self.about("read the result of", job)
        if prediction.get("data_removed"):
            reason = "Replicate has removed the output; it keeps outputs for one hour"
        else:
            wanted = f" at {job.data['output_field']!r}" if job.data.get("output_field") else ""
            reason = f"the prediction succeeded, but its output holds no file{wanted}"
        return JobFailedError(f"{about}: {reason}.", billed=True, **about.fields())

    def _failure(self, prediction: dict[str, Any], job: Job, status: JobStatus) -> ProviderError:
        about = self.about("finish", job)
        if status is JobStatus.FAILED:
            return self.error(Fault(message=str(prediction.get("error") or "")), about)
        if prediction.get("status") == "aborted":
            reason, billed = "it did not start before its deadline and was aborted; it is not billed", False
        elif prediction.get("started_at"):
            reason, billed = "it was canceled while running; the seconds it used are billed", True
        else:
            reason, billed = "it was canceled before it started; set-up is not billed", False
        return JobCanceledError(f"{about}: {reason}.", billed=billed, **about.fields())


def _target(request: Request) -> tuple[str, dict[str, Any]]:
    """Return the path to post to, and the body besides `input`."""
    if deployment := request.extra.get("deployment"):
        return f"/deployments/{quote(str(deployment))}/predictions", {}
    version = request.extra.get("version") or (request.endpoint if ":" in request.endpoint else None)
    if version:
        return "/predictions", {"version": str(version)}
    return f"/models/{quote(request.endpoint)}/predictions", {}


def _listed(entry: dict[str, Any], card_id: str) -> RecentJob | None:
    created, remote_id = _moment(entry.get("created_at")), entry.get("id")
    if created is None or not isinstance(remote_id, str):
        return None
    payload = entry.get("input")
    job = Job(provider=ReplicateAdapter.name, remote_id=remote_id, card_id=card_id)
    endpoint = str(entry.get("model") or "")
    return RecentJob(job, created, payload if isinstance(payload, dict) else None, endpoint)


def _usage(metrics: Any) -> Usage:
    names = {"predict_time": "gpu_seconds", "image_count": "images", "total_time": "total_seconds"}
    units: dict[str, Decimal] = {}
    for name, value in metrics.items() if isinstance(metrics, dict) else ():
        if (amount := number(value)) is not None:
            units[names.get(str(name), str(name))] = amount
    return Usage(units=units)


def _progress(logs: Any) -> float | None:
    """Read the last progress bar in the logs; the API has no field for it."""
    for line in reversed(logs[-4000:].splitlines()) if isinstance(logs, str) else ():
        if found := PROGRESS.match(line):
            return min(int(found[1]), 100) / 100
    return None


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
