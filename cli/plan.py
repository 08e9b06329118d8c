"""`plan`: what a flow would do and cost, before anything runs."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import ConfigurationError
from ._output import err, out, print_json, writing
from .batch import PIPELINE
from .main import Exit, app

GRAPHS: dict[str, Callable[[Any], str]] = {".svg": lambda plan: plan.svg(), ".mmd": lambda plan: plan.graph()}
"""What a plan is drawn as, by the suffix of the file."""


def _is_rows(argument: str) -> bool:
    """Return whether an argument names rows rather than a parameter."""
    return argument == "-" or ("=" not in argument) or Path(argument).expanduser().is_file()


@app.command()
def plan(
    pipeline: Annotated[str, typer.Argument(help=PIPELINE)],
    values: Annotated[
        list[str] | None, typer.Argument(help="A file of rows, - for JSON lines on standard input, or name=value ...")
    ] = None,
    budget: Annotated[str | None, typer.Option(help='A higher price is a problem, for example "5 USD".')] = None,
    graph: Annotated[
        Path | None, typer.Option(help="File to draw the first row's task runs into: .svg or .mmd.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Compare rows with a batch (id, or latest) or with a file that plan --json wrote."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,
) -> int:
    """Show task runs, conversions, price, time and every problem of a flow. Nothing runs, nothing is sent."""
    if graph is not None and graph.suffix not in GRAPHS:
        raise ConfigurationError(f"--graph {graph}: unknown kind {graph.suffix!r}. Expected {' or '.join(GRAPHS)}.")
    with contextlib.redirect_stdout(sys.stderr):  # what the flow's own code prints is no part of the plan
        found = _planned(pipeline, values or [], budget, since)
    if graph is not None:
        _draw(found, graph)
    if as_json:
        print_json(found.to_dict())
    else:
        (out if found.ok else err).print(found)
    return Exit.DONE if found.ok else Exit.REFUSED


def _draw(found: Any, target: Path) -> None:
    from ..media.durable import write_text

    with writing(target):
        write_text(target.expanduser(), GRAPHS[target.suffix](found))


def _planned(pipeline: str, given: list[str], budget: str | None, since: str | None) -> Any:
    from ..flows.plan import plan as make

    if len(given) == 1 and _is_rows(given[0]):
        return make(pipeline, given[0], budget=budget, since=since)
    if since is not None:
        raise ConfigurationError("--since compares rows, and none were given. Name a file of rows.")
    return _of_parameters(pipeline, given, budget)


def _of_parameters(pipeline: str, pairs: list[str], budget: str | None) -> Any:
    from ..flows.parameters import Parameters
    from ..flows.pipelines import find_pipeline
    from ..flows.plan import Planning
    from ..tasks.budgets import Budget
    from .run import text_values

    found = find_pipeline(pipeline)
    parameters = Parameters(found.flow)
    cap = Budget.of(budget).cap if budget is not None else None
    return Planning(found, parameters, cap).of_parameters(text_values(pairs, parameters))
