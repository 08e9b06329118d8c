"""The comment of a sound file is written with everything else left as it is to the byte."""

import base64
import io
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from prefect_media import errors
from prefect_media.media.comments.ogg import read_comments, write_comments
from prefect_media.media.ffmpeg import ffmpeg_exe
from prefect_media.media.provenance import Provenance, read_provenance, write_provenance
from prefect_media.media.signing.carried import MANIFEST_STORE

from .test_provenance import EARLIER, RECORD, comments_of, marked, sound


def chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def wave_file(*parts: bytes, head: bytes = b"RIFF") -> bytes:
    body = b"WAVE" + b"".join(parts)
    return head + struct.pack("<I", len(body)) + body


TONE = np.arange(4_801, dtype="<i2").tobytes()[:-1]  # an odd number of bytes
SHAPE = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 48_000, 48_000, 1, 8))
BROADCAST = chunk(b"bext", b"Scene 4, take 2".ljust(256, b"\0") + b"Field recorder".ljust(346, b"\0") + bytes(4))
CUES = chunk(b"cue ", struct.pack("<I", 1) + struct.pack("<II4sIII", 1, 9, b"data", 0, 0, 9))
TITLE = chunk(b"INAM", b"Rain\0")


def chunks_of(data: bytes) -> list[bytes]:
    found, at = list[bytes](), 12
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 4)[0]
        found.append(data[at : at + 8 + size + size % 2])
        at += len(found[-1])
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    return found


def test_every_chunk_of_a_wav_file_stays_to_the_byte(tmp_path: Path) -> None:
    told = chunk(b"LIST", b"INFO" + TITLE + chunk(b"ICMT", b"in the woods\0"))
    labels = chunk(b"LIST", b"adtl" + chunk(b"labl", struct.pack("<I", 1) + b"drop\0"))
    before = [BROADCAST, SHAPE, told, chunk(b"data", TONE), CUES, labels, chunk(b"iXML", b"<BWFXML/>")]
    signed = [*before[:3], chunk(b"C2PA", b"credentials"), *before[3:]]
    target = marked("wav", wave_file(*signed), tmp_path, **RECORD)
    after = chunks_of(target.read_bytes())
    assert [*after[:2], *after[3:]] == [*before[:2], *before[3:]]
    assert after[2][:4] == b"LIST"
    assert TITLE in after[2]
    assert comments_of(target) == [f"in the woods\n{Provenance(**RECORD).to_json()}"]


def test_what_a_recorder_said_of_a_scene_is_no_comment(tmp_path: Path) -> None:
    target = marked("wav", wave_file(BROADCAST, SHAPE, chunk(b"data", TONE)), tmp_path, **RECORD)
    first, shape, told, samples = chunks_of(target.read_bytes())
    assert (first, shape, samples) == (BROADCAST, SHAPE, chunk(b"data", TONE))
    assert told == chunk(b"LIST", b"INFO" + chunk(b"ICMT", Provenance(**RECORD).to_json().encode() + b"\0"))
    assert read_provenance(target) == Provenance(**RECORD)


def test_sizes_of_a_wav_file_are_made_true(tmp_path: Path) -> None:
    unknown = bytearray(wave_file(SHAPE, chunk(b"data", TONE)[:-1]))
    for place in (4, 12 + len(SHAPE) + 4):  # as programs leave them that write into a pipe
        struct.pack_into("<I", unknown, place, 0xFFFFFFFF)
    target = marked("wav", bytes(unknown), tmp_path, **RECORD)
    assert chunks_of(target.read_bytes())[-1] == chunk(b"data", TONE)
    sizes = chunk(b"ds64", struct.pack("<QQQI", 0, len(TONE), 0, 0))
    long = bytearray(wave_file(sizes, SHAPE, chunk(b"data", TONE), CUES, head=b"RF64"))
    for place in (4, 12 + len(sizes) + len(SHAPE) + 4):
        struct.pack_into("<I", long, place, 0xFFFFFFFF)
    target = marked("wav", bytes(long), tmp_path, **RECORD)
    data = target.read_bytes()
    assert struct.unpack_from("<QQ", data, 20) == (len(data) - 8, len(TONE))
    assert data.endswith(struct.pack("<I", 0xFFFFFFFF) + TONE + bytes(1) + CUES)
    assert read_provenance(target) == Provenance(**RECORD)


def test_endless_chunks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.DecodeError, match="it has more than 10000 chunks"):
        marked("wav", wave_file(SHAPE, *[chunk(b"JUNK", b"")] * 10_000, chunk(b"data", TONE)), tmp_path, **RECORD)


def tagged(version: int, frames: Sequence[tuple[bytes, bytes]], sound: bytes, flags: int = 0) -> bytes:
    def spread(number: int) -> bytes:
        return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))

    parts = [
        kind + (spread(len(body)) if version == 4 else struct.pack(">I", len(body))) + bytes(2) + body
        for kind, body in frames
    ]
    tag = b"".join(parts) + bytes(99)  # room for changes
    return b"ID3" + bytes([version, 0, flags]) + spread(len(tag)) + tag + sound


OTHER_FRAMES = [
    (b"TIT2", b"\0Title"),
    (b"USLT", b"\0eng\0la la"),
    (b"COMM", b"\0engiTunNORM\0 0001"),
    (b"COMM", b"\1deu\xff\xfe\0\0\xff\xfe" + "schön".encode("utf-16-le")),
    (b"POPM", b"me\0\xff\0\0\0\1"),
    (b"UFID", b"http://musicbrainz.org\0" + b"abc" * 60),
    (b"WOAS", b"http://example.org"),
    (b"COMM", b"\0fra\0un autre"),
]


@pytest.mark.parametrize("version", [3, 4])
def test_every_frame_of_an_mp3_stays_to_the_byte(version: int, every_type: dict[str, bytes], tmp_path: Path) -> None:
    sound = every_type["mp3"][every_type["mp3"].index(b"\xff\xfb") :]
    store = (b"GEOB", b"\0application/c2pa\0\0\0" + MANIFEST_STORE)
    target = marked("mp3", tagged(version, [*OTHER_FRAMES, store], sound), tmp_path, **RECORD)
    data, said = target.read_bytes(), f"schön\n{Provenance(**RECORD).to_json()}"
    mark = b"\xff\xfe"
    text = b"\3deu\0" + said.encode() if version == 4 else b"\1deu" + mark + b"\0\0" + mark + said.encode("utf-16-le")
    expected = tagged(version, [*OTHER_FRAMES[:3], (b"COMM", text), *OTHER_FRAMES[4:]], sound)
    assert data[10:] == expected[10 : -len(sound) - 99] + sound
    assert read_provenance(target) == Provenance(**RECORD)


def test_a_rare_tag_is_left_to_ffmpeg(every_type: dict[str, bytes], tmp_path: Path) -> None:
    sound = every_type["mp3"][every_type["mp3"].index(b"\xff\xfb") :]
    for data in (tagged(3, OTHER_FRAMES[:1], sound, flags=0x80), tagged(4, [(b"T\xffT2", b"\0Title")], sound)):
        target = marked("mp3", data, tmp_path, **RECORD)
        assert read_provenance(target) == Provenance(**RECORD)


def test_what_ffmpeg_made_of_a_comment_becomes_one(every_type: dict[str, bytes], tmp_path: Path) -> None:
    sound = every_type["mp3"][every_type["mp3"].index(b"\xff\xfb") :]
    old = b"\3comment\0mine\n" + EARLIER.encode()
    target = marked("mp3", tagged(4, [(b"TXXX", old), OTHER_FRAMES[2]], sound), tmp_path, **RECORD)
    said = f"mine\n{Provenance(**RECORD).to_json()}".encode()
    assert target.read_bytes()[10:].startswith(tagged(4, [(b"COMM", b"\3XXX\0" + said), OTHER_FRAMES[2]], b"")[10:-99])


def flac_parts(data: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Kind and content of each block; and the sound."""
    blocks, at, is_last = list[tuple[int, bytes]](), 4, False
    while not is_last:
        size, is_last = int.from_bytes(data[at + 1 : at + 4], "big"), bool(data[at] & 0x80)
        blocks.append((data[at] & 0x7F, data[at + 4 : at + 4 + size]))
        at += 4 + size
    return blocks, data[at:]


def flac_with(blocks: Sequence[tuple[int, bytes]], sound: bytes) -> bytes:
    last = len(blocks) - 1
    heads = [
        bytes([kind | 0x80 * (n == last)]) + struct.pack(">I", len(body))[1:] for n, (kind, body) in enumerate(blocks)
    ]
    return b"fLaC" + b"".join(head + body for head, (_, body) in zip(heads, blocks, strict=True)) + sound


def vorbis_tags(*tags: str) -> bytes:
    parts = [struct.pack("<I", len(each.encode())) + each.encode() for each in ("a recorder", *tags)]
    return parts[0] + struct.pack("<I", len(tags)) + b"".join(parts[1:])


@pytest.mark.parametrize("name", ["Comment", "DESCRIPTION", None])
def test_every_block_of_a_flac_file_stays_to_the_byte(
    name: str | None, every_type: dict[str, bytes], tmp_path: Path
) -> None:
    blocks, sound = flac_parts(every_type["flac"])
    tags = ["ARTIST=one", "ARTIST=another", "COMMENT=a second one", "TITLE=t=1"]
    if name is not None:
        tags[2] = f"{name}=the first"
    others = [blocks[0], (3, bytes(18)), (2, b"ownsdata"), (1, bytes(99))]
    put = [*others[:2], (4, vorbis_tags(*tags)), *others[2:]]
    target = marked("flac", flac_with(put if name else others, sound), tmp_path, **RECORD)
    record = Provenance(**RECORD).to_json()
    if name is not None:
        tags[2] = f"{name}=the first\n{record}"
        put[2] = (4, vorbis_tags(*tags))
        assert flac_parts(target.read_bytes()) == (put, sound)
    else:
        after, same = flac_parts(target.read_bytes())
        assert ([after[0], *after[2:]], same) == (others, sound)
        assert after[1][1].endswith(f"DESCRIPTION={record}".encode())
    assert read_provenance(target) == Provenance(**RECORD)


@pytest.mark.parametrize("codec", ["libopus", "libvorbis"])
def test_an_ogg_file_keeps_its_cover_and_each_of_its_tags(codec: str, tmp_path: Path) -> None:
    def read(path: Path) -> tuple[dict[str, str], list[bytes], list[bytes]]:
        with av.open(str(path)) as file:
            packets = [(packet.stream.type, bytes(packet)) for packet in file.demux() if packet.size]
            tags = dict(file.streams.audio[0].metadata)
        return tags, *([data for kind, data in packets if kind == wanted] for wanted in ("audio", "video"))

    picture = io.BytesIO()
    Image.effect_noise((300, 300), 50).save(picture, "PNG")  # more than one page of the file has
    cover = struct.pack(">II9s9I", 3, 9, b"image/png", 0, 300, 300, 8, 0, len(picture.getvalue()), 0, 0, 0)[:-12]
    told = base64.b64encode(cover + picture.getvalue()).decode()
    plain, source, target = tmp_path / "plain.ogg", tmp_path / "source.ogg", tmp_path / "target.ogg"
    inputs = ["-f", "lavfi", "-t", "3", "-i", "sine=r=48000"]
    tags = ["-metadata", "ARTIST=one", "-metadata", "comment=mine", "-metadata", f"METADATA_BLOCK_PICTURE={told}"]
    subprocess.run([ffmpeg_exe(), "-v", "error", *inputs, "-c:a", codec, *tags, str(plain)], check=True)
    comments = read_comments(plain)
    assert comments == ["mine"]
    assert write_comments(plain, source, ["mine" * 20_000])
    write_provenance(source, target, **RECORD)
    before, after = read(source), read(target)
    assert after[1:] == before[1:] == read(plain)[1:]
    assert before[2] == [picture.getvalue()]
    assert after[0] == before[0] | {"comment": f"{'mine' * 20_000}\n{Provenance(**RECORD).to_json()}"}
    assert write_comments(target, source, comments)
    assert source.read_bytes() == plain.read_bytes()


def test_a_damaged_ogg_file_gets_no_new_checksums(tmp_path: Path) -> None:
    source, target = sound(tmp_path / "a.ogg", "left"), tmp_path / "b.ogg"
    data = bytearray(source.read_bytes())
    data[-1] ^= 1
    source.write_bytes(data)
    assert not write_comments(source, target, ["new"])
    assert not target.exists()
