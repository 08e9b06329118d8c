"""Unified parameters translated for one model: payload, planned conversions, predicted facts, and complete errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefect_media.adapters.card import Card
from prefect_media.adapters.catalogue import all_cards, get
from prefect_media.adapters.key import canonical_json
from prefect_media.adapters.resolve import Finish, contract_for, input_name, request_of, resolve
from prefect_media.errors import ParameterError
from prefect_media.media.contracts import violations
from prefect_media.media.facts import Facts, Span
from prefect_media.media.types import Image

FLUX = "replicate:black-forest-labs/flux-schnell"
KLING = "fal:fal-ai/kling-video/v2.5-turbo/pro/image-to-video"
SVD = "replicate:stability-ai/stable-video-diffusion"


def picture(width: int, height: int, **facts: Any) -> Facts:
    known = {"media_type": "image/png", "has_alpha": False, "size_bytes": Span.exactly(1000), **facts}
    return Facts(kind="image", width_px=Span.exactly(width), height_px=Span.exactly(height), **known)


def sounding(seconds: float) -> Facts:
    return Facts(kind="audio", duration_s=Span.exactly(seconds), media_type="audio/mpeg")


def problems_of(call: Callable[[], object]) -> tuple[str, ...]:
    with pytest.raises(ParameterError) as caught:
        call()
    return caught.value.problems


# ---- defaults ---------------------------------------------------------------------------------------------------------


def test_every_default_is_explicit_in_payload_and_parameters() -> None:
    found = resolve(get(FLUX), {"prompt": "a lighthouse"})
    assert found.payload == {
        "num_outputs": 1, "prompt": "a lighthouse", "seed": 1, "output_format": "webp", "num_inference_steps": 4,
        "output_quality": 80, "go_fast": True, "disable_safety_checker": False, "aspect_ratio": "1:1", "megapixels": "1",
    }  # fmt: skip
    assert found.parameters == {
        "aspect_ratio": "1:1", "megapixels": "1", "format": "webp", "options.disable_safety_checker": False,
        "options.go_fast": True, "options.num_inference_steps": 4, "options.output_quality": 80,
        "prompt": "a lighthouse", "seed": 1,
    }  # fmt: skip
    assert found.expected.size == (1024, 1024)
    assert found.expected.media_type == "image/webp"
    assert found.finish == ()


def test_a_parameter_without_default_is_recorded_as_null_and_not_sent() -> None:
    found = resolve(get("elevenlabs:eleven_v3"), {"text": "hello"})
    assert found.parameters["language"] is None
    assert "language_code" not in found.payload


def test_none_is_the_same_as_not_given() -> None:
    names = ("size", "width", "height", "aspect_ratio", "seed", "format", "negative_prompt", "seconds")
    assert resolve(get(FLUX), {"prompt": "x", **dict.fromkeys(names)}) == resolve(get(FLUX), {"prompt": "x"})


def test_values_are_written_as_the_provider_wants_them() -> None:
    kling = resolve(get(KLING), {"prompt": "x", "seconds": 10}, None, {"image": picture(1280, 720)})
    assert kling.payload["duration"] == "10"
    veo = resolve(get("fal:fal-ai/veo3.1"), {"prompt": "x", "seconds": 6})
    assert veo.payload["duration"] == "6s"
    music = resolve(get("fal:fal-ai/elevenlabs/music"), {"prompt": "x", "seconds": 12.5})
    assert music.payload["music_length_ms"] == 12500
    flux = resolve(get("fal:fal-ai/flux/dev"), {"prompt": "x", "size": (512, 768), "format": "jpg"})
    assert flux.payload["image_size"] == {"width": 512, "height": 768}
    assert flux.payload["output_format"] == "jpeg"
    jpeg = resolve(get(FLUX), {"prompt": "x", "format": "jpeg"})
    assert jpeg.payload["output_format"] == "jpg"
    image = resolve(get("openai:gpt-image-2"), {"prompt": "x", "width": 1536, "height": 1024})
    assert image.payload["size"] == "1536x1024"
    voice = resolve(get("elevenlabs:eleven_v3"), {"text": "x", "voice": "Rachel"})
    assert voice.payload["voice_id"] == "21m00Tcm4TlvDq8ikWAM"
    assert voice.payload["voice_settings"] == {"stability": 0.5, "speed": 1.0}
    nested = resolve(get("fal:fal-ai/minimax/speech-02-hd"), {"text": "x", "voice": "Calm_Woman"})
    assert nested.payload["voice_setting"]["voice_id"] == "Calm_Woman"


def test_takes_of_a_seeded_model_are_different_seeds_and_a_given_seed_stays() -> None:
    card = get(FLUX)
    assert [resolve(card, {"prompt": "x", "take": take}).payload["seed"] for take in (0, 1, 2)] == [1, 2, 3]
    assert resolve(card, {"prompt": "x", "seed": 7, "take": 2}).payload["seed"] == 7


def test_a_seed_for_a_model_without_one_is_refused() -> None:
    assert problems_of(lambda: resolve(get("openai:gpt-image-2"), {"prompt": "x", "seed": 4})) == (
        "openai:gpt-image-2: seed=4: this model does not take 'seed'. "
        "It takes prompt, format, size, width, height, aspect_ratio.",
    )
    resolve(get("openai:gpt-image-2"), {"prompt": "x", "seed": None})


def test_a_prompt_for_a_model_without_one_is_said_not_to_be_sent() -> None:
    found = resolve(get(SVD), {"prompt": "waves"}, None, {"image": picture(1024, 576)})
    assert "waves" not in json.dumps(found.payload)
    assert found.notes[0] == "This model takes no prompt; the prompt is not sent."


# ---- errors -----------------------------------------------------------------------------------------------------------


def test_one_problem_is_one_line_that_names_card_parameter_value_and_what_is_allowed() -> None:
    with pytest.raises(ParameterError) as caught:
        resolve(get(KLING), {"prompt": "x", "seconds": 12}, None, {"image": picture(1280, 720)})
    assert str(caught.value) == (
        f"Cannot call {KLING}: seconds=12 is longer than this model makes; allowed are 5 or 10. The nearest is 10."
    )


def test_every_problem_is_in_one_error() -> None:
    with pytest.raises(ParameterError) as caught:
        resolve(
            get(FLUX),
            {"prompt": "", "sed": 3, "aspect_ratio": "16:10", "format": "pgn", "seed": -1, "take": -2, "voice": "Ann"},
            {"num_inference_step": 4, "output_quality": 101, "go_fast": "yes", "seed": 3},
            {"image": picture(8, 8)},
        )
    assert str(caught.value).splitlines() == [
        f"Cannot call {FLUX}, 12 problems:",
        "- sed=3: there is no such parameter. Did you mean 'seed'?",
        "- voice='Ann': this model does not take 'voice'. "
        "It takes prompt, seed, format, size, width, height, aspect_ratio.",
        "- options['num_inference_step']=4: not an option of this model; it has num_inference_steps, output_quality, "
        "go_fast, disable_safety_checker, megapixels. Did you mean 'num_inference_steps'?",
        "- options['seed']=3: not an option of this model; it has num_inference_steps, output_quality, go_fast, "
        "disable_safety_checker, megapixels. Give seed=... itself, outside options.",
        "- image: this model does not take the input 'image'; its inputs are none.",
        "- take=-2 is not a whole number from 0.",
        "- prompt has 0 characters, at least 1 are needed.",
        "- seed=-1 is not allowed; allowed is integer from 0 to 2147483647. The nearest is 0.",
        "- format='pgn' is not one of png, jpeg, webp, gif. Did you mean 'png'?",
        "- options['output_quality']=101 is not allowed; allowed is integer from 0 to 100. The nearest is 100.",
        "- options['go_fast']='yes' is not true or false.",
        "- aspect_ratio='16:10' is not offered; allowed are 1:1, 16:9, 21:9, 3:2, 2:3, 4:5, 5:4, 3:4, 4:3, 9:16, 9:21. "
        "The nearest is 3:2.",
    ]
    assert len(caught.value.problems) == 12
    assert all(problem.startswith(f"{FLUX}: ") for problem in caught.value.problems)


def test_a_voice_is_a_known_name_or_of_the_form_of_an_id() -> None:
    card = get("elevenlabs:eleven_v3")
    own = resolve(card, {"text": "x", "voice": "AbCdEfGhIjKlMnOpQrSt"})
    assert own.payload["voice_id"] == "AbCdEfGhIjKlMnOpQrSt"
    assert problems_of(lambda: resolve(card, {"text": "x", "voice": "Rachael"})) == (
        "elevenlabs:eleven_v3: voice='Rachael' is not one of Rachel, Sarah, George, Alice, Brian, Charlie, nor of the "
        "provider's own form. Did you mean 'Rachel'?",
    )


def test_missing_input_and_prompt_are_named() -> None:
    assert problems_of(lambda: resolve(get(KLING), {})) == (
        f"{KLING}: image: missing; this model needs image as 'image'.",
        f"{KLING}: prompt: missing; this model needs it.",
    )


@pytest.mark.parametrize(
    ("given_size", "expected"),
    [
        ({"size": "big"}, "size='big' is not a size such as '1280x720' or (1280, 720)."),
        ({"size": "1280x720x3"}, "size='1280x720x3' is not a size such as '1280x720' or (1280, 720)."),
        ({"size": (0, 5)}, "size=(0, 5) is not a size such as '1280x720' or (1280, 720)."),
        ({"width": 640}, "width=640: give both width and height, or one of them with aspect_ratio."),
        ({"width": 12.5, "height": 3}, "width=12.5 is not a whole number of pixels from 1 to 16384."),
        ({"aspect_ratio": "wide"}, "aspect_ratio='wide' is not a ratio such as '16:9'."),
        (
            {"size": "640x480", "width": 320, "height": 480},
            "size='640x480', width=320, height=480 contradict each other. Give size, or width and height.",
        ),
        (
            {"size": "640x480", "aspect_ratio": "16:9"},
            "size='640x480', aspect_ratio='16:9' contradict each other: 640x480 is not 16:9.",
        ),
    ],
)
def test_malformed_sizes_are_refused(given_size: dict[str, Any], expected: str) -> None:
    card = get("local:landscape")
    assert problems_of(lambda: resolve(card, {"prompt": "x", **given_size})) == (f"local:landscape: {expected}",)


def test_the_wrong_kind_of_input_and_a_broken_contract_are_refused() -> None:
    assert problems_of(lambda: resolve(get(KLING), {"prompt": "x"}, None, {"image": sounding(3)})) == (
        f"{KLING}: image: audio was given, image is wanted.",
    )
    assert problems_of(lambda: resolve(get(KLING), {"prompt": "x"}, None, {"image": picture(900, 200)})) == (
        f"{KLING}: image: height is 200 px, allowed at least 300 px.",
        f"{KLING}: image: aspect ratio is 4.5, allowed 0.4 to 2.5.",
    )


def test_the_naive_pair_of_sdxl_and_stable_video_diffusion_is_refused_with_what_to_do() -> None:
    """A square picture into a model trained on 1024x576: the mistake that costs a run in the wild."""
    still = resolve(get("replicate:stability-ai/sdxl"), {"prompt": "a lighthouse"})
    assert still.expected.size == (1024, 1024)
    assert problems_of(lambda: resolve(get(SVD), {}, None, {"image": still.expected})) == (
        f"{SVD}: image: size is 1024x1024 px, allowed 1024x576 or 576x1024.",
    )
    contract = contract_for(get(SVD), "image", {})
    assert contract is not None
    assert violations(contract, picture(1024, 576)) == []
    moved = resolve(get(SVD), {}, None, {"image": picture(1024, 576)})
    assert moved.payload["motion_bucket_id"] == 127
    assert moved.expected.size == (1024, 576)
    assert moved.payload["video_length"] == "14_frames_with_svd"


def test_a_limit_over_several_fields_is_checked() -> None:
    card = get("fal:fal-ai/ltx-2.3/text-to-video/fast")
    assert problems_of(lambda: resolve(card, {"prompt": "x", "seconds": 12, "size": "2560x1440", "fps": 50})) == (
        f"{card.id}: resolution='1440p', fps=50: more than 10 s are made at 1080p and 25 fps only.",
    )
    assert resolve(card, {"prompt": "x", "seconds": 12}).payload["duration"] == 12


def test_an_option_may_choose_the_resolution_class_and_a_wrong_one_is_refused() -> None:
    card = get("fal:fal-ai/veo3.1")
    found = resolve(card, {"prompt": "x", "aspect_ratio": "9:16"}, {"resolution": "1080p"})
    assert (found.payload["resolution"], found.payload["aspect_ratio"]) == ("1080p", "9:16")
    assert found.expected.size == (1080, 1920)
    assert problems_of(lambda: resolve(card, {"prompt": "x"}, {"resolution": "1080"})) == (
        f"{card.id}: resolution='1080' is not one of 720p, 1080p, 4k. Did you mean '1080p'?",
    )


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


# ---- properties -------------------------------------------------------------------------------------------------------


def minimal(card: Card) -> tuple[dict[str, Any], dict[str, Facts]]:
    words = {name: "a lighthouse at dawn" for name, rule in card.parameters.items() if rule.required}
    kinds = {
        "image": picture(1024, 576),
        "video": Facts(
            kind="video", duration_s=Span.exactly(6), width_px=Span.exactly(1024), height_px=Span.exactly(576),
            media_type="video/mp4",
        ),
        "audio": sounding(6),
    }  # fmt: skip
    return words, {name: kinds[rule.kind] for name, rule in card.inputs.items() if rule.required}


@pytest.mark.parametrize("card", all_cards(), ids=lambda card: card.id)
def test_every_card_resolves_with_the_least_parameters_and_sends_every_default(card: Card) -> None:
    words, inputs = minimal(card)
    found = resolve(card, words, None, inputs)

    assert found.finish == ()
    assert found.expected.kind == card.output_kind
    for name, rule in {**card.parameters, **{f"options.{n}": r for n, r in card.options.items()}}.items():
        assert name in found.parameters
        place: Any = found.payload
        for part in (rule.field or name.removeprefix("options.")).split("."):
            place = place.get(part) if isinstance(place, dict) else None
        sent = rule.written(rule.accept(rule.default)) if rule.default is not None else None
        assert place == (sent if not rule.required else words[name]), name
    assert all(field in found.payload for field in card.fixed)
    json.dumps(found.payload, allow_nan=False)
    canonical_json(found.parameters)
    if card.output_kind == "video":
        assert found.expected.duration_s is not None
        assert found.expected.width_px is not None


@settings(max_examples=60)
@given(data=st.data())
def test_resolving_what_was_resolved_changes_nothing(data: st.DataObject) -> None:
    card = data.draw(st.sampled_from([c for c in all_cards() if c.size or c.seconds]))
    words, inputs = minimal(card)
    wish: dict[str, Any] = dict(words)
    if card.size and not card.inputs:
        wish["size"] = data.draw(st.tuples(st.integers(16, 1100), st.integers(16, 1100)))
    if card.seconds:
        wish["seconds"] = data.draw(st.floats(0.1, 12))
    try:
        first = resolve(card, wish, None, inputs)
    except ParameterError as exc:
        assert exc.problems  # noqa: PT017 - a refusal must say why
        return
    sent = first.parameters.get("seconds")
    again: dict[str, Any] = {**words, "seconds": sent} if sent is not None else dict(words)
    if isinstance(first.parameters.get("size"), str) and "x" in first.parameters["size"]:
        again["size"] = first.parameters["size"]
        second = resolve(card, again, None, inputs, strict=True)
        assert second.parameters["size"] == first.parameters["size"]
    if sent is not None:
        assert resolve(card, again, None, inputs).parameters["seconds"] == sent
    # A conversion never enlarges and never lengthens.
    for item in first.finish:
        if item.operation == "trim" and first.expected.duration_s:
            assert item.parameters["seconds"] <= first.expected.duration_s.likely + 1e-6
        if item.operation == "fit" and first.expected.size and not card.inputs:
            width, height = first.expected.size
            assert (item.parameters["width"], item.parameters["height"]) != (width, height)
            assert item.parameters["width"] <= width
            assert item.parameters["height"] <= height
