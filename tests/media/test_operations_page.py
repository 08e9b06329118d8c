"""The page of operations: its pictures are made anew, and it shows the calls that made them."""

from __future__ import annotations

import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from prefect_media import media
from prefect_media.media.operation import OPERATIONS

DOCS = Path(__file__).parents[2] / "docs"
MAX_BYTES = 1_500_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[str]]]:
    folder = tmp_path_factory.mktemp("pictures")
    command = [sys.executable, str(DOCS / "make_pictures.py"), "--out", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    return folder, {name: calls for name, *calls in lines}


def squeezed(code: str) -> str:
    """Return code without what a formatter may change."""
    return re.sub(r",(?=[\])}])", "", re.sub(r"\s+", "", code))


def test_the_page_shows_every_call_and_every_picture(made: tuple[Path, dict[str, list[str]]]) -> None:
    page = (DOCS / "operations.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n([^`]*)```\n\n!\[[^]]*\]\(pictures/([a-z-]+)\.jpg\)", page)
    shown = {name: squeezed(code) for code, name in blocks}
    assert shown == {name: squeezed("".join(calls)) for name, calls in made[1].items()}


def test_the_page_names_every_operation() -> None:
    for module in pkgutil.walk_packages(media.__path__, f"{media.__name__}."):
        import_module(module.name)
    page = (DOCS / "operations.md").read_text(encoding="utf-8")
    headings = " ".join(re.findall(r"^### (.*)$", page, re.MULTILINE))
    assert {name for name in OPERATIONS if f"`{name}`" not in headings} == set()


def test_the_pictures_are_those_of_the_page(made: tuple[Path, dict[str, list[str]]]) -> None:
    folder = made[0]
    total = 0
    for path in sorted(folder.glob("*.jpg")):
        kept = DOCS / "pictures" / path.name
        total += kept.stat().st_size
        with Image.open(path) as new, Image.open(kept) as old:
            assert abs(new.width - old.width) <= 2, path.name
            assert abs(new.height - old.height) <= 2, path.name
            small = [np.asarray(image.convert("RGB").resize((48, 24)), float) for image in (new, old)]
        assert np.abs(small[0] - small[1]).mean() < 6, f"{path.name} looks different: run docs/make_pictures.py"
        assert small[0].std() > 10, f"{path.name} shows nothing"
    assert total < MAX_BYTES
