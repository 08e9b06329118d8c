"""The bill of the simulated account, and what a test asks of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

__all__ = ["Bill", "Entry"]


@dataclass(frozen=True)
class Entry:
    """One accepted submission.

    Attributes:
        time: Seconds since the epoch.
        payload_hash: Equal for equal requests to one endpoint.
        usd: What it costs when billed; None when the simulator knows no price.
        outcome: `queued`, `running`, `succeeded`, `failed`, `canceled` or `aborted`.
        billed: None while the job has not ended.
        digests: SHA-256 of the outputs made so far.
    """

    time: float
    provider: str
    endpoint: str
    job: str
    payload_hash: str
    usd: Decimal | None
    outcome: str
    billed: bool | None
    digests: tuple[str, ...] = ()

    @staticmethod
    def read(data: Mapping[str, Any]) -> Entry:
        """Read what `to_json` wrote."""
        usd = None if data["usd"] is None else Decimal(data["usd"])
        fields: dict[str, Any] = {**data, "usd": usd, "digests": tuple(data["digests"])}
        return Entry(**fields)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {**self.__dict__, "usd": None if self.usd is None else str(self.usd), "digests": list(self.digests)}

    @property
    def model(self) -> str:
        """`provider:endpoint`."""
        return f"{self.provider}:{self.endpoint}"


class Bill:
    """A snapshot of all accepted submissions, in order.

    Attributes:
        entries: One for each accepted submission, billed or not.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = tuple(entries)

    def __repr__(self) -> str:
        return f"<Bill {self.calls} calls, {self.usd} USD, {self.duplicates} duplicates>"

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def calls(self) -> int:
        """Accepted submissions."""
        return len(self.entries)

    @property
    def usd(self) -> Decimal:
        """USD charged for jobs that ended, and owed for those that still run; jobs without a known price count 0."""
        return sum((entry.usd for entry in self.entries if entry.usd and entry.billed is not False), Decimal(0))

    @property
    def unpriced(self) -> int:
        """Submissions for which the simulator knows no price."""
        return sum(entry.usd is None for entry in self.entries)

    @property
    def duplicates(self) -> int:
        """Accepted submissions beyond the first of each distinct request."""
        return sum(count - 1 for count in self._hashes().values())

    @property
    def repeated(self) -> dict[str, int]:
        """Number of acceptances by payload hash, for requests accepted more than once."""
        return {key: count for key, count in self._hashes().items() if count > 1}

    def _hashes(self) -> Counter[str]:
        return Counter(entry.payload_hash for entry in self.entries)

    def of(self, *, provider: str | None = None, model: str | None = None) -> Bill:
        """Return the part of the bill that concerns one provider, or one model (`provider:endpoint`)."""
        return Bill(
            entry
            for entry in self.entries
            if (provider is None or entry.provider == provider) and (model is None or entry.model == model)
        )

    @property
    def by_provider(self) -> dict[str, Bill]:
        """The bill of each provider that was called."""
        return {name: self.of(provider=name) for name in sorted({entry.provider for entry in self.entries})}

    @property
    def by_model(self) -> dict[str, Bill]:
        """The bill of each model that was called, by `provider:endpoint`."""
        return {name: self.of(model=name) for name in sorted({entry.model for entry in self.entries})}

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values, entries included."""
        return {
            "calls": self.calls,
            "usd": str(self.usd),
            "unpriced": self.unpriced,
            "duplicates": self.duplicates,
            "by_model": {name: {"calls": bill.calls, "usd": str(bill.usd)} for name, bill in self.by_model.items()},
            "entries": [entry.to_json() for entry in self.entries],
        }

    @staticmethod
    def read(data: Mapping[str, Any]) -> Bill:
        """Read what `to_json` wrote."""
        return Bill(Entry.read(entry) for entry in data["entries"])
