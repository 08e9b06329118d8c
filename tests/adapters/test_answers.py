"""A long answer goes to disk piece by piece, however it is cut."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from prefect_media.adapters._answers import Spill

FIRST, SECOND = b"one " * 100, b"two " * 50
ANSWER = json.dumps(
    {
        "created": 1,
        "data": [{"b64_json": base64.b64encode(FIRST).decode()}, {"b64_json": base64.b64encode(SECOND).decode()}],
        "usage": {"total_tokens": 7},
    }
).encode()


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 64, 1000, len(ANSWER)])
def test_every_field_is_decoded_once_however_the_answer_is_cut(tmp_path: Path, piece: int) -> None:
    spill = Spill("b64_json", tmp_path, max_bytes=10_000)
    for start in range(0, len(ANSWER), piece):
        spill.feed(ANSWER[start : start + piece])
    rest = spill.finish()
    assert [path.read_bytes() for path in spill.paths] == [FIRST, SECOND]
    assert rest == {"created": 1, "data": [{"b64_json": ""}, {"b64_json": ""}], "usage": {"total_tokens": 7}}
