"""A batch from the outside: outputs, reruns, bad rows, edits, lost media, budgets; and our tasks in any kind of flow."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from prefect import flow, task
from prefect.futures import wait

from prefect_media import Image, Report, Video, batch, generate_image, thumbnail
from prefect_media.flows.clip import clip
from prefect_media.flows.results import file_of, plain_value
from prefect_media.testing import Simulator

pytestmark = pytest.mark.usefixtures("prefect_server", "own_results")

TINY = {"seconds": 0.5, "size": "160x96"}
ROWS = [
    {"id": "sea", "prompt": "a calm sea", "narration": "The sea.", **TINY},
    {"id": "hill", "prompt": "a green hill", "narration": "A hill.", **TINY},
]


def rows_file(folder: Path, rows: list[dict[str, Any]], name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def manifest(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


async def test_outputs_rerun_restore_edit_and_lost_media(tmp_path: Path, task_states: Any) -> None:
    """One batch through its whole life: the stages build on one another."""
    out, rows = tmp_path / "out", rows_file(tmp_path, ROWS)

    first = await batch("clip", rows, out=out)
    assert (first.summary()["succeeded"], first.summary()["submitted"], first.stopped_by) == (2, 6, None)
    for row, line in zip(first.rows, manifest(out), strict=True):
        (video,) = row.media
        assert isinstance(video, Video)
        assert (video.size, video.has_audio) == ((160, 96), True)
        assert (out / f"{row.id}.mp4").read_bytes() == video.read()
        assert line == {
            "id": row.id, "status": "succeeded", "output": f"{row.id}.mp4", "digest": video.digest,
            "cost_usd": 0.0, "calls": 3, "degraded": [], "error": None,
        }  # fmt: skip
    assert "<video" in (out / "report.html").read_text()
    states = await task_states(f"batch · prefect_media.flows.clip:clip · {rows}", at_least=8)
    assert [Counter(run) for run in states] == [{"Completed": 8}]

    # Again: every row is skipped without a task run, and outputs that were deleted are back.
    for file in out.iterdir():
        file.unlink()
    second = await batch("clip", rows, out=out)
    sums = second.summary()
    assert (sums["skipped"], sums["submitted"], sums["calls"]) == (2, 0, 0)
    assert [line["digest"] for line in manifest(out)] == [row.media[0].digest for row in first.rows]
    assert (out / "sea.mp4").read_bytes() == first.rows[0].media[0].read()
    assert (await task_states(f"batch · prefect_media.flows.clip:clip · {rows}"))[1] == []

    # One narration is edited: only the voice is made and merged, picture and motion are reused.
    rows_file(tmp_path, [ROWS[0], {**ROWS[1], "narration": "Another hill."}])
    third = await batch("clip", rows, out=out)
    sums = third.summary()
    assert (sums["skipped"], sums["succeeded"], sums["submitted"], sums["reused"]) == (1, 1, 1, 2)
    states = (await task_states(f"batch · prefect_media.flows.clip:clip · {rows}", at_least=4))[2]
    assert Counter(states) == {"Cached": 2, "Completed": 2}

    # A row's media is gone from the store: that row is made again, to the same bytes.
    lost = first.rows[0].media[0]
    lost.path().chmod(0o644)
    lost.path().unlink()
    fourth = await batch("clip", rows, out=out)
    assert [row.status for row in fourth.rows] == ["succeeded", "skipped"]
    assert fourth.rows[0].media[0].digest == lost.digest
    assert lost.exists()


@flow
async def small(picture: Image) -> Image:
    return await thumbnail(picture, width=16, height=16)


@pytest.fixture
def pictures(tmp_path: Path) -> list[dict[str, Any]]:
    """Rows of which the second names a picture that turns out to be damaged."""
    for name in ("a", "bad", "c"):
        picture = PIL.Image.new("RGB", (48, 32), {"a": "red", "bad": "green", "c": "blue"}[name])
        picture.save(tmp_path / f"{name}.png")
    whole = (tmp_path / "bad.png").read_bytes()
    (tmp_path / "bad.png").write_bytes(whole[: len(whole) // 2])
    return [{"id": name, "picture": str(tmp_path / f"{name}.png")} for name in ("a", "bad", "c")]


@flow
async def told(id_: str, kind: str) -> Any:
    return {"text": f"Words <b> of {id_}. ä", "facts": {"words": 2}, "nothing": None}[kind]


async def test_what_is_no_media_is_kept_and_put_out_too(tmp_path: Path) -> None:
    """Such as the text of a transcript."""
    given = [{"id": kind, "id_": "one", "kind": kind} for kind in ("text", "facts", "nothing")]
    out, rows = tmp_path / "out", rows_file(tmp_path, given)
    first = await batch(told, rows)
    assert [row.value for row in first.rows] == ["Words <b> of one. ä", {"words": 2}, None]
    again = await batch(told, rows, out=out)
    assert [row.status for row in again.rows] == ["skipped"] * 3
    assert (out / "text.txt").read_text(encoding="utf-8") == "Words <b> of one. ä"
    assert json.loads((out / "facts.json").read_text()) == {"words": 2}
    lines = manifest(out)
    assert [line["output"] for line in lines] == ["text.txt", "facts.json", None]
    digests = [hashlib.sha256((out / name).read_bytes()).hexdigest() for name in ("text.txt", "facts.json")]
    assert [line["digest"] for line in lines] == [*digests, None]
    assert "Words &lt;b&gt; of one. ä" in (out / "report.html").read_text(encoding="utf-8")


def test_whatever_a_flow_returns_can_be_kept() -> None:
    odd = ["half \ud83d", {"a": "half \ud83d"}, float("nan"), [float("inf")], {1.5}, b"\xff", {2: object}]
    for value in odd:
        plain = plain_value(value)
        json.dumps(plain, allow_nan=False)
        file_of(plain)[1].encode()
    assert [plain_value(value) for value in (odd[0], *odd[2:5])] == ["half ?", "NaN", ["Infinity"], [1.5]]


async def test_a_bad_row_does_not_stop_the_others(pictures: list[dict[str, Any]], tmp_path: Path) -> None:
    report = await batch(small, pictures, out=tmp_path / "out")
    assert [row.status for row in report.rows] == ["succeeded", "failed", "succeeded"]
    error = report.rows[1].error or ""
    assert "bad.png" in error
    assert [line["error"] for line in manifest(tmp_path / "out")] == [None, error, None]
    assert "bad.png" in (tmp_path / "out" / "report.html").read_text()


@task
async def tidy_up(folder: str) -> None:
    for path in Path(folder).glob("*.png"):
        path.unlink()


@flow
async def tidy(picture: Image, folder: str) -> Image:
    made = await thumbnail(picture, width=16, height=16)
    await tidy_up(folder)
    return made


async def test_files_that_go_while_the_batch_runs_fail_only_rows_that_need_them(tmp_path: Path) -> None:
    rows = [{"picture": str(tmp_path / f"{n}.png"), "folder": str(tmp_path)} for n in range(2)]
    for row in rows:
        PIL.Image.new("RGB", (48, 32), "red").save(row["picture"])
    report = await batch(tidy, rows, concurrency=1)
    assert [row.status for row in report.rows] == ["succeeded", "failed"]
    error = report.rows[1].error or ""
    assert error.startswith("ParameterError: field 'picture': ")
    assert f"there is no file {rows[1]['picture']}" in error


async def test_on_error_stop_does(pictures: list[dict[str, Any]], tmp_path: Path) -> None:
    report = await batch(small, pictures, out=tmp_path / "out", on_error="stop", concurrency=1)
    assert [row.status for row in report.rows] == ["succeeded", "failed", "not run"]
    assert report.stopped_by == "error"
    again = await batch(small, pictures, out=tmp_path / "out")
    assert [row.status for row in again.rows] == ["skipped", "failed", "succeeded"]


@flow
def in_threads(prompt: str) -> list[Image]:
    """Submit and map from a flow that is not asynchronous."""
    picture = generate_image.submit(prompt, model="local:landscape", size="64x48")
    smaller = thumbnail.map([picture.result(), picture.result()], width=[32, 16], height=48)
    return [picture.result(), *smaller.result()]


@flow
async def by_futures(prompt: str) -> list[Image]:
    """Submit and map from an asynchronous flow; a future is handed on as an argument."""
    picture = generate_image.submit(prompt, model="local:landscape", size="64x48")
    small = thumbnail.submit(picture, width=32, height=48)
    wait([small])
    mapped = thumbnail.map([picture], width=16, height=48)
    return [picture.result(), small.result(), *mapped.result()]


@pytest.mark.parametrize("pipeline", [in_threads, by_futures], ids=lambda it: it.name)
async def test_submit_and_map_work_in_batches_of_either_kind(pipeline: Any, tmp_path: Path) -> None:
    report = await batch(pipeline, [{"prompt": "sea"}, {"prompt": "hill"}], out=tmp_path / "out")
    for row in report.rows:
        assert row.error is None
        assert [media.size[0] for media in row.media if isinstance(media, Image)] == [64, 32, 16]
        assert row.calls == row.submitted == 1
    assert sorted(path.name for path in (tmp_path / "out").glob("*.*g")) == [
        "0001-1.png", "0001-2.jpg", "0001-3.jpg", "0002-1.png", "0002-2.jpg", "0002-3.jpg",
    ]  # fmt: skip
    again = await batch(pipeline, [{"prompt": "sea"}, {"prompt": "hill"}], out=tmp_path / "out")
    assert again.count("skipped") == 2


async def test_a_sync_flow_by_itself_submits_and_maps(tmp_path: Path) -> None:
    import asyncio

    made = await asyncio.to_thread(in_threads, "a river")
    assert [image.size[0] for image in made] == [64, 32, 16]


async def test_a_second_run_shows_cached_task_runs(task_states: Any) -> None:
    """Direct await in an asynchronous flow, twice, with equal parameters."""
    parameters = {"prompt": "a lake", "narration": "Lake.", **TINY}
    one = await clip(**parameters)
    two = await clip(**parameters)
    assert one == two
    first, second = await task_states("clip · a lake", at_least=4)
    assert Counter(first) == {"Completed": 4}
    assert Counter(second) == {"Cached": 4}


@flow
async def paid(prompt: str) -> Image:
    return await generate_image(prompt, model="fal:fal-ai/flux/dev", size="512x512")


async def test_a_budget_stops_the_batch_and_a_higher_one_goes_on(media_simulator: Simulator, tmp_path: Path) -> None:
    rows = [{"id": str(number), "prompt": f"picture {number}"} for number in range(4)]
    price = 0.025 * 512 * 512 / 1_000_000
    stopped = await batch(paid, rows, budget=f"{2.5 * 0.025:.4f} USD", concurrency=1, out=tmp_path / "out")
    made = stopped.count("succeeded")
    assert stopped.stopped_by == "budget"
    assert 0 < made < 4
    assert media_simulator.bill.calls == made
    assert price <= float(media_simulator.bill.usd) <= 2.5 * 0.025
    assert "BudgetExceeded" in (next(row.error for row in stopped.rows if row.status == "failed") or "")

    done = await batch(paid, rows, budget="1 USD", concurrency=1, out=tmp_path / "out")
    assert (done.count("skipped"), done.count("succeeded"), done.stopped_by) == (made, 4 - made, None)
    assert media_simulator.bill.calls == 4


def test_the_report_shows_itself_in_a_notebook() -> None:
    assert "<iframe" in Report(batch="b", pipeline="p", rows=())._repr_html_()
