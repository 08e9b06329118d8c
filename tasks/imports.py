"""Bring the user's own files in."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

from ..errors import ParameterError
from ..media.intake import admit
from ..media.store import Store
from ..media.types import Media, Origin
from ._loop import in_worker, on_loop
from ._task import content_key, media_task

__all__ = ["import_media"]

Kind = Literal["image", "video", "audio"]


def _file(source: str) -> Path:
    path = Path(source).expanduser()
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise ParameterError(f"import_media: {source!r} {what}. Expected a file, or a URL that starts with https://.")
    return path


def _key(parameters: dict[str, Any]) -> str | None:
    source = str(parameters["source"])
    if "://" in source:
        return None  # what is behind a URL may change
    with _file(source).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return content_key("import-media", 1, {"digest": digest, "kind": parameters.get("kind")})


@media_task(key=_key)
async def import_media(source: str | Path, *, kind: Kind | None = None) -> Media:
    """Bring a file into the store: checked, guarded, probed.

    Args:
        source: Path of a file, or a URL. A URL is downloaded each time, from public addresses only.
        kind: Refuse anything else.

    Returns:
        An `Image`, `Video` or `Audio`, by what the content is.

    Raises:
        ParameterError: There is no such file, or the URL is of another kind than https.
        MediaError: It is not media, not of that kind, or over a limit.
    """
    text = str(source)
    if "://" not in text:
        return await in_worker(_admitted, _file(text), kind)
    if not text.startswith(("https://", "http://")):
        raise ParameterError(
            f"import_media: {text.partition('://')[0]}:// is not supported. Expected a file or https://."
        )
    from ..adapters._download import download  # brings the HTTP client, which files need not load

    with Store.current().scratch() as folder:
        target = folder / "download"
        await on_loop(download(text, target))
        return await in_worker(_admitted, target, kind)


def _admitted(path: Path, kind: Kind | None) -> Media:
    return admit(path, kind=kind, origin=Origin(made_by="import"))
