"""The bill holds every accepted submission, once, with its price, and never a key."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from prefect_media.media.samples.making import sample_image
from prefect_media.testing import Bill, Simulator

KEY = "planted-key-that-must-not-be-seen-0123456789"


@pytest.fixture
def http(simulator: Simulator) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {KEY}", "xi-api-key": KEY}
    with httpx.Client(base_url=simulator.url, headers=headers, timeout=10, verify=False) as client:
        yield client


def flux(http: httpx.Client, **given: Any) -> dict[str, Any]:
    path = "/replicate/v1/models/black-forest-labs/flux-schnell/predictions"
    return http.post(path, json={"input": given}, headers={"Prefer": "wait"}).raise_for_status().json()


def esrgan(http: httpx.Client, image: str) -> dict[str, Any]:
    version = "42fed1c4974146d4d2414e2be2c5277c7fcf05fcc3a73abf41610695738c1d7b"
    body = {"version": version, "input": {"image": image, "scale": 2}}
    return http.post("/replicate/v1/predictions", json=body, headers={"Prefer": "wait"}).raise_for_status().json()


def test_prices_and_parts(http: httpx.Client, simulator: Simulator) -> None:
    flux(http, prompt="a", num_outputs=2)
    http.post("/fal/_sync/fal-ai/flux/dev", json={"prompt": "a", "image_size": {"width": 1200, "height": 1024}})
    http.post("/elevenlabs/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM", json={"text": "x" * 100})
    http.post("/openai/v1/audio/speech", json={"model": "tts-1", "voice": "nova", "input": "x" * 1000})
    bill = simulator.bill
    assert {name: part.usd for name, part in bill.by_model.items()} == {
        "replicate:black-forest-labs/flux-schnell": Decimal("0.006"),
        "fal:fal-ai/flux/dev": Decimal("0.05"),
        "elevenlabs:eleven_multilingual_v2": Decimal("0.008"),
        "openai:tts-1": Decimal("0.015"),
    }
    assert bill.usd == Decimal("0.079")
    assert (bill.calls, bill.duplicates, bill.unpriced) == (4, 0, 0)
    assert bill.of(provider="fal").calls == 1


def test_unknown_models_have_no_price(http: httpx.Client, simulator: Simulator) -> None:
    answer = http.post("/fal/_sync/someone/new-video-model", json={"prompt": "x"}).json()
    assert set(answer) == {"video", "seed"}
    assert (simulator.bill.usd, simulator.bill.unpriced) == (0, 1)


def test_equal_requests_are_duplicates_and_give_equal_bytes(http: httpx.Client, simulator: Simulator) -> None:
    made = [flux(http, prompt="a", seed=1), flux(http, seed=1, prompt="a"), flux(http, prompt="a", seed=2)]
    data = [httpx.get(one["output"][0]).content for one in made]
    assert data[0] == data[1] != data[2]
    bill = simulator.bill
    assert bill.duplicates == 1
    assert sorted(bill.repeated.values()) == [2]
    assert bill.entries[0].digests == bill.entries[1].digests != bill.entries[2].digests


def test_inlined_uploaded_and_generated_media_are_the_same_input(http: httpx.Client, simulator: Simulator) -> None:
    address = flux(http, prompt="a", output_format="png")["output"][0]
    data = httpx.get(address).content
    inline = "data:image/png;base64," + base64.b64encode(data).decode()
    upload = http.post("/replicate/v1/files", files={"content": ("in.png", data, "image/png")}).json()
    for image in (address, inline, upload["urls"]["get"]):
        esrgan(http, image)
    esrgan(http, "data:image/png;base64," + base64.b64encode(sample_image(64, 48)).decode())
    assert simulator.bill.duplicates == 2


def test_bill_survives_json(http: httpx.Client, simulator: Simulator) -> None:
    flux(http, prompt="a")
    bill = simulator.bill
    assert Bill.read(json.loads(json.dumps(bill.to_json()))).entries == bill.entries


def test_reset_forgets(http: httpx.Client, simulator: Simulator) -> None:
    flux(http, prompt="a")
    simulator.reset()
    assert (simulator.bill.calls, simulator.jobs, simulator.events()) == (0, [], [])


def test_log_keeps_every_event(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    with (
        Simulator(latency=0, log=log) as simulator,
        httpx.Client(base_url=simulator.url, headers={"Authorization": f"Bearer {KEY}"}) as http,
    ):
        httpx.get(flux(http, prompt="a")["output"][0])
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [event["event"] for event in events] == ["accepted", "ended", "download"]
    assert events[0]["usd"] == "0.003"
    assert events[1]["billed"] is True


def test_a_planted_key_is_recorded_nowhere(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    headers = {"Authorization": f"Bearer {KEY}", "xi-api-key": KEY}
    with Simulator(latency=0, log=log) as simulator, httpx.Client(base_url=simulator.url, headers=headers) as http:
        job = flux(http, prompt=f"my key is {KEY}")
        http.get(job["output"][0])  # with the key, where no key belongs
        http.post(f"/fal/owner/{KEY}", json={"prompt": KEY}, headers={"Authorization": f"Key {KEY}"})
        http.post("/elevenlabs/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM", json={"text": KEY})
        http.post("/replicate/v1/files", files={"content": (f"{KEY}.png", b"x", "image/png")})
        http.post(
            "/openai/v1/images/generations", json={"model": "gpt-image-2", "prompt": KEY, "size": "16x16", "n": 99}
        )
        simulator.faults.add("auth")
        http.get(f"/replicate/v1/predictions/{KEY}")
        pages = [http.get(f"/_sim/{page}").text for page in ("bill", "jobs", "events", "faults")]
        leaks = [event["where"] for event in simulator.events("leak")]
    assert [page for page in pages if KEY in page] == []
    assert KEY not in log.read_text()
    headers_leaked = ["authorization header to output host", "xi-api-key header to output host"]
    assert leaks == ["payload", *headers_leaked, "payload", "payload"]


def test_configured_keys_are_checked() -> None:
    with Simulator(latency=0, keys={"elevenlabs": KEY}) as simulator:
        url = f"{simulator.url}/elevenlabs/v1/models"
        codes = [httpx.get(url, headers={"xi-api-key": key}).status_code for key in (KEY, "another-key", "")]
        others = httpx.get(f"{simulator.url}/replicate/v1/account", headers={"Authorization": "Bearer any"}).status_code
    assert codes == [200, 401, 401]
    assert others == 200


@pytest.mark.parametrize(
    "path", ["/replicate/v1/account", "/elevenlabs/v1/models", "/fal/fal-ai/flux/requests/x/status"]
)
def test_no_key_is_refused(simulator: Simulator, path: str) -> None:
    assert httpx.get(simulator.url + path).status_code == 401
