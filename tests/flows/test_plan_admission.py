"""A batch is planned before it runs: refused as a whole, or its good rows admitted, or asked about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from prefect import flow, get_client
from typer.testing import CliRunner

from prefect_media import Image, Plan, PlanError, batch, generate_image
from prefect_media.flows.admission import needs_consent
from prefect_media.ledger import Ledger, parse_money
from prefect_media.testing import Simulator

FLUX = "fal:fal-ai/flux/schnell"
PLACE = "prefect_media.flows.clip:clip"


@flow
async def picture(prompt: str, model: str = FLUX) -> Image:
    return await generate_image(prompt, model=model, size="512x512")


ROWS: list[dict[str, Any]] = [
    {"id": "good", "prompt": "a cat"},
    {"id": "bad", "prompt": "a dog", "model": "flux-schnel"},
    {"id": "worse", "promt": "a cow"},
]


async def test_one_bad_row_refuses_the_batch_before_anything_is_sent(media_simulator: Simulator) -> None:
    with pytest.raises(PlanError) as caught:
        await batch(picture, ROWS[:2])
    assert caught.value.problems == (
        "row 2: generate_image: Unknown model 'flux-schnel'. Did you mean 'flux-schnell'? `prefect-media models` lists all.",
    )
    assert media_simulator.events() == []
    assert list(Ledger.current().rows.batches()) == []


@pytest.mark.usefixtures("prefect_server", "own_results")
async def test_the_good_rows_run_and_the_bad_ones_are_reported(media_simulator: Simulator, tmp_path: Path) -> None:
    asked: list[tuple[Plan, bool]] = []

    def confirm(plan: Plan, uncovered: bool) -> bool:
        asked.append((plan, uncovered))
        return True

    report = await batch(picture, ROWS, admit="valid", out=tmp_path, confirm=confirm)
    assert [(row.id, row.status) for row in report.rows] == [
        ("good", "succeeded"),
        ("worse", "failed"),
        ("bad", "failed"),
    ]
    lines = [json.loads(line) for line in (tmp_path / "manifest.jsonl").read_text().splitlines()]
    assert "Unknown model" in next(line["error"] for line in lines if line["id"] == "bad")
    assert "field 'promt'" in next(line["error"] for line in lines if line["id"] == "worse")
    assert media_simulator.bill.calls == 1
    ((plan, uncovered),) = asked
    assert uncovered
    assert plan.price.expected == media_simulator.bill.usd
    async with get_client() as client:
        artifacts = await client.read_artifacts()
    plans = [str(artifact.data) for artifact in artifacts if artifact.key and artifact.key.startswith("plan-")]
    text = next(text for text in plans if "admission:picture" in text)  # beside those of other batches
    assert "generate\\_image" in text
    assert "flowchart LR" in text


async def test_who_declines_pays_nothing(media_simulator: Simulator) -> None:
    with pytest.raises(PlanError, match="not confirmed, nothing was run"):
        await batch(picture, ROWS[:1], confirm=lambda _plan, _uncovered: False)
    assert media_simulator.events() == []


@pytest.mark.parametrize(
    ("model", "cap", "asks"),
    [(FLUX, None, True), (FLUX, "1 USD", False), (FLUX, "0.001 USD", True), ("local:landscape", None, False)],
)
def test_consent_is_asked_for_what_no_budget_covers(
    model: str, cap: str | None, asks: bool, media_simulator: Simulator
) -> None:
    from prefect_media import plan

    found = plan(picture, [{"prompt": "a cat", "model": model}])
    assert needs_consent(found, None if cap is None else parse_money(cap)) is asks


def run(*arguments: str) -> tuple[int, str]:
    from importlib import import_module

    from prefect_media.cli.main import COMMANDS, app

    for name in COMMANDS:
        import_module(f"prefect_media.cli.{name}")
    result = CliRunner().invoke(app, list(arguments), standalone_mode=False)
    return result.return_value if result.exception is None else -1, result.stdout


def test_the_command_plans_parameters_and_rows(media_simulator: Simulator, tmp_path: Path) -> None:
    code, out = run(
        "plan", "clip", "prompt=a lighthouse", f"image_model={FLUX}", "--json", "--graph", str(tmp_path / "g.svg")
    )
    found = json.loads(out)
    assert (code, found["pipeline"], found["calls"]["new"]) == (0, PLACE, 2)
    assert found["low_usd"] <= found["expected_usd"] <= found["high_usd"]
    assert (tmp_path / "g.svg").read_text().startswith("<svg")
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prompt": "a"}\n{"prompt": "b", "image_model": "none"}\n')
    code, out = run("plan", "clip", str(rows), "--json")
    assert code == 2
    assert json.loads(out)["rows"] == {"run": 1, "finished": 0, "refused": 1, "total": 2}
    code, out = run("plan", "clip", "prompt=a", f"image_model={FLUX}", "--budget", "0.0001 USD", "--json")
    assert (code, json.loads(out)["ok"]) == (2, False)
    code, out = run("plan", "clip", "promt=a", "--json")
    assert (code, len(json.loads(out)["problems"])) == (2, 2)
