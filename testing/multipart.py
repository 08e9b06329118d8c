"""Read `multipart/form-data` bodies (RFC 7578), which Starlette leaves to a package that Prefect does not bring."""

from __future__ import annotations

from dataclasses import dataclass
from email.message import Message

from starlette.requests import Request

__all__ = ["Part", "read_form"]


@dataclass(frozen=True)
class Part:
    """One field of a form; `filename` is None for plain values."""

    name: str
    data: bytes
    filename: str | None = None
    content_type: str = "text/plain"

    @property
    def text(self) -> str:
        """The value as text."""
        return self.data.decode("utf-8", "replace")


def _parameters(value: str) -> Message:
    message = Message()
    message["Content-Disposition"] = value
    return message


async def read_form(request: Request) -> list[Part]:
    """Return the parts of a form in order; none when the body is not multipart."""
    header = Message()
    header["Content-Type"] = request.headers.get("content-type", "")
    boundary = header.get_param("boundary")
    if header.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        return []
    pieces = (b"\r\n" + await request.body()).split(b"\r\n--" + boundary.encode())
    return [part for part in map(_read_part, pieces[1:-1]) if part is not None]


def _read_part(piece: bytes) -> Part | None:
    head, found, data = piece.partition(b"\r\n\r\n")
    if not found:
        return None
    lines = (line.partition(":") for line in head.decode("utf-8", "replace").split("\r\n") if line)
    headers = {name.strip().lower(): value.strip() for name, _, value in lines}
    disposition = _parameters(headers.get("content-disposition", ""))
    name = disposition.get_param("name", header="content-disposition")
    filename = disposition.get_filename()
    if not isinstance(name, str):
        return None
    return Part(name, data, filename, headers.get("content-type", "text/plain"))
