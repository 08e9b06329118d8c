"""Rows of a batch: read from .jsonl, .csv, .parquet or standard input, and checked whole before anything runs."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import MissingExtraError, RowsError
from .parameters import Parameters

__all__ = ["Refused", "Row", "read_rows"]

SHOWN = 50
"""Problems listed in one error; the rest are counted."""

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Row:
    """One set of flow parameters.

    Attributes:
        id: Unique in its batch; names the row's output file.
        place: Where it was read, for messages (`prompts.jsonl line 7`).
        given: The parameters as read, checked against the flow's signature.
    """

    id: str
    place: str
    given: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that cannot be run, and why."""

    id: str
    error: str


@dataclass(frozen=True, slots=True)
class _Raw:
    place: str
    fields: Mapping[str, Any]
    from_text: bool = False


def read_rows(
    source: str | Path | Iterable[Mapping[str, Any]], parameters: Parameters, refused: list[Refused] | None = None
) -> list[Row]:
    """Read and check every row.

    Args:
        source: Path of a .jsonl, .csv or .parquet file, `-` for JSON lines on standard input, or mappings.
        parameters: What the flow takes.
        refused: Receives the rows that cannot be run, one after the other; without it they refuse all.

    Raises:
        RowsError: With one line for each problem, naming file, line, field, value and what is expected.
    """
    problems: list[str] = []
    rows: list[Row] = []
    seen: dict[str, str] = {}
    name = str(source) if isinstance(source, str | Path) else "rows"
    told = 0
    for number, raw in enumerate(_raw_rows(source, problems), 1):
        row = _checked(raw, number, parameters, seen, problems)
        if row is not None:
            rows.append(row)
        elif refused is not None:
            refused.append(Refused(_name_of(raw, number, refused, seen), "; ".join(problems[told:])))
            told = len(problems)
    if refused is not None and len(problems) > told:  # lines that are not even rows
        refused += [Refused(f"line-{number:04d}", line) for number, line in enumerate(problems[told:], 1)]
    if not rows and not problems:
        problems.append(f"{name} holds no rows. Expected one object for each row.")
    if problems and (refused is None or not rows):
        raise _refusal(name, problems)
    return rows


def _name_of(raw: _Raw, number: int, refused: Sequence[Refused], seen: Mapping[str, str]) -> str:
    """Return what to call a refused row: its own id when it has a good one that no other row has."""
    own = raw.fields.get("id")
    used = {row.id for row in refused}
    is_good = isinstance(own, str) and ID.fullmatch(own) is not None and own not in used
    is_taken = is_good and str(own).lower() in seen and seen[str(own).lower()] != raw.place
    return str(own) if is_good and not is_taken else f"row-{number:04d}"


def _refusal(name: str, problems: Sequence[str]) -> RowsError:
    shown = list(problems[:SHOWN])
    if len(problems) > SHOWN:
        shown.append(f"... and {len(problems) - SHOWN} more problems.")
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return RowsError(f"{name}: {count}, nothing was run.\n" + "\n".join(f"  {line}" for line in shown), problems)


def _checked(raw: _Raw, number: int, parameters: Parameters, seen: dict[str, str], problems: list[str]) -> Row | None:
    fields = dict(raw.fields)
    if raw.from_text:
        fields = {key: parameters.from_text(key, value) for key, value in fields.items() if value != ""}
    row_id = _id(fields, number, parameters, raw.place, problems)
    if row_id is None:
        return None
    if row_id.lower() in seen:
        problems.append(
            f"{raw.place}: field 'id': {row_id!r} is already used by {seen[row_id.lower()]}. Expected an id of its own "
            "(upper and lower case count as equal, because ids name files)."
        )
        return None
    seen[row_id.lower()] = raw.place
    try:
        parameters.check(fields)
    except ValidationError as exc:
        problems.extend(f"{raw.place}: {line}" for line in parameters.explain(exc))
        return None
    return Row(row_id, raw.place, fields)


def _id(fields: dict[str, Any], number: int, parameters: Parameters, place: str, problems: list[str]) -> str | None:
    if "id" not in fields:
        return f"{number:04d}"
    given = fields["id"] if "id" in parameters.names else fields.pop("id")
    text = str(given) if isinstance(given, str | int) and not isinstance(given, bool) else ""
    if not ID.fullmatch(text):
        problems.append(
            f"{place}: field 'id': {given!r} cannot name a file. Expected 1 to 100 letters, digits, '.', '_' or '-', "
            "starting with a letter or digit."
        )
        return None
    return text


def _raw_rows(source: str | Path | Iterable[Mapping[str, Any]], problems: list[str]) -> Iterator[_Raw]:
    if not isinstance(source, str | Path):
        for number, fields in enumerate(source, 1):
            if isinstance(fields, Mapping):
                yield _Raw(f"row {number}", fields)
            else:
                problems.append(f"row {number}: found {type(fields).__name__} {fields!r:.60}. Expected a mapping.")
        return
    if str(source) == "-":
        yield from _json_lines("standard input", sys.stdin.buffer.read(), problems)
        return
    path = Path(source).expanduser()
    try:
        data = path.read_bytes()
    except OSError as exc:
        raise RowsError(f"Rows cannot be read from {path}: {exc.strerror}. Expected a file of rows.") from exc
    match path.suffix.lower():
        case ".jsonl" | ".ndjson":
            yield from _json_lines(path.name, data, problems)
        case ".csv":
            yield from _csv_lines(path.name, data, problems)
        case ".parquet":
            yield from _parquet_rows(path.name, data, problems)
        case other:
            raise RowsError(
                f"Rows cannot be read from {path.name}: unknown kind {other or 'without suffix'!r}. "
                "Expected .jsonl, .csv or .parquet, or - for JSON lines on standard input."
            )


def _text(name: str, data: bytes, problems: list[str]) -> str | None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        problems.append(
            f"{name} line {line}: byte 0x{data[exc.start]:02x} at offset {exc.start} is not UTF-8. "
            "Expected a text file; this looks like a binary file or another encoding."
        )
        return None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        problems.append(f"{name} line {line}: holds a NUL character. Expected a text file, this is a binary file.")
        return None
    return text


def _no_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [key for key, _ in pairs]
        raise ValueError(f"field {next(key for key in names if names.count(key) > 1)!r} is there twice")
    return fields


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _json_lines(name: str, data: bytes, problems: list[str]) -> Iterator[_Raw]:
    text = _text(name, data, problems)
    for number, line in enumerate((text or "").split("\n"), 1):
        if not line.strip():
            continue
        place = f"{name} line {number}"
        try:
            fields = json.loads(line, object_pairs_hook=_no_twice, parse_constant=_no_constant)
        except json.JSONDecodeError as exc:
            problems.append(
                f"{place}: not valid JSON at column {exc.colno} ({exc.msg}): {line.strip()!r:.80}. "
                'Expected one object, for example {"prompt": "..."}.'
            )
        except (ValueError, RecursionError) as exc:
            problems.append(f"{place}: {exc}. Expected one JSON object with each field once.")
        else:
            if isinstance(fields, dict):
                yield _Raw(place, fields)
            else:
                problems.append(f"{place}: found {type(fields).__name__} {fields!r:.60}. Expected a JSON object.")


def _csv_lines(name: str, data: bytes, problems: list[str]) -> Iterator[_Raw]:
    text = _text(name, data, problems)
    if not text:
        return
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        header = list(reader.fieldnames or ())
        if len(set(header)) < len(header) or not all(header):
            problems.append(f"{name} line 1: header {header!r}. Expected a name of its own for each column.")
            return
        for fields in reader:
            place = f"{name} line {reader.line_num}"
            if None in fields or None in fields.values():
                found = sum(value is not None for key, value in fields.items() if key is not None)
                found += len(fields.get(None) or ())  # type: ignore[call-overload]
                problems.append(f"{place}: {found} values. Expected {len(header)}, one for each column of line 1.")
            else:
                yield _Raw(place, fields, from_text=True)
    except csv.Error as exc:
        problems.append(f"{name} line {reader.line_num}: {exc}. Expected comma-separated values.")


def _parquet_rows(name: str, data: bytes, problems: list[str]) -> Iterator[_Raw]:
    try:
        import pyarrow as arrow
        import pyarrow.parquet as parquet
    except ImportError as exc:
        raise MissingExtraError(
            f"Reading {name} needs pyarrow. Install the extra: pip install 'prefect-media[parquet]'."
        ) from exc
    try:
        number = 0
        for chunk in parquet.ParquetFile(io.BytesIO(data)).iter_batches(1000):
            for fields in chunk.to_pylist():
                number += 1
                yield _Raw(f"{name} row {number}", {key: value for key, value in fields.items() if value is not None})
    except (arrow.ArrowException, OSError) as exc:
        problems.append(f"{name}: {str(exc).splitlines()[0]}. Expected a Parquet file.")
