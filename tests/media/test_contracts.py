"""Facts of media, and contracts held against them."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from prefect_media.media.contracts import AudioContract, ImageContract, VideoContract, doubts, violations
from prefect_media.media.facts import Facts, Span, facts_of, ratio_of
from prefect_media.media.types import Audio, Image, Video

DIGEST = "0" * 64


def image(width: int, height: int, **facts: object) -> Image:
    values = {"digest": DIGEST, "size_bytes": 10, "media_type": "image/png", "width_px": width, "height_px": height}
    return Image.model_validate({**values, **facts})


def clip(**facts: object) -> Video:
    values = {
        "digest": DIGEST, "size_bytes": 10, "media_type": "video/mp4", "width_px": 640, "height_px": 360,
        "duration_s": 5.0, "frame_rate": Fraction(30000, 1001), "codec": "h264", "pixel_format": "yuv420p",
    }  # fmt: skip
    return Video.model_validate({**values, **facts})


def sound(**facts: object) -> Audio:
    values = {
        "digest": DIGEST, "size_bytes": 10, "media_type": "audio/mpeg", "duration_s": 3.0, "sample_rate_hz": 44100,
        "channels": 2, "codec": "mp3",
    }  # fmt: skip
    return Audio.model_validate({**values, **facts})


@pytest.mark.parametrize(
    ("contract", "media", "expected"),
    [
        ({"min_width_px": 300}, image(200, 300), ["width is 200 px, allowed at least 300 px"]),
        ({"max_height_px": 256}, image(200, 300), ["height is 300 px, allowed at most 256 px"]),
        ({"min_width_px": 256, "max_width_px": 512}, image(64, 64), ["width is 64 px, allowed 256 to 512 px"]),
        ({"max_pixels": 1000}, image(100, 20), ["area is 2000 px, allowed at most 1000 px"]),
        ({"multiple": 16}, image(160, 100), ["height is 100 px, allowed multiples of 16"]),
        (
            {"sizes": [[1024, 576], [576, 1024]]},
            image(1024, 1024),
            ["size is 1024x1024 px, allowed 1024x576 or 576x1024"],
        ),
        ({"ratios": ["16:9", "1:1"]}, image(400, 300), ["aspect ratio is 1.33333, allowed 16:9, 1:1"]),
        (
            {"min_ratio": "1:2.5", "max_ratio": "2.5:1"},
            image(900, 300),
            ["aspect ratio is 3, allowed 0.4 to 2.5"],
        ),
        (
            {"alpha": "forbidden"},
            image(9, 9, has_alpha=True),
            ["it has transparency, transparency is forbidden"],
        ),
        ({"alpha": "required"}, image(9, 9), ["it has no transparency, transparency is required"]),
        ({}, image(9, 9, frames=3), ["it has animation, animation is forbidden"]),
        (
            {"media_types": ["image/jpeg"]},
            image(9, 9),
            ["media type is image/png, allowed image/jpeg"],
        ),
        ({"max_bytes": 9}, image(9, 9), ["file is 10 bytes, allowed at most 9 bytes"]),
        ({}, sound(), ["it is audio, image is wanted"]),
    ],
)
def test_image_contract_names_what_is_broken(contract: dict[str, object], media: Image, expected: list[str]) -> None:
    assert violations(ImageContract.model_validate(contract), media) == expected


@pytest.mark.parametrize(
    ("contract", "media", "expected"),
    [
        ({"max_duration_s": 4}, clip(), ["duration is 5 s, allowed at most 4 s"]),
        ({"durations_s": [4, 6, 8]}, clip(), ["duration is 5 s, allowed 4 or 6 or 8 s"]),
        ({"frame_rates": [24, 25]}, clip(), ["frame rate is 29.97 fps, allowed 24 or 25 fps"]),
        ({"max_frame_rate": 25}, clip(), ["frame rate is 29.97 fps, allowed at most 25 fps"]),
        ({"codecs": ["h264"]}, clip(codec="vp9"), ["codec is vp9, allowed h264"]),
        ({"audio": "required"}, clip(), ["it has no sound, sound is required"]),
        ({"audio": "forbidden"}, clip(audio_codec="aac"), ["it has sound, sound is forbidden"]),
        (
            {"min_width_px": 700, "audio": "required"},
            clip(),
            ["width is 640 px, allowed at least 700 px", "it has no sound, sound is required"],
        ),
    ],
)
def test_video_contract_names_what_is_broken(contract: dict[str, object], media: Video, expected: list[str]) -> None:
    assert violations(VideoContract.model_validate(contract), media) == expected


@pytest.mark.parametrize(
    ("contract", "expected"),
    [
        ({"sample_rates_hz": [16000, 24000]}, ["sample rate is 44100 Hz, allowed 16000 or 24000 Hz"]),
        ({"channels": [1]}, ["number of channels is 2, allowed 1"]),
        (
            {"min_duration_s": 5, "codecs": ["aac"]},
            ["duration is 3 s, allowed at least 5 s", "codec is mp3, allowed aac"],
        ),
    ],
)
def test_audio_contract_names_what_is_broken(contract: dict[str, object], expected: list[str]) -> None:
    assert violations(AudioContract.model_validate(contract), sound()) == expected


def test_media_within_every_limit_breaks_nothing() -> None:
    contract = ImageContract(
        min_width_px=16, max_width_px=2048, multiple=8, ratios=("16:9",), max_pixels=2_000_000, max_bytes=100,
        media_types=("image/png",), alpha="forbidden",
    )  # fmt: skip
    assert violations(contract, image(1280, 720)) == []
    assert doubts(contract, image(1280, 720)) == []


def test_ratio_sets_forgive_the_rounding_to_whole_pixels() -> None:
    assert violations(ImageContract(ratios=("16:9",)), image(1366, 768)) == []


def test_predicted_media_is_doubted_where_a_limit_may_be_broken_and_refused_where_it_surely_is() -> None:
    predicted = Facts(
        kind="video", width_px=Span.within(600, 1200), duration_s=Span.within(6, 8), media_type="video/mp4"
    )
    contract = VideoContract(min_width_px=700, max_duration_s=5, min_height_px=100, audio="required")

    assert violations(contract, predicted) == ["duration is 6 to 8 s, allowed at most 5 s"]
    assert doubts(contract, predicted) == [
        "width is 600 to 1200 px, allowed at least 700 px",
        "height is not known, allowed at least 100 px",
        "whether it has sound is not known, sound is required",
    ]


def test_facts_of_media_are_exact() -> None:
    facts = facts_of(clip(audio_codec="aac"))
    assert facts.size == (640, 360)
    assert facts.frame_rate == Span.exactly(Fraction(30000, 1001))
    assert facts.has_audio is True
    assert facts_of(sound()).channels == Span.exactly(2)
    assert facts_of(image(3, 2, has_alpha=True)).has_alpha is True


@pytest.mark.parametrize("text", ["16/9", "0:1", "1:0", "a:b", "", ":", "16", "-4:3"])
def test_ratio_of_refuses_what_is_no_ratio(text: str) -> None:
    with pytest.raises(ValueError, match="is not an aspect ratio such as '16:9'"):
        ratio_of(text)


def test_a_span_is_ordered() -> None:
    with pytest.raises(ValidationError, match="does not hold"):
        Span(low=2, high=1, likely=1)


def test_a_contract_refuses_an_unknown_field_and_a_malformed_ratio() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        ImageContract.model_validate({"max_widht": 3})
    with pytest.raises(ValidationError, match="is not an aspect ratio"):
        ImageContract(ratios=("16x9",))


@given(
    width=st.integers(1, 4000), height=st.integers(1, 4000), low=st.integers(1, 4000), high=st.integers(1, 4000),
    multiple=st.sampled_from([None, 2, 16, 64]),
)  # fmt: skip
def test_exact_facts_leave_no_doubt_and_break_exactly_the_limits_they_pass(
    width: int, height: int, low: int, high: int, multiple: int | None
) -> None:
    contract = ImageContract(min_width_px=low, max_height_px=high, multiple=multiple)
    facts = Facts(kind="image", width_px=Span.exactly(width), height_px=Span.exactly(height))
    broken = [width < low, height > high, *((side % multiple != 0) for side in (width, height) if multiple)]
    assert len(violations(contract, facts)) == sum(broken)
    assert doubts(contract, facts) == []
