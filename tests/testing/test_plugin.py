"""The pytest plugin, in a pytest of its own, as a user's project would run it."""

from __future__ import annotations

import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest

PROJECT = """
import os, socket, threading, urllib.request
from decimal import Decimal
import httpx
import pytest

FLUX = "/models/black-forest-labs/flux-schnell/predictions"

def predict(prompt="x"):
    headers = {"Authorization": "Bearer " + os.environ["REPLICATE_API_TOKEN"]}
    return httpx.post(os.environ["REPLICATE_BASE_URL"] + FLUX, json={"input": {"prompt": prompt}}, headers=headers)

def test_fixtures(media_simulator, media_bill):
    assert media_bill.calls == 0
    predict()
    predict()
    predict("y")
    assert media_bill.usd == Decimal("0.009")
    assert (media_bill.calls, media_bill.duplicates) == (3, 1)
    assert media_bill.by_provider["replicate"].calls == 3
    assert repr(media_bill).startswith("<Bill 3 calls")
    assert {"FAL_KEY", "OPENAI_API_KEY", "ELEVENLABS_API_KEY", "FAL_BASE_URL"} <= set(os.environ)

def test_each_test_starts_empty(media_bill, tmp_path):
    assert media_bill.calls == 0
    assert os.environ["PREFECT_MEDIA_HOME"].startswith(str(tmp_path))

def test_faults(media_simulator, media_bill):
    media_simulator.faults.add("rate-limit", count=1)
    assert [predict().status_code, predict().status_code] == [429, 201]
    assert media_bill.calls == 1

def test_environment_is_restored():
    assert "REPLICATE_BASE_URL" not in os.environ

def test_reaching_a_provider():
    httpx.get("https://api.replicate.com/v1/account")

def test_reaching_a_provider_and_hiding_it():
    try:
        urllib.request.urlopen("https://queue.fal.run")
    except OSError:
        pass

def test_reaching_a_provider_from_a_thread():
    def reach():
        with pytest.raises(OSError):
            socket.create_connection(("api.openai.com", 443))
    thread = threading.Thread(target=reach)
    thread.start()
    thread.join()

async def reach_asynchronously():
    async with httpx.AsyncClient() as client:
        await client.get("https://api.elevenlabs.io/v1/models")

def test_reaching_a_provider_asynchronously():
    import asyncio
    with pytest.raises(httpx.ConnectError):
        asyncio.run(reach_asynchronously())

@pytest.fixture
def reaching():
    with pytest.raises(OSError):
        socket.getaddrinfo("v3.fal.media", 443)

def test_reaching_a_provider_through_a_proxy(monkeypatch):
    with pytest.raises(httpx.ConnectError):
        httpx.get("https://api.openai.com/v1/models")
    assert "fal.run" in os.environ["no_proxy"]

def test_reaching_a_provider_in_set_up(reaching):
    pass

@pytest.mark.live
def test_live_tests_are_let_through():
    from prefect_media.testing import guard
    assert socket.getaddrinfo is not guard._guarded

def test_loopback_is_let_through(media_simulator):
    assert socket.getaddrinfo("localhost", 80)
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("project")
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_project.py").write_text(PROJECT)
    report = folder / "report.xml"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--junitxml={report}",
        "--strict-markers",
    ]
    proxy = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "localhost,127.0.0.1"}
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, env={**os.environ, **proxy}, check=False)
    found: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        problem = case.find("failure") if case.find("failure") is not None else case.find("error")
        found[str(case.get("name"))] = "passed" if problem is None else f"{problem.get('message')} {problem.text}"
    return found


def test_fixtures_faults_and_bill_work(outcomes: dict[str, str]) -> None:
    failed = {name: text for name, text in outcomes.items() if "reaching" not in name and text != "passed"}
    assert failed == {}
    assert len(outcomes) == 12


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("test_reaching_a_provider", "api.replicate.com"),
        ("test_reaching_a_provider_and_hiding_it", "queue.fal.run"),
        ("test_reaching_a_provider_from_a_thread", "api.openai.com"),
        ("test_reaching_a_provider_asynchronously", "api.elevenlabs.io"),
        ("test_reaching_a_provider_through_a_proxy", "api.openai.com"),
        ("test_reaching_a_provider_in_set_up", "v3.fal.media"),
    ],
)
def test_tests_that_reach_a_provider_fail(outcomes: dict[str, str], name: str, host: str) -> None:
    assert f"This test tried to reach a real provider: {host}." in outcomes[name]


def test_loading_the_plugin_is_cheap() -> None:
    heavy = ("prefect", "starlette", "uvicorn", "httpx", "pydantic", "numpy", "av", "PIL")
    code = f"import sys, prefect_media.testing.plugin; print([name for name in {heavy} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_every_domain_of_the_registry_is_guarded() -> None:
    from urllib.parse import urlsplit

    from prefect_media.testing import guard
    from prefect_media.testing.site import AREAS

    hosts = [urlsplit(public).hostname for _, public in AREAS.values()]
    assert [host for host in hosts if not guard._is_provider(host)] == []
    assert not guard._is_provider("notfal.run.example")
    assert not guard._is_provider("myfal.run")
