"""Keep tests away from real providers: connections to their hosts fail, and are remembered."""

from __future__ import annotations

import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

__all__ = ["PROVIDER_DOMAINS", "ProviderReached", "closed", "explain", "take_attempts"]

PROVIDER_DOMAINS = (
    "replicate.com",
    "replicate.delivery",
    "fal.run",
    "falrun.com",
    "fal.ai",
    "fal.media",
    "openai.com",
    "elevenlabs.io",
    "generativelanguage.googleapis.com",
    "aiplatform.googleapis.com",
    "runwayml.com",
    "lumalabs.ai",
    "stability.ai",
    "bfl.ai",
    "bfl.ml",
    "together.xyz",
    "together.ai",
    "huggingface.co",
    "hume.ai",
    "cartesia.ai",
    "deepgram.com",
    "klingai.com",
    "minimax.io",
    "minimaxi.com",
    "ltx.video",
)
PROXIES = ("https_proxy", "http_proxy", "all_proxy")
EXCEPTIONS = ("no_proxy", "NO_PROXY")
_attempts: list[str] = []
_resolve = socket.getaddrinfo


class ProviderReached(ConnectionRefusedError):  # noqa: N818 - says what happened, as pytest shows it
    """A test tried to reach a real provider."""


def _name(host: Any) -> str:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    return name.rstrip(".").lower()


def _is_provider(host: Any) -> bool:
    name = _name(host)
    return any(name == domain or name.endswith(f".{domain}") for domain in PROVIDER_DOMAINS)


def _guarded(host: Any, *args: Any, **kwargs: Any) -> Any:
    if _is_provider(host):
        _attempts.append(_name(host))
        raise ProviderReached(explain([_name(host)]))
    return _resolve(host, *args, **kwargs)


def explain(hosts: list[str]) -> str:
    """Say what was tried and what to do."""
    names = ", ".join(sorted(set(hosts)))
    return (
        f"This test tried to reach a real provider: {names}. Use the media_simulator fixture, a local model, or mark the "
        "test with @pytest.mark.live."
    )


def take_attempts() -> list[str]:
    """Return the provider hosts that were tried since the last time this was asked."""
    taken = list(_attempts)
    _attempts.clear()
    return taken


@contextmanager
def closed() -> Generator[None]:
    """Let no name of a provider be resolved by this process inside the block.

    Names are where it is stopped: every client resolves the provider's name before it connects, and loopback
    addresses, databases and package indexes stay reachable.
    """
    global _resolve
    _resolve = socket.getaddrinfo
    _attempts.clear()
    socket.getaddrinfo = _guarded  # pyright: ignore[reportAttributeAccessIssue]
    try:
        with _past_proxies():
            yield
    finally:
        socket.getaddrinfo = _resolve


@contextmanager
def _past_proxies() -> Generator[None]:
    """Let clients go to providers directly, where they are stopped, and not through a proxy of the environment."""
    if not any(os.environ.get(name) or os.environ.get(name.upper()) for name in PROXIES):
        yield
        return
    before = {name: os.environ.get(name) for name in EXCEPTIONS}
    for name in EXCEPTIONS:
        os.environ[name] = ",".join(
            filter(None, [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), *PROVIDER_DOMAINS])
        )
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
