"""fal's file hosts and platform pages, simulated: uploads in all documented ways, published schemas, prices."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .fal_answers import PROBLEMS, read_key
from .gate import Desk
from .inbox import Uploaded
from .reply import Reply, answer
from .schemas import fal_category, fal_schema
from .site import link
from .state import Simulation

__all__ = ["fal_storage_routes"]

UNKNOWN = "application/octet-stream"
TOKEN = "simulated-upload-token"  # noqa: S105 - stands for a short-lived upload token, opens nothing


class FalStorage:
    """The handlers of `rest.fal.ai`, `v3.fal.media` and `api.fal.ai`."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.desk = Desk(sim, "fal", PROBLEMS)
        self._parts: dict[str, dict[int, bytes]] = {}

    async def token(self, request: Request) -> Response:
        """POST /storage/auth/token: a short-lived token for the file host."""
        await self.desk.enter(request, read_key(request))
        expires = datetime.now(UTC) + timedelta(hours=1)
        base = link(request, "fal-cdn", "")
        return answer({"token": TOKEN, "token_type": "Bearer", "base_url": base, "expires_at": expires.isoformat()})

    async def initiate(self, request: Request) -> Response:
        """POST /storage/upload/initiate: where to put the bytes, and where they will be."""
        await self.desk.enter(request, read_key(request))
        body = await request.json()
        await self.desk.moment(request, "upload")
        name, kind = str(body.get("file_name", "upload.bin")), str(body.get("content_type", UNKNOWN))
        upload = self.sim.inbox.keep(b"", name, kind, "fal")
        at = link(request, "fal-cdn", f"/files/up/{upload.id}/{_plain_name(name)}")
        return answer({"upload_url": f"{at}?signature=simulated", "file_url": at})

    async def put(self, request: Request) -> Response:
        """PUT on an `upload_url`, without any credential."""
        self.sim.fill(self._find(request, "id"), await request.body())
        return Response(status_code=200)

    def _find(self, request: Request, parameter: str) -> Uploaded:
        upload = self.sim.inbox.get(request.path_params[parameter], "fal")
        if upload is None:
            raise Reply(answer({"detail": "Not found"}, 404))
        return upload

    async def upload(self, request: Request) -> Response:
        """POST /files/upload on the file host: raw bytes."""
        self._require_token(request)
        await self.desk.moment(request, "upload")
        name = request.headers.get("x-fal-file-name", "upload.bin")
        kind = request.headers.get("content-type", UNKNOWN)
        upload = self.sim.keep(await request.body(), name, kind, "fal")
        return answer({"access_url": link(request, "fal-cdn", f"/files/up/{upload.id}/{_plain_name(name)}")})

    def _require_token(self, request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            self.sim.event("unauthorized", provider="fal", path=request.url.path)
            raise Reply(answer({"detail": "Invalid upload token"}, 401))

    async def start_parts(self, request: Request) -> Response:
        """POST /files/upload/multipart."""
        self._require_token(request)
        name = request.headers.get("x-fal-file-name", "upload.bin")
        upload = self.sim.inbox.keep(b"", name, request.headers.get("content-type", UNKNOWN), "fal")
        self._parts[upload.id] = {}
        at = link(request, "fal-cdn", f"/files/up/{upload.id}/{_plain_name(name)}")
        return answer({"access_url": at, "uploadId": upload.id})

    async def put_part(self, request: Request) -> Response:
        """PUT {access_url}/multipart/{uploadId}/{number}."""
        self._require_token(request)
        data = await request.body()
        self._parts[self._find(request, "upload").id][request.path_params["number"]] = data
        return Response(status_code=200, headers={"ETag": f'"{hashlib.sha256(data).hexdigest()[:32]}"'})

    async def finish_parts(self, request: Request) -> Response:
        """POST {access_url}/multipart/{uploadId}/complete."""
        self._require_token(request)
        upload = self._find(request, "upload")
        parts = self._parts.pop(upload.id)
        self.sim.fill(upload, b"".join(parts[number] for number in sorted(parts)))
        return answer({"url": request.path_params["id"]})

    async def file(self, request: Request) -> Response:
        """GET a file that was uploaded."""
        upload = self._find(request, "id")
        return Response(self.sim.inbox.content(upload), media_type=upload.content_type)

    async def models(self, request: Request) -> Response:
        """GET /v1/models?endpoint_id=a&expand=openapi-3.0: metadata, and the schema when it is asked for."""
        await self.desk.enter(request, read_key(request))
        await self.desk.moment(request, "describe")
        expanded = "openapi-3.0" in request.query_params.getlist("expand")
        listed = [self._listed(endpoint, expanded) for endpoint in request.query_params.getlist("endpoint_id")]
        return answer({"models": listed, "next_cursor": None, "has_more": False})

    def _listed(self, endpoint: str, expanded: bool) -> dict[str, Any]:
        model = self.sim.catalogue.find("fal", endpoint)
        if not model.known:  # comes back as a shell
            error = {"code": "not_found", "message": f"Endpoint '{endpoint}' not found"}
            return {"endpoint_id": endpoint} | ({"openapi": {"error": error}} if expanded else {})
        metadata = {
            "display_name": endpoint.partition("/")[2].replace("/", " ").replace("-", " ").title(),
            "category": fal_category(endpoint, model),
            "description": "Simulated.",
            "status": "active",
            "tags": [],
            "updated_at": "2026-01-01T00:00:00Z",
            "model_url": f"https://fal.run/{endpoint}",
            "kind": "inference",
        }
        schema = {"openapi": fal_schema(endpoint, model)} if expanded else {}
        return {"endpoint_id": endpoint, "metadata": metadata, **schema}

    async def prices(self, request: Request) -> Response:
        """GET /v1/models/pricing?endpoint_id=a&endpoint_id=b."""
        await self.desk.enter(request, read_key(request))
        units = {
            "MP": "megapixels",
            "image": "images",
            "s": "seconds",
            "min": "minutes",
            "1k": "1000 characters",
            "gpu-s": "compute seconds",
        }
        prices: list[dict[str, Any]] = []
        for endpoint in request.query_params.getlist("endpoint_id"):
            model = self.sim.catalogue.find("fal", endpoint)
            if term := model.first_price:
                unit = units.get(term[3], f"{model.kind}s")  # a clip is a video, or a sound
                price = {"unit_price": float(term[1]), "unit": unit, "currency": "USD"}
                prices.append({"endpoint_id": endpoint, **price})
        return answer({"prices": prices, "next_cursor": None, "has_more": False})

    async def schema(self, request: Request) -> Response:
        """GET /api/openapi/queue/openapi.json?endpoint_id=...: the published schema of a model."""
        endpoint = request.query_params.get("endpoint_id", "")
        model = self.sim.catalogue.find("fal", endpoint)
        if not model.known:
            return answer({"detail": "Not found"}, 404)
        return answer(fal_schema(endpoint, model))


def _plain_name(name: str) -> str:
    return "".join(char if char.isalnum() or char in ".-_" else "_" for char in name) or "file"


def fal_storage_routes(sim: Simulation) -> list[Route]:
    """Return the routes of fal's file hosts and platform pages."""
    storage = FalStorage(sim)
    cdn = "/fal/_cdn/files"
    return [
        Route("/fal/_rest/storage/auth/token", storage.token, methods=["POST"]),
        Route("/fal/_rest/storage/upload/initiate", storage.initiate, methods=["POST"]),
        Route(f"{cdn}/upload/multipart", storage.start_parts, methods=["POST"]),
        Route(f"{cdn}/upload", storage.upload, methods=["POST"]),
        Route(cdn + "/up/{id}/{name}/multipart/{upload}/complete", storage.finish_parts, methods=["POST"]),
        Route(cdn + "/up/{id}/{name}/multipart/{upload}/{number:int}", storage.put_part, methods=["PUT"]),
        Route(cdn + "/up/{id}/{name}", storage.put, methods=["PUT"]),
        Route(cdn + "/up/{id}/{name}", storage.file, methods=["GET"]),
        Route("/fal/_platform/v1/models", storage.models, methods=["GET"]),
        Route("/fal/_platform/v1/models/pricing", storage.prices, methods=["GET"]),
        Route("/fal/_platform/api/openapi/queue/openapi.json", storage.schema, methods=["GET"]),
    ]
