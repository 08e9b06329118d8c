"""A square picture into a model that takes 1024x576: refused by the plan, or made to fit as planned."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from prefect import flow

from prefect_media import generate_image, generate_video, plan
from prefect_media.testing import Simulator

EXAMPLE = Path(__file__).parents[2] / "examples" / "seed_problem.py"

pytestmark = pytest.mark.usefixtures("prefect_server", "own_results")


@pytest.fixture
def example(media_simulator: Simulator) -> Any:
    spec = importlib.util.spec_from_file_location("seed_problem", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_naive_chain_is_refused_before_anything_is_paid(example: Any, media_simulator: Simulator) -> None:
    found = plan(example.naive, prompt="a lighthouse at dawn")
    (problem,) = found.problems
    for word in ("generate_video", example.SVD, "1024x1024", "1024x576"):
        assert word in problem
    assert media_simulator.events() == []


def test_the_planned_chain_runs_as_planned(example: Any, media_simulator: Simulator) -> None:
    found = plan(example.planned, prompt="a lighthouse at dawn")
    assert found.ok, found.problems
    tasks = [item.task for item in found.items]
    assert (tasks[0], tasks[1], tasks[-1]) == ("generate_image", "fit_image", "generate_video")
    assert found.items[1].kind == "conversion"
    assert "crops" in found.items[1].about
    assert found.items[1].makes.startswith("image 1024x576")
    video = example.planned("a lighthouse at dawn")
    assert video.size == (1024, 576) == found.outputs[0].size
    assert media_simulator.bill.calls == 2
    assert found.price.low <= media_simulator.bill.usd <= found.price.high
    (sent,) = [job["payload"] for job in media_simulator.jobs if "stable-video" in str(job)]
    assert sent["motion_bucket_id"] == 127


def test_an_upright_picture_becomes_an_upright_video(example: Any, media_simulator: Simulator) -> None:
    @flow
    def upright() -> Any:
        picture = generate_image.submit("a lighthouse", model="local:landscape", size="768x1344")
        return generate_video.submit("waves", image=picture, model=example.SVD).result()

    found = plan(upright)
    assert found.ok, found.problems
    assert upright().size == (576, 1024) == found.outputs[0].size
    assert media_simulator.bill.calls == 1
