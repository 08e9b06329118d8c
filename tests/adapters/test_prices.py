"""Price rules against figures worked out by hand, and what a finished call cost."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from prefect_media.adapters.base import Usage
from prefect_media.adapters.catalogue import all_cards, get
from prefect_media.adapters.prices import actual, estimate
from prefect_media.adapters.resolve import resolve
from prefect_media.adapters.tariffs import Tariff
from prefect_media.adapters.terms import Terms
from prefect_media.media.facts import Facts, Span

RULES: TypeAdapter[Any] = TypeAdapter(Tariff)
LTX = {"rule": "second", "by": ["resolution", "sound"], "table": {"720p,true": 0.4, "4k,true": 0.6, "720p,false": 0.2}}
TOKENS: dict[str, Any] = {
    "rule": "token",
    "rates": {"text_input_tokens": 5, "image_input_tokens": 8, "image_output_tokens": 30},
    "by": ["quality"],
    "plan": [{"is": ["low"], "pixels": 1_000_000, "usd": 0.01}, {"is": ["low"], "pixels": 3_000_000, "usd": 0.02}],
    "spread": 0.1,
}


def picture(width: int, height: int) -> Facts:
    return Facts(kind="image", width_px=Span.exactly(width), height_px=Span.exactly(height))


def lasting(low: float, high: float | None = None) -> Facts:
    return Facts(kind="video", duration_s=Span.within(low, low if high is None else high))


def charged(rule: dict[str, Any], output: Facts | None = None, **terms: Any) -> tuple[str, str, str] | None:
    money = RULES.validate_python(rule).charge(Terms(terms.pop("payload", {}), output=output or picture(1, 1), **terms))
    if money.high is None:
        return None
    return tuple(f"{figure.normalize():f}" for figure in (money.low, money.expected, money.high))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("rule", "output", "terms", "expected"),
    [
        ({"rule": "free"}, None, {}, "0"),
        # 3 pictures at 0.04
        ({"rule": "output", "usd": 0.04}, None, {"count": 3}, "0.12"),
        # by a field of the payload, nested
        (
            {"rule": "output", "by": ["a.quality"], "table": {"high": 0.2}},
            None,
            {"payload": {"a": {"quality": "high"}}},
            "0.2",
        ),
        # a clip of 5.04 s is the 5 s product; 9 s is the 10 s product
        ({"rule": "output", "tiers": [[5, 0.35], [10, 0.7]]}, lasting(5.04), {}, "0.35"),
        ({"rule": "output", "tiers": [[5, 0.35], [10, 0.7]]}, lasting(9), {}, "0.7"),
        # 0.20 up to 40 s, then 0.005 a second: 100 s are 0.20 + 60 * 0.005
        ({"rule": "output", "tiers": [[40, 0.2]], "further_usd": 0.005}, lasting(100), {}, "0.5"),
        # 1024 * 768 = 786432 px are one begun megapixel; 1024 * 1024 are two of 10^6 and one of 2^20
        ({"rule": "megapixel", "usd": 0.025}, picture(1024, 768), {}, "0.025"),
        ({"rule": "megapixel", "usd": 0.025}, picture(1024, 1024), {}, "0.05"),
        ({"rule": "megapixel", "usd": 0.025, "pixels": 1048576}, picture(1024, 1024), {}, "0.025"),
        ({"rule": "megapixel", "usd": 0.025, "pixels": 1048576}, picture(1025, 1024), {}, "0.05"),
        # not rounded: 0.75 * 0.04
        ({"rule": "megapixel", "usd": 0.04, "pixels": 1048576, "whole": False}, picture(1024, 768), {}, "0.03"),
        # first 0.03, three further at 0.015: 2048 * 2048 = 4 of 2^20
        ({"rule": "megapixel", "first_usd": 0.03, "usd": 0.015, "pixels": 1048576}, picture(2048, 2048), {}, "0.075"),
        # the same, and an input of one megapixel at the further price, for two results
        (
            {"rule": "megapixel", "first_usd": 0.03, "usd": 0.015, "pixels": 1048576, "with_inputs": True},
            picture(2048, 2048),
            {"inputs": (picture(1024, 1024),), "count": 2},
            "0.165",
        ),
        # 6 s at 0.4 with sound, 0.2 without
        (LTX, lasting(6), {"payload": {"resolution": "720p", "sound": True}}, "2.4"),
        (LTX, lasting(6), {"payload": {"resolution": "720p", "sound": False}}, "1.2"),
        # at least 4 s; blocks of 5 s
        ({"rule": "second", "usd": 0.1, "minimum_s": 4}, lasting(2.5), {}, "0.4"),
        ({"rule": "second", "usd": 0.1, "block_s": 5}, lasting(5.1), {}, "1"),
        # the longest input, 12 s
        (
            {"rule": "second", "usd": 0.01, "of": "input"},
            lasting(1),
            {"inputs": (lasting(3), lasting(12), picture(1, 1))},
            "0.12",
        ),
        # 1250 characters at 0.08 for 1000; at least 100
        ({"rule": "character", "usd": 0.08}, None, {"text": "x" * 1250}, "0.1"),
        ({"rule": "character", "usd": 0.08, "minimum": 100}, None, {"text": "x"}, "0.008"),
        # 2.5 credits a second of 0.01, 4 s
        ({"rule": "credit", "usd": 0.01, "credits": 2.5, "each": "second"}, lasting(4), {}, "0.1"),
        ({"rule": "credit", "usd": 0.01, "credits": 8}, None, {"count": 2}, "0.16"),
    ],
)
def test_price_that_depends_on_nothing_unknown(
    rule: dict[str, Any], output: Facts | None, terms: dict[str, Any], expected: str
) -> None:
    assert charged(rule, output, **terms) == (expected, expected, expected)


@pytest.mark.parametrize(
    ("rule", "output", "terms", "expected"),
    [
        # T4 at 0.000225 a second
        (
            {"rule": "gpu_second", "usd": 0.000225, "low_s": 2, "expected_s": 10, "high_s": 60},
            None,
            {},
            ("0.00045", "0.00225", "0.0135"),
        ),
        # 4.75 to 5.25 s at 0.07
        ({"rule": "second", "usd": 0.07}, lasting(4.75, 5.25), {}, ("0.3325", "0.35", "0.3675")),
        # may be half of it
        ({"rule": "character", "usd": 0.08, "below": 0.5}, None, {"text": "x" * 500}, ("0.02", "0.04", "0.04")),
        # 5 characters at 0.04 for 1000 are 0.0002: two or three steps of 0.00008
        (
            {"rule": "character", "usd": 0.04, "step_usd": 0.00008},
            None,
            {"text": "x" * 5},
            ("0.00016", "0.0002", "0.00024"),
        ),
        # between 5 s and 10 s both products are possible, the middle is the longer one
        (
            {"rule": "output", "tiers": [[5, 0.35], [10, 0.7]]},
            lasting(4, 9),
            {},
            ("0.35", "0.7", "0.7"),
        ),
        # 2 million pixels lie halfway between the figures: 0.015, give or take a tenth; no text
        (
            TOKENS,
            picture(2000, 1000),
            {"payload": {"quality": "low"}},
            ("0.0135", "0.01525", "0.017"),  # with 0, 50 and 100 tokens of overhead at 5 for a million
        ),
        # 400 characters are 40, 100, 600 tokens: 0.0002, 0.0005, 0.003; a smaller picture costs as the smallest figure
        (
            TOKENS,
            picture(500, 500),
            {"payload": {"quality": "low"}, "text": "x" * 400},
            ("0.0092", "0.01075", "0.0145"),
        ),
        # twice the largest figure: 0.02 to 0.04 and a tenth, the geometric middle in between
        (
            {**TOKENS, "rates": {"image_output_tokens": 30}},
            picture(3000, 2000),
            {"payload": {"quality": "low"}},
            ("0.02", "0.028284", "0.044"),
        ),
        # one input picture of 0, 1000 or 5000 tokens at 8 for a million
        (
            {**TOKENS, "rates": {"image_input_tokens": 8}, "input_image_tokens": [0, 1000, 5000]},
            picture(1000, 1000),
            {"payload": {"quality": "low"}, "inputs": (picture(9, 9),)},
            ("0.009", "0.018", "0.051"),
        ),
    ],
)
def test_price_that_is_known_within_limits(
    rule: dict[str, Any], output: Facts | None, terms: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    assert charged(rule, output, **terms) == expected


@pytest.mark.parametrize(
    ("rule", "output", "terms"),
    [
        ({"rule": "unknown"}, None, {}),
        (LTX, lasting(5), {"payload": {"resolution": "4k", "sound": False}}),
        (LTX, None, {"payload": {"resolution": "4k", "sound": True}}),
        ({"rule": "megapixel", "usd": 0.1}, Facts(kind="image"), {}),
        ({"rule": "megapixel", "usd": 0.1, "with_inputs": True}, picture(1, 1), {"inputs": (Facts(kind="image"),)}),
        ({"rule": "output", "tiers": [[10, 0.7]]}, lasting(30), {}),
        (TOKENS, picture(1000, 1000), {"payload": {"quality": "ultra"}}),
        ({"rule": "second", "usd": 0.1, "of": "input"}, lasting(1), {}),
    ],
)
def test_a_price_that_is_not_known_is_none_and_never_zero(
    rule: dict[str, Any], output: Facts | None, terms: dict[str, Any]
) -> None:
    assert charged(rule, output, **terms) is None


@pytest.mark.parametrize(
    ("rule", "units", "expected"),
    [
        (
            {"rule": "gpu_second", "usd": 0.0014, "low_s": 1, "expected_s": 2, "high_s": 3},
            {"gpu_seconds": "31.5"},
            "0.0441",
        ),
        ({"rule": "megapixel", "usd": 0.025}, {"billable_units": "2"}, "0.05"),
        ({"rule": "second", "usd": 0.07}, {"billable_units": "5.041667"}, "0.352917"),
        ({"rule": "character", "usd": 0.1}, {"billable_units": "0.403"}, "0.0403"),
        # a price by resolution is not one price times the units
        ({"rule": "second", "by": ["r"], "table": {"x": 1}}, {"billable_units": "5"}, None),
        ({"rule": "megapixel", "first_usd": 0.03, "usd": 0.015}, {"billable_units": "3"}, None),
        # 403 credits, as the provider counted 735 characters
        ({"rule": "character", "usd": 0.08, "reported": {"credits": 0.00008}}, {"credits": "403"}, "0.03224"),
        ({"rule": "unknown", "reported": {"credits": 0.00008}}, {"credits": "100"}, "0.008"),
        ({"rule": "credit", "usd": 0.01, "credits": 5}, {"credits": "25"}, "0.25"),
        # 50 text and 40 picture tokens in, 4160 out: 0.00025 + 0.00032 + 0.1248
        (
            TOKENS,
            {"text_input_tokens": "50", "image_input_tokens": "40", "image_output_tokens": "4160", "images": "1"},
            "0.12537",
        ),
        (TOKENS, {"text_input_tokens": "50"}, None),
        (TOKENS, {"input_tokens": "50", "image_output_tokens": "4160"}, None),
    ],
)
def test_reported_quantities_settle_the_price(
    rule: dict[str, Any], units: dict[str, str], expected: str | None
) -> None:
    counted = {name: Decimal(amount) for name, amount in units.items()}
    settled = RULES.validate_python(rule).settled(counted, Terms({}))
    assert settled == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    "rule",
    [
        {"rule": "output", "by": ["quality"]},
        {"rule": "output", "table": {"high": 1}},
        {"rule": "output", "usd": -1},
        {"rule": "per_banana", "usd": 1},
        {"rule": "second", "usd": 1, "minimum": 3},
    ],
)
def test_an_inconsistent_price_rule_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RULES.validate_python(rule)


def test_estimate_names_unit_and_doubts() -> None:
    card = get("fal:fal-ai/flux-pro/v1.1")
    found = estimate(card, resolve(card, {"prompt": "a lighthouse", "size": "1024x1024"}))
    assert (found.low, found.expected, found.high) == (Decimal("0.04"),) * 3
    assert found.unit == "megapixel"
    assert found.notes == ("fal:fal-ai/flux-pro/v1.1: no primary source confirms the price.",)


def test_estimate_without_a_price_says_so() -> None:
    card = get("elevenlabs:eleven_text_to_sound_v2")
    found = estimate(card, resolve(card, {"prompt": "rain"}))
    assert not found.known
    assert (found.low, found.expected, found.high) == (None, None, None)
    assert found.notes == ("elevenlabs:eleven_text_to_sound_v2: the price is not known.",)


def test_offline_models_cost_nothing() -> None:
    card = get("local:landscape")
    resolved = resolve(card, {"prompt": "x"})
    assert estimate(card, resolved).high == 0
    assert actual(card, resolved, Usage()) == 0


def test_actual_cost_takes_what_the_provider_states_first() -> None:
    card = get("fal:fal-ai/flux/dev")
    resolved = resolve(card, {"prompt": "x"})
    stated = Usage(cost_usd=Decimal("0.031"), units={"billable_units": Decimal(2)})
    assert actual(card, resolved, stated) == Decimal("0.031")
    assert actual(card, resolved, Usage(units={"billable_units": Decimal(2)})) == Decimal("0.05")


def test_actual_cost_follows_the_measured_output_when_nothing_is_reported() -> None:
    card = get("replicate:kwaivgi/kling-v2.5-turbo-pro")
    resolved = resolve(card, {"prompt": "x"})
    assert actual(card, resolved, Usage(), lasting(5.041667)) == Decimal("0.352917")
    # The prediction alone is a range, so without the output the cost is not known.
    assert actual(card, resolved, Usage()) is None


def test_actual_cost_of_computing_time_is_not_guessed() -> None:
    card = get("replicate:stability-ai/sdxl")
    assert actual(card, resolve(card, {"prompt": "x"}), Usage(), picture(1024, 1024)) is None


def sample_inputs(card: Any) -> dict[str, Facts]:
    """Facts of input media that the card accepts."""
    side = {"width_px": Span.exactly(1024), "height_px": Span.exactly(576)}
    made = {
        "image": Facts(kind="image", media_type="image/png", size_bytes=Span.exactly(9), has_alpha=False, **side),
        "video": Facts(kind="video", media_type="video/mp4", duration_s=Span.exactly(6), **side),
        "audio": Facts(kind="audio", media_type="audio/mpeg", duration_s=Span.exactly(6)),
    }
    return {name: made[rule.kind] for name, rule in card.inputs.items() if rule.required}


@pytest.mark.parametrize("card", all_cards(), ids=lambda card: card.id)
def test_every_card_gives_an_ordered_estimate_or_none(card: Any) -> None:
    words = {name: "a lighthouse at dawn" for name in ("prompt", "text") if name in card.parameters}
    found = estimate(card, resolve(card, words, None, sample_inputs(card)))
    if card.price.rule == "unknown":
        assert not found.known
    else:
        assert found.low is not None
        assert found.expected is not None
        assert found.high is not None
        assert 0 <= found.low <= found.expected <= found.high < 5
        free = card.is_local or card.id == "fal:fal-ai/wizper"
        assert (found.high == 0) == free


@given(low=st.floats(0.1, 60), more=st.floats(0, 30), rate=st.decimals("0.001", "2", places=3))
def test_the_price_of_any_length_inside_the_range_lies_inside_the_estimate(
    low: float, more: float, rate: Decimal
) -> None:
    rule = RULES.validate_python({"rule": "second", "usd": rate, "block_s": 1})
    whole = rule.charge(Terms({}, output=lasting(low, low + more)))
    inside = rule.charge(Terms({}, output=lasting(low + more / 3)))
    assert whole.low <= inside.expected <= whole.high
