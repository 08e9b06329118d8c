"""`batch`, `demo` and `report`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import ConfigurationError
from ._output import err, money, out, print_json, writing
from ._running import complete
from ._telling import Teller
from .main import Exit, app

PIPELINE = "A ready flow (clip, storyboard), module:flow or path/to/file.py:flow."


def _asker(rows: str, yes: bool) -> Any:
    """Return what shows the plan of a batch that will spend, and asks on a terminal."""

    def confirm(plan: Any, uncovered: bool) -> bool:
        if not plan.spends and not plan.problems:
            return True
        err.print(plan)
        if yes or not uncovered or rows == "-" or not (err.is_terminal and sys.stdin.isatty()):
            return True
        return typer.confirm("Run it?", err=True)

    return confirm


def _finish(report: Any, as_json: bool) -> int:
    sums = report.summary()
    if as_json:
        print_json(sums)
    else:
        parts = [f"{sums[name]} {name}" for name in ("succeeded", "skipped", "failed", "degraded") if sums[name]]
        if sums["not_run"]:
            parts.append(f"{sums['not_run']} not run")
        unknown = f" and {sums['cost_unknown_calls']} of unknown cost" if sums["cost_unknown_calls"] else ""
        out.print(
            f"{sums['rows']} rows: {', '.join(parts)}. {sums['calls']} calls, spent {money(sums['cost_usd'])}{unknown}, "
            f"{sums['seconds']:.1f} s.",
            markup=False,
        )
        if report.out:
            out.print(f"Outputs: {report.out}\nReport:  {Path(report.out) / 'report.html'}", markup=False)
        for row in [row for row in report.rows if row.status == "failed"][:5]:
            err.print(f"{row.id}: {row.error}", style="red", markup=False)
    if report.stopped_by == "budget":
        err.print("Stopped by the budget. Raise it and run the same command again: finished rows are kept.")
        return Exit.BUDGET
    return Exit.SOME_FAILED if sums["failed"] or sums["not_run"] else Exit.DONE


@app.command()
def batch(
    pipeline: Annotated[str, typer.Argument(help=PIPELINE)],
    rows: Annotated[
        str, typer.Argument(help="A .jsonl, .csv or .parquet file, or - for JSON lines on standard input.")
    ],
    budget: Annotated[str | None, typer.Option(help='Most that the batch may spend, for example "5 USD".')] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, max=10_000, help="Rows at a time.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for outputs, manifest.jsonl and report.html.")] = None,
    on_error: Annotated[str, typer.Option(help="After a failed row: continue or stop.")] = "continue",
    admit: Annotated[
        str, typer.Option(help="all: any problem refuses the batch; valid: run the good rows; unplanned: do not plan.")
    ] = "all",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before spending.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,
) -> int:
    """Run a flow once for each row; run the same command again to go on where it stopped."""
    if on_error not in ("continue", "stop"):
        raise ConfigurationError(f"--on-error {on_error!r} is not valid. Expected continue or stop.")
    from ..flows.batch import batch as run

    with Teller() as teller:
        report = complete(
            run(
                pipeline, rows, budget=budget, concurrency=concurrency, out=out, on_error=on_error, on_row=teller.row_ended,
                admit=admit, confirm=_asker(rows, yes),
            )
        )  # fmt: skip
    return _finish(report, as_json)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the clips, the contact sheet and the report.")] = Path("demo"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,
) -> int:
    """Make a small batch with the offline models: four narrated clips. No key, no network, no cost."""
    from ..flows.demo import demo as run

    with Teller() as teller:
        report, sheet = complete(run(out, on_row=teller.row_ended))
    code = _finish(report, as_json)
    if not as_json:
        from ._output import out as stdout

        stdout.print(f"Sheet:   {sheet}", markup=False)
    return code


@app.command()
def report(
    batch: Annotated[str, typer.Argument(help="Id of a batch, or `latest`.")] = "latest",
    out: Annotated[Path | None, typer.Option(help="HTML file to write; <batch>.html unless given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,
) -> int:
    """Write a batch's gallery, with costs, as one HTML file."""
    from ..flows.history import report_of

    found = report_of(batch)
    target = out or Path(f"{found.batch}.html")
    with writing(target):
        target = found.write(target)
    if as_json:
        print_json({**found.summary(), "report": str(target)})
    else:
        from ._output import out as stdout

        stdout.print(str(target), markup=False)
    return Exit.DONE
