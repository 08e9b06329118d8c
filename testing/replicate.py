"""Replicate's HTTP API, simulated: predictions, models, files."""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .faults import Rule
from .fields import Problem
from .gate import Desk
from .jobs import Job, Phase
from .replicate_answers import PROBLEMS, bad_version, invalid, not_found, problem, read_key, stamp
from .replicate_models import ReplicateModels
from .reply import Reply, answer
from .site import link
from .state import Call, Simulation

__all__ = ["replicate_routes"]

PAGE = 100
STATUS = {
    Phase.QUEUED: "starting",
    Phase.RUNNING: "processing",
    Phase.SUCCEEDED: "succeeded",
    Phase.FAILED: "failed",
    Phase.CANCELED: "canceled",
    Phase.ABORTED: "aborted",
}


REFUSED = "The input or output was flagged as sensitive. Please try again with different inputs. (E005)"
WAIT = re.compile(r"wait(?:=(\d+))?")


DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Replicate:
    """The handlers of one simulated Replicate."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.desk = Desk(sim, "replicate", PROBLEMS)

    # ---- predictions ----

    async def create(self, request: Request) -> Response:
        """POST /predictions, /models/{owner}/{name}/predictions, /deployments/{owner}/{name}/predictions."""
        await self.desk.enter(request, read_key(request))
        body = await self._body(request)
        endpoint = self._endpoint(request, body)
        payload = body.get("input")
        call = self.sim.read_call(
            "replicate", endpoint, payload if isinstance(payload, dict) else {}, read_key(request)
        )
        refusal = await self.desk.moment(request, "received", call)
        if not isinstance(payload, dict):
            raise Reply(invalid([Problem("input", "missing")]))
        problems = call.model.check(payload)
        if problems:
            self.sim.event(
                "rejected", provider="replicate", endpoint=endpoint, problems=[one.text() for one in problems]
            )
            raise Reply(invalid(problems))
        job = await self._accept(request, call, body, refusal)
        waited = await self._wait(request, job)
        return self.desk.closing(answer(self.prediction(request, job, waited), 201), request, "answered", job)

    async def _body(self, request: Request) -> dict[str, Any]:
        try:
            body = await request.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Reply(problem(400, "Bad request", "The request body is not a JSON object."))
        return body

    def _endpoint(self, request: Request, body: Mapping[str, Any]) -> str:
        if "owner" in request.path_params:
            endpoint = "{owner}/{name}".format(**request.path_params)
            versions = self.sim.catalogue.find("replicate", endpoint).versions
            if versions and "/models/" in request.url.path:
                raise Reply(not_found())  # a community model runs by version only
            return endpoint
        version = str(body.get("version") or "")
        if re.fullmatch(r"[\w.-]+/[\w.-]+(:[0-9a-f]{64})?", version):
            return version.partition(":")[0]
        if re.fullmatch(r"[0-9a-f]{64}", version):
            return self.sim.catalogue.of_version(version) or version
        raise Reply(bad_version())

    async def _accept(self, request: Request, call: Call, body: Mapping[str, Any], refusal: Rule | None) -> Job:
        job_id = base64.b32encode(secrets.token_bytes(16)).decode().lower().rstrip("=")
        product = call.model.product(call.payload, call.media)
        rules = self.desk.draw_for_job(request, call, refusal)
        job = self.sim.accept(call, job_id, product, rules)
        spans = DURATION.findall(request.headers.get("cancel-after", ""))
        if spans:
            job.deadline_s = sum(float(number) * SECONDS[unit] for number, unit in spans)
        job.extra |= {key: body[key] for key in ("webhook", "webhook_events_filter") if key in body}
        await self.desk.moment(request, "accepted", job)
        return job

    async def _wait(self, request: Request, job: Job) -> bool:
        match = WAIT.fullmatch(request.headers.get("prefer", "").strip())
        if not match:
            return False
        longest = min(60.0, float(match[1] or 60))
        ends = min(job.finishes, job.stopped or job.finishes)
        await asyncio.sleep(max(0.0, min(longest, ends - time.time())))
        return True

    def prediction(self, request: Request, job: Job, waited: bool = False) -> dict[str, Any]:
        """Return the prediction object as it stands.

        With `Prefer: wait` Replicate answers before its bookkeeping ends: `processing`, yet with the whole output.
        """
        self.sim.note_end(job)
        phase = job.phase()
        early = waited and phase is Phase.SUCCEEDED
        ended = None if early else job.ended_at()
        removed = ended is not None and time.time() > ended + self.sim.expiry_s
        status = "processing" if early else "starting" if waited and not phase.ended else STATUS[phase]
        if "unknown-status" in job.faults and not phase.ended:
            status = "warming"
        refused = REFUSED if job.refused else "CUDA out of memory."
        shown = {
            "id": job.id,
            "model": job.endpoint,
            "version": next(iter(self.sim.catalogue.find("replicate", job.endpoint).versions), "hidden"),
            "input": {} if removed else job.payload,
            "output": None if removed or phase is not Phase.SUCCEEDED else self._output(request, job),
            "logs": "" if removed or phase is Phase.QUEUED else self._logs(job, phase),
            "error": (job.error or refused) if phase is Phase.FAILED else None,
            "status": status,
            "source": "api",
            "data_removed": removed,
            "created_at": stamp(job.created),
            "started_at": stamp(job.started) if phase not in (Phase.QUEUED, Phase.ABORTED) else None,
            "completed_at": stamp(ended),
            "deployment": None,
            "metrics": {} if ended is None else self._metrics(job, ended),
            "urls": self._urls(request, job),
        }
        if job.deadline_s is not None:
            shown["deadline"] = stamp(job.created + job.deadline_s)
        return shown | {key: job.extra[key] for key in ("webhook", "webhook_events_filter") if key in job.extra}

    def _urls(self, request: Request, job: Job) -> dict[str, str]:
        at = link(request, "replicate", f"/predictions/{job.id}")
        return {"get": at, "cancel": f"{at}/cancel", "web": f"https://replicate.com/p/{job.id}"}

    def _metrics(self, job: Job, ended: float) -> dict[str, Any]:
        whole = max(job.run_s, 1e-6)
        share = min(1.0, max(0.0, ended - job.started) / whole) if job.phase() is Phase.CANCELED else 1.0
        machine = 0.0 if job.phase() is Phase.ABORTED else job.extra["machine_s"] * share
        return {"predict_time": round(machine, 6), "total_time": round(ended - job.created, 6)}

    def _logs(self, job: Job, phase: Phase) -> str:
        seed = job.payload.get("seed", 42)
        done = 100 if phase.ended else min(99, int(100 * job.ran_s() / max(job.run_s, 1e-6)))
        return f"Using seed: {seed}\n{done:3d}%|{'#' * (done // 10):<10}| {done}/100 [00:01<00:00]\n"

    def _output(self, request: Request, job: Job) -> Any:
        listed = self.sim.catalogue.find("replicate", job.endpoint).output
        if "no-output" in job.faults:
            return [] if listed == "list" else None
        many = listed == "list" or (not listed and job.product.kind == "image")
        urls = [self._output_url(request, job, index) for index in range(job.product.count)]
        return urls if many else urls[0]

    def _output_url(self, request: Request, job: Job, index: int) -> str:
        if "private-url" in job.faults:
            return "http://169.254.169.254/latest/meta-data/"
        if "file-url" in job.faults:
            return "file:///etc/passwd"
        name = f"out-{index}{job.product.suffix}"
        if "path-name" in job.faults:
            name = f"..%2F..%2F..%2Fescaped{job.product.suffix}"
        return link(request, "replicate-files", f"/{job.id}/{index}/{name}")

    def _job(self, request: Request) -> Job:
        job = self.sim.jobs.get(request.path_params["id"])
        if job is None or job.provider != "replicate":
            raise Reply(not_found())
        return job

    async def get(self, request: Request) -> Response:
        """GET /predictions/{id}."""
        await self.desk.enter(request, read_key(request))
        job = self._job(request)
        job.polls += 1
        await self.desk.moment(request, "poll", job, job.polls)
        return answer(self.prediction(request, job))

    async def cancel(self, request: Request) -> Response:
        """POST /predictions/{id}/cancel."""
        await self.desk.enter(request, read_key(request))
        job = self._job(request)
        await self.desk.moment(request, "cancel", job)
        if not job.phase().ended and "ignore-cancel" not in job.faults:
            job.canceled_at = time.time()
            self.sim.event("cancel", provider="replicate", job=job.id)
        return answer(self.prediction(request, job))

    async def list(self, request: Request) -> Response:
        """GET /predictions: newest first, 100 a page."""
        await self.desk.enter(request, read_key(request))
        await self.desk.moment(request, "list")
        query = request.query_params
        jobs = [job for job in self.sim.jobs.values() if job.provider == "replicate"]
        for name, keep in (("created_after", 1), ("created_before", -1)):
            if query.get(name):
                limit = datetime.fromisoformat(query[name]).timestamp()
                jobs = [job for job in jobs if keep * (job.created - limit) >= 0]
        jobs.sort(key=lambda job: job.created, reverse=True)
        start = int(query.get("cursor", "0"))
        shown = [self.prediction(request, job) for job in jobs[start : start + PAGE]]

        def page(at: int) -> str | None:
            known = 0 <= at < len(jobs) and at != start
            return link(request, "replicate", f"/predictions?cursor={at}") if known else None

        before = page(max(0, start - PAGE)) if start else None
        return answer({"previous": before, "next": page(start + PAGE), "results": shown})


def replicate_routes(sim: Simulation) -> list[Route]:
    """Return the routes of a simulated Replicate.

    Everything answers under `/replicate/v1` and `/replicate/v1/v1`: Replicate's own client adds the version to its
    base URL, our adapter's base URL contains it, and both read the same environment variable.
    """
    api, models = Replicate(sim), ReplicateModels(sim)
    table: list[tuple[str, str, Any]] = [
        ("/predictions/{id}", "GET", api.get),
        ("/predictions/{id}/cancel", "POST", api.cancel),
        ("/predictions", "POST", api.create),
        ("/predictions", "GET", api.list),
        ("/models/{owner}/{name}/predictions", "POST", api.create),
        ("/deployments/{owner}/{name}/predictions", "POST", api.create),
        ("/models/{owner}/{name}", "GET", models.model),
        ("/models/{owner}/{name}/versions", "GET", models.versions),
        ("/models/{owner}/{name}/versions/{id}", "GET", models.version),
        ("/account", "GET", models.account),
        ("/hardware", "GET", models.hardware),
    ]
    prefixes = ("/replicate/v1", "/replicate/v1/v1")
    return [Route(prefix + path, handler, methods=[method]) for prefix in prefixes for path, method, handler in table]
