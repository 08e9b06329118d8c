"""Sizes, lengths, rates and formats that a model makes only in steps: met exactly, converted as planned, or refused."""

from __future__ import annotations

from typing import Any

import pytest

from prefect_media.adapters.catalogue import get
from prefect_media.adapters.resolve import Finish, contract_for, input_name, request_of, resolve
from prefect_media.media.contracts import violations
from prefect_media.media.facts import Facts, Span
from prefect_media.media.types import Image

from .facts import picture, problems_of, sounding

FLUX = "replicate:black-forest-labs/flux-schnell"
KLING = "fal:fal-ai/kling-video/v2.5-turbo/pro/image-to-video"
SVD = "replicate:stability-ai/stable-video-diffusion"


# ---- sizes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("card_id", "wish", "sent", "fit"),
    [
        # exactly a size of the table, by size and by ratio
        (FLUX, {"size": "1344x768"}, {"aspect_ratio": "16:9", "megapixels": "1"}, None),
        (FLUX, {"aspect_ratio": "16:9"}, {"aspect_ratio": "16:9", "megapixels": "1"}, None),
        # between two: the smallest that covers it with the least crop, then fitted
        (FLUX, {"size": "1280x720"}, {"aspect_ratio": "16:9", "megapixels": "1"}, (1280, 720)),
        (FLUX, {"size": "1000x1000"}, {"aspect_ratio": "1:1", "megapixels": "1"}, (1000, 1000)),
        (FLUX, {"size": "500x500"}, {"aspect_ratio": "1:1", "megapixels": "0.25"}, (500, 500)),
        # any size on a grid
        ("fal:fal-ai/flux/dev", {"size": "1024x576"}, {"image_size": {"width": 1024, "height": 576}}, None),
        ("fal:fal-ai/flux/dev", {"size": "1000x500"}, {"image_size": {"width": 1008, "height": 512}}, (1000, 500)),
        ("fal:fal-ai/flux/dev", {"size": "100x100"}, {"image_size": {"width": 256, "height": 256}}, (100, 100)),
        ("openai:gpt-image-2", {"aspect_ratio": "3:2"}, {"size": "1248x832"}, None),
        ("openai:gpt-image-2", {"size": "640x640"}, {"size": "816x816"}, (640, 640)),
        # one side and a ratio
        ("local:landscape", {"width": 640, "aspect_ratio": "16:9"}, {"width": 640, "height": 360}, None),
        # pixel sizes that nobody promises are always fitted when a size was asked
        (
            "fal:fal-ai/kling-video/v2.5-turbo/pro/text-to-video",
            {"size": "1920x1080"},
            {"aspect_ratio": "16:9"},
            (1920, 1080),
        ),
    ],
)
def test_size_is_met_exactly_or_by_the_next_larger_and_a_fit(
    card_id: str, wish: dict[str, Any], sent: dict[str, Any], fit: tuple[int, int] | None
) -> None:
    found = resolve(get(card_id), {"prompt": "x", **wish})
    assert {name: found.payload[name] for name in sent} == sent
    assert [dict(item.parameters) for item in found.finish] == ([{"width": fit[0], "height": fit[1]}] if fit else [])
    if fit:
        assert found.final.size == fit


@pytest.mark.parametrize(
    ("card_id", "wish", "text"),
    [
        (
            "fal:fal-ai/flux/dev",
            "4000x2000",
            "size='4000x2000' is too large for this model; allowed are sides of 256 to 2048 px, multiples of 16. "
            "The nearest is 2048x1024; enlarge it afterwards with upscale_image.",
        ),
        (
            "fal:fal-ai/hunyuan-video",
            "1920x1080",
            "size='1920x1080' is larger than this model makes; allowed are 16:9 720p (1280x720), 9:16 720p (720x1280), "
            "16:9 580p (1032x580), 9:16 580p (580x1032), 16:9 480p (854x480), 9:16 480p (480x854). "
            "Ask for one of these, and enlarge it afterwards with upscale_image.",
        ),
    ],
)
def test_a_size_larger_than_the_model_makes_is_refused(card_id: str, wish: str, text: str) -> None:
    assert problems_of(lambda: resolve(get(card_id), {"prompt": "x", "size": wish})) == (f"{card_id}: {text}",)


def test_a_picture_that_becomes_a_frame_sets_the_ratio_and_must_have_it() -> None:
    card = get("fal:fal-ai/veo3.1/image-to-video")
    tall = resolve(card, {"prompt": "x"}, None, {"image": picture(720, 1280)})
    assert tall.payload["aspect_ratio"] == "9:16"
    assert problems_of(lambda: resolve(card, {"prompt": "x"}, None, {"image": picture(1000, 1000)}))[0].startswith(
        f"{card.id}: image: its ratio of 1 differs from that of the output"
    )
    free, asked = contract_for(card, "image", {}), contract_for(card, "image", {"size": "1280x720"})
    assert (free.ratios, asked.ratios) == (("16:9", "9:16"), ("16:9",))  # type: ignore[union-attr]


def test_output_that_follows_its_input_has_its_size() -> None:
    twice = resolve(get("local:lanczos"), {"scale": 3}, None, {"image": picture(100, 50)})
    assert twice.expected.size == (300, 150)
    same = resolve(get("fal:fal-ai/birefnet/v2"), {}, None, {"image": picture(640, 480)})
    assert same.expected.size == (640, 480)
    assert same.expected.has_alpha is True
    kling = resolve(get(KLING), {"prompt": "x"}, None, {"image": picture(1000, 1000)})
    assert kling.expected.size is None
    assert kling.expected.aspect == Span.exactly(1)


def test_a_ratio_that_differs_from_the_followed_input_is_refused_and_its_contract_says_how_to_fit() -> None:
    contract = contract_for(get(KLING), "image", {"aspect_ratio": "16:9"})
    assert contract is not None
    assert violations(contract, picture(1024, 1024)) == ["aspect ratio is 1, allowed 16:9"]
    card = get(KLING)
    text = problems_of(
        lambda: resolve(card, {"prompt": "x", "aspect_ratio": "16:9"}, None, {"image": picture(1024, 1024)})
    )
    assert text == (
        f"{KLING}: aspect_ratio='16:9' differs from the image, whose ratio the output keeps (1). "
        "Fit the image to aspect_ratio='16:9' first.",
    )


def test_an_edit_takes_the_ratio_of_its_picture() -> None:
    found = resolve(get("openai:gpt-image-2#image-to-image"), {"prompt": "x"}, None, {"image": picture(1600, 900)})
    assert found.payload["size"] == "1360x768"


def test_one_picture_is_the_first_of_several() -> None:
    card = get("openai:gpt-image-2#image-to-image")
    assert input_name(card, "image") == "images"
    one, two = picture(64, 64), picture(32, 32)
    assert resolve(card, {"prompt": "x"}, None, {"image": one, "images": [two]}).media == {"image": [one, two]}
    assert resolve(card, {"prompt": "x"}, None, {"image": [one, two]}).media == {"image": [one, two]}
    assert problems_of(lambda: resolve(card, {"prompt": "x"}, None, {"image": [one] * 17})) == (
        f"{card.id}: images: 17 files were given, allowed are 1 to 16.",
    )


# ---- lengths ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("card_id", "seconds", "sent", "trim"),
    [
        ("fal:fal-ai/kling-video/v2.5-turbo/pro/text-to-video", None, {"duration": "5"}, None),
        ("fal:fal-ai/kling-video/v2.5-turbo/pro/text-to-video", 4, {"duration": "5"}, 4),
        ("fal:fal-ai/kling-video/v2.5-turbo/pro/text-to-video", 5, {"duration": "5"}, None),
        ("fal:fal-ai/kling-video/v2.5-turbo/pro/text-to-video", 5.5, {"duration": "10"}, 5.5),
        ("fal:fal-ai/ltx-2.3/text-to-video", 7, {"duration": 8}, 7),
        ("replicate:bytedance/seedance-1-pro", 1, {"duration": 2}, 1),
        ("fal:fal-ai/wan/v2.2-a14b/text-to-video", None, {"num_frames": 81}, None),
        ("fal:fal-ai/wan/v2.2-a14b/text-to-video", 5, {"num_frames": 80}, None),
        ("fal:fal-ai/wan/v2.2-a14b/text-to-video", 0.5, {"num_frames": 17}, 0.5),
        ("fal:fal-ai/hunyuan-video", 4, {"num_frames": "129"}, 4),
        ("replicate:minimax/video-01", 3, {}, 3),
    ],
)
def test_length_is_met_exactly_or_by_the_next_longer_and_a_trim(
    card_id: str, seconds: float | None, sent: dict[str, Any], trim: float | None
) -> None:
    found = resolve(get(card_id), {"prompt": "x", "seconds": seconds})
    assert {name: found.payload[name] for name in sent} == sent
    assert [dict(item.parameters) for item in found.finish] == ([{"seconds": trim}] if trim else [])
    if trim:
        assert found.final.duration_s == Span.exactly(trim)


@pytest.mark.parametrize(
    ("card_id", "seconds", "text"),
    [
        (
            "fal:fal-ai/wan/v2.2-a14b/text-to-video",
            20,
            "seconds=20 is longer than this model makes: 161 frames at 16 fps are 10.1 s. Ask for at most 10.06 s, or a "
            "lower fps.",
        ),
        ("replicate:minimax/video-01", 9, "seconds=9 is longer than this model makes, which is 5.64 s."),
        (
            "fal:fal-ai/ltx-2.3/text-to-video",
            12,
            "seconds=12 is longer than this model makes; allowed are 6 to 10 in steps of 2. The nearest is 10.",
        ),
        ("local:score", 0, "seconds=0 is not a positive number of seconds."),
        ("local:score", "5", "seconds='5' is not a positive number of seconds."),
    ],
)
def test_a_length_that_cannot_be_made_is_refused(card_id: str, seconds: Any, text: str) -> None:
    assert problems_of(lambda: resolve(get(card_id), {"prompt": "x", "seconds": seconds})) == (f"{card_id}: {text}",)


def test_a_length_for_speech_and_lip_sync_is_refused_because_it_follows_the_input() -> None:
    card = get("local:voice")
    assert problems_of(lambda: resolve(card, {"text": "x", "seconds": 3})) == (
        "local:voice: seconds=3 is not taken by this model: the length follows its text.",
    )
    lips = get("fal:fal-ai/sync-lipsync/v2")
    face = Facts(kind="video", duration_s=Span.exactly(5), width_px=Span.exactly(64), height_px=Span.exactly(48))
    found = resolve(lips, {}, None, {"video": face, "audio": sounding(8)})
    assert (found.expected.duration_s, found.expected.size) == (Span(low=5, high=8, likely=5), (64, 48))


def test_frames_and_frame_rate_together_make_the_length() -> None:
    found = resolve(get(SVD), {"seconds": 1.9, "fps": 12}, None, {"image": picture(1024, 576)})
    assert found.payload["video_length"] == "25_frames_with_svd_xt"
    assert found.payload["frames_per_second"] == 12
    assert found.expected.frame_rate == Span.exactly(12)
    assert found.finish == (Finish("trim", {"seconds": 1.9}, "the model makes 2.08333 s, 1.9 s was asked"),)


# ---- conversions of the result ----------------------------------------------------------------------------------------


def test_a_frame_rate_or_format_that_the_model_does_not_make_is_converted_afterwards() -> None:
    kling = resolve(
        get("fal:fal-ai/kling-video/v2.5-turbo/pro/text-to-video"), {"prompt": "x", "fps": 30, "format": "webm"}
    )
    assert kling.finish == (
        Finish("frame_rate", {"fps": 30.0}, "the model makes 24 fps, 30 was asked"),
        Finish("format", {"format": "webm"}, "the model makes mp4, webm was asked"),
    )
    assert (kling.expected.frame_rate, kling.final.frame_rate) == (Span.exactly(24), Span.exactly(30))
    assert kling.final.media_type == "video/webm"
    sdxl = resolve(get("replicate:stability-ai/sdxl"), {"prompt": "x", "format": "png"})
    assert sdxl.finish == ()
    speech = resolve(get("openai:tts-1"), {"text": "hello", "format": "mp3"})
    assert speech.payload["response_format"] == "mp3"


def test_the_same_paid_call_serves_two_wishes_that_differ_only_in_what_is_done_afterwards() -> None:
    card = get("fal:fal-ai/kling-video/v2.5-turbo/pro/text-to-video")
    assert resolve(card, {"prompt": "x", "seconds": 4}).parameters == resolve(card, {"prompt": "x"}).parameters


def test_strict_refuses_every_conversion() -> None:
    card = get("fal:fal-ai/kling-video/v2.5-turbo/pro/text-to-video")
    wish = {"prompt": "x", "seconds": 4, "fps": 30}
    assert problems_of(lambda: resolve(card, wish, strict=True)) == (
        f"{card.id}: strict=True refuses a conversion: the model makes 5 s, 4 s was asked.",
        f"{card.id}: strict=True refuses a conversion: the model makes 24 fps, 30 was asked.",
    )
    assert resolve(card, {"prompt": "x", "seconds": 5, "fps": 24}, strict=True).finish == ()


def test_request_carries_what_the_adapter_needs() -> None:
    card = get(SVD)
    still = Image(digest="a" * 64, size_bytes=9, media_type="image/png", width_px=1024, height_px=576)
    request = request_of(card, resolve(card, {}, None, {"image": still}))
    assert request.endpoint == "stability-ai/stable-video-diffusion"
    assert request.media == {"input_image": still}
    assert request.extra["version"].startswith("3f0457e4")
    assert (request.output_kind, request.capability, request.deadline_s) == ("video", "image-to-video", 900)
    edit = get("replicate:google/nano-banana#image-to-image")
    assert request_of(edit, resolve(edit, {"prompt": "x"}, None, {"image": still})).endpoint == "google/nano-banana"
    fal = get("fal:fal-ai/flux/dev")
    assert request_of(fal, resolve(fal, {"prompt": "x"})).extra == {"output_field": "images"}
