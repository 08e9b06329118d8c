"""Every test in this folder has a store of its own."""

import io
import os
from pathlib import Path

import av
import pytest
from PIL import Image

from prefect_media.media.samples.making import sample_audio, sample_image, sample_video


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("PREFECT_MEDIA_") and name != "PREFECT_MEDIA_FUZZ"]:
        monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("PREFECT_MEDIA_HOME", str(folder))
    return folder


def _remuxed(data: bytes, format: str) -> bytes:
    out = io.BytesIO()
    with av.open(io.BytesIO(data)) as source, av.open(out, "w", format=format) as target:
        streams = {stream.index: target.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                target.mux(packet)
    return out.getvalue()


def _webm() -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="webm") as target:
        stream = target.add_stream("libvpx", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(5):
            shade = Image.linear_gradient("L").resize((64, 48)).rotate(90 * number)
            target.mux(stream.encode(av.VideoFrame.from_image(shade.convert("RGB"))))
        target.mux(stream.encode(None))
    return out.getvalue()


def _picture(format: str) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(sample_image(64, 48))).save(out, format)
    return out.getvalue()


@pytest.fixture(scope="session")
def every_type() -> dict[str, bytes]:
    """One small file of every media type that is handled (and of some twice), by its usual suffix."""
    video = sample_video(64, 48, 0.5, sound=True)
    sounds = {
        name: sample_audio(0.5, format=name, sample_rate_hz=48_000)
        for name in ("wav", "mp3", "m4a", "aac", "flac", "opus")
    }
    ogg = _remuxed(sounds["opus"], "ogg")
    pictures = {name: _picture(name) for name in ("png", "jpeg", "webp", "avif", "gif", "tiff", "bmp")}
    videos = {"mp4": video, "mov": _remuxed(video, "mov"), "mkv": _remuxed(video, "matroska"), "webm": _webm()}
    return pictures | videos | sounds | {"ogg": ogg, "m4a": _remuxed(sounds["m4a"], "ipod")}
