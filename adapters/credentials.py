"""Who calls a provider, where, and how fast: one value, whether it comes from the environment or from a block."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from functools import lru_cache

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from ..errors import ConfigurationError

__all__ = ["Credentials", "Limits", "is_loopback", "variable"]


def variable(name: str) -> str | None:
    """Return an environment variable without surrounding space; None when it is unset or blank."""
    return os.environ.get(name, "").strip() or None


@lru_cache(maxsize=1024)
def is_loopback(host: str) -> bool:
    """Return whether a host, as written in a URL, is this machine's loopback."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _is_local_name(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_private
    except ValueError:
        return "." not in host  # a container or a machine on the same network


def _plain_address(text: str) -> str:
    try:
        url = httpx.URL(text.strip())
    except httpx.InvalidURL as exc:
        raise ConfigurationError(f"The base URL is not a URL: {exc}.") from exc
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
        raise ConfigurationError(
            f"The base URL {url.scheme}://{url.host}… is not usable: it must be http(s)://host[:port][/path], "
            "without user, query or fragment."
        )
    if url.scheme == "http" and not (is_loopback(url.host) or _is_local_name(url.host)):
        raise ConfigurationError(
            f"The base URL http://{url.host} would send the key unencrypted. Use https; plain http is only for "
            "this machine and for private networks."
        )
    return str(url).rstrip("/")


class Limits(BaseModel):
    """How fast one key may call. None means that the provider states no such limit.

    Attributes:
        submits_per_minute: Paid requests started in a minute.
        requests_per_minute: All other requests in a minute.
        concurrent: Jobs in flight at a time.
    """

    model_config = ConfigDict(frozen=True)

    submits_per_minute: int | None = Field(default=None, ge=1)
    requests_per_minute: int | None = Field(default=None, ge=1)
    concurrent: int | None = Field(default=None, ge=1)


class Credentials(BaseModel):
    """What an adapter needs to call its provider.

    Attributes:
        provider: Adapter name.
        key: API key. Never part of a repr, an error or a journal.
        base_url: Where the API is, without a slash at the end. Plain http is only taken for this machine, for private
            addresses and for host names without a dot.
        limits: How fast this key may call.
        extra: Provider-specific settings that are no secrets (`organization`, `rest_url`, ...).
    """

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    provider: str
    key: SecretStr
    base_url: str
    limits: Limits = Limits()
    extra: Mapping[str, str] = Field(default_factory=dict)

    @field_validator("key")
    @classmethod
    def _usable_in_a_header(cls, value: SecretStr) -> SecretStr:
        key = value.get_secret_value().strip()
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ConfigurationError(
                "The API key is empty or holds a character that no key has (space, line end, non-ASCII). Copy it again."
            )
        return SecretStr(key)

    @field_validator("base_url")
    @classmethod
    def _usable_base(cls, value: str) -> str:
        return _plain_address(value)

    @field_validator("extra")
    @classmethod
    def _usable_addresses(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        return {name: _plain_address(text) if name.endswith("_url") else text for name, text in value.items()}

    @property
    def on_loopback(self) -> bool:
        """Whether the base URL is on this machine, which also allows outputs and uploads there."""
        return is_loopback(httpx.URL(self.base_url).host)
