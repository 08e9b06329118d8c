"""Run a simulator in this process; `Simulator(process=True)` starts it with a file of options."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .server import Options, serve


def _raise_file_limit() -> None:
    """Allow as many open connections as the system does."""
    if sys.platform != "win32":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main(config: Path) -> None:
    """Serve with the options in a JSON file, after writing the root URL to standard output."""
    _raise_file_limit()
    options = json.loads(config.read_text("utf-8"))
    serve(
        options.pop("port"),
        options=Options(**options),
        announce=lambda url: print(url, flush=True),
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
