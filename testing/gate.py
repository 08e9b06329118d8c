"""Where faults strike requests: every handler passes here at each of its moments."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.background import BackgroundTasks
from starlette.requests import Request
from starlette.responses import Response

from .faults import HOOKS, Occasion, Rule
from .jobs import Job
from .reply import Abort, Reply, answer
from .state import Call, Simulation

__all__ = ["Desk", "Problems"]

HANG_S = 3600.0
DELIVERY = frozenset({"slow", "truncated", "expired", "redirect-private", "redirect-file", "huge", "endless"})
ELSEWHERE = frozenset({"expired", "redirect-private", "redirect-file"})  # what only an address of its own can do
MALFORMED = '{"id": "sim-'


@dataclass(frozen=True)
class Problems:
    """A provider's error answers, one maker for each kind of trouble."""

    unauthorized: Callable[[], Response]
    no_money: Callable[[], Response]
    rate_limited: Callable[[float | None], Response]
    server_error: Callable[[int], Response]


@dataclass(frozen=True)
class Desk:
    """One provider's counter: the simulation, the provider's name, and its error answers."""

    sim: Simulation
    provider: str
    problems: Problems

    async def enter(self, request: Request, key: str) -> None:
        """Admit a request that carries a key.

        Raises:
            Reply: There is no key, or not the one that the simulator was told to expect.
        """
        if self.sim.latency.answer:
            await asyncio.sleep(self.sim.latency.answer)
        expected = self.sim.keys.get(self.provider)
        if not key or (expected is not None and key != expected):
            self.sim.event("unauthorized", provider=self.provider, path=request.url.path)
            raise Reply(self.problems.unauthorized())

    async def moment(
        self, request: Request, moment: str, call: Call | Job | None = None, poll: int | None = None
    ) -> Rule | None:
        """Let faults strike.

        Returns:
            The rule by which the content policy refuses a submission, if one does: how that looks is the provider's.

        Raises:
            Reply: A fault answers in the handler's place.
            Abort: A fault cuts the connection.
        """
        if moment == "received":
            self._hold_to_limits()
        refusal: Rule | None = None
        for rule in self.sim.faults.draw(moment, self.occasion(request, call, poll)):
            await self._strike(request, rule, moment, call)
            refusal = rule if rule.kind == "refusal" else refusal
        return refusal

    def _hold_to_limits(self) -> None:
        exceeded, wait_s = self.sim.limits.excess(self.provider)
        if exceeded:
            self.sim.event("limited", provider=self.provider)
            raise Reply(self.problems.rate_limited(wait_s))

    def occasion(self, request: Request, call: Call | Job | None, poll: int | None = None) -> Occasion:
        """Describe a request to the fault rules."""
        if call is None:
            return Occasion(self.provider, "", request.url.path, request.url.path, poll)
        text = json.dumps(call.payload, ensure_ascii=False)[:20_000] if self.sim.faults.read_text else ""
        return Occasion(self.provider, call.endpoint, call.payload_hash, text, poll)

    async def _strike(self, request: Request, rule: Rule, moment: str, call: Call | Job | None) -> None:
        facts = {"job": call.id} if isinstance(call, Job) else {}
        self.sim.event("fault", fault=rule.kind, moment=moment, provider=self.provider, **facts)
        if rule.kind == "latency":
            await asyncio.sleep(rule.seconds)
        elif rule.kind in HOOKS:
            await run_hook(rule, {"moment": moment, "provider": self.provider, **facts})
            if rule.kind == "kill" and rule.drop and moment in ("received", "download"):
                raise Abort
        elif rule.kind == "hang":
            await hang(request, rule.seconds if "seconds" in rule.model_fields_set else HANG_S)
            raise Abort
        elif rule.kind == "reset":
            raise Abort
        elif rule.kind == "rate-limit":
            raise Reply(self.problems.rate_limited(rule.retry_after_s))
        elif rule.kind == "server-error":
            raise Reply(self.problems.server_error(rule.status or 500))
        elif rule.kind == "answer":
            raise Reply(_own_answer(rule))
        elif rule.kind == "auth":
            raise Reply(self.problems.unauthorized())
        elif rule.kind == "no-money":
            raise Reply(self.problems.no_money())
        elif rule.kind == "malformed":
            raise Reply(Response(MALFORMED, 200, media_type="application/json"))

    def draw_for_job(self, request: Request, call: Call, refusal: Rule | None) -> list[Rule]:
        """Draw the faults that a job will carry through its life.

        Raises:
            Abort: The simulation was reset since the submission was read.
        """
        self.sim.check_era(call)
        rules = list(self.sim.faults.draw("job", self.occasion(request, call)))
        return [*rules, refusal] if refusal else rules

    async def strike_delivery(self, request: Request, job: Job) -> Rule | None:
        """Let faults strike before an output is sent, and return the one that changes how it is sent.

        Raises:
            Reply, Abort: A fault takes the answer's place.
        """
        for rule in self.sim.faults.draw("download", self.occasion(request, job), hooks=False):
            if rule.kind not in DELIVERY:
                await self._strike(request, rule, "download", job)
            elif request.method != "POST" or rule.kind not in ELSEWHERE:
                self.sim.event("fault", fault=rule.kind, moment="download", provider=self.provider, job=job.id)
                return rule
        return None

    def has_hooks(self, moment: str) -> bool:
        """Whether any rule stops halfway at this moment."""
        return any(rule.kind in HOOKS and rule.strikes_at == moment for rule in self.sim.faults.rules)

    async def hook(self, request: Request, moment: str, job: Job) -> None:
        """Let hooks strike halfway through a response."""
        for rule in self.sim.faults.draw(moment, self.occasion(request, job), hooks=True):
            await self._strike(request, rule, moment, job)

    def closing(self, response: Response, request: Request, moment: str, job: Job) -> Response:
        """Let faults of a moment strike after a response was written out."""
        tasks = response.background if isinstance(response.background, BackgroundTasks) else BackgroundTasks()
        tasks.add_task(self._after, request, moment, job)
        response.background = tasks
        return response

    async def _after(self, request: Request, moment: str, job: Job) -> None:
        await self.moment(request, moment, job)


def _own_answer(rule: Rule) -> Response:
    """Return the answer that a rule spells out."""
    if isinstance(rule.body, str):
        return Response(rule.body, rule.status or 500, headers=rule.headers, media_type="text/html")
    return answer(rule.body, rule.status or 500, rule.headers)


async def run_hook(rule: Rule, facts: Mapping[str, Any]) -> None:
    """Write the marker file, wait, or send the signal that a hook asks for."""
    if rule.marker is not None:
        partial = rule.marker.with_name(rule.marker.name + ".part")
        partial.write_text(json.dumps({"time": time.time(), **facts}), "utf-8")
        partial.replace(rule.marker)
    if rule.kind == "kill":
        pid = rule.pid if rule.pid is not None or rule.pid_file is None else int(rule.pid_file.read_text())
        if pid is not None:
            os.kill(pid, getattr(signal, rule.signal))
    if rule.kind == "pause" and rule.marker is not None:
        limit = time.monotonic() + (rule.seconds if "seconds" in rule.model_fields_set else HANG_S)
        while rule.marker.exists() and time.monotonic() < limit:
            await asyncio.sleep(0.01)


async def hang(request: Request, seconds: float) -> None:
    """Keep a client waiting until it leaves or `seconds` have passed."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit and not await request.is_disconnected():
        await asyncio.sleep(min(0.05, seconds))
