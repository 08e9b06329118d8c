"""The package's public names: each resolves, is sorted, documented, and known to type checkers under the same module."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import prefect_media
from prefect_media import errors, tasks

FACE = Path(__file__).parents[1] / "__init__.py"

# Relied on from outside: section "Fixed interface" of the design.
FIXED_NAMES = """Image Video Audio generate_image edit_image generate_video generate_speech generate_music generate_sound transcribe
upscale_image remove_background lip_sync fit_image merge mix concat caption overlay trim transcode normalize_loudness thumbnail
contact_sheet ken_burns extract_audio extract_frame import_media together plan batch Plan Report Budget"""


def for_type_checkers() -> dict[str, str]:
    """Return each name that the face imports for type checkers only, with its module."""
    (block,) = [node for node in ast.parse(FACE.read_text(encoding="utf-8")).body if isinstance(node, ast.If)]
    found: dict[str, str] = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        names = [alias.name for alias in node.names]
        found |= dict.fromkeys(errors.__all__ if names == ["*"] else names, f".{node.module}")
    return found


@pytest.mark.parametrize("name", prefect_media.__all__)
def test_a_public_name_resolves_and_is_documented(name: str) -> None:
    value = getattr(prefect_media, name)
    assert (value.fn if hasattr(value, "fn") else value).__doc__


def test_type_checkers_see_the_same_names_in_the_same_modules() -> None:
    assert for_type_checkers() == {name: module for module, names in prefect_media._HOMES.items() for name in names}
    assert prefect_media.__all__ == sorted(for_type_checkers())


def test_the_fixed_names_and_every_error_are_there() -> None:
    assert {*FIXED_NAMES.split(), *errors.__all__} - set(prefect_media.__all__) == set()


def test_every_task_is_public_under_one_object() -> None:
    assert tasks.__all__ == sorted(tasks.__all__)
    assert {name for name in tasks.__all__ if getattr(prefect_media, name) is not getattr(tasks, name)} == set()


def test_an_unknown_name_is_an_attribute_error_and_dir_lists_the_known() -> None:
    with pytest.raises(AttributeError, match=r"^module 'prefect_media' has no attribute 'generate_smell'$"):
        _ = prefect_media.generate_smell
    assert set(prefect_media.__all__) <= set(dir(prefect_media))


def test_importing_the_package_imports_no_prefect() -> None:
    code = "import sys, prefect_media; sys.exit('prefect' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
