"""Which credentials the current code calls with, when it does not take them from the environment."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

import httpx
from prefect.exceptions import PrefectException
from prefect.logging import get_logger
from prefect.settings import get_current_settings

from ..adapters.credentials import Credentials

__all__ = ["credentials_in_use", "known_default_credentials", "load_default_credentials", "using_credentials"]

logger = get_logger("prefect_media.blocks")

REMEMBER_S = 60.0
"""How long it is remembered that there is, or is not, a default block: loading one takes a request to the server."""

_in_use: ContextVar[Mapping[str, Credentials]] = ContextVar("prefect_media_credentials", default={})  # noqa: B039 - never written to
_defaults: dict[str, tuple[float, Credentials | None]] = {}


@contextmanager
def using_credentials(credentials: Credentials) -> Generator[None]:
    """Make calls to the provider inside this block use these credentials."""
    token = _in_use.set({**_in_use.get(), credentials.provider: credentials})
    try:
        yield
    finally:
        _in_use.reset(token)


def credentials_in_use() -> Mapping[str, Credentials]:
    """Return the credentials set by surrounding `use()` blocks, by provider."""
    return _in_use.get()


def known_default_credentials() -> set[str]:
    """Return the providers whose default block was loaded before."""
    return {provider for provider, (_, found) in _defaults.items() if found is not None}


async def load_default_credentials(provider: str) -> Credentials | None:
    """Return the credentials in the block named `default` of a provider's type, when a server holds one."""
    from .credentials import BLOCKS

    known = _defaults.get(provider)
    if known is not None and time.monotonic() - known[0] < REMEMBER_S:
        return known[1]
    block = BLOCKS.get(provider)
    found = None
    if block is not None and get_current_settings().api.url is not None:
        try:
            found = (await block.aload("default")).get_credentials()
        except ValueError:  # no such block
            found = None
        except (httpx.HTTPError, PrefectException) as exc:
            logger.warning("Cannot look for a %s block named 'default': %s", block.__name__, exc)
            return None
    _defaults[provider] = (time.monotonic(), found)
    return found
