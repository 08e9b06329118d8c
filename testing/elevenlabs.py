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
from .gate import Desk, Problems
from .jobs import Job, Phase
from .models import spoken_seconds
from .pricing import Charge
from .product import Product
from .reply import Reply, answer
from .state import Call, Simulation

__all__ = ["PROBLEMS", "elevenlabs_routes", "read_key"]

FORMATS = re.compile(
    r"mp3_(22050_32|24000_48|44100_(32|64|96|128|192)|48000_192)|(pcm|wav)_(8000|16000|22050|24000|32000|44100|48000)|opus_48000_(32|64|96|128|192)|ulaw_8000|alaw_8000"
)
VOICE = re.compile(r"[A-Za-z0-9]{15,40}")
LIMITS = {
    "eleven_v3": 5_000,
    "eleven_multilingual_v2": 10_000,
    "eleven_flash_v2": 30_000,
    "eleven_turbo_v2": 30_000,
}
LONGEST = 40_000
CHEAP = ("flash", "turbo", "conversational")
CREDIT_USD = Decimal("0.00008")  # 0.08 USD for 1000 characters of the dear models, which cost one credit each
SOUND_CREDITS_A_SECOND = 40
MUSIC_USD_A_MINUTE = Decimal("0.15")


def trouble(status: int, name: str, message: str, **extra: Any) -> Response:
    """Return an error answer in ElevenLabs' form."""
    return answer({"detail": {"status": name, "message": message, **extra}}, status)


def invalid(field: str, text: str, kind: str = "value_error") -> Reply:
    """Return a validation error, in the form of its framework."""
    return Reply(answer({"detail": [{"loc": ["body", field], "msg": text, "type": kind}]}, 422))


def _rate_limited(retry_after_s: float | None) -> Response:
    message = (
        "Too many concurrent requests. Your current subscription is associated with a maximum of 5 concurrent requests."
    )
    response = trouble(429, "too_many_concurrent_requests", message)
    if retry_after_s is not None:
        response.headers["Retry-After"] = f"{retry_after_s:g}"
    return response


PROBLEMS = Problems(
    unauthorized=lambda: trouble(401, "invalid_api_key", "Invalid API key"),
    no_money=lambda: trouble(
        401,
        "quota_exceeded",
        "This request exceeds your quota. You have 0 credits remaining.",
    ),
    rate_limited=_rate_limited,
    server_error=lambda status: trouble(status, "internal_server_error", "An unexpected error occurred."),
)


def read_key(request: Request) -> str:
    """Return the key of a request to ElevenLabs, empty when there is none."""
    return request.headers.get("xi-api-key", "").strip()


@dataclass(frozen=True)
class Sound:
    """A checked request: what it is called, what it buys, what it costs, and headers of its answer."""

    call: Call
    product: Product
    charge: Charge
    media_type: str
    headers: Mapping[str, str]


def _format(request: Request, default: str = "mp3_44100_128") -> tuple[str, int, int, str]:
    """Return format, sample rate, bit rate and content type of `output_format`."""
    name = request.query_params.get("output_format", default)
    name = default if name == "auto" else name
    if not FORMATS.fullmatch(name):
        raise invalid(
            "output_format",
            f"Input should be a valid output format, not '{name}'",
            "enum",
        )
    kind, _, rest = name.partition("_")
    rate, _, bits = rest.partition("_")
    types = {
        "mp3": "audio/mpeg",
        "wav": "audio/wav",
        "pcm": "audio/pcm",
        "opus": "audio/opus",
        "ulaw": "audio/basic",
        "alaw": "audio/x-alaw-basic",
    }
    return kind, int(rate), int(bits or 0) * 1000, types[kind]


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
            raise Reply(
                trouble(
                    404,
                    "voice_not_found",
                    f"A voice with the voice_id '{voice}' was not found.",
                )
            )
        if not model.startswith("eleven_"):
            raise Reply(
                trouble(
                    400,
                    "model_not_found",
                    f"A model with model ID {model} does not exist.",
                )
            )
        limit = LIMITS.get(model, LONGEST)
        if len(text) > limit:
            message = f"Text is too long: {len(text)} characters, the model takes {limit}."
            raise Reply(trouble(400, "max_character_limit_exceeded", message))
        kind, rate, bit_rate, media_type = _format(request)
        payload = {
            "voice_id": voice,
            "output_format": request.query_params.get("output_format", "mp3_44100_128"),
            **body,
        }
        call = self.sim.read_call("elevenlabs", model, payload, read_key(request), operation="speech")
        credits = max(1, len(text) // 2) if any(word in model for word in CHEAP) else len(text)
        speed = float((body.get("voice_settings") or {}).get("speed") or 1)
        seconds = round(spoken_seconds(text) / speed, 2)
        product = Product(
            "audio",
            seconds=seconds,
            format=kind,
            sample_rate_hz=rate,
            bit_rate_bps=bit_rate,
        )
        return Sound(
            call,
            product,
            Charge(Decimal(credits), credits * CREDIT_USD),
            media_type,
            {"character-cost": str(credits)},
        )

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
        response = await self.delivery.send(request, job, data, sound.media_type)
        response.headers.update(self._headers(job) | dict(sound.headers))
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
        return await self._send(request, await self._read_speech(request), _refused())

    async def timed(self, request: Request) -> Response:
        """POST /v1/text-to-speech/{voice}/with-timestamps, and its stream, which comes as one line of JSON."""
        sound = await self._read_speech(request)
        job, data = await self._perform(request, sound, _refused())
        alignment = _alignment(str(job.payload["text"]), job.product.seconds)
        body = {
            "audio_base64": base64.b64encode(data).decode(),
            "alignment": alignment,
            "normalized_alignment": alignment,
        }
        headers = self._headers(job) | dict(sound.headers)
        if request.url.path.endswith("/stream/with-timestamps"):
            response = Response(json.dumps(body) + "\n", headers=headers, media_type="application/json")
        else:
            response = answer(body, headers=headers)
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
        kind, rate, bit_rate, media_type = _format(request)
        payload = {
            "output_format": request.query_params.get("output_format", "mp3_44100_128"),
            **body,
        }
        call = self.sim.read_call("elevenlabs", model, payload, read_key(request), operation="sound")
        length = float(seconds) if seconds is not None else 3.0 + int(call.payload_hash[:2], 16) % 5
        credits = round(SOUND_CREDITS_A_SECOND * length) if seconds is not None else 5 * SOUND_CREDITS_A_SECOND
        charge = Charge(Decimal(credits), credits * CREDIT_USD)
        product = Product(
            "audio",
            seconds=length,
            format=kind,
            sample_rate_hz=rate,
            channels=2,
            bit_rate_bps=bit_rate,
        )
        return await self._send(
            request,
            Sound(call, product, charge, media_type, {"character-cost": str(credits)}),
            _refused(),
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
        kind, rate, bit_rate, media_type = _format(request, default)
        payload = {
            "output_format": request.query_params.get("output_format", "auto"),
            **body,
        }
        operation = "music"
        call = self.sim.read_call("elevenlabs", model, payload, read_key(request), operation=operation)
        seconds = int(length or 30_000) / 1000
        minutes = Decimal(str(seconds)) / 60
        product = Product(
            "audio",
            seconds=seconds,
            format=kind,
            sample_rate_hz=rate,
            channels=2,
            bit_rate_bps=bit_rate,
        )
        return Sound(
            call,
            product,
            Charge(minutes, minutes * MUSIC_USD_A_MINUTE),
            media_type,
            {"song-id": call.payload_hash[:20]},
        )

    async def music(self, request: Request) -> Response:
        """POST /v1/music, and its `/stream`."""
        return await self._send(request, await self._read_music(request), _bad_prompt())

    async def detailed(self, request: Request) -> Response:
        """POST /v1/music/detailed: JSON and sound as parts of one answer."""
        sound = await self._read_music(request)
        job, data = await self._perform(request, sound, _bad_prompt())
        described = {
            "composition_plan": job.payload.get("composition_plan") or _plan(sound.product.seconds),
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
        return answer(_plan(int(body.get("music_length_ms") or 30_000) / 1000))


def _plan(seconds: float) -> dict[str, Any]:
    section = {
        "section_name": "Whole",
        "positive_local_styles": [],
        "negative_local_styles": [],
        "duration_ms": int(seconds * 1000),
        "lines": [],
    }
    return {
        "positive_global_styles": ["calm"],
        "negative_global_styles": [],
        "sections": [section],
    }


def _refused() -> Response:
    return trouble(400, "content_against_policy", "The text violates the usage policy.")


def _bad_prompt() -> Response:
    message = "The prompt contains material that may be copyrighted."
    return trouble(
        400,
        "bad_prompt",
        message,
        code="bad_request",
        data={"prompt_suggestion": "A calm piano piece"},
    )


def _alignment(text: str, seconds: float) -> dict[str, Any]:
    step = seconds / max(1, len(text))
    return {
        "characters": list(text),
        "character_start_times_seconds": [round(index * step, 3) for index in range(len(text))],
        "character_end_times_seconds": [round((index + 1) * step, 3) for index in range(len(text))],
    }


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
