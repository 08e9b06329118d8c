"""Every command as a process: what it prints where, its exit code, and what a wrong row file comes to."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

README = Path(__file__).parents[2] / "README.md"
TINY = {"seconds": 0.5, "size": "160x96"}
SUMMARY = {
    "batch", "rows", "succeeded", "failed", "skipped", "degraded", "calls", "submitted", "reused", "reattached",
    "cost_usd", "cost_unknown_calls", "saved_usd", "seconds", "out",
}  # fmt: skip
GOOD = '{"prompt": "x", "seconds": 0.5}\n'
BAD_FILES: dict[str, tuple[bytes, str]] = {
    "missing.jsonl": (b'{"narration": "x"}\n', r"missing.jsonl line 1: field 'prompt' is missing\. Expected str; .*prompt"),
    "unknown.jsonl": (
        b'{"prompt": "x", "promt": "y"}\n',
        r"unknown.jsonl line 1: field 'promt' \('y'\) is not a parameter of the flow\. Expected: .*Did you mean 'prompt'\?",
    ),
    "twice.jsonl": (
        b'{"id": "a", "prompt": "x"}\n{"id": "a", "prompt": "y"}\n',
        r"twice.jsonl line 2: field 'id': 'a' is already used by twice.jsonl line 1\. Expected",
    ),
    "line7.jsonl": ((GOOD * 6 + '{"prompt": \n' + GOOD).encode(), r"line7.jsonl line 7: not valid JSON at column 12 .*Expected"),
    "empty.jsonl": (b"", r"empty.jsonl holds no rows\. Expected one object for each row\."),
    "binary.jsonl": (b"\x89PNG\r\n\x1a\n\0\0", r"binary.jsonl line 1: byte 0x89 at offset 0 is not UTF-8\. Expected a text file"),
}  # fmt: skip


def test_help_needs_no_prefect(commands: Callable[..., Any]) -> None:
    command = commands(None)
    command.environment["PREFECT_API_URL"] = "not a URL: importing Prefect would fail"
    text = command.installed("--help")[0]
    for name in ("demo", "run", "batch", "models", "calls", "costs", "report", "simulate", "doctor"):
        assert re.search(rf"\b{name}\b", text), name
    assert not (command.folder / "home").exists()
    assert command.installed("--version")[0].startswith("prefect-media ")


def test_the_life_of_a_batch(command: Any) -> None:
    """batch, again, report, calls, costs: what a user does one after the other."""
    rows = command.rows([{"id": name, "prompt": name, "narration": name, **TINY} for name in ("sea", "hill")])
    out, err = command.installed("batch", "clip", rows, "--out", "out", "--json")
    first = json.loads(out)
    assert set(first) >= SUMMARY
    assert (first["rows"], first["succeeded"], first["submitted"], first["cost_usd"]) == (2, 2, 6, 0.0)
    assert first["out"] == str(command.folder / "out")
    assert sorted(line for line in err.splitlines() if line.startswith("[")) == sorted(err.splitlines()), err
    assert sorted(path.name for path in (command.folder / "out").iterdir()) == [
        "hill.mp4", "manifest.jsonl", "report.html", "sea.mp4",
    ]  # fmt: skip

    second, err = command.both("batch", "clip", rows, "--out", "out")
    assert "2 rows: 2 skipped. 0 calls" in second
    assert err == ""

    report = command.json("report")
    assert (report["rows"], report["skipped"]) == (2, 2)
    assert "<video" in Path(command.folder / report["report"]).read_text()
    assert command("report", first["batch"], "--out", "again.html").strip() == "again.html"
    assert {call["state"] for call in command.json("calls")} == {"done"}
    assert [line["done"] for line in command.json("costs")] == [2, 2, 2]


def test_run_prints_where_the_output_is(command: Any) -> None:
    """The README's flow, word for word, from a file."""
    code = re.search(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert code is not None
    (command.folder / "clip.py").write_text(code[1])
    values = ("prompt=a lighthouse at dawn", "narration=At first light.", "seconds=0.5")
    done = command.json("run", "clip.py:clip", *values)
    assert Path(done["output"]).is_relative_to(command.home)
    assert (done["submitted"], len(done["degraded"])) == (3, 3)
    again = command.installed("run", "clip.py:clip", *values, "--out", "here")[0]
    assert again == "here/clip.mp4\n"
    assert (command.folder / "here" / "clip.mp4").read_bytes() == Path(done["output"]).read_bytes()


def test_looking_commands(command: Any) -> None:
    assert "local:ken-burns" in command("models", "ken-burns")
    assert command.json("models", "show", "local:voice")["id"] == "local:voice"
    doctor = command.json("doctor")
    assert doctor["ok"], doctor
    assert {"ffmpeg", "store", "ledger", "voice", "prefect"} <= {check["name"] for check in doctor["checks"]}
    assert all("no key" in state for state in doctor["credentials"].values())
    assert command.json("calls") == command.json("costs") == []


def test_doctor_shows_no_key_and_tells_what_is_bad(command: Any) -> None:
    command.environment |= {"FAL_KEY": "secret-of-fal", "PREFECT_API_URL": "http://127.0.0.1:9/api"}
    out, err = command.installed("doctor", code=1)
    assert "fal: key present" in out
    assert "secret-of-fal" not in out + err
    assert re.search(r"bad\s+prefect: .*No Prefect API answers at", out)
    rows = command.rows([{"prompt": "x"}])
    assert "No Prefect API answers at http://127.0.0.1:9/api" in command.both("batch", "clip", rows, code=2)[1]


USAGE_ERRORS = [
    (["batch", "clp", "rows.jsonl"], "Did you mean 'clip'?"),
    (["run", "clip", "prompt"], "'prompt' is not a parameter. Expected name=value"),
    (["batch", "clip", "rows.jsonl", "--budget", "much"], "much"),
    (["models", "show", "local:nothing"], "local:nothing"),
    (["report", "20000101-none"], "20000101-none"),
    (["batch", "clip", "rows.jsonl", "--out", "/dev/null/out"], "Outputs cannot be written to /dev/null/out"),
    (["btach"], "No such command 'btach'"),
]


def test_usage_errors_exit_with_2(command: Any) -> None:
    command.rows([{"prompt": "x"}])
    for arguments, message in USAGE_ERRORS:
        out, err = command.both(*arguments, code=2)
        assert out == "", (arguments, out)
        assert message in err
        assert "Traceback" not in err
    assert command.installed("btach", code=2) == ("", err)


def test_wrong_row_files_are_refused_before_anything_runs(command: Any) -> None:
    for name, (content, _) in BAD_FILES.items():
        (command.folder / name).write_bytes(content)
    for name, (_, message) in BAD_FILES.items():
        out, err = command.both("batch", "clip", name, "--out", f"out-{name}", "--json", code=2)
        assert out == "", (name, out)
        lines = err.strip().splitlines()
        assert re.search(message, lines[-1]), (name, err)
        assert len(lines) <= 2, err  # which file, and the one problem
        assert not (command.folder / f"out-{name}").exists()
    assert command.json("calls") == []


def test_some_failed_rows_exit_with_1_and_a_budget_with_3(command: Any, media_simulator: Any) -> None:
    command.environment |= media_simulator.env
    (command.folder / "mine.py").write_text(
        "from prefect import flow\n"
        "from prefect_media import Image, generate_image, thumbnail\n"
        "@flow\n"
        "async def paid(prompt: str) -> Image:\n"
        "    return await generate_image(prompt, model='fal:fal-ai/flux/dev', size='512x512')\n"
        "@flow\n"
        "async def small(picture: Image) -> Image:\n"
        "    return await thumbnail(picture, width=16, height=16)\n"
    )
    import PIL.Image

    PIL.Image.new("RGB", (32, 32), "red").save(command.folder / "good.png")
    (command.folder / "bad.png").write_bytes((command.folder / "good.png").read_bytes()[:60])
    rows = command.rows([{"picture": "good.png"}, {"picture": "bad.png"}], "pictures.jsonl")
    sums = command.json("batch", "mine.py:small", rows, "--yes", code=1)
    assert (sums["succeeded"], sums["failed"]) == (1, 1)

    rows = command.rows([{"prompt": f"number {number}"} for number in range(4)])
    arguments = ("batch", "mine.py:paid", rows, "--budget", "0.06 USD", "--concurrency", "1", "--yes")
    sums = command.json(*arguments, code=3)
    assert media_simulator.bill.calls == sums["succeeded"] < 4
    assert sums["cost_usd"] <= 0.06


def test_ctrl_c_ends_with_130_and_a_rerun_finishes(command: Any) -> None:
    rows = command.rows([{"id": str(n), "prompt": f"hill {n}", "narration": f"Number {n}.", **TINY} for n in range(8)])
    arguments = ("batch", "clip", rows, "--out", "out", "--concurrency", "2")
    process: subprocess.Popen[str] = command.start(*arguments)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("[1/8]")
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Interrupted. What was finished is kept" in err
    assert "Traceback" not in err
    done = command.json(*arguments)
    assert done["succeeded"] + done["skipped"] == 8
    assert 0 < done["skipped"] < 8
    assert len(list((command.folder / "out").glob("*.mp4"))) == 8


def test_without_a_server_the_command_starts_a_temporary_one(commands: Callable[..., Any]) -> None:
    command = commands(None)
    rows = command.rows([{"prompt": "sea", **TINY}])
    out, _ = command.installed("batch", "clip", rows, "--out", "out", "--json")
    assert json.loads(out)["succeeded"] == 1
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and (left := _processes_with(str(command.folder / "prefect"))):
        time.sleep(0.2)
    assert not left, "the temporary server outlived its command"


def _processes_with(home: str) -> list[int]:
    """Return processes whose environment names a folder (Linux)."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if f"PREFECT_HOME={home}\0".encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found
