"""The table of adapters: which module speaks for a provider, and which environment variables it is set up by.

Another distribution adds an adapter by an entry point in the group `prefect_media.adapters`: its name is the
provider's, its value an `AdapterEntry`.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, cast

from pydantic import SecretStr, ValidationError

from ..errors import ConfigurationError, MissingCredentialsError, UnknownAdapterError
from .base import Adapter
from .credentials import Credentials, Limits, variable

__all__ = [
    "ADAPTERS",
    "GROUP",
    "AdapterEntry",
    "adapter_class",
    "create",
    "entry",
    "from_environment",
    "has_credentials",
    "names",
]

GROUP = "prefect_media.adapters"


@dataclass(frozen=True)
class AdapterEntry:
    """One line of the table.

    Attributes:
        module: Module that holds the class. One that starts with a dot is relative to this package.
        cls: Name of the class; it is called with one `Credentials`.
        key_env: Ways to give the key, best first; a way of several variables joins their values with a colon. Empty
            for an adapter that needs no key: its class is called with nothing.
        base_url_env: Variable that replaces `base_url`.
        base_url: Official address.
        limits: The provider's published limits of one key.
        extra_env: Variables of further settings, by their name in `Credentials.extra`.
    """

    module: str
    cls: str
    key_env: tuple[tuple[str, ...], ...] = ()
    base_url_env: str = ""
    base_url: str = ""
    limits: Limits = field(default_factory=Limits)
    extra_env: Mapping[str, str] = field(default_factory=dict[str, str])


ADAPTERS: dict[str, AdapterEntry] = {
    "local": AdapterEntry(".local", "LocalAdapter"),
    "replicate": AdapterEntry(
        ".replicate",
        "ReplicateAdapter",
        key_env=(("REPLICATE_API_TOKEN",),),
        base_url_env="REPLICATE_BASE_URL",
        base_url="https://api.replicate.com/v1",
        # Source: replicate.com/docs, rate limits, read 2026-11. Accounts with little credit get 6 per minute.
        limits=Limits(submits_per_minute=600, requests_per_minute=3000),
    ),
    "fal": AdapterEntry(
        ".fal",
        "FalAdapter",
        key_env=(("FAL_KEY",), ("FAL_KEY_ID", "FAL_KEY_SECRET")),
        base_url_env="FAL_BASE_URL",
        base_url="https://queue.fal.run",
        extra_env={"rest_url": "FAL_REST_URL", "cdn_url": "FAL_CDN_URL", "platform_url": "FAL_PLATFORM_URL"},
    ),
    "openai": AdapterEntry(
        ".openai",
        "OpenAIAdapter",
        key_env=(("OPENAI_API_KEY",),),
        base_url_env="OPENAI_BASE_URL",
        base_url="https://api.openai.com/v1",
        extra_env={"organization": "OPENAI_ORG_ID", "project": "OPENAI_PROJECT_ID"},
    ),
    "elevenlabs": AdapterEntry(
        ".elevenlabs",
        "ElevenLabsAdapter",
        key_env=(("ELEVENLABS_API_KEY",),),
        base_url_env="ELEVENLABS_BASE_URL",
        base_url="https://api.elevenlabs.io",
    ),
}


@lru_cache(maxsize=1)
def _installed() -> dict[str, AdapterEntry]:
    found: dict[str, AdapterEntry] = {}
    for point in entry_points(group=GROUP):
        loaded = point.load()
        if not isinstance(loaded, AdapterEntry):
            raise ConfigurationError(
                f"The entry point {point.value!r} of {GROUP} is a {type(loaded).__name__}; it must be an AdapterEntry."
            )
        found[point.name] = loaded
    return found


def names() -> list[str]:
    """Return the names of all adapters, sorted."""
    return sorted(ADAPTERS | _installed())


def entry(name: str) -> AdapterEntry:
    """Return an adapter's line of the table.

    Raises:
        UnknownAdapterError: No adapter goes by that name.
    """
    found = ADAPTERS.get(name) or _installed().get(name)
    if found is None:
        near = difflib.get_close_matches(name, names(), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UnknownAdapterError(f"Unknown adapter {name!r}. Known: {', '.join(map(repr, names()))}.{hint}")
    return found


def _key_of(found: AdapterEntry) -> str | None:
    for way in found.key_env:
        values = [variable(name) for name in way]
        if all(values):
            return ":".join(cast("list[str]", values))
    return None


def has_credentials(name: str) -> bool:
    """Return whether the environment has a key for a provider (always, when it needs none)."""
    found = entry(name)
    return not found.key_env or _key_of(found) is not None


def from_environment(name: str) -> Credentials:
    """Read a provider's credentials from the environment.

    Raises:
        UnknownAdapterError: No adapter goes by that name.
        MissingCredentialsError: The variables are not set; the message names them.
        ConfigurationError: The key or the base URL cannot be used.
    """
    found = entry(name)
    key = _key_of(found)
    if key is None:
        ways = " or ".join(" and ".join(way) for way in found.key_env)
        raise MissingCredentialsError(
            f"The adapter {name!r} needs an API key: set {ways}, or use a credentials block. "
            "The 'local' models run without any key."
        )
    extra = {setting: value for setting, env in found.extra_env.items() if (value := variable(env))}
    try:
        return Credentials(
            provider=name,
            key=SecretStr(key),
            base_url=variable(found.base_url_env) or found.base_url,
            limits=found.limits,
            extra=extra,
        )
    except ValidationError as exc:
        first = exc.errors(include_input=False)[0]
        where = found.base_url_env if first["loc"] == ("base_url",) else found.key_env[0][0]
        problem = first["msg"].removeprefix("Value error, ")
    raise ConfigurationError(f"{where} cannot be used. {problem}")


def adapter_class(name: str) -> type[Any]:
    """Return the class that speaks for a provider. Nothing is made.

    Raises:
        UnknownAdapterError: No adapter goes by that name.
    """
    found = entry(name)
    return getattr(import_module(found.module, __package__), found.cls)


def create(name: str, credentials: Credentials | None = None) -> Adapter:
    """Make an adapter. Nothing is sent.

    Args:
        name: Provider's name, the part of a card id before the colon.
        credentials: From a block; None reads the environment.

    Raises:
        UnknownAdapterError: No adapter goes by that name.
        MissingCredentialsError, ConfigurationError: As for `from_environment`.
    """
    cls = adapter_class(name)
    return cls(credentials or from_environment(name)) if entry(name).key_env else cls()
