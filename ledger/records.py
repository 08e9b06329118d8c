"""Values that go into the ledger and come out of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, TypeAdapter

from ..adapters.base import Job
from .money import from_nano

__all__ = [
    "NO_LABELS",
    "NO_TIMING",
    "Attempt",
    "Busy",
    "Call",
    "CallSpec",
    "CallState",
    "Claim",
    "Claimed",
    "Done",
    "Labels",
    "Timing",
    "attempt_of",
    "call_of",
    "clean",
    "media_in",
    "to_json",
]


class CallState(StrEnum):
    """How far a call, or one attempt at it, has come."""

    NEW = "new"
    """Claimed, nothing intended yet. Only of calls."""
    INTENT = "intent"
    """About to be sent, or being sent."""
    SUBMITTED = "submitted"
    """Accepted by the provider; its remote id is known."""
    RUNNING = "running"
    """Seen at work."""
    DONE = "done"
    """Its outputs are in the store."""
    FAILED = "failed"
    REFUSED = "refused"
    """By the provider, for its content or as invalid."""
    CANCELED = "canceled"
    UNKNOWN = "unknown"
    """Sent, and whether it was accepted is not known."""
    HELD = "held"
    """Unknown and too dear to send again unasked; waits for `calls resolve`."""
    ABANDONED = "abandoned"
    """Given up without knowing how it went; a later attempt may be a duplicate."""

    @property
    def open(self) -> bool:
        """Whether a paid request may be under way, so that another one must not be sent."""
        return self in OPEN


OPEN = frozenset({CallState.INTENT, CallState.SUBMITTED, CallState.RUNNING, CallState.UNKNOWN, CallState.HELD})


@dataclass(frozen=True, slots=True)
class Labels:
    """Where a call was asked for; for listings and sums, not for identity."""

    flow: str = ""
    flow_run: str = ""
    batch: str = ""
    row: str = ""


NO_LABELS = Labels()


@dataclass(frozen=True, slots=True)
class CallSpec:
    """What a call is.

    Attributes:
        key: The call key, 64 hex digits.
        parameters: Resolved, every default explicit.
        inputs: Digests of input media.
    """

    key: str
    card_id: str
    capability: str
    provider: str
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    inputs: tuple[str, ...] = ()
    take: int = 0


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a call took.

    Attributes:
        fetched_at: When its outputs were in the store, seconds since the epoch; default when it is recorded as done.
        queue_s, run_s: How long it waited and ran at the provider.
    """

    fetched_at: float | None = None
    queue_s: float | None = None
    run_s: float | None = None


NO_TIMING = Timing()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt at a call: at most one paid request.

    Attributes:
        billed: Whether the provider charges for it; None is not known.
        cost: In USD; None is unknown.
        reserved: What budgets hold, or held, for it.
        intent_at, submitted_at, first_poll_at, fetched_at, ended_at: Seconds since the epoch.
    """

    call_key: str
    number: int
    state: CallState
    job: Job | None
    estimate: Decimal | None
    reserved: Decimal | None
    cost: Decimal | None
    billed: bool | None
    possible_duplicate: bool
    error_class: str | None
    error: str | None
    usage: Mapping[str, Any] | None
    labels: Labels
    intent_at: float
    submitted_at: float | None
    first_poll_at: float | None
    fetched_at: float | None
    ended_at: float | None
    queue_s: float | None
    run_s: float | None


@dataclass(frozen=True, slots=True)
class Call:
    """A call as the ledger knows it.

    Attributes:
        attempt: Number of its latest attempt, 0 before the first.
        result_attempt: Number of the attempt that made `outputs`.
        outputs: Media values and texts, as JSON values; None until it is done.
        cost: Of the attempt that made the outputs, in USD; None is unknown.
        owner: Who works on it; None when nobody does.
        lease_until: When that claim ends unless it is renewed.
    """

    key: str
    card_id: str
    capability: str
    provider: str
    parameters: Mapping[str, Any]
    inputs: tuple[str, ...]
    take: int
    state: CallState
    attempt: int
    result_attempt: int | None
    outputs: list[Any] | None
    cost: Decimal | None
    owner: str | None
    lease_until: float | None
    labels: Labels
    created_at: float
    updated_at: float


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on a call. `token` fences it: after a takeover it is worth nothing."""

    key: str
    token: str
    owner: str
    lease_s: float
    labels: Labels = NO_LABELS


@dataclass(frozen=True, slots=True)
class Claimed:
    """The call is yours.

    Attributes:
        last: The latest attempt, when there was one. Open with a `job`: re-attach. `UNKNOWN`: its sender died between
            sending and the answer; look it up. `HELD`: ask the user.
    """

    claim: Claim
    call: Call
    last: Attempt | None


@dataclass(frozen=True, slots=True)
class Busy:
    """Somebody else works on the call."""

    key: str
    owner: str
    until: float


@dataclass(frozen=True, slots=True)
class Done:
    """The call is finished already."""

    call: Call


_ANY: TypeAdapter[Any] = TypeAdapter(Any)


def to_json(value: Any) -> str:
    """Return any value made of plain values, pydantic models, dataclasses, Decimals and paths as JSON text."""
    return json.dumps(_ANY.dump_python(value, mode="json"), separators=(",", ":"))


def clean(text: str) -> str:
    """Return text that every database takes: no NUL, no half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def media_in(value: Any) -> Iterator[tuple[str, str]]:
    """Yield (digest, media type) of every media value inside a JSON value or a structure of models."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    if isinstance(value, Mapping):
        digest, media_type = value.get("digest"), value.get("media_type")  # type: ignore[union-attr]
        if isinstance(digest, str) and isinstance(media_type, str):
            yield digest, media_type
            return
        value = list(value.values())  # type: ignore[union-attr]
    if isinstance(value, list | tuple):
        for item in value:  # type: ignore[union-attr]
            yield from media_in(item)


def call_of(row: Any) -> Call:
    """Return the value for a row of the table of calls."""
    return Call(
        key=row.key,
        card_id=row.card_id,
        capability=row.capability,
        provider=row.provider,
        parameters=json.loads(row.parameters),
        inputs=tuple(json.loads(row.inputs)),
        take=row.take,
        state=CallState(row.state),
        attempt=row.attempt,
        result_attempt=row.result_attempt,
        outputs=None if row.outputs is None else json.loads(row.outputs),
        cost=None if row.cost is None else from_nano(row.cost),
        owner=row.owner,
        lease_until=row.lease_until,
        labels=Labels(row.flow, row.flow_run, row.batch, row.row),
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def _usd(amount: int | None) -> Decimal | None:
    return None if amount is None else from_nano(amount)


def _loaded(text: str | None) -> Mapping[str, Any] | None:
    return None if text is None else json.loads(text)


def attempt_of(row: Any) -> Attempt:
    """Return the value for a row of the table of attempts."""
    return Attempt(
        call_key=row.call_key,
        number=row.number,
        state=CallState(row.state),
        job=None if row.job is None else Job.model_validate_json(row.job),
        estimate=_usd(row.estimate),
        reserved=_usd(row.reserved),
        cost=_usd(row.cost),
        billed=row.billed,
        possible_duplicate=row.possible_duplicate,
        error_class=row.error_class,
        error=row.error,
        usage=_loaded(row.usage),
        labels=Labels(row.flow, row.flow_run, row.batch, row.row),
        intent_at=row.intent_at,
        submitted_at=row.submitted_at,
        first_poll_at=row.first_poll_at,
        fetched_at=row.fetched_at,
        ended_at=row.ended_at,
        queue_s=row.queue_s,
        run_s=row.run_s,
    )
