"""In a notebook: `await clip(...)` shows a clip that plays."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import av
import nbformat
import pytest
from nbclient import NotebookClient

CELL = """
from prefect_media.flows.clip import clip

await clip(prompt="a lake", narration="A lake.", seconds=0.5, size="160x96")
"""


def test_a_clip_awaited_in_a_notebook_is_shown(
    prefect_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", prefect_url)
    monkeypatch.setenv("PREFECT_LOCAL_STORAGE_PATH", str(tmp_path / "results"))
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    (shown,) = [output for output in notebook.cells[0].outputs if output.output_type == "execute_result"]
    page = shown.data["text/html"]
    clip = re.search(r'<video[^>]*src="data:video/mp4;base64,([^"]+)"', page)
    assert clip is not None, page[:300]
    (tmp_path / "shown.mp4").write_bytes(base64.b64decode(clip[1]))
    with av.open(str(tmp_path / "shown.mp4")) as container:
        frames = sum(1 for _ in container.decode(video=0))
        assert (container.streams.video[0].width, len(container.streams.audio)) == (160, 1)
    assert frames >= 12
