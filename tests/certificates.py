"""A certificate authority for tests, and the certificates it gives out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PEM = serialization.Encoding.PEM


def new_key() -> Any:
    return ec.generate_private_key(ec.SECP256R1())


def pem_of(key: Any, password: bytes | None = None) -> bytes:
    hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, hidden)


def _name(common_name: str) -> x509.Name:
    names = ((NameOID.ORGANIZATION_NAME, "Tests"), (NameOID.COMMON_NAME, common_name))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in names])


def _certificate(subject: str, key: Any, signer: Any, *, days: tuple[int, int], usage: Any = None) -> x509.Certificate:
    now, is_authority = datetime.now(UTC), usage is None
    usages = x509.KeyUsage(not is_authority, False, False, False, False, is_authority, is_authority, False, False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name("Authority"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(usages, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return builder.sign(signer, hashes.SHA256())


@dataclass(frozen=True)
class Signing:
    """Files that one signs with, and what an authority can issue more of.

    Attributes:
        chain, key: PEM files, as the settings name them.
        authority: PEM file to trust.
        issue: Writes a chain and a key into a folder; `key` may be another kind of key, `days` another validity.
    """

    chain: Path
    key: Path
    authority: Path
    issue: Callable[..., tuple[Path, Path]]


def authority(folder: Path) -> Signing:
    """Make an authority, and one certificate for signing."""
    root_key = new_key()
    root = _certificate("Authority", root_key, root_key, days=(-1, 365))
    (folder / "authority.pem").write_bytes(root.public_bytes(PEM))

    def issue(
        name: str,
        *,
        key: Any = None,
        days: tuple[int, int] = (-1, 365),
        usage: Any = ExtendedKeyUsageOID.EMAIL_PROTECTION,
    ) -> tuple[Path, Path]:
        key = key or new_key()
        leaf = _certificate(name, key, root_key, days=days, usage=usage)
        chain, secret = folder / f"{name}.pem", folder / f"{name}.key"
        chain.write_bytes(leaf.public_bytes(PEM) + root.public_bytes(PEM))
        secret.write_bytes(pem_of(key))
        return chain, secret

    chain, secret = issue("Studio")
    return Signing(chain, secret, folder / "authority.pem", issue)
