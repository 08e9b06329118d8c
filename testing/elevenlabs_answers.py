"""ElevenLabs' answers: errors in its form, output formats, timings."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .gate import Problems
from .reply import Reply, answer

__all__ = [
    "PROBLEMS",
    "alignment",
    "bad_prompt",
    "invalid",
    "music_plan",
    "read_format",
    "read_key",
    "refused",
    "trouble",
]

FORMATS = re.compile(
    r"mp3_(22050_32|24000_48|44100_(32|64|96|128|192)|48000_192)|(pcm|wav)_(8000|16000|22050|24000|32000|44100|48000)|opus_48000_(32|64|96|128|192)|ulaw_8000|alaw_8000"
)


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
    no_money=lambda: trouble(401, "quota_exceeded", "This request exceeds your quota. You have 0 credits remaining."),
    rate_limited=_rate_limited,
    server_error=lambda status: trouble(status, "internal_server_error", "An unexpected error occurred."),
)


def read_key(request: Request) -> str:
    """Return the key of a request to ElevenLabs, empty when there is none."""
    return request.headers.get("xi-api-key", "").strip()


def read_format(request: Request, default: str = "mp3_44100_128") -> tuple[str, int, int, str]:
    """Return format, sample rate, bit rate and content type of `output_format`."""
    name = request.query_params.get("output_format", default)
    name = default if name == "auto" else name
    if not FORMATS.fullmatch(name):
        raise invalid("output_format", f"Input should be a valid output format, not '{name}'", "enum")
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


def music_plan(seconds: float) -> dict[str, Any]:
    """Return a composition plan of one section."""
    section = {
        "section_name": "Whole",
        "positive_local_styles": [],
        "negative_local_styles": [],
        "duration_ms": int(seconds * 1000),
        "lines": [],
    }
    return {"positive_global_styles": ["calm"], "negative_global_styles": [], "sections": [section]}


def refused() -> Response:
    """Return the refusal of a text by the content policy."""
    return trouble(400, "content_against_policy", "The text violates the usage policy.")


def bad_prompt() -> Response:
    """Return the refusal of a prompt that may be copyrighted, with another to use."""
    message = "The prompt contains material that may be copyrighted."
    return trouble(400, "bad_prompt", message, code="bad_request", data={"prompt_suggestion": "A calm piano piece"})


def alignment(text: str, seconds: float) -> dict[str, Any]:
    """Return the times of the characters of a text, evenly spread."""
    step = seconds / max(1, len(text))
    return {
        "characters": list(text),
        "character_start_times_seconds": [round(index * step, 3) for index in range(len(text))],
        "character_end_times_seconds": [round((index + 1) * step, 3) for index in range(len(text))],
    }
