"""A process that has imported the command line, and forks a child for each command: a command's seconds of imports are spent once.

Each line on standard input is an order: arguments, folder, environment, and the files for standard output and standard error.
The child is what a new process would be: its own session, folder, environment and streams, Prefect's settings read anew, and the
console script's function at its end. The answers are its process id and, when it has ended, its exit code.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

# What the commands import only when they need it.
LATER = (
    "PIL.ImageCms", "anyio._backends._asyncio", "av", "numpy", "prefect.engine", "prefect.events.worker", "prefect.flow_engine",
    "prefect.task_engine", "prefect.telemetry.run_telemetry", "prefect.utilities.visualization",
    "prefect_media.adapters.importing.run", "prefect_media.adapters.local", "prefect_media.flows.batch", "prefect_media.flows.clip",
    "prefect_media.flows.history", "prefect_media.flows.once", "prefect_media.flows.plan", "prefect_media.flows.plan_view",
    "prefect_media.ledger", "prefect_media.media.ffmpeg", "prefect_media.media.offline.voice",
    "prefect_media.media.painting.landscape", "prefect_media.tasks",
)  # fmt: skip


def become(order: dict[str, Any]) -> None:
    """Make this process the one that was ordered."""
    os.setsid()
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    for number, (name, flags) in enumerate(
        [(os.devnull, os.O_RDONLY), (order["out"], os.O_WRONLY | os.O_CREAT), (order["err"], os.O_WRONLY | os.O_CREAT)]
    ):
        opened = os.open(name, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - it lasts as long as the process
    sys.argv = [str(Path(sys.executable).with_name("prefect-media")), *order["arguments"]]

    from prefect.context import refresh_global_settings_context

    from prefect_media.cli._environment import prepare

    prepare()
    refresh_global_settings_context()


def main() -> None:
    """Fork a child for each order."""
    from prefect_media.cli._environment import prepare

    prepare()
    (script,) = entry_points(group="console_scripts", name="prefect-media")
    command = script.load()
    for name in LATER:
        importlib.import_module(name)
    sys.path[0] = str(Path(sys.executable).parent)  # as for the console script

    gc.collect()
    gc.freeze()  # children need not look through, and copy, what will not change

    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            become(json.loads(line))
            sys.exit(command())
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
