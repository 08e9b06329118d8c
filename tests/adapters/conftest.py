"""A real HTTP server that answers as it is told, adapters that point at it, and media in a store of the test's own."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import pickle
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from prefect_media.adapters.credentials import Credentials
from prefect_media.adapters.registry import ADAPTERS, create
from prefect_media.media.types import Image

SECRET = "planted-secret-9f81c2d7"


@dataclass
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Scripted:
    """An answer. `cut` sends that many bytes of the body and hangs up; `silent` hangs up without any answer."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: int | None = None
    silent: bool = False
    endless: bool = False
    stall: bool = False


class Server:
    """Answers each request by the first script that fits its method and path; a script for several uses stays."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.base = ""
        self._scripts: list[tuple[str, str, list[Scripted | Callable[[Seen], Scripted]]]] = []
        self._tasks: set[asyncio.Task[Any]] = set()

    def on(
        self,
        method: str,
        path: str,
        status: int = 200,
        json_: Any = None,
        then: Callable[[Seen], Any] | None = None,
        **how: Any,
    ) -> None:
        """Answer one more request so; the last answer for a method and path is repeated for ever.

        A path ends with `*` to mean every path that begins so.
        """
        headers = dict(how.pop("headers", {}))
        body = how.pop("body", b"")
        if json_ is not None:
            body = json.dumps(json_).encode()
            headers.setdefault("Content-Type", "application/json")
        answer = then or Scripted(status, headers, body, **how)
        for known_method, known_path, answers in self._scripts:
            if (known_method, known_path) == (method, path):
                answers.append(answer)
                return
        self._scripts.append((method, path, [answer]))

    def requests(self, method: str, path: str) -> list[Seen]:
        """Return the requests that arrived for a method and a path."""
        return [seen for seen in self.seen if seen.method == method and _fits(path, seen.path)]

    def _find(self, seen: Seen) -> Scripted:
        for method, path, answers in self._scripts:
            if method == seen.method and _fits(path, seen.path):
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                return answer if isinstance(answer, Scripted) else answer(seen)
        return Scripted(599, {}, f"no script for {seen.method} {seen.path}".encode())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            while seen := await _request(reader):
                self.seen.append(seen)
                if not await _answer(writer, self._find(seen)):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client hung up, as some tests make it do
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Server]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)


def _fits(pattern: str, path: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


async def _request(reader: asyncio.StreamReader) -> Seen | None:
    line = (await reader.readline()).decode()
    if not line:
        return None
    method, target, _ = line.split(" ", 2)
    headers: dict[str, str] = {}
    while (raw := (await reader.readline()).decode().strip()) != "":
        name, _, value = raw.partition(":")
        headers[name.lower()] = value.strip()
    if headers.get("transfer-encoding") == "chunked":
        body = b""
        while size := int((await reader.readline()).strip(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        body = await reader.readexactly(int(headers.get("content-length", 0)))
    path, _, query = target.partition("?")
    return Seen(method, path, query, headers, body)


async def _answer(writer: asyncio.StreamWriter, answer: Scripted) -> bool:
    """Write an answer; return whether the connection stays open."""
    if answer.silent:
        writer.transport.abort()
        return False
    headers = {"Content-Length": str(len(answer.body)), **answer.headers}
    if answer.endless:
        headers.pop("Content-Length")
        headers["Connection"] = "close"
    head = f"HTTP/1.1 {answer.status} Scripted\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
    writer.write(head.encode() + (answer.body if answer.cut is None else answer.body[: answer.cut]))
    await writer.drain()
    if answer.stall:
        await asyncio.sleep(3600)
    while answer.endless:
        writer.write(bytes(65536))
        await writer.drain()
    return answer.cut is None


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server().running() as running:
        yield running


@pytest.fixture
def secret() -> str:
    return SECRET


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for entry in ADAPTERS.values():
        for name in (*(n for way in entry.key_env for n in way), entry.base_url_env, *entry.extra_env.values()):
            if name:
                monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PREFECT_MEDIA_HOME", str(tmp_path / "home"))


@pytest.fixture(autouse=True)
def no_secret_in_the_logs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level("DEBUG")
    yield
    for record in caplog.get_records("call"):
        assert SECRET not in record.getMessage()
        # A signed URL is no key, but it opens one file for a while; debug output of httpcore shows headers.
        assert record.levelname == "DEBUG" or "sig=hidden" not in record.getMessage()


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
async def adapter_for(server: Server) -> AsyncIterator[Callable[..., Any]]:
    made: list[Any] = []

    def make(name: str, path: str = "", **extra: str) -> Any:
        credentials = Credentials(provider=name, key=SecretStr(SECRET), base_url=server.base + path, extra=extra)
        made.append(create(name, credentials))
        return made[-1]

    yield make
    for adapter in made:
        await adapter.aclose()


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Image]:
    """Give a function that puts `size_bytes` of distinct bytes into the store as a PNG value."""

    def make(size_bytes: int = 200, seed: str = "a") -> Image:
        from prefect_media.media.store import Store

        path = tmp_path / f"input-{seed}.png"
        block = hashlib.sha256(seed.encode()).digest()
        path.write_bytes((b"\x89PNG\r\n\x1a\n" + block * (size_bytes // 32 + 1))[:size_bytes])
        digest, size = Store.current().put(path, ".png")
        return Image(digest=digest, size_bytes=size, media_type="image/png", width_px=8, height_px=8)

    return make


@pytest.fixture
def clean() -> Callable[[BaseException], None]:
    """Give a function that checks that an error holds neither the key nor another exception that might."""

    def check(error: BaseException) -> None:
        assert SECRET not in str(error)
        assert SECRET not in repr(error)
        assert "sig=hidden" not in str(error)
        assert SECRET.encode() not in pickle.dumps(error)
        assert error.__cause__ is None
        assert error.__context__ is None or error.__suppress_context__
        context = error.__context__
        while context is not None:
            assert getattr(context, "_request", None) is None
            context = context.__context__

    return check
