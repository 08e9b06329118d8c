"""Input media that providers already hold, by digest, until they expire there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, delete, select

from .calls import CHUNK
from .database import Database, upsert
from .schema import UPLOADS

__all__ = ["Uploads"]

U = UPLOADS.c
MARGIN_S = 300.0
"""An upload that expires this soon is not used any more: the job may wait in a queue before it reads it."""

KNOWN = select(U.digest, U.url).where(
    U.provider == bindparam("p"),
    U.digest.in_(bindparam("ds", expanding=True)),
    U.expires_at.is_(None) | (U.expires_at > bindparam("at")),
)


class Uploads:
    """What was uploaded, per provider. The name of a provider may carry an account's label, never its key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def remember(self, provider: str, digest: str, url: str, expires: datetime | None = None) -> None:
        """Record where a provider keeps media of that digest, and until when (None: no end is known)."""
        expires_at = None if expires is None else expires.timestamp()
        with self._database.write() as tx:
            values = {"provider": provider, "digest": digest, "url": url, "expires_at": expires_at}
            upsert(tx, UPLOADS, ["provider", "digest"], values)

    def known(self, provider: str, digests: Iterable[str], *, margin_s: float = MARGIN_S) -> dict[str, str]:
        """Return URLs by digest, of those that last at least `margin_s` longer."""
        wanted = list(dict.fromkeys(digests))
        if not wanted:
            return {}
        found: dict[str, str] = {}
        with self._database.read() as connection:
            at = self._database.time(connection) + margin_s
            for start in range(0, len(wanted), CHUNK):
                chosen = {"p": provider, "ds": wanted[start : start + CHUNK], "at": at}
                found.update((row.digest, row.url) for row in connection.execute(KNOWN, chosen))
        return found

    def forget(self, provider: str, digest: str) -> None:
        """Drop an upload that the provider does not hold any more."""
        with self._database.write() as tx:
            tx.execute(delete(UPLOADS).where(U.provider == provider, U.digest == digest))

    def clean(self) -> int:
        """Drop what has expired; return how many."""
        with self._database.write() as tx:
            return int(tx.execute(delete(UPLOADS).where(U.expires_at <= tx.now)).rowcount)
