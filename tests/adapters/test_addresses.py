"""Which addresses downloads may reach."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from prefect_media.adapters import _addresses
from prefect_media.adapters._addresses import AddressRefused, GuardedTransport, check_address, check_url

PRIVATE = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b::7f00:1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::",
    "2001:0:0:0:0:0:5601:5601",
]
PUBLIC = ["93.184.216.34", "2606:4700::6810:84e5", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    with pytest.raises(AddressRefused, match="not a public address"):
        check_address(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    check_address(address)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_passes_when_allowed(address: str) -> None:
    check_address(address, allow_loopback=True)


@pytest.mark.parametrize(
    "address", [a for a in PRIVATE if a not in ("127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1")]
)
def test_allowing_loopback_allows_nothing_else(address: str) -> None:
    with pytest.raises(AddressRefused):
        check_address(address, allow_loopback=True)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file:///etc/passwd", "scheme is 'file'"),
        ("http://example.com/a.png", "scheme is 'http'"),
        ("ftp://example.com/a.png", "scheme is 'ftp'"),
        ("gopher://example.com/", "scheme is 'gopher'"),
        ("//example.com/a.png", "scheme is missing"),
        ("a.png", "scheme is missing"),
        ("https:///a.png", "names no host"),
        ("https://user:word@example.com/a.png", "user name"),
        ("https://example.com:port/", "not a URL"),
        ("http://127.0.0.1/a.png", "scheme is 'http'"),
        ("", "scheme is missing"),
    ],
)
def test_urls_of_other_forms_are_refused(url: str, reason: str) -> None:
    with pytest.raises(AddressRefused, match=reason.replace("missing", "'missing'")):
        check_url(url)


def test_plain_http_is_for_allowed_loopback_only() -> None:
    assert check_url("http://127.0.0.1:99/a", allow_loopback=True).port == 99
    assert check_url("http://localhost/a", allow_loopback=True).host == "localhost"
    with pytest.raises(AddressRefused):
        check_url("http://10.0.0.1/a", allow_loopback=True)


async def _get(transport: httpx.AsyncBaseTransport, url: str) -> httpx.Response:
    timeout = httpx.Timeout(5.0).as_dict()
    response = await transport.handle_async_request(httpx.Request("GET", url, extensions={"timeout": timeout}))
    await response.aclose()
    return response


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "127.1", "[::ffff:127.0.0.1]"])
async def test_no_spelling_of_loopback_is_connected_to(server: Any, host: str) -> None:
    port = httpx.URL(server.base).port
    transport = GuardedTransport()
    with pytest.raises((AddressRefused, httpx.ConnectError, httpx.UnsupportedProtocol)):
        await _get(transport, f"https://{host}:{port}/")
    await transport.aclose()
    assert server.seen == []


async def test_a_name_that_resolves_to_loopback_is_refused_even_where_loopback_is_allowed(server: Any) -> None:
    port = httpx.URL(server.base).port

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    transport = GuardedTransport(allow_loopback=True, resolve=resolve)
    with pytest.raises(AddressRefused, match=r"127\.0\.0\.1"):
        await _get(transport, f"http://innocent.example:{port}/")
    await transport.aclose()
    assert server.seen == []


async def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["93.184.216.34", "169.254.169.254"]

    transport = GuardedTransport(resolve=resolve)
    with pytest.raises(AddressRefused, match=r"169\.254\.169\.254"):
        await _get(transport, "https://mixed.example/")
    await transport.aclose()


async def test_a_name_is_resolved_once_for_a_connection(server: Any) -> None:
    """A second look-up, which could answer otherwise, never happens: the checked address is connected to."""
    answers = [["127.0.0.1"], ["169.254.169.254"]]
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers.pop(0)

    server.on("GET", "/", body=b"fine")
    transport = GuardedTransport(allow_loopback=True, resolve=resolve)
    response = await _get(transport, server.base.replace("127.0.0.1", "localhost") + "/")
    assert (response.status_code, asked) == (200, ["localhost"])
    await transport.aclose()


async def test_the_next_address_is_tried_when_one_refuses_the_connection(server: Any) -> None:
    port = httpx.URL(server.base).port
    server.on("GET", "/", body=b"fine")

    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]  # nothing listens on the first

    transport = GuardedTransport(allow_loopback=True, resolve=resolve)
    assert (await _get(transport, f"http://localhost:{port}/")).status_code == 200
    await transport.aclose()


async def test_a_name_that_does_not_resolve_is_a_failed_connection(tmp_path: Path) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        raise OSError(None, "unknown name")

    transport = GuardedTransport(resolve=resolve)
    with pytest.raises(httpx.ConnectError, match=r"nowhere\.example.*unknown name"):
        await _get(transport, "https://nowhere.example/")
    await transport.aclose()


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Give a self-signed certificate for `localhost`, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    paths = tmp_path / "cert.pem", tmp_path / "key.pem"
    paths[0].write_bytes(made.public_bytes(encoding))
    paths[1].write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
    return paths


@pytest.mark.parametrize(("host", "fits"), [("localhost", True), ("127.0.0.1", False)])
async def test_the_certificate_is_held_against_the_name_although_an_address_is_connected_to(
    certificate: tuple[Path, Path], host: str, fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    here.load_cert_chain(*certificate)
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    monkeypatch.setattr(_addresses, "ssl_context", lambda: trusting)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=here)
    url = f"https://{host}:{server.sockets[0].getsockname()[1]}/"
    transport = GuardedTransport(allow_loopback=True)
    if fits:
        assert (await _get(transport, url)).status_code == 200
    else:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await _get(transport, url)
    await transport.aclose()
    server.close()
