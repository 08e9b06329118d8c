"""Rows are refused whole, with one line for each problem, before anything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import pytest
from prefect import flow
from pydantic import Field

from prefect_media import Image, RowsError
from prefect_media.flows.parameters import MediaSource, Parameters
from prefect_media.flows.rows import read_rows


@flow
def pipeline(
    prompt: str,
    seconds: Annotated[float, Field(gt=0)] = 5,
    style: Literal["ink", "oil"] = "ink",
    tags: list[str] = [],  # noqa: B006
) -> None:
    """Take what the rows give."""


@flow
def with_picture(image: Image) -> None:
    """Take a picture."""


def problems(tmp_path: Path, content: str | bytes, name: str = "rows.jsonl") -> tuple[str, ...]:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(RowsError) as caught:
        read_rows(path, Parameters(pipeline, tmp_path))
    return caught.value.problems


def test_good_rows_keep_order_ids_and_places(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "b", "prompt": "x"}\n\n{"prompt": "y", "seconds": 2}\n')
    rows = read_rows(path, Parameters(pipeline))
    assert [(row.id, row.place, dict(row.given)) for row in rows] == [
        ("b", "rows.jsonl line 1", {"prompt": "x"}),
        ("0002", "rows.jsonl line 3", {"prompt": "y", "seconds": 2}),
    ]


def test_missing_field_names_line_field_and_what_is_expected(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, '{"prompt": "x"}\n{"seconds": 3}\n')
    assert line == (
        "rows.jsonl line 2: field 'prompt' is missing. Expected str; the flow's parameters are: prompt, seconds, style, tags."
    )


def test_unknown_field_suggests_the_nearest(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, '{"prompt": "x", "second": 3}\n')
    assert line == (
        "rows.jsonl line 1: field 'second' (3) is not a parameter of the flow. Expected: prompt, seconds, style, tags. "
        "Did you mean 'seconds'?"
    )


def test_bad_values_name_the_value_and_the_reason(tmp_path: Path) -> None:
    lines = problems(tmp_path, '{"prompt": "x", "seconds": -1, "style": "pencil"}\n')
    assert lines[0].startswith("rows.jsonl line 1: field 'seconds': -1 is not valid: Input should be greater than 0.")
    assert "'pencil' is not valid: Input should be 'ink' or 'oil'" in lines[1]


def test_duplicate_ids_name_both_lines(tmp_path: Path) -> None:
    (line,) = problems(tmp_path, '{"id": "A", "prompt": "x"}\n{"id": "a", "prompt": "y"}\n')
    assert line.startswith("rows.jsonl line 2: field 'id': 'a' is already used by rows.jsonl line 1.")


@pytest.mark.parametrize("bad", ["../x", "", "a/b", ".hidden", "x" * 101, True, None, 1.5])
def test_ids_that_cannot_name_a_file_are_refused(tmp_path: Path, bad: object) -> None:
    (line,) = problems(tmp_path, json.dumps({"id": bad, "prompt": "x"}))
    assert "cannot name a file" in line


def test_bad_json_names_line_and_column(tmp_path: Path) -> None:
    good = '{"prompt": "x"}\n'
    (line,) = problems(tmp_path, good * 6 + '{"prompt": "x"\n' + good)
    assert line.startswith("rows.jsonl line 7: not valid JSON at column 15")


@pytest.mark.parametrize("text", ["[1]", '"x"', "3", "null", '{"prompt": "a", "prompt": "b"}', '{"prompt": NaN}'])
def test_lines_that_are_no_single_object_are_refused(tmp_path: Path, text: str) -> None:
    (line,) = problems(tmp_path, text)
    assert line.startswith("rows.jsonl line 1: ")


def test_empty_and_binary_files_are_refused(tmp_path: Path) -> None:
    assert "holds no rows" in problems(tmp_path, "")[0]
    assert "holds no rows" in problems(tmp_path, "\n\n")[0]
    assert "byte 0x89 at offset 0 is not UTF-8" in problems(tmp_path, b"\x89PNG\r\n\x1a\n\x00")[0]
    assert "NUL" in problems(tmp_path, b'{"prompt"\x00: 1}')[0]


def test_every_problem_is_reported_at_once_and_long_lists_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("{}\n" * 120)
    with pytest.raises(RowsError) as caught:
        read_rows(path, Parameters(pipeline))
    assert len(caught.value.problems) == 120
    assert "... and 70 more problems." in str(caught.value)


def test_csv_cells_become_what_the_flow_declares(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text('id,prompt,seconds,tags\na,"hello, world",2.5,"[""x""]"\nb,true,,\n')
    rows = read_rows(path, Parameters(pipeline))
    assert [dict(row.given) for row in rows] == [
        {"prompt": "hello, world", "seconds": "2.5", "tags": ["x"]},
        {"prompt": "true"},
    ]
    assert Parameters(pipeline).check(rows[0].given)["seconds"] == 2.5


def test_csv_with_uneven_lines_is_refused(tmp_path: Path) -> None:
    lines = problems(tmp_path, "prompt,seconds\nx,1,2\ny\n", "rows.csv")
    assert lines == (
        "rows.csv line 2: 3 values. Expected 2, one for each column of line 1.",
        "rows.csv line 3: 1 values. Expected 2, one for each column of line 1.",
    )


def test_parquet_is_read_and_broken_parquet_refused(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"prompt": ["x", "y"], "seconds": [1.0, None]}), path)
    assert [dict(row.given) for row in read_rows(path, Parameters(pipeline))] == [
        {"prompt": "x", "seconds": 1.0},
        {"prompt": "y"},
    ]
    assert "Expected a Parquet file" in problems(tmp_path, "no parquet", "bad.parquet")[0]


def test_a_file_that_is_not_there_or_of_unknown_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RowsError, match="No such file"):
        read_rows(tmp_path / "nothing.jsonl", Parameters(pipeline))
    (tmp_path / "rows.txt").write_text("x")
    with pytest.raises(RowsError, match=r"Expected \.jsonl, \.csv or \.parquet"):
        read_rows(tmp_path / "rows.txt", Parameters(pipeline))


def test_a_default_and_the_same_number_written_out_are_one_row() -> None:
    @flow
    def lasting(prompt: str, seconds: float = 2) -> None: ...

    parameters = Parameters(lasting)
    rows = [parameters.canonical({"prompt": "sea", **more}) for more in ({}, {"seconds": 2}, {"seconds": 2.5})]
    assert rows[0] == rows[1] != rows[2]


def test_paths_stand_for_media_and_are_keyed_by_content(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"one")
    parameters = Parameters(with_picture, tmp_path)
    assert parameters.check({"image": "a.png"})["image"] == MediaSource(source=str(tmp_path / "a.png"), kind="image")
    before = parameters.canonical({"image": "a.png"})
    (tmp_path / "a.png").write_bytes(b"two")
    assert parameters.canonical({"image": "a.png"}) != before
    path = tmp_path / "rows.jsonl"
    path.write_text('{"image": "b.png"}\n{"image": "ftp://x/y.png"}\n{"image": "https://x/y.png"}\n')
    with pytest.raises(RowsError) as caught:
        read_rows(path, parameters)
    assert [line.split(" is not valid: ")[1][:14] for line in caught.value.problems] == [
        "there is no fi",
        "a URL of media",
    ]
