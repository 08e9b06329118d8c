"""Origin records: written into files without touching picture or sound, and read back."""

import io
import struct
import subprocess
import zlib
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
    with pytest.raises(errors.EncodeError, match="bytes of metadata to a JPEG: at most 65502 fit"):
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


def xmp_in(name: str, packet: bytes) -> bytes:
    """What holds a packet in a file of this format."""
    if name == "png":
        body = b"iTXtXML:com.adobe.xmp\0\0\0\0\0" + packet
        return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    if name == "jpeg":
        body = b"http://ns.adobe.com/xap/1.0/\0" + packet
        return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    return b"XMP " + struct.pack("<I", len(packet)) + packet + b"\0" * (len(packet) % 2)


def put(name: str, data: bytes, part: bytes, before: bytes) -> bytes:
    """The file with a part before the first chunk (PNG) or segment (JPEG) of a kind; at the end of a WebP."""
    if name == "webp":
        return b"RIFF" + struct.pack("<I", len(data) - 8 + len(part)) + data[8:] + part
    at = data.index(before) - (4 if name == "png" else 0)
    return data[:at] + part + data[at:]


@pytest.mark.parametrize("name", PICTURES)
def test_a_second_packet_stays_where_it_is(name: str, every_type: dict[str, bytes], tmp_path: Path) -> None:
    second = OTHERS.replace("Darkroom 3", "Second 4").encode()
    place = {"png": b"IDAT", "jpeg": b"\xff\xdb"}.get(name, b"")
    data = put(name, with_xmp(name, OTHERS.encode(), every_type[name]), xmp_in(name, second), place)
    written = marked(name, data, tmp_path, **RECORD).read_bytes()
    assert xmp_in(name, second) in written
    assert written.count(b"Darkroom 3") == 1
    assert read_provenance(tmp_path / ("target" + SUFFIX.get(name, f".{name}"))) == Provenance(**RECORD)


def test_a_packet_behind_the_pixels_is_no_other_than_one_before(every_type: dict[str, bytes], tmp_path: Path) -> None:
    data = put("png", every_type["png"], xmp_in("png", OTHERS.encode()), b"IEND")
    target = marked("png", data, tmp_path, **RECORD)
    assert read_provenance(target) == Provenance(**RECORD)
    assert target.read_bytes().count(b"XML:com.adobe.xmp") == 1
    assert b"Darkroom 3" in target.read_bytes()
    assert target.read_bytes().index(b"Darkroom 3") > target.read_bytes().index(b"IDAT")


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
def test_an_empty_packet_is_none(name: str, every_type: dict[str, bytes], tmp_path: Path) -> None:
    place = {"png": b"IDAT", "jpeg": b"\xff\xdb"}.get(name, b"")
    target = marked(name, put(name, every_type[name], xmp_in(name, b""), place), tmp_path, **RECORD)
    assert read_provenance(target) == Provenance(**RECORD)


def test_a_packed_text_of_another_name_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefect_media.media.images.embedding._unpacked", lambda _: pytest.fail("unpacked"))
    out, info = io.BytesIO(), PngInfo()
    info.add_itxt("bomb", "0" * 1_000_000, zip=True)
    Image.new("L", (4, 4)).save(out, "png", pnginfo=info)
    assert extract_xmp(out.getvalue(), "image/png") is None


def test_other_segments_of_a_jpeg_stay_to_the_byte(every_type: dict[str, bytes], tmp_path: Path) -> None:
    def segment(marker: int, body: bytes) -> bytes:
        return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body

    others = [
        segment(0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"),
        segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"AB" * 16 + struct.pack(">II", 9, 0) + b"<more xmp"),
        segment(0xE2, b"ICC_PROFILE\0\1\1" + b"profile"),
        segment(0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\0"),
        segment(0xFE, b"a remark"),
    ]
    plain = every_type["jpeg"]
    at = 4 + struct.unpack_from(">H", plain, 4)[0]  # after JFIF
    parts = [others[0], xmp_in("jpeg", OTHERS.encode()), *others[1:]]
    written = marked("jpeg", plain[:at] + b"".join(parts) + plain[at:], tmp_path, **RECORD).read_bytes()
    start, end = written.index(b"http://ns.adobe.com/xap/1.0/\0") - 4, written.index(others[1])
    assert written[:start] == plain[:at] + others[0]
    assert written[end:] == b"".join(others[1:]) + plain[at:]


def test_a_jpeg_packet_gives_its_padding_for_the_record(every_type: dict[str, bytes], tmp_path: Path) -> None:
    def padded(size: int, padding: int) -> bytes:
        text = OTHERS.replace('lab:Grain="4"', f'lab:Grain="{"4" * (size - padding)}"').replace(
            " " * 200, " " * padding
        )
        return with_xmp("jpeg", text.encode(), every_type["jpeg"])

    target = marked("jpeg", padded(64_500, 2_000), tmp_path, **RECORD)
    assert read_provenance(target) == Provenance(**RECORD)
    packet = extract_xmp(target.read_bytes(), "image/jpeg") or b""
    assert b"4" * 62_500 in packet
    assert len(packet) < 65_503
    with pytest.raises(errors.EncodeError, match="bytes of metadata to a JPEG: at most 65502 fit"):
        marked("jpeg", padded(64_500, 20), tmp_path, **RECORD)


EARLIER = '{"prefect-media":{"version":1,"made":"model","model":"fal:old","prompt":"a\u2028b"}}'
EARLIER_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:pm="urn:prefect-media:provenance" '
    'Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia" '
    f'pm:record="{EARLIER.replace(chr(34), "&quot;")}"/></rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
)


def sound(path: Path, *comments: str, video: bytes | None = None) -> Path:
    """A short file with a stream and a comment each."""
    tags = [
        ([f"-metadata:s:a:{n}"] if path.suffix == ".ogg" else ["-metadata"]) + [f"comment={c}"]
        for n, c in enumerate(comments)
    ]
    inputs = ["-f", "lavfi", "-t", "0.2", "-i", "anullsrc=r=48000:cl=mono"]
    maps = ["-map", "0:a"] * len(comments)
    if video is not None:
        cover = path.with_name("cover.jpg")
        cover.write_bytes(video)
        inputs += ["-i", str(cover)]
        maps += [
            "-map",
            "1:v",
            "-c:v",
            "copy",
            "-disposition:v",
            "attached_pic",
            "-metadata:s:v",
            "comment=Cover (front)",
        ]
    argv = [ffmpeg_exe(), "-v", "error", "-y", *inputs, *maps, *[word for tag in tags for word in tag], str(path)]
    subprocess.run(argv, check=True)
    return path


def comments_of(path: Path) -> list[str | None]:
    with av.open(str(path)) as container:
        tags = [each.metadata for each in container.streams.audio] if path.suffix == ".ogg" else [container.metadata]
        return [{key.lower(): value for key, value in each.items()}.get("comment") for each in tags]


def test_what_the_earlier_version_wrote_is_read_and_replaced(every_type: dict[str, bytes], tmp_path: Path) -> None:
    old = Provenance(model="fal:old", prompt="a\u2028b")
    picture = tmp_path / "old.jpg"
    picture.write_bytes(with_xmp("jpeg", EARLIER_PACKET.encode(), every_type["jpeg"]))
    for path in (picture, sound(tmp_path / "old.flac", EARLIER), sound(tmp_path / "old.ogg", EARLIER)):
        assert read_provenance(path) == old
        target = path.with_stem("new")
        write_provenance(path, target, **RECORD)
        assert read_provenance(target) == Provenance(**RECORD)
        assert b"fal:old" not in target.read_bytes()
    assert comments_of(tmp_path / "new.flac") == [Provenance(**RECORD).to_json()]


@pytest.mark.parametrize("suffix", [".flac", ".wav", ".m4a", ".mp3"])
def test_a_comment_stays_to_the_letter(suffix: str, tmp_path: Path) -> None:
    comment = 'one\r\ntwo\u2028three\x85four\n{"prefect-media": 1}\n{"prefect-media":"mine"}\n\n'
    source, target, again = sound(tmp_path / f"a{suffix}", comment), tmp_path / f"b{suffix}", tmp_path / f"c{suffix}"
    write_provenance(source, target, **RECORD)
    assert comments_of(target) == [f"{comment}\n{Provenance(**RECORD).to_json()}"]
    write_provenance(target, again, made="procedure")
    assert comments_of(again) == [f"{comment}\n{Provenance(made='procedure').to_json()}"]


@pytest.mark.parametrize("name", ["png", "jpeg", "webp", "wav"])
def test_a_prompt_may_hold_every_sort_of_character(name: str, every_type: dict[str, bytes], tmp_path: Path) -> None:
    prompt = "a\u2028b\u2029c\x85d\x0be\x1cf\x7fg\uffffh\ufffei\U0001f600\\u2028"
    target = marked(name, every_type[name], tmp_path, prompt=prompt)
    assert read_provenance(target) == Provenance(prompt=prompt)
    again = tmp_path / f"again{target.suffix}"
    write_provenance(target, again, prompt=prompt)
    assert read_provenance(again) == Provenance(prompt=prompt)
    assert len(Provenance(prompt=prompt).to_json().splitlines()) == 1


@pytest.mark.parametrize("suffix", [".mp3", ".flac"])
def test_the_name_of_a_cover_is_no_comment(suffix: str, every_type: dict[str, bytes], tmp_path: Path) -> None:
    source, target = sound(tmp_path / f"a{suffix}", "", video=every_type["jpeg"]), tmp_path / f"b{suffix}"
    write_provenance(source, target, **RECORD)
    assert comments_of(target) == [Provenance(**RECORD).to_json()]
    with av.open(str(target)) as container:
        assert container.streams.video[0].metadata["comment"] == "Cover (front)"


def test_each_stream_of_an_ogg_file_keeps_its_own_comment(tmp_path: Path) -> None:
    target = tmp_path / "b.ogg"
    write_provenance(sound(tmp_path / "a.ogg", "left", "right"), target, **RECORD)
    assert comments_of(target) == [f"{each}\n{Provenance(**RECORD).to_json()}" for each in ("left", "right")]
    assert read_provenance(target) == Provenance(**RECORD)


def test_a_comment_that_cannot_be_kept_is_not_lost(tmp_path: Path) -> None:
    source, target = sound(tmp_path / "a.wav", "cafe"), tmp_path / "b.wav"
    source.write_bytes(source.read_bytes().replace(b"cafe", b"caf\xe9"))
    with pytest.raises(
        errors.DecodeError, match=r"'a.wav' into it: its comment is not UTF-8 text, and would be damaged"
    ):
        write_provenance(source, target, **RECORD)
    write_provenance(sound(source, "x" * 110_000), target, **RECORD)
    assert comments_of(target) == [f"{'x' * 110_000}\n{Provenance(**RECORD).to_json()}"]
    write_provenance(target, source, prompt="\u00e9" * 9_000)
    with pytest.raises(errors.EncodeError, match="its comment would have 130.* bytes, at most 130000 are possible"):
        write_provenance(target, source, prompt="x" * 20_000)


def made(path: Path, *arguments: str) -> Path:
    """A short film with metadata, by ffmpeg."""
    inputs = [
        word for each in ("color=s=64x48:r=10", "anullsrc=cl=mono") for word in ("-f", "lavfi", "-t", "0.2", "-i", each)
    ]
    subprocess.run([ffmpeg_exe(), "-v", "error", "-y", *inputs, *arguments, str(path)], check=True)
    return path


@pytest.mark.parametrize("suffix", [".mov", ".mp4"])
def test_what_a_phone_wrote_into_its_video_stays(suffix: str, tmp_path: Path) -> None:
    said = {
        "com.apple.quicktime.make": "Apple",
        "com.apple.quicktime.creationdate": "2026-01-02T03:04:05+0100",
        "com.apple.quicktime.location.ISO6709": "+48.8500+002.3500+035.0/",
        "title": "Holiday",
        "comment": "at the sea",
    }
    shot = "2026-01-02T02:04:05.000000Z"
    tags = [word for key, value in said.items() for word in ("-metadata", f"{key}={value}")]
    source = made(
        tmp_path / f"phone{suffix}", *tags, "-metadata", f"creation_time={shot}", "-movflags", "+use_metadata_tags"
    )
    target = tmp_path / f"marked{suffix}"
    write_provenance(source, target.with_stem("first"), made="procedure")
    write_provenance(target.with_stem("first"), target, **RECORD)
    with av.open(str(target)) as after:
        kept = {key: after.metadata.get(key) for key in said}
        assert set(after.metadata["creation_time"].split(";")) == {shot}
    assert kept == {**said, "comment": f"at the sea\n{Provenance(**RECORD).to_json()}"}
    assert read_provenance(target) == Provenance(**RECORD)
    assert b"major_brand" not in target.read_bytes()  # belongs to the container, not to what is said of it


def test_fonts_for_subtitles_stay_in_a_matroska_file(tmp_path: Path) -> None:
    font, target = tmp_path / "own.ttf", tmp_path / "marked.mkv"
    font.write_bytes(b"a font" * 99)
    source = made(tmp_path / "film.mkv", "-attach", str(font), "-metadata:s:t", "mimetype=font/ttf")
    write_provenance(source, target, **RECORD)
    with av.open(str(target)) as after:
        (kept,) = after.streams.attachments
        assert (kept.name, kept.mimetype) == ("own.ttf", "font/ttf")
    assert font.read_bytes() in target.read_bytes()


@pytest.mark.parametrize("packet", ["none", "before", "behind"])
def test_further_pictures_of_a_jpeg_are_found_again(packet: str, tmp_path: Path) -> None:
    """Phones keep a gain map behind the picture, and where it stands in an index."""
    out = io.BytesIO()
    first, second = Image.new("RGB", (64, 48), "red"), Image.new("RGB", (32, 24), "blue")
    first.save(out, "MPO", save_all=True, append_images=[second])
    plain, told = out.getvalue(), xmp_in("jpeg", OTHERS.encode())
    start = plain.index(b"MPF\0") - 4
    end = start + 2 + struct.unpack_from(">H", plain, start + 2)[0]
    if packet == "before":
        plain = plain[:start] + told + plain[start:]
    elif packet == "behind":  # Pillow writes little-endian, with the second of two entries at the end of the index
        index = bytearray(plain[start:end])
        place = index.index(struct.pack("<I", len(plain) - plain.rindex(b"\xff\xd8"))) + 4
        struct.pack_into("<I", index, place, struct.unpack_from("<I", index, place)[0] + len(told))
        plain = plain[:start] + bytes(index) + told + plain[end:]
    target = marked("jpeg", plain, tmp_path, **RECORD)
    before: Any = Image.open(io.BytesIO(plain))
    with Image.open(target) as after:
        assert after.format == "MPO"
        was, now = ([each["Size"] for each in picture.mpinfo[0xB002]] for picture in (before, after))
        after.seek(1)
        assert after.size == (32, 24)
        assert after.convert("RGB").getpixel((9, 9)) == (0, 0, 254)
    data = target.read_bytes()
    assert now == [was[0] + len(data) - len(plain), was[1]]
    assert data.endswith(plain[plain.rindex(b"\xff\xd8") :])
