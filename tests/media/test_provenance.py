"""Origin records: written into files without touching picture or sound, and read back."""

import io
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import av
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from prefect_media import errors
from prefect_media.media.container import scan
from prefect_media.media.ffmpeg import ffmpeg_exe
from prefect_media.media.images.embedding import extract_xmp
from prefect_media.media.probe import probe
from prefect_media.media.provenance import Provenance, read_provenance, write_provenance
from prefect_media.media.samples.making import sample_image
from prefect_media.media.xmp import packet_with

RECORD: dict[str, Any] = {"model": "fal:fal-ai/flux/dev", "flow_run": "0f3c", "call_key": "ab" * 32}
ODD = "Ünï \"quoted\" 'single' <tag> & ampersand; = # \\ back\nnew line ]]> 日本 --> end"
PICTURES = ["png", "jpeg", "webp"]
STREAMS = ["mp4", "mov", "webm", "mkv", "m4a", "mp3", "wav", "flac", "ogg", "opus"]
SUFFIX = {"opus": ".ogg", "jpeg": ".jpg"}


def marked(name: str, data: bytes, folder: Path, **options: Any) -> Path:
    suffix = SUFFIX.get(name, f".{name}")
    source, target = folder / f"source{suffix}", folder / f"target{suffix}"
    source.write_bytes(data)
    write_provenance(source, target, **options)
    return target


@pytest.mark.parametrize("name", PICTURES + STREAMS)
def test_a_record_comes_back_as_it_went_in(name: str, every_type: dict[str, bytes], tmp_path: Path) -> None:
    options = RECORD | {"made": "composite", "prompt": ODD}
    target = marked(name, every_type[name], tmp_path, **options)
    assert read_provenance(target) == Provenance(**options)
    assert read_provenance(tmp_path / target.name.replace("target", "source")) is None
    assert probe(target).media_type == probe(tmp_path / target.name.replace("target", "source")).media_type


@pytest.mark.parametrize("name", PICTURES)
def test_pixels_and_other_metadata_stay(name: str, every_type: dict[str, bytes], tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "kept"
    out = io.BytesIO()
    Image.open(io.BytesIO(every_type[name])).save(out, name, exif=exif)
    target = marked(name, out.getvalue(), tmp_path, **RECORD)
    with Image.open(target) as after, Image.open(io.BytesIO(out.getvalue())) as before:
        assert np.array_equal(np.asarray(after), np.asarray(before))
        assert after.getexif()[0x010E] == "kept"
        assert b"digitalsourcetype/trainedAlgorithmicMedia" in Path(target).read_bytes()
        if name != "png":
            assert b"pm:record" in after.info["xmp"]
        else:
            assert '"call_key"' in after.text["prefect-media"]


@pytest.mark.parametrize("kind", ["VP8 ", "VP8L", "alpha", "animated"])
def test_every_sort_of_webp_keeps_its_pixels(kind: str, tmp_path: Path) -> None:
    image = Image.open(io.BytesIO(sample_image(51, 37, look="cutout" if kind in ("alpha", "VP8L") else "scene")))
    options: dict[str, Any] = {"lossless": kind == "VP8L"}
    if kind == "animated":
        options |= {"save_all": True, "append_images": [image.rotate(180)]}
    out = io.BytesIO()
    image.save(out, "WEBP", **options)
    if kind in ("VP8 ", "VP8L"):
        assert out.getvalue()[12:16] == kind.encode()
    target = marked("webp", out.getvalue(), tmp_path, **RECORD)
    with Image.open(target) as after, Image.open(io.BytesIO(out.getvalue())) as before:
        assert after.n_frames == before.n_frames
        assert after.mode == before.mode
        assert np.array_equal(np.asarray(after), np.asarray(before))
    assert read_provenance(target) == Provenance(**RECORD)


@pytest.mark.parametrize("name", STREAMS)
def test_streams_are_copied_packet_by_packet(name: str, every_type: dict[str, bytes], tmp_path: Path) -> None:
    target = marked(name, every_type[name], tmp_path, **RECORD)
    source = tmp_path / target.name.replace("target", "source")

    def packets(path: Path) -> list[bytes]:
        with av.open(str(path)) as container:
            return sorted(bytes(packet) for packet in container.demux() if packet.size)

    assert set(packets(target)) >= set(packets(source)[:3])
    before, after = scan(source), scan(target)
    assert [stream.codec for stream in after.video] == [stream.codec for stream in before.video]
    for one, two in zip((*before.video, *before.audio), (*after.video, *after.audio), strict=True):
        assert abs(one.duration_s - two.duration_s) < 0.03


def test_writing_twice_replaces_the_record(every_type: dict[str, bytes], tmp_path: Path) -> None:
    for name in ("png", "jpeg", "webp", "mp4"):
        first = marked(name, every_type[name], tmp_path, **RECORD)
        once = first.read_bytes()
        twice = marked(name, once, tmp_path, model="local:landscape", made="procedure").read_bytes()
        assert read_provenance(first) == Provenance(model="local:landscape", made="procedure")
        assert b"fal-ai/flux" not in twice


def test_a_prompt_is_written_only_when_it_is_given(every_type: dict[str, bytes], tmp_path: Path) -> None:
    for name in ("png", "mp3"):
        assert b"prompt" not in marked(name, every_type[name], tmp_path, **RECORD).read_bytes()


def test_equal_records_make_equal_bytes(every_type: dict[str, bytes], tmp_path: Path) -> None:
    for name in (*PICTURES, *STREAMS):
        made = [marked(name, every_type[name], tmp_path, **RECORD).read_bytes() for _ in range(2)]
        assert made[0] == made[1], name


@pytest.mark.parametrize("name", ["gif", "avif", "tiff", "bmp", "aac"])
def test_formats_without_a_place_for_it_are_refused(name: str, every_type: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(errors.UnsupportedMediaError, match="has no place for that. Allowed: image/png"):
        marked(name, every_type[name], tmp_path, **RECORD)


def test_impossible_records_are_refused(every_type: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(errors.ParameterError, match="made: Input should be 'model', 'procedure' or 'composite'"):
        marked("png", every_type["png"], tmp_path, made="magic")
    with pytest.raises(errors.ParameterError, match="prompt: String should have at most 20000 characters"):
        marked("png", every_type["png"], tmp_path, prompt="x" * 20_001)
    with pytest.raises(errors.EncodeError, match="bytes of metadata to a JPEG: at most 65533 fit"):
        marked("jpeg", every_type["jpeg"], tmp_path, prompt="&" * 20_000)
    assert not (tmp_path / "target.png").exists()


@pytest.mark.parametrize(
    "comment",
    [
        "",
        "a plain comment",
        '{"prefect-media": 1}',
        '{"prefect-media": {"version": 9}}',
        '{"prefect-media"',
        "x" * 500_000,
    ],
)
def test_comments_of_others_are_no_records(comment: str, tmp_path: Path) -> None:
    path = tmp_path / "other.wav"
    with av.open(str(path), "w") as target:
        target.metadata["comment"] = comment
        stream = target.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        target.mux(stream.encode(frame))
    assert read_provenance(path) is None


def test_broken_files_read_as_none_or_are_refused(every_type: dict[str, bytes], tmp_path: Path) -> None:
    for name in PICTURES:
        whole = marked(name, every_type[name], tmp_path, **RECORD).read_bytes()
        for size in range(12, len(whole), max(7, len(whole) // 60)):
            path = tmp_path / "cut"
            path.write_bytes(whole[:size])
            assert read_provenance(path) in (None, Provenance(**RECORD))
    (tmp_path / "text").write_bytes(b"no media")
    assert read_provenance(tmp_path / "text") is None


OTHERS = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Darkroom 3">\n'
    ' <r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
    '  <r:Description r:about="uuid:1" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:lab="http://lab.example/1/" '
    'xmlns:ext="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" lab:Grain="4" '
    'ext:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture">\n'
    '   <dc:title><r:Alt><r:li xml:lang="x-default">Dawn &amp; dusk</r:li></r:Alt></dc:title>\n'
    "  </r:Description>\n </r:RDF>\n</x:xmpmeta>" + " " * 200 + '<?xpacket end="w"?>'
)


def with_xmp(name: str, packet: bytes, data: bytes) -> bytes:
    """The picture with a packet as another program puts it there."""
    out = io.BytesIO()
    picture = Image.open(io.BytesIO(data))
    if name == "png":
        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet.decode(), zip=True)
        picture.save(out, name, pnginfo=info)
    else:
        picture.save(out, name, xmp=packet)
    return out.getvalue()


@pytest.mark.parametrize("name", PICTURES)
def test_what_others_wrote_stays(name: str, every_type: dict[str, bytes], tmp_path: Path) -> None:
    target = marked(name, with_xmp(name, OTHERS.encode(), every_type[name]), tmp_path, **RECORD)
    assert read_provenance(target) == Provenance(**RECORD)
    packet = extract_xmp(target.read_bytes(), f"image/{name}")
    assert packet is not None
    text = packet.decode()
    for kept in ('x:xmptk="Darkroom 3"', 'lab:Grain="4"', "Dawn &amp; dusk", " " * 200 + '<?xpacket end="w"?>'):
        assert kept in text
    assert text.count("DigitalSourceType") == 1
    assert "digitalCapture" not in text
    assert text.count('r:about="uuid:1"') == 2
    rdf, iptc = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}", "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
    described = ElementTree.fromstring(text.strip().removeprefix("\ufeff")).findall(f"{rdf}RDF/{rdf}Description")
    assert [each.get(f"{rdf}about") for each in described] == ["uuid:1", "uuid:1"]
    assert next(described[0].iter(f"{rdf}li")).text == "Dawn & dusk"
    assert described[1].get(f"{iptc}DigitalSourceType", "").endswith("/trainedAlgorithmicMedia")
    with Image.open(target) as picture:
        assert picture.info["xmp"] == packet


@pytest.mark.parametrize("name", PICTURES)
def test_writing_again_beside_what_others_wrote_changes_only_the_record(
    name: str, every_type: dict[str, bytes], tmp_path: Path
) -> None:
    target = marked(name, with_xmp(name, OTHERS.encode(), every_type[name]), tmp_path, **RECORD)
    again = tmp_path / f"again{target.suffix}"
    write_provenance(target, again, **RECORD)
    assert again.read_bytes() == target.read_bytes()
    write_provenance(again, target, model="local:remix", made="procedure")
    assert read_provenance(target) == Provenance(model="local:remix", made="procedure")


BOMB = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'
BAD_PACKETS = {
    "cut off": OTHERS[:400],
    "a document type": BOMB,
    "no XML": "just words",
    "undeclared": OTHERS.replace("lab:Grain", "lob:Grain"),
    "latin": "<x>\xe9</x>".encode("latin-1"),
}


@pytest.mark.parametrize("what", BAD_PACKETS)
@pytest.mark.parametrize("name", ["jpeg", "webp"])
def test_a_packet_that_cannot_be_kept_is_not_lost(
    what: str, name: str, every_type: dict[str, bytes], tmp_path: Path
) -> None:
    packet = BAD_PACKETS[what]
    data = with_xmp(name, packet if isinstance(packet, bytes) else packet.encode(), every_type[name])
    with pytest.raises(errors.DecodeError, match="XMP metadata that cannot be kept"):
        marked(name, data, tmp_path, **RECORD)
    assert not list(tmp_path.glob("target*"))


@pytest.mark.parametrize(
    "hostile",
    [
        "<r:Description " * 3,
        OTHERS.replace('lab:Grain="4"', " ".join(f'lab:a{n}="urn:prefect-media:provenance"' for n in range(20_000))),
        OTHERS.replace('lab:Grain="4"', " " * 900_000 + 'lab:Grain="4"'),
        OTHERS.replace(" </r:RDF>", "</r:RDF><r:RDF>" * 20_000 + " </r:RDF>"),
    ],
)
def test_a_hostile_packet_takes_no_endless_time(hostile: str) -> None:
    try:
        packet_with(hostile.encode(), "http://x", "{}")
    except errors.DecodeError:
        return


@pytest.mark.parametrize("name", STREAMS)
def test_a_comment_of_the_user_stays(name: str, every_type: dict[str, bytes], tmp_path: Path) -> None:
    suffix = SUFFIX.get(name, f".{name}")
    plain, told = tmp_path / f"plain{suffix}", tmp_path / f"told{suffix}"
    plain.write_bytes(every_type[name])
    tags = ["-metadata", "comment=shot at dawn", "-metadata", "title=Dawn"]
    if name in ("ogg", "opus"):
        tags = ["-metadata:s", "comment=shot at dawn", "-metadata:s", "title=Dawn"]
    subprocess.run([ffmpeg_exe(), "-v", "error", "-i", str(plain), "-c", "copy", *tags, str(told)], check=True)
    target, again = tmp_path / f"target{suffix}", tmp_path / f"again{suffix}"
    write_provenance(told, target, **RECORD)
    assert read_provenance(target) == Provenance(**RECORD)
    write_provenance(target, again, **RECORD)
    for path in (target, again):
        with av.open(str(path)) as container:
            found = {**container.metadata, **container.streams[0].metadata}
        lowered = {key.lower(): value for key, value in found.items()}
        assert lowered["comment"].splitlines()[0] == "shot at dawn"
        assert len(lowered["comment"].splitlines()) == 2
        assert lowered["title"] == "Dawn"
