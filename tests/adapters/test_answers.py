"""Large JSON answers whose base64 goes to files."""

from __future__ import annotations

import base64
import json
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefect_media.adapters._answers import Spill, SpillError, SpillTooLargeError

KEY = "b64_json"


def spill(
    text: bytes, folder: Path, sizes: list[int] | None = None, max_bytes: int = 10_000_000
) -> tuple[dict[str, Any], list[Path]]:
    made = Spill(KEY, folder, max_bytes=max_bytes)
    sizes = sizes or [len(text)]
    try:
        while text:
            for size in sizes:
                made.feed(text[:size])
                text = text[size:]
        return made.finish(), made.paths
    finally:
        made.close()


@settings(max_examples=150, deadline=None)
@given(
    contents=st.lists(st.binary(max_size=300), max_size=4),
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=5),
    slashes=st.booleans(),
    indent=st.sampled_from([None, 2]),
    note=st.text(max_size=20),
)
def test_every_split_of_an_answer_gives_the_same_files(
    contents: list[bytes], sizes: list[int], slashes: bool, indent: int | None, note: str
) -> None:
    items = [{"b64_json": base64.b64encode(content).decode(), "note": note} for content in contents]
    answer = {"trap": f'"{KEY}": "{note}"', "data": items, "usage": {"total": 3}}
    text = json.dumps(answer, indent=indent).encode()
    if slashes:
        text = text.replace(b"/", b"\\/")
    with tempfile.TemporaryDirectory() as name:
        rest, paths = spill(text, Path(name), sizes)
        assert [path.read_bytes() for path in paths] == contents
        assert all(path.parent == Path(name) for path in paths)
    for item in items:
        item["b64_json"] = ""
    assert rest == answer


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b'{"b64_json": "AAAA', "ended inside the data"),
        (b'{"b64_json": "A!AA"}', "not valid base64"),
        (b'{"b64_json": "AAAAA"}', "not valid base64"),
        (b'{"b64_json": "AA\\u0041A"}', "not valid base64"),
        (b'{"b64_json": "AAAA"', "not JSON"),
        (b'["no", "object"]', "not a JSON object"),
        (b"", "not JSON"),
        (b'{"b64_json": 5', "not JSON"),
    ],
)
def test_broken_answers_are_told(text: bytes, problem: str, tmp_path: Path) -> None:
    with pytest.raises(SpillError, match=problem):
        spill(text, tmp_path)


def test_the_limit_holds_for_all_files_together(tmp_path: Path) -> None:
    item = json.dumps({"b64_json": base64.b64encode(bytes(600)).decode()})
    with pytest.raises(SpillTooLargeError):
        spill(f"[{item},{item}]".encode(), tmp_path, [100], max_bytes=1000)


def test_a_rest_without_end_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prefect_media.adapters._answers.MAX_REST_BYTES", 1000)
    with pytest.raises(SpillError, match="the JSON beside the data is over 1000 bytes"):
        spill(b'{"x": "' + b"y" * 2000, tmp_path, [100])


def test_the_data_never_stands_in_memory_as_a_whole(tmp_path: Path) -> None:
    made = Spill(KEY, tmp_path, max_bytes=100_000_000)
    piece = base64.b64encode(bytes(49_152))
    made.feed(b'{"data": [{"b64_json": "')
    tracemalloc.start()
    for _ in range(200):
        made.feed(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    made.feed(b'"}]}')
    made.finish()
    assert made.paths[0].stat().st_size == 200 * 49_152
    assert peak < 1_000_000
