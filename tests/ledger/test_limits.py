from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefect_media.ledger import Ledger
from prefect_media.ledger.limits import fair_share


@settings(deadline=None)
@given(
    st.integers(0, 100), st.dictionaries(st.text(min_size=1, max_size=3), st.integers(0, 50), min_size=1, max_size=8)
)
def test_a_fair_share_gives_out_all_that_is_wanted_and_favours_nobody(limit: int, wanted: dict[str, int]) -> None:
    shares = fair_share(limit, wanted)
    assert sum(shares.values()) == min(limit, sum(wanted.values()))
    assert all(0 <= shares[name] <= wanted[name] for name in wanted)
    unmet = [name for name in wanted if shares[name] < wanted[name]]
    for name in unmet:
        assert all(shares[other] <= shares[name] + 1 for other in wanted)


def test_one_process_gets_the_whole_limit(ledger: Ledger, clock: Any) -> None:
    share = ledger.limits.share("fal", limit=10, wanted=25)
    assert (share.granted, share.limit, share.members, share.not_before) == (10, 10, 1, 0)
    assert share.until == clock.now + 15
    assert ledger.limits.share("fal", limit=10, wanted=2).granted == 2
    assert ledger.limits.share("fal", limit=10, wanted=0).granted == 0


def _as(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("prefect_media.ledger.limits.this_process", lambda: name)


def test_a_share_falls_back_when_its_lease_ends(ledger: Ledger, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    _as(monkeypatch, "on another machine")
    assert ledger.limits.share("fal", limit=10, wanted=10).granted == 10
    _as(monkeypatch, "here")
    assert ledger.limits.share("fal", limit=10, wanted=10).granted == 0
    clock.pass_s(16)
    assert ledger.limits.share("fal", limit=10, wanted=10).granted == 10


def test_a_share_that_is_given_back_is_free_for_others(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    _as(monkeypatch, "a")
    ledger.limits.share("fal", limit=10, wanted=10)
    ledger.limits.share("fal", limit=10, wanted=0)
    _as(monkeypatch, "b")
    share = ledger.limits.share("fal", limit=10, wanted=10)
    assert (share.granted, share.members) == (10, 1)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=25),
)
def test_shares_never_add_up_to_more_than_the_limit(
    tmp_path_factory: pytest.TempPathFactory, wishes: list[tuple[str, int, int]]
) -> None:
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        Ledger(str(tmp_path_factory.mktemp("l") / "l.db"), synchronous="NORMAL") as ledger,
    ):
        granted: dict[str, int] = {}
        for name, wanted, in_use in wishes:
            _as(monkeypatch, name)
            used = min(in_use, granted.get(name, 0))  # nobody uses more than it was given
            granted[name] = ledger.limits.share("fal", limit=7, wanted=wanted, in_use=used).granted
            assert used <= granted[name]
            assert sum(granted.values()) <= 7


def test_push_back_keeps_the_later_instant_and_the_lower_limit(ledger: Ledger, clock: Any) -> None:
    assert ledger.limits.not_before("fal") == 0
    ledger.limits.push_back("fal", clock.now + 30, limit=6)
    ledger.limits.push_back("fal", clock.now + 10, limit=8)
    share = ledger.limits.share("fal", limit=10, wanted=10)
    assert (share.granted, share.limit, share.not_before) == (6, 6, clock.now + 30)
    ledger.limits.push_back("fal", clock.now + 40)
    ledger.limits.push_back("fal", 0, limit=-3)
    assert ledger.limits.share("fal", limit=10, wanted=10).granted == 1, "never below one call at a time"
    assert ledger.limits.not_before("fal") == clock.now + 40
    assert ledger.limits.not_before("replicate") == 0


def test_a_learned_limit_survives_a_restart_and_can_rise_again(url: str) -> None:
    with Ledger(url) as ledger:
        ledger.limits.push_back("fal", 5.0, limit=3)
    with Ledger(url) as ledger:
        assert ledger.limits.share("fal", limit=10, wanted=10).granted == 3
        ledger.limits.learn("fal", 5)
        assert ledger.limits.share("fal", limit=10, wanted=10).granted == 5
        ledger.limits.learn("fal", None)
        assert ledger.limits.share("fal", limit=10, wanted=10).granted == 10
        assert ledger.limits.not_before("fal") == 5.0
        ledger.limits.learn("new", 2)
        assert ledger.limits.share("new", limit=10, wanted=10).limit == 2
