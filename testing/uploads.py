"""Files that clients hand over: Replicate's files API."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .gate import Desk
from .inbox import Uploaded
from .multipart import read_form
from .replicate_answers import PROBLEMS, not_found, read_key
from .reply import Reply, answer
from .site import link
from .state import Simulation

__all__ = ["replicate_file_routes"]

KEPT = timedelta(hours=24)


class ReplicateFiles:
    """The handlers of Replicate's files API."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.desk = Desk(sim, "replicate", PROBLEMS)

    async def create(self, request: Request) -> Response:
        """POST /files, multipart: `content` and optional `metadata`."""
        await self.desk.enter(request, read_key(request))
        form = {part.name: part for part in await read_form(request)}
        content = form.get("content")
        await self.desk.moment(request, "upload")
        if content is None:
            return answer({"title": "Bad request", "detail": "content is required", "status": 400}, 400)
        upload = self.sim.keep(content.data, content.filename or "file", content.content_type, "replicate")
        metadata = json.loads(form["metadata"].text) if "metadata" in form else {}
        return answer(self._describe(request, upload) | {"metadata": metadata}, 201)

    def _describe(self, request: Request, upload: Uploaded) -> dict[str, Any]:
        created = datetime.fromtimestamp(upload.created, UTC)
        return {
            "id": upload.id,
            "name": upload.name,
            "content_type": upload.content_type,
            "size": upload.size,
            "etag": upload.digest[:32],
            "checksums": {"sha256": upload.digest, "md5": upload.digest[:32]},
            "metadata": {},
            "created_at": created.isoformat(),
            "expires_at": (created + KEPT).isoformat(),
            "urls": {"get": link(request, "replicate", f"/files/{upload.id}")},
        }

    def _find(self, request: Request) -> Uploaded:
        upload = self.sim.inbox.get(request.path_params["id"], "replicate")
        if upload is None:
            raise Reply(not_found())
        return upload

    async def list(self, request: Request) -> Response:
        """GET /files."""
        await self.desk.enter(request, read_key(request))
        await self.desk.moment(request, "list")
        mine = self.sim.inbox.of("replicate")
        return answer({"previous": None, "next": None, "results": [self._describe(request, one) for one in mine]})

    async def get(self, request: Request) -> Response:
        """GET /files/{id}."""
        await self.desk.enter(request, read_key(request))
        return answer(self._describe(request, self._find(request)))

    async def delete(self, request: Request) -> Response:
        """DELETE /files/{id}."""
        await self.desk.enter(request, read_key(request))
        self.sim.inbox.remove(self._find(request))
        return Response(status_code=204)

    async def download(self, request: Request) -> Response:
        """GET /files/{id}/download."""
        upload = self._find(request)
        return Response(self.sim.inbox.content(upload), media_type=upload.content_type)


def replicate_file_routes(sim: Simulation) -> list[Route]:
    """Return the routes of Replicate's files API, under both of its prefixes."""
    files = ReplicateFiles(sim)
    table: list[tuple[str, str, Any]] = [
        ("/files", "POST", files.create),
        ("/files", "GET", files.list),
        ("/files/{id}", "GET", files.get),
        ("/files/{id}", "DELETE", files.delete),
        ("/files/{id}/download", "GET", files.download),
    ]
    prefixes = ("/replicate/v1", "/replicate/v1/v1")
    return [Route(prefix + path, handler, methods=[method]) for prefix in prefixes for path, method, handler in table]
