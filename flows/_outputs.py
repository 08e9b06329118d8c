"""Put a row's media, or its text, where the user asked for them: `<row id>.<ext>`, written atomically and checked."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ParameterError
from ..media.durable import write_text
from ..media.types import Media
from .results import file_of

__all__ = ["save_outputs", "save_value", "usable_folder"]


def usable_folder(path: str | Path) -> Path:
    """Return a folder for outputs, made when it is not there, before anything is paid for.

    Raises:
        ParameterError: It cannot be made or written to.
    """
    folder = Path(path).expanduser().absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as exc:
        raise ParameterError(
            f"Outputs cannot be written to {folder}: {exc.strerror}. Expected a folder that can be made and written to."
        ) from exc
    return folder


def save_outputs(
    folder: Path, row_id: str, media: Sequence[Media], before: Mapping[str, Any] | None = None
) -> str | None:
    """Copy a row's media into the folder.

    Args:
        folder: It is made when it is not there.
        row_id: One file is named `<row id>.<ext>`, several `<row id>-1.<ext>`, `<row id>-2.<ext>`, ...
        media: What the flow returned.
        before: The row's line of an earlier manifest of the same folder: a file that it names, with the same digest and
            size, is left as it is.

    Returns:
        Name of the first file, or None when there is nothing to save.
    """
    names: list[str] = []
    for number, item in enumerate(media, 1):
        name = f"{row_id}{item.suffix}" if len(media) == 1 else f"{row_id}-{number}{item.suffix}"
        names.append(name)
        target = folder / name
        known = (
            number == 1 and before is not None and before.get("digest") == item.digest and before.get("output") == name
        )
        if not (known and target.is_file() and target.stat().st_size == item.size_bytes):
            item.save(target)
    return names[0] if names else None


def save_value(folder: Path, row_id: str, value: Any) -> str | None:
    """Write what a row returned that is no media: text as `<row id>.txt`, other values as `<row id>.json`.

    Returns:
        Name of the file, or None when there is nothing to save.
    """
    if value is None:
        return None
    suffix, text = file_of(value)
    write_text(folder / f"{row_id}{suffix}", text)
    return f"{row_id}{suffix}"
