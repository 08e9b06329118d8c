"""Misbehaviour on demand: rules that say when which request or job goes wrong, and how.

`docs/testing.md` lists the kinds and the moments. Chance is drawn from the seed, the rule and the request itself, never
from the order of arrival, so that a run with the same requests meets the same faults however its tasks interleave.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import ConfigurationError

__all__ = ["KINDS", "MOMENTS", "Faults", "Occasion", "Rule", "read_faults"]

MOMENTS = {
    "received": "a submission was read, nothing is accepted yet",
    "accepted": "the job exists and will be billed, nothing is answered yet",
    "answered": "the answer to the submission was written out",
    "poll": "the status of a job is asked for",
    "result": "the result of a job is asked for (fal)",
    "cancel": "a cancel request was read",
    "upload": "an upload was read",
    "list": "jobs, history or files are listed",
    "describe": "what is published about a model is asked for",
    "download": "an output is asked for, half of it is still to come",
    "downloaded": "an output was written out",
}
ASKED = ("received", "accepted", "poll", "result", "cancel", "upload", "list", "describe", "download")
EVERY = tuple(MOMENTS)
JOB = ("job",)

# Kind of fault: the moments at which it can strike, its default first. `job` kinds are drawn once, at acceptance.
KINDS: dict[str, tuple[str, ...]] = {
    "latency": EVERY,
    "rate-limit": ASKED,
    "server-error": ASKED,
    "answer": ASKED,
    "auth": ASKED,
    "no-money": ("received",),
    "refusal": ("received",),
    "reset": ASKED,
    "hang": ASKED,
    "malformed": ("accepted", "poll", "result", "cancel", "upload", "list", "describe"),
    "job-failed": JOB,
    "canceled": JOB,
    "aborted": JOB,
    "endless-queue": JOB,
    "slow-job": JOB,
    "unknown-status": JOB,
    "requeue": JOB,
    "ignore-cancel": JOB,
    "no-output": JOB,
    "black": JOB,
    "silent": JOB,
    "frozen": JOB,
    "wrong-size": JOB,
    "wrong-type": JOB,
    "empty": JOB,
    "zip": JOB,
    "playlist": JOB,
    "path-name": JOB,
    "private-url": JOB,
    "file-url": JOB,
    "slow": ("download",),
    "truncated": ("download",),
    "expired": ("download",),
    "redirect-private": ("download",),
    "redirect-file": ("download",),
    "huge": ("download",),
    "endless": ("download",),
    "mark": EVERY,
    "pause": EVERY,
    "kill": EVERY,
}
FILE_KEYS = ("fault", "seed", "model", "latency", "limit")
HOOKS = frozenset({"mark", "pause", "kill"})


class Rule(BaseModel):
    """One fault: what it strikes, when, and its particulars. Patterns are shell patterns.

    Attributes:
        kind: One of `KINDS`.
        provider, endpoint: Patterns of the provider and of what it calls the model.
        contains: Text that the request must contain.
        moment: One of `MOMENTS` that the kind allows; each kind has a default.
        p: Chance, 0 to 1.
        nth: Strike only these matching occasions, counted from 1.
        count: Strike at most so often.
        poll: Strike only this poll of a job, counted from 1.
        seconds: For `latency`, `hang`, `pause`, `slow-job`.
        status: For `server-error`, `expired` and `answer`.
        body, headers: What `answer` sends: JSON values, or text as HTML.
        retry_after_s: For `rate-limit`; without it no such header is sent.
        error: Text of `job-failed`, or its `error_type` at fal.
        fraction: How much of the output `truncated` sends.
        honest: Whether `truncated` announces the length that it sends.
        bytes_per_s: For `slow`.
        pid, pid_file, signal: Whom `kill` signals; SIGKILL by default.
        marker: File that a hook writes; `pause` lasts until it is deleted or `seconds` have passed.
        drop: Whether the connection is cut after `kill`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    provider: str = "*"
    endpoint: str = "*"
    contains: str = ""
    moment: str = ""
    p: float = Field(1.0, ge=0, le=1)
    nth: tuple[int, ...] | int | None = None
    count: int | None = Field(None, ge=0)
    poll: int | None = Field(None, ge=1)
    seconds: float = Field(1.0, ge=0)
    status: int = 0
    body: Any = None
    headers: dict[str, str] = {}
    retry_after_s: float | None = None
    error: str = ""
    fraction: float = Field(0.5, ge=0, lt=1)
    honest: bool = False
    bytes_per_s: int = Field(20_000, gt=0)
    pid: int | None = None
    pid_file: Path | None = None
    signal: str = "SIGKILL"
    marker: Path | None = None
    drop: bool = True

    @model_validator(mode="after")
    def _check_kind(self) -> Rule:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r} is not one of {', '.join(KINDS)}")
        if self.moment and self.moment not in KINDS[self.kind]:
            raise ValueError(f"{self.kind} strikes at {', '.join(KINDS[self.kind])}, not at {self.moment!r}")
        if self.kind == "kill" and self.pid is None and self.pid_file is None:
            raise ValueError("kill needs pid or pid_file")
        if self.kind in ("mark", "pause") and self.marker is None:
            raise ValueError(f"{self.kind} needs marker")
        return self

    @property
    def strikes_at(self) -> str:
        """The moment at which it strikes."""
        return self.moment or KINDS[self.kind][0]


@dataclass(frozen=True)
class Occasion:
    """A request or a job that a fault may strike.

    Attributes:
        subject: What chance is drawn from: a payload hash or a file's name.
        text: What `contains` looks into.
        poll: Number of this poll of the job, from 1.
    """

    provider: str
    endpoint: str = ""
    subject: str = ""
    text: str = ""
    poll: int | None = None


class Faults:
    """The rules in force, and how often each has struck."""

    def __init__(self, rules: Iterable[Rule] = (), *, seed: int = 0) -> None:
        self.seed = seed
        self._rules: list[Rule] = list(rules)
        self._met: Counter[int] = Counter()
        self._struck: Counter[int] = Counter()
        self._draws: Counter[tuple[int, str]] = Counter()

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules, in order."""
        return tuple(self._rules)

    @property
    def read_text(self) -> bool:
        """Whether any rule looks into the text of requests."""
        return any(rule.contains for rule in self._rules)

    @property
    def struck(self) -> dict[str, int]:
        """How often each kind has struck."""
        totals: Counter[str] = Counter()
        for index, count in self._struck.items():
            totals[self._rules[index].kind] += count
        return dict(totals)

    def add(self, rules: Iterable[Rule]) -> None:
        """Put more rules in force."""
        self._rules += rules

    def clear(self) -> None:
        """Take every rule out of force and forget what has struck."""
        self._rules.clear()
        for counter in (self._met, self._struck, self._draws):
            counter.clear()

    def draw(self, moment: str, occasion: Occasion, *, hooks: bool | None = None) -> Iterator[Rule]:
        """Yield the rules that strike an occasion, in order, each drawn only when it is asked for.

        Args:
            moment: One of `MOMENTS`, or `job`.
            occasion: What may be struck.
            hooks: Look only at rules that are hooks, or only at those that are not.
        """
        for index, rule in enumerate(self.rules):
            if (hooks is None or (rule.kind in HOOKS) is hooks) and self._strikes(index, rule, moment, occasion):
                yield rule

    def _strikes(self, index: int, rule: Rule, moment: str, occasion: Occasion) -> bool:
        matches = (
            rule.strikes_at == moment
            and fnmatchcase(occasion.provider, rule.provider)
            and fnmatchcase(occasion.endpoint, rule.endpoint)
            and rule.contains in occasion.text
            and (rule.poll is None or rule.poll == occasion.poll)
        )
        if not matches:
            return False
        self._met[index] += 1
        wanted = (rule.nth,) if isinstance(rule.nth, int) else rule.nth
        if wanted is not None and self._met[index] not in wanted:
            return False
        if rule.count is not None and self._struck[index] >= rule.count:
            return False
        if rule.p < 1 and self._chance(index, occasion.subject) >= rule.p:
            return False
        self._struck[index] += 1
        return True

    def _chance(self, index: int, subject: str) -> float:
        turn = self._draws[index, subject]
        self._draws[index, subject] += 1
        seed = f"{self.seed}|{index}|{subject}|{turn}".encode()
        return int.from_bytes(hashlib.sha256(seed).digest()[:8], "big") / 2**64


def parse_rules(items: Iterable[Mapping[str, Any]], where: str = "a fault") -> list[Rule]:
    """Read rules from mappings.

    Raises:
        ConfigurationError: One is not valid; the message names it.
    """
    rules: list[Rule] = []
    for number, item in enumerate(items, 1):
        try:
            rules.append(Rule(**item))
        except ValidationError as exc:
            first = exc.errors()[0]
            field = ".".join(str(part) for part in first["loc"]) or "rule"
            message = str(first["msg"]).removeprefix("Value error, ")
            raise ConfigurationError(
                f"Cannot use {where}, rule {number}: {field}: {message}. The fields are {', '.join(Rule.model_fields)}."
            ) from exc
    return rules


def read_faults(source: str | Path | Mapping[str, Any] | None) -> dict[str, Any]:
    """Read a fault file (TOML or JSON) or an equal mapping.

    Returns:
        Those of `FILE_KEYS` that it has, `fault` read into rules.

    Raises:
        ConfigurationError: It cannot be read, or has other keys.
    """
    if source is None:
        return {}
    where = "the given mapping" if isinstance(source, Mapping) else str(source)
    try:
        if isinstance(source, Mapping):
            data: dict[str, Any] = dict(source)
        else:
            text = Path(source).read_text("utf-8")
            data = json.loads(text) if str(source).endswith(".json") else tomllib.loads(text)
    except (OSError, ValueError) as exc:
        raise ConfigurationError(f"Cannot read faults from {where}: {exc}. Give a TOML or JSON file.") from exc
    unknown = set(data) - set(FILE_KEYS)
    if unknown:
        raise ConfigurationError(
            f"Cannot use faults from {where}: unknown key {sorted(unknown)[0]!r}. The keys are {', '.join(FILE_KEYS)}."
        )
    return {**data, "fault": parse_rules(data.get("fault", ()), where)}
