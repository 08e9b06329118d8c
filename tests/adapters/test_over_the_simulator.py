"""The same life of a job over each adapter and the simulator, whose protocols the official clients vouch for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from prefect_media.adapters.base import (
    Adapter,
    CancelOutcome,
    JobStatus,
    MatchUnclear,
    RecentJob,
    Request,
    Snapshot,
    Submission,
)
from prefect_media.adapters.registry import create
from prefect_media.errors import JobCanceledError, OutputMismatchError, TransientProviderError
from prefect_media.media.intake import admit
from prefect_media.media.types import Image
from prefect_media.testing.simulator import Simulator

FLUX = Request(
    "replicate:black-forest-labs/flux-schnell", "black-forest-labs/flux-schnell", {"prompt": "a"}, deadline_s=60
)
DEV = Request("fal:fal-ai/flux/dev", "fal-ai/flux/dev", {"prompt": "a", "image_size": "square"}, deadline_s=60)
GPT = Request("openai:gpt-image-2", "gpt-image-2", {"prompt": "a", "size": "1024x1024", "quality": "low"})
SPOKEN = {"text": "Hello to the lighthouse", "voice_id": "21m00Tcm4TlvDq8ikWAM"}
VOICE = Request(
    "elevenlabs:eleven_multilingual_v2",
    "eleven_multilingual_v2",
    SPOKEN,
    capability="speech",
    output_kind="audio",
    extra={"path": "/v1/text-to-speech/{voice_id}/with-timestamps"},
)
MUSIC = Request(
    "elevenlabs:music_v1",
    "music_v1",
    {"prompt": "a waltz", "music_length_ms": 3000},
    capability="music",
    output_kind="audio",
)
READ = Request("openai:tts-1", "tts-1", {"input": "Hello", "voice": "coral"}, capability="speech", output_kind="audio")


@pytest.fixture
async def adapter(media_simulator: Simulator) -> AsyncIterator[Callable[[Request], Adapter]]:
    made: dict[str, Adapter] = {}

    def give(request: Request) -> Adapter:
        name = request.card_id.partition(":")[0]
        return made.setdefault(name, create(name))

    yield give
    for each in made.values():
        await each.aclose()


@pytest.fixture(autouse=True)
def keys(secret: str, media_simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REPLICATE_API_TOKEN", "FAL_KEY", "OPENAI_API_KEY", "ELEVENLABS_API_KEY"):
        monkeypatch.setenv(name, secret)


def _matches(adapter: Adapter, request: Request, found: RecentJob) -> bool:
    try:
        return adapter.match(request, found) is not None
    except MatchUnclear:
        return False


async def _ended(adapter: Adapter, submission: Submission, scratch: Path) -> Snapshot:
    snapshot = submission.snapshot
    while not snapshot.status.ended:
        await asyncio.sleep(0.02)
        snapshot = await adapter.check(submission.job, scratch)
    return snapshot


@pytest.mark.parametrize("request_", [FLUX, DEV, GPT, VOICE, MUSIC, READ], ids=lambda request: request.card_id)
async def test_a_job_runs_and_its_output_is_valid_media(
    adapter: Callable[[Request], Adapter], media_simulator: Simulator, scratch: Path, request_: Request
) -> None:
    used = adapter(request_)
    snapshot = await _ended(used, await used.submit(request_, scratch), scratch)
    assert snapshot.error is None
    for number, output in enumerate(snapshot.outputs):
        target = scratch / f"fetched-{number}"
        await used.fetch(output, target)
        assert admit(target, kind=request_.output_kind).size_bytes > 0
    assert len(snapshot.outputs) == 1
    assert media_simulator.bill.calls == 1
    assert [word.text for word in snapshot.outputs[0].words] == (SPOKEN["text"].split() if request_ is VOICE else [])


@pytest.mark.parametrize(("base", "field"), [(FLUX, "image"), (DEV, "image_url")], ids=["replicate", "fal"])
@pytest.mark.parametrize("size_bytes", [400, 1_200_000])
async def test_media_arrives_inline_and_uploaded(
    adapter: Callable[[Request], Adapter],
    media_simulator: Simulator,
    scratch: Path,
    picture: Callable[..., Image],
    base: Request,
    field: str,
    size_bytes: int,
) -> None:
    media = picture(size_bytes)
    used = adapter(base)
    upload = await used.upload(media)
    assert (upload is None) == (size_bytes < 1000)
    uploads = {media.digest: upload.url} if upload else {}
    request = Request(base.card_id, base.endpoint, base.payload, {field: media}, deadline_s=60, uploads=uploads)
    await used.submit(request, scratch)
    other = Request(base.card_id, base.endpoint, base.payload, {field: picture(size_bytes, "b")}, deadline_s=60)
    await used.submit(other, scratch)
    again = Request(base.card_id, base.endpoint, base.payload, {field: media}, deadline_s=60)
    await used.submit(again, scratch)
    # The simulator compares content, whatever way it came.
    assert (media_simulator.bill.calls, media_simulator.bill.duplicates) == (3, 1)
    if used.can_find(request):
        found = await used.recent(request.card_id, datetime.now(UTC) - timedelta(minutes=1))
        assert any(_matches(used, request, each) for each in found)


@pytest.mark.parametrize("request_", [FLUX, VOICE], ids=lambda request: request.card_id)
async def test_a_job_whose_answer_was_lost_is_found_again(
    adapter: Callable[[Request], Adapter], media_simulator: Simulator, scratch: Path, request_: Request
) -> None:
    media_simulator.faults.add("reset", moment="accepted", count=1)
    used = adapter(request_)
    since = datetime.now(UTC) - timedelta(seconds=5)
    with pytest.raises(TransientProviderError) as caught:
        await used.submit(request_, scratch)
    assert caught.value.accepted is None
    found: list[Any] = []
    while not found:  # speech is listed once it has been made
        await asyncio.sleep(0.05)
        found = [job for each in await used.recent(request_.card_id, since) if (job := used.match(request_, each))]
    assert len(found) == 1
    snapshot = await used.check(found[0], scratch)
    while not snapshot.status.ended:
        await asyncio.sleep(0.02)
        snapshot = await used.check(found[0], scratch)
    await used.fetch(snapshot.outputs[0], scratch / "fetched")
    assert admit(scratch / "fetched", kind=request_.output_kind).size_bytes > 0
    assert media_simulator.bill.calls == 1


@pytest.mark.parametrize(
    ("request_", "fault", "outcome"),
    [
        (FLUX, {"kind": "endless-queue"}, CancelOutcome.CANCELED),
        (DEV, {"kind": "endless-queue"}, CancelOutcome.CANCELED),
        (DEV, {"kind": "slow-job", "seconds": 60}, CancelOutcome.REQUESTED),
    ],
    ids=["replicate-queued", "fal-queued", "fal-running"],
)
async def test_a_canceled_job_ends_as_canceled(
    adapter: Callable[[Request], Adapter],
    media_simulator: Simulator,
    scratch: Path,
    request_: Request,
    fault: dict[str, Any],
    outcome: CancelOutcome,
) -> None:
    media_simulator.faults.add(**fault)
    used = adapter(request_)
    submission = await used.submit(request_, scratch)
    await used.check(submission.job, scratch)
    assert await used.cancel(submission.job) in (outcome, CancelOutcome.REQUESTED)
    snapshot = await _ended(used, submission, scratch)
    assert snapshot.status is JobStatus.CANCELED
    assert type(snapshot.error) is JobCanceledError
    assert await used.cancel(submission.job) in (CancelOutcome.TOO_LATE, CancelOutcome.CANCELED)


@pytest.mark.parametrize("request_", [FLUX, DEV], ids=["replicate", "fal"])
@pytest.mark.parametrize(
    ("fault", "cls"),
    [
        ("private-url", OutputMismatchError),
        ("redirect-private", OutputMismatchError),
        ("redirect-file", OutputMismatchError),
        ("expired", OutputMismatchError),
        ("huge", OutputMismatchError),
        ("truncated", TransientProviderError),
        ("endless", OutputMismatchError),
        ("empty", OutputMismatchError),
    ],
)
async def test_malicious_and_broken_outputs_leave_nothing_behind(
    adapter: Callable[[Request], Adapter],
    media_simulator: Simulator,
    scratch: Path,
    request_: Request,
    fault: str,
    cls: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_MAX_MEDIA_BYTES", "5000000")
    media_simulator.faults.add(fault)
    used = adapter(request_)
    snapshot = await _ended(used, await used.submit(request_, scratch), scratch)
    with pytest.raises(cls):
        await used.fetch(snapshot.outputs[0], scratch / "fetched")
    assert list(scratch.iterdir()) == []
