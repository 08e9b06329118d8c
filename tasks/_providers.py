"""Adapters of this process: one for each provider and key, on the loop for provider calls."""

from __future__ import annotations

import hashlib

from ..adapters import registry
from ..adapters.base import Adapter
from ..adapters.credentials import Credentials, Limits
from ..blocks import credentials_in_use, load_default_credentials
from ._gate import Gate

__all__ = ["Provider", "credentials_for", "has_credentials", "provider_for"]

_found: dict[tuple[str, str], Provider] = {}


class Provider:
    """An adapter and what all calls through it share.

    Attributes:
        name: The provider's.
        adapter: Speaks its protocol.
        credentials: What the adapter was made with; None for one that needs none.
        gate: Its limits.
    """

    def __init__(self, name: str, adapter: Adapter, credentials: Credentials | None) -> None:
        self.name = name
        self.adapter = adapter
        self.credentials = credentials
        self.gate = Gate(credentials.limits, name) if credentials is not None else Gate(Limits())


async def credentials_for(name: str) -> Credentials | None:
    """Return what to call a provider with: a surrounding block, the environment, or the block named `default`.

    Raises:
        MissingCredentialsError: There is none of them.
    """
    if not registry.entry(name).key_env:
        return None
    used = credentials_in_use().get(name)
    if used is not None:
        return used
    if registry.has_credentials(name):
        return registry.from_environment(name)
    return await load_default_credentials(name) or registry.from_environment(name)


async def has_credentials(name: str) -> bool:
    """Return whether a provider can be called at all."""
    return (
        name in credentials_in_use()
        or registry.has_credentials(name)
        or await load_default_credentials(name) is not None
    )


async def provider_for(name: str) -> Provider:
    """Return the adapter for a provider. Call it on the loop for provider calls only.

    Raises:
        UnknownAdapterError, MissingCredentialsError, ConfigurationError: As the registry raises them.
    """
    credentials = await credentials_for(name)
    identity = ""
    if credentials is not None:
        secret = credentials.key.get_secret_value()
        identity = hashlib.sha256(f"{secret}\n{credentials.base_url}\n{credentials.extra}".encode()).hexdigest()
    provider = _found.get((name, identity))
    if provider is None:
        provider = _found[name, identity] = Provider(name, registry.create(name, credentials), credentials)
    return provider
