"""OpenAI: images, image edits and speech. Every request is synchronous: the answer holds the media.

Keys of `Request.extra` that are read here:

- `path`: path under the base URL; without it `/audio/speech` for sound, `/images/edits` with input media,
  `/images/generations` without.

Input media goes as parts of a multipart form, under the names of `Request.media` (`image`, `mask`, `markup`); a list
goes as `image[]`. There is no job, no cancel, no list of past requests, and no idempotency key: an answer that is lost
is lost, and it is billed.

Facts are from the vendor's Python SDK 3.54.0 and OpenAPI document, as of 2026-11.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, cast
from uuid import uuid4

import httpx

from ..errors import (
    AuthenticationError,
    ContentRejectedError,
    JobFailedError,
    QuotaExceededError,
    RateLimitedError,
    RequestRejectedError,
)
from ._answers import save_bytes, save_json
from ._delivery import file_name
from ._errors import About, Fault, Rule, retry_after
from ._http import HttpAdapter, Reply
from ._results import at, number
from .base import CancelFacts, CancelOutcome, Job, JobStatus, Output, Request, Snapshot, Submission, Usage

__all__ = ["OpenAIAdapter"]

Part = tuple[str, tuple[str, IO[bytes], str]]

RULES = (
    Rule(ContentRejectedError, codes=("moderation_blocked", "content_policy_violation")),
    Rule(QuotaExceededError, codes=("insufficient_quota", "billing_hard_limit_reached"), billed=False),
    Rule(AuthenticationError, status=(401, 403), billed=False),
    Rule(RateLimitedError, status=(429,), billed=False),
    Rule(RequestRejectedError, status=(400, 404, 413, 415, 422), billed=False),
)
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class OpenAIAdapter(HttpAdapter):
    """Adapter for the OpenAI API. Images are billed by token, speech by character or token."""

    name = "openai"
    rules = RULES
    cancellation = CancelFacts(
        queued=CancelOutcome.UNSUPPORTED,
        running=CancelOutcome.UNSUPPORTED,
        queued_billed=None,
        running_billed=True,
        note="Requests are synchronous. Closing the connection does not undo one: what was generated may be billed.",
        source="openai Python SDK 3.54.0, read 2026-11",
    )

    def extra_headers(self) -> dict[str, str]:
        """Name the organisation and the project when the credentials do."""
        names = {"organization": "OpenAI-Organization", "project": "OpenAI-Project"}
        extra = self.credentials.extra
        return {header: extra[name] for name, header in names.items() if extra.get(name)}

    def read_fault(self, reply: Reply) -> Fault:
        """Read an `error` object."""
        error = at(reply.fields(), "error")
        found = cast("dict[str, Any]", error) if isinstance(error, dict) else {}
        codes = {str(found[name]) for name in ("type", "code") if isinstance(found.get(name), str)}
        message = found.get("message") if found else (error if isinstance(error, str) else reply.text)
        stage = at(found, "moderation_details.moderation_stage")
        categories = at(found, "moderation_details.categories")
        if isinstance(categories, list):
            named = ", ".join(map(str, cast("list[Any]", categories)))
            message = f"{message} Stage: {stage}; categories: {named}."
        if isinstance(param := found.get("param"), str) and param not in str(message):
            message = f"{message} (parameter {param!r})"
        wait = retry_after(reply.headers, error)
        if wait is None and reply.status == 429:
            wait = _until_reset(reply.headers)
        return Fault(reply.status, str(message or ""), frozenset(codes), wait, remote_id=_request_id(reply.headers))

    async def submit(self, request: Request, scratch: Path) -> Submission:
        """Send the request and wait for its media. Billed when it is answered.

        Raises:
            TransientProviderError: With `accepted` as the protocol says.
            PermanentProviderError: Refused.
            OutputMismatchError: The answer is larger than may enter the store, or empty.
        """
        about = self.about("generate with", request)
        with ExitStack() as stack:
            content = await _content(request, stack)
            async with self.stream(
                "POST", self.url(_path(request)), about, paid=True, timeout_s=request.deadline_s, **content
            ) as response:
                request_id = _request_id(response.headers) or f"unnamed-{uuid4().hex}"
                about = About(self.name, about.doing, request.card_id, request_id)
                snapshot = await self._answer(response, request, scratch, about)
        job = Job(provider=self.name, remote_id=request_id, card_id=request.card_id, data=self.job_data(request))
        return Submission(job, snapshot, reattachable=False)

    async def _answer(self, response: httpx.Response, request: Request, scratch: Path, about: About) -> Snapshot:
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            path = await save_bytes(response, scratch, about)
            return Snapshot(JobStatus.SUCCEEDED, (Output(path=path, media_type=media_type or None),))
        answer, paths = await save_json(response, "b64_json", scratch, about)
        made = answer.get("output_format") or request.payload.get("output_format")
        media_type = f"image/{made}" if made else None
        outputs = tuple(Output(path=path, media_type=media_type) for path in paths)
        listed = answer.get("data")
        for item in cast("list[Any]", listed) if isinstance(listed, list) and not outputs else ():
            if isinstance(url := at(item, "url"), str):
                outputs += (Output(url=url),)
        usage = _usage(answer, len(outputs))
        if outputs:
            return Snapshot(JobStatus.SUCCEEDED, outputs, usage=usage)
        text = f"{about}: the answer holds no picture; it has {', '.join(sorted(answer)) or 'nothing'}."
        return Snapshot(JobStatus.FAILED, error=JobFailedError(text, billed=True, **about.fields()), usage=usage)

    async def check(self, job: Job, scratch: Path) -> Snapshot:
        """Say that the result is gone: OpenAI keeps no record of a request."""
        about = self.about("look again at", job)
        text = f"{about}: OpenAI keeps no record of finished requests, so its result cannot be fetched again."
        return Snapshot(JobStatus.FAILED, error=JobFailedError(text, billed=True, **about.fields()))

    async def cancel(self, job: Job) -> CancelOutcome:
        """Say that this is not possible."""
        return CancelOutcome.UNSUPPORTED


def _path(request: Request) -> str:
    if path := request.extra.get("path"):
        return "/" + str(path).strip("/")
    if request.output_kind == "audio":
        return "/audio/speech"
    return "/images/edits" if request.media else "/images/generations"


async def _content(request: Request, stack: ExitStack) -> dict[str, Any]:
    """Return the body: JSON, or a form when there is media; its files are open until the stack is closed."""
    payload = {"model": request.endpoint, **request.payload}
    payload = {name: value for name, value in payload.items() if value is not None}
    if not request.media:
        return {"json": payload}
    parts: list[Part] = []
    for name, value in request.media.items():
        several = value if isinstance(value, list) else [value]
        for media in several:
            path = await asyncio.to_thread(media.path)
            file = stack.enter_context(path.open("rb"))
            field = f"{name}[]" if isinstance(value, list) else name
            parts.append((field, (file_name(media), file, media.media_type)))
    return {"files": parts, "data": {name: _form_value(value) for name, value in payload.items()}}


def _form_value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _request_id(headers: Mapping[str, str]) -> str | None:
    return headers.get("x-request-id") or None


def _until_reset(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until the limit that is used up is reset, from headers like `6m0s`."""
    waits = [
        sum(float(amount) * UNITS_S[unit] for amount, unit in DURATION.findall(headers[f"x-ratelimit-reset-{kind}"]))
        for kind in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{kind}") == "0" and f"x-ratelimit-reset-{kind}" in headers
    ]
    return max(waits) if waits else None


def _usage(answer: Mapping[str, Any], images: int) -> Usage:
    fields = {
        "text_input_tokens": "usage.input_tokens_details.text_tokens",
        "image_input_tokens": "usage.input_tokens_details.image_tokens",
        "cached_input_tokens": "usage.input_tokens_details.cached_tokens",
        "text_output_tokens": "usage.output_tokens_details.text_tokens",
        "image_output_tokens": "usage.output_tokens_details.image_tokens",
        "svg_input_tokens": "svg_usage.input_tokens",
        "svg_output_tokens": "svg_usage.output_tokens",
    }
    units = {name: number(at(answer, path)) for name, path in fields.items()}
    # Older answers give totals only; the output of an image model without details is all image.
    if units["text_input_tokens"] is None and units["image_input_tokens"] is None:
        units["input_tokens"] = number(at(answer, "usage.input_tokens"))
    if units["image_output_tokens"] is None:
        units["image_output_tokens"] = number(at(answer, "usage.output_tokens"))
    units["images"] = Decimal(images) if images else None
    return Usage(units={name: amount for name, amount in units.items() if amount is not None})
