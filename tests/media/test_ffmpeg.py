"""The ffmpeg program: guards, errors that help, limits that hold, nothing torn, nothing left running."""

from __future__ import annotations

import asyncio
import os
import pickle
import shlex
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from prefect_media.errors import ConfigurationError, EncodeError, ParameterError
from prefect_media.media import ffmpeg
from prefect_media.media.container import scan
from prefect_media.media.control import check_not_cancelled, stage
from prefect_media.media.runner import bounded, run
from prefect_media.media.scratch import scratch_beside

from .make_clips import clip, damaged, folder, hostile, packet_digests, sparse, truncated

X264 = {"c:v": "libx264", "preset": "ultrafast", "pix_fmt": "yuv420p"}
ENDLESS = "testsrc2=s=320x240:r=25:d=100000"


def pattern(spec: str = "testsrc2=s=64x48:r=25:d=0.4") -> object:
    return ffmpeg.generated(spec)["v"]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"  # dead, even if nobody has asked for its exit code


def are_ended(pids: list[int], within_s: float = 10) -> bool:
    """Tell whether all end soon: a killed process still needs a moment of a processor, which a busy machine grants late."""
    given_up = time.monotonic() + within_s
    while any(map(is_running, pids)):
        if time.monotonic() > given_up:
            return False
        time.sleep(0.01)
    return True


def program(path: Path, body: str) -> Path:
    """Write a program that stands in for ffmpeg where a real one would not misbehave on demand."""
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


# Inputs


def test_source_puts_every_guard_before_its_input() -> None:
    node = ffmpeg.source(clip("plain.mp4"))
    arguments = ffmpeg.graph_module().output(node["0"], "x").get_args()
    before = arguments[: arguments.index("-i")]
    assert before[before.index("-protocol_whitelist") + 1] == "file"
    assert "hls" not in before[before.index("-format_whitelist") + 1]
    assert before[before.index("-max_pixels") + 1] == "34000000"
    assert arguments[arguments.index("-i") + 1] == f"file:{clip('plain.mp4')}"


@pytest.mark.parametrize("kind", ["hls", "ffconcat", "sdp", "text"])
def test_a_playlist_named_as_a_video_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(EncodeError):
        ffmpeg.write(tmp_path / "out.mp4", ffmpeg.source(hostile(f"{kind}.mp4", kind))["0"], what="read it")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["-y.mp4", "concat:a.mp4", "a%03d.mp4", "sub file,,x.mp4", "Ünïcode 漢.mp4", "it's.mp4"]
)
def test_file_names_are_only_names(name: str, tmp_path: Path) -> None:
    source = tmp_path / name
    source.write_bytes(clip("plain.mp4").read_bytes())
    target = tmp_path / f"copy of {name}"
    ffmpeg.write(target, ffmpeg.source(source)["0"], what="copy it", options={"c": "copy"})
    assert packet_digests(target) == packet_digests(source)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == sorted([name, f"copy of {name}"])


def test_a_control_character_in_a_name_is_refused() -> None:
    with pytest.raises(ParameterError, match="has a control character"):
        ffmpeg.safe_path(Path("a\nb.mp4"))


def test_the_pixel_limit_holds_in_the_program_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_MAX_VIDEO_PIXELS", "1000")
    with pytest.raises(EncodeError):
        ffmpeg.write(tmp_path / "out.mp4", ffmpeg.source(clip("plain.mp4"))["0"].filter("null"), what="read it")


def test_an_output_ends_even_when_its_input_would_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_MAX_DURATION_S", "2")
    monkeypatch.setenv("PREFECT_MEDIA_MEDIA_TIMEOUT_S", "30")
    target = tmp_path / "out.mp4"
    gap = ffmpeg.source(sparse())["0"].filter("fps", fps=25)
    ffmpeg.write(target, gap, what="fill the gap", options=X264)
    assert scan(target).duration_s == pytest.approx(2, abs=0.05)


# Errors


@pytest.mark.parametrize(
    ("node", "options", "cause"),
    [
        (lambda: ffmpeg.source(folder() / "missing.mp4")["0"], {}, "Error opening input: No such file or directory"),
        (lambda: ffmpeg.source(truncated(0.6, "plain.mp4"))["0"], {}, "moov atom not found"),
        (lambda: pattern("color=s=33x17:d=1"), X264, "width not divisible by 2 (33x17)"),
        (pattern, {"c:v": "nope"}, "Unknown encoder 'nope'"),
        (lambda: pattern().filter("nope"), {}, "No such filter: 'nope'"),  # type: ignore[attr-defined]
        (lambda: ffmpeg.source(clip("silent.mp4"))["a:0"], {}, "Stream map '' matches no streams"),
    ],
)
def test_an_error_names_the_cause_and_reproduces(
    node: object, options: dict[str, str], cause: str, tmp_path: Path
) -> None:
    target = tmp_path / "out.mp4"
    with pytest.raises(EncodeError) as caught:
        ffmpeg.write(target, node(), what="make it", options=options)  # type: ignore[operator]
    error = caught.value
    assert str(error).startswith(f"Cannot make it: {cause}")
    assert error.reason == "failed"
    assert error.log
    assert any(note == f"Reproduce: {error.command}" for note in error.__notes__)
    assert str(target) in error.command
    again = subprocess.run(shlex.split(error.command), capture_output=True, text=True, check=False)
    assert again.returncode != 0
    assert cause in again.stderr


def test_a_damaged_input_is_an_error_not_a_shorter_output(tmp_path: Path) -> None:
    with pytest.raises(EncodeError, match="Cannot decode it"):
        ffmpeg.write(tmp_path / "out.mp4", ffmpeg.source(damaged())["0"].filter("null"), what="decode it", options=X264)


def test_an_error_survives_pickle() -> None:
    error = EncodeError("Cannot x.", command="ffmpeg -i x", log=["a", "b"], reason="stall")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.command, again.log, again.reason) == ("Cannot x.", "ffmpeg -i x", ("a", "b"), "stall")


# Atomic outputs


def test_a_failure_leaves_the_old_target(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    target.write_bytes(b"old")

    def refuse(part: Path) -> None:
        assert part.stat().st_size > 100
        raise EncodeError("Cannot use it.", reason="wrong")

    with pytest.raises(EncodeError, match="Cannot use it"):
        ffmpeg.write(target, pattern(), what="make it", options=X264, check=refuse)
    with pytest.raises(EncodeError):
        ffmpeg.write(target, pattern(), what="make it", options={"c:v": "nope"})
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_a_target_gets_the_usual_permissions(tmp_path: Path) -> None:
    target, other = tmp_path / "out.mp4", tmp_path / "other"
    other.touch()
    ffmpeg.write(target, pattern(), what="make it", options=X264)
    assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)


def test_equal_graphs_give_equal_bytes_in_every_container(tmp_path: Path) -> None:
    for suffix, options in ((".mp4", X264), (".mkv", X264), (".webm", {"c:v": "libvpx-vp9", "cpu-used": 8})):
        one, other = tmp_path / f"one{suffix}", tmp_path / f"other{suffix}"
        for target in (one, other):
            ffmpeg.write(target, pattern(), what="make it", options=options)
        assert one.read_bytes() == other.read_bytes()


def test_mp4_starts_before_it_is_loaded(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    ffmpeg.write(target, pattern(), what="make it", options=X264)
    data = target.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_metadata_of_inputs_does_not_leak(tmp_path: Path) -> None:
    private = tmp_path / "private.mp4"
    ffmpeg.write(
        private, ffmpeg.source(clip("plain.mp4"))["0"], what="tag it", options={"c": "copy", "metadata": "title=secret"}
    )
    assert b"secret" in private.read_bytes()
    target = tmp_path / "out.mp4"
    ffmpeg.write(target, ffmpeg.source(private)["0"], what="copy it", options={"c": "copy"})
    assert b"secret" not in target.read_bytes()


# Limits


def test_a_run_over_its_deadline_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_MEDIA_TIMEOUT_S", "0.5")
    with pytest.raises(EncodeError, match=r"it took over 0\.5 s\. .* PREFECT_MEDIA_MEDIA_TIMEOUT_S") as caught:
        ffmpeg.write(tmp_path / "out.mp4", pattern(ENDLESS), what="make it", options=X264)
    assert caught.value.reason == "deadline"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_run_without_progress_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_MEDIA_STALL_S", "0.5")
    os.mkfifo(tmp_path / "never.mp4")
    with pytest.raises(EncodeError, match=r"it made no progress for 0\.5 s") as caught:
        ffmpeg.write(tmp_path / "out.mp4", ffmpeg.source(tmp_path / "never.mp4")["0"], what="read it")
    assert caught.value.reason == "stall"


@pytest.mark.skipif(sys.platform != "linux", reason="limits are set by prlimit")
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_an_output_over_the_byte_limit_is_ended(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_MAX_MEDIA_BYTES", "50000")
    message = r"the output has more than the 50000 bytes of PREFECT_MEDIA_MAX_MEDIA_BYTES\. Ask for less, or raise it\."
    with pytest.raises(EncodeError, match=message):
        ffmpeg.write(tmp_path / f"out{suffix}", pattern(ENDLESS), what="make it", options={**X264, "qp": 0})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="limits are set by prlimit")
def test_a_run_over_the_memory_limit_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_MEDIA_MEMORY_BYTES", "600000000")
    monkeypatch.setenv("PREFECT_MEDIA_MEDIA_TIMEOUT_S", "60")
    huge = ffmpeg.generated("color=s=8000x8000:r=1:d=60")["v"].filter("reverse")
    with pytest.raises(EncodeError) as caught:
        ffmpeg.write(tmp_path / "out.mp4", huge, what="make it", options=X264)
    assert caught.value.reason == "failed"


# Cancelling and progress


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_setting_the_event_ends_the_run_and_all_its_children(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note = tmp_path / "pids"
    fake = program(
        tmp_path / "ffmpeg",
        f"trap '' TERM\nsleep 300 >/dev/null 2>&1 &\necho $$ $! > {note}.part; mv {note}.part {note}\nwait",
    )
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(fake))
    cancel = threading.Event()

    def cancel_when_it_runs() -> None:
        while not note.exists():
            time.sleep(0.01)
        cancel.set()

    threading.Thread(target=cancel_when_it_runs, daemon=True).start()
    with (
        pytest.raises(EncodeError, match=r"^Cannot make it: it was cancelled\.$") as caught,
        ffmpeg.cancellation(cancel),
    ):
        ffmpeg.write(tmp_path / "out.mp4", pattern(), what="make it")
    assert caught.value.reason == "cancelled"
    assert are_ended([int(pid) for pid in note.read_text().split()])


ORPHANED = """
import sys, threading
from prefect_media.media.control import cancellation
from prefect_media.media.runner import run

def work():
    with cancellation(on_progress=lambda *_: print(flush=True)):
        run([sys.argv[1]], what="wait")

threading.Thread(target=work).start()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_a_run_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    note = tmp_path / "pids"
    body = f"trap '' TERM HUP\nsleep 300 &\necho $$ $! > {note}\nprintf 'out_time_us=1\\nprogress=continue\\n'\nwait"
    command = [sys.executable, "-c", ORPHANED, str(program(tmp_path / "ffmpeg", body))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"\n"  # it is followed now
        parent.kill()
    pids = [int(pid) for pid in note.read_text().split()]
    try:
        assert are_ended(pids)
    finally:
        for pid in filter(is_running, pids):
            os.kill(pid, signal.SIGKILL)


def test_a_run_takes_an_event_of_its_own(tmp_path: Path) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(EncodeError) as caught:
        run([str(program(tmp_path / "slow", "sleep 300"))], what="wait", cancel=cancel)
    assert caught.value.reason == "cancelled"


async def test_cancellation_reaches_through_threads_of_the_same_task_only(tmp_path: Path) -> None:
    async def make(name: str, cancel: threading.Event | None) -> str:
        def work() -> str:
            try:
                ffmpeg.write(tmp_path / name, pattern("testsrc2=s=64x48:d=2"), what="make it", options=X264)
            except EncodeError as error:
                return error.reason
            return "done"

        with ffmpeg.cancellation(cancel):
            return await asyncio.to_thread(work)

    cancelled = threading.Event()
    cancelled.set()
    assert await asyncio.gather(make("a.mp4", cancelled), make("b.mp4", None)) == ["cancelled", "done"]


def test_progress_rises_to_the_whole(tmp_path: Path) -> None:
    seen: list[tuple[float, float | None]] = []
    with ffmpeg.cancellation(on_progress=lambda done, total: seen.append((done, total))):
        ffmpeg.write(tmp_path / "out.mp4", pattern(), what="make it", duration_s=0.4, options=X264)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert {total for _, total in seen} == {0.4}
    assert seen[-1][0] == pytest.approx(0.4, abs=0.1)


def test_stages_report_parts_of_a_whole(tmp_path: Path) -> None:
    seen: list[tuple[float, float | None]] = []
    with ffmpeg.cancellation(on_progress=lambda done, total: seen.append((done, total))):
        for number in range(2):
            with stage(0.4 * number, 0.8):
                ffmpeg.write(tmp_path / "out.mp4", pattern(), what="make it", duration_s=0.4, options=X264)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert {total for _, total in seen} == {0.8}
    assert 0.7 <= seen[-1][0] <= 0.8


def test_an_error_in_the_progress_callback_ends_the_run(tmp_path: Path) -> None:
    def refuse(done: float, total: float | None) -> None:
        raise KeyError("stop")

    with pytest.raises(KeyError, match="stop"), ffmpeg.cancellation(on_progress=refuse):
        ffmpeg.write(tmp_path / "out.mp4", pattern(ENDLESS), what="make it", options=X264)
    assert list(tmp_path.iterdir()) == []


def test_in_process_work_sees_a_cancellation() -> None:
    check_not_cancelled("work")
    with ffmpeg.cancellation() as cancel:
        check_not_cancelled("work")
        cancel.set()
        with pytest.raises(EncodeError, match="Cannot work: it was cancelled"):
            check_not_cancelled("work")
    check_not_cancelled("work")


def test_in_process_work_ends_as_a_run_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "out"
    check = bounded("work", output)
    check()
    output.write_bytes(bytes(1000))
    monkeypatch.setenv("PREFECT_MEDIA_MAX_MEDIA_BYTES", "999")
    check()  # what was allowed when it began counts
    with pytest.raises(
        EncodeError, match=r"^Cannot work: the output has more than the 999 bytes of PREFECT_MEDIA_MAX_"
    ):
        bounded("work", output)()
    output.unlink()
    with ffmpeg.cancellation() as cancel:
        cancel.set()
        with pytest.raises(EncodeError, match="Cannot work: it was cancelled"):
            check()
    monkeypatch.setenv("PREFECT_MEDIA_MEDIA_TIMEOUT_S", "1e-9")
    with pytest.raises(EncodeError, match=r"^Cannot work: it took over 1e-09 s\. Make the media shorter") as caught:
        bounded("work", output)()
    assert caught.value.reason == "deadline"


# The program


def test_capabilities_are_those_of_the_program() -> None:
    able = ffmpeg.capabilities()
    assert {"xfade", "zscale", "tonemap", "ebur128", "overlay"} <= able.filters
    assert {"libx264", "aac", "libvpx-vp9", "libopus"} <= able.encoders
    assert able.exe == ffmpeg.ffmpeg_exe()
    ffmpeg.require(filters=("scale",), encoders=("libx264",))
    with pytest.raises(ConfigurationError, match=r"lacks: filter nofilter, encoder noencoder\."):
        ffmpeg.require(filters=("nofilter", "scale"), encoders=("noencoder",))


def test_the_variable_names_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = program(tmp_path / "mine", "echo 'ffmpeg version 1.2.3 mine'")
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(fake))
    assert ffmpeg.ffmpeg_exe() == str(fake)
    assert ffmpeg.capabilities().version == "1.2.3"
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match=r"IMAGEIO_FFMPEG_EXE='.*none' is not a program"):
        ffmpeg.ffmpeg_exe()


def test_another_module_of_the_same_name_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "ffmpeg.py").write_text("def input(name): return None\n")
    code = "from prefect_media.media.ffmpeg import graph_module; graph_module()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert "ConfigurationError: The module `ffmpeg` is not ffmpeg-python" in done.stderr


def test_the_program_sees_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAL_KEY", "very-secret")
    note = tmp_path / "environment"
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program(tmp_path / "ffmpeg", f"env > {note}; exit 1")))
    with pytest.raises(EncodeError, match="exit code 1 and no message"):
        ffmpeg.write(tmp_path / "out.mp4", pattern(), what="make it")
    assert "very-secret" not in note.read_text()


def test_a_program_that_writes_nothing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(program(tmp_path / "ffmpeg", "exit 0")))
    with pytest.raises(EncodeError, match="ffmpeg wrote nothing"):
        ffmpeg.write(tmp_path / "out.mp4", pattern(), what="make it")


def test_measure_returns_what_filters_say() -> None:
    log = ffmpeg.measure(ffmpeg.source(clip("plain.mp4"))["a:0"].filter("ebur128"), what="measure it")
    assert any("LUFS" in line for line in log)


@pytest.mark.parametrize(("value", "text"), [(1, "1"), (0.5, "0.5"), (1e-7, "0"), (1 / 3, "0.333333"), (100.0, "100")])
def test_numbers_are_written_without_exponents(value: float, text: str) -> None:
    assert ffmpeg.number(value) == text


def test_scratch_folders_are_removed(tmp_path: Path) -> None:
    with scratch_beside(tmp_path / "deep" / "out.mp4") as scratch:
        (scratch / "x").touch()
        assert scratch.parent == tmp_path / "deep"
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_target_that_no_file_can_be_named_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncodeError, match=r"Cannot write '.*a\\x00b\.mp4': no file can have a NUL"):
        ffmpeg.write(tmp_path / "a\0b.mp4", pattern(), what="make it", options=X264)
