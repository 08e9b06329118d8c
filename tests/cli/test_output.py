"""What commands print where nobody looks, and files that cannot be written."""

from __future__ import annotations

import json
from typing import Any

FLOWS = """
from prefect import flow
from prefect_media import generate_image


@flow
async def picture(prompt: str):
    return await generate_image(prompt, model=["flux-schnell", "local:landscape"], width=64, height=64)


@flow
def words(count: int = 2):
    return {"words": ["sea"] * count, ("a", 1): {1.5}}
"""


def test_piped_tables_keep_an_id_in_one_line(commands: Any) -> None:
    command = commands(None)
    ids = [card["id"] for card in command.json("models")]
    del command.environment["COLUMNS"]
    listed = command.installed("models")[0].splitlines()
    assert [line.split()[0] for line in listed[1:]] == ids


def test_run_tells_what_the_output_is_degraded_from(command: Any) -> None:
    (command.folder / "flows.py").write_text(FLOWS)
    out, err = command.both("run", "flows.py:picture", "prompt=sea")
    assert out.endswith(".png\n")
    assert err.startswith("Degraded from fal:fal-ai/flux/schnell: MissingCredentialsError")
    assert len(err.splitlines()) == 1


def test_the_json_of_a_run_holds_what_is_no_media(command: Any) -> None:
    (command.folder / "flows.py").write_text(FLOWS)
    done = command.json("run", "flows.py:words", "count=1")
    assert (done["output"], done["value"]) == (None, {"words": ["sea"], "a,1": [1.5]})
    (path,) = command("run", "flows.py:words", "count=1", "--out", "out").splitlines()
    assert json.loads((command.folder / path).read_text()) == done["value"]
    assert command.json("run", "flows.py:picture", "prompt=sea")["value"] is None


def test_files_that_cannot_be_written_are_refused_by_name(commands: Any) -> None:
    command = commands(None)
    plan = ("plan", "clip", "prompt=sea", "--graph")
    for suffix in ("svg", "mmd"):
        command(*plan, f"new/plan.{suffix}")
    assert (command.folder / "new" / "plan.svg").read_text().startswith("<svg")
    assert (command.folder / "new" / "plan.mmd").read_text().startswith("flowchart")
    refused = command.both(*plan, "plan.png", code=2)
    assert refused == ("", "Error: --graph plan.png: unknown kind '.png'. Expected .svg or .mmd.\n")
    assert command.both(*plan, "/dev/null/plan.svg", code=2)[1].startswith(
        "Error: /dev/null/plan.svg cannot be written: "
    )


def test_a_report_goes_to_no_folder(command: Any) -> None:
    (command.folder / "flows.py").write_text(FLOWS)
    command("batch", "flows.py:words", command.rows([{"count": 1}]))
    err = command.both("report", "--out", ".", code=2)[1]
    assert err == "Error: . cannot be written: it is a folder. Expected a file, in a folder that can be written to.\n"


def test_doctor_goes_on_after_whatever_is_wrong(commands: Any) -> None:
    command = commands(None)
    command.environment["PREFECT_MEDIA_STORE"] = "nosuch://bucket/media"
    told = json.loads(command("doctor", "--json", code=1))
    assert {check["name"]: check["ok"] for check in told["checks"]}["store"] is False
    assert told["checks"][-1]["name"] == "prefect"
