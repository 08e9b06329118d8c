"""The local adapter behaves like a paid one: real files, one submission, refusals, and a cancellation that works."""

import asyncio
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from prefect_media.adapters.base import Adapter, CancelOutcome, JobStatus, Request, Submission
from prefect_media.adapters.local import GENERATORS, LocalAdapter
from prefect_media.adapters.registry import create, has_credentials
from prefect_media.errors import JobFailedError, RequestRejectedError
from prefect_media.media.intake import admit
from prefect_media.media.types import Audio, Image, Video

SMALL: dict[str, dict[str, Any]] = {
    "landscape": {"prompt": "a lighthouse at dawn", "width": 96, "height": 54, "seed": 0, "format": "png"},
    "ken-burns": {"prompt": "", "seconds": 0.5, "width": 64, "height": 36, "fps": 24, "motion": "auto", "seed": 0},
    "voice": {"text": "Hello, world.", "voice": "en-us", "rate": 165},
    "score": {"prompt": "calm", "seconds": 0.5, "seed": 0},
    "ambience": {"prompt": "rain", "seconds": 0.5, "seed": 0},
    "remix": {"prompt": "at sunset", "seed": 0},
    "lanczos": {"scale": 2},
}


@pytest.fixture
async def local() -> Any:
    adapter = LocalAdapter()
    yield adapter
    await adapter.aclose()


@pytest.fixture
async def view(local: LocalAdapter, tmp_path: Path) -> Image:
    """A picture in the store."""
    folder = tmp_path / "view"
    folder.mkdir()
    made = await local.submit(_request("landscape"), folder)
    image = admit(_file(made))
    assert isinstance(image, Image)
    return image


def _request(endpoint: str, payload: dict[str, Any] | None = None, **media: Any) -> Request:
    return Request(f"local:{endpoint}", endpoint, SMALL[endpoint] if payload is None else payload, media)


def _file(made: Submission) -> Path:
    path = made.snapshot.outputs[0].path
    assert path is not None
    return path


def test_it_is_an_adapter_that_needs_no_key() -> None:
    assert has_credentials("local")
    adapter = create("local")
    assert isinstance(adapter, Adapter)
    assert (adapter.name, adapter.can_look_up) == ("local", False)


@pytest.mark.parametrize("endpoint", GENERATORS)
async def test_every_model_answers_with_a_file_of_its_kind(
    local: LocalAdapter, view: Image, scratch: Path, endpoint: str
) -> None:
    media = {"image": view} if GENERATORS[endpoint].takes_image else {}
    made = await local.submit(_request(endpoint, **media), scratch)
    assert made.snapshot.status is JobStatus.SUCCEEDED
    assert made.snapshot.usage.cost_usd == Decimal(0)
    assert not made.reattachable
    (output,) = made.snapshot.outputs
    assert output.path is not None
    assert output.path.parent == scratch
    found = admit(output.path)
    assert found.media_type == output.media_type
    if isinstance(found, Image):
        assert found.size == {"landscape": (96, 54), "remix": (96, 54), "lanczos": (192, 108)}[endpoint]
    elif isinstance(found, Video):
        assert (found.size, found.duration_s, found.has_audio) == ((64, 36), 0.5, False)
    else:
        assert isinstance(found, Audio)
        assert endpoint == "voice" or found.duration_s == pytest.approx(0.5)
        assert [word.text for word in output.words] == (["Hello,", "world."] if endpoint == "voice" else [])
    assert output.notes == ()
    target = scratch / "fetched"
    await local.fetch(output, target)
    assert target.read_bytes() == output.path.read_bytes()


@pytest.mark.parametrize("endpoint", ["landscape", "voice", "score"])
async def test_defaults_fill_what_is_left_out(local: LocalAdapter, scratch: Path, endpoint: str) -> None:
    key = "text" if endpoint == "voice" else "prompt"
    made = await local.submit(
        _request(endpoint, {key: "one", "seed": None} if key == "prompt" else {key: "one"}), scratch
    )
    assert made.snapshot.status is JobStatus.SUCCEEDED


async def test_ten_requests_at_once_give_the_bytes_of_one(local: LocalAdapter, tmp_path: Path) -> None:
    async def one(number: int) -> bytes:
        folder = tmp_path / str(number)
        folder.mkdir()
        return _file(await local.submit(_request("landscape"), folder)).read_bytes()

    assert len(set(await asyncio.gather(*map(one, range(10))))) == 1


@pytest.mark.parametrize(
    ("endpoint", "payload", "message"),
    [
        ("landscpe", {}, "There is no local model 'landscpe'. Known: landscape, ken-burns"),
        ("landscape", {"prompt": "x", "widht": 3}, "'widht' is not a parameter of it; it has format, height"),
        ("landscape", {}, "'prompt' is missing."),
        ("landscape", {"prompt": "x", "width": 5000}, "width is 5000, allowed are 1 to 4096 pixels"),
        ("landscape", {"prompt": "x", "format": "bmp"}, "format is 'bmp', allowed are png, jpeg, webp"),
        ("ken-burns", {"seconds": 1}, "it needs one picture as 'image'."),
        ("voice", {"text": "Hello", "voice": "en-gb"}, "Unknown voice 'en-gb'. Did you mean 'en'?"),
        ("score", {"prompt": "x", "seconds": 1000}, "seconds is 1000, allowed is 0.5 to 300"),
    ],
)
async def test_what_is_not_possible_is_refused(
    local: LocalAdapter, scratch: Path, endpoint: str, payload: dict[str, Any], message: str
) -> None:
    with pytest.raises(RequestRejectedError) as caught:
        await local.submit(_request(endpoint, payload), scratch)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"local:{endpoint}: ")
    assert (caught.value.provider, caught.value.billed) == ("local", False)
    assert list(scratch.iterdir()) == []


async def test_an_input_that_is_gone_fails_the_job(local: LocalAdapter, view: Image, scratch: Path) -> None:
    view.path().unlink()
    made = await local.submit(_request("remix", image=view), scratch)
    assert made.snapshot.status is JobStatus.FAILED
    assert isinstance(made.snapshot.error, JobFailedError)
    assert "does not hold" in str(made.snapshot.error)
    assert made.snapshot.error.billed is False


LONG: dict[str, dict[str, Any]] = {
    "landscape": {"prompt": "storm over a city by the sea", "width": 4096, "height": 4096},
    "ken-burns": {"seconds": 600, "width": 1280, "height": 720},
    "voice": {"text": "word " * 1999},
    "score": {"prompt": "calm", "seconds": 300},
    "ambience": {"prompt": "storm at sea", "seconds": 120},
}


def _children() -> set[str]:
    """Processes whose parent is this one."""
    command = ["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    return {line for line in listed.stdout.splitlines() if "ps -o" not in line}


@pytest.mark.skipif(sys.platform != "linux", reason="lists processes by ps of Linux")
@pytest.mark.parametrize("endpoint", LONG)
async def test_cancelling_stops_the_work_and_leaves_nothing_behind(
    local: LocalAdapter, view: Image, scratch: Path, endpoint: str
) -> None:
    before = _children()
    media = {"image": view} if endpoint == "ken-burns" else {}
    task = asyncio.create_task(local.submit(_request(endpoint, LONG[endpoint], **media), scratch))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # The thread has ended by now: what it was writing is gone, and so is its child process.
    assert list(scratch.iterdir()) == []
    assert _children() <= before


async def test_cancelling_what_waits_for_a_thread_never_starts_it(
    view: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_MEDIA_WORKERS", "1")
    adapter = LocalAdapter()
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    first = asyncio.create_task(adapter.submit(_request("ken-burns", LONG["ken-burns"], image=view), folders[0]))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(adapter.submit(_request("landscape"), folders[1]))
    await asyncio.sleep(0.05)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert not first.done()
    assert list(folders[1].iterdir()) == []
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await adapter.aclose()


async def test_a_job_cannot_be_followed_after_its_process(local: LocalAdapter, scratch: Path) -> None:
    made = await local.submit(_request("landscape"), scratch)
    again = await local.check(made.job, scratch)
    assert again.status is JobStatus.FAILED
    assert "Send it again; it is free." in str(again.error)
    assert await local.cancel(made.job) is CancelOutcome.TOO_LATE


async def test_tones_are_noted_in_the_output(
    local: LocalAdapter, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    made = await local.submit(_request("voice"), scratch)
    (output,) = made.snapshot.outputs
    assert output.notes[0].startswith("Tones instead of speech: espeak-ng is not installed")
    assert [word.text for word in output.words] == ["Hello,", "world."]
