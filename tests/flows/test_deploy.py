"""The deployments of prefect.yaml on a real server with a real worker, seen over the API and in the browser."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).parents[2]
PREFECT = Path(sys.executable).with_name("prefect")
TINY = {"seconds": 0.5, "size": "160x96"}
CLIP = {"prompt": "a calm sea", "narration": "The sea.", **TINY}
ROWS = [
    {"id": "sea", **CLIP},
    {"id": "hill", "prompt": "a green hill", "narration": "A hill.", **TINY},
]
PATIENCE_S = 240


@dataclass
class Place:
    """A server with the deployments and a worker.

    Attributes:
        api: Address of the API.
        folder: Where the worker keeps its things.
        log: What the worker says.
    """

    api: str
    folder: Path
    log: Path

    def ask(self, path: str, **body: Any) -> Any:
        """Post to the API, again while its database is busy, as Prefect's own client does."""
        deadline = time.monotonic() + 60
        while (answer := httpx.post(f"{self.api}{path}", json=body, timeout=60)).status_code == 503:
            assert time.monotonic() < deadline, answer.text
            time.sleep(0.5)
        assert answer.is_success, answer.text
        return answer.json()

    def trigger(self, deployment: str, **parameters: Any) -> str:
        """Start a run of a deployment, as its form in the UI does, and return the flow run's id."""
        found = httpx.get(f"{self.api}/deployments/name/{deployment}", timeout=60).json()
        return self.ask(f"/deployments/{found['id']}/create_flow_run", parameters=parameters)["id"]

    def finished(self, flow_run: str) -> Any:
        """Wait for the end of a flow run, which has to be a good one."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            run = httpx.get(f"{self.api}/flow_runs/{flow_run}", timeout=60).json()
            if run["state_type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
                assert run["state_type"] == "COMPLETED", (run["state"]["message"], self.log.read_text()[-6000:])
                return run
            time.sleep(0.2)
        raise AssertionError(f"{run['name']} is still {run['state_name']}\n{self.log.read_text()[-6000:]}")

    def task_runs(self, flow_run: str, count: int) -> dict[str, str]:
        """Return the states of the task runs of a flow run by name, when the server has recorded that many."""
        deadline = time.monotonic() + 60
        found: dict[str, str] = {}
        while time.monotonic() < deadline:
            runs = self.ask("/task_runs/filter", flow_runs={"id": {"any_": [flow_run]}})
            found = {run["name"]: run["state_name"] for run in runs}
            if len(found) == count and not set(found.values()) & {"Pending", "Running"}:
                break
            time.sleep(0.2)
        return found


@pytest.fixture(scope="module")
def place(prefect_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Deploy everything in prefect.yaml, from a folder that holds what a user's would, and start a worker."""
    folder = tmp_path_factory.mktemp("worker")
    shutil.copy(ROOT / "prefect.yaml", folder)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {
        "PREFECT_API_URL": prefect_url, "PREFECT_HOME": str(folder / "prefect"), "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_MEDIA_HOME": str(folder / "home"), "DO_NOT_TRACK": "1",
    }  # fmt: skip
    place = Place(prefect_url, folder, folder / "worker.log")
    place.ask("/work_pools/", name="media", type="process")
    with place.log.open("wb") as log:
        worker = subprocess.Popen(
            [PREFECT, "worker", "start", "--pool", "media"],
            cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
        try:
            deployed = subprocess.run(
                [PREFECT, "--no-prompt", "deploy", "--all"], check=False,
                cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S,
            )  # fmt: skip
            assert deployed.returncode == 0, deployed.stdout + deployed.stderr
            yield place
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGTERM)
            try:
                worker.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(worker.pid, signal.SIGKILL)
                worker.wait()
            httpx.delete(f"{prefect_url}/work_pools/media", timeout=60)


def test_deployed_flows_run_are_named_published_and_cached(place: Place, browser: Any) -> None:
    nightly = place.trigger("batch/nightly", rows=ROWS, out=str(place.folder / "out"), concurrency=2)

    # The batch: outputs in the folder, task runs by row, a gallery.
    place.finished(nightly)
    manifest = (place.folder / "out" / "manifest.jsonl").read_text().splitlines()
    assert [(line["id"], line["status"]) for line in map(json.loads, manifest)] == [
        ("sea", "succeeded"),
        ("hill", "succeeded"),
    ]
    assert sorted(path.name for path in (place.folder / "out").glob("*.mp4")) == ["hill.mp4", "sea.mp4"]
    tasks = place.task_runs(nightly, 8)
    assert {"sea · generate-image · a calm sea", "hill · generate-speech · A hill.", "sea · merge"} <= set(tasks)
    assert set(tasks.values()) == {"Completed"}
    artifacts = place.ask("/artifacts/filter", artifacts={"flow_run_id": {"any_": [nightly]}})
    (gallery,) = [artifact for artifact in artifacts if artifact["key"] == "gallery-clip"]
    assert gallery["data"].count("data:image/jpeg;base64,") == 2

    # The clip of a row by itself: all that it is made of is there, and shown as cached.
    clip = place.finished(place.trigger("clip/clip", **CLIP))
    assert clip["name"] == "clip · a calm sea"
    assert sorted(place.task_runs(clip["id"], 4).values()) == ["Cached"] * 4

    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.goto(f"{place.api.removesuffix('/api')}/runs/flow-run/{clip['id']}")
    page.get_by_text("Task Runs", exact=True).click()
    expect(page.get_by_text("Cached", exact=True)).to_have_count(4, timeout=60_000)
    if target := os.environ.get("PREFECT_MEDIA_TEST_SCREENSHOT"):
        page.screenshot(path=target)


def test_the_nightly_form_describes_every_parameter(place: Place) -> None:
    found = httpx.get(f"{place.api}/deployments/name/batch/nightly", timeout=60).json()
    assert found["schedules"][0]["schedule"]["cron"] == "0 2 * * *"
    fields = found["parameter_openapi_schema"]["properties"]
    assert all(field.get("description") for field in fields.values()), fields
    refused = httpx.post(
        f"{place.api}/deployments/{found['id']}/create_flow_run", json={"parameters": {"concurrency": 0}}, timeout=60
    )
    assert refused.status_code == 409
    assert "concurrency" in refused.text
