"""`kill -9` in the middle of a batch; the same command again ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

COUNT, KILLED_AFTER = 8, 3
ROWS = [
    {"id": f"row-{n:02}", "prompt": f"hill number {n}", "narration": f"Hill {n}.", "seconds": 0.5, "size": "160x96"}
    for n in range(COUNT)
]
TASKS_OF_A_ROW = 4
ARGUMENTS = ("batch", "clip", "rows.jsonl", "--out", "out", "--concurrency", "3", "--yes")


def recorded(api: str, flow_run_name: str) -> list[Counter[str]]:
    """Ask the server for the states of the task runs of every flow run of a name, oldest first."""
    name = {"flow_runs": {"name": {"any_": [flow_run_name]}}, "sort": "START_TIME_ASC"}
    counted: list[Counter[str]] = []
    for run in httpx.post(f"{api}/flow_runs/filter", json=name).json():
        states: Counter[str] = Counter()
        for offset in range(0, 400, 200):
            only = {"flow_runs": {"id": {"any_": [run["id"]]}}, "offset": offset, "limit": 200}
            states.update(task["state_name"] for task in httpx.post(f"{api}/task_runs/filter", json=only).json())
        counted.append(states)
    return counted


def digests(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.mp4"))}


def test_a_killed_batch_goes_on_where_it_stopped(commands: Callable[..., Any], prefect_url: str) -> None:
    killed, quiet = commands(prefect_url, "killed"), commands(prefect_url, "quiet")
    killed.rows(ROWS), quiet.rows(ROWS)

    process = killed.start(*ARGUMENTS)
    assert process.stderr is not None
    while line := process.stderr.readline():
        if line.startswith(f"[{KILLED_AFTER}/{COUNT}]"):
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    finished = len(digests(killed.folder / "out"))
    assert KILLED_AFTER <= finished < COUNT
    before = killed.json("calls", "--limit", "100")
    done_before = {call["key"]: call["updated"] for call in before if call["state"] == "done"}

    summary = json.loads(killed.installed(*ARGUMENTS, "--json")[0])
    assert (summary["succeeded"] + summary["skipped"], summary["failed"]) == (COUNT, 0)
    assert KILLED_AFTER <= summary["skipped"] < COUNT

    # Every call is in the journal once and was sent once; none that was done was touched again.
    after = {call["key"]: call for call in killed.json("calls", "--limit", "100")}
    assert len(after) == COUNT * 3
    assert {call["state"] for call in after.values()} == {"done"}
    assert all(after[key]["updated"] == updated for key, updated in done_before.items())
    assert all(after[key]["attempts"] == 1 for key in done_before)
    assert summary["submitted"] == COUNT * 3 - len(done_before)

    whole = quiet.json(*ARGUMENTS)
    assert (whole["succeeded"], whole["submitted"]) == (COUNT, COUNT * 3)
    assert digests(killed.folder / "out") == digests(quiet.folder / "out")
    assert len(digests(quiet.folder / "out")) == COUNT

    # The server saw task runs in the second run for unfinished rows only.
    second = recorded(prefect_url, "batch · prefect_media.flows.clip:clip · rows.jsonl")[-2]
    assert sum(second.values()) <= TASKS_OF_A_ROW * (COUNT - summary["skipped"])
    assert second["Completed"] <= TASKS_OF_A_ROW * (COUNT - summary["skipped"])
