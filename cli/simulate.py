"""`simulate`: the provider simulator, for dry runs over real HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ._output import err, out, print_json
from .main import Exit, app


@app.command()
def simulate(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 8765,
    faults: Annotated[Path | None, typer.Option(help="File of misbehaviours, see docs/testing.md.")] = None,
    latency: Annotated[str | None, typer.Option(help='Seconds a job takes, for example "2" or "1-5".')] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the address and the variables as JSON.")] = False,
) -> int:
    """Speak the providers' protocols on this machine: no key, no cost, real HTTP, a bill. Ctrl-C ends it."""
    from ..testing.server import Options, serve
    from ..testing.simulator import environment

    def announce(running: Any) -> None:
        variables = environment(running.url)
        if as_json:
            print_json({"url": running.url, "environment": variables})
            return
        for name, value in variables.items():
            out.print(f"export {name}={value}", markup=False)
        err.print(f"Simulating at {running.url}; the bill is at {running.url}/_sim/bill. Ctrl-C ends it.", markup=False)

    serve(port, options=Options(faults=faults, latency=latency), announce=announce)
    return Exit.DONE
