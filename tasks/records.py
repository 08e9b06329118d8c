"""Write where media came from into the file itself, as a task. Nothing does so unless it is called."""

from __future__ import annotations

from typing import Any, Literal

from prefect.runtime import flow_run as current_flow_run

from ..errors import ParameterError
from ..media import provenance
from ..media.types import Audio, Image, Media, Video
from ._keys import key_of
from ._kinds import checked
from ._operate import operate
from ._task import media_task

__all__ = ["write_provenance"]

Made = Literal["model", "procedure", "composite"]
LOCAL = "local:"
"""Models of this package: procedures, by IPTC's words."""


def _record(media: Media, made: Made | None, model: str | None, call_key: str | None) -> dict[str, Any]:
    """Return what is written, from the media's own record where the caller says nothing."""
    known = media.made
    if made is None and known.call_key is not None:
        made = "procedure" if known.made_by.startswith(LOCAL) else "model"
    if model is None and known.call_key is not None:
        model = known.made_by
    return {"made": made, "model": model, "call_key": call_key or known.call_key}


_key_of_record = key_of(provenance.write_provenance, words=True)


def _key(parameters: dict[str, Any]) -> str | None:
    record = _record(*(parameters[name] for name in ("media", "made", "model", "call_key")))
    return _key_of_record({**parameters, **record})


@media_task(key=_key)
@checked
async def write_provenance(
    media: Image | Video | Audio,
    *,
    made: Made | None = None,
    model: str | None = None,
    call_key: str | None = None,
    flow_run: bool = True,
    prompt: str | None = None,
) -> Image | Video | Audio:
    """Write into a file how it was made. Picture and sound are not touched, and no prompt is written unless it is given.

    Args:
        media: PNG, JPEG, WebP, MP4, MOV, WebM, MKV, M4A, MP3, WAV, FLAC or Ogg.
        made: `model` for the output of a generative model, `procedure` for that of an algorithm without one, `composite`
            for something put together with such parts. For what a call made, it is known.
        model: Card id; by default that of the call that made it.
        call_key: By default that of the call that made it.
        flow_run: Whether to write the id of the flow run. The first one that does stays: it is no part of the cache key.
        prompt: Only when it shall be readable in the file.

    Returns:
        Of the kind and in the format that came in.

    Raises:
        ParameterError: How it was made is not known and not said, or a text is too long.
        MediaError: The format has no place for it, or the file cannot be used.
    """
    record = _record(media, made, model, call_key)
    if record["made"] is None:
        raise ParameterError(
            f"write_provenance: how this was made is not known ({media.made.made_by}). Say made='model', 'procedure' or 'composite'."
        )
    words = media.words if isinstance(media, Audio) else ()
    run = current_flow_run.id if flow_run else None
    written = await operate(
        provenance.write_provenance, [media], type(media), media.suffix, words, **record, flow_run=run, prompt=prompt
    )
    return written if media.origin is None else written.model_copy(update={"origin": media.origin})
