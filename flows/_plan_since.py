"""Find what a plan is to be compared with: a batch of the ledger, or an earlier plan."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from ..ledger import Ledger
from ._plan_diff import Before, Earlier, by_field
from .plan_result import Plan

__all__ = ["earlier_of"]


def earlier_of(since: str | Path | Plan, flow: str) -> Earlier:
    """Return the batch or plan that a name means.

    Args:
        since: Id of a batch or an unambiguous beginning of it; `latest` for the flow's last one; a file that
            `prefect-media plan --json` wrote; a plan.
        flow: Reference of the flow that is planned.

    Raises:
        ConfigurationError: There is none, it is none, or it is of another flow.
    """
    if isinstance(since, Plan):
        found = _of_plan("the earlier plan", since.to_dict())
    elif str(since).endswith(".json"):
        found = _of_file(Path(since).expanduser())
    else:
        found = _of_batch(str(since), flow)
    if found.flow != flow:
        raise ConfigurationError(
            f"since={str(since)!r}: {found.name} is of {found.flow}, planned is {flow}. Name a batch of the same flow."
        )
    return found


def _of_batch(name: str, flow: str) -> Earlier:
    rows = Ledger.current().rows
    if name == "latest":
        batch = next((batch for batch in rows.batches(limit=1000) if batch.flow == flow), None)
        if batch is None:
            raise ConfigurationError(f"since='latest': the ledger has no batch of {flow}. Run one first.")
    else:
        batch = rows.batch(name)
    found: list[Before] = []
    for row in rows.rows_of(batch.id):
        output = row.result.output if row.result is not None else None
        marks = output.get("marks") if isinstance(output, dict) else None
        found.append(Before(row.row_id, marks if isinstance(marks, dict) else None))
    return Earlier(f"batch {batch.id}", batch.flow, batch.fingerprint, found)


def _of_file(path: Path) -> Earlier:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigurationError(f"since={str(path)!r} cannot be read: {exc.strerror or exc}.") from exc
    except ValueError as exc:
        raise ConfigurationError(f"since={str(path)!r} is not JSON: {exc}.") from exc
    if not isinstance(document, dict) or not document.get("row_marks"):
        raise ConfigurationError(
            f"since={str(path)!r} is no plan of rows. Expected what `prefect-media plan FLOW ROWS --json` prints."
        )
    return _of_plan(f"the plan in {path.name}", document)


def _of_plan(name: str, document: Mapping[str, Any]) -> Earlier:
    names: Sequence[str] = document["fields"]
    rows = [Before(row, by_field(marks, names)) for row, marks in document["row_marks"].items()]
    return Earlier(name, document["pipeline"], document["fingerprint"], rows)
