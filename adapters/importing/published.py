"""What a provider publishes about one model, whichever way it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable

from .schema import Document

__all__ = ["Published", "Publishes"]


@dataclass(frozen=True)
class Published:
    """The published facts of one model; all of it is untrusted.

    Attributes:
        endpoint: What the provider calls the model.
        title, description: For people.
        document: The OpenAPI document.
        input, output: The schemas of a request and of its answer, as they stand in the document.
        category: The provider's own word for what the model does; empty when it has none.
        examples: Addresses of example outputs.
        example_s: How long the example ran.
        price_usd, price_unit: Price of one unit, and the provider's name of the unit.
        expires_s: How long the provider keeps outputs.
        extra: Facts that the provider's adapter needs with every request.
        notes: What else a user should know.
        source: Where all this stands.
    """

    endpoint: str
    title: str
    description: str
    document: Document
    input: Any
    output: Any
    source: str
    category: str = ""
    examples: tuple[str, ...] = ()
    example_s: float | None = None
    price_usd: Decimal | None = None
    price_unit: str = ""
    expires_s: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    notes: tuple[str, ...] = ()


@runtime_checkable
class Publishes(Protocol):
    """An adapter whose provider publishes schemas."""

    def check_endpoint(self, endpoint: str) -> None:
        """Refuse what cannot be the name of a model.

        Raises:
            UnknownModelError: With how such names are written.
        """
        ...

    async def published(self, endpoint: str) -> Published:
        """Ask for what is published about a model. Free.

        Raises:
            UnknownModelError: The provider does not know it.
            CardError: It publishes no schema for it, or one that cannot be read.
            ProviderError: The request failed.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...
