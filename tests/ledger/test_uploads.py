from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from prefect_media.ledger import Ledger

A, B = "aa" * 32, "bb" * 32


def test_an_upload_is_known_until_shortly_before_it_expires(ledger: Ledger, clock: Any) -> None:
    expires = datetime.fromtimestamp(clock.now, UTC) + timedelta(hours=1)
    ledger.uploads.remember("fal", A, "https://fal/a", expires)
    ledger.uploads.remember("fal", B, "https://fal/b")
    assert ledger.uploads.known("fal", [A, B, A]) == {A: "https://fal/a", B: "https://fal/b"}
    clock.pass_s(3600 - 301)
    assert A in ledger.uploads.known("fal", [A])
    clock.pass_s(2)
    assert ledger.uploads.known("fal", [A, B]) == {B: "https://fal/b"}
    assert ledger.uploads.known("fal", [A], margin_s=10) == {A: "https://fal/a"}


def test_providers_do_not_share_uploads(ledger: Ledger) -> None:
    ledger.uploads.remember("fal", A, "https://fal/a")
    assert ledger.uploads.known("replicate", [A]) == {}
    assert ledger.uploads.known("fal", []) == {}


def test_a_new_upload_takes_the_place_of_the_old_one(ledger: Ledger, clock: Any) -> None:
    ledger.uploads.remember("fal", A, "https://fal/old", datetime.fromtimestamp(clock.now, UTC))
    ledger.uploads.remember("fal", A, "https://fal/new", datetime.fromtimestamp(clock.now + 3600, UTC))
    assert ledger.uploads.known("fal", [A]) == {A: "https://fal/new"}


def test_uploads_are_forgotten_one_by_one_or_when_expired(ledger: Ledger, clock: Any) -> None:
    ledger.uploads.remember("fal", A, "https://fal/a", datetime.fromtimestamp(clock.now + 10, UTC))
    ledger.uploads.remember("fal", B, "https://fal/b")
    assert ledger.uploads.clean() == 0
    clock.pass_s(11)
    assert ledger.uploads.clean() == 1
    ledger.uploads.forget("fal", B)
    assert ledger.uploads.known("fal", [A, B], margin_s=-1000) == {}
