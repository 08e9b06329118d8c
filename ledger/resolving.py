"""Settling by hand what the ledger cannot know: `prefect-media calls resolve KEY --as ...`."""

from __future__ import annotations

from decimal import Decimal

from ..adapters.base import Job
from ..errors import CallOrderError, ConfigurationError, LedgerError, ParameterError
from .calls import Calls
from .database import Database
from .journal import Journal
from .records import Busy, Call, CallSpec, Claimed

__all__ = ["RESOLUTIONS", "resolve"]

RESOLUTIONS = ("not-submitted", "submitted:<remote id>", "failed", "lost")
LEASE_S = 60.0
IN_TWO = "not-submitted: nothing was accepted; submitted:<remote id>: follow that job; failed: accepted, but it failed; lost: accepted, but its result is gone"


def resolve(
    database: Database, calls: Calls, journal: Journal, key: str, as_: str, *, cost: Decimal | None = None
) -> Call:
    """Settle the open attempt of a call that nobody works on.

    Args:
        database, calls, journal: Of the ledger.
        key: The call key, or an unambiguous beginning of it.
        as_: `not-submitted` (free; it will be sent again when asked for), `submitted:<remote id>` (it will be followed),
            `failed` or `lost` (billed, as far as is known; it will be sent again when asked for).
        cost: What it cost in USD, when the user knows.

    Raises:
        ConfigurationError: No such call, an ambiguous key, or a call without an open attempt.
        ParameterError: `as_` is none of these.
        LedgerError: The call is being worked on.
    """
    word, _, remote_id = as_.partition(":")
    if word not in ("not-submitted", "submitted", "failed", "lost") or (word == "submitted") != bool(remote_id.strip()):
        raise ParameterError(f"A call cannot be resolved as {as_!r}. Allowed: {', '.join(RESOLUTIONS)} ({IN_TWO}).")
    full = _whole_key(calls, key)
    with database.write():
        found = calls.find(full)
        if found is None or not found.state.open:
            raise ConfigurationError(
                f"Call {full[:12]} is {found.state if found else 'gone'}; there is nothing to resolve. "
                "`prefect-media calls --state held` lists the calls that wait."
            )
        spec = CallSpec(full, found.card_id, found.capability, found.provider)
        outcome = calls.claim(spec, labels=found.labels, lease_s=LEASE_S)
        if isinstance(outcome, Busy):
            raise LedgerError(
                f"Call {full[:12]} is being worked on by {outcome.owner}. Stop that run first, or wait for it."
            )
        if not isinstance(outcome, Claimed) or outcome.last is None:
            raise CallOrderError(f"Call {full[:12]} changed meanwhile. Look at it again.")
        claim, attempt = outcome.claim, outcome.last
        match word:
            case "submitted":
                job = Job(provider=found.provider, remote_id=remote_id.strip(), card_id=found.card_id)
                journal.submitted(attempt, job)
            case "not-submitted":
                journal.failed(claim, attempt, LedgerError("Resolved by hand: it was never accepted."), billed=False)
            case _:
                error = LedgerError(f"Resolved by hand as {word}.")
                journal.failed(claim, attempt, error, billed=None if cost is None else cost > 0, cost=cost)
        calls.release(claim)
        settled = calls.find(full)
        if settled is None:
            raise CallOrderError(f"Call {full[:12]} disappeared.")
        return settled


def _whole_key(calls: Calls, key: str) -> str:
    found = calls.keys_like(key) if key else []
    if len(found) == 1:
        return found[0]
    if not found:
        raise ConfigurationError(f"The ledger has no call {key!r}. `prefect-media calls` lists them.")
    raise ConfigurationError(
        f"{key!r} is the beginning of {len(found)} calls or more: {', '.join(k[:16] for k in found)}. Give more of it."
    )
