from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy

from prefect_media.adapters.base import Job
from prefect_media.ledger import Attempt, Budget, CallSpec, Claimed, Labels, Ledger

POSTGRES = "PREFECT_MEDIA_TEST_POSTGRES"
NO_LABELS = Labels()
CHILD = Path(__file__).with_name("child.py")


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def pass_s(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def postgres_url() -> Iterator[str]:
    server = os.environ.get(POSTGRES)
    if not server:
        pytest.skip(f"{POSTGRES} names no server")
    name = f"t{uuid.uuid4().hex}"
    admin = sqlalchemy.create_engine(sqlalchemy.make_url(server).set(drivername="postgresql+psycopg"))
    with admin.begin() as connection:
        connection.execute(sqlalchemy.text(f"CREATE SCHEMA {name}"))
    url = sqlalchemy.make_url(server).update_query_dict({"options": f"-csearch_path={name}"})
    yield url.render_as_string(hide_password=False)
    with admin.begin() as connection:
        connection.execute(sqlalchemy.text(f"DROP SCHEMA {name} CASCADE"))
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"] if os.environ.get(POSTGRES) else ["sqlite"])
def url(request: pytest.FixtureRequest) -> str:
    """A new empty database of each kind."""
    return request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")


@pytest.fixture
def ledger(url: str, clock: Clock) -> Iterator[Ledger]:
    """A ledger whose clock stands still."""
    with Ledger(url, clock=clock) as opened:
        yield opened


@pytest.fixture
def spec() -> Callable[..., CallSpec]:
    def make(number: int = 1, *, model: str = "fal:fal-ai/flux/dev") -> CallSpec:
        return CallSpec(
            key=f"{number:064x}",
            card_id=model,
            capability="text-to-image",
            provider=model.partition(":")[0],
            parameters={"prompt": "a lighthouse at dawn", "seed": number},
            inputs=("ab" * 32,),
        )

    return make


@pytest.fixture
def job() -> Callable[..., Job]:
    def make(remote_id: str = "job-1") -> Job:
        return Job(
            provider="fal", remote_id=remote_id, card_id="fal:fal-ai/flux/dev", data={"status_url": "https://x/1"}
        )

    return make


@pytest.fixture
def begin(spec: Callable[..., CallSpec]) -> Callable[..., tuple[Claimed, Attempt]]:
    """Claim a call and record the intent."""

    def go(
        ledger: Ledger,
        number: int = 1,
        *,
        estimate: str | None = "0.04",
        budgets: tuple[Budget, ...] = (),
        labels: Labels = NO_LABELS,
        model: str = "fal:fal-ai/flux/dev",
    ) -> tuple[Claimed, Attempt]:
        claimed = ledger.calls.claim(spec(number, model=model), labels=labels)
        assert isinstance(claimed, Claimed)
        price = None if estimate is None else Decimal(estimate)
        return claimed, ledger.journal.intend(claimed.claim, estimate=price, budgets=budgets)

    return go


@pytest.fixture
def child() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a program of `child.py` in a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(CHILD), *map(str, words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


IMAGE = {
    "kind": "image",
    "digest": "cd" * 32,
    "media_type": "image/png",
    "size_bytes": 3,
    "width_px": 1,
    "height_px": 1,
}


@pytest.fixture
def image() -> dict[str, object]:
    return dict(IMAGE)
