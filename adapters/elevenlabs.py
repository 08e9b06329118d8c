"""ElevenLabs: speech with and without timestamps, sound effects, music. Every request is synchronous.

Keys of `Request.extra` that are read here:

- `path`: path under the base URL; `{name}` in it is filled from the payload (`/v1/text-to-speech/{voice_id}`). Without
  it the capability decides: speech, sound or music.
- `query`: names of payload fields that go into the query instead of the body; `output_format`, `enable_logging` and
  `optimize_streaming_latency` when not given.

Speech stays in the account's history, from where its audio can be fetched again for free. So a lost answer can be looked
up, and a job can be followed by another process. Music, sound effects, and requests with `enable_logging: false` are
not in the history.

Facts are from the vendor's Python SDK 2.78.0 and documentation, as of 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote
from uuid import uuid4

import httpx

from ..errors import (
    AuthenticationError,
    ContentRejectedError,
    JobFailedError,
    ParameterError,
    QuotaExceededError,
    RateLimitedError,
    RequestRejectedError,
)
from ..media.types import Word
from ._answers import save_bytes, save_json
from ._errors import About, Fault, Rule, retry_after
from ._http import HttpAdapter, Reply
from ._results import at, number, spoken
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
    Usage,
)

__all__ = ["ElevenLabsAdapter"]

PATHS = {
    "speech": "/v1/text-to-speech/{voice_id}",
    "sound": "/v1/sound-generation",
    "music": "/v1/music",
}
QUERY = ("output_format", "enable_logging", "optimize_streaming_latency")
HISTORY = "/v1/history"
MAX_PAGES = 10
PAGE_ITEMS = 100
RECORDED = ("text", "voice_id", "model_id")

RULES = (
    Rule(QuotaExceededError, codes=("quota_exceeded",), billed=False),
    Rule(ContentRejectedError, codes=("bad_prompt", "bad_composition_plan", "content_against_policy"), billed=False),
    Rule(ContentRejectedError, status=(400, 401, 403), codes=("content_policy_violation",), billed=False),
    Rule(QuotaExceededError, status=(402,), billed=False),
    Rule(AuthenticationError, status=(401, 403), billed=False),
    Rule(RateLimitedError, status=(429,), billed=False),
    Rule(RequestRejectedError, status=(400, 404, 413, 415, 422), billed=False),
)


class ElevenLabsAdapter(HttpAdapter):
    """Adapter for the ElevenLabs API. Billed by credit; the answer tells how many."""

    name = "elevenlabs"
    can_look_up = True
    rules = RULES
    key_header = "xi-api-key"
    key_prefix = ""
    recorded = RECORDED
    cancellation = CancelFacts(
        queued=CancelOutcome.UNSUPPORTED,
        running=CancelOutcome.UNSUPPORTED,
        queued_billed=None,
        running_billed=True,
        note="Requests are synchronous. Closing the connection does not undo one; speech can be fetched later, for "
        "free, from the account's history.",
        source="elevenlabs Python SDK 2.78.0 and documentation, read 2026-11",
    )

    def read_fault(self, reply: Reply) -> Fault:
        """Read `detail`: an object (of the older or the newer form), a list of invalid fields, or a text."""
        fields = reply.fields()
        detail = fields.get("detail", fields.get("message"))
        codes: set[str] = set()
        remote_id = reply.headers.get("request-id")
        if isinstance(detail, dict):
            inner = cast("dict[str, Any]", detail)
            codes = {str(inner[name]) for name in ("status", "code", "type") if isinstance(inner.get(name), str)}
            message = str(inner.get("message") or "")
            for name in ("prompt_suggestion", "composition_plan_suggestion"):
                if suggestion := at(inner, f"data.{name}"):
                    message += f" Suggested by ElevenLabs: {suggestion}"
            remote_id = remote_id or inner.get("request_id")
        elif isinstance(detail, list):
            message = "; ".join(map(_invalid_field, cast("list[Any]", detail)))
        else:
            message = str(detail or reply.text)
        wait = retry_after(reply.headers, detail)
        if wait is None and reply.status == 429:
            reset = number(reply.headers.get("x-ratelimit-reset"))
            # Some gateways give a moment instead of a wait; only a wait is used.
            wait = float(reset) if reset is not None and 0 <= reset < 86_400 else None
        return Fault(reply.status, message, frozenset(codes), wait, remote_id=remote_id)

    async def submit(self, request: Request, scratch: Path) -> Submission:
        """Send the request and wait for its sound. Billed when it is answered.

        Raises:
            TransientProviderError: With `accepted` as the protocol says.
            PermanentProviderError: Refused.
            OutputMismatchError: The answer is larger than may enter the store, or empty.
            ParameterError: The path wants a field that the payload does not have.
        """
        about = self.about("generate with", request)
        path, query, body = _parts(request)
        async with self.stream(
            "POST", self.url(path), about, paid=True, timeout_s=request.deadline_s, params=query, json=body
        ) as response:
            ids = {
                name: response.headers[name] for name in ("history-item-id", "request-id") if name in response.headers
            }
            remote_id = next(iter(ids.values()), None) or response.headers.get("song-id") or f"unnamed-{uuid4().hex}"
            about = About(self.name, about.doing, request.card_id, remote_id)
            output = await _answer(response, scratch, about)
            charged = number(response.headers.get("character-cost"))
        found = {name.replace("-", "_"): value for name, value in ids.items()} if self.can_find(request) else {}
        data = {**self.job_data(request), **found, "created": datetime.now(UTC).isoformat()}
        job = Job(provider=self.name, remote_id=remote_id, card_id=request.card_id, data=data)
        usage = Usage(units={} if charged is None else {"credits": charged})
        return Submission(job, Snapshot(JobStatus.SUCCEEDED, (output,), usage=usage), reattachable=bool(found))

    def can_find(self, request: Request) -> bool:
        """Return whether the history will show it: speech, unless logging was switched off."""
        return _path(request).startswith("/v1/text-to-speech/") and request.payload.get("enable_logging") is not False

    async def check(self, job: Job, scratch: Path) -> Snapshot:
        """Look for a finished request in the history. Free."""
        about = self.about("look again at", job)
        item_id = job.data.get("history_item_id")
        if item_id is None and job.data.get("request_id"):
            created = datetime.fromisoformat(job.data["created"]) - timedelta(minutes=5)
            listed = await self._history(about, created)
            item_id = next((at(item, "history_item_id") for item in listed if _made_by(item, job)), None)
            if item_id is None:
                return Snapshot(JobStatus.RUNNING, native_status="not in the history yet")
        if item_id is None:
            text = f"{about}: ElevenLabs keeps no record of it, so its result cannot be fetched again."
            return Snapshot(JobStatus.FAILED, error=JobFailedError(text, billed=True, **about.fields()))
        where = self.url(f"{HISTORY}/{quote(str(item_id), safe='')}")
        reply = await self.call("GET", where, about, tolerate=(404,))
        if reply.status == 404:
            text = f"{about}: its item in the history was deleted."
            error = JobFailedError(text, status_code=404, billed=True, **about.fields())
            return Snapshot(JobStatus.FAILED, error=error, native_status="deleted")
        item = self.document(reply, about)
        output = Output(
            url=f"{where}/audio", media_type=_text(item.get("content_type")), words=_words(at(item, "alignments"))
        )
        return Snapshot(
            JobStatus.SUCCEEDED, (output,), usage=_history_usage(item), native_status=str(item.get("state"))
        )

    async def cancel(self, job: Job) -> CancelOutcome:
        """Say that this is not possible."""
        return CancelOutcome.UNSUPPORTED

    async def recent(self, card_id: str, since: datetime) -> list[RecentJob]:
        """List the speech made since a moment, by every model (`match` compares it), newest first. Free."""
        found: list[RecentJob] = []
        for item in await self._history(About(self.name, "list the history for", card_id), since):
            item_id, made = _text(item.get("history_item_id")), number(item.get("date_unix"))
            if item_id is None or made is None:
                continue
            data = {"history_item_id": item_id, "settings": item.get("settings")}
            job = Job(provider=self.name, remote_id=item_id, card_id=card_id, data=data)
            payload = {name: item[name] for name in RECORDED if item.get(name) is not None}
            found.append(
                RecentJob(job, datetime.fromtimestamp(int(made), UTC), payload, str(item.get("model_id") or ""))
            )
        return sorted(found, key=lambda job: job.created, reverse=True)

    def match(self, request: Request, found: RecentJob) -> Job | None:
        """Return the job to follow when text, voice, model and the recorded voice settings are this request's."""
        job = super().match(request, found)
        wanted, recorded = request.payload.get("voice_settings"), found.job.data.get("settings")
        if job is None or not isinstance(wanted, dict) or not isinstance(recorded, dict):
            return job
        both = set(cast("dict[str, Any]", wanted)) & set(cast("dict[str, Any]", recorded))
        return job if all(wanted[name] == recorded[name] for name in both) else None

    async def _history(self, about: About, since: datetime) -> list[dict[str, Any]]:
        params = {"page_size": str(PAGE_ITEMS), "source": "TTS", "date_after_unix": str(int(since.timestamp()))}
        items: list[dict[str, Any]] = []
        for _ in range(MAX_PAGES):
            reply = await self.call("GET", self.url(HISTORY), about, params=params)
            page = self.document(reply, about)
            listed = page.get("history")
            items += [item for item in cast("list[Any]", listed or []) if isinstance(item, dict)]
            last = _text(page.get("last_history_item_id"))
            if page.get("has_more") is not True or not last:
                break
            params = {**params, "start_after_history_item_id": last}
        return [item for item in items if (number(item.get("date_unix")) or 0) >= int(since.timestamp())]

    def key_goes_to(self, url: httpx.URL) -> bool:
        """The audio of the history needs the key."""
        return f"{HISTORY}/" in url.path


def _path(request: Request) -> str:
    return "/" + str(request.extra.get("path") or PATHS.get(request.capability) or PATHS["speech"]).strip("/")


def _parts(request: Request) -> tuple[str, dict[str, str], dict[str, Any]]:
    """Split the payload into path, query and body."""
    body = {name: value for name, value in request.payload.items() if value is not None}
    path = _path(request)
    for name in re.findall(r"\{(\w+)\}", path):
        if name not in body:
            raise ParameterError(f"Cannot send {request.card_id}: its path {path!r} needs the parameter {name!r}.")
        path = path.replace(f"{{{name}}}", quote(str(body.pop(name)), safe=""))
    names = request.extra.get("query") or QUERY
    query = {name: _query_value(body.pop(name)) for name in names if name in body}
    body.setdefault("model_id", request.endpoint)
    return path, query, body


def _query_value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


async def _answer(response: httpx.Response, scratch: Path, about: About) -> Output:
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        return Output(path=await save_bytes(response, scratch, about), media_type=media_type or None)
    answer, paths = await save_json(response, "audio_base64", scratch, about)
    if not paths:
        text = f"{about}: the answer holds no sound; it has {', '.join(sorted(answer)) or 'nothing'}."
        raise JobFailedError(text, billed=True, **about.fields())
    return Output(path=paths[0], words=_words(answer))


def _words(timed: Any) -> tuple[Word, ...]:
    """Return the words of `alignment` (the text as given), else of `normalized_alignment` (as spoken)."""
    for name in ("alignment", "normalized_alignment"):
        columns = [
            at(timed, f"{name}.{column}")
            for column in ("characters", "character_start_times_seconds", "character_end_times_seconds")
        ]
        if all(isinstance(column, list) for column in columns):
            return spoken(*columns)
    return ()


def _history_usage(item: Mapping[str, Any]) -> Usage:
    before, after = number(item.get("character_count_change_from")), number(item.get("character_count_change_to"))
    return Usage(units={} if before is None or after is None else {"credits": after - before})


def _made_by(item: Mapping[str, Any], job: Job) -> bool:
    return item.get("request_id") == job.data.get("request_id")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _invalid_field(item: Any) -> str:
    place, text = at(item, "loc"), at(item, "msg")
    where = ".".join(str(part) for part in cast("list[Any]", place)) if isinstance(place, list) else "?"
    return f"{where}: {text}"
