"""fal: the queue over HTTP.

Keys of `Request.extra` that are read here:

- `output_field`: dotted path to the outputs (`video`, `data.images`); without it the usual fields of the kind are
  looked at, then every file of the answer.
- `data_uri_max_bytes`: largest input that goes inline.

fal keeps no list of requests that a key could ask for, so a submission whose answer was lost cannot be looked up. The
verdict on a request is the HTTP status of its result, where the model's own answer is replayed; the queue itself knows
only IN_QUEUE, IN_PROGRESS and COMPLETED.

Facts are from fal.ai/docs and the Python client 1.0.3, as of 2026-11.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

from ..errors import (
    AuthenticationError,
    ContentRejectedError,
    JobCanceledError,
    JobFailedError,
    ProviderError,
    QuotaExceededError,
    RateLimitedError,
    TransientProviderError,
)
from ..media.types import AnyMedia
from ._delivery import deliver
from ._errors import About, Fault
from ._fal_errors import RULES, from_the_way, read_fault, verdict
from ._fal_platform import check_endpoint, published
from ._fal_storage import FalStorage
from ._http import HttpAdapter, Reply
from ._results import Found, at, number, text_of, urls, words_of
from .base import (
    CancelFacts,
    CancelOutcome,
    Job,
    JobStatus,
    Output,
    Request,
    Snapshot,
    Submission,
    Upload,
    Usage,
)
from .credentials import Credentials
from .importing.published import Published

__all__ = ["FalAdapter"]

INLINE_BYTES = 256 << 10
INLINE_TOTAL_BYTES = 4 << 20
DOUBTS_S = (0.5, 2.0)
"""When the status of a request names no error but its result does, and not one of the model, it may be that of the way
there: a result that was paid for is asked for again, so many times and after so many seconds."""
NAMESPACES = ("workflows", "comfy")
USUAL_FIELDS = {
    "image": ("images", "image"),
    "video": ("video", "videos"),
    "audio": ("audio", "audio_file", "audio_url"),
}


class FalAdapter(HttpAdapter):
    """Adapter for fal.ai's queue. Waiting in the queue is free; a finished request is billed by its own unit."""

    name = "fal"
    most_requests = 100
    rules = RULES
    key_prefix = "Key "
    cancellation = CancelFacts(
        queued=CancelOutcome.CANCELED,
        running=CancelOutcome.REQUESTED,
        queued_billed=False,
        running_billed=None,
        note="A running model gets a cancel signal and may ignore it; then it finishes and is charged. Each submission "
        "carries its deadline: a request that no runner has taken by then is dropped, uncharged.",
        source="fal.ai/docs, queue and pricing pages, read 2026-11",
    )

    def __init__(self, credentials: Credentials) -> None:
        super().__init__(credentials)
        self._storage = FalStorage(self)
        self._canceled: set[str] = set()

    def read_fault(self, reply: Reply) -> Fault:
        """Read any of fal's error bodies."""
        return read_fault(reply)

    def check_endpoint(self, endpoint: str) -> None:
        """Refuse what cannot be the name of a model."""
        check_endpoint(endpoint)

    async def published(self, endpoint: str) -> Published:
        """Ask for what fal publishes about a model. Free."""
        return await published(self, endpoint)

    async def upload(self, media: AnyMedia) -> Upload | None:
        """Upload a file that is too large to go inline. Free."""
        return None if media.size_bytes <= INLINE_BYTES else await self._storage.upload(media)

    async def submit(self, request: Request, scratch: Path) -> Submission:
        """Put a request into the queue. Billed when it has run.

        Raises:
            TransientProviderError: With `accepted` as the protocol says.
            PermanentProviderError: Refused.
        """
        about = self.about("submit", request)
        inline = int(request.extra.get("data_uri_max_bytes") or INLINE_BYTES)
        body = await deliver(
            request, self._storage.upload, inline_bytes=inline, inline_total_bytes=max(inline, INLINE_TOTAL_BYTES)
        )
        reply = await self.call(
            "POST",
            self.url(f"/{quote(request.endpoint)}"),
            about,
            paid=True,
            json=body,
            headers={"X-Fal-Request-Timeout": str(float(max(request.deadline_s, 2.0)))},
        )
        fields = self.document(reply, about, paid=True, needs="request_id")
        given = {name: fields[name] for name in ("status_url", "response_url", "cancel_url") if _is_text(fields, name)}
        job = Job(
            provider=self.name,
            remote_id=fields["request_id"],
            card_id=request.card_id,
            data=self.job_data(request) | {name: url for name, url in given.items() if self.is_own(url)},
        )
        return Submission(job, _waiting({"status": "IN_QUEUE", **fields}))

    async def check(self, job: Job, scratch: Path) -> Snapshot:
        """Ask for the status once, and for the result when there is one. Free."""
        about = self.about("check", job)
        url = self._url_of(job, "status")
        reply = await self.call("GET", f"{url}{'&' if '?' in url else '?'}logs=0", about, tolerate=(404,))
        if reply.status == 404:
            return self._vanished(job, reply, about)
        fields = self.document(reply, about, needs="status")
        return await self._result(job, fields) if fields["status"] == "COMPLETED" else _waiting(fields)

    async def _result(self, job: Job, status: dict[str, Any]) -> Snapshot:
        """Read the result. A failing runner that the status says nothing of is believed only when it stays so."""
        snapshot = await self._look_at_result(job, status)
        for pause_s in DOUBTS_S:
            if (
                not isinstance(snapshot.error, TransientProviderError)
                or status.get("error")
                or status.get("error_type")
            ):
                break
            await asyncio.sleep(pause_s)
            snapshot = await self._look_at_result(job, status)
        return snapshot

    async def _look_at_result(self, job: Job, status: dict[str, Any]) -> Snapshot:
        about = self.about("read the result of", job)
        reply = await self.call("GET", self._url_of(job, "response"), about, tolerate=range(400, 600))
        usage = _usage(reply, status)
        if reply.status < 400 and not status.get("error") and not status.get("error_type"):
            return self._finished(job, reply, about, usage)
        fault = self.read_fault(reply)
        if reply.status == 400 and "still in progress" in fault.message:
            return Snapshot(JobStatus.RUNNING, native_status="IN_PROGRESS")
        if reply.status == 404:
            return self._vanished(job, reply, about)
        error = self.error(verdict(fault, status), about)
        # Only what the model answered is a verdict; what the way to it answered can be asked again.
        if isinstance(error, AuthenticationError | QuotaExceededError | RateLimitedError) or (
            isinstance(error, TransientProviderError) and not status.get("error") and from_the_way(reply, fault)
        ):
            raise error
        ended = JobStatus.CANCELED if isinstance(error, JobCanceledError) else JobStatus.FAILED
        return Snapshot(ended, error=error, usage=usage, native_status="COMPLETED")

    def _finished(self, job: Job, reply: Reply, about: About, usage: Usage) -> Snapshot:
        answer = self.document(reply, about)
        outputs = self._outputs(answer, job)
        flags = answer.get("has_nsfw_concepts")
        refused = [bool(flag) for flag in cast("list[Any]", flags)] if isinstance(flags, list) else []
        billed = usage.units["billable_units"] > 0 if "billable_units" in usage.units else None
        error: ProviderError | None = None
        if any(refused) and len(refused) == len(outputs):
            # A refused picture comes as a black one.
            outputs = tuple(output for output, flag in zip(outputs, refused, strict=True) if not flag)
        if not outputs and any(refused):
            text = "the safety checker blacked out every picture. Change the prompt or the input"
            error = ContentRejectedError(f"{about}: {text}.", billed=billed, **about.fields())
        elif not outputs:
            wanted = job.data.get("output_field") or job.data.get("output_kind") or "file"
            text = f"the answer holds no {wanted!r}; it has {', '.join(sorted(answer)) or 'nothing'}"
            error = JobFailedError(f"{about}: {text}.", billed=billed, **about.fields())
        status = JobStatus.FAILED if error else JobStatus.SUCCEEDED
        return Snapshot(status, outputs, error, usage, native_status="COMPLETED")

    def _outputs(self, answer: dict[str, Any], job: Job) -> tuple[Output, ...]:
        kind = job.data.get("output_kind")
        field = job.data.get("output_field")
        value = at(answer, str(field)) if field else answer
        if kind == "text":
            text = text_of(value)
            return () if text is None else (Output(text=text, words=words_of(answer)),)
        found: list[Found] = []
        for name in () if field else USUAL_FIELDS.get(str(kind), ()):
            found = found or list(urls(answer.get(name)))
        found = found or list(urls(value))
        of_kind = [file for file in found if (file.media_type or "").startswith(f"{kind}/")]
        return tuple(Output(url=file.url, media_type=file.media_type) for file in of_kind or found)

    async def cancel(self, job: Job) -> CancelOutcome:
        """Ask fal to cancel. Free while queued; a running model may finish all the same, and then it is charged."""
        about = self.about("cancel", job)
        reply = await self.call("PUT", self._url_of(job, "cancel"), about, tolerate=(400, 404))
        word = str(reply.fields().get("status", "")).upper()
        if reply.status >= 400:
            known = reply.status == 404 and job.remote_id in self._canceled
            return CancelOutcome.CANCELED if known else CancelOutcome.TOO_LATE
        self._canceled.add(job.remote_id)
        return (
            CancelOutcome.REQUESTED
            if reply.status == 202 or word == "CANCELLATION_REQUESTED"
            else CancelOutcome.CANCELED
        )

    def _vanished(self, job: Job, reply: Reply, about: About) -> Snapshot:
        """Judge a request that fal does not know: what was removed from the queue is gone without a trace."""
        if job.remote_id not in self._canceled:
            raise self.error(self.read_fault(reply), about)
        text = "it was canceled and removed from the queue; it is not billed"
        error = JobCanceledError(f"{about}: {text}.", status_code=404, billed=False, **about.fields())
        return Snapshot(JobStatus.CANCELED, error=error, native_status="NOT_FOUND")

    def _url_of(self, job: Job, what: str) -> str:
        given = job.data.get(f"{what}_url")
        if isinstance(given, str) and self.is_own(given):
            return given
        # Only owner and alias, as the status of `fal-ai/flux/dev` is under `fal-ai/flux`.
        parts = str(job.data.get("endpoint") or job.card_id.partition(":")[2]).split("/")
        app = "/".join(parts[: 3 if parts[0] in NAMESPACES else 2])
        tail = {"status": "/status", "cancel": "/cancel"}.get(what, "")
        return self.url(f"/{quote(app)}/requests/{quote(job.remote_id, safe='')}{tail}")


def _is_text(fields: dict[str, Any], name: str) -> bool:
    return isinstance(fields.get(name), str)


def _waiting(fields: dict[str, Any]) -> Snapshot:
    native = str(fields.get("status"))
    position = fields.get("queue_position")
    return Snapshot(
        JobStatus.QUEUED if native == "IN_QUEUE" else JobStatus.RUNNING,
        queue_position=position if isinstance(position, int) else None,
        native_status=native,
    )


def _usage(reply: Reply, status: dict[str, Any]) -> Usage:
    units = {
        "billable_units": number(reply.headers.get("x-fal-billable-units")),
        "inference_seconds": number(at(status, "metrics.inference_time")),
    }
    return Usage(units={name: amount for name, amount in units.items() if amount is not None})
