"""fal's answers: errors of the infrastructure, of models and of accounts, in their forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .fields import Problem
from .gate import Problems
from .reply import answer

__all__ = ["INFRASTRUCTURE", "MODEL_ERRORS", "PROBLEMS", "REFUSED", "item", "read_key", "trouble", "validation"]

REFUSED = "The content could not be processed because it contained material flagged by a content checker."
# Infrastructure errors by type: status code (provider documentation, read 2026-11-23).
INFRASTRUCTURE = {
    "request_timeout": 504,
    "startup_timeout": 504,
    "runner_scheduling_failure": 503,
    "runner_connection_timeout": 503,
    "runner_disconnected": 503,
    "runner_connection_refused": 503,
    "runner_connection_error": 503,
    "runner_incomplete_response": 502,
    "runner_server_error": 500,
    "internal_error": 500,
    "client_disconnected": 499,
    "client_cancelled": 499,
    "bad_request": 400,
}
# Errors of models that are not 422.
MODEL_ERRORS = {
    "internal_server_error": 500,
    "generation_timeout": 504,
    "downstream_service_error": 500,
    "downstream_service_unavailable": 500,
}
LOCKED = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."


def trouble(status: int, detail: Any, kind: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """Return an error answer in fal's form."""
    body = {"detail": detail} | ({"error_type": kind} if kind else {})
    return answer(body, status, dict(headers or {}) | ({"X-Fal-Error-Type": kind} if kind else {}))


def _rate_limited(retry_after_s: float | None) -> Response:
    headers = {"X-Fal-Needs-Retry": "1"} | ({} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"})
    return trouble(429, "Too many concurrent requests.", "concurrent_requests_limit", headers)


PROBLEMS = Problems(
    unauthorized=lambda: trouble(401, "Invalid key credentials"),
    no_money=lambda: trouble(403, LOCKED),
    rate_limited=_rate_limited,
    server_error=lambda status: trouble(
        status, "Runner error", "runner_server_error" if status == 500 else "runner_connection_error"
    ),
)


def read_key(request: Request) -> str:
    """Return the key of a request to fal, empty when there is none."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme in ("Key", "Bearer") else ""


def item(
    field: str, kind: str, text: str, payload: Any = None, context: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return one entry of a model error."""
    loc = ["body", *([field] if field else [])]
    url = f"https://docs.fal.ai/errors#{kind}"
    return {"loc": loc, "msg": text, "type": kind, "url": url, "ctx": dict(context or {}), "input": payload}


def validation(problems: list[Problem]) -> list[dict[str, Any]]:
    """Return what is wrong with a request, in the form of a model error."""
    items: list[dict[str, Any]] = []
    for one in problems:
        if one.kind == "missing":
            items.append(item(one.field, "missing", "Field required"))
        elif one.kind == "enum":
            expected = ", ".join(f"'{choice}'" for choice in one.choices)
            items.append(
                item(one.field, "one_of", f"Input should be {expected}", one.value, {"expected": list(one.choices)})
            )
        elif one.kind == "type":
            items.append(item(one.field, f"{one.limit}_type", f"Input should be a valid {one.limit}", one.value))
        else:
            short = "ge" if one.kind == "greater_than_equal" else "le"
            items.append(item(one.field, one.kind, one.text(), one.value, {short: one.limit}))
    return items
