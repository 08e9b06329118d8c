"""Reading large JSON answers whose bulk is base64: the bytes go to files as they arrive, the rest stays JSON.

An answer with ten pictures is tens of megabytes of text; parsed in one piece it would stand in memory three times.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from pathlib import Path
from typing import IO, Any

import httpx

from ..errors import DegenerateOutputError, OutputMismatchError, ProviderUnavailableError
from ..settings import get_settings
from ._errors import About

__all__ = ["Spill", "SpillError", "save_bytes", "save_json"]

MAX_REST_BYTES = 32 << 20


class SpillError(Exception):
    """The answer is not what was promised: broken JSON, broken base64, or too large."""


class SpillTooLargeError(SpillError):
    """More data than allowed."""


class Spill:
    """Takes a JSON text piece by piece; every string under one key is decoded into a file.

    Args:
        key: Name of the fields that hold base64, for example `b64_json`.
        folder: Where the files go.
        max_bytes: Most that all files together may hold.
    """

    def __init__(self, key: str, folder: Path, *, max_bytes: int) -> None:
        # Inside a JSON string the quotes would be escaped, so this cannot match in someone's text.
        self._opening = re.compile(rb'"' + re.escape(key.encode()) + rb'"\s*:\s*"')
        self._tail = len(key) + 16
        self._folder = folder
        self._left = max_bytes
        self._rest = bytearray()
        self._searched = 0
        self._floor = 0  # behind the last opening, which would otherwise be found again
        self._file: IO[bytes] | None = None
        self._undecoded = b""
        self.paths: list[Path] = []

    def feed(self, data: bytes) -> None:
        """Take the next piece.

        Raises:
            SpillError: Too large, or not base64.
        """
        while data:
            data = self._decode(data) if self._file else self._scan(data)

    def _scan(self, data: bytes) -> bytes:
        self._rest += data
        found = self._opening.search(self._rest, max(self._floor, self._searched - self._tail))
        if found is None:
            self._searched = len(self._rest)
            if len(self._rest) > MAX_REST_BYTES:
                raise SpillError(f"the JSON beside the data is over {MAX_REST_BYTES} bytes")
            return b""
        after = bytes(self._rest[found.end() :])
        del self._rest[found.end() :]
        self._searched = self._floor = len(self._rest)
        path = self._folder / f"answer-{len(self.paths)}.bin"
        self.paths.append(path)
        self._file = path.open("wb")
        return after

    def _decode(self, data: bytes) -> bytes:
        text, quote, after = data.partition(b'"')
        text = self._undecoded + text
        # Some encoders write a slash as `\\/`; a piece may end between the two.
        keep = 1 if not quote and text.endswith(b"\\") else 0
        text, pending = (text[:-1], b"\\") if keep else (text, b"")
        text = text.replace(b"\\/", b"/")
        whole = len(text) if quote else len(text) // 4 * 4
        self._write(text[:whole])
        self._undecoded = text[whole:] + pending
        if not quote:
            return b""
        self._undecoded = b""
        self._close()
        return quote + after

    def _write(self, text: bytes) -> None:
        try:
            content = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise SpillError("the data is not valid base64") from None
        self._left -= len(content)
        if self._left < 0:
            raise SpillTooLargeError("the answer holds more data than allowed")
        if self._file is not None:
            self._file.write(content)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def close(self) -> None:
        """Close an open file; safe to call at any time."""
        self._close()

    def finish(self) -> dict[str, Any]:
        """Return the JSON object without the data: those strings are empty in it.

        Raises:
            SpillError: It ended early, or is not a JSON object.
        """
        if self._file is not None:
            raise SpillError("the answer ended inside the data")
        try:
            parsed = json.loads(bytes(self._rest))
        except (ValueError, RecursionError):
            raise SpillError("the answer is not JSON") from None
        if not isinstance(parsed, dict):
            raise SpillError("the answer is not a JSON object")
        return parsed


async def save_json(
    response: httpx.Response, key: str, scratch: Path, about: About
) -> tuple[dict[str, Any], list[Path]]:
    """Read the JSON answer to a paid request, the base64 under `key` into files.

    Raises:
        OutputMismatchError: More data than may enter the store.
        ProviderUnavailableError: The answer cannot be read. It was given, so what it held is billed.
    """
    spill = Spill(key, scratch, max_bytes=get_settings().max_media_bytes)
    try:
        async for chunk in response.aiter_bytes():
            spill.feed(chunk)
        return spill.finish(), spill.paths
    except SpillTooLargeError as exc:
        raise OutputMismatchError(f"{about}: {exc}.") from None
    except SpillError as exc:
        raise ProviderUnavailableError(f"{about}: {exc}.", accepted=None, billed=True, **about.fields()) from None
    finally:
        spill.close()


async def save_bytes(response: httpx.Response, scratch: Path, about: About) -> Path:
    """Read the answer to a paid request into a file.

    Raises:
        OutputMismatchError: More data than may enter the store.
        DegenerateOutputError: Not a single byte.
    """
    limit = get_settings().max_media_bytes
    path = scratch / "answer-0.bin"
    total = 0
    with path.open("wb") as file:
        async for chunk in response.aiter_bytes():
            total += len(chunk)
            if total > limit:
                raise OutputMismatchError(f"{about}: the answer was cut off after {limit} bytes, the most allowed.")
            file.write(chunk)
    if total == 0:
        raise DegenerateOutputError(f"{about}: the answer holds no bytes.")
    return path
