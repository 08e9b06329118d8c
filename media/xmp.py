"""XMP packets: what is written about a file goes beside what others wrote into it before.

An older packet is edited as text, so that whatever else it says stays as it is to the letter; it is only parsed to know that it
is whole, without entities. Source: XMP specification part 1 (2012), 7.3 and 7.4.
"""

from __future__ import annotations

import re
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from ..errors import DecodeError

__all__ = ["packet_with"]

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
OURS = "urn:prefect-media:provenance"
SOURCE_TYPE = "DigitalSourceType"


def packet_with(before: bytes | None, source_type: str, record: str) -> bytes:
    """Return a packet with a record of ours and the IPTC source type, beside what was there.

    Args:
        before: The file's packet, None when it has none.
        source_type: Takes the place of one that was there: a packet says it once.
        record: Takes the place of an earlier record of ours.

    Raises:
        DecodeError: The older packet is not whole, and would be lost.
    """
    text = "" if before is None else _text_of(before)
    rdf = _prefix(text, RDF, "rdf")
    close = text.rfind(f"</{rdf}:RDF")
    if close < 0 and f"<{rdf}:Description" in text:
        raise _damaged("its RDF has no end")
    if close < 0:
        return _new(_description("rdf", "", source_type, record)).encode()
    kept = _without_ours(text[:close])
    made = kept + _description(rdf, _about(kept, rdf), source_type, record) + text[close:]
    _check_whole(made)
    return made.encode()


def _text_of(packet: bytes) -> str:
    if not packet:
        raise _damaged("it is empty, too long or does not unpack")
    try:
        text = packet.decode("utf-8").removeprefix("\ufeff").rstrip("\0")
    except UnicodeDecodeError as exc:
        raise _damaged("it is not UTF-8") from exc
    _check_whole(text)
    return text


def _check_whole(text: str) -> None:
    """Refuse what is not well-formed, and what declares a document type: entities would come with it."""
    parser = expat.ParserCreate(namespace_separator=" ")

    def refuse(*_: object) -> None:
        raise _damaged("it declares a document type")

    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text.strip().encode() or b"<empty/>", True)
    except expat.ExpatError as exc:
        raise _damaged(str(exc)) from exc


def _damaged(why: str) -> DecodeError:
    return DecodeError(
        f"Cannot add metadata: the file holds XMP metadata that cannot be kept ({why}). Write the file without metadata first."
    )


def _prefix(text: str, namespace: str, usual: str) -> str:
    """Return the prefix that stands for a namespace."""
    found = re.search(rf"xmlns:([\w.-]+)\s*=\s*[\"']{re.escape(namespace)}[\"']", text)
    return found[1] if found else usual


def _about(text: str, rdf: str) -> str:
    """Return what the packet says that it is about; all its descriptions must say the same."""
    name = re.escape(rdf)
    found = re.search(rf"<{name}:Description\b[^<>]*?\s{name}:about\s*=\s*(\"[^\"]*\"|'[^']*')", text)
    return found[1][1:-1] if found else ""


def _without_ours(text: str) -> str:
    """Return text without an earlier record of ours and without a source type."""
    text = re.sub(_description(r"[\w.-]+", '[^"<>]*', None, None), "", text)
    text = _without(text, _prefix(text, OURS, "pm"), "record")
    return _without(text, _prefix(text, IPTC, "Iptc4xmpExt"), SOURCE_TYPE)


def _without(text: str, prefix: str, name: str) -> str:
    """Return text without a property, which may be an attribute or an element."""
    name = f"{re.escape(prefix)}:{name}"
    text = re.sub(rf"\s{name}\s*=\s*(\"[^\"]*\"|'[^']*')", "", text)
    return re.sub(rf"<{name}\b(?:[^<>]*/>|[^<>]*>[^<]*</{name}\s*>)", "", text)


def _description(rdf: str, about: str, source_type: str | None, record: str | None) -> str:
    """Return what is written of ours; without values a pattern of it."""
    said, told = ('"[^"<>]*"' if value is None else _attribute(value) for value in (source_type, record))
    return (
        f'<{rdf}:Description {rdf}:about="{about}" xmlns:Iptc4xmpExt="{IPTC}" xmlns:pm="{OURS}" '
        f"Iptc4xmpExt:{SOURCE_TYPE}={said} pm:record={told}/>"
    )


def _new(description: str) -> str:
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">{description}</rdf:RDF></x:xmpmeta>'
        '<?xpacket end="r"?>'
    )


def _attribute(text: str) -> str:
    quoted = quoteattr(text, {'"': "&quot;"})
    return '"' + quoted[1:-1] + '"'
