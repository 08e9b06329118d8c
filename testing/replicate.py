"""Replicate's HTTP API, simulated: predictions, models, files."""

from __future__ import annotations

import asyncio
import base64
import re
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .faults import Rule
from .fields import Problem
from .gate import Desk, Problems
from .jobs import Job, Phase
from .models import Model
from .reply import Reply, answer
from .site import link
from .state import Call, Simulation

__all__ = ["PROBLEMS", "not_found", "read_key", "replicate_routes"]

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


def problem(
    status: int,
    title: str,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **extra: Any,
) -> Response:
    """Return an error answer in Replicate's form."""
    body = {"title": title, "detail": detail, "status": status, **extra}
    return answer(body, status, headers, "application/problem+json")


def _rate_limited(retry_after_s: float | None) -> Response:
    wait = "30" if retry_after_s is None else f"{retry_after_s:g}"
    headers = {} if retry_after_s is None else {"Retry-After": wait}
    return answer(
        {"detail": f"Request was throttled. Your rate limit resets in ~{wait}s."},
        429,
        headers,
    )


PROBLEMS = Problems(
    unauthorized=lambda: problem(401, "Unauthenticated", "You did not pass a valid authentication token"),
    no_money=lambda: problem(
        402,
        "Insufficient credit",
        "You have insufficient credit to run this model. Go to https://replicate.com/account/billing#billing to purchase credit.",
    ),
    rate_limited=_rate_limited,
    server_error=lambda status: problem(status, "Internal server error", "An unexpected error occurred."),
)


def not_found() -> Response:
    return problem(404, "Not found", "Not found.")


def _bad_version() -> Response:
    detail = "The specified version does not exist (or perhaps you don't have permission to use it?)"
    return problem(422, "Invalid version or not permitted", detail)


def _invalid(problems: list[Problem]) -> Response:
    fields = [
        {
            "type": "required" if one.kind == "missing" else one.kind,
            "field": "input" if one.kind == "missing" else f"input.{one.field}",
            "description": one.text(),
        }
        for one in problems
    ]
    detail = "".join(f"- {field['field']}: {field['description']}\n" for field in fields)
    return problem(422, "Input validation failed", detail, invalid_fields=fields)


def _stamp(seconds: float | None) -> str | None:
    if seconds is None or seconds == float("inf"):
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def read_key(request: Request) -> str:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme in ("Bearer", "Token") else ""


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
            "replicate",
            endpoint,
            payload if isinstance(payload, dict) else {},
            read_key(request),
        )
        refusal = await self.desk.moment(request, "received", call)
        if not isinstance(payload, dict):
            raise Reply(_invalid([Problem("input", "missing")]))
        problems = call.model.check(payload)
        if problems:
            self.sim.event(
                "rejected",
                provider="replicate",
                endpoint=endpoint,
                problems=[one.text() for one in problems],
            )
            raise Reply(_invalid(problems))
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
        raise Reply(_bad_version())

    async def _accept(
        self,
        request: Request,
        call: Call,
        body: Mapping[str, Any],
        refusal: Rule | None,
    ) -> Job:
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
            "version": next(
                iter(self.sim.catalogue.find("replicate", job.endpoint).versions),
                "hidden",
            ),
            "input": {} if removed else job.payload,
            "output": None if removed or phase is not Phase.SUCCEEDED else self._output(request, job),
            "logs": "" if removed or phase is Phase.QUEUED else self._logs(job, phase),
            "error": (job.error or refused) if phase is Phase.FAILED else None,
            "status": status,
            "source": "api",
            "data_removed": removed,
            "created_at": _stamp(job.created),
            "started_at": _stamp(job.started) if phase not in (Phase.QUEUED, Phase.ABORTED) else None,
            "completed_at": _stamp(ended),
            "deployment": None,
            "metrics": {} if ended is None else self._metrics(job, ended),
            "urls": self._urls(request, job),
        }
        if job.deadline_s is not None:
            shown["deadline"] = _stamp(job.created + job.deadline_s)
        return shown | {key: job.extra[key] for key in ("webhook", "webhook_events_filter") if key in job.extra}

    def _urls(self, request: Request, job: Job) -> dict[str, str]:
        at = link(request, "replicate", f"/predictions/{job.id}")
        return {
            "get": at,
            "cancel": f"{at}/cancel",
            "web": f"https://replicate.com/p/{job.id}",
        }

    def _metrics(self, job: Job, ended: float) -> dict[str, Any]:
        whole = max(job.run_s, 1e-6)
        share = min(1.0, max(0.0, ended - job.started) / whole) if job.phase() is Phase.CANCELED else 1.0
        machine = 0.0 if job.phase() is Phase.ABORTED else job.extra["machine_s"] * share
        return {
            "predict_time": round(machine, 6),
            "total_time": round(ended - job.created, 6),
        }

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

    # ---- models ----

    async def model(self, request: Request) -> Response:
        """GET /models/{owner}/{name}."""
        await self.desk.enter(request, read_key(request))
        return answer(self._described(request))

    async def version(self, request: Request) -> Response:
        """GET /models/{owner}/{name}/versions/{id}."""
        await self.desk.enter(request, read_key(request))
        return answer(self._described(request)["latest_version"] | {"id": request.path_params["id"]})

    async def versions(self, request: Request) -> Response:
        """GET /models/{owner}/{name}/versions."""
        await self.desk.enter(request, read_key(request))
        return answer(
            {
                "previous": None,
                "next": None,
                "results": [self._described(request)["latest_version"]],
            }
        )

    def _described(self, request: Request) -> dict[str, Any]:
        owner, name = request.path_params["owner"], request.path_params["name"]
        model = self.sim.catalogue.find("replicate", f"{owner}/{name}")
        if not model.known:
            raise Reply(not_found())
        version = next(iter(model.versions), "f" * 64)
        return {
            "url": f"https://replicate.com/{owner}/{name}",
            "owner": owner,
            "name": name,
            "description": f"Simulated {name}.",
            "visibility": "public",
            "github_url": None,
            "paper_url": None,
            "license_url": None,
            "run_count": 1,
            "cover_image_url": None,
            "default_example": None,
            "is_official": not model.versions,
            "latest_version": {
                "id": version,
                "created_at": "2026-01-01T00:00:00.000000Z",
                "cog_version": "0.16.0",
                "openapi_schema": _schema(model),
            },
        }

    async def account(self, request: Request) -> Response:
        """GET /account."""
        await self.desk.enter(request, read_key(request))
        return answer(
            {
                "type": "user",
                "username": "simulated",
                "name": "Simulated",
                "github_url": None,
            }
        )

    async def hardware(self, request: Request) -> Response:
        """GET /hardware."""
        await self.desk.enter(request, read_key(request))
        names = {
            "cpu": "CPU",
            "gpu-t4": "Nvidia T4 GPU",
            "gpu-l40s": "Nvidia L40S GPU",
            "gpu-a100-large": "Nvidia A100 (80GB) GPU",
        }
        return answer([{"sku": sku, "name": name} for sku, name in names.items()])


def _schema(model: Model) -> dict[str, Any]:
    fields = {name: field.schema() | {"x-order": order} for order, (name, field) in enumerate(model.fields.items())}
    inputs = {"type": "object", "title": "Input", "properties": fields}
    required = [name for name, field in model.fields.items() if field.required]
    uri = {"type": "string", "format": "uri"}
    output = {"type": "array", "items": uri, "title": "Output"} if model.output == "list" else uri | {"title": "Output"}
    schemas = {
        "Input": inputs | ({"required": required} if required else {}),
        "Output": output,
    }
    return {
        "openapi": "3.0.2",
        "info": {"title": "Cog", "version": "0.1.0"},
        "paths": {},
        "components": {"schemas": schemas},
    }


def replicate_routes(sim: Simulation) -> list[Route]:
    """Return the routes of a simulated Replicate.

    Everything answers under `/replicate/v1` and `/replicate/v1/v1`: Replicate's own client adds the version to its
    base URL, our adapter's base URL contains it, and both read the same environment variable.
    """
    api = Replicate(sim)
    table: list[tuple[str, str, Any]] = [
        ("/predictions/{id}", "GET", api.get),
        ("/predictions/{id}/cancel", "POST", api.cancel),
        ("/predictions", "POST", api.create),
        ("/predictions", "GET", api.list),
        ("/models/{owner}/{name}/predictions", "POST", api.create),
        ("/deployments/{owner}/{name}/predictions", "POST", api.create),
        ("/models/{owner}/{name}", "GET", api.model),
        ("/models/{owner}/{name}/versions", "GET", api.versions),
        ("/models/{owner}/{name}/versions/{id}", "GET", api.version),
        ("/account", "GET", api.account),
        ("/hardware", "GET", api.hardware),
    ]
    prefixes = ("/replicate/v1", "/replicate/v1/v1")
    return [Route(prefix + path, handler, methods=[method]) for prefix in prefixes for path, method, handler in table]
