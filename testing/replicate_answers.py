"""Replicate's answers: errors in its form, and small readers shared by its handlers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from .fields import Problem
from .gate import Problems
from .reply import answer

__all__ = ["PROBLEMS", "bad_version", "invalid", "not_found", "problem", "read_key", "stamp"]


def problem(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None, **extra: Any) -> Response:
    """Return an error answer in Replicate's form."""
    body = {"title": title, "detail": detail, "status": status, **extra}
    return answer(body, status, headers, "application/problem+json")


def _rate_limited(retry_after_s: float | None) -> Response:
    wait = "30" if retry_after_s is None else f"{retry_after_s:g}"
    headers = {} if retry_after_s is None else {"Retry-After": wait}
    return answer({"detail": f"Request was throttled. Your rate limit resets in ~{wait}s."}, 429, headers)


PROBLEMS = Problems(
    unauthorized=lambda: problem(401, "Unauthenticated", "You did not pass a valid authentication token"),
    no_money=lambda: problem(
        402,
        "Insufficient credit",
        "You have insufficient credit to run this model. Go to https://replicate.com/account/billing#billing to purchase credit.",
    ),
    rate_limited=_rate_limited,
    server_error=lambda status: problem(status, "Internal server error", "An unexpected error occurred."),
)


def not_found() -> Response:
    """Return the answer to an unknown prediction, model or file."""
    return problem(404, "Not found", "Not found.")


def bad_version() -> Response:
    """Return the answer to a version that does not exist."""
    detail = "The specified version does not exist (or perhaps you don't have permission to use it?)"
    return problem(422, "Invalid version or not permitted", detail)


def invalid(problems: list[Problem]) -> Response:
    """Return the answer to input that the model does not take."""
    fields = [
        {
            "type": "required" if one.kind == "missing" else one.kind,
            "field": "input" if one.kind == "missing" else f"input.{one.field}",
            "description": one.text(),
        }
        for one in problems
    ]
    detail = "".join(f"- {field['field']}: {field['description']}\n" for field in fields)
    return problem(422, "Input validation failed", detail, invalid_fields=fields)


def stamp(seconds: float | None) -> str | None:
    """Return a moment as the API writes it."""
    if seconds is None or seconds == float("inf"):
        return None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def read_key(request: Request) -> str:
    """Return the key of a request to Replicate, empty when there is none."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme in ("Bearer", "Token") else ""
