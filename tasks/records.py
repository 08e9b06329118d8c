"""Write where media came from into the file itself, as tasks. Nothing does so unless it is called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from prefect.runtime import flow_run as current_flow_run

from ..errors import ConfigurationError, ParameterError
from ..media import provenance
from ..media.lineage import made_of, own_part, parts_of
from ..media.signing import certificate, sign
from ..media.types import Audio, Image, Made, Media, Part, Video
from ._keys import key_of
from ._kinds import checked
from ._operate import operate
from ._task import media_task

__all__ = ["sign_media", "write_provenance"]


def _record(media: Media, made: Made | None, model: str | None, call_key: str | None) -> dict[str, Any]:
    """Return what is written, from the media's own record where the caller says nothing."""
    known = media.made
    calls = [own_part(media)] if known.call_key else [part for part in known.made_from if part.role == "component"]
    calls = [part for part in calls if part.call_key]
    return {
        "made": made or made_of(media),
        "model": model or _listed(part.made_by for part in calls),
        "call_key": call_key or _listed(part.call_key or "" for part in calls),
    }


def _listed(values: Iterable[str]) -> str | None:
    """Return different values in one text, as many as a record has room for."""
    told = ""
    for value in dict.fromkeys(values):
        longer = f"{told}, {value}" if told else value
        if len(longer) > provenance.LONGEST_TEXT:
            break
        told = longer
    return told or None


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
            for something put together with such parts. For what calls made, and what was made of that, it is known.
        model: Card id; by default that of the call that made it, or those of the calls that it was put together from.
        call_key: See `model`.
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
    if media.origin is None:
        return written
    lost = written.made.lost_credentials
    origin = media.origin.model_copy(update={"lost_credentials": lost, "signed": False})
    return written.model_copy(update={"origin": origin})


def _claim(media: Media, made: Made | None, ingredients: Sequence[Media] | None) -> tuple[list[Part], dict[str, Any]]:
    """Return the ingredients, and what is signed, from the media's own record where the caller says nothing."""
    parts = list(parts_of(media)) if ingredients is None else [own_part(each) for each in ingredients]
    about = [part.model_dump(mode="json", include={"made_by", "digest", "made", "role"}) for part in parts]
    return parts, {"made": made or made_of(media), "made_by": media.made.made_by, "about": about}


_key_of_signature = key_of(sign.sign_media, words=True)


def _signature_key(parameters: dict[str, Any]) -> str | None:
    try:
        signer = certificate.load_certificate().fingerprint
    except ConfigurationError:
        return None  # the task itself says so
    parts, told = _claim(*(parameters[name] for name in ("media", "made", "ingredients")))
    return _key_of_signature({**parameters, "ingredients": parts, **told, "signer": signer})


@media_task(key=_signature_key)
@checked
async def sign_media(
    media: Image | Video | Audio,
    *,
    ingredients: Sequence[Image | Video | Audio] | None = None,
    made: Made | None = None,
    title: str | None = None,
) -> Image | Video | Audio:
    """Sign a file: content credentials (C2PA) that say how it was made, and of what. No prompt is part of them.

    Certificate and key are those of `PREFECT_MEDIA_C2PA_CERTIFICATE` and `PREFECT_MEDIA_C2PA_KEY`. Picture and sound are
    not touched. Sign last: any change of a signed file breaks the signature.

    Args:
        media: PNG, JPEG, WebP, AVIF, GIF, TIFF, MP4, MOV, M4A, MP3, WAV or FLAC.
        ingredients: What it was made from; by default what its record says, back to what calls made and what was brought
            in. Credentials that ingredients carry are kept. `[]` names none.
        made: `model`, `procedure` or `composite`; see `write_provenance`. By default what its record says.
        title: Name of the file, for viewers.

    Returns:
        The signed file, of the kind and in the format that came in. Signatures differ each time; what was signed before is
        answered from the cache.

    Raises:
        ConfigurationError: The extra `c2pa`, the certificate or the key is missing or not valid.
        MediaError: The format has no place for credentials, or a file cannot be used.
    """
    parts, told = _claim(media, made, ingredients)
    words = media.words if isinstance(media, Audio) else ()
    signed = await operate(sign.sign_media, [media, parts], type(media), media.suffix, words, **told, title=title)
    known = (media.origin or signed.made).model_copy(update={"signed": True, "lost_credentials": ()})
    return signed.model_copy(update={"origin": known})
