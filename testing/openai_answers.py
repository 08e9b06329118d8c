"""OpenAI's answers: errors in its form, and events of streamed results."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .gate import Problems
from .reply import Reply, answer

__all__ = ["PROBLEMS", "invalid", "picture_events", "read_key", "refused", "reply_headers", "speech_events", "trouble"]


def trouble(
    status: int, message: str, code: str | None, *, kind: str = "invalid_request_error", param: str | None = None
) -> Response:
    """Return an error answer in OpenAI's form."""
    return answer({"error": {"message": message, "type": kind, "param": param, "code": code}}, status, reply_headers())


def reply_headers(request_id: str = "") -> dict[str, str]:
    """Return the headers of every answer; one that was paid for carries the id under which it is on the bill."""
    return {"x-request-id": request_id or f"req_{secrets.token_hex(16)}", "openai-processing-ms": "100"}


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
        status, "The server had an error while processing your request. Sorry about that!", None, kind="server_error"
    ),
)


def refused() -> Response:
    """Return the refusal of a request by the safety system."""
    message = "Your request was rejected by the safety system. If you believe this is an error, contact us at help.openai.com."
    return trouble(400, message, "moderation_blocked", kind="image_generation_user_error")


def invalid(param: str, message: str, code: str = "invalid_value") -> Reply:
    """Return the refusal of one parameter."""
    return Reply(trouble(400, message, code, param=param))


def read_key(request: Request) -> str:
    """Return the key of a request to OpenAI, empty when there is none."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme == "Bearer" else ""


def _sse(events: list[dict[str, Any]]) -> Response:
    text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return Response(text, media_type="text/event-stream", headers=reply_headers())


def picture_events(shown: Mapping[str, Any], body: Mapping[str, Any], operation: str) -> Response:
    """Return a picture as a stream of events."""
    kind = "image_generation" if operation == "generations" else "image_edit"
    facts = {key: shown[key] for key in ("background", "output_format", "quality", "size")} | {
        "created_at": shown["created"]
    }
    image = shown["data"][0]["b64_json"]
    partial = [
        {"type": f"{kind}.partial_image", "b64_json": image, "partial_image_index": index, **facts}
        for index in range(int(body.get("partial_images") or 0))
    ]
    return _sse([*partial, {"type": f"{kind}.completed", "b64_json": image, "usage": shown["usage"], **facts}])


def speech_events(data: bytes, text: str, seconds: float) -> Response:
    """Return speech as a stream of events."""
    out = round(seconds * 20.8)
    usage = {"input_tokens": len(text) // 4 + 1, "output_tokens": out, "total_tokens": len(text) // 4 + 1 + out}
    delta = {"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()}
    return _sse([delta, {"type": "speech.audio.done", "usage": usage}])
