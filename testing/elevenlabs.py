"""ElevenLabs' speech, sound and music, simulated."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .delivery import Delivery, spoiled_bytes
from .elevenlabs_answers import (
    PROBLEMS,
    alignment,
    bad_prompt,
    invalid,
    music_plan,
    read_format,
    read_key,
    refused,
    trouble,
)
from .gate import Desk
from .jobs import Job, Phase
from .models import spoken_seconds
from .pricing import Charge
from .product import Product
from .reply import Reply, answer
from .state import Call, Simulation

__all__ = ["elevenlabs_routes"]

VOICE = re.compile(r"[A-Za-z0-9]{15,40}")
LIMITS = {"eleven_v3": 5_000, "eleven_multilingual_v2": 10_000, "eleven_flash_v2": 30_000, "eleven_turbo_v2": 30_000}


LONGEST = 40_000
CHEAP = ("flash", "turbo", "conversational")


CREDIT_USD = Decimal("0.00008")  # 0.08 USD for 1000 characters of the dear models, which cost one credit each
SOUND_CREDITS_A_SECOND = 40


MUSIC_USD_A_MINUTE = Decimal("0.15")


@dataclass(frozen=True)
class Sound:
    """A checked request: what it is called, what it buys, what it costs, and headers of its answer."""

    call: Call
    product: Product
    charge: Charge
    media_type: str
    headers: Mapping[str, str]


class ElevenLabs:
    """The handlers of one simulated ElevenLabs."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.desk = Desk(sim, "elevenlabs", PROBLEMS)
        self.delivery = Delivery(sim)

    async def _json(self, request: Request) -> dict[str, Any]:
        await self.desk.enter(request, read_key(request))
        try:
            body = await request.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise invalid("", "Input should be a valid dictionary", "dict_type")
        return body

    async def _read_speech(self, request: Request) -> Sound:
        body = await self._json(request)
        voice, text = request.path_params["voice"], body.get("text")
        model = str(body.get("model_id") or "eleven_multilingual_v2")
        if not isinstance(text, str) or not text:
            raise invalid("text", "field required", "value_error.missing")
        if not VOICE.fullmatch(voice):
            raise Reply(trouble(404, "voice_not_found", f"A voice with the voice_id '{voice}' was not found."))
        if not model.startswith("eleven_"):
            raise Reply(trouble(400, "model_not_found", f"A model with model ID {model} does not exist."))
        limit = LIMITS.get(model, LONGEST)
        if len(text) > limit:
            message = f"Text is too long: {len(text)} characters, the model takes {limit}."
            raise Reply(trouble(400, "max_character_limit_exceeded", message))
        kind, rate, bit_rate, media_type = read_format(request)
        payload = {
            "voice_id": voice,
            "output_format": request.query_params.get("output_format", "mp3_44100_128"),
            **body,
        }
        call = self.sim.read_call("elevenlabs", model, payload, read_key(request), operation="speech")
        cost = max(1, len(text) // 2) if any(word in model for word in CHEAP) else len(text)
        speed = float((body.get("voice_settings") or {}).get("speed") or 1)
        seconds = round(spoken_seconds(text) / speed, 2)
        product = Product("audio", seconds=seconds, format=kind, sample_rate_hz=rate, bit_rate_bps=bit_rate)
        return Sound(call, product, Charge(Decimal(cost), cost * CREDIT_USD), media_type, {"character-cost": str(cost)})

    async def _perform(self, request: Request, sound: Sound, refusal: Response) -> tuple[Job, bytes]:
        """Accept a request, let its time pass, and return its bytes."""
        if await self.desk.moment(request, "received", sound.call):
            self.sim.event("refused", provider="elevenlabs", endpoint=sound.call.endpoint)
            raise Reply(refusal)
        rules = self.desk.draw_for_job(request, sound.call, None)
        job = self.sim.accept(sound.call, uuid.uuid4().hex, sound.product, rules, sound.charge)
        job.extra["request_id"] = uuid.uuid4().hex
        await self.desk.moment(request, "accepted", job)
        await asyncio.sleep(max(0.0, min(job.finishes - time.time(), 3600.0)))
        self.sim.note_end(job)
        if job.phase() is not Phase.SUCCEEDED:
            raise Reply(PROBLEMS.server_error(500))
        data = await asyncio.to_thread(self.sim.render, job, 0)
        return job, b"" if "no-output" in job.faults else spoiled_bytes(job, data)

    async def _send(self, request: Request, sound: Sound, refusal: Response) -> Response:
        job, data = await self._perform(request, sound, refusal)
        headers = self._headers(job) | dict(sound.headers)
        response = await self.delivery.send(request, job, data, sound.media_type, headers)
        return self.desk.closing(response, request, "answered", job)

    def _headers(self, job: Job) -> dict[str, str]:
        return {
            "request-id": job.extra["request_id"],
            "history-item-id": job.id,
            "x-trace-id": job.extra["request_id"],
            "current-concurrent-requests": "1",
            "maximum-concurrent-requests": "5",
        }

    async def speech(self, request: Request) -> Response:
        """POST /v1/text-to-speech/{voice}, and its `/stream`."""
        return await self._send(request, await self._read_speech(request), refused())

    async def timed(self, request: Request) -> Response:
        """POST /v1/text-to-speech/{voice}/with-timestamps, and its stream, which comes as one line of JSON."""
        sound = await self._read_speech(request)
        job, data = await self._perform(request, sound, refused())
        timings = alignment(str(job.payload["text"]), job.product.seconds)
        body = {"audio_base64": base64.b64encode(data).decode(), "alignment": timings, "normalized_alignment": timings}
        headers = self._headers(job) | dict(sound.headers)
        line = (json.dumps(body) + "\n").encode()
        response = await self.delivery.send(request, job, line, "application/json", headers)
        return self.desk.closing(response, request, "answered", job)

    async def sound(self, request: Request) -> Response:
        """POST /v1/sound-generation."""
        body = await self._json(request)
        if not isinstance(body.get("text"), str) or not body["text"]:
            raise invalid("text", "field required", "value_error.missing")
        seconds = body.get("duration_seconds")
        if seconds is not None and not 0.5 <= float(seconds) <= 30:
            raise invalid("duration_seconds", "Input should be between 0.5 and 30")
        model = str(body.get("model_id") or "eleven_text_to_sound_v2")
        kind, rate, bit_rate, media_type = read_format(request)
        payload = {"output_format": request.query_params.get("output_format", "mp3_44100_128"), **body}
        call = self.sim.read_call("elevenlabs", model, payload, read_key(request), operation="sound")
        length = float(seconds) if seconds is not None else 3.0 + int(call.payload_hash[:2], 16) % 5
        cost = round(SOUND_CREDITS_A_SECOND * length) if seconds is not None else 5 * SOUND_CREDITS_A_SECOND
        charge = Charge(Decimal(cost), cost * CREDIT_USD)
        product = Product("audio", seconds=length, format=kind, sample_rate_hz=rate, channels=2, bit_rate_bps=bit_rate)
        return await self._send(
            request, Sound(call, product, charge, media_type, {"character-cost": str(cost)}), refused()
        )

    async def _read_music(self, request: Request) -> Sound:
        body = await self._json(request)
        prompt, plan = body.get("prompt"), body.get("composition_plan")
        if (prompt is None) == (plan is None):
            raise invalid("prompt", "Provide exactly one of prompt and composition_plan")
        length = body.get("music_length_ms")
        if length is not None and not 3000 <= int(length) <= 600_000:
            raise invalid("music_length_ms", "Input should be between 3000 and 600000")
        if plan is not None:
            length = sum(int(section.get("duration_ms", 10_000)) for section in plan.get("sections", ())) or 10_000
        model = str(body.get("model_id") or "music_v1")
        default = "mp3_44100_128" if model == "music_v1" else "mp3_48000_192"
        kind, rate, bit_rate, media_type = read_format(request, default)
        payload = {"output_format": request.query_params.get("output_format", "auto"), **body}
        operation = "music"
        call = self.sim.read_call("elevenlabs", model, payload, read_key(request), operation=operation)
        seconds = int(length or 30_000) / 1000
        minutes = Decimal(str(seconds)) / 60
        product = Product("audio", seconds=seconds, format=kind, sample_rate_hz=rate, channels=2, bit_rate_bps=bit_rate)
        return Sound(
            call,
            product,
            Charge(minutes, minutes * MUSIC_USD_A_MINUTE),
            media_type,
            {"song-id": call.payload_hash[:20]},
        )

    async def music(self, request: Request) -> Response:
        """POST /v1/music, and its `/stream`."""
        return await self._send(request, await self._read_music(request), bad_prompt())

    async def detailed(self, request: Request) -> Response:
        """POST /v1/music/detailed: JSON and sound as parts of one answer."""
        sound = await self._read_music(request)
        job, data = await self._perform(request, sound, bad_prompt())
        described = {
            "composition_plan": job.payload.get("composition_plan") or music_plan(sound.product.seconds),
            "song_metadata": {"title": "Simulated", "genres": []},
        }
        head = f"Content-Type: application/json\r\n\r\n{json.dumps(described)}\r\n--simulated\r\n"
        name = f'Content-Type: {sound.media_type}\r\nContent-Disposition: attachment; filename="song{sound.product.suffix}"\r\n\r\n'
        body = b"--simulated\r\n" + head.encode() + name.encode() + data + b"\r\n--simulated--\r\n"
        headers = self._headers(job) | dict(sound.headers)
        response = Response(body, headers=headers, media_type="multipart/mixed; boundary=simulated")
        return self.desk.closing(response, request, "answered", job)

    async def plan(self, request: Request) -> Response:
        """POST /v1/music/plan: free."""
        body = await self._json(request)
        return answer(music_plan(int(body.get("music_length_ms") or 30_000) / 1000))


def elevenlabs_routes(sim: Simulation) -> list[Route]:
    """Return the routes that make sound at a simulated ElevenLabs."""
    api = ElevenLabs(sim)
    table: list[tuple[str, Any]] = [
        ("/v1/text-to-speech/{voice}/stream/with-timestamps", api.timed),
        ("/v1/text-to-speech/{voice}/with-timestamps", api.timed),
        ("/v1/text-to-speech/{voice}/stream", api.speech),
        ("/v1/text-to-speech/{voice}", api.speech),
        ("/v1/sound-generation", api.sound),
        ("/v1/music/detailed", api.detailed),
        ("/v1/music/stream", api.music),
        ("/v1/music/plan", api.plan),
        ("/v1/music", api.music),
    ]
    return [Route(f"/elevenlabs{path}", handler, methods=["POST"]) for path, handler in table]
