"""XMP packets: what others wrote stays to the letter, in whatever spelling, and nothing in one does harm."""

import contextlib
import re
import time
from xml.etree import ElementTree

import pytest

from prefect_media.errors import DecodeError
from prefect_media.media.xmp import packet_with, record_in

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
OURS = "urn:prefect-media:provenance"


def packet(inside: str) -> bytes:
    return (
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}" xmlns:i="{IPTC}" xmlns:dc="urn:dc">'
        f"{inside}</rdf:RDF></x:xmpmeta>"
    ).encode()


def written(before: bytes) -> bytes:
    """The packet with a record in it, after checking that it reads, and that writing again changes nothing."""
    made = packet_with(before, "made", '{"a": "<&\\""}')
    assert record_in(made) == '{"a": "<&\\""}'
    assert packet_with(made, "made", '{"a": "<&\\""}') == made
    found = [each.attrib.get(f"{{{IPTC}}}DigitalSourceType") for each in ElementTree.fromstring(made).findall(".//*")]
    assert [each for each in found if each] == ["made"]
    return made


KEPT = {
    "a default namespace": f'<RDF xmlns="{RDF}"><Description xmlns:l="urn:l" l:t="USER"/></RDF>',
    "an RDF without a root": f"<r:RDF xmlns:r='{RDF}'>\n<r:Description><t xmlns='urn:t'>USER</t></r:Description>\n</r:RDF >",
    "an empty RDF": f'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="USER"><r:RDF xmlns:r="{RDF}" /></x:xmpmeta>',
    "a source type of a part": packet(
        '<rdf:Description rdf:about=""><dc:part rdf:parseType="Resource"><i:DigitalSourceType>USER'
        "</i:DigitalSourceType></dc:part></rdf:Description>"
    ).decode(),
    "a text that looks like one": packet(
        '<rdf:Description><dc:t>say i:DigitalSourceType="USER" <![CDATA[<i:DigitalSourceType/></rdf:RDF>]]></dc:t></rdf:Description>'
    ).decode(),
    "our prefix for another": packet('<rdf:Description xmlns:pm="urn:other" pm:record="USER"/>').decode(),
    "a tag in a remark": packet("<rdf:Description dc:t='USER>'/><!-- </rdf:RDF> -->").decode(),
    "provenance in words": packet(
        '<rdf:Description xmlns:d="http://purl.org/dc/terms/" d:provenance="USER bought it"/>'
    ).decode(),
}


@pytest.mark.parametrize("what", KEPT)
def test_what_others_wrote_stays_to_the_letter(what: str) -> None:
    made = written(KEPT[what].encode()).decode()
    rest = re.sub(r'<\w+:Description [^<>]*pm:record="{&quot;a&quot;[^<>]*/>', "", made)
    assert rest == KEPT[what].replace(" /></x:", " ></r:RDF></x:")


@pytest.mark.parametrize(
    "old",
    [
        '<rdf:Description rdf:about="" i:DigitalSourceType="OLD"/>',
        '<rdf:Description rdf:about=""><i:DigitalSourceType>OLD</i:DigitalSourceType></rdf:Description>',
        '<rdf:Description rdf:about=""><i:DigitalSourceType rdf:resource="OLD"/></rdf:Description>',
        f"<rdf:Description xmlns:other='{IPTC}' other:DigitalSourceType = 'OLD>'></rdf:Description>",
        f'<rdf:Description xmlns:z="{OURS}"><z:record>{{"OLD": 1}}</z:record></rdf:Description>',
        '<rdf:Description xmlns:d="http://purl.org/dc/terms/" d:provenance="self#jumbf=OLD"/>',
        '<rdf:Description xmlns:d="http://purl.org/dc/terms/"><d:provenance rdf:resource="https://OLD"/></rdf:Description>',
    ],
)
def test_what_is_said_anew_goes_with_a_description_that_held_nothing_else(old: str) -> None:
    user = '<rdf:Description rdf:about="" dc:t="USER"/>'
    made = written(packet(old + user))
    assert b"OLD" not in made
    assert made.startswith(packet(user)[:-30])
    inner = old.replace("<rdf:Description", '<rdf:Description dc:t="USER"')
    assert b'dc:t="USER"' in written(packet(inner))
    assert b"OLD" not in written(packet(inner))


def test_a_record_is_read_as_other_programs_spell_it() -> None:
    told = (
        f"<rdf:Description xmlns:z='{OURS}'>\n<z:record>{{&quot;a&quot;: <![CDATA[1]]>}}</z:record></rdf:Description>"
    )
    assert record_in(packet(told)) == '{"a": 1}'
    assert record_in(packet(f"<rdf:Description xmlns:z='{OURS}' z:record='&#x7b;}}'/>")) == "{}"
    assert record_in(packet(f"<rdf:Description><dc:x xmlns:z='{OURS}' z:record='no'/></rdf:Description>")) is None
    assert record_in(b"<cut") is None


def test_all_descriptions_are_about_the_same() -> None:
    made = written(
        packet("<rdf:Description rdf:about='uuid:\"&lt;1' dc:t='x'/><rdf:Description rdf:about='2' dc:u='y'/>")
    )
    assert b'rdf:about="uuid:&quot;&lt;1"' in made


@pytest.mark.parametrize("nothing", [None, b" \n", b"\0\0"])
def test_a_packet_without_anything_is_made_anew(nothing: bytes | None) -> None:
    made = packet_with(nothing, "made", "{}")
    assert made.startswith(b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta')
    assert record_in(made) == "{}"


LAUGHS = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(12))
REFUSED = {
    "declares a document type": f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]><x>&l12;</x>'.encode(),
    "declares a document type ": b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
    "undefined entity": packet("<rdf:Description dc:t='&l12;'/>"),
    "has no RDF": b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><note>USER</note></x:xmpmeta>',
    "not well-formed": b"<x>\xe9</x>",
    "unclosed token": packet("")[:20],
    "too long or does not unpack": b"",
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_cannot_be_kept_is_refused(why: str) -> None:
    with pytest.raises(DecodeError, match=f"XMP metadata that cannot be kept .*{why.strip()}.*Write the file without"):
        packet_with(REFUSED[why], "made", "{}")
    assert record_in(REFUSED[why]) is None


@pytest.mark.parametrize(
    "inside",
    [
        "<a>" * 50_000 + "</a>" * 50_000,
        "<rdf:Description/>" * 20_000,
        "<rdf:Description>" + "<i:DigitalSourceType/>" * 20_000 + "</rdf:Description>",
        "<rdf:Description " + " ".join(f"dc:a{n}=''" for n in range(20_000)) + "/>",
        f"<rdf:Description{' ' * 500_000}dc:t='{'>' * 500_000}'/>",
        "<rdf:Description>" + "<dc:a b='<'/>" * 3,
    ],
)
def test_a_hostile_packet_takes_no_endless_time(inside: str) -> None:
    started = time.monotonic()
    with contextlib.suppress(DecodeError):
        packet_with(packet(inside), "made", "{}")
    assert time.monotonic() - started < 5
