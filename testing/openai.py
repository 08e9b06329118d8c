"""OpenAI's image and speech endpoints, simulated."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..media.measure import Measured
from .delivery import Delivery, spoiled_bytes
from .gate import Desk, Problems
from .jobs import Job, Phase
from .models import spoken_seconds
from .multipart import read_form
from .pricing import Charge
from .product import Product
from .reply import Reply, answer
from .state import Call, Simulation

__all__ = ["openai_routes"]

IMAGE_FIELDS = frozenset(
    "prompt model n size quality output_format output_compression background moderation complexity stream partial_images "
    "safety_identifier user input_fidelity markup image images mask".split()
)
SIZES = ("1024x1024", "1536x1024", "1024x1536")
QUALITIES = ("auto", "low", "medium", "high", "xhigh", "max")
VOICES = frozenset("alloy ash ballad coral echo fable onyx nova sage shimmer verse marin cedar".split())
# Speech formats: our format, sample rate, content type.
SPEECH = {
    "mp3": ("mp3", 24_000, "audio/mpeg"),
    "opus": ("opus", 48_000, "audio/opus"),
    "aac": ("aac", 24_000, "audio/aac"),
    "flac": ("flac", 24_000, "audio/flac"),
    "wav": ("wav", 24_000, "audio/wav"),
    "pcm": ("pcm", 24_000, "audio/pcm"),
}
# Output tokens of a 1024x1024 picture by quality, and USD for a million tokens: text in, image in, image out. Derived
# from published prices (read 2026-11-23), so they are near the truth, not exact.
TOKENS: dict[str, tuple[dict[str, int], tuple[str, str, str]]] = {
    "gpt-image-1-mini": ({"low": 272, "medium": 1056, "high": 4160}, ("2", "2.5", "8")),
    "gpt-image-1.5": ({"low": 272, "medium": 1056, "high": 4160}, ("5", "8", "32")),
    "chatgpt-image": ({"low": 272, "medium": 1056, "high": 4160}, ("5", "8", "32")),
    "gpt-image-2.": (
        {"low": 197, "medium": 440, "high": 1757, "xhigh": 3123, "max": 7023},
        ("5", "8", "30"),
    ),
    "gpt-image-2": ({"low": 200, "medium": 1767, "high": 7033}, ("5", "8", "30")),
}
SPEECH_USD = {"tts-1-hd": "30", "tts-1": "15"}
MILLION = Decimal(1_000_000)


def trouble(
    status: int,
    message: str,
    code: str | None,
    *,
    kind: str = "invalid_request_error",
    param: str | None = None,
) -> Response:
    """Return an error answer in OpenAI's form."""
    return answer(
        {"error": {"message": message, "type": kind, "param": param, "code": code}},
        status,
        _headers(),
    )


def _headers() -> dict[str, str]:
    return {
        "x-request-id": f"req_{secrets.token_hex(16)}",
        "openai-processing-ms": "100",
    }


def _rate_limited(retry_after_s: float | None) -> Response:
    message = "Rate limit reached for requests. Please try again later."
    response = trouble(429, message, "rate_limit_exceeded", kind="requests")
    if retry_after_s is not None:
        response.headers["Retry-After"] = f"{retry_after_s:g}"
    return response


PROBLEMS = Problems(
    unauthorized=lambda: trouble(401, "Incorrect API key provided.", "invalid_api_key"),
    no_money=lambda: trouble(
        429,
        "You exceeded your current quota, please check your plan and billing details.",
        "insufficient_quota",
        kind="insufficient_quota",
    ),
    rate_limited=_rate_limited,
    server_error=lambda status: trouble(
        status,
        "The server had an error while processing your request. Sorry about that!",
        None,
        kind="server_error",
    ),
)


def _refused() -> Response:
    message = "Your request was rejected by the safety system. If you believe this is an error, contact us at help.openai.com."
    return trouble(400, message, "moderation_blocked", kind="image_generation_user_error")


def _invalid(param: str, message: str, code: str = "invalid_value") -> Reply:
    return Reply(trouble(400, message, code, param=param))


def read_key(request: Request) -> str:
    """Return the key of a request to OpenAI, empty when there is none."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme == "Bearer" else ""


@dataclass(frozen=True)
class Usage:
    """Tokens of one picture request."""

    text_in: int
    image_in: int
    out: int

    def charge(self, rates: tuple[str, str, str]) -> Charge:
        """Return its price at USD rates for a million tokens of text in, image in and image out."""
        pairs = zip((self.text_in, self.image_in, self.out), rates, strict=True)
        return Charge(
            Decimal(self.out),
            sum(
                (Decimal(count) * Decimal(rate) / MILLION for count, rate in pairs),
                Decimal(0),
            ),
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        return {
            "input_tokens": self.text_in + self.image_in,
            "input_tokens_details": {
                "text_tokens": self.text_in,
                "image_tokens": self.image_in,
            },
            "output_tokens": self.out,
            "output_tokens_details": {"image_tokens": self.out, "text_tokens": 0},
            "total_tokens": self.text_in + self.image_in + self.out,
        }


def _size(value: str, model: str, media: tuple[Measured, ...]) -> tuple[int, int]:
    """Return width and height for a `size`, which is refused as the API would refuse it."""
    if value == "auto":
        if media and media[0].height:
            ratio = media[0].width / media[0].height
            value = SIZES[0] if 0.8 < ratio < 1.25 else SIZES[1] if ratio > 1 else SIZES[2]
        else:
            value = SIZES[0]
    match = re.fullmatch(r"(\d+)x(\d+)", value)
    if match and value in SIZES:
        return int(match[1]), int(match[2])
    free = model.startswith("gpt-image-2")
    if match and free:
        width, height = int(match[1]), int(match[2])
        long, short = max(width, height), min(width, height)
        if short > 0 and width % 16 == height % 16 == 0 and long <= 3 * short and long <= 3840 and short <= 2160:
            return width, height
    raise _invalid(
        "size",
        f"Invalid size '{value}'. Supported sizes are {', '.join(SIZES)}, and auto.",
    )


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
            raise _invalid(
                "image",
                "Missing required parameter: 'image'.",
                "missing_required_parameter",
            )
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
                trouble(
                    404,
                    f"The model '{name}' does not exist or you do not have access to it.",
                    "model_not_found",
                )
            )

    def _check_picture(self, body: Mapping[str, Any]) -> None:
        self._check_model(str(body.get("model", "dall-e-2")), "gpt-image-", "chatgpt-image-")
        unknown = sorted(set(body) - IMAGE_FIELDS)
        if unknown:
            raise _invalid(unknown[0], f"Unknown parameter: '{unknown[0]}'.", "unknown_parameter")
        if not body.get("prompt"):
            raise _invalid(
                "prompt",
                "Missing required parameter: 'prompt'.",
                "missing_required_parameter",
            )
        if not 1 <= int(body.get("n") or 1) <= 10:
            raise _invalid(
                "n",
                f"Invalid 'n': {body['n']} is not between 1 and 10.",
                "integer_out_of_range",
            )
        for name, allowed in (
            ("quality", QUALITIES),
            ("output_format", ("png", "jpeg", "webp")),
        ):
            if body.get(name) not in (None, *allowed):
                raise _invalid(
                    name,
                    f"Invalid value: '{body[name]}'. Supported values are: {', '.join(allowed)}.",
                )
        if body.get("background") == "transparent" and body.get("output_format") == "jpeg":
            raise _invalid(
                "background",
                "Transparent background is not supported for the jpeg format.",
            )

    async def _picture(
        self,
        request: Request,
        body: dict[str, Any],
        files: tuple[bytes, ...],
        operation: str,
    ) -> Response:
        self._check_picture(body)
        model = str(body["model"])
        call = self.sim.read_call("openai", model, body, read_key(request), operation=operation, files=files)
        if await self.desk.moment(request, "received", call):
            self.sim.event("refused", provider="openai", endpoint=model)
            raise Reply(_refused())
        width, height = _size(str(body.get("size") or "auto"), model, call.media)
        cutout = body.get("background") == "transparent"
        format = str(body.get("output_format") or "png")
        product = Product(
            "image",
            int(body.get("n") or 1),
            width,
            height,
            format=format,
            cutout=cutout,
        )
        usage, rates = self._usage(body, call, product)
        job = await self._perform(request, call, product, usage.charge(rates))
        images = await asyncio.to_thread(self._encoded, job)
        shown = {
            "created": int(job.created),
            "background": "transparent" if cutout else "opaque",
            "output_format": format,
            "quality": self._quality(body),
            "size": f"{width}x{height}",
            "data": [{"b64_json": image} for image in images],
            "usage": usage.to_json(),
        }
        response = answer(shown, headers=_headers()) if not body.get("stream") else _events(shown, body, operation)
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
        job = self.sim.accept(call, f"req_{secrets.token_hex(12)}", product, rules, charge)
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
        model, text, format = (
            str(body.get("model", "")),
            str(body.get("input") or ""),
            str(body.get("response_format") or "mp3"),
        )
        self._check_model(model, "tts-1", "gpt-4o-mini-tts")
        if not text:
            raise _invalid(
                "input",
                "Missing required parameter: 'input'.",
                "missing_required_parameter",
            )
        if len(text) > 4096:
            raise _invalid(
                "input",
                "Invalid 'input': string too long. Expected at most 4096 characters.",
                "string_above_max_length",
            )
        voice = body.get("voice")
        if not (isinstance(voice, dict) or voice in VOICES):
            raise _invalid(
                "voice",
                f"Invalid value: '{voice}'. Supported values are: {', '.join(sorted(VOICES))}.",
            )
        if format not in SPEECH:
            raise _invalid(
                "response_format",
                f"Invalid value: '{format}'. Supported values are: {', '.join(SPEECH)}.",
            )
        call = self.sim.read_call("openai", model, body, read_key(request), operation="speech")
        if await self.desk.moment(request, "received", call):
            self.sim.event("refused", provider="openai", endpoint=model)
            raise Reply(_refused())
        kind, rate, media_type = SPEECH[format]
        seconds = round(spoken_seconds(text) / float(body.get("speed") or 1), 2)
        product = Product("audio", seconds=seconds, format=kind, sample_rate_hz=rate)
        job = await self._perform(request, call, product, _speech_charge(model, text, seconds))
        data = spoiled_bytes(job, await asyncio.to_thread(self.sim.render, job, 0))
        if body.get("stream_format") == "sse":
            return self.desk.closing(_speech_events(data, text, seconds), request, "answered", job)
        response = await self.delivery.send(request, job, data, media_type)
        response.headers.update(_headers())
        return self.desk.closing(response, request, "answered", job)


def _speech_charge(model: str, text: str, seconds: float) -> Charge:
    rate = next((usd for name, usd in SPEECH_USD.items() if model.startswith(name)), None)
    if rate:
        return Charge(Decimal(len(text)), Decimal(len(text)) * Decimal(rate) / MILLION)
    spoken = Decimal(str(seconds)) * Decimal("20.8") * 12 / MILLION
    return Charge(
        Decimal(len(text)),
        spoken + Decimal(len(text) // 4 + 1) * Decimal("0.6") / MILLION,
    )


def _sse(events: list[dict[str, Any]]) -> Response:
    text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return Response(text, media_type="text/event-stream", headers=_headers())


def _events(shown: Mapping[str, Any], body: Mapping[str, Any], operation: str) -> Response:
    kind = "image_generation" if operation == "generations" else "image_edit"
    facts = {key: shown[key] for key in ("background", "output_format", "quality", "size")} | {
        "created_at": shown["created"]
    }
    image = shown["data"][0]["b64_json"]
    partial = [
        {
            "type": f"{kind}.partial_image",
            "b64_json": image,
            "partial_image_index": index,
            **facts,
        }
        for index in range(int(body.get("partial_images") or 0))
    ]
    return _sse(
        [
            *partial,
            {
                "type": f"{kind}.completed",
                "b64_json": image,
                "usage": shown["usage"],
                **facts,
            },
        ]
    )


def _speech_events(data: bytes, text: str, seconds: float) -> Response:
    out = round(seconds * 20.8)
    usage = {
        "input_tokens": len(text) // 4 + 1,
        "output_tokens": out,
        "total_tokens": len(text) // 4 + 1 + out,
    }
    delta = {"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()}
    return _sse([delta, {"type": "speech.audio.done", "usage": usage}])


def openai_routes(sim: Simulation) -> list[Route]:
    """Return the routes of a simulated OpenAI."""
    api = OpenAI(sim)
    return [
        Route("/openai/v1/images/generations", api.generate, methods=["POST"]),
        Route("/openai/v1/images/edits", api.edit, methods=["POST"]),
        Route("/openai/v1/audio/speech", api.speech, methods=["POST"]),
    ]
