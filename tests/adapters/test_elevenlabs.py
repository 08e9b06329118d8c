"""ElevenLabs' speech, sound and music, from its page of bodies."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from prefect_media.adapters._results import spoken
from prefect_media.adapters.base import CancelOutcome, Job, JobStatus, Request
from prefect_media.errors import (
    AuthenticationError,
    ContentRejectedError,
    DegenerateOutputError,
    JobFailedError,
    ParameterError,
    ProviderUnavailableError,
    QuotaExceededError,
    RateLimitedError,
    RequestRejectedError,
)

SOUND = b"ID3 sound" * 20_000
MODEL = "eleven_multilingual_v2"
CARD = f"elevenlabs:{MODEL}"
TTS = "/v1/text-to-speech/v%2F1"
SETTINGS = {"stability": 0.5, "similarity_boost": 0.75}
IDS = {"history-item-id": "h1", "request-id": "r1", "character-cost": "11"}


def request(**changes: Any) -> Request:
    given: dict[str, Any] = {
        "card_id": CARD,
        "endpoint": MODEL,
        "payload": {
            "text": "Hi you",
            "voice_id": "v/1",
            "seed": None,
            "output_format": "mp3_44100_128",
            "voice_settings": SETTINGS,
        },
        "capability": "speech",
        "output_kind": "audio",
    }
    return Request(**{**given, **changes})


def job(**data: Any) -> Job:
    return Job(provider="elevenlabs", remote_id="h1", card_id=CARD, data=data)


def item(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "history_item_id": "h1",
        "request_id": "r1",
        "voice_id": "v/1",
        "model_id": MODEL,
        "text": "Hi you",
        "date_unix": int(datetime.now(UTC).timestamp()),
        "character_count_change_from": 100,
        "character_count_change_to": 111,
        "content_type": "audio/mpeg",
        "state": "created",
        "settings": {**SETTINGS, "style": 0},
    }
    return {**given, **changes}


def columns(text: str) -> dict[str, Any]:
    return {
        "characters": list(text),
        "character_start_times_seconds": [i / 10 for i in range(len(text))],
        "character_end_times_seconds": [(i + 1) / 10 for i in range(len(text))],
    }


async def test_speech_is_streamed_into_a_scratch_file(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("POST", TTS, body=SOUND, headers={"Content-Type": "audio/mpeg", **IDS})
    submission = await adapter_for("elevenlabs").submit(request(), scratch)
    seen = server.seen[0]
    assert seen.json == {"text": "Hi you", "voice_settings": SETTINGS, "model_id": MODEL}
    assert seen.query == "output_format=mp3_44100_128"
    output = submission.snapshot.outputs[0]
    assert (output.path.read_bytes(), output.media_type) == (SOUND, "audio/mpeg")
    assert submission.snapshot.usage.units == {"credits": Decimal(11)}
    assert (submission.job.remote_id, submission.reattachable) == ("h1", True)
    assert submission.job.data["history_item_id"] == "h1"


async def test_timestamps_become_words(server: Any, adapter_for: Any, scratch: Path) -> None:
    answer = {
        "audio_base64": base64.b64encode(SOUND).decode(),
        "alignment": columns("Hi  you!"),
        "normalized_alignment": None,
    }
    server.on("POST", f"{TTS}/with-timestamps", json_=answer, headers=IDS)
    path = {"path": "/v1/text-to-speech/{voice_id}/with-timestamps"}
    submission = await adapter_for("elevenlabs").submit(request(extra=path), scratch)
    output = submission.snapshot.outputs[0]
    assert output.path.read_bytes() == SOUND
    assert [(word.text, word.start_s, word.end_s) for word in output.words] == [("Hi", 0.0, 0.2), ("you!", 0.4, 0.8)]
    assert submission.snapshot.usage.units == {"credits": Decimal(11)}


async def test_the_normalised_alignment_stands_in(server: Any, adapter_for: Any, scratch: Path) -> None:
    answer = {"audio_base64": "AAAA", "alignment": None, "normalized_alignment": columns("one")}
    server.on("POST", TTS, json_=answer)
    output = (await adapter_for("elevenlabs").submit(request(), scratch)).snapshot.outputs[0]
    assert [word.text for word in output.words] == ["one"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("  ", []),
        ("one", ["one"]),
        (" one  two\nthree ", ["one", "two", "three"]),
        ("你好。再见", ["你好。", "再见"]),
    ],
)
def test_characters_are_joined_to_words(text: str, words: list[str]) -> None:
    found = spoken(*columns(text).values())
    assert [word.text for word in found] == words
    assert all(word.start_s <= word.end_s for word in found)


def test_odd_timings_do_not_break_words() -> None:
    found = spoken(["a", 5, "b", "c"], [-1.0, 0, 0.5, "x"], [0.4, 0, 0.3, 1])
    assert [(word.text, word.start_s, word.end_s) for word in found] == [("ab", 0.0, 0.3)]


@pytest.mark.parametrize(
    ("capability", "model", "payload", "path", "header"),
    [
        (
            "sound",
            "eleven_text_to_sound_v2",
            {"text": "rain", "duration_seconds": 2.5},
            "/v1/sound-generation",
            "request-id",
        ),
        ("music", "music_v1", {"prompt": "waltz", "music_length_ms": 10000}, "/v1/music", "song-id"),
    ],
)
async def test_sound_and_music_cannot_be_followed(
    server: Any, adapter_for: Any, scratch: Path, capability: str, model: str, payload: Any, path: str, header: str
) -> None:
    server.on("POST", path, body=SOUND, headers={"Content-Type": "audio/mpeg", header: "id-1"})
    asked = request(card_id=f"elevenlabs:{model}", endpoint=model, payload=payload, capability=capability)
    adapter = adapter_for("elevenlabs")
    submission = await adapter.submit(asked, scratch)
    assert server.seen[0].json == {**payload, "model_id": model}
    assert (submission.job.remote_id, submission.reattachable) == ("id-1", False)
    assert not adapter.can_find(asked)
    snapshot = await adapter.check(submission.job, scratch)
    assert (snapshot.status, snapshot.error.billed) == (JobStatus.FAILED, True)


async def test_unlogged_speech_cannot_be_found(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("POST", TTS, body=SOUND, headers=IDS)
    asked = request(payload={"text": "Hi", "voice_id": "v/1", "enable_logging": False})
    adapter = adapter_for("elevenlabs")
    submission = await adapter.submit(asked, scratch)
    assert server.seen[0].query == "enable_logging=false"
    assert not adapter.can_find(asked)
    assert not submission.reattachable


async def test_a_missing_part_of_the_path_is_refused_before_sending(
    server: Any, adapter_for: Any, scratch: Path
) -> None:
    with pytest.raises(ParameterError, match="needs the parameter 'voice_id'"):
        await adapter_for("elevenlabs").submit(request(payload={"text": "Hi"}), scratch)
    assert server.seen == []


async def test_the_card_can_name_the_query(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("POST", TTS, body=SOUND)
    await adapter_for("elevenlabs").submit(request(extra={"query": ["seed"]}), scratch)
    assert server.seen[0].query == ""
    assert server.seen[0].json["output_format"] == "mp3_44100_128"


async def test_empty_sound_is_degenerate(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("POST", TTS, headers={"Content-Type": "audio/mpeg"})
    with pytest.raises(DegenerateOutputError):
        await adapter_for("elevenlabs").submit(request(), scratch)


async def test_an_answer_without_sound_is_a_billed_failure(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("POST", TTS, json_={"alignment": {}})
    with pytest.raises(JobFailedError, match="holds no sound; it has alignment") as caught:
        await adapter_for("elevenlabs").submit(request(), scratch)
    assert caught.value.billed is True


async def test_a_cut_answer_is_unknown(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("POST", TTS, body=SOUND, cut=10, headers={"Content-Type": "audio/mpeg"})
    with pytest.raises(ProviderUnavailableError) as caught:
        await adapter_for("elevenlabs").submit(request(), scratch)
    assert (caught.value.accepted, caught.value.billed) == (None, True)


def detail(status: str, message: str = "Some text", **more: Any) -> dict[str, Any]:
    return {"detail": {"status": status, "message": message, **more}}


PAID = {"type": "payment_required", "code": "paid_plan_required", "message": "Some text"}
FIELD = [{"loc": ["body", "text"], "msg": "Some text", "type": "value_error.missing"}]
PROMPT = detail("bad_prompt", code="bad_request", data={"prompt_suggestion": "a calm waltz"})
ERRORS: list[Any] = [
    (400, detail("max_character_limit_exceeded"), RequestRejectedError, ...),
    (400, detail("voice_not_found"), RequestRejectedError, ...),
    (400, PROMPT, ContentRejectedError, ...),
    (400, detail("bad_composition_plan", data={"composition_plan_suggestion": {"a": 1}}), ContentRejectedError, ...),
    (400, detail("content_against_policy"), ContentRejectedError, ...),
    (401, detail("content_against_policy"), ContentRejectedError, ...),
    (401, detail("invalid_api_key"), AuthenticationError, ...),
    (401, detail("quota_exceeded"), QuotaExceededError, ...),
    (401, detail("missing_permissions"), AuthenticationError, ...),
    (401, detail("detected_unusual_activity"), AuthenticationError, ...),
    (402, {"detail": {**PAID, "status": "paid_plan_required"}}, QuotaExceededError, ...),
    (402, {"detail": PAID}, QuotaExceededError, ...),
    (403, detail("only_for_creator+"), AuthenticationError, ...),
    (404, detail("voice_not_found"), RequestRejectedError, ...),
    (409, detail("conflict"), ProviderUnavailableError, False),
    (425, detail("too_early"), ProviderUnavailableError, False),
    (422, {"detail": FIELD}, RequestRejectedError, ...),
    (422, {"detail": "Some text"}, RequestRejectedError, ...),
    (429, detail("too_many_concurrent_requests"), RateLimitedError, False),
    (429, detail("system_busy"), RateLimitedError, False),
    (500, {"detail": "Some text"}, ProviderUnavailableError, None),
    (503, {"message": "Some text"}, ProviderUnavailableError, False),
]


@pytest.mark.parametrize(("code", "body", "cls", "accepted"), ERRORS)
async def test_every_error_body_has_its_class(
    server: Any,
    adapter_for: Any,
    scratch: Path,
    clean: Callable[[BaseException], None],
    code: int,
    body: Any,
    cls: Any,
    accepted: Any,
) -> None:
    server.on("POST", TTS, code, json_=body)
    with pytest.raises(cls) as caught:
        await adapter_for("elevenlabs").submit(request(), scratch)
    assert type(caught.value) is cls
    assert getattr(caught.value, "accepted", ...) is accepted
    assert "Some text" in str(caught.value)
    assert len(server.seen) == 1
    clean(caught.value)


async def test_a_suggestion_is_shown(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("POST", TTS, 400, json_=PROMPT)
    with pytest.raises(ContentRejectedError, match="Suggested by ElevenLabs: a calm waltz"):
        await adapter_for("elevenlabs").submit(request(), scratch)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [({"Retry-After": "4"}, 4), ({"retry-after-ms": "500"}, 0.5), ({"x-ratelimit-reset": "9"}, 9),
     ({"x-ratelimit-reset": "1795000000"}, None), ({}, None)],
)  # fmt: skip
async def test_the_wait_comes_from_the_headers(
    server: Any, adapter_for: Any, scratch: Path, headers: dict[str, str], wait: float | None
) -> None:
    server.on("POST", TTS, 429, json_=detail("system_busy"), headers=headers)
    with pytest.raises(RateLimitedError) as caught:
        await adapter_for("elevenlabs").submit(request(), scratch)
    assert caught.value.retry_after_s == wait


async def test_past_speech_is_fetched_again_from_the_history(
    server: Any, adapter_for: Any, scratch: Path, secret: str
) -> None:
    alignments = {"alignment": columns("Hi you"), "normalized_alignment": columns("Hi you")}
    server.on("GET", "/v1/history/h1", json_=item(alignments=alignments))
    server.on("GET", "/v1/history/h1/audio", body=SOUND)
    adapter = adapter_for("elevenlabs")
    snapshot = await adapter.check(job(history_item_id="h1"), scratch)
    assert (snapshot.status, snapshot.usage.units) == (JobStatus.SUCCEEDED, {"credits": Decimal(11)})
    assert [word.text for word in snapshot.outputs[0].words] == ["Hi", "you"]
    await adapter.fetch(snapshot.outputs[0], scratch / "target")
    assert (scratch / "target").read_bytes() == SOUND
    assert server.seen[-1].headers["xi-api-key"] == secret


async def test_a_request_id_is_looked_for_in_the_history(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("GET", "/v1/history", json_={"history": [item(request_id="other")], "has_more": False})
    server.on("GET", "/v1/history", json_={"history": [item(request_id="other", history_item_id="h0"), item()]})
    server.on("GET", "/v1/history/h1", json_=item())
    adapter = adapter_for("elevenlabs")
    sought = job(request_id="r1", created=datetime.now(UTC).isoformat())
    assert (await adapter.check(sought, scratch)).status is JobStatus.RUNNING
    snapshot = await adapter.check(sought, scratch)
    assert snapshot.outputs[0].url == f"{server.base}/v1/history/h1/audio"


async def test_a_deleted_item_is_a_billed_failure(server: Any, adapter_for: Any, scratch: Path) -> None:
    server.on("GET", "/v1/history/h1", 404, json_=detail("history_item_not_found"))
    snapshot = await adapter_for("elevenlabs").check(job(history_item_id="h1"), scratch)
    assert (snapshot.status, snapshot.error.billed) == (JobStatus.FAILED, True)


async def test_recent_speech_is_listed_and_matched(server: Any, adapter_for: Any) -> None:
    since = datetime.now(UTC) - timedelta(minutes=1)
    changes = [
        {"history_item_id": "same"},
        {"history_item_id": "text", "text": "Other"},
        {"history_item_id": "voice", "voice_id": "other"},
        {"history_item_id": "model", "model_id": "eleven_flash_v2_5"},
        {"history_item_id": "settings", "settings": {"stability": 0.9}},
        {"history_item_id": "old", "date_unix": int(since.timestamp()) - 100},
        {"history_item_id": None},
    ]
    entries = [item(**change) for change in changes]
    server.on("GET", "/v1/history", json_={"history": entries[:3], "has_more": True, "last_history_item_id": "voice"})
    server.on("GET", "/v1/history", json_={"history": entries[3:], "has_more": False, "last_history_item_id": "x"})
    adapter = adapter_for("elevenlabs")
    assert adapter.can_look_up
    assert adapter.can_find(request())
    found = await adapter.recent(CARD, since)
    assert {entry.job.remote_id for entry in found} == {"same", "text", "voice", "model", "settings"}
    assert [entry.job.remote_id for entry in found if adapter.match(request(), entry)] == ["same"]
    assert f"date_after_unix={int(since.timestamp())}" in server.seen[0].query
    assert "start_after_history_item_id=voice" in server.seen[1].query
    matched = adapter.match(request(), next(entry for entry in found if entry.job.remote_id == "same"))
    assert matched.data["history_item_id"] == "same"
    assert await adapter.cancel(matched) is CancelOutcome.UNSUPPORTED
