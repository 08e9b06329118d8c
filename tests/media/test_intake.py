"""The door into the store: what enters is what it says, is whole, and is within the limits."""

import io
import struct
import zlib
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import av
import pytest
from PIL import Image as Pillow

from prefect_media import errors
from prefect_media.media.intake import admit, admit_bytes
from prefect_media.media.probe import probe
from prefect_media.media.samples.making import sample_audio, sample_image, sample_video
from prefect_media.media.store import Store
from prefect_media.media.types import Audio, Image, Origin, Video, Word

KINDS = {
    "image": {"png", "jpeg", "webp", "avif", "gif", "tiff", "bmp"},
    "video": {"mp4", "mov", "mkv", "webm"},
    "audio": {"wav", "mp3", "m4a", "aac", "flac", "opus", "ogg"},
}


def stored() -> int:
    return len(list(Store.current().files()))


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, *, data: bytes = b"") -> bytes:
    """A PNG header of any size, with whatever data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in KINDS.items() for name in sorted(names)])
def test_every_type_enters_under_any_name(kind: str, name: str, every_type: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "misnamed.txt"
    path.write_bytes(every_type[name])
    media = admit(path, kind=kind)
    assert media.kind == kind
    assert media.read() == every_type[name]
    assert media.size_bytes == len(every_type[name])
    assert media.path().suffix == media.suffix
    assert type(media).model_validate_json(media.model_dump_json()) == media


def test_facts_of_an_image() -> None:
    image = admit_bytes(sample_image(90, 60, look="cutout"))
    assert isinstance(image, Image)
    assert (image.size, image.has_alpha, image.frames, image.media_type) == ((90, 60), True, 1, "image/png")


def test_facts_of_a_video() -> None:
    video = admit_bytes(sample_video(96, 64, 2, frame_rate=25, sound=True))
    assert isinstance(video, Video)
    assert (video.size, video.frame_rate, video.codec) == ((96, 64), Fraction(25), "h264")
    assert abs(video.duration_s - 2) < 0.001
    assert video.audio_codec == "aac"
    assert video.audio_duration_s is not None
    assert abs(video.audio_duration_s - 2) < 0.025


def test_facts_of_sound() -> None:
    audio = admit_bytes(sample_audio(1.5, format="wav", sample_rate_hz=22_050, channels=2))
    assert isinstance(audio, Audio)
    assert (audio.sample_rate_hz, audio.channels, audio.codec) == (22_050, 2, "pcm_s16le")
    assert abs(audio.duration_s - 1.5) < 0.001


def test_an_mp4_that_holds_only_sound_is_audio(tmp_path: Path) -> None:
    audio = admit_bytes(sample_audio(0.5, format="m4a"), kind="audio")
    assert (audio.kind, audio.media_type, audio.suffix) == ("audio", "audio/mp4", ".m4a")


def test_origin_and_words_are_carried() -> None:
    words = (Word(text="hello", start_s=0, end_s=0.4),)
    origin = Origin(made_by="local:voice", cost_usd=Decimal(0))
    audio = admit_bytes(sample_audio(0.5, format="wav"), origin=origin, words=words)
    assert isinstance(audio, Audio)
    assert audio.words == words
    assert audio.made == origin
    with pytest.raises(errors.ParameterError, match="Word timings were given for 'bytes', which is an image"):
        admit_bytes(sample_image(8, 8), words=words)


def test_the_same_bytes_are_stored_once() -> None:
    first, second = admit_bytes(sample_image(16, 16)), admit_bytes(sample_image(16, 16))
    assert first == second
    assert stored() == 1


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        (sample_video(64, 48, 0.5), "image", r"as an image: it is a video \(video/mp4\)"),
        (sample_image(8, 8), "audio", r"as an audio file: it is an image \(image/png\)"),
        (sample_audio(0.5, format="mp3"), "video", r"as a video: it is an audio file \(audio/mpeg\)"),
    ],
)
def test_another_kind_than_wanted_is_refused(data: bytes, kind: str, message: str) -> None:
    with pytest.raises(errors.UnsupportedMediaError, match=message):
        admit_bytes(data, kind=kind)
    assert stored() == 0


def test_an_unknown_kind_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(errors.ParameterError, match="kind='picture' is unknown. Known: image, video, audio"):
        admit_bytes(sample_image(8, 8), kind="picture")


HOSTILE = {
    "text.png": (b"This is no picture.", "it is text"),
    "zip.png": (b"PK\x03\x04" + bytes(60), "it is a ZIP archive"),
    "page.mp4": (b"<html><body>Not found</body></html>", "it is an HTML page"),
    "error.mp3": (b'{"error": "quota"}', "it is a JSON document"),
    "hls.mp4": (b"#EXTM3U\n#EXTINF:1,\nSECRET\n#EXT-X-ENDLIST\n", "it is an HLS playlist"),
    "concat.mp4": (b"ffconcat version 1.0\nfile 'SECRET'\n", "it is an ffconcat playlist"),
    "session.mp4": (b"v=0\r\nc=IN IP4 127.0.0.1\r\nm=video 9 RTP/AVP 96\r\n", "it is an SDP session"),
    "drawing.png": (b'<svg xmlns="http://www.w3.org/2000/svg"><image href="SECRET"/></svg>', "it is an SVG drawing"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_not_media_is_refused_by_name(name: str, tmp_path: Path) -> None:
    data, message = HOSTILE[name]
    other = tmp_path / "other.mp4"
    other.write_bytes(sample_video(64, 48, 0.5))
    path = tmp_path / name
    path.write_bytes(data.replace(b"SECRET", str(other).encode()))
    with pytest.raises(errors.UnsupportedMediaError, match=f"Cannot use '{name}': {message}.*Allowed: pictures"):
        admit(path)
    assert stored() == 0


def test_missing_empty_and_odd_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    for path, message in (
        (tmp_path / "missing.png", "there is no such file"),
        (tmp_path, "it is a folder"),
        (tmp_path / "empty.png", "the file is empty"),
        (tmp_path / "a\0b.png", "embedded null byte"),
    ):
        with pytest.raises(errors.ProbeError, match=message):
            admit(path)


@pytest.mark.parametrize("name", ["png", "jpeg", "webp", "avif", "gif", "tiff", "bmp", "mp4", "mov"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_truncated_files_are_refused(name: str, share: float, every_type: dict[str, bytes]) -> None:
    data = every_type[name]
    with pytest.raises((errors.DecodeError, errors.ProbeError)):
        admit_bytes(data[: int(len(data) * share)])
    assert stored() == 0


def test_a_decompression_bomb_is_refused_before_it_goes_off() -> None:
    rows = b"\0" * (30_001 * 100)  # the beginning of 30 000 x 30 000 pixels
    with pytest.raises(errors.MediaLimitError, match="30000x30000 is 900000000 pixels, at most 100000000 are allowed"):
        admit_bytes(png(30_000, 30_000, data=rows))


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        ([(b"zTXt", b"a\0\0", 3 << 20)], "a text or a colour profile in it has more than 1048576 bytes when unpacked"),
        ([(b"iTXt", b"a\0\1\0\0\0", 3 << 20)], "a text or a colour profile in it has more than 1048576 bytes"),
        ([(b"iCCP", b"a\0\0", 3 << 20)], "a text or a colour profile in it has more than 1048576 bytes"),
        ([(b"zTXt", b"%d\0\0" % number, 1 << 20) for number in range(66)], "the texts .* together more than 67108864"),
    ],
)
def test_a_bomb_in_the_metadata_is_over_a_limit(packed: list[tuple[bytes, bytes, int]], message: str) -> None:
    data = png(2, 2, data=bytes(14))
    chunks = b"".join(chunk(name, head + zlib.compress(bytes(size))) for name, head, size in packed)
    with pytest.raises(errors.MediaLimitError, match=f"Cannot use 'bytes': {message}.*Save it without metadata"):
        admit_bytes(data[:33] + chunks + data[33:])
    assert stored() == 0


def test_a_webp_bomb_is_refused_before_its_canvas_is_allocated() -> None:
    body = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (16_382).to_bytes(3, "little") * 2
    with pytest.raises(errors.MediaLimitError, match="16383x16383"):
        admit_bytes(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body)
    lossless = b"VP8L" + struct.pack("<I", 10) + b"\x2f" + struct.pack("<I", 16_382 | 16_382 << 14)
    with pytest.raises(errors.MediaLimitError, match="16383x16383"):
        admit_bytes(b"RIFF" + struct.pack("<I", 30) + b"WEBP" + lossless + bytes(10))


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def lossy(width: int, height: int, first: int, data: bytes) -> tuple[bytes, bytes]:
    """A chunk that claims a first partition of so many bytes."""
    tag = (1 << 4 | first << 5).to_bytes(3, "little")
    return b"VP8 ", tag + b"\x9d\x01\x2a" + struct.pack("<HH", width, height) + data


def extended(width: int, height: int) -> tuple[bytes, bytes]:
    return b"VP8X", bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


@pytest.mark.parametrize(
    ("data", "held"),
    [
        (webp(lossy(9900, 9900, 4, bytes(4))), 4),
        (webp(lossy(9900, 9900, 0x7FFFF, bytes(4))), 4),
        (webp(extended(9900, 9900), (b"ICCP", bytes(31)), lossy(9900, 9900, 40_000, bytes(40_000))), 40_000),
        (webp(lossy(9900, 9900, 50_000, bytes(50_000)))[:-10_001], 39_999),
    ],
)
def test_a_webp_too_short_for_its_pixels_is_refused_undecoded(data: bytes, held: int) -> None:
    message = (
        f"Cannot decode 'bytes': {held} bytes cannot say how 9900x9900 pixels look. The file is truncated or damaged"
    )
    with pytest.raises(errors.DecodeError, match=message):
        admit_bytes(data)


def test_a_lossy_webp_bomb_is_refused_by_its_header() -> None:
    with pytest.raises(errors.MediaLimitError, match="16383x16383"):
        admit_bytes(webp(lossy(16_383, 16_383, 4, bytes(4))))


@pytest.mark.parametrize("size", [(1, 1), (17, 300), (2000, 1000)])
@pytest.mark.parametrize("lossless", [True, False])
def test_the_smallest_webp_of_a_size_is_accepted(size: tuple[int, int], lossless: bool) -> None:
    out = io.BytesIO()
    Pillow.new("RGB", size, (10, 200, 30)).save(out, "WEBP", quality=0, method=6, lossless=lossless)
    image = admit_bytes(out.getvalue())
    assert isinstance(image, Image)
    assert image.size == size


def test_pixel_limit_follows_the_settings_and_warns_of_nothing_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow itself warns from 89 million pixels on; the limit of the settings is the one that counts."""
    big = png(9_600, 9_600)  # 92 million
    with pytest.raises(errors.DecodeError):
        admit_bytes(big)
    monkeypatch.setenv("PREFECT_MEDIA_MAX_IMAGE_PIXELS", "4000")
    with pytest.raises(errors.MediaLimitError, match="100x50 is 5000 pixels, at most 4000 are allowed"):
        admit_bytes(sample_image(100, 50))
    assert admit_bytes(sample_image(80, 50)).kind == "image"


def test_an_animation_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    frames = [Pillow.new("L", (100, 100), shade) for shade in range(0, 220, 10)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    image = admit_bytes(out.getvalue())
    assert isinstance(image, Image)
    assert image.frames == len(frames)
    monkeypatch.setenv("PREFECT_MEDIA_MAX_IMAGE_PIXELS", "20000")
    with pytest.raises(errors.MediaLimitError, match="frames of 100x100 are .* pixels, at most 200000 are allowed"):
        admit_bytes(out.getvalue())


def test_a_jpeg_with_endless_scans_is_refused() -> None:
    out = io.BytesIO()
    Pillow.radial_gradient("L").save(out, "JPEG", progressive=True)
    data = out.getvalue()
    start = data.rindex(b"\xff\xda")
    with pytest.raises(errors.MediaLimitError, match="scans, at most 200 are allowed"):
        admit_bytes(data[:start] + data[start:-2] * 300 + data[-2:])


def test_other_limits_follow_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    video = sample_video(64, 48, 2, sound=True)
    for name, value, message in (
        ("MAX_MEDIA_BYTES", "1000", r"bytes, at most 1000 are allowed"),
        ("MAX_VIDEO_PIXELS", "1000", "64x48"),
        ("MAX_DURATION_S", "1.5", "at most 1.5 s are allowed"),
        ("MAX_STREAMS", "1", "2 streams, at most 1"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(f"PREFECT_MEDIA_{name}", value)
            with pytest.raises(errors.MediaLimitError, match=message):
                admit_bytes(video)
    assert stored() == 0


def test_a_gap_of_hours_that_the_header_hides_is_seen() -> None:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as target:
        stream = target.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number, pts in enumerate((0, 1, 2, 25 * 36_000)):
            frame = av.VideoFrame.from_image(Pillow.new("RGB", (64, 48), (50 * number, 0, 0)))
            frame.pts = pts
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    with pytest.raises(errors.MediaLimitError, match="lasts 36000"):
        admit_bytes(out.getvalue())


def test_a_file_that_is_still_being_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "growing.png"
    path.write_bytes(sample_image(64, 48))

    def probe_and_grow(file: Path) -> object:
        facts = probe(file)
        with file.open("ab") as more:
            more.write(b"more")
        return facts

    monkeypatch.setattr("prefect_media.media.intake.probe", probe_and_grow)
    with pytest.raises(errors.ProbeError, match="it changed while it was read"):
        admit(path)


def test_probe_can_leave_pixels_alone(tmp_path: Path) -> None:
    path = tmp_path / "header.png"
    path.write_bytes(png(50, 40))
    assert probe(path, decode=False).fields["width_px"] == 50
    with pytest.raises(errors.DecodeError):
        probe(path)
