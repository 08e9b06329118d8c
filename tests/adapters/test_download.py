"""Downloads of untrusted URLs: through a provider's `fetch` and through `download` for a user's own URL."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prefect_media.adapters._download import Downloader, Refused, download
from prefect_media.adapters._errors import About
from prefect_media.adapters.base import Output
from prefect_media.errors import (
    DegenerateOutputError,
    MediaLimitError,
    OutputMismatchError,
    ParameterError,
    ProviderTimeoutError,
    ProviderUnavailableError,
    RateLimitedError,
)

ABOUT = About("fal", "fetch", "fal:model")


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("PREFECT_MEDIA_MAX_MEDIA_BYTES", "100000")
    return 100_000


async def test_an_output_is_streamed_to_the_target(server: Any, adapter_for: Any, scratch: Path) -> None:
    content = bytes(range(256)) * 2000
    server.on("GET", "/out/x.png", body=content)
    await adapter_for("fal").fetch(Output(url=f"{server.base}/out/x.png?sig=hidden"), scratch / "target")
    assert (scratch / "target").read_bytes() == content


@pytest.mark.parametrize("name", ["replicate", "fal", "openai", "elevenlabs"])
async def test_no_key_goes_to_an_output(server: Any, adapter_for: Any, scratch: Path, name: str, secret: str) -> None:
    server.on("GET", "/out/x.png", body=b"content")
    await adapter_for(name).fetch(Output(url=f"{server.base}/out/x.png"), scratch / "target")
    assert secret not in str(server.seen[0].headers)


async def test_the_servers_file_name_is_never_used(server: Any, adapter_for: Any, scratch: Path) -> None:
    header = {"Content-Disposition": 'attachment; filename="../../../evil.sh"'}
    server.on("GET", "/out/*", body=b"content", headers=header)
    url = f"{server.base}/out/..%2f..%2fevil.png"
    await adapter_for("fal").fetch(Output(url=url), scratch / "target")
    assert [path.name for path in scratch.parent.rglob("*") if path.is_file()] == ["target"]


async def test_a_local_output_is_moved(adapter_for: Any, scratch: Path) -> None:
    (scratch / "answer-0.bin").write_bytes(b"sound")
    await adapter_for("openai").fetch(Output(path=scratch / "answer-0.bin"), scratch / "target")
    assert [path.name for path in scratch.iterdir()] == ["target"]


async def test_text_is_written(adapter_for: Any, scratch: Path) -> None:
    await adapter_for("fal").fetch(Output(text="grüße"), scratch / "target")
    assert (scratch / "target").read_text(encoding="utf-8") == "grüße"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file:///etc/passwd", "'file'"),
        ("http://example.com/x.png", "'http'"),
        ("https://169.254.169.254/latest/meta-data", "169.254.169.254, which is not a public address"),
        ("https://10.0.0.5/x.png", "10.0.0.5, which is not a public address"),
        ("https://[fe80::1]/x.png", "fe80::1, which is not a public address"),
        ("https://[::ffff:169.254.169.254]/x.png", "169.254.169.254, which is not a public address"),
        ("https://user:planted@example.com/", "a user name or password"),
        ("", "scheme is 'missing'"),
    ],
)
async def test_forbidden_addresses_are_refused_at_once(adapter_for: Any, scratch: Path, url: str, reason: str) -> None:
    with pytest.raises(OutputMismatchError) as caught:
        await adapter_for("fal").fetch(Output(url=url), scratch / "target")
    assert reason in str(caught.value)
    assert "planted" not in str(caught.value)
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data/", "scheme is 'http'"),
        ("https://169.254.169.254/latest/meta-data/?sig=hidden", "not a public address"),
        ("file:///etc/passwd", "scheme is 'file'"),
        ("https://192.168.0.1/admin", "not a public address"),
        ("//10.0.0.1/admin", "scheme is 'http'"),
        ("ftp://example.com/x", "scheme is 'ftp'"),
        ("http://[::1", "not a URL"),
        ("https://example.com:port/", "not a URL"),
    ],
)
async def test_redirects_to_forbidden_addresses_are_not_followed(
    server: Any, adapter_for: Any, scratch: Path, clean: Callable[[BaseException], None], location: str, reason: str
) -> None:
    server.on("GET", "/out", 302, headers={"Location": location})
    with pytest.raises(OutputMismatchError, match="Cannot fetch an output from fal: ") as caught:
        await adapter_for("fal").fetch(Output(url=f"{server.base}/out"), scratch / "target")
    assert reason in str(caught.value)
    clean(caught.value)
    assert list(scratch.iterdir()) == []


async def test_allowed_redirects_are_followed(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("GET", "/a", 302, headers={"Location": f"{server.base}/b"})
    server.on("GET", "/b", 307, headers={"Location": "c?x=1"})
    server.on("GET", "/c", body=b"content")
    await adapter_for("fal").fetch(Output(url=f"{server.base}/a"), scratch / "target")
    assert (scratch / "target").read_bytes() == b"content"


async def test_endless_redirects_end(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("GET", "/a", 302, headers={"Location": "/a"})
    with pytest.raises(OutputMismatchError, match="redirected more than 5 times"):
        await adapter_for("fal").fetch(Output(url=f"{server.base}/a"), scratch / "target")
    assert len(server.seen) == 6


@pytest.mark.usefixtures("small_limit")
async def test_a_large_content_length_is_refused_before_the_body(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("GET", "/out", headers={"Content-Length": str(10 * 1024**3)}, body=b"x" * 100, stall=True)
    with pytest.raises(OutputMismatchError, match="holds 10737418240 bytes; at most 100000 are allowed"):
        await adapter_for("fal").fetch(Output(url=f"{server.base}/out"), scratch / "target")
    assert list(scratch.iterdir()) == []


@pytest.mark.usefixtures("small_limit")
async def test_an_endless_stream_is_cut_off(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("GET", "/out", endless=True)
    with pytest.raises(OutputMismatchError, match="cut off after 100000 bytes"):
        await adapter_for("fal").fetch(Output(url=f"{server.base}/out"), scratch / "target")
    assert list(scratch.iterdir()) == []


async def test_a_download_that_takes_too_long_is_given_up(server: Any, scratch: Path) -> None:
    server.on("GET", "/out", body=b"x" * 1000, cut=10, stall=True)
    downloader = Downloader(allow_loopback=True, total_timeout_s=0.05)
    with pytest.raises(ProviderTimeoutError):
        await downloader.save(f"{server.base}/out", scratch / "target", ABOUT, max_bytes=10_000)
    await downloader.aclose()
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("how", [{"body": b"x" * 1000, "cut": 300}, {"silent": True}])
async def test_a_truncated_download_may_be_tried_again(
    server: Any, adapter_for: Any, scratch: Path, clean: Callable[[BaseException], None], how: dict[str, Any]
) -> None:
    server.on("GET", "/out", **how)
    with pytest.raises(ProviderUnavailableError, match="broke before the answer was complete") as caught:
        await adapter_for("fal").fetch(Output(url=f"{server.base}/out"), scratch / "target")
    assert caught.value.accepted is False
    clean(caught.value)
    assert list(scratch.iterdir()) == []


async def test_a_chunked_body_without_its_end_may_be_tried_again(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on(
        "GET", "/out", headers={"Content-Length": "", "Transfer-Encoding": "chunked"}, body=b"5\r\nhello\r\n", cut=10
    )

    with pytest.raises(ProviderUnavailableError):
        await adapter_for("fal").fetch(Output(url=f"{server.base}/out"), scratch / "target")


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_an_expired_output_is_a_mismatch(server: Any, adapter_for: Any, scratch: Path, status: int) -> None:
    server.on("GET", "/out", status, body=b"<Error>expired</Error>")
    with pytest.raises(OutputMismatchError, match=rf"/out answered {status}: it has expired") as caught:
        await adapter_for("fal").fetch(Output(url=f"{server.base}/out?sig=hidden"), scratch / "target")
    assert "hidden" not in str(caught.value)
    assert list(scratch.iterdir()) == []


async def test_a_busy_host_is_asked_again_later(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("GET", "/out", 429, headers={"Retry-After": "7"})
    with pytest.raises(RateLimitedError) as caught:
        await adapter_for("fal").fetch(Output(url=f"{server.base}/out"), scratch / "target")
    assert caught.value.retry_after_s == 7


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
async def test_a_broken_host_is_asked_again_later(server: Any, adapter_for: Any, scratch: Path, status: int) -> None:
    server.on("GET", "/out", status)
    with pytest.raises(ProviderUnavailableError) as caught:
        await adapter_for("fal").fetch(Output(url=f"{server.base}/out"), scratch / "target")
    assert caught.value.status_code == status


@pytest.mark.parametrize("status", [206, 204, 418])
async def test_other_answers_are_a_mismatch(server: Any, adapter_for: Any, scratch: Path, status: int) -> None:
    server.on("GET", "/out", status)
    with pytest.raises(OutputMismatchError, match=f"answered {status}"):
        await adapter_for("fal").fetch(Output(url=f"{server.base}/out"), scratch / "target")


async def test_an_empty_output_is_degenerate(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("GET", "/out")
    with pytest.raises(DegenerateOutputError, match="holds no bytes"):
        await adapter_for("fal").fetch(Output(url=f"{server.base}/out"), scratch / "target")
    assert list(scratch.iterdir()) == []


async def test_unasked_compression_is_refused(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("GET", "/out", body=b"x", headers={"Content-Encoding": "gzip"})
    with pytest.raises(OutputMismatchError, match="came compressed"):
        await adapter_for("fal").fetch(Output(url=f"{server.base}/out"), scratch / "target")


async def test_the_label_of_an_s3_upload_is_not_compression(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("GET", "/out", body=b"plain", headers={"Content-Encoding": "aws-chunked"})
    await adapter_for("fal").fetch(Output(url=f"{server.base}/out"), scratch / "target")
    assert (scratch / "target").read_bytes() == b"plain"


@pytest.mark.parametrize(
    ("uri", "content"),
    [
        ("data:image/png;base64," + base64.b64encode(b"\x89PNG" * 400_000).decode(), b"\x89PNG" * 400_000),
        ("DATA:;base64,aGVsbG8=", b"hello"),
        ("data:image/svg+xml,%3Csvg%2F%3E", b"<svg/>"),
        ("data:image/png;base64,aGVsbG8%3D", b"hello"),
    ],
)
async def test_data_uris_are_decoded(adapter_for: Any, scratch: Path, uri: str, content: bytes) -> None:
    await adapter_for("fal").fetch(Output(url=uri), scratch / "target")
    assert (scratch / "target").read_bytes() == content


@pytest.mark.usefixtures("small_limit")
@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("data:image/png;base64," + "A" * 400_000, "over 100000 bytes"),
        ("data:image/png," + "A" * 400_000, "over 100000 bytes"),
        ("data:image/png," + "A" * 200_000, "over 100000 bytes"),
        ("data:image/png;base64,!!!!", "not valid base64"),
        ("data:image/png;base64,AAA", "not valid base64"),
        ("data:image/png;base64", "no comma"),
    ],
)
async def test_bad_data_uris_are_refused(adapter_for: Any, scratch: Path, uri: str, reason: str) -> None:
    with pytest.raises(OutputMismatchError, match=reason):
        await adapter_for("fal").fetch(Output(url=uri), scratch / "target")
    assert list(scratch.iterdir()) == []


async def test_an_empty_data_uri_is_degenerate(adapter_for: Any, scratch: Path) -> None:
    with pytest.raises(DegenerateOutputError):
        await adapter_for("fal").fetch(Output(url="data:image/png;base64,"), scratch / "target")


async def test_a_users_url_on_this_machine_is_refused(server: Any, scratch: Path) -> None:
    with pytest.raises(ParameterError, match="only https is allowed"):
        await download(f"{server.base}/x.png", scratch / "target")
    with pytest.raises(ParameterError, match="not a public address"):
        await download(f"{server.base.replace('http', 'https')}/x.png", scratch / "target")
    assert server.seen == []


@pytest.mark.usefixtures("small_limit")
async def test_a_users_data_uri_is_imported_within_the_limit(scratch: Path) -> None:
    await download("data:image/png;base64,aGVsbG8=", scratch / "target")
    assert (scratch / "target").read_bytes() == b"hello"
    with pytest.raises(MediaLimitError, match="Raise PREFECT_MEDIA_MAX_MEDIA_BYTES"):
        await download("data:image/png;base64," + "A" * 400_000, scratch / "other")
    assert not (scratch / "other").exists()


async def test_a_proxy_of_the_environment_is_used_but_not_for_private_addresses(
    server: Any, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", server.base)
    server.on("CONNECT", "*", 502)

    async def resolve(host: str, port: int) -> list[str]:
        return {"public.example": ["93.184.216.34"], "intern.example": ["10.1.2.3"]}[host]

    downloader = Downloader(resolve=resolve)
    with pytest.raises(ProviderUnavailableError, match="not sent"):
        await downloader.save("https://public.example/x", scratch / "target", ABOUT, max_bytes=10)
    assert [seen.path for seen in server.seen] == ["public.example:443"]
    with pytest.raises(Refused, match=r"10\.1\.2\.3"):
        await downloader.save("https://intern.example/x", scratch / "target", ABOUT, max_bytes=10)
    assert len(server.seen) == 1
    await downloader.aclose()
