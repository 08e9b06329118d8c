"""Every test in this folder has a store of its own."""

import os
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("PREFECT_MEDIA_") and name != "PREFECT_MEDIA_FUZZ"]:
        monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("PREFECT_MEDIA_HOME", str(folder))
    return folder
