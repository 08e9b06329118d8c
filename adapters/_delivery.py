"""How input media reaches a provider: inline as a data URI when small, else by the URL of an upload."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import Any, cast

from ..media.types import AnyMedia, Media
from .base import MatchUnclear, RecentJob, Request, Upload

__all__ = ["data_uri", "deliver", "file_chunks", "file_name", "matches"]

CHUNK = 1 << 20

Uploader = Callable[[AnyMedia], Awaitable[Upload]]


def file_name(media: AnyMedia) -> str:
    """Return the name that an upload goes by: from the content, never from a user's file."""
    return f"{media.digest[:16]}{media.suffix}"


async def file_chunks(path: Path, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
    """Read a file, or a part of it, piece by piece."""
    left = path.stat().st_size - start if length is None else length
    with path.open("rb") as file:
        file.seek(start)
        while left > 0 and (chunk := file.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk


async def data_uri(media: AnyMedia) -> str:
    """Return the media as a data URI."""
    content = await asyncio.to_thread(media.read)
    return f"data:{media.media_type};base64,{base64.b64encode(content).decode('ascii')}"


async def deliver(request: Request, upload: Uploader, *, inline_bytes: int, inline_total_bytes: int) -> dict[str, Any]:
    """Return the request's payload with its media filled in.

    Args:
        request: What to send.
        upload: Hands one file over, for what is neither small enough nor uploaded before.
        inline_bytes: Largest file that goes as a data URI.
        inline_total_bytes: Largest sum of files that go as data URIs in one request.
    """
    payload = dict(request.payload)
    left = inline_total_bytes
    made: dict[str, str] = {}
    for name, value in request.media.items():
        several = value if isinstance(value, list) else [value]
        places: list[str] = []
        for media in several:
            place = made.get(media.digest)
            if place is None and media.size_bytes <= min(inline_bytes, left):
                left -= media.size_bytes
                place = await data_uri(media)
            elif place is None:
                place = request.uploads.get(media.digest) or (await upload(media)).url
            made[media.digest] = place
            places.append(place)
        _put(payload, name, places if isinstance(value, list) else places[0])
    return payload


def _put(payload: dict[str, Any], name: str, value: Any) -> None:
    """Set a field; dots in its name lead into nested objects, which are copied."""
    *outer, last = name.split(".")
    for part in outer:
        payload[part] = dict(payload.get(part) or {})
        payload = payload[part]
    payload[last] = value


def matches(request: Request, found: RecentJob, *, records: Collection[str] | None = None) -> bool:
    """Return whether a job found by look-up is this request.

    Media is the same when the recorded data URI has its digest, or the recorded URL is that of its upload.

    Args:
        request: What was sent.
        found: What the provider lists.
        records: The parameters that this provider records; None when it records all that were sent.

    Raises:
        MatchUnclear: All else is equal, but media is recorded by a URL of the provider's own making.
    """
    sent = {name: value for name, value in request.payload.items() if value is not None} | dict(request.media)
    if records is not None:
        sent = {name: value for name, value in sent.items() if name in records}
    recorded = found.payload or {}
    verdicts = [_equal(value, recorded.get(name), request.uploads) for name, value in sent.items()]
    if not verdicts or False in verdicts:
        return False
    if None in verdicts:
        raise MatchUnclear(found.job.remote_id)
    return True


def _equal(sent: Any, recorded: Any, uploads: Mapping[str, str]) -> bool | None:
    if isinstance(sent, list) and any(isinstance(item, Media) for item in cast("list[Any]", sent)):
        wanted = cast("list[Media]", sent)
        places: list[Any] = cast("list[Any]", recorded) if isinstance(recorded, list) else []
        if len(places) != len(wanted):
            return False
        verdicts = [_same(place, media, uploads) for place, media in zip(places, wanted, strict=True)]
        return False if False in verdicts else (None if None in verdicts else True)
    return _same(recorded, sent, uploads) if isinstance(sent, Media) else sent == recorded


def _same(place: Any, media: Media, uploads: Mapping[str, str]) -> bool | None:
    """Return whether a recorded place holds the media; None when only fetching it would tell."""
    if not isinstance(place, str):
        return False
    if place.startswith("data:"):
        try:
            content = base64.b64decode(place.partition(",")[2], validate=True)
        except ValueError:
            return False
        return hashlib.sha256(content).hexdigest() == media.digest
    ours = uploads.get(media.digest)
    if ours is None:
        return None if place.startswith(("https://", "http://")) else False
    # Uploads stand under one address each, so another one beside ours is another file.
    return True if place == ours else (False if place.rpartition("/")[0] == ours.rpartition("/")[0] else None)
