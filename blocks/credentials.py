"""Credential blocks: a provider's key, where to call it, and how fast."""

from __future__ import annotations

from typing import Any, ClassVar

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, SecretStr, ValidationError

from ..adapters.credentials import Credentials, Limits
from ..adapters.registry import entry
from ..errors import ConfigurationError

__all__ = [
    "BLOCKS",
    "ElevenLabsCredentials",
    "FalCredentials",
    "OpenAICredentials",
    "ProviderCredentials",
    "ReplicateCredentials",
]

DOCS = HttpUrl("https://github.com/prefect-media/prefect-media/blob/main/docs/credentials.md")


class ProviderCredentials(Block):
    """Base of the credential blocks.

    A key in the environment needs no block. Save a block under the name `default` and tasks use it when the variable is
    not set; or load any block and call inside `with block.use():`.
    """

    provider: ClassVar[str] = ""

    api_key: SecretStr = Field(description="Key of your account. Stored encrypted, never shown.")
    base_url: str | None = Field(
        default=None, description="Where to call the provider, for a proxy; empty for the official address."
    )
    concurrent: int | None = Field(
        default=None, ge=1, description="Jobs in flight at a time; empty for the provider's own limit."
    )
    submits_per_minute: int | None = Field(
        default=None, ge=1, description="Paid requests started in a minute; empty for the provider's own limit."
    )

    def get_credentials(self) -> Credentials:
        """Return what the adapter needs.

        Raises:
            ConfigurationError: The key or the base URL cannot be used.
        """
        line = entry(self.provider)
        limits = Limits(
            submits_per_minute=self.submits_per_minute or line.limits.submits_per_minute,
            requests_per_minute=line.limits.requests_per_minute,
            concurrent=self.concurrent or line.limits.concurrent,
        )
        try:
            return Credentials(
                provider=self.provider,
                key=self.api_key,
                base_url=self.base_url or line.base_url,
                limits=limits,
                extra=self._extra(),
            )
        except ValidationError as exc:
            problem = exc.errors(include_input=False)[0]["msg"].removeprefix("Value error, ")
        raise ConfigurationError(f"{type(self).__name__} cannot be used. {problem}")

    def _extra(self) -> dict[str, str]:
        return {}

    def use(self) -> Any:
        """Return a context manager: calls made inside it use this block instead of the environment.

        Example:
            ```python
            with ReplicateCredentials.load("team").use():
                await generate_image("a lighthouse", model="replicate:black-forest-labs/flux-schnell")
            ```
        """
        from ._using import using_credentials

        return using_credentials(self.get_credentials())


class ReplicateCredentials(ProviderCredentials):
    """Key of a Replicate account.

    Example:
        ```python
        from prefect_media.blocks import ReplicateCredentials

        credentials = ReplicateCredentials.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "Replicate Credentials"
    _block_type_slug = "replicate-credentials"
    _documentation_url = DOCS
    provider: ClassVar[str] = "replicate"


class FalCredentials(ProviderCredentials):
    """Key of a fal account.

    Example:
        ```python
        from prefect_media.blocks import FalCredentials

        credentials = FalCredentials.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "fal Credentials"
    _block_type_slug = "fal-credentials"
    _documentation_url = DOCS
    provider: ClassVar[str] = "fal"


class OpenAICredentials(ProviderCredentials):
    """Key of an OpenAI account, for images and speech.

    Example:
        ```python
        from prefect_media.blocks import OpenAICredentials

        credentials = OpenAICredentials.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "OpenAI Media Credentials"
    _block_type_slug = "openai-media-credentials"
    _documentation_url = DOCS
    provider: ClassVar[str] = "openai"

    organization: str | None = Field(default=None, description="Organization id, when the key belongs to several.")
    project: str | None = Field(default=None, description="Project id, when the key belongs to several.")

    def _extra(self) -> dict[str, str]:
        given = {"organization": self.organization, "project": self.project}
        return {name: value for name, value in given.items() if value}


class ElevenLabsCredentials(ProviderCredentials):
    """Key of an ElevenLabs account.

    Example:
        ```python
        from prefect_media.blocks import ElevenLabsCredentials

        credentials = ElevenLabsCredentials.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "ElevenLabs Credentials"
    _block_type_slug = "elevenlabs-credentials"
    _documentation_url = DOCS
    provider: ClassVar[str] = "elevenlabs"


BLOCKS: dict[str, type[ProviderCredentials]] = {
    block.provider: block for block in (ReplicateCredentials, FalCredentials, OpenAICredentials, ElevenLabsCredentials)
}
"""Block types by provider."""
