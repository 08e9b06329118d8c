"""A budget as a block: a cap that a team shares and changes without touching code."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl

from ..ledger import Budget
from .credentials import DOCS

__all__ = ["MediaBudget"]


class MediaBudget(Block):
    """A cap on what calls may cost, kept by the ledger over processes and restarts.

    Example:
        ```python
        from prefect_media.blocks import MediaBudget

        budget = MediaBudget.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "Media Budget"
    _block_type_slug = "media-budget"
    _documentation_url = HttpUrl(str(DOCS).replace("credentials", "budgets"))

    name: str = Field(description="Name of the budget in the ledger. Blocks of one name share one budget.")
    cap_usd: Decimal = Field(ge=0, description="Most that may be spent in each period, in USD.")
    period: Literal["day", "month", "ever"] = Field(
        default="month", description="When it starts anew (UTC): each day, each month, or never."
    )

    def get_budget(self) -> Budget:
        """Return the budget for the current period."""
        form = {"day": "%Y-%m-%d", "month": "%Y-%m", "ever": ""}[self.period]
        return Budget(self.name, self.cap_usd, datetime.now(UTC).strftime(form))
