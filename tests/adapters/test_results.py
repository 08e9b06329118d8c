"""Reading the JSON that models give back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from prefect_media.adapters._results import at, number, text_of, urls, words_of


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a", {"b": [1, {"c": "x"}]}),
        ("a.b.1.c", "x"),
        ("a.b.7", None),
        ("a.b.-1", None),
        ("a.x.y", None),
        ("a.b.c", None),
    ],
)
def test_dotted_paths_lead_into_objects_and_lists(path: str, found: Any) -> None:
    assert at({"a": {"b": [1, {"c": "x"}]}}, path) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("HTTPS://host/x", ["HTTPS://host/x"]),
        ("http://169.254.169.254/x", ["http://169.254.169.254/x"]),
        ("file:///etc/passwd", []),
        ("https://host/x is a sentence", []),
        ("data:no comma", []),
        (None, []),
        (5, []),
        ([{"url": "https://host/x", "content_type": 5}], ["https://host/x"]),
        ({"url": "plain", "other": "https://host/y"}, ["https://host/y"]),
        ({"url": "file:///etc/passwd"}, ["file:///etc/passwd"]),
    ],
)
def test_only_whole_urls_are_files(value: Any, found: list[str]) -> None:
    assert [file.url for file in urls(value)] == found


def test_deep_nesting_ends() -> None:
    value: Any = "https://host/x"
    for _ in range(5000):
        value = [value]
    assert list(urls(value)) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (["a", "b"], "ab"),
        ([], None),
        (["a", 1], None),
        ({"transcription": "a"}, "a"),
        ({"x": 1}, None),
        (5, None),
    ],
)
def test_text_is_found(value: Any, text: str | None) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize(
    "value", [None, [], {"words": 5}, {"words": ["x", {"word": 5, "start": 1}]}, {"segments": [1, {}]}]
)
def test_what_is_not_timed_gives_no_words(value: Any) -> None:
    assert words_of(value) == ()


def test_times_before_the_start_or_backwards_are_set_right() -> None:
    words = words_of({"words": [{"text": "a", "start": -1, "end": 1}, {"text": "b", "start": 2, "end": 1}]})
    assert [(word.start_s, word.end_s) for word in words] == [(0, 1), (2, 2)]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (1, Decimal(1)), (1.33, Decimal("1.33")), (" 3.008 ", Decimal("3.008")), (True, None), ("x", None), ("", None),
        ("NaN", None), ("inf", None), (float("nan"), None), (float("inf"), None), (None, None), ([], None),
    ],
)  # fmt: skip
def test_numbers_are_exact_or_nothing(value: Any, found: Decimal | None) -> None:
    assert number(value) == found
