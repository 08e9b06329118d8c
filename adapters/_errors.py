"""From what a provider or the network answered to the error tree.

Each adapter reads its provider's error bodies into a `Fault` and has one table of `Rule`s; the first rule that fits
names the class, and what no rule covers goes by its HTTP status.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn

import httpx
from pydantic import SecretStr

from ..errors import (
    AuthenticationError,
    ContentRejectedError,
    JobFailedError,
    ProviderError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    QuotaExceededError,
    RateLimitedError,
    RequestRejectedError,
    TransientProviderError,
)

__all__ = ["About", "Fault", "Rule", "classify", "from_transport", "retry_after", "scrub", "show_url", "throw"]

MESSAGE_LIMIT = 500
LONGEST_WAIT_S = 24 * 3600.0

# Refused before anything ran, so that sending the same request again cannot be a second purchase.
NOT_ACCEPTED = frozenset({409, 425, 429, 503})

ADVICE: Mapping[type[ProviderError], str] = {
    AuthenticationError: "Check the key, and what it is allowed to do.",
    QuotaExceededError: "Add credit or raise the limit at the provider, then run again.",
    ContentRejectedError: "Change the prompt or the input; the same request will be refused again.",
    RequestRejectedError: "Correct the request.",
    RateLimitedError: "Wait, or lower the concurrency.",
}


@dataclass(frozen=True)
class About:
    """What a request is about, for messages and error fields.

    Attributes:
        provider: Adapter name.
        doing: Verb phrase for the message, for example `submit`.
        model: Card id, when known.
        remote_id: The provider's id, when known.
    """

    provider: str
    doing: str
    model: str | None = None
    remote_id: str | None = None

    def fields(self) -> dict[str, Any]:
        """Return the keyword arguments that every `ProviderError` takes."""
        return {"provider": self.provider, "model": self.model, "remote_id": self.remote_id}

    def __str__(self) -> str:
        what = self.model or self.provider
        return f"Cannot {self.doing} {what}" + (f" ({self.remote_id})" if self.remote_id else "")


@dataclass(frozen=True)
class Fault:
    """An error answer, read.

    Attributes:
        status: HTTP status; None when the fault stands in the body of a job.
        message: The provider's text.
        codes: Machine-readable words of the body (types, codes, statuses).
        retry_after_s: Wait that the provider asked for.
        billed: What the answer itself says of the charge; it outranks the rule.
        remote_id: Request id in the answer.
    """

    status: int | None = None
    message: str = ""
    codes: frozenset[str] = frozenset()
    retry_after_s: float | None = None
    billed: bool | None = None
    remote_id: str | None = None


@dataclass(frozen=True)
class Rule:
    """One line of a provider's error table. Every condition that is given must hold.

    Attributes:
        error: Class to raise.
        status: HTTP statuses, any when empty.
        codes: At least one of these words, any when empty.
        text: Regular expression found in the message, case ignored.
        billed: Whether the provider charges, when its pages say.
    """

    error: type[ProviderError]
    status: tuple[int, ...] = ()
    codes: tuple[str, ...] = ()
    text: str = ""
    billed: bool | None = None

    def fits(self, fault: Fault) -> bool:
        """Return whether this line covers a fault."""
        return (
            (not self.status or fault.status in self.status)
            and (not self.codes or not fault.codes.isdisjoint(self.codes))
            and (not self.text or re.search(self.text, fault.message, re.IGNORECASE) is not None)
        )


BY_STATUS: tuple[Rule, ...] = (
    Rule(AuthenticationError, status=(401, 403), billed=False),
    Rule(QuotaExceededError, status=(402,), billed=False),
    Rule(RateLimitedError, status=(429,), billed=False),
    Rule(ProviderTimeoutError, status=(408, 504)),
    Rule(ProviderUnavailableError, status=(409, 425, 503), billed=False),
    *(Rule(ProviderUnavailableError, status=(status,)) for status in (500, 502, *range(505, 600))),
    *(Rule(RequestRejectedError, status=(status,), billed=False) for status in range(300, 500)),
)


def classify(
    rules: Iterable[Rule], fault: Fault, about: About, *, secret: SecretStr | None = None, paid: bool = False
) -> ProviderError:
    """Make the error for a fault.

    Args:
        rules: The provider's table.
        fault: What was answered.
        about: What was asked.
        secret: Key that must not appear in the message.
        paid: Whether the request was one that buys something, so that sending it again could buy it twice.
    """
    rule = next((rule for rule in (*rules, *BY_STATUS) if rule.fits(fault)), Rule(JobFailedError))
    codes = ", ".join(sorted(scrub(code, secret, limit=60) for code in fault.codes))
    facts = ", ".join(part for part in (f"HTTP {fault.status}" if fault.status else "", codes) if part)
    text = scrub(fault.message, secret) or "no explanation was given"
    advice = next((ADVICE[cls] for cls in rule.error.__mro__ if cls in ADVICE), "")
    stop = "" if text.endswith((".", "!", "?")) else "."
    message = f"{about}: {text}{stop}" + (f" [{facts}]" if facts else "") + (f" {advice}" if advice else "")
    fields = about.fields()
    fields["remote_id"] = fields["remote_id"] or fault.remote_id
    fields |= {"status_code": fault.status, "billed": rule.billed if fault.billed is None else fault.billed}
    if issubclass(rule.error, TransientProviderError):
        accepted = None if paid and fault.status not in NOT_ACCEPTED else False
        return rule.error(message, retry_after_s=fault.retry_after_s, accepted=accepted, **fields)
    return rule.error(message, **fields)


# First fit wins. The flag says that the request surely was not sent.
TRANSPORT: tuple[tuple[type[Exception], type[TransientProviderError], bool], ...] = (
    (httpx.ConnectTimeout, ProviderTimeoutError, True),
    (httpx.PoolTimeout, ProviderTimeoutError, True),
    (httpx.ConnectError, ProviderUnavailableError, True),
    (httpx.ProxyError, ProviderUnavailableError, True),
    (httpx.UnsupportedProtocol, ProviderUnavailableError, True),
    (httpx.TimeoutException, ProviderTimeoutError, False),
    (TimeoutError, ProviderTimeoutError, False),
    (httpx.RequestError, ProviderUnavailableError, False),
)


def from_transport(
    exc: Exception, about: About, *, paid: bool = False, billed: bool | None = None
) -> TransientProviderError:
    """Make the error for a request that got no complete answer; raise it with `throw`."""
    cls, unsent = next((cls, unsent) for kind, cls, unsent in TRANSPORT if isinstance(exc, kind))
    if unsent:
        what = f"no connection ({type(exc).__name__}); the request was not sent"
        billed = False
    else:
        what = f"the connection broke before the answer was complete ({type(exc).__name__})"
    accepted = None if paid and not unsent else False
    return cls(f"{about}: {what}.", accepted=accepted, billed=billed, **about.fields())


def throw(error: ProviderError) -> NoReturn:
    """Raise an error that remembers no other one: a transport's exception holds the request, and with it the key."""
    try:
        raise error
    finally:
        error.__context__ = None


def retry_after(headers: Mapping[str, str], body: Any = None, message: str = "") -> float | None:
    """Return the seconds that a provider asks to wait, or None.

    Reads `retry-after-ms`, `Retry-After` (seconds or a date, taken relative to the answer's own `Date`), a number
    `retry_after` in the body, and Replicate's sentence `resets in ~30s`.
    """
    for value, scale in ((headers.get("retry-after-ms"), 1000.0), (headers.get("retry-after"), 1.0)):
        if (seconds := _number(value)) is not None:
            return _bounded(seconds / scale)
    if (date := _date(headers.get("retry-after"))) is not None:
        now = _date(headers.get("date")) or datetime.now(UTC)
        return _bounded((date - now).total_seconds())
    if isinstance(body, Mapping) and (seconds := _number(body.get("retry_after"))) is not None:
        return _bounded(seconds)
    if found := re.search(r"resets? in ~?\s*(\d+(?:\.\d+)?)\s*s", message):
        return _bounded(float(found[1]))
    return None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _bounded(seconds: float) -> float:
    return min(max(seconds, 0.0), LONGEST_WAIT_S)


def _date(value: str | None) -> datetime | None:
    try:
        date = parsedate_to_datetime(value or "")
    except (ValueError, TypeError, IndexError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def show_url(url: str) -> str:
    """Return a URL fit for a message: no user, no query (signatures stand there), not too long."""
    if url[:5].lower() == "data:":
        return f"a data URI of {len(url)} characters"
    bare = re.sub(r"//[^/@\s]*@", "//", re.split(r"[?#]", url, maxsplit=1)[0])
    return bare if len(bare) <= 160 else f"{bare[:159]}…"


def scrub(text: str, secret: SecretStr | None = None, *, limit: int = MESSAGE_LIMIT) -> str:
    """Return provider text fit for a message: on one line, short, without the key, queries of URLs or inline data."""
    if re.match(r"\s*<(!doctype|html|head|body)", text, re.IGNORECASE):
        title = re.search(r"<title[^>]*>([^<]*)</title>", text, re.IGNORECASE)
        text = f"an HTML page ({title[1].strip()})" if title else "an HTML page"
    if secret:
        key = secret.get_secret_value()
        for part in (key, *(part for part in key.split(":") if len(part) >= 8)):
            text = text.replace(part, "***")
    text = re.sub(r"data:[\w.+/-]*(?:;[\w=.-]+)*,[^\s\"'<>]*", "data:…", text)
    text = re.sub(r"(https?://[^\s\"'<>?#]+)[?#][^\s\"'<>]*", r"\1", text)
    text = " ".join("".join(c if c.isprintable() else " " for c in text[: 20 * limit]).split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
