from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy

from prefect_media.errors import ConfigurationError, LedgerError, MissingExtraError
from prefect_media.ledger import CallSpec, Claimed, Ledger
from prefect_media.ledger.schema import CALLS, SCHEMA_VERSION, found_version, prepare


def _path(sqlite_url: str) -> Path:
    return Path(sqlite_url.removeprefix("sqlite:///"))


def test_a_ledger_is_there_again_when_it_is_opened_again(url: str, spec: Callable[..., CallSpec]) -> None:
    with Ledger(url) as ledger:
        assert isinstance(ledger.calls.claim(spec()), Claimed)
    with Ledger(url) as ledger:
        found = ledger.calls.find(spec().key)
    assert found is not None
    assert found.parameters == {"prompt": "a lighthouse at dawn", "seed": 1}
    assert found.inputs == ("ab" * 32,)


def test_sqlite_is_set_up_to_survive_a_power_cut(sqlite_url: str) -> None:
    with Ledger(sqlite_url) as ledger, ledger._database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    with Ledger(sqlite_url, synchronous="NORMAL") as ledger, ledger._database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1


def test_the_file_is_private_to_its_owner(sqlite_url: str) -> None:
    with Ledger(sqlite_url):
        assert stat.S_IMODE(_path(sqlite_url).stat().st_mode) == 0o600


def test_a_plain_path_names_a_file_and_its_folder_is_made(tmp_path: Path) -> None:
    with Ledger(str(tmp_path / "deep" / "er" / "l.db")) as ledger:
        assert ledger.place == str(tmp_path / "deep" / "er" / "l.db")
    assert (tmp_path / "deep" / "er" / "l.db").exists()


def test_a_newer_schema_is_refused_and_left_as_it_is(sqlite_url: str) -> None:
    Ledger(sqlite_url).close()
    with sqlite3.connect(_path(sqlite_url)) as raw:
        raw.execute("UPDATE prefect_media_ledger SET schema_version = 99")
    with pytest.raises(ConfigurationError) as caught:
        Ledger(sqlite_url)
    assert str(caught.value) == (
        f"The ledger {_path(sqlite_url)} has schema version 99; this prefect-media knows up to {SCHEMA_VERSION}. "
        "Upgrade prefect-media, or name another ledger in PREFECT_MEDIA_LEDGER."
    )
    with sqlite3.connect(_path(sqlite_url)) as raw:
        assert raw.execute("SELECT schema_version FROM prefect_media_ledger").fetchall() == [(99,)]


def test_an_older_schema_goes_through_every_step_in_order(url: str, spec: Callable[..., CallSpec]) -> None:
    with Ledger(url) as ledger:
        ledger.calls.claim(spec())
        steps = {
            SCHEMA_VERSION: lambda c: c.execute(
                sqlalchemy.text("ALTER TABLE calls ADD COLUMN colour TEXT DEFAULT 'red'")
            ),
            SCHEMA_VERSION + 1: lambda c: c.execute(sqlalchemy.text("UPDATE calls SET colour = 'blue'")),
        }
        with ledger._database.write() as tx:
            prepare(tx.connection, "here", target=SCHEMA_VERSION + 2, migrations=steps)  # type: ignore[arg-type]
        with ledger._database.read() as connection:
            assert found_version(connection) == SCHEMA_VERSION + 2
            assert connection.execute(sqlalchemy.text("SELECT colour FROM calls")).scalars().all() == ["blue"]


def test_a_step_that_fails_leaves_the_old_schema(url: str) -> None:
    def broken(connection: sqlalchemy.Connection) -> None:
        connection.execute(sqlalchemy.text("ALTER TABLE calls ADD COLUMN colour TEXT"))
        raise RuntimeError("half way")

    with Ledger(url) as ledger:
        with pytest.raises(RuntimeError), ledger._database.write() as tx:
            prepare(tx.connection, "here", target=SCHEMA_VERSION + 1, migrations={SCHEMA_VERSION: broken})
        with ledger._database.read() as connection:
            assert found_version(connection) == SCHEMA_VERSION
            assert "colour" not in {column["name"] for column in sqlalchemy.inspect(connection).get_columns(CALLS.name)}


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"these are my holiday pictures" * 100)
    with pytest.raises(LedgerError) as caught:
        Ledger(str(path))
    assert str(caught.value).startswith(f"The ledger {path} is damaged: file is not a database. Restore a backup")
    assert path.read_bytes().startswith(b"these are")


def test_a_damaged_database_says_so(tmp_path: Path, spec: Callable[..., CallSpec]) -> None:
    path = tmp_path / "ledger.db"
    with Ledger(str(path)) as ledger:
        for number in range(200):
            ledger.calls.claim(spec(number))
    data = bytearray(path.read_bytes())
    data[4096 * 2 :] = os.urandom(len(data) - 4096 * 2)
    path.write_bytes(data)
    with pytest.raises(LedgerError, match=f"The ledger {path} is damaged"):
        _read_everything(path)


def _read_everything(path: Path) -> None:
    with Ledger(str(path)) as ledger:
        list(ledger.calls.listing())


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Ledger(str(tmp_path))
    assert str(caught.value) == (
        f"The ledger {tmp_path} cannot be written: Is a directory. Give this user write access to the file and its "
        "folder, or name another place in PREFECT_MEDIA_LEDGER or PREFECT_MEDIA_HOME."
    )


def test_a_path_below_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(
        ConfigurationError,
        match=f"The ledger {tmp_path}/file/ledger.db cannot be written: {tmp_path}/file is not a folder",
    ):
        Ledger(str(tmp_path / "file" / "ledger.db"))


READ_ONLY = """
import os, sys
sys.path[:0] = []
import prefect_media.ledger as module
from prefect_media.errors import ConfigurationError
path = sys.argv[1]
if os.geteuid() == 0:
    os.setuid(65534)
try:
    with module.Ledger(path) as ledger:
        ledger.uploads.remember("fal", "0" * 64, "https://x")
except ConfigurationError as exc:
    print(exc)
"""


@pytest.mark.parametrize("what", ["file", "folder", "nothing yet"])
def test_a_place_without_write_access_is_named(what: str) -> None:
    # Not in tmp_path: pytest keeps that closed to other users.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "ledger.db"
        if what != "nothing yet":
            Ledger(str(path)).close()
            path.chmod(0o444 if what == "file" else 0o666)
        folder.chmod(0o555)
        ran = subprocess.run([sys.executable, "-c", READ_ONLY, str(path)], capture_output=True, text=True, check=True)
        folder.chmod(0o755)
    assert ran.stdout.startswith(f"The ledger {path} cannot be written: "), ran.stderr
    assert "PREFECT_MEDIA_LEDGER" in ran.stdout


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite://", "has to be a plain SQLite file"),
        ("sqlite:///:memory:", "has to be a plain SQLite file"),
        ("mysql://u:hunter2@h/d", "A ledger cannot be kept in 'mysql'. Allowed: sqlite, postgresql"),
        ("nonsense://x", "The ledger's URL cannot be read|A ledger cannot be kept in 'nonsense'"),
        ("sqlite:///x.db?mode=ro", "has to be a plain SQLite file"),
    ],
)
def test_other_urls_are_refused(url: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        Ledger(url)
    assert "hunter2" not in str(caught.value)


def test_a_server_out_of_reach_is_named_without_its_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(LedgerError, match="Check that the server runs") as caught:
        Ledger("postgresql://me:hunter2@127.0.0.1:1/ledger")
    assert "me:***@127.0.0.1:1/ledger" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'prefect-media\[postgres\]'"):
        Ledger("postgresql://me@127.0.0.1:1/ledger")


def test_processes_that_open_a_new_ledger_at_the_same_time_all_succeed(
    url: str, child: Callable[..., subprocess.Popen[str]]
) -> None:
    processes = [child("open_it", url) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    answers = [process.communicate("go\n", timeout=60)[0] for process in processes]
    assert answers == ["0\n"] * 4


def test_an_unknown_setting_of_synchronous_is_refused(sqlite_url: str) -> None:
    with pytest.raises(ConfigurationError, match="synchronous='OFF' is not allowed"):
        Ledger(sqlite_url, synchronous="OFF")


def test_a_ledger_from_before_a_fork_is_refused_in_the_child(sqlite_url: str) -> None:
    with Ledger(sqlite_url) as ledger:
        ledger._database._process += 1  # as if this were another process
        with pytest.raises(LedgerError, match="was opened before this process was forked"):
            ledger.calls.find("x")
        ledger._database._process -= 1
