"""Read and verify the content credentials of a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from ...errors import DecodeError, ProbeError
from ..sniff import sniff
from ..types import Media
from .carried import carries_credentials
from .certificate import c2pa_module, context

__all__ = ["ContentCredentials", "CredentialIngredient", "read_credentials"]

GENERATED = ("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia")


class CredentialIngredient(BaseModel):
    """Something that a signed file was made from.

    Attributes:
        title: What its signer called it.
        relationship: `parentOf`, `componentOf` or `inputTo`.
        is_signed: Whether it had credentials of its own, which are kept.
    """

    model_config = ConfigDict(frozen=True)

    title: str
    relationship: str
    is_signed: bool


class ContentCredentials(BaseModel):
    """What the content credentials of a file say, and whether they hold.

    Attributes:
        state: `Trusted`: intact, by a signer whom `trust` vouches for. `Valid`: intact, by a signer of whom nothing is
            known. `Invalid`: the file or its credentials were changed afterwards.
        problems: Codes of what failed, for example `assertion.dataHash.mismatch`.
        generator: Program that made the claim, with its version.
        signer: Whom the certificate names.
        source_types: IPTC's digital source types in it and in the credentials of its ingredients, the file's own first.
        actions: What was done, for example `c2pa.created`.
        ingredients: What it was made from.
    """

    model_config = ConfigDict(frozen=True)

    state: str
    problems: tuple[str, ...] = ()
    generator: str = ""
    signer: str = ""
    source_types: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    ingredients: tuple[CredentialIngredient, ...] = ()

    @property
    def is_valid(self) -> bool:
        """Whether nothing was changed since it was signed."""
        return self.state in ("Valid", "Trusted")

    @property
    def is_generated(self) -> bool:
        """Whether a generative model is said to have made it, or part of it."""
        return any(name in GENERATED for name in self.source_types)


def read_credentials(media: Media | str | Path, *, trust: str | Path | None = None) -> ContentCredentials | None:
    """Return what the content credentials of a file say, None when it carries none. The network is not asked.

    Args:
        media: Media, or the path of a file.
        trust: PEM file of the authorities whose signers are to be trusted. Without it nobody is.

    Raises:
        MissingExtraError: The file carries credentials, and the extra `c2pa` is not installed.
        ConfigurationError: `trust` cannot be read.
        ProbeError: There is no such file.
        DecodeError: The credentials cannot be read at all.
        MediaMissingError: The store does not hold the bytes any more.
    """
    path = media.path() if isinstance(media, Media) else Path(media).expanduser()
    if not path.is_file():
        raise ProbeError(f"Cannot read the credentials of '{path.name}': there is no such file.")
    media_type = sniff(path) or ""
    if not carries_credentials(path, media_type):
        return None
    c2pa = c2pa_module()
    try:
        with (
            path.open("rb") as file,
            c2pa.Reader(media_type, file, context=context(Path(trust).expanduser() if trust else None)) as reader,
        ):
            return _told(json.loads(reader.json()))
    except c2pa.C2paError as exc:
        raise DecodeError(f"Cannot read the credentials of '{path.name}': {exc}.") from exc


def _told(store: Mapping[str, Any]) -> ContentCredentials:
    manifests: dict[str, Any] = store.get("manifests", {})
    active = manifests.get(store.get("active_manifest", ""), {})
    others = [manifest for manifest in manifests.values() if manifest is not active]
    types = [_short(action) for manifest in (active, *others) for action in _actions(manifest)]
    generators = active.get("claim_generator_info") or [{}]
    signature = active.get("signature_info", {})
    return ContentCredentials(
        state=store.get("validation_state", "Invalid"),
        problems=tuple(dict.fromkeys(status["code"] for status in store.get("validation_status", []))),
        generator="/".join(str(generators[0][key]) for key in ("name", "version") if key in generators[0]),
        signer=signature.get("common_name") or signature.get("issuer") or "",
        source_types=tuple(dict.fromkeys(name for name in types if name)),
        actions=tuple(str(action.get("action", "")) for action in _actions(active)),
        ingredients=tuple(
            CredentialIngredient(
                title=str(each.get("title", "")),
                relationship=str(each.get("relationship", "")),
                is_signed="active_manifest" in each,
            )
            for each in active.get("ingredients", [])
        ),
    )


def _actions(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    assertions = manifest.get("assertions", [])
    return [
        action
        for assertion in assertions
        if str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", [])
    ]


def _short(action: Mapping[str, Any]) -> str:
    """Return the last part of a digital source type's address."""
    return str(action.get("digitalSourceType", "")).rpartition("/")[2]
