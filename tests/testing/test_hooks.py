"""Hooks stop a client at a moment of the protocol: by a marker file, a pause, or SIGKILL."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from prefect_media.errors import ConfigurationError
from prefect_media.testing import Simulator

CLIENT = """
import sys, httpx
root, notes = sys.argv[1:]
def note(text):
    with open(notes, "a") as file:
        file.write(text + "\\n")
client = httpx.Client(headers={"Authorization": "Bearer test-token"}, timeout=20)
note("sending")
url = root + "/replicate/v1/models/black-forest-labs/flux-schnell/predictions"
job = client.post(url, json={"input": {"prompt": "x", "output_format": "png"}}).json()
note("answered")
while job["status"] not in ("succeeded", "failed"):
    job = client.get(job["urls"]["get"]).json()
    note("polled")
data = b""
with httpx.stream("GET", job["output"][0]) as answer:
    for chunk in answer.iter_raw(1000):
        data += chunk
        note("downloading")
note("downloaded")
sys.stdin.read()
"""

# Moment of the kill: what the client noted before, what it can not have noted, and how many jobs were accepted.
KILLS = [
    ("received", "sending", "answered", 0),
    ("accepted", "sending", "answered", 1),
    ("answered", "sending", "downloaded", 1),
    ("poll", "answered", "downloaded", 1),
    ("download", "polled", "downloaded", 1),
    ("downloaded", "polled", "nothing", 1),
]


@pytest.mark.parametrize(("moment", "before", "never", "accepted"), KILLS)
def test_kill_at_each_moment(
    simulator: Simulator, tmp_path: Path, moment: str, before: str, never: str, accepted: int
) -> None:
    notes, pid = tmp_path / "notes", tmp_path / "pid"
    simulator.faults.add("kill", moment=moment, pid_file=pid, marker=tmp_path / "marker")
    child = subprocess.Popen([sys.executable, "-c", CLIENT, simulator.url, str(notes)], stdin=subprocess.PIPE)
    pid.write_text(str(child.pid))
    with child:
        assert child.wait(30) == -signal.SIGKILL
    noted = notes.read_text().split()
    assert before in noted
    assert never not in noted
    assert simulator.bill.calls == accepted
    assert json.loads((tmp_path / "marker").read_text())["moment"] == moment


def test_pause_lasts_until_the_marker_is_deleted(simulator: Simulator, tmp_path: Path) -> None:
    marker = tmp_path / "paused"
    simulator.faults.add("pause", moment="accepted", marker=marker, provider="elevenlabs")
    answers: list[httpx.Response] = []

    def speak() -> None:
        url = f"{simulator.url}/elevenlabs/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM"
        answers.append(httpx.post(url, json={"text": "hello"}, headers={"xi-api-key": "test-token"}))

    thread = threading.Thread(target=speak)
    thread.start()
    while not marker.exists():
        time.sleep(0.005)
    assert simulator.bill.calls == 1
    assert answers == []
    marker.unlink()
    thread.join()
    assert answers[0].status_code == 200


def test_mark_names_the_job(simulator: Simulator, tmp_path: Path) -> None:
    simulator.faults.add("mark", moment="answered", marker=tmp_path / "mark")
    url = f"{simulator.url}/replicate/v1/models/black-forest-labs/flux-schnell/predictions"
    job = httpx.post(url, json={"input": {"prompt": "x"}}, headers={"Authorization": "Bearer test-token"}).json()
    while not (tmp_path / "mark").exists():
        time.sleep(0.005)
    noted = json.loads((tmp_path / "mark").read_text())
    assert (noted["job"], noted["provider"], noted["moment"]) == (job["id"], "replicate", "answered")


def test_hooks_must_be_allowed(tmp_path: Path) -> None:
    with Simulator(allow_hooks=False) as simulator:
        with pytest.raises(ConfigurationError, match="Hooks .* are off"):
            simulator.faults.add("mark", marker=tmp_path / "mark")
        simulator.faults.add("reset")


def test_pages_do_not_obey_browsers(simulator: Simulator) -> None:
    form = httpx.post(f"{simulator.url}/_sim/reset", data={"a": "b"})
    other_host = httpx.get(f"{simulator.url}/_sim/bill", headers={"Host": "evil.example"})
    assert (form.status_code, other_host.status_code) == (403, 403)
