"""The installed command as a child process, with a home of its own and the session's Prefect server.

`start` and `installed` start what a user starts. A call forks the same from a process that has imported it, see nursery.py: what
a command does is the same, and its seconds of imports are spent once.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

COLUMNS = "200"
HIDDEN = ("PREFECT_", "REPLICATE_", "FAL_", "OPENAI_", "ELEVENLABS_")

LONGEST_S = 240


class Nursery:
    """Starts nursery.py, and has it fork commands one after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        environment = {name: value for name, value in os.environ.items() if not name.startswith(HIDDEN)}
        environment |= {"PREFECT_HOME": str(folder / "prefect"), "COLUMNS": COLUMNS, "DO_NOT_TRACK": "1"}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("nursery.py"))],
            cwd=folder, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._line() == "ready"

    def _line(self) -> str:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], LONGEST_S)[0]:
            return ""
        return self._process.stdout.readline().strip()

    def run(self, arguments: tuple[str, ...], folder: Path, environment: dict[str, str]) -> tuple[int, str, str]:
        """Run a command to its end; give its exit code and what it wrote."""
        out, err = self._folder / "out.txt", self._folder / "err.txt"
        for file in (out, err):
            file.write_bytes(b"")
        order = {
            "arguments": arguments,
            "folder": str(folder),
            "environment": environment,
            "out": str(out),
            "err": str(err),
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        child = int(self._line())
        code = self._line()
        if not code:
            os.killpg(child, signal.SIGKILL)
            self._line()
            raise AssertionError(f"{arguments} runs for more than {LONGEST_S} s\n{out.read_text()}\n{err.read_text()}")
        return int(code), out.read_text(), err.read_text()

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=30)


class Command:
    """Runs `prefect-media`.

    Args:
        folder: Working folder; the home is `home` in it.
        api: Address of the Prefect API; None lets commands start a temporary server.
        nursery: What forks commands.
    """

    def __init__(self, folder: Path, api: str | None, nursery: Nursery) -> None:
        self.folder = folder
        self._nursery = nursery
        self.home = folder / "home"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(HIDDEN)}
        self.environment |= {
            "PREFECT_MEDIA_HOME": str(self.home), "PREFECT_HOME": str(folder / "prefect"), "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "COLUMNS": COLUMNS,
        }  # fmt: skip
        if api is not None:
            self.environment["PREFECT_API_URL"] = api
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start the command in a process group of its own."""
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("prefect-media")), *arguments],
            cwd=self.folder, env=self.environment, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self._started.append(process)
        return process

    def __call__(self, *arguments: str, code: int = 0) -> str:
        """Run the command to its end, hold its exit code against the expected one, and return standard output."""
        return self.both(*arguments, code=code)[0]

    def both(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """Do the same and return standard output and standard error."""
        ended, out, err = self._nursery.run(arguments, self.folder, self.environment)
        assert ended == code, f"exit code {ended}\n{out}\n{err}"
        return out, err

    def installed(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """Do the same with the installed command, in a new process."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=LONGEST_S)
        assert process.returncode == code, f"exit code {process.returncode}\n{out}\n{err}"
        return out, err

    def json(self, *arguments: str, code: int = 0) -> Any:
        """Run it with --json and return the one document on standard output."""
        return json.loads(self(*arguments, "--json", code=code))

    def rows(self, rows: list[dict[str, Any]], name: str = "rows.jsonl") -> str:
        """Write a file of rows."""
        (self.folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        return name

    def close(self) -> None:
        """End what is still running."""
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """One process that forks the commands of all tests."""
    with contextlib.closing(Nursery(tmp_path_factory.mktemp("nursery"))) as nursery:
        yield nursery


@pytest.fixture
def commands(tmp_path: Path, nursery: Nursery) -> Iterator[Callable[[str | None, str], Command]]:
    """Make commands, each with a folder of its own."""
    made: list[Command] = []

    def make(api: str | None, name: str = "user") -> Command:
        (tmp_path / name).mkdir()
        made.append(Command(tmp_path / name, api, nursery))
        return made[-1]

    yield make
    for command in made:
        command.close()


@pytest.fixture
def command(commands: Callable[[str | None], Command], prefect_url: str) -> Command:
    """One command that uses the session's server."""
    return commands(prefect_url)
