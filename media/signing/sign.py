"""Sign a file: content credentials that say how it came about and what it was made from.

Signatures are not deterministic: each run writes other bytes, with the same picture and sound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import ValidationError

from ...errors import EncodeError, ParameterError, UnsupportedMediaError
from ..ffmpeg import publish
from ..operation import operation
from ..probe import probe
from ..scratch import scratch_beside
from ..sniff import sniff
from ..types import Made
from .carried import carries_credentials
from .certificate import c2pa_module, context, load_certificate
from .manifest import Ingredient, claim, ingredient_record

__all__ = ["SIGNABLE", "check_signable", "sign_media"]

SIGNABLE = (
    "image/png", "image/jpeg", "image/webp", "image/avif", "image/gif", "image/tiff",
    "video/mp4", "video/quicktime", "audio/mp4", "audio/mpeg", "audio/wav", "audio/flac",
)  # fmt: skip


def check_signable(media_type: str, name: str) -> None:
    """Refuse a format that has no place for content credentials.

    Raises:
        UnsupportedMediaError: It has none.
    """
    if media_type not in SIGNABLE:
        raise UnsupportedMediaError(
            f"Cannot sign {name}: {media_type} has no place for content credentials. Allowed: {', '.join(SIGNABLE)}. "
            "Convert it first."
        )


@operation(version=1)
def sign_media(
    source: Path,
    ingredients: Sequence[Path],
    target: Path,
    *,
    made: Literal["model", "procedure", "composite"] | None = None,
    made_by: str = "unknown",
    about: Sequence[Mapping[str, Any]] = (),
    title: str | None = None,
) -> None:
    """Sign a file with the certificate of the settings; picture and sound are not touched.

    When the file was only edited from one thing that has credentials of its own, or of which nothing is known, that is
    its parent, and the signature says `opened` and `edited`. Otherwise it says `created`.

    Args:
        source: PNG, JPEG, WebP, AVIF, GIF, TIFF, MP4, MOV, M4A, MP3, WAV or FLAC.
        ingredients: What it was made from, of any format that is handled. Their own credentials become part of its own.
        target: File to write, of the same format.
        made: How it came about: `model`, `procedure` or `composite`; None when that is not known.
        made_by: Card id or name of the operation.
        about: For each ingredient what is known of it: `made_by`, `digest`, `made`, and `role` (`component` or `input`).
        title: Name of the file, for viewers.

    Raises:
        ConfigurationError: The extra, the certificate or the key is missing or not valid.
        ParameterError: `made` is unknown, or `about` is not as it should be.
        UnsupportedMediaError: The format has no place for credentials.
        ProbeError, DecodeError, MediaLimitError, EncodeError: The file cannot be read or written.
    """
    if made not in (None, *get_args(Made)):
        raise ParameterError(f"made={made!r} is unknown. Known: {', '.join(get_args(Made))}.")
    certificate = load_certificate()
    media_type = probe(source, decode=False).media_type
    check_signable(media_type, f"'{source.name}'")
    known = _with_parent(source, media_type, list(zip(ingredients, _parsed(about, len(ingredients)), strict=True)))
    edited = not any(path == source for path, _ in known)
    definition = claim(made, made_by, [each for _, each in known], edited=edited, title=title)
    c2pa = c2pa_module()
    with scratch_beside(target) as folder:
        part = folder / f"signed{target.suffix.lower()}"
        try:
            with certificate.signer() as signer, c2pa.Builder(definition, context()) as builder:
                for number, (path, each) in enumerate(known):
                    kind = sniff(path) or "application/octet-stream"
                    with path.open("rb") as file:
                        builder.add_ingredient(ingredient_record(number, each, kind), kind, file)
                with source.open("rb") as file, part.open("w+b") as out:
                    builder.sign(signer, media_type, file, out)
        except c2pa.C2paError as exc:
            raise EncodeError(f"Cannot sign '{source.name}': {exc}.") from exc
        _check(part, media_type, source.name)
        publish(part, target)


def _parsed(about: Sequence[Mapping[str, Any]], count: int) -> list[Ingredient]:
    try:
        known = [Ingredient.model_validate(each) for each in about]
    except ValidationError as exc:
        problems = [f"about: {'.'.join(map(str, error['loc']))}: {error['msg']}." for error in exc.errors()]
        raise ParameterError("Cannot sign: " + " ".join(problems), problems) from exc
    if known and len(known) != count:
        raise ParameterError(f"Cannot sign: about tells of {len(known)} ingredients, there are {count}.")
    return known or [Ingredient()] * count


def _with_parent(source: Path, media_type: str, known: list[tuple[Path, Ingredient]]) -> list[tuple[Path, Ingredient]]:
    """Return the ingredients with the parent among them, where there is one."""
    if carries_credentials(source, media_type):  # signing replaces them, so they have to go in as the parent's
        own = next((each for path, each in known if path == source), Ingredient())
        others = [(path, each) for path, each in known if path != source]
        return [(source, own.model_copy(update={"role": "parent"})), *others]
    components = [(path, each) for path, each in known if each.role == "component"]
    if len(components) == 1:
        path, each = components[0]
        if each.made is None or carries_credentials(path, sniff(path) or ""):
            rest = [pair for pair in known if pair[1] is not each]
            return [(path, each.model_copy(update={"role": "parent"})), *rest]
    return [pair for pair in known if pair[0] != source]


def _check(part: Path, media_type: str, name: str) -> None:
    from .reading import read_credentials

    found = read_credentials(part)
    if found is None or not found.is_valid:
        raise EncodeError(
            f"Cannot sign '{name}': what was written does not validate. Please report this.", reason="wrong"
        )
