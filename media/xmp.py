"""XMP packets: what is written about a file goes beside what others wrote into it before.

An older packet is edited as text, at places that its parser tells, so that whatever else it says stays as it is to the
letter. It comes from others: one that declares a document type, and with it entities, is refused.
Source: XMP specification part 1 (2012), 7.3 and 7.4; C2PA specification 2.2, 11.5 (references to manifests).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.parsers import expat
from xml.sax.saxutils import quoteattr

from ..errors import DecodeError

__all__ = ["packet_with", "record_in"]

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
OURS = "urn:prefect-media:provenance"
APART = "\x1f"
"""Between namespace and name; no XML can hold it."""
RECORD = f"{OURS}{APART}record"
SOURCE_TYPE = f"{IPTC}{APART}DigitalSourceType"
CREDENTIALS = f"http://purl.org/dc/terms/{APART}provenance"
"""Where C2PA keeps the address of a manifest."""
ADDRESSES = ("self#", "http://", "https://")
ABOUT = (f"{RDF}{APART}about", "about")
TAG = re.compile(rb"""<([^\s/>]+)(?:[^>"']++|"[^"]*"|'[^']*')*+>""")
ATTRIBUTE = re.compile(rb"""\s+([^\s=]+)\s*=\s*(?:"[^"]*"|'[^']*')""")
EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
).encode()


def packet_with(before: bytes | None, source_type: str, record: str) -> bytes:
    """Return a packet with a record of ours and the IPTC source type, beside what was there.

    The address of content credentials, which any change makes invalid, is left out.

    Args:
        before: The file's packet, None when it has none.
        source_type: Takes the place of one that was there: a packet says it once.
        record: Takes the place of an earlier record of ours.

    Raises:
        DecodeError: The older packet is not whole, or no XMP, and would be lost.
    """
    if before is not None and not before:
        raise _damaged("it is too long or does not unpack")
    packet = (before or b"").rstrip(b"\0")
    if not packet.strip():
        packet = EMPTY
    places = _Places(packet)
    added = places.room(_description(places.prefix, places.about, source_type, record))
    parts, at = list[bytes](), 0
    for start, stop, text in [*((*span, b"") for span in places.replaced), added]:
        parts += [packet[at:start], text]
        at = stop
    return b"".join([*parts, packet[at:]])


def record_in(packet: bytes) -> str | None:
    """Return our record in a packet, however the program that wrote it spells it; None when there is none to be read."""
    try:
        return _Places(packet.rstrip(b"\0")).record
    except DecodeError:
        return None


class _Places:
    """What a packet says of ours, and where.

    Attributes:
        about: What the packet says that it is about; all its descriptions must say the same.
        record: Our record, None when it has none.
        replaced: Start and end of what is taken out, in bytes, in order.
    """

    def __init__(self, packet: bytes) -> None:
        self.about, self.record = "", None
        self.replaced: list[tuple[int, int]] = []
        self._packet = packet
        self._depth, self._rdf = 0, 0  # open elements; those when the RDF had been opened
        self._root, self._end = -1, -1  # where the tags of the RDF start
        self._is_first = True
        self._from_here, self._first, self._is_kept = 0, 0, False  # of the description that is open
        self._property, self._from, self._text = "", 0, ""  # of the property
        self._parser = parser = expat.ParserCreate("utf-8", APART)
        parser.ordered_attributes = parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse
        parser.StartElementHandler, parser.EndElementHandler = self._open, self._close
        parser.CharacterDataHandler, parser.CommentHandler = self._read, self._keep
        try:
            parser.Parse(packet, True)
        except expat.ExpatError as exc:
            raise _damaged(str(exc)) from exc
        if self._end < 0:
            raise _damaged("it has no RDF")

    @property
    def prefix(self) -> str:
        """The packet's prefix for RDF; empty when that is its default."""
        return self._tag(self._root)[1].rpartition(b":")[0].decode()

    def room(self, text: bytes) -> tuple[int, int, bytes]:
        """Return the place, from start to end, and what has to stand there for `text` to end the RDF."""
        tag = self._tag(self._root)
        if tag[0].endswith(b"/>"):
            return tag.end() - 2, tag.end(), b">" + text + b"</" + tag[1] + b">"
        return self._end, self._end, text

    def _tag(self, start: int) -> re.Match[bytes]:
        tag = TAG.match(self._packet, start)
        assert tag is not None, "the parser has read it"
        return tag

    def _level(self) -> int:
        """1 in a description, 2 in a property; below 1 everywhere else."""
        return self._depth - self._rdf if self._rdf and self._end < 0 else 0

    def _open(self, name: str, attributes: Sequence[str]) -> None:
        self._depth += 1
        start, level = self._parser.CurrentByteIndex, self._level()
        if not self._rdf and name == f"{RDF}{APART}RDF":
            self._rdf, self._root = self._depth, start
        elif level == 1:
            self._open_description(start, dict(zip(attributes[::2], attributes[1::2], strict=True)))
        elif level == 2:
            is_address = attributes[:1] == [f"{RDF}{APART}resource"]
            self._property, self._from, self._text = name, start, attributes[1] if is_address else ""

    def _open_description(self, start: int, attributes: dict[str, str]) -> None:
        self._from_here, self._first, self._is_kept = start, len(self.replaced), False
        tag = self._tag(start)
        found = list(ATTRIBUTE.finditer(self._packet, tag.end(1), tag.end()))
        spans = [each.span() for each in found if each[1] != b"xmlns" and not each[1].startswith(b"xmlns:")]
        for (name, value), span in zip(attributes.items(), spans, strict=True):
            if name in ABOUT:
                self.about, self._is_first = value if self._is_first else self.about, False
            else:
                self._take(name, value, *span)

    def _take(self, name: str, value: str, start: int, stop: int) -> None:
        """Note one property for being taken out, or that its description holds others."""
        if name == RECORD:
            self.record = value
        if name in (RECORD, SOURCE_TYPE) or (name == CREDENTIALS and value.strip().startswith(ADDRESSES)):
            self.replaced.append((start, stop))
        else:
            self._is_kept = True

    def _read(self, text: str) -> None:
        if self._level() == 2 and self._property in (RECORD, CREDENTIALS):
            self._text += text

    def _keep(self, _: str) -> None:
        self._is_kept = True

    def _close(self, _: str) -> None:
        level = self._level()
        if self._depth == self._rdf and self._end < 0:
            self._end = self._parser.CurrentByteIndex
        elif level == 2:
            self._take(self._property, self._text, self._from, self._stop(self._from))
        elif level == 1 and len(self.replaced) > self._first and not self._is_kept:  # nothing is left in it
            self.replaced[self._first :] = [(self._from_here, self._stop(self._from_here))]
        self._depth -= 1

    def _stop(self, start: int) -> int:
        """Where the element ends that starts there and is being closed."""
        tag = self._tag(start)
        if tag[0].endswith(b"/>"):
            return tag.end()
        return self._packet.index(b">", self._parser.CurrentByteIndex) + 1


def _refuse(*_: object) -> None:
    raise _damaged("it declares a document type")


def _damaged(why: str) -> DecodeError:
    return DecodeError(
        f"Cannot add metadata: the file holds XMP metadata that cannot be kept ({why}). Write the file without metadata first."
    )


def _description(prefix: str, about: str, source_type: str, record: str) -> bytes:
    rdf, declared = (prefix, "") if prefix else ("rdf", f' xmlns:rdf="{RDF}"')
    text = (
        f'<{rdf}:Description{declared} {rdf}:about={_attribute(about)} xmlns:Iptc4xmpExt="{IPTC}" xmlns:pm="{OURS}" '
        f"Iptc4xmpExt:DigitalSourceType={_attribute(source_type)} pm:record={_attribute(record)}/>"
    )
    return text.encode()


def _attribute(text: str) -> str:
    quoted = quoteattr(text, {'"': "&quot;"})
    return '"' + quoted[1:-1] + '"'
