"""The suite runs in a clone of any name: the root is a package, and `prefect-media` is no module name."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_tests_are_collected_in_a_folder_whose_name_is_no_identifier(tmp_path: Path) -> None:
    clone = tmp_path / "prefect-media"
    clone.mkdir()
    for name in ("__init__.py", "pyproject.toml", "errors.py", "settings.py"):
        (clone / name).write_bytes((ROOT / name).read_bytes())
    (clone / "tests").mkdir()
    (clone / "tests" / "test_one.py").write_text("def test_one():\n    pass\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=clone, capture_output=True, text=True, timeout=120, check=False
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
