"""The official ElevenLabs client works against the simulator."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import httpx
import pytest
from elevenlabs.client import ElevenLabs
from elevenlabs.core.api_error import ApiError
from elevenlabs.core.request_options import RequestOptions
from elevenlabs.errors import UnprocessableEntityError

from prefect_media.media.measure import Measured, measure
from prefect_media.testing import Simulator

RACHEL = "21m00Tcm4TlvDq8ikWAM"
NO_RETRY = RequestOptions(max_retries=0)
TEXT = "The lighthouse keeper climbs the stairs."


@pytest.fixture
def client(simulator: Simulator) -> Iterator[ElevenLabs]:
    with httpx.Client() as transport:
        yield ElevenLabs(api_key="sk_test_key", base_url=f"{simulator.url}/elevenlabs", httpx_client=transport)


def heard(chunks: Iterator[bytes]) -> Measured:
    sound = measure(b"".join(chunks))
    assert sound is not None
    assert sound.kind == "audio"
    return sound


@pytest.mark.parametrize("name", ["mp3_44100_128", "mp3_22050_32", "wav_24000", "opus_48000_64"])
def test_convert(client: ElevenLabs, name: str) -> None:
    chunks = client.text_to_speech.convert(RACHEL, text=TEXT, model_id="eleven_v3", output_format=name)  # type: ignore[arg-type]
    assert heard(chunks).seconds == pytest.approx(2.7, abs=0.1)


def test_convert_states_its_cost(client: ElevenLabs, simulator: Simulator) -> None:
    costs: list[str] = []
    for model in ("eleven_multilingual_v2", "eleven_flash_v2_5"):
        with client.text_to_speech.with_raw_response.convert(RACHEL, text=TEXT, model_id=model) as answer:
            b"".join(answer.data)
            costs.append(answer.headers["character-cost"])
            assert answer.headers["request-id"]
    assert costs == ["40", "20"]
    assert str(simulator.bill.usd) == "0.0048"


def test_stream(client: ElevenLabs) -> None:
    assert heard(client.text_to_speech.stream(RACHEL, text=TEXT)).seconds == pytest.approx(2.7, abs=0.1)


def test_timestamps_span_the_sound(client: ElevenLabs) -> None:
    answer = client.text_to_speech.convert_with_timestamps(RACHEL, text=TEXT)
    sound = measure(base64.b64decode(answer.audio_base_64))
    assert sound is not None
    assert answer.alignment is not None
    assert "".join(answer.alignment.characters) == TEXT
    ends = answer.alignment.character_end_times_seconds
    assert ends == sorted(ends)
    assert ends[-1] == pytest.approx(sound.seconds, abs=0.1)


def test_stream_with_timestamps(client: ElevenLabs) -> None:
    parts = list(client.text_to_speech.stream_with_timestamps(RACHEL, text=TEXT))
    assert "".join("".join(part.alignment.characters) for part in parts if part.alignment) == TEXT


def test_sound_has_the_length_asked_for(client: ElevenLabs) -> None:
    chunks = client.text_to_sound_effects.convert(text="waves", duration_seconds=2.5)
    assert heard(chunks).seconds == pytest.approx(2.5, abs=0.1)


def test_music_has_the_length_asked_for(client: ElevenLabs) -> None:
    chunks = client.music.compose(prompt="calm piano", music_length_ms=4000)
    assert heard(chunks).seconds == pytest.approx(4, abs=0.1)


def test_music_in_detail(client: ElevenLabs) -> None:
    answer = client.music.compose_detailed(prompt="calm piano", music_length_ms=3000)
    assert heard(iter([answer.audio])).seconds == pytest.approx(3, abs=0.1)
    assert answer.json["composition_plan"]["sections"][0]["duration_ms"] == 3000


def test_history_returns_what_was_made(client: ElevenLabs) -> None:
    first = b"".join(client.text_to_speech.convert(RACHEL, text="one one one"))
    b"".join(client.text_to_speech.convert(RACHEL, text="two two two", model_id="eleven_v3"))
    page = client.history.list(page_size=1)
    assert [item.text for item in page.history] == ["two two two"]
    assert page.has_more
    rest = client.history.list(start_after_history_item_id=page.last_history_item_id)
    item = rest.history[0]
    assert (item.text, item.voice_id, item.model_id) == ("one one one", RACHEL, "eleven_multilingual_v2")
    assert b"".join(client.history.get_audio(item.history_item_id)) == first
    assert client.history.get(item.history_item_id).text == "one one one"


def test_voices_models_and_account(client: ElevenLabs) -> None:
    assert RACHEL in [voice.voice_id for voice in client.voices.get_all().voices]
    assert RACHEL in [voice.voice_id for voice in client.voices.search().voices]
    assert "eleven_v3" in [model.model_id for model in client.models.list()]
    b"".join(client.text_to_speech.convert(RACHEL, text=TEXT))
    assert client.user.subscription.get().character_count == len(TEXT)


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"kind": "auth"}, 401, "invalid_api_key"),
        ({"kind": "no-money"}, 401, "quota_exceeded"),
        ({"kind": "rate-limit"}, 429, "too_many_concurrent_requests"),
        ({"kind": "refusal"}, 400, "content_against_policy"),
        ({"kind": "server-error", "status": 502}, 502, "internal_server_error"),
    ],
)
def test_errors(client: ElevenLabs, simulator: Simulator, fault: dict[str, object], status: int, code: str) -> None:
    simulator.faults.extend([fault])
    with pytest.raises(ApiError) as caught:
        b"".join(client.text_to_speech.convert(RACHEL, text=TEXT, request_options=NO_RETRY))
    assert caught.value.status_code == status
    assert caught.value.body["detail"]["status"] == code
    assert simulator.bill.calls == 0


def test_unknown_voice_and_long_text(client: ElevenLabs) -> None:
    for voice, text, status, code in (
        ("nobody", TEXT, 404, "voice_not_found"),
        (RACHEL, "x" * 10_001, 400, "max_character_limit_exceeded"),
    ):
        with pytest.raises(ApiError) as caught:
            b"".join(client.text_to_speech.convert(voice, text=text))
        assert (caught.value.status_code, caught.value.body["detail"]["status"]) == (status, code)


def test_validation(client: ElevenLabs) -> None:
    with pytest.raises(UnprocessableEntityError):
        b"".join(client.text_to_speech.convert(RACHEL, text=TEXT, output_format="mp4"))  # type: ignore[arg-type]
    with pytest.raises(UnprocessableEntityError):
        b"".join(client.text_to_sound_effects.convert(text="x", duration_seconds=31))


def test_refused_music_suggests_another_prompt(client: ElevenLabs, simulator: Simulator) -> None:
    simulator.faults.add("refusal")
    with pytest.raises(ApiError) as caught:
        b"".join(client.music.compose(prompt="like a famous song"))
    assert caught.value.body["detail"]["status"] == "bad_prompt"
    assert caught.value.body["detail"]["data"]["prompt_suggestion"]
