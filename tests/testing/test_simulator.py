"""Starting, addressing and stopping a simulator."""

from __future__ import annotations

import concurrent.futures
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from prefect_media.errors import ConfigurationError
from prefect_media.testing import Simulator
from prefect_media.testing.latency import Latency

KEY = {"Authorization": "Bearer test-token"}
FLUX = "/replicate/v1/models/black-forest-labs/flux-schnell/predictions"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if Path("/proc").exists() else True


def test_process_of_its_own(tmp_path: Path) -> None:
    faults = tmp_path / "faults.json"
    faults.write_text('{"fault": [{"kind": "rate-limit", "count": 1}]}')
    with Simulator(process=True, latency=Latency(run=0), faults=faults, log=tmp_path / "log") as simulator:
        codes = [
            httpx.post(simulator.url + FLUX, json={"input": {"prompt": "x"}}, headers=KEY).status_code for _ in range(2)
        ]
        simulator.faults.add("reset", provider="fal")
        assert (simulator.bill.calls, codes) == (1, [429, 201])
        assert simulator.pid not in (None, os.getpid())
    assert simulator.pid is not None
    assert not alive(simulator.pid)
    assert '"accepted"' in (tmp_path / "log").read_text()


def test_process_ends_with_the_one_that_started_it() -> None:
    code = (
        "from prefect_media.testing import Simulator; import time\n"
        "running = Simulator.start(process=True); print(running.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.send_signal(signal.SIGKILL)
    limit = time.monotonic() + 20
    while alive(pid) and time.monotonic() < limit:
        time.sleep(0.02)
    assert not alive(pid)


def test_stop_does_not_wait_for_hanging_requests() -> None:
    with Simulator() as simulator, concurrent.futures.ThreadPoolExecutor() as pool:
        simulator.faults.add("hang", moment="received")
        hanging = pool.submit(
            httpx.post, simulator.url + FLUX, json={"input": {"prompt": "x"}}, headers=KEY, timeout=30
        )
        while not simulator.events("fault"):
            time.sleep(0.005)
        simulator.stop()
        with pytest.raises(httpx.TransportError):
            hanging.result()


def test_taken_port_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"Cannot listen on 127.0.0.1:{port}"):
            Simulator(port=port).__enter__()


def test_only_loopback_listens(simulator: Simulator) -> None:
    assert simulator.url.startswith("http://127.0.0.1:")


def test_environment_names_every_base_url(simulator: Simulator) -> None:
    root = simulator.url
    assert {name: value for name, value in simulator.env.items() if name.endswith("_URL")} == {
        "REPLICATE_BASE_URL": f"{root}/replicate/v1",
        "FAL_BASE_URL": f"{root}/fal",
        "OPENAI_BASE_URL": f"{root}/openai/v1",
        "ELEVENLABS_BASE_URL": f"{root}/elevenlabs",
    }
    assert all(simulator.env.values())


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, Latency()),
        (2, Latency(run=2)),
        ("1.5", Latency(run=1.5)),
        ("1-5", Latency(run=1, spread=4)),
        ("queue=2, run=10", Latency(queue=2, run=10)),
        ({"typical": 0.1}, Latency(typical=0.1)),
    ],
)
def test_latency_is_read(given: object, expected: Latency) -> None:
    assert Latency.parse(given) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["soon", -1, "5-1", "wait=3", {"run": "x"}])
def test_bad_latency_is_refused(given: object) -> None:
    with pytest.raises(
        ConfigurationError,
        match="Give seconds, a range .* or name=seconds pairs of answer, queue, run, spread, typical",
    ):
        Latency.parse(given)  # type: ignore[arg-type]


def test_typical_latency_is_a_share_of_the_usual_time() -> None:
    assert Latency(typical=0.5).run_s(8.0) == 4.0
    assert Latency(run=3.0).run_s(8.0) == 3.0
    assert Latency(run=3.0, spread=2.0).run_s(8.0, 0.5) == 4.0


def test_queue_then_run_then_success() -> None:
    with Simulator(latency="queue=0.15,run=0.15") as simulator, httpx.Client(headers=KEY) as http:
        job = http.post(simulator.url + FLUX, json={"input": {"prompt": "x"}}).json()
        seen = [job["status"]]
        while seen[-1] != "succeeded":
            status = http.get(job["urls"]["get"]).json()["status"]
            if status != seen[-1]:
                seen.append(status)
    assert seen == ["starting", "processing", "succeeded"]


def test_intercepting_proxy_leads_nowhere_else() -> None:
    with Simulator(intercept=True) as simulator:
        proxy = simulator.intercepting["HTTPS_PROXY"]
        context = ssl.create_default_context(cafile=simulator.intercepting["SSL_CERT_FILE"])
        with httpx.Client(proxy=proxy, verify=context) as http:
            answer = http.get("https://api.replicate.com/v1/account", headers=KEY)
            with pytest.raises(httpx.ProxyError, match="403"):
                http.get("https://example.org/")
        with httpx.Client(proxy=proxy) as distrusting, pytest.raises(httpx.ConnectError):
            distrusting.get("https://api.replicate.com/v1/account")
    assert answer.json()["username"] == "simulated"


def test_unknown_paths_are_not_found(simulator: Simulator) -> None:
    assert httpx.get(simulator.url + "/nowhere").status_code == 404
