"""A plan knows what is there already: paid calls, local results, finished rows; and so what an edit costs."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from prefect import flow

from prefect_media import Image, Video, generate_image, generate_speech, generate_video, plan, together
from prefect_media.flows.clip import clip
from prefect_media.flows.parameters import Parameters
from prefect_media.flows.pipelines import find_pipeline
from prefect_media.flows.results import RowReport
from prefect_media.ledger import Ledger, row_key
from prefect_media.tasks import merge, thumbnail
from prefect_media.testing import Simulator

FLUX = "replicate:black-forest-labs/flux-schnell"
VOICE = "elevenlabs:eleven_multilingual_v2"


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def simulator(running: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    running.reset()
    for name, value in running.env.items():
        monkeypatch.setenv(name, value)
    return running


@flow
async def narrated(prompt: str, text: str) -> Video:
    image, voice = await together(
        generate_image(prompt, model=FLUX, size="1280x720"), generate_speech(text, model=VOICE)
    )
    video = await generate_video(prompt, image=image, model="local:ken-burns", seconds=0.5, size="160x90")
    return await merge(video, voice)


def statuses(found: Any) -> dict[str, str]:
    return {item.task: item.status for item in found.items}


async def test_a_kept_fallback_is_named_by_what_made_it(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    @flow
    async def pictured(prompt: str) -> Image:
        return await generate_image(prompt, model=[FLUX, "local:landscape"], width=64, height=64)

    with monkeypatch.context() as without:
        without.delenv("REPLICATE_API_TOKEN")
        await pictured.fn("a cat")
    (item,) = plan(pictured, prompt="a cat").items
    assert (item.status, item.model) == ("paid", "local:landscape")
    assert "64x64" in item.makes


async def test_what_was_made_before_is_free_and_exact(simulator: Simulator) -> None:
    before = plan(narrated, prompt="a cat", text="Hello there.")
    assert set(statuses(before).values()) == {"new"}
    await narrated.fn("a cat", "Hello there.")
    bill = simulator.bill.usd
    assert before.price.low <= bill <= before.price.high

    after = plan(narrated, prompt="a cat", text="Hello there.")
    assert statuses(after) == {
        "generate_image": "paid", "fit_image": "cached", "generate_speech": "paid", "generate_video": "paid", "merge": "cached",
    }  # fmt: skip
    assert after.price.high == 0
    assert after.saved_usd == bill

    edited = plan(narrated, prompt="a cat", text="Something else.")
    assert statuses(edited) == {
        "generate_image": "paid", "fit_image": "cached", "generate_speech": "new", "generate_video": "paid", "merge": "new",
    }  # fmt: skip
    assert Decimal(0) < edited.price.expected < before.price.expected
    assert simulator.bill.usd == bill


async def test_media_that_is_gone_is_planned_anew(simulator: Simulator) -> None:
    @flow
    async def small() -> Image:
        return await thumbnail(await generate_image("a cat", model=FLUX), width=32)

    made = await small.fn()
    assert set(statuses(plan(small)).values()) == {"paid", "cached"}
    made.path().unlink()
    assert statuses(plan(small)) == {"generate_image": "paid", "thumbnail": "new"}


async def test_one_row_of_a_thousand_is_edited(simulator: Simulator) -> None:
    rows = [
        {"id": f"r{n}", "prompt": f"a cat {n}", "narration": f"Cat number {n}.", "image_model": FLUX, "voice_model": VOICE,
         "seconds": 0.5, "size": "1280x720"} for n in range(1000)
    ]  # fmt: skip
    made = await clip.fn(**{name: value for name, value in rows[500].items() if name != "id"})
    pipeline = find_pipeline(clip)
    parameters = Parameters(clip)
    ledger = Ledger.current()
    with ledger.together():
        for row in rows:
            given = {name: value for name, value in row.items() if name != "id"}
            key = row_key(pipeline.reference, pipeline.fingerprint, parameters.canonical(given))
            output = RowReport(id=str(row["id"]), status="succeeded", media=(made,))
            ledger.rows.finish(key, flow="clip", batch="b", status="succeeded", output=output, cost=Decimal("0.004"))
    assert plan("clip", rows).to_dict()["rows"] == {"run": 0, "finished": 1000, "refused": 0, "total": 1000}

    rows[500]["narration"] = "An edited line."
    found = plan("clip", rows)
    assert found.to_dict()["rows"] == {"run": 1, "finished": 999, "refused": 0, "total": 1000}
    assert [(call.row, call.task, call.about) for call in found.calls] == [
        ("r500", "generate_speech", "An edited line.")
    ]
    assert found.price == found.calls[0].price
    assert found.count("paid") == 2
