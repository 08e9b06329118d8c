"""The official OpenAI client works against the simulator."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from decimal import Decimal

import openai
import pytest
from PIL import Image

from prefect_media.media.measure import measure
from prefect_media.testing import Simulator


@pytest.fixture
def client(simulator: Simulator) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="sk-test-key", base_url=f"{simulator.url}/openai/v1", max_retries=0) as made:
        yield made


def picture(size: tuple[int, int] = (48, 32)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, "PNG")
    return out.getvalue()


def opened(answer: openai.types.ImagesResponse, index: int = 0) -> Image.Image:
    assert answer.data is not None
    return Image.open(io.BytesIO(base64.b64decode(answer.data[index].b64_json or "")))


@pytest.mark.parametrize(
    ("size", "name", "expected"),
    [("1024x1536", "jpeg", (1024, 1536)), ("auto", "webp", (1024, 1024)), ("640x320", "png", (640, 320))],
)
def test_generate(client: openai.OpenAI, size: str, name: str, expected: tuple[int, int]) -> None:
    answer = client.images.generate(model="gpt-image-2", prompt="a lighthouse", size=size, output_format=name, n=2)  # type: ignore[call-overload]
    images = [opened(answer, 0), opened(answer, 1)]
    assert [image.size for image in images] == [expected, expected]
    assert [image.format for image in images] == [name.upper()] * 2
    assert answer.usage is not None
    assert answer.usage.output_tokens > 0
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


def test_generate_with_transparent_background(client: openai.OpenAI) -> None:
    answer = client.images.generate(model="gpt-image-2", prompt="a mug", background="transparent", size="1024x1024")
    image = opened(answer)
    assert image.mode == "RGBA"
    assert image.getchannel("A").getextrema() == (0, 255)


def test_generate_streamed(client: openai.OpenAI) -> None:
    events = list(
        client.images.generate(
            model="gpt-image-2", prompt="x", size="1024x1024", quality="low", stream=True, partial_images=1
        )
    )
    assert [event.type for event in events] == ["image_generation.partial_image", "image_generation.completed"]


def test_edit_takes_files_and_bills_them(client: openai.OpenAI, simulator: Simulator) -> None:
    made = [
        client.images.edit(model="gpt-image-2", image=[("a.png", data), ("b.png", data)], prompt="add a boat")
        for data in (picture((320, 640)), picture((640, 320)))
    ]
    assert [opened(one).size for one in made] == [(1024, 1536), (1536, 1024)]
    assert made[0].usage is not None
    assert made[0].usage.input_tokens_details.image_tokens == 2 * 200
    bill = simulator.bill
    assert (bill.calls, bill.duplicates) == (2, 0)


def test_bill_follows_usage(client: openai.OpenAI, simulator: Simulator) -> None:
    usage = client.images.generate(model="gpt-image-2", prompt="x" * 8, size="1024x1024", quality="high").usage
    assert usage is not None
    expected = (Decimal(usage.output_tokens) * 30 + usage.input_tokens_details.text_tokens * 5) / 1_000_000
    assert simulator.bill.usd == expected


@pytest.mark.parametrize("name", ["mp3", "opus", "aac", "flac", "wav"])
def test_speech(client: openai.OpenAI, name: str) -> None:
    data = client.audio.speech.create(
        model="gpt-4o-mini-tts",
        voice="alloy",
        input="The lighthouse keeper climbs the stairs.",
        response_format=name,  # type: ignore[arg-type]
    ).read()
    sound = measure(data)
    assert sound is not None
    assert sound.kind == "audio"
    assert sound.seconds == pytest.approx(2.7, abs=0.1)


def test_speech_as_raw_samples(client: openai.OpenAI) -> None:
    data = client.audio.speech.create(model="tts-1", voice="nova", input="x" * 30, response_format="pcm").read()
    assert len(data) == 2 * 24_000 * 2


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ({"kind": "auth"}, openai.AuthenticationError, "invalid_api_key"),
        ({"kind": "rate-limit"}, openai.RateLimitError, "rate_limit_exceeded"),
        ({"kind": "no-money"}, openai.RateLimitError, "insufficient_quota"),
        ({"kind": "refusal"}, openai.BadRequestError, "moderation_blocked"),
        ({"kind": "server-error", "status": 503}, openai.InternalServerError, None),
        ({"kind": "reset"}, openai.APIConnectionError, None),
        ({"kind": "malformed"}, Exception, None),
    ],
)
def test_errors(
    client: openai.OpenAI, simulator: Simulator, fault: dict[str, object], error: type[Exception], code: str | None
) -> None:
    simulator.faults.extend([fault])
    with pytest.raises(error) as caught:
        client.images.generate(model="gpt-image-2", prompt="x", size="1024x1024")
    assert getattr(caught.value, "code", None) == code
    assert simulator.bill.calls == (1 if fault["kind"] == "malformed" else 0)


@pytest.mark.parametrize(
    ("options", "error", "param", "code"),
    [
        ({"model": "dall-e-3"}, openai.NotFoundError, None, "model_not_found"),
        ({"response_format": "url"}, openai.BadRequestError, "response_format", "unknown_parameter"),
        ({"size": "1000x1000"}, openai.BadRequestError, "size", "invalid_value"),
        ({"quality": "best"}, openai.BadRequestError, "quality", "invalid_value"),
        ({"n": 11}, openai.BadRequestError, "n", "integer_out_of_range"),
    ],
)
def test_requests_the_api_refuses(
    client: openai.OpenAI,
    simulator: Simulator,
    options: dict[str, object],
    error: type[openai.APIStatusError],
    param: str | None,
    code: str,
) -> None:
    with pytest.raises(error) as caught:
        client.images.generate(**{"model": "gpt-image-2", "prompt": "x", **options})  # type: ignore[arg-type]
    assert (caught.value.param, caught.value.code) == (param, code)
    assert simulator.bill.calls == 0


def test_speech_refuses_unknown_voices_and_long_text(client: openai.OpenAI) -> None:
    for options, param in (({"voice": "bob"}, "voice"), ({"input": "x" * 4097}, "input")):
        with pytest.raises(openai.BadRequestError) as caught:
            client.audio.speech.create(**{"model": "tts-1", "voice": "nova", "input": "x", **options})  # type: ignore[arg-type]
        assert caught.value.param == param


def test_client_obeys_retry_after(simulator: Simulator) -> None:
    simulator.faults.add("rate-limit", count=1, retry_after_s=0.05)
    with openai.OpenAI(api_key="sk-test-key", base_url=f"{simulator.url}/openai/v1", max_retries=1) as client:
        client.audio.speech.create(model="tts-1", voice="nova", input="x")
    assert simulator.bill.calls == 1
