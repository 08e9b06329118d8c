"""The simulator's own pages under `/_sim`: bill, jobs, events, faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import ConfigurationError
from .faults import HOOKS, parse_rules
from .jobs import Job
from .reply import Reply, answer
from .state import Simulation

__all__ = ["control_routes"]

LONG = 200
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


def _short(value: Any) -> Any:
    """Cut long strings (inlined media) so that a listing stays readable."""
    if isinstance(value, Mapping):
        return {name: _short(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_short(item) for item in value]
    return f"{value[:60]}… ({len(value)} characters)" if isinstance(value, str) and len(value) > LONG else value


class Control:
    """The handlers of the control pages."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim

    def _require_local(self, request: Request) -> None:
        """Refuse what a web page in a browser could send: another host name, or a body that is not JSON."""
        host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
        kind = request.headers.get("content-type", "").partition(";")[0]
        if host not in LOOPBACK or (request.method == "POST" and kind != "application/json"):
            raise Reply(answer({"error": "Send JSON, to a loopback address."}, 403))

    async def bill(self, request: Request) -> Response:
        """GET /_sim/bill."""
        self._require_local(request)
        return answer(self.sim.bill().to_json())

    async def jobs(self, request: Request) -> Response:
        """GET /_sim/jobs."""
        self._require_local(request)
        return answer({"jobs": [self._job(job) for job in list(self.sim.jobs.values())]})

    def _job(self, job: Job) -> dict[str, Any]:
        self.sim.note_end(job)
        return {
            "id": job.id,
            "provider": job.provider,
            "endpoint": job.endpoint,
            "payload": _short(job.payload),
            "payload_hash": job.payload_hash,
            "created": job.created,
            "phase": job.phase().value,
            "billed": job.billed(),
            "usd": None if job.charge_usd is None else str(job.charge_usd),
            "polls": job.polls,
            "faults": sorted(job.faults),
            "digests": [job.digests[index] for index in sorted(job.digests)],
        }

    async def events(self, request: Request) -> Response:
        """GET /_sim/events?event=fault."""
        self._require_local(request)
        wanted = request.query_params.get("event")
        shown = [event for event in list(self.sim.events) if wanted in (None, event["event"])]
        return answer({"events": shown, "counts": dict(self.sim.counts), "struck": self.sim.faults.struck})

    async def add_faults(self, request: Request) -> Response:
        """POST /_sim/faults: one rule, a list of rules, or `{"fault": [...]}`."""
        self._require_local(request)
        try:
            body = await request.json()
            items = body if isinstance(body, list) else body.get("fault", [body])
            rules = parse_rules(items, "the posted faults")
        except (ConfigurationError, ValueError, TypeError, AttributeError) as exc:
            return answer({"error": str(exc)}, 422)
        if any(rule.kind in HOOKS for rule in rules) and not self.sim.allow_hooks:
            return answer(
                {"error": "Hooks (mark, pause, kill) are off. Start the simulator with allow_hooks=True."}, 403
            )
        self.sim.faults.add(rules)
        return answer({"rules": len(self.sim.faults.rules)})

    async def list_faults(self, request: Request) -> Response:
        """GET /_sim/faults."""
        self._require_local(request)
        rules = [rule.model_dump(mode="json", exclude_defaults=True) for rule in self.sim.faults.rules]
        return answer({"fault": rules, "struck": self.sim.faults.struck})

    async def clear_faults(self, request: Request) -> Response:
        """DELETE /_sim/faults."""
        self._require_local(request)
        self.sim.faults.clear()
        return answer({"rules": 0})

    async def reset(self, request: Request) -> Response:
        """POST /_sim/reset."""
        self._require_local(request)
        self.sim.reset()
        return answer({"reset": True})


def control_routes(sim: Simulation) -> list[Route]:
    """Return the routes of the control pages."""
    control = Control(sim)
    return [
        Route("/_sim/bill", control.bill, methods=["GET"]),
        Route("/_sim/jobs", control.jobs, methods=["GET"]),
        Route("/_sim/events", control.events, methods=["GET"]),
        Route("/_sim/faults", control.list_faults, methods=["GET"]),
        Route("/_sim/faults", control.add_faults, methods=["POST"]),
        Route("/_sim/faults", control.clear_faults, methods=["DELETE"]),
        Route("/_sim/reset", control.reset, methods=["POST"]),
    ]
