"""The official fal client works against the simulator, unmodified: it is sent there by proxy settings alone."""

from __future__ import annotations

import base64
import gc
import io
from collections.abc import Iterator

import fal_client
import httpx
import pytest
from PIL import Image

from prefect_media.media.measure import Measured, measure
from prefect_media.media.samples.making import sample_audio, sample_image
from prefect_media.testing import Simulator

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

FLUX = "fal-ai/flux/dev"


@pytest.fixture(scope="module")
def intercepting() -> Iterator[Simulator]:
    with Simulator(latency=0.02, intercept=True) as running:
        yield running


@pytest.fixture
def simulator(intercepting: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    intercepting.reset()
    for name, value in intercepting.intercepting.items():
        monkeypatch.setenv(name, value)
    return intercepting


@pytest.fixture
def client(simulator: Simulator) -> Iterator[fal_client.SyncClient]:
    gc.freeze()  # what is there already need not be looked through below
    made = fal_client.SyncClient(key="test-key-id:test-secret")
    yield made
    made._client.close()
    del made
    gc.collect()  # the client leaves those connections open that it uploaded over; let that be seen here, and ignored
    gc.unfreeze()


def fetched(url: str) -> Measured:
    with httpx.Client() as client:
        found = measure(client.get(url).raise_for_status().content)
    assert found is not None
    return found


def test_subscribe_follows_the_queue(client: fal_client.SyncClient, simulator: Simulator) -> None:
    seen: list[fal_client.Status] = []
    result = client.subscribe(
        FLUX,
        {"prompt": "a lighthouse", "image_size": "portrait_16_9", "num_images": 2},
        with_logs=True,
        on_queue_update=seen.append,
    )
    assert isinstance(seen[-1], fal_client.Completed)
    assert seen[-1].metrics["inference_time"] > 0
    assert [(image["width"], image["height"]) for image in result["images"]] == [(576, 1024)] * 2
    assert fetched(result["images"][0]["url"]) == Measured("image", 576, 1024)
    assert result["images"][0]["url"].startswith("https://v3.fal.media/")
    assert simulator.bill.calls == 1


def test_submit_status_result(client: fal_client.SyncClient) -> None:
    handle = client.submit("fal-ai/kling-video/v2.5-turbo/pro/text-to-video", {"prompt": "waves", "duration": "5"})
    assert isinstance(handle.status(), fal_client.Queued | fal_client.InProgress | fal_client.Completed)
    video = fetched(handle.get()["video"]["url"])
    assert (video.kind, video.width, video.height, video.seconds) == ("video", 1920, 1080, 5.0)
    assert client.result("fal-ai/kling-video", handle.request_id) == handle.get()


def test_events_end_with_completion(client: fal_client.SyncClient, simulator: Simulator) -> None:
    simulator.faults.add("slow-job", seconds=0.3)
    events = list(client.submit(FLUX, {"prompt": "x"}).iter_events(with_logs=True, interval=0.01))
    assert {type(event) for event in events} == {fal_client.InProgress, fal_client.Completed}


def test_run_is_synchronous(client: fal_client.SyncClient) -> None:
    assert client.run("fal-ai/flux/schnell", {"prompt": "x"})["prompt"] == "x"


def test_cancel(client: fal_client.SyncClient, simulator: Simulator) -> None:
    simulator.faults.add("endless-queue")
    handle = client.submit(FLUX, {"prompt": "x"})
    assert isinstance(handle.status(), fal_client.Queued)
    handle.cancel()
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        handle.status()
    assert caught.value.status_code == 404
    assert [entry.billed for entry in simulator.bill.entries] == [False]


def test_cancel_of_a_running_request(client: fal_client.SyncClient, simulator: Simulator) -> None:
    simulator.faults.add("slow-job", seconds=60)
    handle = client.submit(FLUX, {"prompt": "x"})
    handle.cancel()
    status = handle.status()
    assert isinstance(status, fal_client.Completed)
    assert status.error_type == "client_cancelled"
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        handle.get()
    assert (caught.value.status_code, caught.value.error_type) == (499, "client_cancelled")


def test_start_timeout_is_honoured(client: fal_client.SyncClient, simulator: Simulator) -> None:
    simulator.faults.add("endless-queue")
    handle = client.submit(FLUX, {"prompt": "x"}, start_timeout=1.01)
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        handle.get()
    assert (caught.value.status_code, caught.value.error_type) == (504, "request_timeout")


def test_upload_and_use(client: fal_client.SyncClient) -> None:
    url = client.upload(sample_image(60, 40), "image/png", file_name="in.png")
    assert url.startswith("https://v3.fal.media/")
    result = client.subscribe("fal-ai/esrgan", {"image_url": url, "scale": 2})
    assert fetched(result["image"]["url"]) == Measured("image", 120, 80)


def test_upload_by_the_older_way(client: fal_client.SyncClient) -> None:
    data = sample_image(30, 20)
    url = client.upload(data, "image/png", repository="fal")
    with httpx.Client() as plain:
        assert plain.get(url).content == data


def test_upload_in_parts(client: fal_client.SyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    data = sample_audio(3.0, format="wav")
    url = fal_client.client.MultipartUpload.save(
        client=client._client,
        token_manager=client._token_manager,
        file_name="in.wav",
        data=data,
        content_type="audio/wav",
        chunk_size=100_000,
    )
    with httpx.Client() as plain:
        assert plain.get(url).content == data


def test_data_uris_as_input_and_output(client: fal_client.SyncClient) -> None:
    picture = fal_client.encode_image(Image.new("RGB", (32, 24)), "png")
    cut = client.subscribe("fal-ai/birefnet/v2", {"image_url": picture, "sync_mode": True})["image"]
    image = Image.open(io.BytesIO(base64.b64decode(cut["url"].partition(",")[2])))
    assert (image.size, image.mode) == ((32, 24), "RGBA")


async def test_asynchronous_client(simulator: Simulator) -> None:
    client = fal_client.AsyncClient(key="test-key-id:test-secret")
    result = await client.subscribe("fal-ai/elevenlabs/tts/eleven-v3", {"text": "hello there, keeper"})
    await (await client._client).aclose()
    sound = fetched(result["audio"]["url"])
    assert sound.kind == "audio"
    assert sound.seconds == pytest.approx(1.3, abs=0.1)


@pytest.mark.parametrize(
    ("given", "kind", "field"),
    [
        ({}, "missing", "prompt"),
        ({"prompt": "x", "num_images": 9}, "less_than_equal", "num_images"),
        ({"prompt": "x", "output_format": "bmp"}, "one_of", "output_format"),
        ({"prompt": 3}, "string_type", "prompt"),
    ],
)
def test_invalid_input_fails_the_request(
    client: fal_client.SyncClient, simulator: Simulator, given: dict[str, object], kind: str, field: str
) -> None:
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        client.subscribe(FLUX, given)
    assert caught.value.status_code == 422
    detail = caught.value.response.json()["detail"][0]
    assert (detail["type"], detail["loc"]) == (kind, ["body", field])
    assert caught.value.response_headers["x-fal-billable-units"] == "0"
    assert simulator.bill.usd == 0


@pytest.mark.parametrize(
    ("fault", "status", "error_type", "text"),
    [
        ({"kind": "auth"}, 401, None, "Invalid key credentials"),
        ({"kind": "no-money"}, 403, None, "User is locked. Reason: Exhausted balance."),
        ({"kind": "refusal"}, 422, None, "content_policy_violation"),
        ({"kind": "job-failed"}, 500, None, "internal_server_error"),
        ({"kind": "job-failed", "error": "generation_timeout"}, 504, None, "generation_timeout"),
        ({"kind": "job-failed", "error": "image_load_error"}, 422, None, "image_load_error"),
        ({"kind": "job-failed", "error": "runner_disconnected"}, 503, "runner_disconnected", "Simulated"),
        ({"kind": "server-error"}, 500, "runner_server_error", "Runner error"),
    ],
)
def test_errors(
    client: fal_client.SyncClient,
    simulator: Simulator,
    fault: dict[str, object],
    status: int,
    error_type: str | None,
    text: str,
) -> None:
    simulator.faults.extend([fault])
    with pytest.raises(fal_client.FalClientHTTPError) as caught:
        client.submit(FLUX, {"prompt": "x"}).get()
    assert (caught.value.status_code, caught.value.error_type) == (status, error_type)
    assert text in caught.value.response.text
    assert simulator.bill.usd == 0


def test_lost_answer_makes_the_client_buy_twice(client: fal_client.SyncClient, simulator: Simulator) -> None:
    simulator.faults.add("reset", moment="accepted", count=1)
    client.submit(FLUX, {"prompt": "x"}).get()
    bill = simulator.bill
    assert (bill.calls, bill.duplicates) == (2, 1)
    assert list(bill.repeated.values()) == [2]


def test_unknown_status_is_what_the_client_cannot_read(client: fal_client.SyncClient, simulator: Simulator) -> None:
    simulator.faults.extend([{"kind": "unknown-status"}, {"kind": "slow-job", "seconds": 60}])
    with pytest.raises(ValueError, match="Unknown status: WARMING_UP"):
        client.submit(FLUX, {"prompt": "x"}).status()
