"""Reading waits, scrubbing text, and errors of the transport."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from prefect_media.adapters._errors import (
    About,
    Fault,
    Rule,
    classify,
    from_transport,
    retry_after,
    scrub,
    show_url,
    throw,
)
from prefect_media.errors import (
    AuthenticationError,
    JobFailedError,
    PermanentProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    QuotaExceededError,
    RateLimitedError,
    RequestRejectedError,
    TransientProviderError,
)

ABOUT = About("fal", "submit", "fal:fal-ai/flux/dev")
DATE = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "body", "message", "seconds"),
    [
        ({"retry-after": "30"}, None, "", 30),
        ({"retry-after": "0.5"}, None, "", 0.5),
        ({"retry-after": "-3"}, None, "", 0),
        ({"retry-after": "999999999"}, None, "", 86_400),
        ({"retry-after": "nan"}, None, "", None),
        ({"retry-after": "soon"}, None, "", None),
        ({"retry-after": ""}, None, "", None),
        ({"retry-after-ms": "1500", "retry-after": "9"}, None, "", 1.5),
        ({"retry-after": format_datetime(DATE + timedelta(seconds=90)), "date": format_datetime(DATE)}, None, "", 90),
        ({"retry-after": format_datetime(DATE - timedelta(seconds=90)), "date": format_datetime(DATE)}, None, "", 0),
        ({}, {"retry_after": 5}, "", 5),
        ({}, {"retry_after": True}, "", None),
        ({}, None, "Request was throttled. Your rate limit resets in ~30s.", 30),
        ({}, ["no object"], "", None),
        ({}, None, "", None),
    ],
)
def test_the_wait_that_was_asked_for_is_read(headers: Any, body: Any, message: str, seconds: float | None) -> None:
    assert retry_after(httpx.Headers(headers), body, message) == seconds


def test_a_date_without_the_servers_clock_counts_from_now() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(hours=1))
    wait = retry_after({"retry-after": soon})
    assert wait is not None
    assert 3500 < wait <= 3600


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("key planted-key is wrong", "key *** is wrong"),
        ("see https://host/path?X-Signature=abc#frag now", "see https://host/path now"),
        ("image data:image/png;base64,AAAABBBB is bad", "image data:… is bad"),
        ("two\nlines\tand\x00a\x1b[31mcolour", "two lines and a [31mcolour"),
        (
            "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>",
            "an HTML page (502 Bad Gateway)",
        ),
        ("<!DOCTYPE html><p>hello", "an HTML page"),
        ("x" * 600, "x" * 499 + "…"),
    ],
)
def test_provider_text_is_made_fit_for_a_message(text: str, shown: str) -> None:
    assert scrub(text, SecretStr("planted-key")) == shown


def test_each_half_of_a_two_part_key_is_removed() -> None:
    assert scrub("id-number-1 and secret-part-2", SecretStr("id-number-1:secret-part-2")) == "*** and ***"


def test_urls_are_shown_without_what_may_be_secret() -> None:
    assert show_url("https://user:word@host/a/b.png?sig=1#x") == "https://host/a/b.png"
    assert show_url("data:image/png;base64,AAAA") == "a data URI of 26 characters"
    assert len(show_url("https://host/" + "a" * 500)) == 160


def _errors_of_httpx() -> list[type[httpx.RequestError]]:
    found, todo = [], [httpx.RequestError]
    while todo:
        cls = todo.pop()
        found.append(cls)
        todo += cls.__subclasses__()
    return found


UNSENT = {httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol}


@pytest.mark.parametrize("cls", _errors_of_httpx())
def test_every_transport_error_is_transient_and_says_whether_the_request_left(cls: type[httpx.RequestError]) -> None:
    error = from_transport(cls("planted-key"), ABOUT, paid=True)
    assert isinstance(error, TransientProviderError)
    assert error.accepted is (False if cls in UNSENT else None)
    assert isinstance(error, ProviderTimeoutError) is issubclass(cls, httpx.TimeoutException)
    assert "planted-key" not in str(error)


def test_a_free_request_can_be_sent_again_whatever_happened() -> None:
    assert from_transport(httpx.ReadTimeout("x"), ABOUT).accepted is False
    assert from_transport(TimeoutError(), ABOUT, paid=True).accepted is None


@pytest.mark.parametrize(
    ("status", "cls", "accepted"),
    [
        (301, RequestRejectedError, ...),
        (400, RequestRejectedError, ...),
        (401, AuthenticationError, ...),
        (402, QuotaExceededError, ...),
        (403, AuthenticationError, ...),
        (404, RequestRejectedError, ...),
        (408, ProviderTimeoutError, None),
        (409, ProviderUnavailableError, False),
        (418, RequestRejectedError, ...),
        (422, RequestRejectedError, ...),
        (425, ProviderUnavailableError, False),
        (429, RateLimitedError, False),
        (500, ProviderUnavailableError, None),
        (502, ProviderUnavailableError, None),
        (503, ProviderUnavailableError, False),
        (504, ProviderTimeoutError, None),
        (520, ProviderUnavailableError, None),
    ],
)
def test_what_no_rule_covers_goes_by_its_status(status: int, cls: type[Exception], accepted: Any) -> None:
    error = classify((), Fault(status, "text"), ABOUT, paid=True)
    assert type(error) is cls
    assert getattr(error, "accepted", ...) is accepted


def test_a_fault_without_a_status_is_a_failed_job() -> None:
    assert type(classify((), Fault(message="boom"), ABOUT)) is JobFailedError


def test_the_message_says_what_failed_why_and_what_to_do() -> None:
    fault = Fault(403, "User is locked", frozenset({"locked"}), remote_id="r-1")
    error = classify((Rule(QuotaExceededError, text="user is LOCKED", billed=False),), fault, ABOUT)
    assert str(error) == (
        "Cannot submit fal:fal-ai/flux/dev: User is locked. [HTTP 403, locked] "
        "Add credit or raise the limit at the provider, then run again."
    )
    assert isinstance(error, PermanentProviderError)
    assert (error.provider, error.model, error.remote_id, error.status_code, error.billed) == (
        "fal", "fal:fal-ai/flux/dev", "r-1", 403, False,
    )  # fmt: skip
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_what_the_answer_says_of_the_charge_outranks_the_rule() -> None:
    rule = Rule(JobFailedError, billed=False)
    assert classify((rule,), Fault(billed=True), ABOUT).billed is True
    assert classify((rule,), Fault(), ABOUT).billed is False


def test_a_thrown_error_forgets_what_was_being_handled() -> None:
    def fail() -> None:
        try:
            raise httpx.ReadError("holds the request")
        except httpx.ReadError:
            throw(ProviderUnavailableError("fresh"))

    with pytest.raises(ProviderUnavailableError) as caught:
        fail()
    assert caught.value.__context__ is None
