"""Which credentials and budgets the current code calls with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from ..adapters.credentials import Credentials

__all__ = ["credentials_in_use", "using_credentials"]

_in_use: ContextVar[Mapping[str, Credentials]] = ContextVar("prefect_media_credentials", default={})  # noqa: B039 - never written to


@contextmanager
def using_credentials(credentials: Credentials) -> Iterator[None]:
    """Make calls to the provider inside this block use these credentials."""
    token = _in_use.set({**_in_use.get(), credentials.provider: credentials})
    try:
        yield
    finally:
        _in_use.reset(token)


def credentials_in_use() -> Mapping[str, Credentials]:
    """Return the credentials set by surrounding `use()` blocks, by provider."""
    return _in_use.get()
