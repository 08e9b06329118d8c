"""A pipeline is found by name, module or file, and a wrong name says what is expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from prefect_media import ConfigurationError
from prefect_media.flows.pipelines import READY, find_pipeline

FLOW = "from prefect import flow\n\n@flow\ndef mine(x: int) -> int:\n    return x\n\nother = 3\n"


def test_every_ready_flow_is_there() -> None:
    for name in READY:
        assert find_pipeline(name).reference == READY[name]


def test_a_file_is_loaded_and_its_change_changes_the_fingerprint(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(FLOW)
    (tmp_path / "two.py").write_text(FLOW + "\n# edited\n")
    one, two = find_pipeline(f"{tmp_path}/one.py:mine"), find_pipeline(f"{tmp_path}/two.py:mine")
    assert one.flow.fn(2) == 2
    assert one.fingerprint != two.fingerprint
    assert find_pipeline(one.flow).fingerprint == one.fingerprint


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("clp", r"Unknown pipeline 'clp'\. Expected a ready flow \(clip, .*Did you mean 'clip'\?"),
        ("no_such_module:flow", "module 'no_such_module' cannot be found"),
        ("nothing.py:flow", "there is no file"),
        ("FOLDER/one.py:missing", r"'missing' in .*one.py does not exist\. Flows found there: mine\."),
        ("FOLDER/one.py:other", "is not a Prefect flow"),
        ("FOLDER/broken.py:flow", "broken.py failed to load: ZeroDivisionError"),
    ],
)
def test_wrong_names_are_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "one.py").write_text(FLOW)
    (tmp_path / "broken.py").write_text("1 / 0\n")
    with pytest.raises(ConfigurationError, match=message):
        find_pipeline(name.replace("FOLDER", str(tmp_path)))
