"""docs/environment.md lists every setting with its default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from prefect_media.settings import PREFIX, Settings

PAGE = Path(__file__).parents[1] / "docs" / "environment.md"


def test_every_setting_is_on_the_page_with_its_default(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = dict(re.findall(rf"^\| `({PREFIX}\w+)` \| `([^`]*)` \|", PAGE.read_text(), re.MULTILINE))
    assert set(listed) == {PREFIX + name.upper() for name in Settings.model_fields}
    monkeypatch.delenv("PREFECT_MEDIA_HOME")
    defaults = Settings()
    derived = {"store": "<home>/store", "ledger": "sqlite:///<home>/ledger.db"}
    for name in Settings.model_fields:
        told = listed[PREFIX + name.upper()]
        if name in derived:
            assert told == derived[name]
        else:
            monkeypatch.setenv(PREFIX + name.upper(), told)
            assert getattr(Settings(), name) == getattr(defaults, name), name
