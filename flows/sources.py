"""Bring in the user's own files where a flow's parameters name them by path or URL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..tasks.imports import import_media
from .parameters import MediaSource

__all__ = ["imported"]


async def imported(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked parameters with every path and URL replaced by the media it stands for."""
    return {name: await _one(value) for name, value in values.items()}


async def _one(value: Any) -> Any:
    if isinstance(value, MediaSource):
        return await import_media(value.source, kind=value.kind)
    if isinstance(value, list) and any(isinstance(item, MediaSource) for item in value):
        return [await _one(item) for item in value]
    return value
