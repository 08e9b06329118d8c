"""The commands, and what an error or an interruption becomes: one message and an exit code."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated, Any

import typer

from ..errors import BudgetExceeded, CallsFailed, ConfigurationError, PrefectMediaError
from . import _environment
from ._output import err

__all__ = ["Exit", "app", "main"]


COMMANDS = ("run", "plan", "batch", "models", "calls", "simulate", "doctor")
"""Modules that register commands, in the order of the help text."""


USAGE_ERROR: type[Exception] = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
"""What typer raises for wrong usage: its own class since 0.26, click's before."""


class Exit:
    """Exit codes."""

    DONE = 0
    SOME_FAILED = 1
    REFUSED = 2
    BUDGET = 3
    INTERRUPTED = 130


app = typer.Typer(
    name="prefect-media",
    help="Batch media pipelines on Prefect: checked before money is spent, nothing paid twice.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"prefect-media {version('prefect-media')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Hold the options of the command itself."""


def exit_code(error: BaseException) -> int:
    """Return the exit code that an error stands for."""
    if isinstance(error, KeyboardInterrupt):
        return Exit.INTERRUPTED
    if isinstance(error, BudgetExceeded):
        return Exit.BUDGET
    if isinstance(error, CallsFailed) and any(isinstance(each, BudgetExceeded) for each in error.errors):
        return Exit.BUDGET
    return Exit.REFUSED if isinstance(error, ConfigurationError) else Exit.SOME_FAILED


def _message(error: BaseException) -> str:
    notes = "".join(f"\n{note}" for note in getattr(error, "__notes__", ()))
    return f"{error}{notes}"


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line and exit."""
    _environment.prepare()
    for name in COMMANDS:
        import_module(f".{name}", __package__)
    try:
        # standalone_mode=False, so that errors arrive here; click itself would exit with its own codes.
        code = app(arguments, standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        code = Exit.INTERRUPTED
    except USAGE_ERROR as exc:
        exc.show()  # type: ignore[attr-defined]
        sys.exit(Exit.REFUSED)
    except PrefectMediaError as exc:
        err.print("[red]Error:[/]", end=" ")
        err.print(_message(exc), markup=False)
        sys.exit(exit_code(exc))
    if code == Exit.INTERRUPTED:  # typer turns the KeyboardInterrupt itself into this code
        err.print("[yellow]Interrupted.[/] What was finished is kept; the same command goes on from there.")
    sys.exit(code if isinstance(code, int) else Exit.DONE)
