"""After an edit to the rows or to the flow, a plan says which rows and calls run again, which are reused, and at what price."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from prefect_media import ConfigurationError, batch, plan
from prefect_media.testing import Simulator

CODE = """
from prefect import flow
from prefect_media import Image, generate_image, together
from prefect_media.tasks import thumbnail

FLUX = "fal:fal-ai/flux/schnell"

@flow
async def pair(left: str, right: str = "a dog", width: int = 64) -> list[Image]:
    pictures = await together(*(generate_image(words, model=FLUX, size="512x512") for words in (left, right)))
    return [await thumbnail(pictures[0], width=width), pictures[1]]
"""
ROWS = [{"id": f"r{n}", "left": f"a cat {n}", "right": f"a dog {n}"} for n in range(40)]


def load(folder: Path, code: str = CODE) -> str:
    """Write the flow's file as an editor does, and forget what this process has loaded from it."""
    file = folder / "pairs.py"
    file.write_text(code)
    for name in [name for name in sys.modules if name.startswith("prefect_media_pipeline_pairs")]:
        del sys.modules[name]
    return f"{file}:pair"


def command(*arguments: str) -> tuple[int, str]:
    from prefect_media.cli.main import COMMANDS, app

    for name in COMMANDS:
        import_module(f"prefect_media.cli.{name}")
    result = CliRunner().invoke(app, list(arguments), standalone_mode=False)
    return result.return_value if result.exception is None else -1, result.stdout


@pytest.mark.usefixtures("prefect_server", "own_results")
async def test_edits_after_a_finished_batch(media_simulator: Simulator, tmp_path: Path) -> None:
    pipeline = load(tmp_path)
    ran = await batch(pipeline, ROWS)
    assert ran.summary()["succeeded"] == 40
    paid = media_simulator.bill.usd

    same = plan(pipeline, ROWS, since="latest").diff
    assert same is not None
    assert (same.unchanged, same.counts, same.rows, same.price.high) == (40, {}, [], 0)

    # One row is edited, one is added, one is left out; the others move up.
    rows = [dict(row) for row in ROWS if row["id"] != "r3"]
    rows[16]["right"] = "a horse"
    rows.append({"id": "new", "left": "a cat 1", "right": "a cow"})
    found = plan(pipeline, rows, since=ran.batch[:-2])
    diff = found.diff
    assert diff is not None
    assert (diff.unchanged, diff.counts, diff.removed) == (38, {"changed": 1, "added": 1}, ["r3"])
    changed, added = diff.rows
    assert (changed.id, changed.kind, changed.fields) == ("r17", "changed", ("right",))
    assert [(step.task, step.runs, step.why) for step in changed.steps] == [
        ("generate_image", False, "paid before"),
        ("generate_image", True, "new request"),
        ("thumbnail", False, "made before"),
    ]
    assert added.id == "new"
    assert (diff.calls_run, diff.calls_reused) == (2, 2)
    assert diff.price == found.price
    assert diff.price.expected == 2 * paid / 80
    assert "Since batch" in str(found)
    assert "r17: changed right; runs generate_image (new request); reuses generate_image (paid before)" in str(found)
    assert "r17: changed right" in found._repr_html_()

    # The flow's code is edited: every row runs again, and only the new task runs cost anything.
    edited = load(tmp_path, CODE.replace("pictures[1]]", "await thumbnail(pictures[1], width=width)]"))
    diff = plan(edited, ROWS, since="latest").diff
    assert diff is not None
    assert (diff.unchanged, diff.counts) == (0, {"code": 40})
    assert [(step.task, step.runs) for step in diff.rows[0].steps] == [
        ("generate_image", False), ("generate_image", False), ("thumbnail", False), ("thumbnail", True),
    ]  # fmt: skip
    assert (diff.calls_run, diff.calls_reused, diff.price.high) == (0, 80, 0)

    edited = load(tmp_path, CODE.replace("(left, right))", "(left, right + ' at night'))"))
    diff = plan(edited, ROWS, since="latest").diff
    assert diff is not None
    assert (diff.counts, diff.calls_run, diff.calls_reused) == ({"code": 40}, 40, 40)
    assert diff.price.expected == paid / 2
    assert media_simulator.bill.usd == paid


def test_a_plan_is_compared_with_an_earlier_one(media_simulator: Simulator, tmp_path: Path) -> None:
    pipeline = load(tmp_path, CODE.replace("    pictures =", "    print('hello')\n    pictures ="))
    rows, before = tmp_path / "rows.jsonl", tmp_path / "before.json"
    rows.write_text("".join(json.dumps(row) + "\n" for row in ROWS[:3]))
    code, text = command("plan", pipeline, str(rows), "--json")
    before.write_text(text)
    changed = [ROWS[0], {**ROWS[1], "width": 32, "left": "a bird"}]
    rows.write_text("".join(json.dumps(row) + "\n" for row in changed))
    code, text = command("plan", pipeline, str(rows), "--since", str(before), "--json")
    diff: dict[str, Any] = json.loads(text)["diff"]
    assert code == 0
    assert (diff["changed"], diff["again"], diff["removed"]) == (1, 1, ["r2"])
    assert diff["fields"] == {"left": 1, "width": 1}
    assert [row["id"] for row in diff["rows"]] == ["r1", "r0"]
    code, text = command("plan", pipeline, str(rows), "--since", str(before))
    assert "r1: changed left, width;" in " ".join(text.split())
    again = plan(pipeline, changed, since=plan(pipeline, ROWS[:3])).diff
    assert again is not None
    assert again.to_dict()["fields"] == diff["fields"]


@pytest.mark.parametrize(
    ("since", "words"),
    [
        ("latest", "the ledger has no batch of"),
        ("20200101", "The ledger has no batch '20200101'"),
        ("gone.json", "cannot be read"),
        ("other.json", "is no plan of rows"),
        ("clip.json", "planned is"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    since: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("other.json").write_text("{}")
    Path("clip.json").write_text(json.dumps(plan("clip", [{"prompt": "a"}]).to_dict()))
    with pytest.raises(ConfigurationError, match=words):
        plan(load(tmp_path), ROWS[:1], since=since)
