from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from prefect_media.errors import ConfigurationError, LedgerError
from prefect_media.ledger import Ledger, RowResult, media_in, row_key
from prefect_media.media.types import Image

PICTURE = Image(digest="ef" * 32, size_bytes=5, media_type="image/png", width_px=4, height_px=3)


def test_the_key_of_a_row_changes_with_flow_fingerprint_and_parameters_only() -> None:
    key = row_key("clip", "f1", '{"prompt":"a"}')
    assert key == row_key("clip", "f1", '{"prompt":"a"}')
    others = [
        row_key("other", "f1", '{"prompt":"a"}'),
        row_key("clip", "f2", '{"prompt":"a"}'),
        row_key("clip", "f1", '{"prompt":"b"}'),
        row_key("clipf1", "", '{"prompt":"a"}'),
    ]
    assert len({key, *others}) == 5
    assert all(len(each) == 64 for each in others)


def test_a_finished_row_comes_back_with_its_output_and_the_media_in_it(ledger: Ledger, clock: Any) -> None:
    batch = ledger.rows.begin_batch("clip", "f1", "rows.jsonl")
    ledger.rows.finish(
        "k1",
        flow="clip",
        batch=batch,
        status="succeeded",
        output={"video": PICTURE, "others": [PICTURE], "title": "dawn"},
        cost=Decimal("0.123"),
        calls=3,
        degraded=("flux failed: refused",),
    )
    found = ledger.rows.finished(["k1", "k2"])
    assert found == {
        "k1": RowResult(
            key="k1",
            status="succeeded",
            output={
                "video": PICTURE.model_dump(mode="json"),
                "others": [PICTURE.model_dump(mode="json")],
                "title": "dawn",
            },
            media=((PICTURE.digest, "image/png"),),
            cost=Decimal("0.123"),
            calls=3,
            degraded=("flux failed: refused",),
            error=None,
            batch=batch,
            finished_at=clock.now,
        )
    }


def test_a_failed_row_is_not_finished_but_is_in_the_report(ledger: Ledger) -> None:
    batch = ledger.rows.begin_batch("clip", "f1", "rows.jsonl")
    ledger.rows.add(batch, [(0, "a", "k1"), (1, "b", "k2")])
    ledger.rows.finish("k1", flow="clip", batch=batch, status="failed", cost=None, error="no \0 luck")
    assert ledger.rows.finished(["k1"]) == {}
    first, second = ledger.rows.rows_of(batch)
    assert (first.row_id, first.position, second.result) == ("a", 0, None)
    assert first.result is not None
    assert (first.result.status, first.result.error, first.result.cost) == ("failed", "no \ufffd luck", None)


def test_a_later_result_takes_the_place_of_an_earlier_one(ledger: Ledger) -> None:
    for status in ("failed", "succeeded"):
        ledger.rows.finish("k1", flow="clip", batch="b", status=status, output=PICTURE, cost=Decimal(0))
    assert ledger.rows.finished(["k1"])["k1"].status == "succeeded"


def test_rows_that_an_earlier_batch_finished_are_in_the_report_of_a_later_one(ledger: Ledger) -> None:
    first = ledger.rows.begin_batch("clip", "f1", "rows.jsonl")
    ledger.rows.add(first, [(0, "a", "k1")])
    ledger.rows.finish("k1", flow="clip", batch=first, status="succeeded", output=PICTURE, cost=Decimal(1))
    second = ledger.rows.begin_batch("clip", "f1", "rows.jsonl")
    ledger.rows.add(second, [(0, "a", "k1"), (1, "again", "k1")])
    results = [row.result for row in ledger.rows.rows_of(second)]
    assert [result.batch if result else None for result in results] == [first, first]


def test_thousands_of_rows_are_looked_up_in_bulk_and_listed_in_order(ledger: Ledger) -> None:
    batch = ledger.rows.begin_batch("clip", "f1", "rows.jsonl")
    keys = [f"{number:064x}" for number in range(3000)]
    with ledger.together():
        ledger.rows.add(batch, [(number, f"r{number}", key) for number, key in enumerate(keys)])
        for key in keys[::2]:
            ledger.rows.finish(key, flow="clip", batch=batch, status="succeeded", output=PICTURE, cost=Decimal(0))
    assert list(ledger.rows.finished(keys)) == keys[::2]
    listed = list(ledger.rows.rows_of(batch))
    assert [row.key for row in listed] == keys
    assert [row.result is not None for row in listed] == [number % 2 == 0 for number in range(3000)]


def test_a_batch_is_found_by_its_id_a_part_of_it_or_as_the_last(ledger: Ledger, clock: Any) -> None:
    first = ledger.rows.begin_batch("clip", "f1", "a.jsonl")
    clock.pass_s(100)
    second = ledger.rows.begin_batch("story", "f2", "b.csv")
    ledger.rows.end_batch(first, "done", {"rows": 2, "cost_usd": Decimal("0.5")})
    found = ledger.rows.batch(first)
    assert (found.flow, found.fingerprint, found.source, found.status) == ("clip", "f1", "a.jsonl", "done")
    assert (found.summary, found.ended_at) == ({"rows": 2, "cost_usd": "0.5"}, clock.now)
    assert ledger.rows.batch("last").id == second
    assert ledger.rows.batch(second[:-2]).status == "running"
    assert [batch.id for batch in ledger.rows.batches()] == [second, first]


def test_an_unknown_or_ambiguous_batch_names_the_latest_ones(ledger: Ledger) -> None:
    with pytest.raises(ConfigurationError, match=r"The ledger has no batch 'last'\. Latest: none\."):
        ledger.rows.batch("last")
    known = [ledger.rows.begin_batch("clip", "f", "x") for _ in range(2)]
    with pytest.raises(ConfigurationError, match="The ledger has more than one batch '20"):
        ledger.rows.batch("20")
    with pytest.raises(ConfigurationError, match="The ledger has no batch '%'") as caught:
        ledger.rows.batch("%")
    assert all(batch in str(caught.value) for batch in known)


def test_a_position_can_be_taken_once(ledger: Ledger) -> None:
    batch = ledger.rows.begin_batch("clip", "f1", "rows.jsonl")
    ledger.rows.add(batch, [])
    ledger.rows.add(batch, [(0, "a", "k1")])
    with pytest.raises(LedgerError):
        ledger.rows.add(batch, [(0, "b", "k2")])


def test_media_are_found_wherever_they_are() -> None:
    plain = PICTURE.model_dump(mode="json")
    value = {"a": [PICTURE, {"b": (plain,)}], "digest": "not media", "c": "text", "d": None}
    assert list(media_in(value)) == [(PICTURE.digest, "image/png")] * 2
    assert list(media_in(PICTURE)) == [(PICTURE.digest, "image/png")]
