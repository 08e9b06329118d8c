"""Outputs over HTTP: the bytes, and every way in which their delivery can go wrong."""

from __future__ import annotations

import asyncio
import hashlib
import io
import time
import zipfile
from collections.abc import AsyncIterator, Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from .faults import Rule
from .gate import Desk, Problems
from .jobs import Job, Phase
from .reply import Abort, answer
from .state import Simulation

__all__ = ["Delivery", "delivery_routes", "spoiled_bytes"]

CHUNK = 64 * 1024
HUGE = 10_000_000_000
PLAYLIST = b"#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:5.0,\nhttp://169.254.169.254/latest/meta-data/\n#EXTINF:5.0,\nfile:///etc/passwd\n"
PROBLEMS = Problems(
    unauthorized=lambda: answer({"detail": "Forbidden"}, 403),
    no_money=lambda: answer({"detail": "Forbidden"}, 403),
    rate_limited=lambda after: answer(
        {"detail": "Slow down"}, 429, {} if after is None else {"Retry-After": f"{after:g}"}
    ),
    server_error=lambda status: Response("<html><body>Bad gateway</body></html>", status, media_type="text/html"),
)


def spoiled_bytes(job: Job, data: bytes) -> bytes:
    """Return what is really sent for an output: its bytes, or what a fault puts in their place."""
    if "empty" in job.faults:
        return b""
    if "playlist" in job.faults:
        return PLAYLIST
    if "zip" in job.faults:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("../../escaped.txt", "not a picture")
        return out.getvalue()
    return data


class Delivery:
    """Sends outputs."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim

    async def output(self, request: Request) -> Response:
        """GET .../{job}/{index}/{name}."""
        job = self.sim.jobs.get(request.path_params["job"])
        index = int(request.path_params["index"])
        if job is None or index >= job.product.count or job.phase() is not Phase.SUCCEEDED:
            return answer({"detail": "Not found"}, 404)
        self._look_for_key(request, job)
        if time.time() > (job.ended_at() or 0) + self.sim.expiry_s:
            return answer({"detail": "Gone"}, 404)
        data = spoiled_bytes(job, await asyncio.to_thread(self.sim.render, job, index))
        media_type = job.product.media_type
        return await self.send(request, job, data, media_type)

    def _look_for_key(self, request: Request, job: Job) -> None:
        """Record when a client sends a credential to a host that only serves files."""
        for header in ("authorization", "xi-api-key", "x-api-key"):
            if request.headers.get(header):
                self.sim.event("leak", provider=job.provider, job=job.id, where=f"{header} header to output host")

    async def send(
        self, request: Request, job: Job, data: bytes, media_type: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send bytes of a job, with the faults of delivery that strike.

        Args:
            request: What asks for them: a download, or the submission itself where a provider answers at once.
            job: What made them.
            data: The bytes.
            media_type: Their content type.
            headers: More headers.

        Raises:
            Reply, Abort: A fault takes the answer's place.
        """
        desk = Desk(self.sim, job.provider, PROBLEMS)
        headers = {**(headers or {}), "Content-Length": str(len(data))}
        rule = await desk.strike_delivery(request, job)
        if rule:
            return _misdeliver(rule, data, media_type, headers)
        if "path-name" in job.faults:
            headers["Content-Disposition"] = f'attachment; filename="../../../../tmp/escaped{job.product.suffix}"'
        hooks = desk.has_hooks("download")

        async def body() -> AsyncIterator[bytes]:
            half = len(data) // 2 if hooks else len(data)
            yield data[:half]
            if hooks:
                await desk.hook(request, "download", job)
                yield data[half:]

        if request.method == "HEAD":
            return Response(status_code=200, headers=headers, media_type=media_type)
        whole = StreamingResponse(body(), headers=headers, media_type=media_type) if hooks else None
        response = whole or Response(data, headers=headers, media_type=media_type)
        self.sim.event("download", job=job.id, sha256=hashlib.sha256(data).hexdigest())
        return desk.closing(response, request, "downloaded", job)


def _misdeliver(rule: Rule, data: bytes, media_type: str, headers: Mapping[str, str]) -> Response:
    """Return the answer of a delivery fault."""
    if rule.kind == "expired":
        return answer({"detail": "This file has expired."}, rule.status or 404)
    if rule.kind == "redirect-private":
        return RedirectResponse("http://169.254.169.254/latest/meta-data/iam/security-credentials/", 302)
    if rule.kind == "redirect-file":
        return RedirectResponse("file:///etc/passwd", 302)
    if rule.kind == "slow":
        return StreamingResponse(_slowly(data, rule.bytes_per_s), headers=headers, media_type=media_type)
    if rule.kind == "truncated":
        part = data[: max(1, int(len(data) * rule.fraction))]
        length = {"Content-Length": str(len(part))} if rule.honest else {}
        return StreamingResponse(_cut(part, rule.honest), headers={**headers, **length}, media_type=media_type)
    if rule.kind == "huge":
        headers = {**headers, "Content-Length": str(HUGE)}
        return StreamingResponse(_cut(data[:CHUNK], False, rule.seconds), headers=headers, media_type=media_type)
    unbounded = {name: value for name, value in headers.items() if name != "Content-Length"}
    return StreamingResponse(_endlessly(data), headers=unbounded, media_type=media_type)


async def _slowly(data: bytes, bytes_per_s: int) -> AsyncIterator[bytes]:
    step = max(1, bytes_per_s // 20)
    for start in range(0, len(data), step):
        yield data[start : start + step]
        await asyncio.sleep(0.05)


async def _cut(data: bytes, honest: bool, wait_s: float = 0.05) -> AsyncIterator[bytes]:
    yield data
    if not honest:
        await asyncio.sleep(wait_s)  # what was sent would not arrive if the connection was reset at once
        raise Abort


async def _endlessly(data: bytes) -> AsyncIterator[bytes]:
    yield data
    while True:
        yield bytes(CHUNK)
        await asyncio.sleep(0)


def delivery_routes(sim: Simulation) -> list[Route]:
    """Return the routes under which outputs are delivered."""
    delivery = Delivery(sim)
    paths = ("/files/replicate/{job}/{index:int}/{name:path}", "/fal/_cdn/files/{job}/{index:int}/{name:path}")
    return [Route(path, delivery.output, methods=["GET", "HEAD"]) for path in paths]
