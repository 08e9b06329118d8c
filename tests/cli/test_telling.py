"""How far long work is, on a terminal and in a pipe."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from prefect_media.cli import _telling
from prefect_media.cli._telling import Teller
from prefect_media.tasks.progress import Working


def test_piped_there_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with Teller() as teller:
        for done_s in (1.0, 2.0, 3.0):
            teller.works(Working("cape · transcode", done_s, 10.0))
        teller.works(Working("dune · merge", 1.5, None, run="2"))
        teller.works(Working("cape · transcode", 3.0, 10.0, ended=True))
        teller.works(Working("cape · transcode", 4.0, 10.0))
    assert capsys.readouterr().err.splitlines() == [
        "cape · transcode: 10 % of 10.0 s",
        "dune · merge: 1.5 s written",
        "cape · transcode: 40 % of 10.0 s",
    ]


def test_a_terminal_shows_a_bar_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(_telling, "err", Console(file=screen, force_terminal=True, width=120))
    with Teller() as teller:
        teller.works(Working("cape [1] · transcode", 4.0, 10.0))
        assert teller._bars is not None
        teller._bars.refresh()
        assert [(bar.description, bar.completed) for bar in teller._bars.tasks] == [("cape [1] · transcode", 40.0)]
        teller.works(Working("cape [1] · transcode", 9.0, 10.0, ended=True))
        assert teller._bars.tasks == []
    assert "cape [1] · transcode" in screen.getvalue()
    assert "40 % of 10.0 s" in screen.getvalue()
