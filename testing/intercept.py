"""Stand in for the providers' own host names, so that clients without a base URL setting work unmodified.

Some official clients (fal's) have `https://` addresses built in. They do obey two settings of every HTTP client: a proxy
and a file of certificate authorities. The proxy here ends every tunnel at the simulator, whose certificate is signed
by an authority made for this one run; its key never leaves the folder that the run removes.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .site import HOSTS

__all__ = ["Authority", "make_authority", "start_proxy"]

AUTHORITY = "prefect-media simulator"
CHUNK = 64 * 1024


@dataclass(frozen=True)
class Authority:
    """Files of a certificate authority and of the certificate for the providers' names that it signed."""

    authorities: Path
    certificate: Path
    key: Path

    def environment(self, proxy: str) -> Mapping[str, str]:
        """Return the variables that send HTTP clients through a proxy and make them trust what answers."""
        return {"HTTPS_PROXY": proxy, "SSL_CERT_FILE": str(self.authorities), "NO_PROXY": "127.0.0.1,localhost"}


def make_authority(folder: Path) -> Authority:
    """Make an authority and a certificate for `HOSTS`, valid for a day."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    identifier = x509.SubjectKeyIdentifier.from_public_key(root_key.public_key())
    root = (
        _certificate(AUTHORITY, root_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        _certificate("simulated providers", key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    made = Authority(folder / "authorities.pem", folder / "certificate.pem", folder / "key.pem")
    made.authorities.write_bytes(root.public_bytes(pem))
    made.certificate.write_bytes(leaf.public_bytes(pem))
    made.key.touch(mode=0o600)
    made.key.write_bytes(private)
    return made


def _certificate(subject: str, key: Any) -> Any:
    """Begin a certificate that the authority will sign."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    now = datetime.now(UTC)
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (subject, AUTHORITY)]
    return (
        x509.CertificateBuilder()
        .subject_name(names[0])
        .issuer_name(names[1])
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
    )


async def start_proxy(listener: socket.socket, target: tuple[str, int]) -> asyncio.Server:
    """Start a proxy whose every tunnel ends at `target`, whatever host was asked for."""

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            host = head.partition(b" ")[2].partition(b":")[0].decode("latin-1")
            if not head.startswith(b"CONNECT ") or host not in HOSTS:
                writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            inner_reader, inner_writer = await asyncio.open_connection(*target)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # a client that leaves in the middle needs no answer
        finally:
            writer.close()

    return await asyncio.start_server(tunnel, sock=listener)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
