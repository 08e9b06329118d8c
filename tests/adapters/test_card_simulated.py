"""Cards against the simulator's own table of the same models, which was written down separately."""

from __future__ import annotations

from typing import Any

import pytest

from prefect_media.adapters.card import Card
from prefect_media.adapters.catalogue import all_cards
from prefect_media.adapters.resolve import resolve
from prefect_media.media.facts import Facts, Span
from prefect_media.media.measure import Measured
from prefect_media.testing.models import Catalogue

SIMULATED = Catalogue.standard()
CARDS = [c for c in all_cards() if c.provider in ("fal", "replicate") and SIMULATED.find(c.provider, c.model).known]
SIDES = {"width_px": Span.exactly(1024), "height_px": Span.exactly(576)}
GIVEN = {
    "image": Facts(kind="image", media_type="image/png", has_alpha=False, size_bytes=Span.exactly(99), **SIDES),
    "video": Facts(kind="video", media_type="video/mp4", duration_s=Span.exactly(5), **SIDES),
    "audio": Facts(kind="audio", media_type="audio/mpeg", duration_s=Span.exactly(5)),
}
MEASURED = {
    "image": Measured(kind="image", width=1024, height=576),
    "video": Measured(kind="video", width=1024, height=576, seconds=5.0),
    "audio": Measured(kind="audio", seconds=5.0),
}


def inside(value: float, span: Span | None) -> bool:
    return span is None or span.low <= value <= span.high


def test_most_models_are_in_both_tables() -> None:
    assert len(CARDS) >= 60


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.id)
def test_the_simulated_model_takes_what_the_card_sends_and_makes_what_it_promises(card: Card) -> None:
    words = {name: "a quick test" for name, rule in card.parameters.items() if rule.required}
    needed = {name: rule.kind for name, rule in card.inputs.items() if rule.required}
    found = resolve(card, words, None, {name: GIVEN[kind] for name, kind in needed.items()})
    model = SIMULATED.find(card.provider, card.model)

    payload: dict[str, Any] = {**found.payload, **dict.fromkeys(found.media, "https://example.org/in.png")}
    payload |= {name: [payload[name]] for name, value in found.media.items() if isinstance(value, list)}
    assert model.check(payload) == []
    assert [name for name in payload if name not in model.fields] == []

    product = model.product(payload, [MEASURED[kind] for kind in needed.values()])
    expected = found.expected
    assert product.kind == expected.kind
    assert inside(product.width, expected.width_px)
    assert inside(product.height, expected.height_px)
    assert inside(product.seconds, expected.duration_s)
    assert inside(product.frame_rate, expected.frame_rate)
    assert inside(product.sample_rate_hz, expected.sample_rate_hz)
    assert expected.has_audio in (None, product.sound)
    assert expected.media_type in (None, product.media_type)
