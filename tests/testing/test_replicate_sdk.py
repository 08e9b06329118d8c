"""The official Replicate client works against the simulator."""

from __future__ import annotations

import io
from collections.abc import Iterator

import httpx
import pytest
import replicate
from PIL import Image
from replicate.exceptions import ModelError, ReplicateError

from prefect_media.testing import Simulator

FLUX = "black-forest-labs/flux-schnell"
ESRGAN = "nightmareai/real-esrgan:42fed1c4974146d4d2414e2be2c5277c7fcf05fcc3a73abf41610695738c1d7b"


@pytest.fixture(params=["replicate", "replicate/v1"])
def client(request: pytest.FixtureRequest, simulator: Simulator) -> Iterator[replicate.Client]:
    made = replicate.Client(api_token="r8_test_token", base_url=f"{simulator.url}/{request.param}")
    made.poll_interval = 0.01
    yield made
    made._client.close()


def size_of(url: str) -> tuple[int, int]:
    return Image.open(io.BytesIO(httpx.get(url).raise_for_status().content)).size


def test_run_waits_and_returns_output(client: replicate.Client) -> None:
    output = client.run(FLUX, input={"prompt": "a lighthouse", "aspect_ratio": "16:9", "num_outputs": 2})
    assert [size_of(url) for url in output] == [(1344, 768), (1344, 768)]
    assert output[0] != output[1]


def test_run_polls_when_not_waiting(client: replicate.Client) -> None:
    output = client.run(FLUX, input={"prompt": "polled"}, wait=False)
    assert size_of(output[0]) == (1024, 1024)


def test_run_a_version_with_an_uploaded_file(client: replicate.Client) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(picture, "PNG")
    picture.name = "in.png"
    output = client.run(ESRGAN, input={"image": picture, "scale": 3}, wait=False)
    assert size_of(output) == (120, 90)


def test_create_get_reload_list_cancel(client: replicate.Client, simulator: Simulator) -> None:
    simulator.faults.add("slow-job", seconds=60)
    made = client.models.predictions.create(FLUX, {"prompt": "long"})
    assert made.status in ("starting", "processing")
    assert [one.id for one in client.predictions.list()] == [made.id]
    made.cancel()
    assert client.predictions.get(made.id).status == "canceled"
    made.reload()
    assert made.completed_at is not None
    assert made.metrics is not None
    assert made.metrics["predict_time"] >= 0


def test_predictions_create_takes_official_models_and_versions(client: replicate.Client) -> None:
    by_name = client.predictions.create(version=FLUX, input={"prompt": "x"})
    by_version = client.predictions.create(version=ESRGAN.partition(":")[2], input={"image": "data:,x"})
    by_name.wait()
    by_version.wait()
    assert (by_name.model, by_version.model) == (FLUX, "nightmareai/real-esrgan")
    assert by_name.progress is not None
    assert by_name.progress.percentage == 1.0


def test_pages_of_a_hundred(client: replicate.Client) -> None:
    made = [client.predictions.create(version=FLUX, input={"prompt": str(number)}).id for number in range(103)]
    first = client.predictions.list()
    assert first.next is not None
    second = client.predictions.list(first.next)
    assert [one.id for one in [*first, *second]] == made[::-1]
    assert second.next is None


def test_files(client: replicate.Client) -> None:
    made = client.files.create(io.BytesIO(b"abc"), filename="a.bin", metadata={"k": 1})
    assert (made.size, made.name) == (3, "a.bin")
    assert made.checksums["sha256"].startswith("ba7816bf")
    assert [one.id for one in client.files.list()] == [client.files.get(made.id).id]
    assert client.files.delete(made.id)
    with pytest.raises(ReplicateError) as caught:
        client.files.get(made.id)
    assert (caught.value.status, caught.value.title) == (404, "Not found")


def test_model_publishes_its_schema(client: replicate.Client) -> None:
    version = client.models.get(FLUX).latest_version
    assert version is not None
    schemas = version.openapi_schema["components"]["schemas"]
    assert schemas["Input"]["required"] == ["prompt"]
    assert schemas["Input"]["properties"]["num_outputs"]["maximum"] == 4
    assert schemas["Output"]["type"] == "array"


def test_account_and_hardware(client: replicate.Client) -> None:
    assert client.accounts.current().username == "simulated"
    assert "cpu" in [one.sku for one in client.hardware.list()]


def test_stream_of_asynchronous_run(simulator: Simulator) -> None:
    import asyncio

    async def run() -> list[str]:
        client = replicate.Client(api_token="r8_test_token", base_url=f"{simulator.url}/replicate")
        try:
            return await client.async_run(FLUX, input={"prompt": "async"})
        finally:
            await client._async_client.aclose()

    assert len(asyncio.run(run())) == 1


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ({"kind": "auth"}, 401, "You did not pass a valid authentication token"),
        ({"kind": "no-money"}, 402, "You have insufficient credit to run this model."),
        ({"kind": "rate-limit"}, 429, "Request was throttled. Your rate limit resets in ~30s."),
        ({"kind": "server-error", "status": 500}, 500, "An unexpected error occurred."),
    ],
)
def test_error_answers(simulator: Simulator, fault: dict[str, object], status: int, text: str) -> None:
    client = replicate.Client(api_token="r8_test_token", base_url=f"{simulator.url}/replicate")
    simulator.faults.extend([fault])
    with pytest.raises(ReplicateError) as caught:
        client.run(FLUX, input={"prompt": "x"})
    client._client.close()
    assert caught.value.status == status
    assert str(caught.value.detail).startswith(text)
    assert simulator.bill.calls == 0


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "- input: prompt is required\n"),
        ({"prompt": "x", "num_outputs": 9}, "- input.num_outputs: num_outputs must be less than or equal to 4\n"),
    ],
)
def test_invalid_input_is_refused(client: replicate.Client, given: dict[str, object], text: str) -> None:
    with pytest.raises(ReplicateError) as caught:
        client.run(FLUX, input=given)
    assert (caught.value.status, caught.value.title, caught.value.detail) == (422, "Input validation failed", text)


def test_unknown_version_and_prediction(client: replicate.Client) -> None:
    with pytest.raises(ReplicateError) as caught:
        client.predictions.create(version="nonsense", input={})
    assert (caught.value.status, caught.value.title) == (422, "Invalid version or not permitted")
    with pytest.raises(ReplicateError) as caught:
        client.predictions.get("x" * 26)
    assert caught.value.status == 404


def test_refused_content_fails_the_prediction(client: replicate.Client, simulator: Simulator) -> None:
    simulator.faults.add("refusal")
    with pytest.raises(ModelError) as caught:
        client.run(FLUX, input={"prompt": "x"}, wait=False)
    assert "(E005)" in str(caught.value)
    assert simulator.bill.usd == 0
