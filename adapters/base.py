"""The protocol that every provider adapter satisfies, and the values that cross it.

An adapter speaks one provider's HTTP protocol and nothing else: no retries beyond what is provably free, no journal, no
budgets, no Prefect. The caller (see `tasks/`) decides when to submit, journals around it, follows the job and stores
the result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict

from ..errors import ProviderError
from ..media.types import AnyMedia, Word

__all__ = [
    "Adapter",
    "CancelFacts",
    "CancelOutcome",
    "Job",
    "JobStatus",
    "MatchUnclear",
    "Output",
    "RecentJob",
    "Request",
    "Snapshot",
    "Submission",
    "Upload",
    "Usage",
]


class JobStatus(StrEnum):
    """Unified status of a remote job."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def ended(self) -> bool:
        """Whether the job will not change any more."""
        return self in (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELED)


@dataclass(frozen=True)
class Request:
    """One fully resolved request.

    Attributes:
        card_id: For example `fal:fal-ai/flux/dev`.
        endpoint: What the provider calls the model (`fal-ai/flux/dev`).
        payload: The provider's own parameters, every default explicit, media left out.
        media: Input media by the provider's field name; the adapter delivers them (data URI, upload, multipart).
            A field whose value is a list takes several.
        capability: For example `text-to-image`.
        output_kind: `image`, `video`, `audio` or `text`.
        deadline_s: Longest the job may take, from the card.
        extra: Facts from the card that only this provider's adapter reads (`output_field`, `query`, `path`, ...).
        uploads: URLs of media that were uploaded before and have not expired, by digest.
    """

    card_id: str
    endpoint: str
    payload: Mapping[str, Any]
    media: Mapping[str, AnyMedia | list[AnyMedia]] = field(default_factory=dict)
    capability: str = ""
    output_kind: str = "image"
    deadline_s: float = 600.0
    extra: Mapping[str, Any] = field(default_factory=dict)
    uploads: Mapping[str, str] = field(default_factory=dict)


class Job(BaseModel):
    """What the journal keeps of a submitted job: enough for another process to follow, cancel and fetch it."""

    model_config = ConfigDict(frozen=True)

    provider: str
    remote_id: str
    card_id: str
    data: dict[str, Any] = {}
    """Provider's own handles (status, result and cancel URLs). Never a credential."""


@dataclass(frozen=True)
class Output:
    """One output of a job: a URL to fetch, or a local file that the answer's bytes were streamed to.

    Attributes:
        url: Where to fetch it (https, or `data:`); None when `path` is set.
        path: File inside the scratch folder that was given to `submit` or `check`.
        media_type: What the provider says it is; the content decides.
        expires_s: Seconds from now until the URL is gone, when known.
        words: Word timings, for speech.
        text: The output itself, for transcripts and other text.
        notes: What a user should know of how it was made; it becomes part of the media's origin.
    """

    url: str | None = None
    path: Path | None = None
    media_type: str | None = None
    expires_s: float | None = None
    words: tuple[Word, ...] = ()
    text: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Usage:
    """What the provider reports of consumption. Every field may be missing; nothing is guessed.

    Attributes:
        cost_usd: Cost stated by the provider.
        units: Quantity by unit: `gpu_seconds`, `billable_units`, `characters`, `credits`, `images`,
            `text_input_tokens`, `image_input_tokens`, `image_output_tokens`, `audio_output_tokens`, ...
    """

    cost_usd: Decimal | None = None
    units: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshot:
    """What the provider says of a job at one moment.

    Attributes:
        status: Unified status. An unknown native status is `RUNNING`.
        outputs: Present when it succeeded.
        error: Present when it failed or was canceled.
        usage: What the provider reported, when it did.
        progress: 0 to 1, when known.
        queue_position: Jobs ahead, when known.
        poll_after_s: Seconds the provider asked to wait before the next look.
        native_status: The provider's own word.
    """

    status: JobStatus
    outputs: tuple[Output, ...] = ()
    error: ProviderError | None = None
    usage: Usage = Usage()
    progress: float | None = None
    queue_position: int | None = None
    poll_after_s: float | None = None
    native_status: str = ""


@dataclass(frozen=True)
class Submission:
    """Answer to an accepted request.

    Attributes:
        job: Handle to journal before anything else. Synchronous providers give their request id.
        snapshot: Status in the answer. Synchronous providers: ended, outputs already in scratch files.
        reattachable: Whether another process can follow the job by `job` alone.
    """

    job: Job
    snapshot: Snapshot
    reattachable: bool = True


class CancelOutcome(StrEnum):
    """What came of a request to cancel."""

    CANCELED = "canceled"
    """The provider confirmed; the job will not run or has stopped."""
    REQUESTED = "requested"
    """The provider took note; the job may still finish."""
    TOO_LATE = "too late"
    """The job had already ended."""
    UNSUPPORTED = "unsupported"
    """The provider cannot cancel; the job runs to its end and is billed."""


@dataclass(frozen=True)
class CancelFacts:
    """What a cancel does at one provider, by the moment it arrives. `docs/cancellation.md` shows them side by side.

    Attributes:
        queued: Outcome for a job that has not started.
        running: Outcome for a job that is running.
        queued_billed: Whether a job canceled before its start is charged; None when the provider does not say.
        running_billed: Whether a job canceled while running is charged; None when the provider does not say.
        note: What a user should know besides.
        source: Where the facts are from, with a date.
    """

    queued: CancelOutcome
    running: CancelOutcome
    queued_billed: bool | None
    running_billed: bool | None
    note: str
    source: str


@dataclass(frozen=True)
class RecentJob:
    """A job found by look-up, to be matched with a request whose answer was lost."""

    job: Job
    created: datetime
    payload: Mapping[str, Any] | None
    """The input as the provider recorded it; None when it does not say."""
    endpoint: str = ""


class MatchUnclear(Exception):  # noqa: N818 - an answer, not a failure
    """A listed job has a request's parameters, but whether it has its media cannot be told."""


@dataclass(frozen=True)
class Upload:
    """Input media that the provider now holds."""

    url: str
    expires: datetime | None = None


@runtime_checkable
class Adapter(Protocol):
    """One provider. Instances hold one httpx client and belong to one event loop; use `aclose` at the end."""

    name: str
    """Name of the provider, the part of a card id before the colon."""
    can_look_up: bool
    """Whether `recent` can find a job whose submission was not answered."""
    cancellation: CancelFacts
    """What `cancel` does."""

    def can_find(self, request: Request) -> bool:
        """Return whether `recent` would list a job of this very request; never true when `can_look_up` is false.

        ElevenLabs, for one, lists past speech, but neither music nor sound effects.
        """
        ...

    def match(self, request: Request, found: RecentJob) -> Job | None:
        """Return the job to follow when a job found by look-up has the parameters and media of a request, else None.

        Two equal requests match the same jobs: leave out those that the journal already knows.

        Raises:
            MatchUnclear: Everything fits, but the provider recorded the media by an address that says nothing of it.
        """
        ...

    async def upload(self, media: AnyMedia) -> Upload | None:
        """Hand over input media ahead of a request; None when this provider needs or offers no upload for it."""
        ...

    async def submit(self, request: Request, scratch: Path) -> Submission:
        """Send the request, once. Billed by the provider when it is accepted.

        Raises:
            TransientProviderError: With `accepted=False` when it surely was not accepted (connect error, 429, 503 before
                acceptance); with `accepted=None` when the answer was lost and nobody knows.
            PermanentProviderError: Refused.
        """
        ...

    async def check(self, job: Job, scratch: Path) -> Snapshot:
        """Ask for the status once. Free. Raises only for transport and HTTP errors; a failed job is a snapshot."""
        ...

    async def cancel(self, job: Job) -> CancelOutcome:
        """Ask the provider to cancel."""
        ...

    async def fetch(self, output: Output, target: Path) -> None:
        """Stream one output into `target`.

        Enforces the byte limit, follows redirects only to allowed addresses, and sends no credential to output hosts.

        Raises:
            TransientProviderError: Cut off; may be tried again.
            OutputMismatchError: Expired, too large, or at an address that is not allowed.
        """
        ...

    async def recent(self, card_id: str, since: datetime) -> list[RecentJob]:
        """List jobs created since a moment, newest first, for reconciling; empty when `can_look_up` is false."""
        ...

    async def aclose(self) -> None:
        """Close the client."""
        ...
