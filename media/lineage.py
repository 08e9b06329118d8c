"""What media was made from, and how it came about: followed back to what calls made and what was brought in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .types import Made, Media, Part

__all__ = ["given_to_model", "made_of", "merged", "own_part", "parts_of"]

LOCAL = "local:"
"""Models of this package: procedures, by IPTC's words."""
MOST_PARTS = 200
"""More are not kept: a record must stay small beside its media."""


def made_of(media: Media) -> Made | None:
    """Return how media came about, None when that is not known (of what was brought in)."""
    known = media.made
    parts: list[Made | None] = [
        part.made for part in known.made_from if part.role == "component" or known.call_key is not None
    ]
    if known.call_key is None:
        return _together(parts)
    return _together(["procedure", *parts]) if known.made_by.startswith(LOCAL) else "model"


def _together(kinds: Sequence[Made | None]) -> Made | None:
    """Return what parts come to: one stays what it is, and several with a model's among them are a composite."""
    found = set(kinds)
    if len(kinds) == 1 or found == {"procedure"}:
        return kinds[0]
    return "composite" if found & {"model", "composite"} else None


def own_part(media: Media) -> Part:
    """Return media as a part of something else."""
    known = media.made
    return Part(
        digest=media.digest,
        media_type=media.media_type,
        made_by=known.made_by,
        call_key=known.call_key,
        made=made_of(media),
    )


def parts_of(media: Media) -> tuple[Part, ...]:
    """Return what media brings into what is made of it: itself and what its model was given, or what it was made from."""
    known = media.made
    if known.signed:
        return (own_part(media),)  # its credentials tell the rest
    if known.call_key is None and known.made_from:
        return known.made_from
    return (own_part(media), *known.made_from)


def merged(sources: Iterable[Media]) -> tuple[Part, ...]:
    """Return the parts of several inputs, each once."""
    found: dict[str, Part] = {}
    for source in sources:
        for part in parts_of(source):
            if part.digest not in found or part.role == "component":
                found[part.digest] = part
    return tuple(found.values())[:MOST_PARTS]


def given_to_model(inputs: Iterable[Media]) -> tuple[Part, ...]:
    """Return the parts of what a model was given."""
    return tuple(part.model_copy(update={"role": "input"}) for part in merged(inputs))
