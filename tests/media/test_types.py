"""Media values: small, frozen, serialisable, equal when their bytes are."""

import json
import pickle
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from prefect_media.errors import MediaCorruptError, MediaMissingError
from prefect_media.media.intake import admit_bytes
from prefect_media.media.samples.making import sample_audio, sample_image, sample_video
from prefect_media.media.types import SUFFIXES, AnyMedia, Image, Media, Origin, Video, Word, suffix_of

DIGEST = "ab" * 32


def image(**changes: object) -> Image:
    facts = {"digest": DIGEST, "size_bytes": 10, "media_type": "image/png", "width_px": 4, "height_px": 3}
    return Image.model_validate(facts | changes)


@pytest.mark.parametrize(
    "data",
    [sample_image(64, 48), sample_video(64, 48, 1, sound=True), sample_audio(0.5, format="wav")],
    ids=["image", "video", "audio"],
)
def test_values_survive_json_and_pickle(data: bytes) -> None:
    media = admit_bytes(data, origin=Origin(made_by="local:test", cost_usd=Decimal("0.0123"), notes=("trimmed",)))
    for copy in (
        TypeAdapter[Media](AnyMedia).validate_json(media.model_dump_json()),
        type(media).model_validate(json.loads(media.model_dump_json())),
        pickle.loads(pickle.dumps(media)),
    ):
        assert type(copy) is type(media)
        assert copy == media
        assert copy.model_dump() == media.model_dump()
    assert len(media.model_dump_json()) < 1000
    assert data[:20] not in media.model_dump_json().encode()


def test_equality_is_that_of_the_bytes() -> None:
    first, second = image(), image(origin=Origin(made_by="import"))
    assert first == second
    assert hash(first) == hash(second)
    assert first != image(digest="cd" * 32)
    assert first != "something else"
    assert first.made.made_by == "unknown"


@pytest.mark.parametrize(
    "changes",
    [
        {"digest": "xyz"},
        {"digest": DIGEST.upper()},
        {"digest": "../" + DIGEST[3:]},
        {"size_bytes": 0},
        {"width_px": 0},
        {"frames": 0},
        {"kind": "video"},
    ],
)
def test_impossible_values_cannot_be_made(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        image(**changes)


def test_values_are_frozen() -> None:
    with pytest.raises(ValidationError):
        image().width_px = 9  # type: ignore[misc]


def test_a_frame_rate_stays_exact_in_json() -> None:
    facts = {"digest": DIGEST, "size_bytes": 1, "media_type": "video/mp4", "codec": "h264", "pixel_format": "yuv420p"}
    video = Video.model_validate(
        facts | {"width_px": 2, "height_px": 2, "duration_s": 1, "frame_rate": Fraction(30000, 1001)}
    )
    assert Video.model_validate_json(video.model_dump_json()).frame_rate == Fraction(30000, 1001)
    assert not video.has_audio


def test_a_word_has_times() -> None:
    with pytest.raises(ValidationError):
        Word(text="x", start_s=-1, end_s=0)


def test_every_media_type_has_its_own_suffix() -> None:
    assert len(set(SUFFIXES.values())) == len(SUFFIXES)
    assert suffix_of("audio/mpeg") == ".mp3"
    assert image().suffix == ".png"


def test_save_copies_to_a_file_or_into_a_folder(tmp_path: Path) -> None:
    data = sample_image(16, 16)
    media = admit_bytes(data)
    assert media.save(tmp_path / "new" / "picture.png").read_bytes() == data
    (tmp_path / "folder").mkdir()
    saved = media.save(tmp_path / "folder")
    assert saved.name == f"{media.digest[:16]}.png"
    assert saved.read_bytes() == media.read() == media.path().read_bytes() == data
    assert media.exists()


def test_missing_and_spoilt_bytes_are_errors(tmp_path: Path) -> None:
    media = admit_bytes(sample_image(16, 16))
    media.path().write_bytes(b"spoilt")
    for use in (media.read, lambda: media.save(tmp_path / "out.png")):
        with pytest.raises(MediaCorruptError):
            use()
    media.path().unlink()
    assert not media.exists()
    for use in (media.path, media.read, lambda: media.save(tmp_path / "out.png")):
        with pytest.raises(MediaMissingError):
            use()
    assert not (tmp_path / "out.png").exists()
