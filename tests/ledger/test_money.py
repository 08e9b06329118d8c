from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefect_media.errors import ParameterError
from prefect_media.ledger.money import from_nano, parse_money, show_money, to_nano


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("25 USD", "25"),
        ("25", "25"),
        ("$25", "25"),
        ("$ 2.50", "2.50"),
        ("2.5usd", "2.5"),
        (".5 USD", "0.5"),
        ("0", "0"),
        (25, "25"),
        (0.1, "0.1"),
        (Decimal("1.234567891"), "1.234567891"),
        ("  7 $ ", "7"),
    ],
)
def test_parse_money_reads_what_users_write(text: object, amount: str) -> None:
    assert parse_money(text) == Decimal(amount)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["", "USD", "25 EUR", "€25", "-1", "1,000", "1e3", "nan", float("nan"), True, "5 USD each"]
)
def test_parse_money_refuses_anything_else(text: object) -> None:
    with pytest.raises(
        ParameterError, match=r"is not an amount of money\. Write it in US dollars, for example '25 USD'"
    ):
        parse_money(text)  # type: ignore[arg-type]


def test_amounts_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"9000000001 USD is not an amount of money\. Allowed: 0 to 9000000000"):
        parse_money("9000000001")
    with pytest.raises(ParameterError):
        to_nano(Decimal("NaN"))


@settings(deadline=None)
@given(st.integers(0, 9_000_000_000 * 10**9))
def test_nano_usd_survive_the_way_to_usd_and_back(nano: int) -> None:
    assert to_nano(from_nano(nano)) == nano


def test_what_is_set_aside_is_rounded_up_and_costs_to_the_nearest() -> None:
    assert to_nano(Decimal("0.0000000011"), up=True) == 2
    assert to_nano(Decimal("0.0000000011")) == 1


@pytest.mark.parametrize(
    ("nano", "text"), [(0, "0"), (100 * 10**9, "100"), (40_000_000, "0.04"), (2_500_000_000, "2.5")]
)
def test_usd_are_plain_decimals(nano: int, text: str) -> None:
    assert str(from_nano(nano)) == text


def test_show_money_has_two_decimals_or_more_and_says_when_it_is_unknown() -> None:
    assert [show_money(value) for value in (Decimal(25), Decimal("0.003"), Decimal(0), None)] == [
        "25.00 USD",
        "0.003 USD",
        "0.00 USD",
        "unknown",
    ]
