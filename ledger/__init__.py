"""The journal of calls, budgets, finished rows, uploads, shared limits and statistics, in SQLite or PostgreSQL.

    ledger = Ledger.current()                       # or Ledger(url or path)
    async with hold(ledger, spec, labels=...) as outcome:          # claims, waits for others, gives back
        if isinstance(outcome, Done): return outcome.call.outputs
        claim, last = outcome.claim, outcome.last                   # last attempt: re-attach, reconcile, or None
        attempt = await ledger.run(ledger.journal.intend, claim, estimate=..., budgets=[...])
        submission = await adapter.submit(...)
        await ledger.run(ledger.journal.submitted, attempt, submission.job)
        ...
        await ledger.run(ledger.journal.done, claim, attempt, outputs, cost=..., usage=...)

Parts of a `Ledger`, all synchronous, each method one durable transaction (several at once: `with ledger.together()`):

- `calls`: find, find_many, attempts, claim, renew, release, listing, keys_like, known_jobs
- `journal`: intend, submitted, progressed, done, failed, canceled, unknown, held, abandoned, withdrawn
- `budgets`: open, status, listing, history
- `rows`: begin_batch, end_batch, add, batch, batches, rows_of, finished, finish; and `row_key`
- `uploads`: remember, known, forget, clean
- `limits`: share, push_back, learn, not_before
- `statistics`: reused, costs
- `resolve(key, as_)`

From asyncio: `await ledger.run(method, ...)` for writes (one writer thread, group commit), `await ledger.look(method, ...)`
for reads. Claims are renewed in the background until they are released, done, or the process ends.
"""

from .budgets import Budget, BudgetEvent, BudgetStatus
from .holding import hold
from .ledger import Ledger
from .money import parse_money, show_money
from .records import Attempt, Busy, Call, CallSpec, CallState, Claim, Claimed, Done, Labels, Timing, media_in
from .resolving import RESOLUTIONS
from .rows import Batch, BatchRow, RowResult, row_key
from .statistics import GROUPS, CostLine

__all__ = [
    "GROUPS",
    "RESOLUTIONS",
    "Attempt",
    "Batch",
    "BatchRow",
    "Budget",
    "BudgetEvent",
    "BudgetStatus",
    "Busy",
    "Call",
    "CallSpec",
    "CallState",
    "Claim",
    "Claimed",
    "CostLine",
    "Done",
    "Labels",
    "Ledger",
    "RowResult",
    "Timing",
    "hold",
    "media_in",
    "parse_money",
    "row_key",
    "show_money",
]
