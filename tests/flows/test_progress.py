"""Long local work says how far it is: a progress artifact on a real server, and whoever watches in the process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect import flow, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterType,
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
)
from prefect.runtime import flow_run

from prefect_media import EncodeError, Image, batch, fit_video, generate_video, ken_burns, transcode
from prefect_media.flows.once import run_once
from prefect_media.flows.pipelines import find_pipeline
from prefect_media.media.control import report_progress
from prefect_media.media.intake import admit_bytes
from prefect_media.media.samples.making import sample_image, sample_video
from prefect_media.media.types import Video
from prefect_media.media.videos.deferred import Deferred
from prefect_media.tasks import progress
from prefect_media.tasks._loop import in_worker
from prefect_media.tasks._task import media_task
from prefect_media.tasks.progress import Working, watching

pytestmark = pytest.mark.usefixtures("prefect_server", "own_results")

MOVE: dict[str, Any] = {"seconds": 3.0, "width": 320, "height": 180, "fps": 30}
Artifacts = Callable[[Any], Awaitable[list[Any]]]


@pytest.fixture
def picture() -> Image:
    media = admit_bytes(sample_image(640, 360))
    assert isinstance(media, Image)
    return media


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take everything for long."""
    monkeypatch.setattr(progress, "AFTER_S", 0.02)
    monkeypatch.setattr(progress, "EVERY_S", 0.05)


@pytest.fixture
def artifacts() -> Artifacts:
    async def ask(flow_run_id: Any) -> list[Any]:
        wanted = ArtifactFilter(
            flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_id]), type=ArtifactFilterType(any_=["progress"])
        )
        async with get_client() as client:
            return await client.read_artifacts(artifact_filter=wanted)

    return ask


@pytest.mark.usefixtures("soon")
async def test_an_encoding_shows_a_bar_that_ends_at_100(picture: Image, artifacts: Artifacts) -> None:
    seen: list[Working] = []

    @flow
    async def animated() -> Any:
        await ken_burns(picture, **MOVE)
        return flow_run.id

    with watching(seen.append):
        (bar,) = await artifacts(await animated())
    assert (float(bar.data), bar.description) == (100.0, "complete")
    assert bar.task_run_id is not None
    figures = [now.percent for now in seen if now.percent is not None]
    assert figures == sorted(figures)
    assert 0 <= figures[0] < 100
    assert [now.ended for now in seen] == [False] * (len(seen) - 1) + [True]
    assert {now.name for now in seen} == {"ken-burns"}
    assert {now.total_s for now in seen} == {3.0}


@pytest.mark.usefixtures("soon")
def test_a_submitted_task_of_a_synchronous_flow_shows_one_too(artifacts: Artifacts) -> None:
    video = admit_bytes(sample_video(320, 180, 4.0, frame_rate=25, sound=True))
    assert isinstance(video, Video)

    @flow
    def transcoded() -> Any:
        transcode.submit(video, to="webm").result()
        return flow_run.id

    (bar,) = asyncio.run(artifacts(transcoded()))
    assert float(bar.data) == 100.0


@pytest.mark.usefixtures("soon")
async def test_a_call_to_a_local_model_shows_one(picture: Image, artifacts: Artifacts) -> None:
    @flow
    async def called() -> Any:
        await generate_video("a lake", image=picture, seconds=3, size="320x180", model="local:ken-burns")
        return flow_run.id

    assert [float(bar.data) for bar in await artifacts(await called())] == [100.0]


@flow
async def ends_with_a_fit(clip: Video) -> Any:
    """A flow whose last work is done when all task runs have ended."""
    return await fit_video(clip, width=32, height=32)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Working]]:
    """What is told of encodes that go on until one hears of them."""
    seen: list[Working] = []
    heard, encode = threading.Event(), Deferred.rendered

    def rendered(video: Deferred) -> Video:
        report_progress(1.0, 4.0)
        heard.wait(30)
        return encode(video)

    def watch(now: Working) -> None:
        seen.append(now)
        heard.set()

    monkeypatch.setattr(Deferred, "rendered", rendered)
    with watching(watch):
        yield seen


@pytest.fixture
def clip(tmp_path: Path) -> str:
    path = tmp_path / "clip.mp4"
    path.write_bytes(sample_video(64, 48, 0.5, frame_rate=10))
    return str(path)


@pytest.mark.usefixtures("soon")
async def test_what_is_encoded_after_all_task_runs_is_shown_at_the_flow_run(
    artifacts: Artifacts, told: list[Working], clip: str
) -> None:
    @flow
    async def outer() -> Any:
        await batch(ends_with_a_fit, [{"clip": clip}])
        return flow_run.id

    outer_id = await outer()
    assert {now.name for now in told} == {"0001 · fit-video"}
    assert told[-1].ended
    async with get_client() as client:
        within = FlowRunFilterParentFlowRunId(any_=[outer_id])
        (inner,) = await client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_flow_run_id=within))
    (bar,) = await artifacts(inner.id)
    assert (float(bar.data), bar.task_run_id) == (100.0, None)


@pytest.mark.usefixtures("soon")
async def test_what_is_encoded_after_a_run_is_told_to_who_watches(told: list[Working], clip: str) -> None:
    await run_once(find_pipeline(ends_with_a_fit), {"clip": clip})
    assert {now.name for now in told} == {"fit-video"}
    assert told[-1].ended


async def test_short_work_makes_no_artifact(picture: Image, artifacts: Artifacts) -> None:
    seen: list[Working] = []

    @flow
    async def animated() -> Any:
        await ken_burns(picture, seconds=0.2, width=64, height=36)
        return flow_run.id

    with watching(seen.append):
        assert await artifacts(await animated()) == []
    assert seen == []


@media_task(key=lambda _: None)
async def unlucky(shown: threading.Event) -> None:
    """Fail in the middle, when it was shown."""

    def work() -> None:
        report_progress(1.0, 4.0)
        shown.wait(30)
        raise EncodeError("Cannot go on.", reason="failed")

    await in_worker(work)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("how", ["failed", "cancelled"])
async def test_what_does_not_end_well_leaves_no_bar(how: str, picture: Image, artifacts: Artifacts) -> None:
    seen: list[Working] = []
    halfway, shown = asyncio.Event(), threading.Event()

    def watch(now: Working) -> None:
        seen.append(now)
        if len(seen) == 3:  # the artifact is there
            halfway.set()

    @flow
    async def stopped() -> Any:
        long = {**MOVE, "seconds": 600.0}
        running = asyncio.ensure_future(unlucky(shown) if how == "failed" else ken_burns(picture, **long))
        await halfway.wait()
        assert len(await artifacts(flow_run.id)) == 1
        shown.set()  # now it may fail
        if how == "cancelled":
            running.cancel()
        with pytest.raises((EncodeError, asyncio.CancelledError)):
            await running
        return flow_run.id

    with watching(watch):
        assert await artifacts(await stopped()) == []
    assert seen[-1].ended


async def test_work_goes_on_when_the_server_takes_no_artifacts() -> None:
    @flow
    async def unheard() -> bool:
        bar = progress._Artifact()
        bar._id = uuid4()  # the server knows no such artifact
        for done_s in (1.0, 2.0):
            await bar.show(Working("w", done_s, 4.0))
        await bar.end(complete=False)
        return bar._refused

    assert await unheard(), "it does not ask again and again"
