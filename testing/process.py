"""Run a simulator in this process; `Simulator(process=True)` starts it with a file of options."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

from .options import Options
from .server import Running, serve


def _raise_file_limit() -> None:
    """Allow as many open connections as the system does."""
    if sys.platform != "win32":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def announce(running: Running) -> None:
    """Tell whoever started this process where the simulator is, and end with it: it holds the other end of stdin."""

    def follow() -> None:
        sys.stdin.read()
        running.stop()

    threading.Thread(target=follow, daemon=True).start()
    print(json.dumps({"url": running.url, "intercepting": dict(running.intercepting)}), flush=True)  # noqa: T201


def main(config: Path) -> None:
    """Serve with the options in a JSON file, after writing where it is to standard output."""
    _raise_file_limit()
    options = json.loads(config.read_text("utf-8"))
    serve(options.pop("port"), options=Options(**options), announce=announce)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
