"""The call key: equal requests have equal keys, different ones do not."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect_media.adapters.catalogue import get
from prefect_media.adapters.key import call_key, canonical_json
from prefect_media.adapters.resolve import resolve
from prefect_media.media.facts import Facts, Span
from prefect_media.media.types import Image

FLUX, EDIT = get("fal:fal-ai/flux/dev"), get("openai:gpt-image-2#image-to-image")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def shuffled(value: Any, seed: int) -> Any:
    """The same value with every object's members in another order."""
    if isinstance(value, dict):
        names = list(value)
        random.Random(seed).shuffle(names)
        return {name: shuffled(value[name], seed) for name in names}
    return [shuffled(item, seed) for item in value] if isinstance(value, list) else value


def still(digest: str) -> Image:
    return Image(digest=digest * 64, size_bytes=9, media_type="image/png", width_px=640, height_px=360)


def key(card: Any = FLUX, take: int = 0, inputs: Any = None, options: Any = None, **given: Any) -> str:
    return call_key(card, resolve(card, {"prompt": "a lighthouse", **given}, options, inputs), take=take)


def test_key_is_the_sha256_of_canonical_json_and_does_not_change_between_releases() -> None:
    """A changed key means that every finished call is paid for again."""
    card = get("local:landscape")
    resolved = resolve(card, {"prompt": "a lighthouse at dawn", "size": "640x360"})
    assert call_key(card, resolved) == "a7279b6daecbf465494730c0d0ae8c483728d3478a966189ee44b6c10ef20cd2"


@given(value=JSON, seed=st.integers(0, 100))
def test_canonical_json_ignores_the_order_of_members(value: Any, seed: int) -> None:
    assert canonical_json(shuffled(value, seed)) == canonical_json(value)


@given(value=JSON)
def test_canonical_json_loses_nothing(value: Any) -> None:
    assert json.loads(canonical_json(value)) == value


@given(number=st.integers(-(2**52), 2**52))
def test_a_whole_number_is_the_same_as_integer_float_and_decimal(number: int) -> None:
    assert canonical_json(number) == canonical_json(float(number)) == canonical_json(Decimal(number))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_canonical_json_refuses_what_is_no_number(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json({"x": value})


def test_equal_wishes_have_equal_keys() -> None:
    assert key(size="1024x576") == key(size=(1024, 576)) == key(width=1024, height=576)
    assert key() == key(seed=1) == key(seed=1.0) == key(size="1024x768", format="jpg")
    assert key(options={"guidance_scale": 4}) == key(options={"guidance_scale": 4.0})


def test_different_requests_have_different_keys() -> None:
    keys = [
        key(), key(prompt="a Lighthouse"), key(seed=2), key(size="1024x576"), key(take=1), key(format="png"),
        key(options={"num_inference_steps": 20}), key(get("fal:fal-ai/flux/schnell")),
        call_key(FLUX.model_copy(update={"version": 2}), resolve(FLUX, {"prompt": "a lighthouse"})),
    ]  # fmt: skip
    assert len(set(keys)) == len(keys)


def test_title_prices_and_times_do_not_count() -> None:
    changed = FLUX.model_copy(update={"title": "New", "price": get("local:voice").price, "uncertain": ("all",)})
    resolved = resolve(changed, {"prompt": "a lighthouse"})
    assert call_key(changed, resolved) == key()


def test_input_media_counts_by_digest_and_order() -> None:
    one, two = still("a"), still("b")
    pair = key(EDIT, inputs={"images": [one, two]})
    assert pair != key(EDIT, inputs={"images": [two, one]})
    assert pair != key(EDIT, inputs={"images": [one]})
    renamed = one.model_copy(update={"origin": None, "size_bytes": 10})
    assert pair == key(EDIT, inputs={"images": [renamed, two]})


def test_predicted_media_has_no_key_yet() -> None:
    facts = Facts(kind="image", width_px=Span.exactly(64), height_px=Span.exactly(64), media_type="image/png")
    resolved = resolve(EDIT, {"prompt": "x"}, None, {"image": facts})
    with pytest.raises(ValueError, match="only predicted"):
        call_key(EDIT, resolved)
    assert len(call_key(EDIT, resolved, {"images": ["a" * 64]})) == 64
