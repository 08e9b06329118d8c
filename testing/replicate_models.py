"""Replicate's pages about models, hardware and the account, simulated."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .gate import Desk
from .replicate_answers import PROBLEMS, not_found, read_key
from .reply import Reply, answer
from .schemas import replicate_example, replicate_schema
from .state import Simulation

__all__ = ["ReplicateModels"]


class ReplicateModels:
    """The handlers that describe rather than run."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.desk = Desk(sim, "replicate", PROBLEMS)

    async def model(self, request: Request) -> Response:
        """GET /models/{owner}/{name}."""
        await self.desk.enter(request, read_key(request))
        await self.desk.moment(request, "describe")
        return answer(self._described(request))

    async def version(self, request: Request) -> Response:
        """GET /models/{owner}/{name}/versions/{id}."""
        await self.desk.enter(request, read_key(request))
        await self.desk.moment(request, "describe")
        owner, name, version = (request.path_params[part] for part in ("owner", "name", "id"))
        described = self._described(request)["latest_version"]
        if version not in (described["id"], *self.sim.catalogue.find("replicate", f"{owner}/{name}").versions):
            raise Reply(not_found())
        return answer(described | {"id": version})

    async def versions(self, request: Request) -> Response:
        """GET /models/{owner}/{name}/versions."""
        await self.desk.enter(request, read_key(request))
        return answer({"previous": None, "next": None, "results": [self._described(request)["latest_version"]]})

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
            "default_example": replicate_example(f"{owner}/{name}", version, model),
            "is_official": not model.versions,
            "latest_version": {
                "id": version,
                "created_at": "2026-01-01T00:00:00.000000Z",
                "cog_version": "0.16.0",
                "openapi_schema": replicate_schema(model),
            },
        }

    async def account(self, request: Request) -> Response:
        """GET /account."""
        await self.desk.enter(request, read_key(request))
        return answer({"type": "user", "username": "simulated", "name": "Simulated", "github_url": None})

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
