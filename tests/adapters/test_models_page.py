"""docs/models.md lists the catalogue as it is."""

from __future__ import annotations

from pathlib import Path

from prefect_media.adapters.catalogue import all_cards

PAGE = Path(__file__).parents[2] / "docs" / "models.md"


def test_the_page_lists_every_card_once() -> None:
    lines = [line.split("`")[1] for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert lines == [card.id for card in all_cards()]
