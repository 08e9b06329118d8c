"""Start a simulator in a thread or in a process of its own, and talk to it."""

from __future__ import annotations

import asyncio
import json
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from ..errors import ConfigurationError
from .bill import Bill
from .latency import Latency
from .options import Options
from .server import Running, listen, run
from .state import Simulation

__all__ = ["FaultInjector", "Simulator", "environment"]

START_S = 60.0
DUMMY_KEYS = {
    "REPLICATE_API_TOKEN": "r8_simulated_0000000000000000000000000",
    "FAL_KEY": "simulated-fal:0000000000000000",
    "OPENAI_API_KEY": "sk-simulated-00000000000000000000",
    "ELEVENLABS_API_KEY": "sk_simulated_0000000000000000000",
}


def environment(url: str) -> dict[str, str]:
    """Return the environment variables that point every adapter at a simulator, with dummy keys."""
    return {
        **DUMMY_KEYS,
        "REPLICATE_BASE_URL": f"{url}/replicate/v1",
        "FAL_BASE_URL": f"{url}/fal",
        "OPENAI_BASE_URL": f"{url}/openai/v1",
        "ELEVENLABS_BASE_URL": f"{url}/elevenlabs",
    }


def _plain(value: Any) -> Any:
    return value.__dict__ if isinstance(value, Latency) else str(value)


class FaultInjector:
    """Adds fault rules to a running simulator; `docs/testing.md` lists the kinds."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def add(self, kind: str, **particulars: Any) -> None:
        """Put one rule in force.

        Raises:
            ConfigurationError: It is not valid.
        """
        self.extend([{"kind": kind, **particulars}])

    def extend(self, rules: Iterable[Mapping[str, Any]]) -> None:
        """Put several rules in force.

        Raises:
            ConfigurationError: One is not valid.
        """
        answer = self._client.post("/_sim/faults", content=json.dumps(list(rules), default=str), headers=JSON)
        if answer.status_code != 200:
            raise ConfigurationError(answer.json()["error"])

    def clear(self) -> None:
        """Take every rule out of force."""
        self._client.delete("/_sim/faults").raise_for_status()

    @property
    def struck(self) -> dict[str, int]:
        """How often each kind has struck."""
        return self._client.get("/_sim/faults").raise_for_status().json()["struck"]


JSON = {"Content-Type": "application/json"}


class Simulator:
    """A running simulator.

    Attributes:
        url: Its root, for example `http://127.0.0.1:40123`.
        faults: Fault rules can be added here while it runs.
        intercepting: With `intercept=True`, environment variables that send clients of the providers' own host names
            here (a proxy and a certificate authority).

    Example:
        >>> with Simulator(latency=0) as simulator:
        ...     simulator.bill.calls
        0
    """

    def __init__(self, *, process: bool = False, port: int = 0, allow_hooks: bool = True, **options: Any) -> None:
        """Prepare a simulator; it runs inside the `with` block.

        Args:
            process: Run it in a process of its own instead of a thread.
            port: Port on 127.0.0.1; 0 takes a free one.
            allow_hooks: Whether `mark`, `pause` and `kill` rules may be added.
            options: Fields of `options.Options`.
        """
        self.options = Options(allow_hooks=allow_hooks, **options)
        self.url = ""
        self._port = port
        self._in_process = process
        self.intercepting: dict[str, str] = {}
        self._running: Running | None = None
        self._thread: threading.Thread | None = None
        self._process: subprocess.Popen[str] | None = None

    @classmethod
    def start(cls, *, process: bool = False, **options: Any) -> Self:
        """Return a simulator that runs until `stop`."""
        return cls(process=process, **options).__enter__()

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="prefect-media-simulator-", ignore_cleanup_errors=True)
        try:
            if self._in_process:
                self._start_process()
            else:
                self._start_thread()
        except BaseException:
            self.stop()
            raise
        self._client = httpx.Client(base_url=self.url, timeout=60, trust_env=False)
        self.faults = FaultInjector(self._client)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start_thread(self) -> None:
        sim = Simulation(Path(self._folder.name), self.options)
        listener = listen(self._port)
        announced: queue.Queue[Running] = queue.Queue()

        def serve() -> None:
            asyncio.run(run(sim, listener, announced.put, intercept=self.options.intercept))

        self._thread = threading.Thread(target=serve, name="provider simulator", daemon=True)
        self._thread.start()
        self._running = announced.get(timeout=START_S)
        self.url, self.intercepting = self._running.url, dict(self._running.intercepting)

    def _start_process(self) -> None:
        options = {name: value for name, value in self.options.__dict__.items() if value is not None}
        config = Path(self._folder.name) / "options.json"
        config.write_text(json.dumps({"port": self._port, **options}, default=_plain), "utf-8")
        command = [sys.executable, "-m", f"{__package__}.process", str(config)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ConfigurationError(f"The simulator did not start; its process ended with {self._process.wait()}.")
        announced = json.loads(line)
        self.url, self.intercepting = announced["url"], announced["intercepting"]

    @property
    def pid(self) -> int | None:
        """Process id, when it runs in a process of its own."""
        return self._process.pid if self._process else None

    def stop(self) -> None:
        """Stop it."""
        if hasattr(self, "_client"):
            self._client.close()
        if self._running is not None and self._thread is not None:
            self._running.stop()
            self._thread.join(START_S)
        if self._process is not None:
            self._process.terminate()
            self._process.wait(START_S)
            for stream in (self._process.stdin, self._process.stdout):
                if stream:
                    stream.close()
        self._folder.cleanup()

    @property
    def env(self) -> dict[str, str]:
        """Environment variables that point every adapter here, with dummy keys."""
        return environment(self.url)

    def _get(self, path: str) -> Any:
        return self._client.get(path).raise_for_status().json()

    @property
    def bill(self) -> Bill:
        """The bill as it stands."""
        return Bill.read(self._get("/_sim/bill"))

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """Every accepted job."""
        return self._get("/_sim/jobs")["jobs"]

    def events(self, kind: str = "") -> list[dict[str, Any]]:
        """Return what happened, all of it or of one kind (`accepted`, `fault`, `leak`, ...)."""
        return self._get(f"/_sim/events?event={kind}" if kind else "/_sim/events")["events"]

    def reset(self) -> None:
        """Forget jobs, uploads, faults, bill and events."""
        self._client.post("/_sim/reset", content="{}", headers=JSON).raise_for_status()
