"""What Replicate publishes about a model: `GET /models/{owner}/{name}`, and one of its versions.

The schema of the latest version is inside the answer (`latest_version.openapi_schema`), with `Input` and `Output` among
its components; `default_example` is a prediction that somebody ran. There are no prices.

Source: replicate.com/docs, HTTP API, `models.get` and `models.versions.get`, and the Python SDK 1.0.7, read 2026-11.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from ..errors import CardError, UnknownModelError
from ._errors import About
from ._results import at, number, urls
from .importing.published import Published
from .importing.schema import Document
from .importing.words import clean

if TYPE_CHECKING:
    from .replicate import ReplicateAdapter

__all__ = ["check_endpoint", "published"]

PART = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}"
ENDPOINT = re.compile(rf"({PART})/({PART})(?::([0-9a-f]{{64}}))?")
OUTPUT_LIFETIME_S = 3600.0
MAX_SCHEMA_BYTES = 4 << 20


def check_endpoint(endpoint: str) -> re.Match[str]:
    """Take a model's name apart: owner, name, and the version if it names one.

    Raises:
        UnknownModelError: It is none.
    """
    match = ENDPOINT.fullmatch(endpoint)
    if match is None:
        raise UnknownModelError(
            f"{clean(endpoint, 100)!r} is not the name of a model at Replicate. Expected owner/name, or owner/name:version "
            "with a version id of 64 hex digits."
        )
    return match


async def published(adapter: ReplicateAdapter, endpoint: str) -> Published:
    """Ask for a model and its schema. Free.

    Raises:
        UnknownModelError, CardError, ProviderError: As `Publishes.published` says.
    """
    owner, name, wanted = check_endpoint(endpoint).groups()
    model_name = f"{owner}/{name}"
    about = About(adapter.name, "read what is published about", f"replicate:{endpoint}")
    model = await _get(adapter, f"/models/{model_name}", about)
    version: Any = model.get("latest_version")
    if wanted and at(model, "latest_version.id") != wanted:
        version = await _get(adapter, f"/models/{model_name}/versions/{wanted}", about)
    document = version.get("openapi_schema") if isinstance(version, dict) else None
    if not isinstance(document, dict):
        raise CardError(f"Replicate publishes no schema for {endpoint}: it has no version. Write the card by hand.")
    schema = Document(cast("dict[str, Any]", document), f"replicate:{endpoint}")
    version_id = clean(cast("dict[str, Any]", version).get("id"), 64)
    pinned = bool(re.fullmatch(r"[0-9a-f]{64}", version_id)) and (bool(wanted) or model.get("is_official") is not True)
    example: Any = model.get("default_example")
    example_s = number(at(example, "metrics.predict_time")) if isinstance(example, dict) else None
    return Published(
        endpoint=model_name,
        title=f"{_title(name)} on Replicate",
        description=clean(model.get("description"), 500),
        document=schema,
        input=schema.at("components", "schemas", "Input"),
        output=schema.at("components", "schemas", "Output"),
        source=f"Published schema of replicate.com/{model_name}"
        + (f", version {version_id[:12]}" if version_id else ""),
        examples=tuple(file.url for file in urls(example.get("output")) if file.url)[:8]
        if isinstance(example, dict)
        else (),
        example_s=float(example_s) if example_s else None,
        expires_s=OUTPUT_LIFETIME_S,
        extra={"version": version_id} if pinned else {},
    )


async def _get(adapter: ReplicateAdapter, path: str, about: About) -> dict[str, Any]:
    reply = await adapter.call("GET", adapter.url(path), about, tolerate=(404,))
    if reply.status == 404:
        raise UnknownModelError(
            f"Replicate knows no {path.removeprefix('/models/').replace('/versions/', ':')}, or this token may not see it. "
            "See replicate.com/explore for its models."
        )
    fields = reply.fields()
    if not fields:
        raise CardError(
            f"{about}: the answer is not a JSON object ({len(reply.body)} bytes). Check REPLICATE_BASE_URL."
        )
    if len(reply.body) > MAX_SCHEMA_BYTES:
        raise CardError(f"{about}: the answer holds {len(reply.body)} bytes; at most {MAX_SCHEMA_BYTES} are read.")
    return fields


def _title(name: str) -> str:
    return " ".join(
        word if any(map(str.isupper, word)) else word.capitalize() for word in re.split(r"[-_]+", name) if word
    )
