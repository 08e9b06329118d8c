"""The installed command as a child process, with a home of its own and the session's Prefect server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HIDDEN = ("PREFECT_", "REPLICATE_", "FAL_", "OPENAI_", "ELEVENLABS_")

# Runs the console script's own function for each of the commands on standard input.
SEVERAL = """
import contextlib, json, sys, tempfile
from pathlib import Path
from importlib.metadata import entry_points

(script,) = entry_points(group="console_scripts", name="prefect-media")
main, results = script.load(), []
for arguments in json.load(sys.stdin):
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main(arguments)
            except SystemExit as exc:
                code = exc.code
        results.append((code, *(stream.seek(0) or stream.read() for stream in (out, err))))
print(json.dumps(results))
"""


class Command:
    """Starts `prefect-media` as a user does.

    Args:
        folder: Working folder; the home is `home` in it.
        api: Address of the Prefect API; None lets commands start a temporary server.
    """

    def __init__(self, folder: Path, api: str | None) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(HIDDEN)}
        self.environment |= {
            "PREFECT_MEDIA_HOME": str(self.home), "PREFECT_HOME": str(folder / "prefect"), "DO_NOT_TRACK": "1",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "COLUMNS": "200",
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
        process = self.start(*arguments)
        out, err = process.communicate(timeout=240)
        assert process.returncode == code, f"exit code {process.returncode}\n{out}\n{err}"
        return out, err

    def json(self, *arguments: str, code: int = 0) -> Any:
        """Run it with --json and return the one document on standard output."""
        return json.loads(self(*arguments, "--json", code=code))

    def several(self, commands: list[list[str]]) -> list[tuple[int, str, str]]:
        """Run commands one after the other in one process, which imports Prefect once; give code, output and errors of each."""
        done = subprocess.run(
            [sys.executable, "-c", SEVERAL], input=json.dumps(commands), cwd=self.folder, env=self.environment, text=True,
            capture_output=True, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [tuple(result) for result in json.loads(done.stdout)]

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


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[Callable[[str | None, str], Command]]:
    """Make commands, each with a folder of its own."""
    made: list[Command] = []

    def make(api: str | None, name: str = "user") -> Command:
        (tmp_path / name).mkdir()
        made.append(Command(tmp_path / name, api))
        return made[-1]

    yield make
    for command in made:
        command.close()


@pytest.fixture
def command(commands: Callable[[str | None], Command], prefect_url: str) -> Command:
    """One command that uses the session's server."""
    return commands(prefect_url)
