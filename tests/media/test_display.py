"""What a notebook shows."""

import base64
import io
import re
from pathlib import Path
from typing import Any

import pytest
from IPython.core.formatters import DisplayFormatter
from PIL import Image as Pillow

from prefect_media.media.display import mimebundle
from prefect_media.media.intake import admit_bytes
from prefect_media.media.probe import probe
from prefect_media.media.samples.making import sample_audio, sample_image, sample_video
from prefect_media.media.types import Media


def embedded(html: str) -> bytes:
    found = re.search(r'src="data:[^;]+;base64,([^"]+)"', html)
    assert found
    return base64.b64decode(found[1])


def shown(media: Media) -> dict[str, Any]:
    """As a notebook asks for it."""
    data, _ = DisplayFormatter().format(media)
    return data


def test_a_small_picture_is_shown_as_it_is() -> None:
    for kind in ("png", "jpeg"):
        data = sample_image(64, 48, format=kind)
        bundle = shown(admit_bytes(data))
        assert base64.b64decode(bundle[f"image/{kind}"]) == data
        assert re.fullmatch(r"Image\(image/\w+, 64x48, [\d.]+ k?B, [0-9a-f]{12}\)", bundle["text/plain"])


def test_formats_without_a_notebook_type_are_shown_too(every_type: dict[str, bytes]) -> None:
    for kind in ("webp", "gif", "avif"):
        assert embedded(mimebundle(admit_bytes(every_type[kind]))["text/html"]) == every_type[kind]
    for kind in ("tiff", "bmp"):  # no browser shows these
        picture = base64.b64decode(mimebundle(admit_bytes(every_type[kind]))["image/jpeg"])
        assert Pillow.open(io.BytesIO(picture)).size == (64, 48)


def test_a_huge_picture_is_shown_smaller(tmp_path: Path) -> None:
    path = tmp_path / "huge.jpg"
    Pillow.linear_gradient("L").resize((6000, 3000)).save(path)
    bundle = mimebundle(admit_bytes(path.read_bytes()))
    assert Pillow.open(io.BytesIO(base64.b64decode(bundle["image/jpeg"]))).size == (1280, 640)
    assert "6000x3000" in bundle["text/plain"]
    transparent = io.BytesIO()
    Pillow.new("RGBA", (4000, 20), (200, 0, 0, 128)).save(transparent, "PNG")
    assert "image/png" in mimebundle(admit_bytes(transparent.getvalue()))


def test_a_small_video_gets_a_player(tmp_path: Path) -> None:
    data = sample_video(64, 48, 1, sound=True)
    bundle = shown(admit_bytes(data))
    assert bundle["text/html"].startswith("<video controls")
    (tmp_path / "shown.mp4").write_bytes(embedded(bundle["text/html"]))
    assert probe(tmp_path / "shown.mp4").fields["audio_codec"] == "aac"
    assert "64x48, 1.00 s, 24 fps, with sound" in bundle["text/plain"]


def test_sound_gets_a_player() -> None:
    data = sample_audio(0.5, format="mp3")
    bundle = shown(admit_bytes(data))
    assert bundle["text/html"].startswith("<audio controls")
    assert embedded(bundle["text/html"]) == data


def test_large_files_are_not_copied_into_the_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefect_media.media.display.INLINE_BYTES", 1000)
    video, audio = admit_bytes(sample_video(64, 48, 1)), admit_bytes(sample_audio(0.5, format="wav"))
    html = mimebundle(video)["text/html"]
    assert Pillow.open(io.BytesIO(embedded(html))).size == (64, 48)
    assert str(video.path()) in html
    html = mimebundle(audio)["text/html"]
    assert "data:" not in html
    assert str(audio.path()) in html


def test_missing_bytes_are_said_not_raised() -> None:
    image = admit_bytes(sample_image(64, 48))
    image.path().unlink()
    bundle = shown(image)
    assert "does not hold" in bundle["text/plain"]
    assert "image/png" not in bundle
