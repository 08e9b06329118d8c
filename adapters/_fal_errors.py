"""fal's error bodies and error table.

Source: fal.ai/docs (errors, request errors), docs.fal.ai, and bodies in public repositories, read 2026-11.
"""

from __future__ import annotations

import re
from typing import Any, cast

from ..errors import (
    AuthenticationError,
    ContentRejectedError,
    JobCanceledError,
    JobFailedError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    QuotaExceededError,
    RateLimitedError,
    RequestRejectedError,
)
from ._errors import Fault, Rule, retry_after
from ._http import Reply
from ._results import number

__all__ = ["RULES", "from_the_way", "read_fault", "verdict"]

SERVER_ERRORS = tuple(range(500, 600))

RULES = (
    Rule(QuotaExceededError, status=(403,), text="user is locked|exhausted balance", billed=False),
    Rule(AuthenticationError, status=(401, 403), billed=False),
    Rule(RateLimitedError, status=(429,), billed=False),
    Rule(ContentRejectedError, codes=("content_policy_violation",)),
    Rule(JobCanceledError, codes=("client_cancelled", "client_disconnected")),
    Rule(JobCanceledError, status=(499,)),
    # Our own X-Fal-Request-Timeout passed before a runner started: nothing ran, and it is too late to try again.
    Rule(JobFailedError, codes=("request_timeout_by_user",), billed=False),
    Rule(ProviderTimeoutError, codes=("request_timeout", "startup_timeout", "generation_timeout"), billed=False),
    Rule(
        ProviderUnavailableError,
        codes=(
            "runner_scheduling_failure",
            "runner_connection_timeout",
            "runner_disconnected",
            "runner_connection_refused",
            "runner_connection_error",
            "runner_incomplete_response",
            "runner_server_error",
            "internal_server_error",
            "downstream_service_unavailable",
        ),
        billed=False,
    ),
    Rule(ProviderUnavailableError, codes=("downstream_service_error",)),
    Rule(JobFailedError, codes=("internal_error",), billed=False),
    Rule(JobFailedError, codes=("no_media_generated",)),
    Rule(RequestRejectedError, codes=("bad_request",), billed=False),
    Rule(JobFailedError, status=SERVER_ERRORS, codes=("unknown_model_error",), billed=False),
    # Charged when GPU time was spent before the model refused; the billable units in the answer tell.
    Rule(RequestRejectedError, status=(422,)),
)
KNOWN_CODES = frozenset(code for rule in RULES for code in rule.codes)


def read_fault(reply: Reply) -> Fault:
    """Read a body: a text, a list of model errors, or an object under `error`, and the headers beside it."""
    fields = reply.fields()
    codes: set[str] = set()
    for value in (fields.get("error_type"), reply.headers.get("x-fal-error-type")):
        if isinstance(value, str) and value:
            codes.add(value)
    message, found = _detail(fields) if fields else (reply.text, set[str]())
    codes |= found
    if found and reply.status >= 500 and KNOWN_CODES.isdisjoint(codes):
        codes.add("unknown_model_error")
    if "request_timeout" in codes and reply.headers.get("x-fal-request-timeout-type", "").lower() == "user":
        codes = codes - {"request_timeout"} | {"request_timeout_by_user"}
    units = number(reply.headers.get("x-fal-billable-units"))
    return Fault(
        reply.status,
        message,
        frozenset(codes),
        retry_after_s=retry_after(reply.headers, fields),
        billed=None if units is None else units > 0,
        remote_id=reply.headers.get("x-fal-request-id"),
    )


def verdict(fault: Fault, status: dict[str, Any]) -> Fault:
    """Join what the result says with what the status said; the result is the more precise of the two."""
    kind, text = status.get("error_type"), status.get("error")
    codes = fault.codes or (frozenset({kind}) if isinstance(kind, str) and kind else frozenset[str]())
    message = fault.message if fault.status and fault.status >= 400 and fault.message else str(text or "")
    failed = fault.status if fault.status and fault.status >= 400 else None
    billed = False if failed and failed >= 500 else fault.billed
    return Fault(failed, message, codes, fault.retry_after_s, billed, fault.remote_id)


def from_the_way(reply: Reply, fault: Fault) -> bool:
    """Return whether a gateway answered in the model's place: no error type, and no trace of the request."""
    return not fault.codes and "x-fal-request-id" not in reply.headers and not reply.fields().get("detail")


def _detail(fields: dict[str, Any]) -> tuple[str, set[str]]:
    """Return the text of an error body and the types of its model errors."""
    detail = fields.get("detail", fields.get("error") or fields.get("message"))
    if isinstance(detail, list):
        problems = [cast("dict[str, Any]", item) for item in cast("list[Any]", detail) if isinstance(item, dict)]
        return "; ".join(map(_problem, problems)), {str(item["type"]) for item in problems if item.get("type")}
    if isinstance(detail, dict):
        inner = cast("dict[str, Any]", detail)
        codes = {str(inner[name]) for name in ("code", "type") if isinstance(inner.get(name), str)}
        return str(inner.get("message") or inner.get("msg") or ""), codes
    return detail if isinstance(detail, str) else "", set()


def _problem(item: dict[str, Any]) -> str:
    place = item.get("loc")
    where = (
        ".".join(str(part) for part in cast("list[Any]", place) if part != "body") if isinstance(place, list) else ""
    )
    context = item.get("ctx")
    facts = cast("dict[str, Any]", context).items() if isinstance(context, dict) else ()
    limits = ", ".join(f"{name}={value}" for name, value in facts if isinstance(value, int | float | str))
    text = re.sub(r"\s+", " ", str(item.get("msg") or item.get("type") or ""))
    return (f"{where}: " if where else "") + text + (f" ({limits})" if limits else "")
