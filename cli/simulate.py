"""`simulate`: the provider simulator, for dry runs over real HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .main import Exit, app


@app.command()
def simulate(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 8765,
    faults: Annotated[Path | None, typer.Option(help="File of misbehaviours, see docs/testing.md.")] = None,
    latency: Annotated[str | None, typer.Option(help='Seconds a job takes, for example "2" or "1-5".')] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the address and the variables as JSON.")] = False,
) -> int:
    """Speak the providers' protocols on this machine: no key, no cost, real HTTP, a bill. Ctrl-C ends it."""
    from ..testing.server import serve

    serve(port=port, faults=faults, latency=latency, as_json=as_json)
    return Exit.DONE
