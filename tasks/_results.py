"""How task results are kept: one JSON record each, and a record whose media is gone counts as absent."""

from __future__ import annotations

import json
from typing import Any

from prefect.serializers import Serializer
from pydantic import Field, TypeAdapter

from .. import errors
from ..errors import MediaMissingError, PrefectMediaError
from ..media.types import AnyMedia, Audio, Image, Video
from ..media.videos.deferred import Deferred
from ..settings import get_settings
from .tally import current_tally

__all__ = ["MediaSerializer"]

MEDIA = (Image, Video, Audio)
_media: TypeAdapter[AnyMedia] = TypeAdapter(AnyMedia)


def _encode(value: Any) -> Any:
    if isinstance(value, Deferred) and not value.is_rendered:
        return {"deferred": value.record()}
    if isinstance(value, MEDIA):
        return {"media": value.model_dump(mode="json")}
    if isinstance(value, list | tuple):
        return {"list": [_encode(item) for item in value]}
    if isinstance(value, dict):
        return {"dict": {str(key): _encode(item) for key, item in value.items()}}
    if isinstance(value, BaseException):
        return {"error": {"type": type(value).__name__, "message": str(value)}}
    return {"json": value}


def _decode(value: dict[str, Any]) -> Any:
    ((kind, content),) = value.items()
    match kind:
        case "media":
            media = _media.validate_python(content)
            if not media.exists():
                raise MediaMissingError(
                    f"The store no longer holds {media.digest[:12]}…{media.suffix}, which a cached result refers to."
                )
            return media
        case "deferred":
            if not get_settings().fuse:
                raise MediaMissingError("A cached result was put off; PREFECT_MEDIA_FUSE=false has it encoded at once.")
            video = Deferred.of_record(content)
            if not video.is_there():
                raise MediaMissingError(
                    f"The store no longer holds {video.source.digest[:12]}…{video.source.suffix}, which a cached result is "
                    "made of."
                )
            return video
        case "list":
            return [_decode(item) for item in content]
        case "dict":
            return {key: _decode(item) for key, item in content.items()}
        case "error":
            known = getattr(errors, content["type"], PrefectMediaError)
            return known(content["message"])
        case _:
            return content


class MediaSerializer(
    Serializer
):  # not Serializer[Any]: Prefect registers every subclass by name, and that one has none
    """Media values, lists and dictionaries of them, and plain JSON values, as JSON with names instead of import paths.

    Reading a record whose media the store no longer holds raises; Prefect takes a record that does not load as absent,
    so the task runs again instead of handing out a broken reference.
    """

    type: str = Field("media-json", frozen=True)

    def dumps(self, obj: Any) -> bytes:
        """Return the record's bytes."""
        return json.dumps(_encode(obj), separators=(",", ":"), sort_keys=True).encode()

    def loads(self, blob: bytes) -> Any:
        """Return the value, or raise `MediaMissingError`; the row that it is read for counts its calls as reused.

        A cached task run has no other place for that: its body does not run.
        """
        value = _decode(json.loads(blob))
        for tally in current_tally():
            tally.see(value)
        return value
