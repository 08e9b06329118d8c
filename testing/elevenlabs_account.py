"""ElevenLabs' history, voices, models and account, simulated."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .elevenlabs_answers import PROBLEMS, read_key, trouble
from .gate import Desk
from .jobs import Job, Phase
from .reply import Reply, answer
from .state import Simulation

__all__ = ["elevenlabs_account_routes"]

VOICES = {"21m00Tcm4TlvDq8ikWAM": "Rachel", "JBFqnCBsd6RMkjVDRZzb": "George", "EXAVITQu4vr4xnSDxMaL": "Sarah"}
LIMIT = 1_000_000


class Account:
    """The handlers that make no sound."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.desk = Desk(sim, "elevenlabs", PROBLEMS)

    def _items(self) -> list[Job]:
        made = [
            job
            for job in self.sim.jobs.values()
            if job.provider == "elevenlabs" and "voice_id" in job.payload and job.phase() is Phase.SUCCEEDED
        ]
        return sorted(made, key=lambda job: job.created, reverse=True)

    def _item(self, job: Job) -> dict[str, Any]:
        return {
            "history_item_id": job.id,
            "request_id": job.extra["request_id"],
            "voice_id": job.payload["voice_id"],
            "voice_name": VOICES.get(str(job.payload["voice_id"]), "Voice"),
            "voice_category": "premade",
            "model_id": job.endpoint,
            "text": job.payload["text"],
            "date_unix": int(job.created),
            "character_count_change_from": 0,
            "character_count_change_to": int(job.units),
            "content_type": "audio/mpeg" if job.product.format == "mp3" else job.product.media_type,
            "state": "created",
            "settings": job.payload.get("voice_settings"),
            "source": "TTS",
            "output_format": job.payload.get("output_format"),
        }

    async def history(self, request: Request) -> Response:
        """GET /v1/history: newest first."""
        await self.desk.enter(request, read_key(request))
        await self.desk.moment(request, "list")
        query, items = request.query_params, self._items()
        if query.get("model_id"):
            items = [job for job in items if job.endpoint == query["model_id"]]
        if query.get("voice_id"):
            items = [job for job in items if job.payload["voice_id"] == query["voice_id"]]
        if query.get("date_after_unix"):
            items = [job for job in items if int(job.created) >= int(query["date_after_unix"])]
        after = query.get("start_after_history_item_id")
        start = next((index + 1 for index, job in enumerate(items) if job.id == after), 0)
        size = int(query.get("page_size", "100"))
        page = items[start : start + size]
        last = page[-1].id if page else None
        shown = {"history": [self._item(job) for job in page], "last_history_item_id": last}
        return answer(shown | {"has_more": start + size < len(items)})

    def _find(self, request: Request) -> Job:
        job = self.sim.jobs.get(request.path_params["id"])
        if job is None or job.provider != "elevenlabs":
            raise Reply(trouble(404, "history_item_not_found", "There is no history item with this id."))
        return job

    async def history_item(self, request: Request) -> Response:
        """GET /v1/history/{id}."""
        await self.desk.enter(request, read_key(request))
        return answer(self._item(self._find(request)))

    async def history_audio(self, request: Request) -> Response:
        """GET /v1/history/{id}/audio: the sound once more, free."""
        await self.desk.enter(request, read_key(request))
        job = self._find(request)
        data = await asyncio.to_thread(self.sim.render, job, 0)
        return Response(data, media_type=self._item(job)["content_type"])

    async def voices(self, request: Request) -> Response:
        """GET /v1/voices and /v2/voices."""
        await self.desk.enter(request, read_key(request))
        voices = [{"voice_id": key, "name": name, "category": "premade", "labels": {}} for key, name in VOICES.items()]
        return answer({"voices": voices, "has_more": False, "total_count": len(voices), "next_page_token": None})

    async def models(self, request: Request) -> Response:
        """GET /v1/models."""
        await self.desk.enter(request, read_key(request))
        names = ("eleven_multilingual_v2", "eleven_flash_v2_5", "eleven_v3")
        return answer([{"model_id": name, "name": name, "can_do_text_to_speech": True} for name in names])

    async def subscription(self, request: Request) -> Response:
        """GET /v1/user/subscription."""
        await self.desk.enter(request, read_key(request))
        used = sum(int(job.units) for job in self.sim.jobs.values() if job.provider == "elevenlabs")
        return answer({"tier": "creator", "character_count": used, "character_limit": LIMIT, "status": "active"})


def elevenlabs_account_routes(sim: Simulation) -> list[Route]:
    """Return the routes of a simulated ElevenLabs account."""
    account = Account(sim)
    table: list[tuple[str, Any]] = [
        ("/v1/history", account.history),
        ("/v1/history/{id}", account.history_item),
        ("/v1/history/{id}/audio", account.history_audio),
        ("/v1/voices", account.voices),
        ("/v2/voices", account.voices),
        ("/v1/models", account.models),
        ("/v1/user/subscription", account.subscription),
    ]
    return [Route(f"/elevenlabs{path}", handler, methods=["GET"]) for path, handler in table]
