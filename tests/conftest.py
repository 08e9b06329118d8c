"""What every test gets: a home of its own, a clean environment, and no way to a real provider."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from .certificates import Signing, authority

# Before Prefect is imported: it reads its settings once.
_PREFECT_HOME = tempfile.mkdtemp(prefix="prefect-media-tests-")
os.environ.update(
    PREFECT_HOME=_PREFECT_HOME,
    PREFECT_LOCAL_STORAGE_PATH=f"{_PREFECT_HOME}/results",
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE="200",
    PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL="1",
    PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED="false",
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="180",
    PREFECT_LOGGING_LEVEL="WARNING",
    DO_NOT_TRACK="1",
)

# The same examples each time, so that a change is not held up by what it did not do; PREFECT_MEDIA_FULL=1 looks for new ones.
hypothesis.settings.register_profile("the same", derandomize=True)
if os.environ.get("PREFECT_MEDIA_FULL") != "1":
    hypothesis.settings.load_profile("the same")

KEPT = ("PREFECT_MEDIA_TEST_", "PREFECT_MEDIA_FUZZ", "PREFECT_MEDIA_FULL")
PROVIDERS = (
    "REPLICATE_",
    "FAL_",
    "OPENAI_",
    "ELEVENLABS_",
    "GEMINI_",
    "RUNWAYML_",
    "LUMAAI_",
    "STABILITY_",
    "BFL_",
    "HUME_",
)


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the test its own store and ledger, and hide the user's settings and keys."""
    for name in list(os.environ):
        if name.startswith(PROVIDERS) or (name.startswith("PREFECT_MEDIA_") and not name.startswith(KEPT)):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_MEDIA_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Signing:
    """Give a certificate to sign with, and the authority that issued it."""
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def certified(signing: Signing, clean_environment: None, monkeypatch: pytest.MonkeyPatch) -> Signing:
    """Set the certificate up as a user does."""
    monkeypatch.setenv("PREFECT_MEDIA_C2PA_CERTIFICATE", str(signing.chain))
    monkeypatch.setenv("PREFECT_MEDIA_C2PA_KEY", str(signing.key))
    return signing


# The profile that docs/prefect.md recommends.
SERVER = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}


# Files that take longest, for their processes and servers more than for the number of their tests: they start first, so that
# no process of the test run has one of them to itself at the end.
FIRST = (
    "tests/cli", "tests/media/test_operations_page.py", "tests/proof/test_proof.py", "tests/flows/test_deploy.py",
    "tests/flows/test_batch.py", "tests/flows/test_notebook.py",
)  # fmt: skip


def _share(nodeid: str) -> str:
    """Return what a test shares a process with: its file's fixtures are made once, and so is what forks commands."""
    file = nodeid.split("::", 1)[0]
    return "tests/cli" if file.startswith("tests/cli/") else file


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a run of several processes, order files: the longest, then those with most tests."""
    if not hasattr(config, "workerinput"):
        return
    tests = Counter(_share(item.nodeid) for item in items)
    rank = {share: number for number, share in enumerate(FIRST)}
    items.sort(key=lambda item: (rank.get(share := _share(item.nodeid), len(FIRST)), -tests[share], share))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Unless it was asked for something else, give each file to one process."""
    if config.getvalue("dist") != "load":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Shares(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _share(nodeid)

    config.option.loadscopereorder = False
    return Shares(config, log)


_SERVERS: list[subprocess.Popen[bytes]] = []


def _start_server(home: Path) -> dict[str, Any]:
    """Start a Prefect server as a user does, and wait until it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {**SERVER, "PREFECT_HOME": str(home), "PREFECT_SERVER_UI_API_URL": url, "DO_NOT_TRACK": "1"}
    environment["PREFECT_UI_STATIC_DIRECTORY"] = str(home / "ui")
    home.mkdir(parents=True, exist_ok=True)
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [Path(sys.executable).with_name("prefect"), "server", "start", "--port", str(port)],
            env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    _SERVERS.append(server)
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(f"{url}/health", timeout=5):
            return {"url": url, "pid": server.pid}
        time.sleep(0.2)
    raise RuntimeError(f"The Prefect server did not start:\n{(home / 'server.log').read_text()[-4000:]}")


@pytest.fixture(scope="session")
def prefect_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run one real Prefect server for all processes of the test run; the last one to need it ends it."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    note = folder / "prefect-server.json"
    with (folder / "prefect-server.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = (
            json.loads(note.read_text()) if note.exists() else {**_start_server(folder / "prefect-server"), "users": 0}
        )
        note.write_text(json.dumps({**known, "users": known["users"] + 1}))
        fcntl.flock(lock, fcntl.LOCK_UN)
        yield known["url"]
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = json.loads(note.read_text())
        if known["users"] > 1:
            note.write_text(json.dumps({**known, "users": known["users"] - 1}))
            for server in _SERVERS:
                server.returncode = 0  # another process ends it
        else:
            note.unlink()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(known["pid"], signal.SIGTERM)
            for server in _SERVERS:
                server.wait(30)
