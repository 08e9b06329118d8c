"""What every test gets: a home of its own, a clean environment, and no way to a real provider."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

# Before Prefect is imported: it reads its settings once.
_PREFECT_HOME = tempfile.mkdtemp(prefix="prefect-media-tests-")
os.environ.update(
    PREFECT_HOME=_PREFECT_HOME,
    PREFECT_LOCAL_STORAGE_PATH=f"{_PREFECT_HOME}/results",
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE="200",
    PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL="1",
    PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED="false",
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="180",
    PREFECT_LOGGING_LEVEL="WARNING",
    DO_NOT_TRACK="1",
)

KEPT = ("PREFECT_MEDIA_TEST_", "PREFECT_MEDIA_FUZZ", "PREFECT_MEDIA_FULL")
PROVIDERS = ("REPLICATE_", "FAL_", "OPENAI_", "ELEVENLABS_", "GEMINI_", "RUNWAYML_", "LUMAAI_", "STABILITY_", "BFL_", "HUME_")


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the test its own store and ledger, and hide the user's settings and keys."""
    for name in list(os.environ):
        if name.startswith(PROVIDERS) or (name.startswith("PREFECT_MEDIA_") and not name.startswith(KEPT)):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PREFECT_MEDIA_HOME", str(tmp_path / "home"))
