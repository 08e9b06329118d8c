"""Every fault does what docs/testing.md says, over real connections."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from prefect_media.errors import ConfigurationError
from prefect_media.testing import Simulator
from prefect_media.testing.faults import KINDS, MOMENTS, Faults, Occasion, Rule, read_faults

from .client import FLUX, Client

# ---- before and after acceptance ----


def test_reset_before_acceptance_bills_nothing(client: Client, simulator: Simulator) -> None:
    simulator.faults.add("reset", moment="received")
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        client.predict()
    assert simulator.bill.calls == 0


@pytest.mark.parametrize("lose", [lambda client: client.predict(), lambda client: client.speak()])
def test_reset_after_acceptance_bills_the_lost_answer(client: Client, simulator: Simulator, lose: Any) -> None:
    simulator.faults.add("reset", moment="accepted", count=1)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        lose(client)
    lose(client)
    bill = simulator.bill
    assert (bill.calls, bill.duplicates) == (2, 1)
    assert bill.usd > 0


def test_hang_never_answers(client: Client, simulator: Simulator) -> None:
    simulator.faults.add("hang", moment="accepted")
    with pytest.raises(httpx.ReadTimeout):
        client.http.post(FLUX, json={"input": {"prompt": "x"}}, timeout=0.2)
    assert simulator.bill.calls == 1


def test_rate_limit_with_and_without_retry_after(client: Client, simulator: Simulator) -> None:
    simulator.faults.extend([{"kind": "rate-limit", "nth": 1, "retry_after_s": 7}, {"kind": "rate-limit", "nth": 1}])
    answers = [client.predict(), client.predict(), client.predict()]
    assert [answer.status_code for answer in answers] == [429, 429, 201]
    assert [answer.headers.get("retry-after") for answer in answers] == ["7", None, None]


def test_server_error_and_malformed_json(client: Client, simulator: Simulator) -> None:
    job = client.predict().json()["id"]
    simulator.faults.extend(
        [{"kind": "server-error", "moment": "poll", "status": 503, "count": 1}, {"kind": "malformed", "moment": "poll"}]
    )
    answers = [client.http.get(f"/replicate/v1/predictions/{job}") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [503, 200]
    with pytest.raises(json.JSONDecodeError):
        answers[1].json()


def test_answers_can_be_spelled_out(client: Client, simulator: Simulator) -> None:
    body = {"detail": "Slow down", "status": 429, "retry_after": 5}
    simulator.faults.extend(
        [
            {"kind": "answer", "status": 429, "body": body, "headers": {"Retry-After": "5"}, "count": 1},
            {"kind": "answer", "status": 502, "body": "<html>nginx</html>"},
        ]
    )
    answers = [client.predict(), client.predict()]
    assert (answers[0].status_code, answers[0].json(), answers[0].headers["retry-after"]) == (429, body, "5")
    assert (answers[1].status_code, answers[1].text) == (502, "<html>nginx</html>")
    assert answers[1].headers["content-type"].startswith("text/html")


def test_latency_is_added(client: Client, simulator: Simulator) -> None:
    simulator.faults.add("latency", moment="received", seconds=0.3)
    with pytest.raises(httpx.ReadTimeout):
        client.http.post(FLUX, json={"input": {"prompt": "x"}}, timeout=0.1)


def test_a_request_from_before_a_reset_meets_no_fault_from_after_it(client: Client, simulator: Simulator) -> None:
    simulator.faults.add("latency", moment="received", seconds=0.3)
    with pytest.raises(httpx.ReadTimeout):
        client.http.post(FLUX, json={"input": {"prompt": "x"}}, timeout=0.1)
    simulator.reset()
    simulator.faults.extend([{"kind": "endless-queue", "count": 1}])
    time.sleep(0.6)
    client.http.post(FLUX, json={"input": {"prompt": "x"}})
    assert [job["phase"] for job in simulator.jobs] == ["queued"]


# ---- jobs that go wrong ----


@pytest.mark.parametrize(
    ("kind", "status", "billed"),
    [("job-failed", "failed", False), ("canceled", "canceled", True), ("aborted", "aborted", False)],
)
def test_jobs_end_badly(client: Client, simulator: Simulator, kind: str, status: str, billed: bool) -> None:
    simulator.faults.add(kind)
    job = client.predict().json()["id"]
    assert client.status(job)["status"] == status
    assert [entry.billed for entry in simulator.bill.entries] == [billed]


def test_failure_has_the_text_asked_for(client: Client, simulator: Simulator) -> None:
    simulator.faults.add("job-failed", error="Prediction interrupted; please retry (code: PA)")
    assert client.predict().json()["error"] == "Prediction interrupted; please retry (code: PA)"


def test_endless_queue_and_unknown_status(client: Client, simulator: Simulator) -> None:
    simulator.faults.extend(
        [{"kind": "endless-queue", "count": 1}, {"kind": "unknown-status"}, {"kind": "slow-job", "seconds": 60}]
    )
    body = {"input": {"prompt": "x"}}
    jobs = [client.http.post(FLUX, json=body).json()["id"] for _ in range(2)]
    assert [client.status(job)["status"] for job in jobs] == ["warming", "warming"]
    assert [job["phase"] for job in simulator.jobs] == ["queued", "running"]


def test_requeue_goes_back_to_the_queue(client: Client, simulator: Simulator) -> None:
    simulator.faults.extend([{"kind": "requeue"}, {"kind": "slow-job", "seconds": 60}])
    headers = {"Authorization": "Key test-token"}
    handle = client.http.post("/fal/fal-ai/flux/dev", json={"prompt": "x"}, headers=headers).json()
    seen = [client.http.get(handle["status_url"], headers=headers).json()["status"] for _ in range(3)]
    assert seen == ["IN_PROGRESS", "IN_QUEUE", "IN_PROGRESS"]


def test_ignored_cancel_lets_the_job_finish_and_bills_it(client: Client, simulator: Simulator) -> None:
    simulator.faults.extend([{"kind": "ignore-cancel"}, {"kind": "slow-job", "seconds": 0.1}])
    job = client.http.post(FLUX, json={"input": {"prompt": "x"}}).json()["id"]
    assert client.http.post(f"/replicate/v1/predictions/{job}/cancel").json()["status"] == "processing"
    while client.status(job)["status"] == "processing":
        pass
    assert client.status(job)["status"] == "succeeded"
    assert simulator.bill.usd > 0


def test_no_output(client: Client, simulator: Simulator) -> None:
    simulator.faults.add("no-output")
    assert client.predict().json()["output"] == []
    assert client.fal("fal-ai/flux/dev", prompt="x")["images"] == []
    assert client.speak().content == b""


# ---- rules ----


def test_rules_match_provider_endpoint_text_and_count(client: Client, simulator: Simulator) -> None:
    simulator.faults.extend(
        [
            {"kind": "refusal", "provider": "elevenlabs"},
            {"kind": "black", "endpoint": "*/flux-dev"},
            {"kind": "rate-limit", "contains": "storm", "count": 1},
        ]
    )
    answers = [
        client.predict("calm").status_code,
        client.predict("a storm").status_code,
        client.predict("a storm").status_code,
    ]
    assert answers == [201, 429, 201]
    assert client.speak().status_code == 400
    assert simulator.faults.struck == {"rate-limit": 1, "refusal": 1}


def test_nth_poll_of_a_job(client: Client, simulator: Simulator) -> None:
    simulator.faults.add("server-error", moment="poll", poll=2)
    job = client.predict().json()["id"]
    codes = [client.http.get(f"/replicate/v1/predictions/{job}").status_code for _ in range(3)]
    assert codes == [200, 500, 200]


def test_chance_follows_the_request_and_not_the_order() -> None:
    rule = Rule(kind="reset", p=0.3)
    subjects = [str(number) for number in range(400)]

    def struck(order: list[str], seed: int) -> set[str]:
        faults = Faults([rule], seed=seed)
        return {subject for subject in order if list(faults.draw("received", Occasion("fal", "x", subject)))}

    assert struck(subjects, 1) == struck(subjects[::-1], 1)
    assert struck(subjects, 1) != struck(subjects, 2)
    assert 80 < len(struck(subjects, 1)) < 160


def test_repeated_requests_draw_anew() -> None:
    faults = Faults([Rule(kind="reset", p=0.5)])
    drawn = [len(list(faults.draw("received", Occasion("fal", "x", "same")))) for _ in range(50)]
    assert 10 < sum(drawn) < 40


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"kind": "explode"}, "kind 'explode' is not one of latency, rate-limit"),
        ({"kind": "slow", "moment": "poll"}, "slow strikes at download, not at 'poll'"),
        ({"kind": "reset", "p": 2}, "p: Input should be less than or equal to 1"),
        ({"kind": "reset", "who": 1}, "who: Extra inputs are not permitted"),
        ({"kind": "kill"}, "kill needs pid or pid_file"),
        ({"kind": "pause"}, "pause needs marker"),
    ],
)
def test_bad_rules_are_refused(simulator: Simulator, rule: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        simulator.faults.extend([{"kind": "reset"}, rule])
    assert "rule 2" in str(caught.value)
    assert text in str(caught.value)


def test_fault_file(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(
        'seed = 4\nlatency = "queue=0,run=0"\n[[fault]]\nkind = "rate-limit"\ncount = 1\n'
        '[[model]]\nids = ["replicate:me/mine"]\nkind = "image"\nsize = "64x48"\nprice = "0.25/image"\noutput = "one"\n'
        "[limit.elevenlabs]\nper_minute = 1\n"
    )
    with Simulator(faults=path) as simulator:
        client = Client(simulator.url)
        codes = [
            client.http.post("/replicate/v1/models/me/mine/predictions", json={"input": {}}).status_code
            for _ in range(2)
        ]
        limited = [client.speak().status_code, client.speak()]
        usd = simulator.bill.of(provider="replicate").usd
        client.http.close()
        client.plain.close()
    assert codes == [429, 201]
    assert limited[0] == 200
    assert limited[1].status_code == 429
    assert 0 < int(limited[1].headers["retry-after"]) <= 60
    assert str(usd) == "0.25"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fault = 3 4", "Give a TOML or JSON file"),
        ("faults = []", "unknown key 'faults'. The keys are fault, seed, model, latency, limit."),
        ('[[fault]]\nkind = "no"', "rule 1"),
    ],
)
def test_bad_fault_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "faults.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_faults(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_every_kind_is_described() -> None:
    page = (Path(__file__).parents[2] / "docs" / "testing.md").read_text("utf-8")
    assert [name for name in (*KINDS, *MOMENTS) if f"`{name}`" not in page] == []
