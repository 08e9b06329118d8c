"""`run`: one flow run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from ..errors import ParameterError
from ._output import err, out, print_json
from ._running import complete
from ._telling import Teller
from .batch import PIPELINE
from .main import Exit, app


def text_values(pairs: list[str], parameters: Any) -> dict[str, Any]:
    """Return `name=value` arguments as values by name.

    Raises:
        ParameterError: One of them is not of that form, or there twice.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise ParameterError(
                f"{pair!r} is not a parameter. Expected name=value, for example prompt='a lighthouse'."
            )
        if name in values:
            raise ParameterError(f"Parameter {name!r} is given twice. Give it once.")
        values[name] = parameters.from_text(name, text)
    return values


def given_values(pairs: list[str], parameters: Any, pipeline: str) -> dict[str, Any]:
    """Return `name=value` arguments as flow parameters, checked against the flow.

    Raises:
        ParameterError: With every problem.
    """
    values = text_values(pairs, parameters)
    try:
        parameters.check(values)
    except ValidationError as exc:
        problems = parameters.explain(exc)
        lines = "\n".join(f"  {line}" for line in problems)
        raise ParameterError(f"{pipeline} cannot run with these parameters:\n{lines}", problems) from None
    return values


@app.command()
def run(
    pipeline: Annotated[str, typer.Argument(help=PIPELINE)],
    values: Annotated[list[str] | None, typer.Argument(help="Parameters of the flow: name=value ...")] = None,
    out_folder: Annotated[Path | None, typer.Option("--out", help="Folder to copy the output into.")] = None,
    budget: Annotated[str | None, typer.Option(help='Most that the run may spend, for example "1 USD".')] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,
) -> int:
    """Run a flow once and print where its output is."""
    from ..flows.once import run_once
    from ..flows.parameters import Parameters
    from ..flows.pipelines import find_pipeline
    from ..flows.results import plain_value

    found = find_pipeline(pipeline)
    given = given_values(values or [], Parameters(found.flow), pipeline)
    with Teller():
        result = complete(run_once(found, given, budget=budget, out=out_folder))
    if as_json:
        print_json(result.summary() | {"value": plain_value(result.value)})
    else:
        for path in result.paths:
            out.print(str(path), markup=False)
        if not result.paths:
            out.print(str(result.value), markup=False)
        for line in result.tally.degraded:
            err.print(f"Degraded from {line}", markup=False)
        for line in [line for media in result.media for line in media.made.lost_credentials]:
            err.print(line, markup=False)
    return Exit.DONE
