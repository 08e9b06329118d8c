"""Tables of the ledger, their version, and the way from one version to the next.

Money is whole nano-USD, times are seconds since the epoch (UTC), structured values are JSON text. A ledger holds the
user's own prompts (parameters of calls) and no credential.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    insert,
    inspect,
    select,
    update,
)

from ..errors import ConfigurationError

__all__ = [
    "ATTEMPTS",
    "BATCHES",
    "BATCH_ROWS",
    "BUDGETS",
    "BUDGET_HISTORY",
    "CALLS",
    "LIMITS",
    "MEMBERS",
    "RESERVATIONS",
    "REUSES",
    "ROWS",
    "SCHEMA_VERSION",
    "UPLOADS",
    "found_version",
    "prepare",
]

SCHEMA_VERSION = 1

MIGRATIONS: Mapping[int, Callable[[Connection], None]] = {}
"""Step from the version that is the key to the next one."""

metadata = MetaData()
Serial = BigInteger().with_variant(Integer, "sqlite")


def _key(name: str = "key") -> Column[str]:
    return Column(name, String(64), primary_key=True)


def _labels() -> list[Column[str]]:
    return [Column(name, Text, nullable=False, default="") for name in ("flow", "flow_run", "batch", "row")]


version = Table("prefect_media_ledger", metadata, Column("schema_version", Integer, nullable=False))

CALLS = Table(
    "calls",
    metadata,
    _key(),
    Column("card_id", Text, nullable=False),
    Column("capability", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("parameters", Text, nullable=False),
    Column("inputs", Text, nullable=False),
    Column("take", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempt", Integer, nullable=False),  # number of the latest attempt, 0 before the first
    Column("result_attempt", Integer),  # the attempt whose outputs these are
    Column("outputs", Text),
    Column("cost", BigInteger),  # of that attempt; null is unknown
    Column("owner", Text),
    Column("token", String(32)),  # of the live claim; null when nobody works on it
    Column("lease_until", Double),
    *_labels(),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
)
Index("calls_by_state", CALLS.c.state, CALLS.c.created_at)
Index("calls_by_batch", CALLS.c.batch)

ATTEMPTS = Table(
    "attempts",
    metadata,
    Column("call_key", String(64), ForeignKey("calls.key"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("job", Text),
    Column("remote_id", Text),  # of the job, to find it by
    Column("estimate", BigInteger),
    Column("reserved", BigInteger),
    Column("cost", BigInteger),
    Column("billed", Boolean),  # null is not known
    Column("possible_duplicate", Boolean, nullable=False, default=False),
    Column("error_class", Text),
    Column("error", Text),
    Column("usage", Text),
    *_labels(),
    Column("intent_at", Double, nullable=False),
    Column("submitted_at", Double),
    Column("first_poll_at", Double),
    Column("fetched_at", Double),
    Column("ended_at", Double),
    Column("queue_s", Double),
    Column("run_s", Double),
)
Index("attempts_by_time", ATTEMPTS.c.intent_at)
Index("attempts_by_job", ATTEMPTS.c.remote_id)

BUDGETS = Table(
    "budgets",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("cap", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("assumed", BigInteger, nullable=False),  # part of spent: reservations of calls whose cost is unknown
    Column("overrun_at", Double),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("name", "scope"),
)

RESERVATIONS = Table(
    "reservations",
    metadata,
    Column("call_key", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("budget_id", Serial, ForeignKey("budgets.id"), primary_key=True),
    Column("amount", BigInteger, nullable=False),
    Column("settled", BigInteger),  # null while reserved
    Column("assumed", Boolean, nullable=False, default=False),  # settled at the reserved amount, for want of the cost
)

BUDGET_HISTORY = Table(
    "budget_history",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("budget_id", Serial, ForeignKey("budgets.id"), nullable=False),
    Column("at", Double, nullable=False),
    Column("event", String(16), nullable=False),
    Column("call_key", String(64)),
    Column("number", Integer),
    Column("delta_spent", BigInteger, nullable=False),
    Column("delta_reserved", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("cap", BigInteger, nullable=False),
)
Index("budget_history_by_budget", BUDGET_HISTORY.c.budget_id, BUDGET_HISTORY.c.id)

BATCHES = Table(
    "batches",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("flow", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("summary", Text),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
)

ROWS = Table(
    "finished_rows",
    metadata,
    _key(),
    Column("flow", Text, nullable=False),
    Column("batch", String(32), nullable=False),  # the batch that ran it last
    Column("status", String(16), nullable=False),
    Column("output", Text),
    Column("media", Text, nullable=False),
    Column("cost", BigInteger),
    Column("calls", Integer, nullable=False),
    Column("degraded", Text, nullable=False),
    Column("error", Text),
    Column("finished_at", Double, nullable=False),
)

BATCH_ROWS = Table(
    "batch_rows",
    metadata,
    Column("batch", String(32), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("row_id", Text, nullable=False),
    Column("row_key", String(64), nullable=False),
)

UPLOADS = Table(
    "uploads",
    metadata,
    Column("provider", Text, primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("url", Text, nullable=False),
    Column("expires_at", Double),
)

LIMITS = Table(
    "limits",
    metadata,
    Column("name", Text, primary_key=True),
    Column("learned", Integer),
    Column("not_before", Double, nullable=False, default=0.0),
    Column("updated_at", Double, nullable=False),
)

MEMBERS = Table(
    "limit_members",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("wanted", Integer, nullable=False),
    Column("in_use", Integer, nullable=False),
    Column("granted", Integer, nullable=False),
    Column("until", Double, nullable=False),
)

REUSES = Table(
    "reuses",
    metadata,
    *[Column(name, Text, primary_key=True) for name in ("day", "provider", "card_id", "flow", "batch")],
    Column("calls", Integer, nullable=False),
    Column("saved", BigInteger, nullable=False),
    Column("unpriced", Integer, nullable=False),
)


def found_version(connection: Connection) -> int | None:
    """Return the schema version of the database; None when it holds no ledger yet."""
    if not inspect(connection).has_table(version.name):
        return None
    return connection.execute(select(version.c.schema_version)).scalar_one_or_none()


def prepare(
    connection: Connection,
    place: str,
    *,
    target: int = SCHEMA_VERSION,
    migrations: Mapping[int, Callable[[Connection], None]] = MIGRATIONS,
) -> None:
    """Create the tables, or bring older ones forward. Call it in a transaction that excludes other writers.

    Args:
        connection: To the database.
        place: Name of the database for messages, without a password.
        target: Version to arrive at.
        migrations: Steps, by the version they start from.

    Raises:
        ConfigurationError: The database was written by a newer prefect-media; it is left as it is.
    """
    found = found_version(connection)
    if found is None:
        metadata.create_all(connection)
        connection.execute(insert(version).values(schema_version=target))
        return
    if found > target:
        raise ConfigurationError(
            f"The ledger {place} has schema version {found}; this prefect-media knows up to {target}. "
            "Upgrade prefect-media, or name another ledger in PREFECT_MEDIA_LEDGER."
        )
    for step in range(found, target):
        migrations[step](connection)
    if found < target:
        connection.execute(update(version).values(schema_version=target))
