"""fal's queue and its synchronous twin, simulated."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from .fal_answers import INFRASTRUCTURE, MODEL_ERRORS, PROBLEMS, REFUSED, item, read_key, trouble, validation
from .faults import Rule
from .gate import Desk
from .jobs import Job, Phase
from .reply import Reply, answer
from .site import link
from .state import Call, Simulation

__all__ = ["fal_routes"]

NAMESPACES = ("workflows", "comfy")
LONGEST_QUEUE = 100  # a second of waiting stands for one request ahead


class Fal:
    """The handlers of one simulated fal."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.desk = Desk(sim, "fal", PROBLEMS)

    async def submit(self, request: Request) -> Response:
        """POST /{endpoint} on the queue."""
        await self.desk.enter(request, read_key(request))
        job = await self._accept(request, request.path_params["endpoint"])
        body = {"status": "IN_QUEUE", "request_id": job.id, "queue_position": 0, **self._urls(request, job)}
        response = answer(body, 200, {"x-fal-request-id": job.id})
        return self.desk.closing(response, request, "answered", job)

    async def _accept(self, request: Request, endpoint: str) -> Job:
        try:
            payload = await request.json()
        except ValueError:
            raise Reply(trouble(400, "Invalid JSON body", "bad_request")) from None
        if not isinstance(payload, dict) or endpoint.count("/") < 1:
            raise Reply(trouble(404 if isinstance(payload, dict) else 422, f"Application '{endpoint}' not found"))
        call = self.sim.read_call("fal", endpoint, payload, read_key(request))
        refusal = await self.desk.moment(request, "received", call)
        limit = request.query_params.get("fal_max_queue_length")
        waiting = (
            sum(job.provider == "fal" and job.phase() is Phase.QUEUED for job in self.sim.jobs.values()) if limit else 0
        )
        if limit and waiting >= int(limit):
            raise Reply(trouble(429, "Queue is full", "queue_full"))
        job = self._admit(request, call, refusal)
        await self.desk.moment(request, "accepted", job)
        return job

    def _admit(self, request: Request, call: Call, refusal: Rule | None) -> Job:
        """Accept a request. fal accepts what is invalid too: the model says so in the result."""
        problems = call.model.check(call.payload)
        product = call.model.product({} if problems else call.payload, call.media)
        job = self.sim.accept(call, str(uuid.uuid4()), product, self.desk.draw_for_job(request, call, refusal))
        _limit_wait(job, request.headers.get("x-fal-request-timeout"))
        if problems:
            job.fate = Phase.FAILED
            job.extra["detail"] = validation(problems)
            self.sim.event(
                "rejected", provider="fal", endpoint=call.endpoint, problems=[one.text() for one in problems]
            )
        return job

    def _app(self, endpoint: str) -> str:
        parts = endpoint.split("/")
        return "/".join(parts[: 3 if parts[0] in NAMESPACES else 2])

    def _urls(self, request: Request, job: Job) -> dict[str, str]:
        at = link(request, "fal", f"/{self._app(job.endpoint)}/requests/{job.id}")
        return {"response_url": at, "status_url": f"{at}/status", "cancel_url": f"{at}/cancel"}

    def _job(self, request: Request) -> Job:
        job = self.sim.jobs.get(request.path_params["id"])
        if job is None or job.provider != "fal" or self._app(job.endpoint) != request.path_params["app"]:
            raise Reply(trouble(404, "Request not found"))
        if job.phase() is Phase.CANCELED and job.canceled_at is not None and job.canceled_at < job.started:
            raise Reply(trouble(404, "Request not found"))  # a request that was canceled in the queue is gone
        return job

    # ---- status ----

    async def status(self, request: Request) -> Response:
        """GET .../requests/{id}/status."""
        await self.desk.enter(request, read_key(request))
        job = self._job(request)
        job.polls += 1
        await self.desk.moment(request, "poll", job, job.polls)
        body = self._status(request, job)
        return answer(body, 200 if body["status"] == "COMPLETED" else 202, {"x-fal-request-id": job.id})

    async def stream(self, request: Request) -> Response:
        """GET .../requests/{id}/status/stream: status objects as server-sent events."""
        await self.desk.enter(request, read_key(request))
        job = self._job(request)

        async def events() -> AsyncIterator[bytes]:
            last = ""
            while True:
                body = self._status(request, job)
                text = json.dumps(body)
                if text != last:
                    yield f"data: {text}\n\n".encode()
                last = text
                if body["status"] == "COMPLETED":
                    return
                await asyncio.sleep(0.02)

        return StreamingResponse(events(), media_type="text/event-stream")

    def _status(self, request: Request, job: Job) -> dict[str, Any]:
        self.sim.note_end(job)
        phase = job.phase()
        urls = self._urls(request, job)
        logs = self._logs(job) if request.query_params.get("logs") in ("1", "true", "True") else None
        body: dict[str, Any] = {"request_id": job.id, **urls}
        requeued = "requeue" in job.faults and phase is Phase.RUNNING and job.polls % 2 == 0
        if phase is Phase.QUEUED or requeued:
            left = job.started - time.time()
            body |= {"status": "IN_QUEUE", "queue_position": int(max(0.0, min(left, LONGEST_QUEUE)))}
        elif phase is Phase.RUNNING:
            body |= {"status": "IN_PROGRESS", "logs": logs}
        else:
            body |= {"status": "COMPLETED", "logs": logs, "metrics": {"inference_time": job.extra["machine_s"]}}
            failure = self._failure(job)
            if failure is not None and failure[1]:
                body |= {"error": str(failure[2]), "error_type": failure[1]}
        if "unknown-status" in job.faults and not phase.ended:
            body["status"] = "WARMING_UP"
        return body

    def _logs(self, job: Job) -> list[dict[str, Any]]:
        if job.phase() is Phase.QUEUED:
            return []
        stamp = datetime.fromtimestamp(job.started, UTC).isoformat().replace("+00:00", "Z")
        return [{"message": "Loading model", "timestamp": stamp, "level": "INFO", "source": "USER"}]

    def _failure(self, job: Job) -> tuple[int, str, Any] | None:
        """Return status, error type and detail of a job that did not succeed; None for one that did."""
        phase = job.phase()
        if phase is Phase.SUCCEEDED:
            return None
        if phase in (Phase.CANCELED, Phase.ABORTED):
            return 499, "client_cancelled", "Request was cancelled by the client"
        if job.error == "request_timeout":
            return 504, "request_timeout", "Request timed out"
        if "detail" in job.extra:
            return 422, "", job.extra["detail"]
        if job.refused:
            return (422, "", [item("prompt", "content_policy_violation", REFUSED, dict(job.payload))])
        if job.error in INFRASTRUCTURE:
            return INFRASTRUCTURE[job.error], job.error, f"Simulated {job.error}"
        kind = job.error or "internal_server_error"
        return MODEL_ERRORS.get(kind, 422), "", [item("", kind, "The model failed", dict(job.payload))]

    # ---- result and cancel ----

    async def result(self, request: Request) -> Response:
        """GET .../requests/{id}."""
        await self.desk.enter(request, read_key(request))
        job = self._job(request)
        await self.desk.moment(request, "result", job)
        if not job.phase().ended:
            return trouble(400, "Request is still in progress")
        return await self._outcome(request, job)

    async def _outcome(self, request: Request, job: Job) -> Response:
        self.sim.note_end(job)
        failure = self._failure(job)
        headers = {"x-fal-request-id": job.id}
        if failure:
            status, kind, detail = failure
            if status == 422:
                headers["X-Fal-Billable-Units"] = "0"
            if "start_within" in job.extra:
                headers["X-Fal-Request-Timeout-Type"] = "user"
            return trouble(status, detail, kind, headers)
        body = await asyncio.to_thread(self._body, request, job)
        return answer(body, 200, headers | {"X-Fal-Billable-Units": f"{job.units.normalize():f}"})

    def _body(self, request: Request, job: Job) -> dict[str, Any]:
        files = [self._file(request, job, index) for index in range(job.product.count)]
        output = self.sim.catalogue.find("fal", job.endpoint).output or {"image": "images"}.get(
            job.product.kind, job.product.kind
        )
        seed = job.payload.get("seed") or int(job.payload_hash[:8], 16)
        if output == "images":
            shown = [] if "no-output" in job.faults else files
            black = [job.product.look == "black" for _ in shown]
            return {
                "images": shown,
                "timings": {"inference": job.extra["machine_s"]},
                "seed": seed,
                "has_nsfw_concepts": black,
                "prompt": job.payload.get("prompt", ""),
            }
        if "no-output" in job.faults:
            return {output: None}
        extra = {"duration_ms": int(job.product.seconds * 1000)} if "minimax/speech" in job.endpoint else {"seed": seed}
        return {output: files[0]} | extra

    def _file(self, request: Request, job: Job, index: int) -> dict[str, Any]:
        product = job.product
        data = self.sim.render(job, index)
        name = (
            f"../../../../tmp/escaped{product.suffix}"
            if "path-name" in job.faults
            else f"output-{index}{product.suffix}"
        )
        url = link(request, "fal-cdn", f"/files/{job.id}/{index}/output{product.suffix}")
        if job.payload.get("sync_mode") is True:
            import base64

            url = f"data:{product.media_type};base64,{base64.b64encode(data).decode()}"
        url = "http://169.254.169.254/latest/meta-data/" if "private-url" in job.faults else url
        url = "file:///etc/passwd" if "file-url" in job.faults else url
        shown = {"url": url, "content_type": product.media_type, "file_name": name, "file_size": len(data)}
        return shown | ({"width": product.width, "height": product.height} if product.kind == "image" else {})

    async def cancel(self, request: Request) -> Response:
        """PUT .../requests/{id}/cancel."""
        await self.desk.enter(request, read_key(request))
        job = self.sim.jobs.get(request.path_params["id"])
        if job is None or job.provider != "fal":
            return answer({"status": "NOT_FOUND"}, 404)
        await self.desk.moment(request, "cancel", job)
        if job.phase().ended:
            return answer({"status": "ALREADY_COMPLETED"}, 400)
        queued = job.phase() is Phase.QUEUED
        if "ignore-cancel" not in job.faults:
            job.canceled_at = time.time()
            self.sim.event("cancel", provider="fal", job=job.id)
        return answer({"status": "OK"}, 200) if queued else answer({"status": "CANCELLATION_REQUESTED"}, 202)

    async def run(self, request: Request) -> Response:
        """POST /{endpoint} on the synchronous host: the answer is the result."""
        await self.desk.enter(request, read_key(request))
        job = await self._accept(request, request.path_params["endpoint"])
        await asyncio.sleep(max(0.0, min(job.finishes, job.stopped or job.finishes) - time.time()))
        return self.desk.closing(await self._outcome(request, job), request, "answered", job)


def _limit_wait(job: Job, seconds: str | None) -> None:
    """Let a job fail that has not started within the time its client gave it."""
    if seconds is not None and job.queue_s > float(seconds):
        job.queue_s, job.run_s = float(seconds), 0.0
        job.fate, job.error, job.refused = Phase.FAILED, "request_timeout", False
        job.extra["start_within"] = seconds


def fal_routes(sim: Simulation) -> list[Route]:
    """Return the routes of a simulated fal: queue and synchronous."""
    fal = Fal(sim)
    at = "/fal/{app:path}/requests/{id}"
    return [
        Route(f"{at}/status/stream", fal.stream, methods=["GET"]),
        Route(f"{at}/status", fal.status, methods=["GET"]),
        Route(f"{at}/cancel", fal.cancel, methods=["PUT"]),
        Route(f"{at}/response", fal.result, methods=["GET"]),
        Route(at, fal.result, methods=["GET"]),
        Route("/fal/_sync/{endpoint:path}", fal.run, methods=["POST"]),
        Route("/fal/{endpoint:path}", fal.submit, methods=["POST"]),
    ]
