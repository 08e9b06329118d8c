"""Origin records: written into files without touching picture or sound, and read back."""

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from prefect_media import errors
from prefect_media.media.container import scan
from prefect_media.media.probe import probe
from prefect_media.media.provenance import Provenance, read_provenance, write_provenance
from prefect_media.media.samples.making import sample_image

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
