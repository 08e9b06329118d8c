"""`models`, `models show` and `models import` as a user runs them, against the simulator in a process of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prefect_media.testing.simulator import Simulator

PAINTER: dict[str, Any] = {
    "ids": ["fal:acme/painter"], "kind": "image", "output": "images", "size": "image_size", "count": "num_images",
    "price": "0.01/image", "run_s": 0.1,
    "input": [
        "prompt* string", "image_size size = landscape_4_3", "num_images int 1..4 = 1", "seed int", "style enum ink|oil = oil",
        "output_format enum jpeg|png = png",
    ],
}  # fmt: skip
WALKER: dict[str, Any] = {
    "ids": ["replicate:acme/walker"], "kind": "video", "output": "one", "size": "input", "seconds": "duration",
    "versions": ["a" * 64], "run_s": 0.1, "input": ["prompt string", "image* file", "duration enum 1|2 = 1", "seed int"],
}  # fmt: skip
FLOW = """
from prefect import flow
from prefect_media import Video, generate_image, generate_video

@flow
async def moving(prompt: str) -> Video:
    image = await generate_image(prompt, model="fal:acme/painter", options={"style": "ink"}, aspect_ratio="16:9")
    return await generate_video(prompt, image=image, model="replicate:acme/walker", seconds=1.5)
"""


@pytest.fixture
def hosted(command: Any) -> Iterator[Any]:
    """Give the command with the providers' variables pointing at a simulator that hosts two models without cards."""
    with Simulator(faults={"model": [PAINTER, WALKER]}) as simulator:
        command.environment |= simulator.env
        command.simulator = simulator
        yield command


def test_a_model_is_imported_shown_planned_and_called(hosted: Any) -> None:
    out, err = hosted.both("models", "import", "fal:acme/painter")
    path = hosted.home / "cards" / "fal" / "acme--painter.toml"
    lines = out.splitlines()
    assert err == ""
    assert lines[0] == f"Wrote {path}"
    assert lines[1].startswith("fal:acme/painter is text-to-image. It takes prompt, seed, format, size,")
    assert lines[2:4] == ["Options: style.", "To complete by hand, marked COMPLETE in the file:"]
    assert [line.partition(":")[0] for line in lines[4:]] == ["- size", "- price", "- times"]
    walker = hosted.json("models", "import", "replicate:acme/walker")
    assert (walker["capability"], walker["capability_guessed_from"]) == (
        "image-to-video",
        "needs a picture and returns video",
    )
    assert {"where": "price"}.items() <= next(item for item in walker["complete"] if item["where"] == "price").items()

    (hosted.folder / "moving.py").write_text(FLOW)
    plan = hosted.json("plan", "moving.py:moving", "prompt=sea")
    assert plan["unpriced"] == ["replicate:acme/walker"], plan
    done = hosted.json("run", "moving.py:moving", "prompt=sea")
    assert Path(done["output"]).suffix == ".mp4"
    assert hosted.simulator.bill.calls == 2
    assert (done["cost_usd"], done["cost_unknown_calls"]) == (0.01, 1)


def test_a_packaged_card_is_replaced_only_when_asked(hosted: Any) -> None:
    out, err = hosted.both("models", "import", "fal:fal-ai/flux/dev", code=2)
    assert (out, err[:49]) == ("", "Error: fal:fal-ai/flux/dev is a packaged card, ma")
    replaced = hosted("models", "import", "fal:fal-ai/flux/dev", "--replace")
    assert "It takes the place of the packaged card fal:fal-ai/flux/dev; delete it to have that back." in replaced
    shown = hosted("models", "show", "fal:fal-ai/flux/dev")
    path = hosted.home / "cards" / "fal" / "fal-ai--flux--dev.toml"
    assert f"Your card {path}, in place of the packaged one\n" in shown
    assert re.search(r"^size +landscape_4_3 \(1024x768\) +landscape_4_3 \(1024x768\), square_hd", shown, re.MULTILINE)


def test_words_and_commands_are_told_apart(commands: Any) -> None:
    command = commands(None)
    assert [card["id"] for card in command.json("models", "ken-burns", "offline")] == ["local:ken-burns"]
    assert command("models", "no-such-thing", code=2).startswith("No model has the words 'no-such-thing'.")
    text = command("models", "--help")
    assert all(word in text for word in ("[WORDS]", "list", "show", "import"))
    shown = command("models", "show", "kling-2.5-turbo-pro")
    assert re.search(r"^seconds +5 +5 or 10", shown, re.MULTILINE)


def test_the_key_may_be_in_the_default_block(hosted: Any, prefect_url: str) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from prefect_media.blocks import FalCredentials

    key, base = hosted.environment.pop("FAL_KEY"), hosted.environment.pop("FAL_BASE_URL")
    with temporary_settings({PREFECT_API_URL: prefect_url}):
        FalCredentials(api_key=key, base_url=base).save("default")
        try:
            hosted("models", "import", "fal:acme/painter")
        finally:
            FalCredentials.delete("default")
    assert (hosted.home / "cards" / "fal" / "acme--painter.toml").is_file()
