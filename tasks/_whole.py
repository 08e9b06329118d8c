"""Encode the videos that were put off, before something looks at their bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from ..media.videos.deferred import Deferred
from ._loop import in_worker
from .progress import work_of

__all__ = ["unmade", "whole"]


def unmade(value: Any) -> bool:
    """Whether there is a video in a value, or in a list or mapping of them, that is put off."""
    if isinstance(value, Mapping):
        return any(unmade(item) for item in value.values())
    return any(unmade(item) for item in value) if isinstance(value, list | tuple) else isinstance(value, Deferred)


async def whole(value: Any) -> Any:
    """Return a value with every video in it encoded, several at a time.

    Raises:
        MediaError: One cannot be encoded.
    """
    if isinstance(value, Deferred):
        with work_of(value.made.made_by.replace("_", "-")):
            return await in_worker(value.rendered)
    if not unmade(value):
        return value
    if isinstance(value, Mapping):
        return dict(zip(value, await whole(list(value.values())), strict=True))
    made = await asyncio.gather(*map(whole, value), return_exceptions=True)
    for each in made:
        if isinstance(each, BaseException):
            raise each
    return made if isinstance(value, list) else tuple(made)
