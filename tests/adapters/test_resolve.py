"""Unified parameters translated for one model: payload, planned conversions, predicted facts, and complete errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefect_media.adapters.card import Card
from prefect_media.adapters.catalogue import all_cards, get
from prefect_media.adapters.key import canonical_json
from prefect_media.adapters.resolve import contract_for, resolve
from prefect_media.errors import ParameterError
from prefect_media.media.contracts import violations
from prefect_media.media.facts import Facts, Span

from .facts import picture, problems_of, sounding

FLUX = "replicate:black-forest-labs/flux-schnell"
KLING = "fal:fal-ai/kling-video/v2.5-turbo/pro/image-to-video"
SVD = "replicate:stability-ai/stable-video-diffusion"


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
