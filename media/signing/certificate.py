"""The certificate and the key that files are signed with. They are read when they are needed, and shown nowhere."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from ...errors import ConfigurationError, MissingExtraError
from ...settings import get_settings

__all__ = ["Certificate", "c2pa_module", "context", "load_certificate"]

CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
HOW = "PREFECT_MEDIA_C2PA_CERTIFICATE and PREFECT_MEDIA_C2PA_KEY name two PEM files: the certificate chain, and its private key."
CLAIM = {"assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [
    {"action": "c2pa.created", "digitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/algorithmicMedia"},
]}}]}  # fmt: skip
OFFLINE = {
    "version": 1,
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
}
"""A file from outside must not make this process fetch what it names."""


def c2pa_module() -> Any:
    """Return the module c2pa.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import c2pa
    except ImportError as exc:
        raise MissingExtraError(
            "Content credentials need the extra c2pa. Install it: pip install 'prefect-media[c2pa]'."
        ) from exc
    return c2pa


def context(trust: Path | None = None) -> Any:
    """Return c2pa's settings for one piece of work: no thumbnails, no network.

    Args:
        trust: PEM file of certificates whose signatures are to be trusted.
    """
    settings: dict[str, Any] = dict(OFFLINE)
    if trust is not None:
        settings["trust"] = {"trust_anchors": _text(trust, "the certificates to trust")}
        settings["verify"] = {**OFFLINE["verify"], "verify_trust": True}  # type: ignore[dict-item]
    return c2pa_module().Context.from_dict(settings)


@dataclass(frozen=True)
class Certificate:
    """What to sign with.

    Attributes:
        chain: Certificates in PEM, that of the key first.
        algorithm: C2PA's name of how it signs (`es256`).
        fingerprint: SHA-256 of the first certificate, in hex.
        ends: When it expires.
    """

    chain: bytes = field(repr=False)
    key: bytes = field(repr=False)
    algorithm: str
    fingerprint: str
    ends: datetime

    def signer(self) -> Any:
        """Return c2pa's signer. It asks no time-stamp authority, and no network."""
        c2pa = c2pa_module()
        return c2pa.Signer.from_info(c2pa.C2paSignerInfo(self.algorithm, self.chain, self.key, None))


def load_certificate() -> Certificate:
    """Return the certificate that the settings name, after signing something small with it.

    Raises:
        MissingExtraError: The extra is not installed.
        ConfigurationError: It is not set, cannot be read, has ended, does not belong to the key, or may not sign.
    """
    c2pa_module()
    settings = get_settings()
    paths = settings.c2pa_certificate, settings.c2pa_key
    missing = [
        f"PREFECT_MEDIA_C2PA_{name}" for name, path in zip(("CERTIFICATE", "KEY"), paths, strict=True) if path is None
    ]
    if paths[0] is None or paths[1] is None:
        raise ConfigurationError(f"Cannot sign: {' and '.join(missing)} not set. {HOW}")
    found = _loaded(paths[0], paths[1], tuple(_stamp(path) for path in paths if path is not None))
    if found.ends < datetime.now(UTC):
        raise ConfigurationError(
            f"Cannot sign with '{paths[0].name}': the certificate ended on {found.ends:%Y-%m-%d}. Renew it."
        )
    return found


def _stamp(path: Path) -> tuple[int, int]:
    try:
        facts = path.stat()
    except OSError:
        return 0, 0
    return facts.st_size, facts.st_mtime_ns


def _text(path: Path, what: str) -> str:
    try:
        return path.read_text("ascii")
    except (OSError, UnicodeDecodeError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "it is not text"
        raise ConfigurationError(f"Cannot read {what}, '{path}': {why}. Expected a PEM file.") from exc


@lru_cache(maxsize=4)
def _loaded(certificate: Path, key: Path, _stamps: Sequence[Any]) -> Certificate:
    """Read and check both files; again when one of them has changed."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    text, secret = _text(certificate, "the certificate chain"), _text(key, "the private key")
    try:
        chain = x509.load_pem_x509_certificates(text.encode())
    except ValueError as exc:
        raise ConfigurationError(f"Cannot sign: '{certificate}' holds no certificate in PEM. {HOW}") from exc
    private = _private(key, secret)
    leaf = chain[0]
    if leaf.public_key() != private.public_key():
        raise ConfigurationError(
            f"Cannot sign: the key '{key.name}' does not belong to the first certificate of '{certificate.name}'. {HOW}"
        )
    if leaf.not_valid_before_utc > datetime.now(UTC):
        raise ConfigurationError(
            f"Cannot sign with '{certificate.name}': the certificate begins on {leaf.not_valid_before_utc:%Y-%m-%d}."
        )
    plain = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    fingerprint = leaf.fingerprint(hashes.SHA256()).hex()
    found = Certificate(text.encode(), plain, _algorithm(key, private), fingerprint, leaf.not_valid_after_utc)
    if found.ends >= datetime.now(UTC):
        _try_out(found, certificate)
    return found


def _private(path: Path, secret: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(secret.encode(), None)
    except TypeError:
        why = "is protected by a password. Give one without"
    except (ValueError, UnsupportedAlgorithm):
        why = "holds no private key in PEM"
    raise ConfigurationError(f"Cannot sign: '{path}' {why}. {HOW}")


def _algorithm(path: Path, key: Any) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in CURVES:
        return CURVES[key.curve.name]
    if isinstance(key, rsa.RSAPrivateKey):
        return "ps256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    raise ConfigurationError(
        f"Cannot sign: '{path.name}' is of a kind that content credentials do not know. Allowed: elliptic curve P-256, "
        "P-384 or P-521, RSA, Ed25519."
    )


def _try_out(certificate: Certificate, path: Path) -> None:
    """Sign a picture of one pixel: whether a certificate may sign is for c2pa to say."""
    from PIL import Image

    c2pa, picture = c2pa_module(), io.BytesIO()
    Image.new("L", (1, 1)).save(picture, "PNG")
    picture.seek(0)
    try:
        with certificate.signer() as signer, c2pa.Builder(CLAIM, context()) as builder:
            builder.sign(signer, "image/png", picture, io.BytesIO())
    except c2pa.C2paError as exc:
        raise ConfigurationError(
            f"Cannot sign with '{path.name}': {exc}. Content credentials want a certificate of an authority for signing "
            "(extended key usage emailProtection or documentSigning), and its whole chain."
        ) from exc
