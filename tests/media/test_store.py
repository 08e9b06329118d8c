"""The store: atomic, durable, verified on read, listed; local and remote; with several writers."""

import errno
import hashlib
import multiprocessing
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest

from prefect_media.errors import ConfigurationError, MediaCorruptError, MediaMissingError, MissingExtraError
from prefect_media.media.durable import write_durably
from prefect_media.media.store import Store, digest_of

DATA = b"some bytes of a picture" * 1000
DIGEST = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(DATA)
    return path


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    if request.param == "local":
        yield Store.current()
        return
    monkeypatch.setenv("PREFECT_MEDIA_STORE", "memory://bucket/media")
    yield Store.current()
    fsspec.filesystem("memory").store.clear()


def everything_under(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_put_then_read_gives_the_same_bytes(store: Store, source: Path, tmp_path: Path) -> None:
    assert store.put(source, ".png") == (DIGEST, len(DATA))
    assert store.exists(DIGEST, ".png")
    assert store.read(DIGEST, ".png") == DATA
    assert store.locate(DIGEST, ".png").read_bytes() == DATA
    assert store.copy_out(DIGEST, ".png", tmp_path / "new" / "out.png").read_bytes() == DATA


def test_files_lists_what_was_put_and_garbage_what_is_not_used(store: Store, source: Path) -> None:
    store.put(source, ".png")
    other = source.with_name("other")
    other.write_bytes(b"other")
    other_digest, _ = store.put(other, ".wav")
    found = {(each.digest, each.suffix, each.size_bytes) for each in store.files()}
    assert found == {(DIGEST, ".png", len(DATA)), (other_digest, ".wav", 5)}
    assert all(abs(each.modified_s - time.time()) < 3600 for each in store.files())
    assert [each.digest for each in store.garbage({DIGEST})] == [other_digest]
    assert list(store.garbage({DIGEST, other_digest})) == []


def test_an_empty_store_lists_nothing(store: Store) -> None:
    assert list(store.files()) == []
    assert list(store.leftovers(0)) == []


def test_missing_bytes_are_an_error_that_says_what_to_do(store: Store) -> None:
    assert not store.exists(DIGEST, ".png")
    with pytest.raises(MediaMissingError, match=r"does not hold .*\.png.*Run the task again"):
        store.read(DIGEST, ".png")


def test_putting_again_writes_nothing(home: Path, source: Path) -> None:
    store = Store.current()
    store.put(source, ".png")
    before = store.locate(DIGEST, ".png").stat()
    store.put(source, ".png")
    after = store.locate(DIGEST, ".png").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_corrupted_bytes_are_detected_on_read_and_repaired_by_put(home: Path, source: Path, tmp_path: Path) -> None:
    store = Store.current()
    store.put(source, ".png")
    stored = store.locate(DIGEST, ".png")
    flipped = bytearray(DATA)
    flipped[100] ^= 1
    stored.write_bytes(flipped)
    with pytest.raises(MediaCorruptError, match="should have SHA-256"):
        store.read(DIGEST, ".png")
    with pytest.raises(MediaCorruptError):
        store.verify(DIGEST, ".png")
    with pytest.raises(MediaCorruptError):
        store.copy_out(DIGEST, ".png", tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()
    store.put(source, ".png")
    assert store.read(DIGEST, ".png") == DATA


def test_a_spoilt_cache_of_a_remote_store_is_fetched_anew(
    source: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_STORE", "memory://spoilt")
    store = Store.current()
    store.put(source, ".png")
    for use in (
        lambda: store.read(DIGEST, ".png"),
        lambda: store.copy_out(DIGEST, ".png", tmp_path / "out.png").read_bytes(),
    ):
        store.locate(DIGEST, ".png").write_bytes(b"spoilt")
        assert use() == DATA
        assert store.locate(DIGEST, ".png").read_bytes() == DATA
    fsspec.filesystem("memory").store.clear()


def test_a_remote_store_is_read_by_a_machine_that_never_wrote_it(
    source: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_STORE", "memory://shared")
    Store.current().put(source, ".png")
    monkeypatch.setenv("PREFECT_MEDIA_HOME", str(tmp_path / "other machine"))
    there = Store.current()
    assert there.read(DIGEST, ".png") == DATA
    memory = fsspec.filesystem("memory")
    memory.pipe_file(f"/shared/{DIGEST[:2]}/{DIGEST}.png", b"spoilt")
    monkeypatch.setenv("PREFECT_MEDIA_HOME", str(tmp_path / "third machine"))
    with pytest.raises(MediaCorruptError):
        Store.current().read(DIGEST, ".png")
    assert everything_under(tmp_path / "third machine") == []
    memory.rm(f"/shared/{DIGEST[:2]}/{DIGEST}.png")
    assert not there.exists(DIGEST, ".png"), "cached here, but the remote copy is the one that counts"
    memory.store.clear()


def test_a_password_in_the_store_address_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_STORE", "memory://user:secret@bucket")
    with pytest.raises(MediaMissingError) as caught:
        Store.current().read(DIGEST, ".png")
    assert "secret" not in str(caught.value)


def test_an_address_that_nothing_serves_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_STORE", "nosuch://user:secret@bucket")
    with pytest.raises(
        ConfigurationError, match=r"store nosuch://bucket cannot be used: .* PREFECT_MEDIA_STORE"
    ) as refused:
        Store.current()
    assert "secret" not in str(refused.value)
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    monkeypatch.setenv("PREFECT_MEDIA_STORE", "gs://bucket/media")
    with pytest.raises(
        MissingExtraError, match=r"store gs://bucket/media needs a package that is not installed.*gcsfs"
    ):
        Store.current()


@pytest.mark.parametrize(
    ("digest", "suffix"),
    [("../../etc", ".png"), (DIGEST, "/../../x"), (DIGEST, ""), (DIGEST.upper(), ".png"), (DIGEST, ".a/b")],
)
def test_names_that_could_leave_the_store_are_refused(home: Path, digest: str, suffix: str) -> None:
    with pytest.raises(ValueError, match="does not name a stored file"):
        Store.current().locate(digest, suffix)


def test_a_file_that_changes_while_it_is_stored_never_gets_the_wrong_name(
    home: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def digest_before_the_change(path: Path) -> tuple[str, int]:
        facts = digest_of(path)
        path.write_bytes(b"changed")
        return facts

    monkeypatch.setattr("prefect_media.media.store.digest_of", digest_before_the_change)
    with pytest.raises(MediaCorruptError, match="Bytes changed"):
        Store.current().put(source, ".png")
    assert everything_under(home / "store") == []


def test_a_torn_write_is_never_visible(home: Path, source: Path) -> None:
    """A process that dies in the middle of a write leaves only a temporary name, which is listed as a leftover."""
    big = source.with_name("big")
    big.write_bytes(os.urandom(1 << 20) * 8)
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from prefect_media.media import durable, store\n"
        "def die(handle):\n"
        "    os._exit(9)\n"
        "os.fsync = die\n"
        "store.Store.current().put(Path(sys.argv[1]), '.png')\n"
    )
    (home / "store").mkdir(parents=True)
    digest, _ = digest_of(big)
    (home / "store" / digest[:2]).mkdir()  # else the folder's own fsync comes first
    ended = subprocess.run([sys.executable, "-c", script, str(big)], check=False, timeout=60)
    assert ended.returncode == 9
    store = Store.current()
    assert not store.exists(digest, ".png")
    assert list(store.files()) == []
    assert [path.name.startswith(".part-") for path in store.leftovers(older_than_s=0)] == [True]
    assert list(store.leftovers()) == [], "young ones may belong to a living process"
    store.put(big, ".png")
    assert store.exists(digest, ".png")


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "target.bin"
    target.write_bytes(b"old")
    with pytest.raises(FileNotFoundError):
        write_durably(tmp_path / "not there", target)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["target.bin"]


def test_readers_see_all_or_nothing_while_others_write(home: Path, tmp_path: Path) -> None:
    store, sources = Store.current(), []
    for number in range(4):
        path = tmp_path / f"source{number}"
        path.write_bytes(bytes([number]) * 2_000_000)
        sources.append((path, digest_of(path)[0]))
    seen: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            seen.extend(path.stat().st_size for path in (home / "store").glob("??/[0-9a-f]*.bin"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda each: store.put(each[0], ".bin"), sources * 6))
    stop.set()
    watcher.join()
    assert {digest for digest, _ in results} == {digest for _, digest in sources}
    assert set(seen) <= {2_000_000}
    assert len(list(store.files())) == 4
    assert list(store.leftovers(0)) == []


def _put(
    home: str, source: str, gate: "multiprocessing.synchronize.Barrier", results: "multiprocessing.Queue[str]"
) -> None:
    os.environ["PREFECT_MEDIA_HOME"] = home
    gate.wait(30)
    results.put(Store.current().put(Path(source), ".png")[0])


def test_two_processes_put_the_same_file(home: Path, source: Path) -> None:
    context = multiprocessing.get_context("spawn")
    gate, results = context.Barrier(2), context.Queue()
    writers = [context.Process(target=_put, args=(str(home), str(source), gate, results)) for _ in range(2)]
    for writer in writers:
        writer.start()
    assert [results.get(timeout=60), results.get(timeout=60)] == [DIGEST, DIGEST]
    for writer in writers:
        writer.join(30)
        assert writer.exitcode == 0
    store = Store.current()
    assert store.read(DIGEST, ".png") == DATA
    assert len(list(store.files())) == 1
    assert list(store.leftovers(0)) == []


def test_scratch_folders_are_private_and_vanish(home: Path) -> None:
    store = Store.current()
    with store.scratch() as first, store.scratch() as second:
        assert first != second
        (first / "file").write_text("x")
        assert list(store.files()) == []
    assert not first.exists()
    assert not second.exists()


def test_permissions_follow_the_umask(home: Path, source: Path) -> None:
    store = Store.current()
    store.put(source, ".png")
    mask = os.umask(0)
    os.umask(mask)
    assert store.locate(DIGEST, ".png").stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_store_that_has_no_room_is_named(home: Path, source: Path) -> None:
    """A limit on the length of files stands for a full disk: neither error of the system says where."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(OSError, match=f"File too large: the store {home}/store cannot be written") as caught:
            Store.current().put(source, ".png")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.errno == errno.EFBIG
    assert list(Store.current().files()) == []
