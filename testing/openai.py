"""OpenAI's image and speech endpoints, simulated."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .delivery import Delivery, spoiled_bytes
from .gate import Desk
from .jobs import Job, Phase
from .models import spoken_seconds
from .multipart import read_form
from .openai_answers import PROBLEMS, invalid, picture_events, read_key, refused, reply_headers, speech_events, trouble
from .openai_rules import TOKENS, Usage, picture_size, speech_charge
from .pricing import Charge
from .product import Product
from .reply import Reply
from .state import Call, Simulation

__all__ = ["openai_routes"]

IMAGE_FIELDS = frozenset(
    ["prompt", "model", "n", "size", "quality", "output_format", "output_compression", "background", "moderation", "complexity",
     "stream", "partial_images", "safety_identifier", "user", "input_fidelity", "markup", "image", "images", "mask"]
)  # fmt: skip
QUALITIES = ("auto", "low", "medium", "high", "xhigh", "max")


VOICES = frozenset(
    ["alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer", "verse", "marin", "cedar"]
)  # fmt: skip
# Speech formats: our format, sample rate, content type.
SPEECH = {
    "mp3": ("mp3", 24_000, "audio/mpeg"),
    "opus": ("opus", 48_000, "audio/opus"),
    "aac": ("aac", 24_000, "audio/aac"),
    "flac": ("flac", 24_000, "audio/flac"),
    "wav": ("wav", 24_000, "audio/wav"),
    "pcm": ("pcm", 24_000, "audio/pcm"),
}


class OpenAI:
    """The handlers of one simulated OpenAI."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.desk = Desk(sim, "openai", PROBLEMS)
        self.delivery = Delivery(sim)

    async def generate(self, request: Request) -> Response:
        """POST /images/generations."""
        await self.desk.enter(request, read_key(request))
        return await self._picture(request, await self._json(request), (), "generations")

    async def edit(self, request: Request) -> Response:
        """POST /images/edits, as a form or as JSON."""
        await self.desk.enter(request, read_key(request))
        form = await read_form(request)
        if not form:
            return await self._picture(request, await self._json(request), (), "edits")
        files = tuple(part.data for part in form if part.filename is not None)
        fields: dict[str, Any] = {part.name: part.text for part in form if part.filename is None}
        for name in ("n", "output_compression", "partial_images"):
            if name in fields:
                fields[name] = int(fields[name])
        if not any(part.name.startswith("image") for part in form if part.filename is not None):
            raise invalid("image", "Missing required parameter: 'image'.", "missing_required_parameter")
        return await self._picture(request, fields, files, "edits")

    async def _json(self, request: Request) -> dict[str, Any]:
        try:
            body = await request.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise Reply(trouble(400, "We could not parse the JSON body of your request.", None))
        return body

    def _check_model(self, name: str, *prefixes: str) -> None:
        if not name.startswith(prefixes) or name == "gpt-image-1":
            raise Reply(
                trouble(404, f"The model '{name}' does not exist or you do not have access to it.", "model_not_found")
            )

    def _check_picture(self, body: Mapping[str, Any]) -> None:
        self._check_model(str(body.get("model", "dall-e-2")), "gpt-image-", "chatgpt-image-")
        unknown = sorted(set(body) - IMAGE_FIELDS)
        if unknown:
            raise invalid(unknown[0], f"Unknown parameter: '{unknown[0]}'.", "unknown_parameter")
        if not body.get("prompt"):
            raise invalid("prompt", "Missing required parameter: 'prompt'.", "missing_required_parameter")
        if not 1 <= int(body.get("n") or 1) <= 10:
            raise invalid("n", f"Invalid 'n': {body['n']} is not between 1 and 10.", "integer_out_of_range")
        for name, allowed in (("quality", QUALITIES), ("output_format", ("png", "jpeg", "webp"))):
            if body.get(name) not in (None, *allowed):
                raise invalid(name, f"Invalid value: '{body[name]}'. Supported values are: {', '.join(allowed)}.")
        if body.get("background") == "transparent" and body.get("output_format") == "jpeg":
            raise invalid("background", "Transparent background is not supported for the jpeg format.")

    async def _picture(
        self, request: Request, body: dict[str, Any], files: tuple[bytes, ...], operation: str
    ) -> Response:
        self._check_picture(body)
        model = str(body["model"])
        call = self.sim.read_call("openai", model, body, read_key(request), operation=operation, files=files)
        if await self.desk.moment(request, "received", call):
            self.sim.event("refused", provider="openai", endpoint=model)
            raise Reply(refused())
        width, height = picture_size(str(body.get("size") or "auto"), model, call.media)
        cutout = body.get("background") == "transparent"
        encoding = str(body.get("output_format") or "png")
        product = Product("image", int(body.get("n") or 1), width, height, format=encoding, cutout=cutout)
        usage, rates = self._usage(body, call, product)
        job = await self._perform(request, call, product, usage.charge(rates))
        images = await asyncio.to_thread(self._encoded, job)
        shown = {
            "created": int(job.created),
            "background": "transparent" if cutout else "opaque",
            "output_format": encoding,
            "quality": self._quality(body),
            "size": f"{width}x{height}",
            "data": [{"b64_json": image} for image in images],
            "usage": usage.to_json(),
        }
        if body.get("stream"):
            return self.desk.closing(picture_events(shown, body, operation), request, "answered", job)
        return await self._send(request, job, json.dumps(shown).encode(), "application/json")

    async def _send(self, request: Request, job: Job, data: bytes, media_type: str) -> Response:
        response = await self.delivery.send(request, job, data, media_type, reply_headers(job.id))
        return self.desk.closing(response, request, "answered", job)

    def _encoded(self, job: Job) -> list[str]:
        if "no-output" in job.faults:
            return []
        files = (spoiled_bytes(job, self.sim.render(job, index)) for index in range(job.product.count))
        return [base64.b64encode(data).decode() for data in files]

    def _quality(self, body: Mapping[str, Any]) -> str:
        quality = str(body.get("quality") or "auto")
        return "medium" if quality == "auto" else quality

    def _usage(self, body: Mapping[str, Any], call: Call, product: Product) -> tuple[Usage, tuple[str, str, str]]:
        by_quality, rates = next(facts for prefix, facts in TOKENS.items() if call.endpoint.startswith(prefix))
        area = product.width * product.height / 1024**2
        factor = area if "gpt-image-2" not in call.endpoint else area**0.31
        each = round(by_quality.get(self._quality(body), by_quality["high"]) * factor)
        seen = sum(min(1536, (one.width // 32) * (one.height // 32)) for one in call.media)
        return Usage(len(str(body["prompt"])) // 4 + 1, seen, each * product.count), rates

    async def _perform(self, request: Request, call: Call, product: Product, charge: Charge) -> Job:
        """Accept a request and let its time pass; a failure on the way is the provider's 500."""
        rules = self.desk.draw_for_job(request, call, None)
        job = self.sim.accept(call, f"req_{secrets.token_hex(16)}", product, rules, charge)
        await self.desk.moment(request, "accepted", job)
        await asyncio.sleep(max(0.0, min(job.finishes - time.time(), 3600.0)))
        self.sim.note_end(job)
        if job.phase() is not Phase.SUCCEEDED:
            raise Reply(PROBLEMS.server_error(500))
        return job

    async def speech(self, request: Request) -> Response:
        """POST /audio/speech."""
        await self.desk.enter(request, read_key(request))
        body = await self._json(request)
        model, text, encoding = (
            str(body.get("model", "")),
            str(body.get("input") or ""),
            str(body.get("response_format") or "mp3"),
        )
        self._check_model(model, "tts-1", "gpt-4o-mini-tts")
        if not text:
            raise invalid("input", "Missing required parameter: 'input'.", "missing_required_parameter")
        if len(text) > 4096:
            raise invalid(
                "input",
                "Invalid 'input': string too long. Expected at most 4096 characters.",
                "string_above_max_length",
            )
        voice = body.get("voice")
        if not (isinstance(voice, dict) or voice in VOICES):
            raise invalid("voice", f"Invalid value: '{voice}'. Supported values are: {', '.join(sorted(VOICES))}.")
        if encoding not in SPEECH:
            raise invalid("response_format", f"Invalid value: '{encoding}'. Supported values are: {', '.join(SPEECH)}.")
        call = self.sim.read_call("openai", model, body, read_key(request), operation="speech")
        if await self.desk.moment(request, "received", call):
            self.sim.event("refused", provider="openai", endpoint=model)
            raise Reply(refused())
        kind, rate, media_type = SPEECH[encoding]
        seconds = round(spoken_seconds(text) / float(body.get("speed") or 1), 2)
        product = Product("audio", seconds=seconds, format=kind, sample_rate_hz=rate)
        job = await self._perform(request, call, product, speech_charge(model, text, seconds))
        data = spoiled_bytes(job, await asyncio.to_thread(self.sim.render, job, 0))
        if body.get("stream_format") == "sse":
            return self.desk.closing(speech_events(data, text, seconds), request, "answered", job)
        return await self._send(request, job, data, media_type)


def openai_routes(sim: Simulation) -> list[Route]:
    """Return the routes of a simulated OpenAI."""
    api = OpenAI(sim)
    return [
        Route("/openai/v1/images/generations", api.generate, methods=["POST"]),
        Route("/openai/v1/images/edits", api.edit, methods=["POST"]),
        Route("/openai/v1/audio/speech", api.speech, methods=["POST"]),
    ]
