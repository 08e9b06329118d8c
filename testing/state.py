"""Everything the simulator knows: jobs, uploads, faults, the bill, what happened."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..media.measure import Measured, measure
from .bill import Bill, Entry
from .faults import Faults, Rule, read_faults
from .inbox import Inbox, Uploaded, inlined
from .jobs import Job, Phase
from .latency import Latency
from .limits import Limits
from .models import Catalogue, Model
from .options import Options
from .pricing import Charge
from .product import Product
from .reply import Abort

__all__ = ["Call", "Simulation"]

EVENTS_KEPT = 100_000
CENT_PARTS = Decimal("0.00000001")
SHORTEST_KEY = 8  # a shorter one is found in ordinary words
OUTPUT_PATH = re.compile(r"/([0-9a-z-]{20,40})/(\d+)/[^/]*$")


@dataclass(frozen=True)
class Call:
    """A submission that was read and not yet accepted.

    Attributes:
        payload: As sent, the client's key removed should it be in there.
        media: Shapes of its input media, in order.
        era: How often the simulation had been reset when it was read.
    """

    provider: str
    endpoint: str
    payload: Mapping[str, Any]
    payload_hash: str
    model: Model
    media: tuple[Measured, ...] = ()
    era: int = 0


class Simulation:
    """State of one simulator. Changed from its event loop only, except for `faults` and `reset`."""

    def __init__(self, folder: Path, options: Options) -> None:
        """Begin with nothing accepted.

        Args:
            folder: Where uploads are kept.
            options: How the simulator behaves.

        Raises:
            ConfigurationError: The faults, the latency or the limits are not valid.
        """
        given = read_faults(options.faults)
        self.folder = folder
        self.catalogue = Catalogue.standard(given.get("model", ()))
        self.faults = Faults(given.get("fault", ()), seed=int(given.get("seed", 0)))
        self.latency = Latency.parse(given.get("latency") if options.latency is None else options.latency)
        self.limits = Limits.parse(given.get("limit", {}))
        self.keys = dict(options.keys or {})
        self.expiry_s = options.expiry_s
        self.allow_hooks = options.allow_hooks
        self._log = Path(options.log).open("a", encoding="utf-8") if options.log else None  # noqa: SIM115 - see close()
        self.jobs: dict[str, Job] = {}
        self.inbox = Inbox(folder)
        self.events: deque[dict[str, Any]] = deque(maxlen=EVENTS_KEPT)
        self.counts: Counter[str] = Counter()
        self._ended: set[str] = set()
        self._era = 0
        self._lock = threading.RLock()

    def event(self, kind: str, **facts: Any) -> None:
        """Record that something happened."""
        record = {"time": round(time.time(), 6), "event": kind, **facts}
        self.counts[kind] += 1
        self.events.append(record)
        self._write(record)

    def _write(self, record: Mapping[str, Any]) -> None:
        if self._log:
            self._log.write(json.dumps(record, separators=(",", ":")) + "\n")
            self._log.flush()

    def reset(self) -> None:
        """Forget jobs, uploads, faults, bill and events."""
        with self._lock:
            self._era += 1
            self.jobs.clear()
            self.inbox.clear()
            self.events.clear()
            self.counts.clear()
            self._ended.clear()
            self.faults.clear()

    def close(self) -> None:
        """Close the log."""
        if self._log:
            self._log.close()
            self._log = None

    def keep(self, data: bytes, name: str, content_type: str, provider: str) -> Uploaded:
        """Keep an uploaded file."""
        upload = self.inbox.keep(b"", name, content_type, provider)
        self.fill(upload, data)
        return upload

    def fill(self, upload: Uploaded, data: bytes) -> None:
        """Give an uploaded file its content."""
        self.inbox.fill(upload, data)
        self.event("upload", provider=upload.provider, file=upload.id, bytes=upload.size, sha256=upload.digest)

    def media_of(self, value: str) -> bytes | None:
        """Return the bytes behind a data URI or one of the simulator's own URLs; None for anything else."""
        if value.startswith("data:"):
            return inlined(value)
        if not value.startswith("http"):
            return None
        output = OUTPUT_PATH.search(urlsplit(value).path)
        job = self.jobs.get(output[1]) if output else None
        return self.render(job, int(output[2])) if job and output else self.inbox.behind(value)

    def read_call(
        self,
        provider: str,
        endpoint: str,
        payload: Mapping[str, Any],
        key: str,
        *,
        operation: str = "",
        files: Sequence[bytes] = (),
    ) -> Call:
        """Make a `Call` of what was submitted.

        Args:
            provider: Name of the provider.
            endpoint: What it calls the model.
            payload: JSON parameters, media as URLs or data URIs.
            key: The client's key; it is kept out of everything recorded.
            operation: Which of a model's operations, where a provider has several.
            files: Media that came as parts of a form.
        """
        text = json.dumps(payload, sort_keys=True)
        if len(key) >= SHORTEST_KEY and key in text:
            self.event("leak", provider=provider, where="payload")
            payload = json.loads(text.replace(json.dumps(key)[1:-1], "[key]"))
            endpoint = endpoint.replace(key, "[key]")
        media: list[Measured] = []
        content = [self._plain(payload, media), self._plain(list(files), media)]
        plain = json.dumps(content, sort_keys=True, separators=(",", ":"))
        digest = hashlib.sha256(f"{provider}|{endpoint}|{operation}|{plain}".encode()).hexdigest()
        return Call(
            provider, endpoint, payload, digest, self.catalogue.find(provider, endpoint), tuple(media), self._era
        )

    def _plain(self, value: Any, media: list[Measured]) -> Any:
        """Replace media by the digest of their content, and collect their shapes."""
        if isinstance(value, Mapping):
            return {name: self._plain(item, media) for name, item in value.items()}
        if isinstance(value, list):
            return [self._plain(item, media) for item in value]
        data = value if isinstance(value, bytes) else self.media_of(value) if isinstance(value, str) else None
        if data is None:
            return value
        shape = measure(data)
        if shape:
            media.append(shape)
        return "sha256:" + hashlib.sha256(data).hexdigest()

    def check_era(self, call: Call) -> None:
        """Refuse a submission from before a reset: its client is gone.

        Raises:
            Abort: The simulation was reset since the submission was read.
        """
        if call.era != self._era:
            raise Abort

    def accept(self, call: Call, job_id: str, product: Product, rules: list[Rule], charge: Charge | None = None) -> Job:
        """Accept a submission: from here on it is on the bill.

        Args:
            call: The submission.
            job_id: The provider's id for it.
            product: What it buys.
            rules: Faults that the job carries.
            charge: Its price, when the model's own rule does not say.

        Raises:
            Abort: The simulation was reset since the submission was read.
        """
        self.check_era(call)
        job = Job(job_id, call.provider, call.endpoint, call.payload, call.payload_hash, product)
        job.queue_s, job.run_s = (self.latency.queue, self._run_s(call))
        charge = charge or call.model.charge(call.payload, product, call.model.run_s)
        if charge:
            job.charge_usd, job.units = (charge.usd.quantize(CENT_PARTS).normalize(), charge.units)
        job.extra["machine_s"] = call.model.run_s
        for rule in rules:
            _spoil(job, rule)
        self.jobs[job.id] = job
        self.limits.count(job)
        facts = {"usd": None if job.charge_usd is None else str(job.charge_usd)}
        self.event(
            "accepted",
            provider=job.provider,
            endpoint=job.endpoint,
            job=job.id,
            payload_hash=job.payload_hash,
            faults=sorted(job.faults),
            **facts,
        )
        return job

    def _run_s(self, call: Call) -> float:
        return self.latency.run_s(call.model.run_s, int(call.payload_hash[:8], 16) / 2**32)

    def render(self, job: Job, index: int) -> bytes:
        """Return one output of a job as it would be without faults of delivery."""
        token = hashlib.sha256(f"{job.payload_hash}|{index}".encode()).hexdigest()[:32]
        data = job.product.render(token)
        job.digests[index] = hashlib.sha256(data).hexdigest()
        return data

    def note_end(self, job: Job) -> None:
        """Record the end of a job, once."""
        phase = job.phase()
        if phase.ended and job.id not in self._ended:
            self._ended.add(job.id)
            self.event("ended", job=job.id, provider=job.provider, outcome=phase.value, billed=job.billed())

    def bill(self) -> Bill:
        """Return the bill as it stands."""
        with self._lock:
            jobs = list(self.jobs.values())
        for job in jobs:
            self.note_end(job)
        return Bill(
            Entry(
                time=job.created,
                provider=job.provider,
                endpoint=job.endpoint,
                job=job.id,
                payload_hash=job.payload_hash,
                usd=job.charge_usd,
                outcome=job.phase().value,
                billed=job.billed(),
                digests=tuple(job.digests[index] for index in sorted(job.digests)),
            )
            for job in jobs
        )


def _spoil(job: Job, rule: Rule) -> None:
    """Let a fault that was drawn for a job take effect."""
    job.faults[rule.kind] = rule
    if rule.kind in ("black", "silent", "frozen", "wrong-size", "wrong-type"):
        job.product = job.product.spoiled(rule.kind)
    elif rule.kind == "endless-queue":
        job.queue_s = float("inf")
    elif rule.kind == "slow-job":
        job.run_s += rule.seconds
    elif rule.kind in ("refusal", "job-failed"):
        job.fate, job.error, job.refused = (Phase.FAILED, rule.error, rule.kind == "refusal")
    elif rule.kind == "canceled":
        job.fate = Phase.CANCELED
    elif rule.kind == "aborted":
        job.fate, job.run_s = Phase.ABORTED, 0.0
