"""What a plan says of random requests holds when they are run against the simulator: the facts, and the bill.

8 requests by default; PREFECT_MEDIA_FULL=1 runs 500.
"""

from __future__ import annotations

import asyncio
import os
import random
from decimal import Decimal
from typing import Any

import pytest
from prefect import flow

from prefect_media import (
    Plan,
    generate_image,
    generate_music,
    generate_sound,
    generate_speech,
    generate_video,
    plan,
)
from prefect_media.adapters.card import Card
from prefect_media.adapters.catalogue import all_cards
from prefect_media.media.facts import Facts
from prefect_media.media.types import Media
from prefect_media.testing import Simulator
from prefect_media.testing.models import Catalogue

WANTED = 500 if os.environ.get("PREFECT_MEDIA_FULL") else 8
VERBS = {
    "text-to-image": generate_image,
    "text-to-video": generate_video,
    "image-to-video": generate_video,
    "speech": generate_speech,
    "music": generate_music,
    "sound": generate_sound,
}
SIZES = (None, None, "512x512", "768x1344", "1024x1024", "1280x720", "1000x600", "640x480", "1920x1080")
SECONDS = (None, None, 1, 2, 3.5, 4, 5, 6, 8, 10)
WORDS = [
    "the",
    "old",
    "lighthouse",
    "keeper",
    "counts",
    "waves",
    "while",
    "gulls",
    "argue",
    "over",
    "bread",
    "near",
    "cold",
    "grey",
    "stones",
]


@flow(name="one request")
async def one(card: str, capability: str, text: str, given: dict[str, Any]) -> Any:
    values = {name: value for name, value in given.items() if value is not None}
    if capability == "speech":
        return await generate_speech(text, model=card, **values)
    if capability == "image-to-video":
        values["image"] = await generate_image(
            "a lighthouse", model="local:landscape", size=given.get("size") or "1280x720"
        )
    return await VERBS[capability](text, model=card, **values)


def request(rng: random.Random, card: Card) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if card.size:
        given["size"] = rng.choice(SIZES)
    if "seconds" in card.accepted and card.capability != "speech":
        given["seconds"] = rng.choice(SECONDS)
    if "seed" in card.accepted:
        given["seed"] = rng.randint(1, 10**6)
    text = " ".join(rng.choices(WORDS, k=rng.randint(1, 40)))
    return {"card": card.id, "capability": card.capability, "text": text, "given": given}


def valid_round(rng: random.Random, cards: list[Card], most: int) -> dict[str, tuple[dict[str, Any], Plan]]:
    """Return a request for each endpoint that its plan finds nothing wrong with."""
    found: dict[str, tuple[dict[str, Any], Plan]] = {}
    for card in rng.sample(cards, len(cards)):
        if len(found) == most:
            break
        model = f"{card.provider}:{card.model}"
        for _ in range(0 if model in found else 4):
            asked = request(rng, card)
            planned = plan(one, **asked)
            if planned.ok:
                found[model] = asked, planned
                break
    return found


def simulated() -> list[Card]:
    """Return the cards of models that the simulator knows."""
    known = Catalogue.standard()
    cards = [card for card in all_cards() if card.capability in VERBS and not card.is_local]
    return [card for card in cards if known.find(card.provider, card.model).ids]


def holds(span: Any, value: float | None, slack: float = 0.0) -> bool:
    return span is None or value is None or span.low - slack <= value <= span.high + slack


def mismatches(expected: Facts, made: Media) -> list[str]:
    found = [] if expected.kind == made.kind else [f"kind {made.kind}"]
    for name, slack in (("width_px", 0), ("height_px", 0), ("duration_s", 0.12), ("frame_rate", 0.02)):
        value = getattr(made, name, None)
        if not holds(getattr(expected, name), None if value is None else float(value), slack):
            found.append(f"{name} is {value}, planned {getattr(expected, name)}")
    if expected.media_type and expected.media_type != made.media_type:
        found.append(f"type is {made.media_type}, planned {expected.media_type}")
    return found


def against_bill(planned: Plan, spent: Decimal) -> list[str]:
    price = planned.price
    if not price.low <= spent <= price.high:
        return [f"spent {spent}, planned {price}"]
    if price.low == price.expected and abs(spent - price.expected) > Decimal("0.1") * spent:
        return [f"spent {spent}, expected {price.expected}"]
    return []


async def test_facts_and_bill_are_as_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(20261123)
    wrong: list[str] = []
    done = priced = 0
    gate = asyncio.Semaphore(12)

    async def run(asked: dict[str, Any]) -> Any:
        async with gate:
            return await one.fn(**asked)

    with Simulator(latency=0) as simulator:
        for name, value in simulator.env.items():
            monkeypatch.setenv(name, value)
        cards = simulated()
        while done < WANTED:
            valid = await asyncio.to_thread(valid_round, rng, cards, WANTED - done)
            before = simulator.bill
            made = await asyncio.gather(*(run(asked) for asked, _ in valid.values()), return_exceptions=True)
            after = simulator.bill
            for (model, (asked, planned)), media in zip(valid.items(), made, strict=True):
                spent = after.of(model=model).usd - before.of(model=model).usd
                if isinstance(media, BaseException):
                    wrong.append(f"{asked}: {media}")
                    continue
                lines = mismatches(planned.outputs[0], media)
                if not planned.price.unpriced and not after.of(model=model).unpriced:
                    priced += 1
                    lines += against_bill(planned, spent)
                wrong += [f"{asked}: {line}" for line in lines]
            done += len(valid)
    assert not wrong, "\n".join(wrong)
    assert priced > 0.8 * done
