"""`calls` and `costs`: the journal and what it says of money."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.table import Table

from ..errors import ParameterError
from ._output import money, out, print_json
from .main import Exit, app

calls_app = typer.Typer(
    help="The journal of calls; settle held ones with `calls resolve`.", invoke_without_command=True
)
app.add_typer(calls_app, name="calls")


def _when(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _described(call: Any, attempt: Any) -> dict[str, Any]:
    return {
        "key": call.key,
        "model": call.card_id,
        "capability": call.capability,
        "state": str(call.state),
        "attempts": call.attempt,
        "cost_usd": None if call.cost is None else float(call.cost),
        "remote_id": attempt.job.remote_id if attempt is not None and attempt.job is not None else None,
        "error": attempt.error if attempt is not None else None,
        "flow": call.labels.flow,
        "batch": call.labels.batch,
        "row": call.labels.row,
        "created": _when(call.created_at),
        "updated": _when(call.updated_at),
    }


@calls_app.callback()
def calls(
    context: typer.Context,
    state: Annotated[
        str | None, typer.Option(help="Only calls in this state: done, held, running, failed, ...")
    ] = None,
    batch: Annotated[str | None, typer.Option(help="Only calls of this batch.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many, newest first.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,
) -> int:
    """List calls, newest first."""
    if context.invoked_subcommand is not None:
        return Exit.DONE
    from ..ledger import Ledger

    ledger = Ledger.current()
    found = []
    for call in ledger.calls.listing(state=state, batch=batch, limit=limit):
        attempts = ledger.calls.attempts(call.key)
        found.append(_described(call, attempts[-1] if attempts else None))
    if as_json:
        print_json(found)
        return Exit.DONE
    table = Table(box=None, pad_edge=False)
    for name in ("key", "model", "state", "cost", "row", "updated", "error"):
        table.add_column(name, overflow="ellipsis" if name == "error" else "fold", no_wrap=name != "model")
    for call in found:
        cost = money(call["cost_usd"]) if call["state"] == "done" else ""
        error = (call["error"] or "").splitlines()[0] if call["error"] else ""
        table.add_row(call["key"][:16], call["model"], call["state"], cost, call["row"], call["updated"], error)
    out.print(table if found else "No calls.")
    return Exit.DONE


@calls_app.command()
def resolve(
    key: Annotated[str, typer.Argument(help="Key of a held call, or the beginning of it.")],
    as_: Annotated[
        str, typer.Option("--as", help="not-submitted, submitted:<remote id>, failed, or lost.", show_default=False)
    ],
    cost: Annotated[str | None, typer.Option(help='What it cost, when you know: "0.35 USD".')] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,
) -> int:
    """Settle a call whose answer was lost, after a look at the provider's own list.

    not-submitted: it was never accepted, a rerun sends it. submitted:<remote id>: it was accepted, a rerun follows that
    job. failed, lost: it was accepted and is gone; a rerun sends it again.
    """
    from ..ledger import Ledger, parse_money

    call = Ledger.current().resolve(key, as_, cost=parse_money(cost) if cost else None)
    if as_json:
        print_json({"key": call.key, "state": str(call.state)})
    else:
        out.print(f"{call.key[:16]} is now {call.state}. Run the same command again to go on.", markup=False)
    return Exit.DONE


@app.command()
def costs(
    by: Annotated[str, typer.Option(help="model, provider, day, flow or batch.")] = "model",
    batch: Annotated[str | None, typer.Option(help="Only of this batch.")] = None,
    days: Annotated[float | None, typer.Option(min=0, help="Only of the last so many days.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,
) -> int:
    """Show spend, durations and success rates."""
    import time

    from ..ledger import GROUPS, Ledger

    if by not in GROUPS:
        raise ParameterError(f"--by {by!r} is not valid. Expected {', '.join(GROUPS)}.")
    since = None if days is None else time.time() - days * 86_400
    lines = Ledger.current().statistics.costs(by, batch=batch, since=since)
    if as_json:
        print_json([_line(line) for line in lines])
        return Exit.DONE
    table = Table(box=None, pad_edge=False)
    table.add_column(by, overflow="fold")
    for name in ("calls", "done", "spent", "unknown", "median s", "p90 s", "success", "reused", "saved"):
        table.add_column(name, justify="right")
    for line in lines:
        shown = _line(line)
        table.add_row(
            shown["name"], str(shown["attempts"]), str(shown["done"]), money(shown["cost_usd"]),
            str(shown["cost_unknown_calls"]), _seconds(shown["median_seconds"]), _seconds(shown["p90_seconds"]),
            "" if shown["success_rate"] is None else f"{shown['success_rate']:.0%}", str(shown["reused"]),
            money(shown["saved_usd"]),
        )  # fmt: skip
    out.print(table if lines else "No calls.")
    total = sum((Decimal(str(_line(line)["cost_usd"])) for line in lines), Decimal(0))
    if lines:
        out.print(f"Together: {money(total)}", markup=False)
    return Exit.DONE


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _line(line: Any) -> dict[str, Any]:
    return {
        "name": line.name or "(none)",
        "cost_usd": float(line.spent),
        "cost_unknown_calls": line.unknown,
        "attempts": line.attempts,
        "open": line.open,
        "done": line.done,
        "failed": line.failed,
        "success_rate": line.success_rate,
        "median_seconds": line.median_s,
        "p90_seconds": line.p90_s,
        "reused": line.reused,
        "saved_usd": float(line.saved),
    }
