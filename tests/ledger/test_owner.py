from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from prefect_media.ledger.owner import is_surely_dead, this_process

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")


def _name_of_a_child(and_wait: bool) -> tuple[subprocess.Popen[str], str]:
    code = "from prefect_media.ledger.owner import this_process; print(this_process(), flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    name = process.stdout.readline().strip()
    if and_wait:
        process.communicate("\n")
    return process, name


def test_this_process_is_alive_and_keeps_its_name() -> None:
    assert this_process() == this_process()
    assert not is_surely_dead(this_process())


def test_another_process_is_dead_when_it_has_ended_even_as_a_zombie() -> None:
    process, name = _name_of_a_child(and_wait=False)
    assert not is_surely_dead(name)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # ended, but not yet reaped
    assert is_surely_dead(name)
    process.communicate()
    assert is_surely_dead(name)


def test_a_process_number_that_was_given_to_another_process_is_not_mistaken() -> None:
    host, boot, number, _, token = this_process().split("|")
    assert is_surely_dead("|".join((host, boot, number, "1", token)))


@pytest.mark.parametrize("name", ["", "somebody", "host|other boot|1|1|x", "host||1|1|x", "a|b|c|d|e|f"])
def test_nobody_else_is_judged(name: str) -> None:
    assert not is_surely_dead(name)
