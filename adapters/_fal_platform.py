"""What fal publishes about a model: its platform API, which lives on a host of its own.

`GET /v1/models?endpoint_id=...&expand=openapi-3.0` gives metadata and the OpenAPI document of the queue;
`GET /v1/models/pricing?endpoint_id=...` one price and its unit. An endpoint that fal does not know comes back without
metadata, or not at all.

Source: docs.fal.ai/platform-apis, Models and Pricing, read 2026-11.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from ..errors import CardError, PermanentProviderError, UnknownModelError
from ._errors import About
from ._fal_storage import OFFICIAL_BASE
from ._results import number
from .importing.published import Published
from .importing.schema import Document
from .importing.words import clean

if TYPE_CHECKING:
    from .fal import FalAdapter

__all__ = ["check_endpoint", "published"]

PLATFORM_URL = "https://api.fal.ai"
ENDPOINT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}(/[A-Za-z0-9][A-Za-z0-9_.-]{0,99}){1,7}")
MAX_SCHEMA_BYTES = 4 << 20


def check_endpoint(endpoint: str) -> None:
    """Refuse what cannot be a model's name.

    Raises:
        UnknownModelError: It is none.
    """
    if not ENDPOINT.fullmatch(endpoint):
        raise UnknownModelError(
            f"{clean(endpoint, 100)!r} is not the name of a model at fal. Expected owner/alias, and more parts if it has "
            "them, such as fal-ai/flux/dev."
        )


def _platform(adapter: FalAdapter) -> str:
    base = adapter.credentials.base_url
    return adapter.credentials.extra.get("platform_url") or (
        PLATFORM_URL if base == OFFICIAL_BASE else f"{base}/_platform"
    )


async def published(adapter: FalAdapter, endpoint: str) -> Published:
    """Ask for a model, its schema and its price. Free.

    Raises:
        UnknownModelError, CardError, ProviderError: As `Publishes.published` says.
    """
    check_endpoint(endpoint)
    about = About(adapter.name, "read what is published about", f"fal:{endpoint}")
    entry = await _entry(adapter, endpoint, about)
    metadata = cast("dict[str, Any]", entry["metadata"])
    content: Any = entry.get("openapi")
    if not isinstance(content, dict) or "paths" not in content:
        raise CardError(f"fal publishes no schema for {endpoint}. Write the card by hand.")
    document = Document(cast("dict[str, Any]", content), f"fal:{endpoint}")
    usd, unit = await _price(adapter, endpoint, about)
    old = metadata.get("status") == "deprecated"
    request = document.at("paths", f"/{endpoint}", "post", "requestBody", "content", "application/json", "schema")
    result = document.at("paths", f"/{endpoint}/requests/{{request_id}}", "get", "responses", "200")
    return Published(
        endpoint=endpoint,
        title=f"{clean(metadata.get('display_name'), 80) or endpoint} on fal",
        description=clean(metadata.get("description"), 500),
        document=document,
        input=request or _component(document, "Input"),
        output=_schema_of(result) or _component(document, "Output"),
        source=f"Published schema of fal.ai/models/{endpoint}",
        category=clean(metadata.get("category"), 60),
        price_usd=usd,
        price_unit=unit,
        notes=("fal calls this model deprecated.",) if old else (),
    )


async def _entry(adapter: FalAdapter, endpoint: str, about: About) -> dict[str, Any]:
    query = {"endpoint_id": endpoint, "expand": "openapi-3.0"}
    reply = await adapter.call("GET", f"{_platform(adapter)}/v1/models", about, params=query, tolerate=(400, 404))
    fields = reply.fields()
    if reply.status < 400 and not isinstance(fields.get("models"), list):
        raise CardError(
            f"{about}: the answer holds no list of models ({len(reply.body)} bytes). Check FAL_PLATFORM_URL."
        )
    if len(reply.body) > MAX_SCHEMA_BYTES:
        raise CardError(f"{about}: the answer holds {len(reply.body)} bytes; at most {MAX_SCHEMA_BYTES} are read.")
    listed = cast("list[Any]", fields["models"]) if reply.status < 400 else []
    for entry in listed:
        if isinstance(entry, dict) and entry.get("endpoint_id") == endpoint and isinstance(entry.get("metadata"), dict):
            return cast("dict[str, Any]", entry)
    raise UnknownModelError(f"fal knows no model {endpoint}. See fal.ai/models for its models.")


async def _price(adapter: FalAdapter, endpoint: str, about: About) -> tuple[Decimal | None, str]:
    """Return the published price and its unit; nothing when fal has none for this model, or not for this key."""
    try:
        reply = await adapter.call(
            "GET", f"{_platform(adapter)}/v1/models/pricing", about, params={"endpoint_id": endpoint}
        )
    except PermanentProviderError:
        return None, ""
    prices = reply.fields().get("prices")
    for entry in cast("list[Any]", prices) if isinstance(prices, list) else []:
        if isinstance(entry, dict) and entry.get("endpoint_id") == endpoint and entry.get("currency") == "USD":
            usd = number(entry.get("unit_price"))
            return (usd if usd is not None and usd > 0 else None), clean(entry.get("unit"), 40)
    return None, ""


def _schema_of(response: Any) -> Any:
    found: Any = response
    for name in ("content", "application/json", "schema"):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _component(document: Document, ending: str) -> Any:
    """Return the schema whose name ends so, when there is just one."""
    schemas: Any = document.at("components", "schemas")
    named = (
        [schema for name, schema in schemas.items() if str(name).endswith(ending)] if isinstance(schemas, dict) else []
    )
    return named[0] if len(named) == 1 else None
