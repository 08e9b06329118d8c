"""Outputs that are not what was promised, or do not arrive whole: what docs/testing.md says, over real connections."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import av
import httpx
import numpy as np
import pytest
from PIL import Image

from prefect_media.media.measure import measure
from prefect_media.testing import Simulator

from .client import Client

# ---- outputs that are not what was promised ----


def frames_of(data: bytes) -> list[np.ndarray[Any, Any]]:
    with av.open(io.BytesIO(data)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]


def samples_of(data: bytes) -> np.ndarray[Any, Any]:
    with av.open(io.BytesIO(data)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)


def test_black_picture(client: Client, simulator: Simulator) -> None:
    good = np.asarray(Image.open(io.BytesIO(client.output().content)))
    simulator.faults.add("black")
    bad = np.asarray(Image.open(io.BytesIO(client.output().content)))
    assert good.std() > 20
    assert bad.max() == 0


def test_black_picture_of_fal_says_so(client: Client, simulator: Simulator) -> None:
    simulator.faults.add("black")
    assert client.fal("fal-ai/flux/dev", prompt="x")["has_nsfw_concepts"] == [True]


def test_silent_audio(client: Client, simulator: Simulator) -> None:
    assert np.abs(samples_of(client.speak().content)).max() > 0.1
    simulator.faults.add("silent")
    assert np.abs(samples_of(client.speak().content)).max() < 1e-4


@pytest.mark.parametrize(("kind", "moves", "lit"), [("", True, True), ("frozen", False, True), ("black", False, False)])
def test_frozen_and_black_video(client: Client, simulator: Simulator, kind: str, moves: bool, lit: bool) -> None:
    if kind:
        simulator.faults.add(kind)
    video = client.fal("fal-ai/stable-video", image_url="data:,x")["video"]
    frames = frames_of(client.plain.get(video["url"]).content)
    assert len(frames) == 25
    assert bool(np.abs(frames[0].astype(int) - frames[12]).mean() > 5) is moves
    assert bool(frames[0].std() > 5) is lit


def test_wrong_size_and_wrong_type(client: Client, simulator: Simulator) -> None:
    simulator.faults.extend([{"kind": "wrong-size", "nth": 1}, {"kind": "wrong-type", "nth": 2}])
    shapes = [measure(client.output().content) for _ in range(3)]
    assert [(shape.kind, shape.width) for shape in shapes if shape] == [("image", 512), ("audio", 0), ("image", 1024)]


# ---- delivery ----


def test_truncated_download_breaks_off(client: Client, simulator: Simulator) -> None:
    simulator.faults.add("truncated", fraction=0.3, count=1)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        client.output()
    assert measure(client.output().content) is not None


def test_honestly_truncated_file_is_short(client: Client, simulator: Simulator) -> None:
    whole = client.output().content
    simulator.faults.add("truncated", fraction=0.3, honest=True)
    assert client.output().content == whole[: int(len(whole) * 0.3)]


def test_truncated_answer_of_a_synchronous_provider(client: Client, simulator: Simulator) -> None:
    simulator.faults.add("truncated")
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        client.speak()
    assert simulator.bill.calls == 1


def test_slow_download_takes_its_time(client: Client, simulator: Simulator) -> None:
    whole = client.output().content
    simulator.faults.add("slow", bytes_per_s=len(whole) * 5)
    url = client.predict().json()["output"][0]
    with client.plain.stream("GET", url) as answer:
        chunks = list(answer.iter_raw())
    assert b"".join(chunks) == whole
    assert len(chunks) > 2


@pytest.mark.parametrize("status", [403, 404, 410])
def test_expired_output(client: Client, simulator: Simulator, status: int) -> None:
    simulator.faults.add("expired", status=status)
    assert client.output().status_code == status


def test_outputs_expire_by_the_clock() -> None:
    with Simulator(latency=0, expiry_s=0) as simulator:
        client = Client(simulator.url)
        answer = client.predict().json()
        shown = client.status(answer["id"])
        assert client.plain.get(answer["output"][0]).status_code == 404
        client.http.close()
        client.plain.close()
    assert (shown["status"], shown["output"], shown["data_removed"], shown["input"]) == ("succeeded", None, True, {})


@pytest.mark.parametrize(
    ("kind", "target"),
    [("redirect-private", "http://169.254.169.254/"), ("redirect-file", "file:///etc/passwd")],
)
def test_malicious_redirects(client: Client, simulator: Simulator, kind: str, target: str) -> None:
    simulator.faults.add(kind)
    answer = client.output()
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(target)


@pytest.mark.parametrize(
    ("kind", "target"), [("private-url", "http://169.254.169.254/"), ("file-url", "file:///etc/passwd")]
)
def test_malicious_addresses(client: Client, simulator: Simulator, kind: str, target: str) -> None:
    simulator.faults.add(kind)
    assert client.predict().json()["output"][0].startswith(target)
    assert client.fal("fal-ai/flux/dev", prompt="x")["images"][0]["url"].startswith(target)


def test_huge_announces_ten_gigabytes(client: Client, simulator: Simulator) -> None:
    simulator.faults.add("huge", seconds=60)
    url = client.predict().json()["output"][0]
    with client.plain.stream("GET", url) as answer:
        assert answer.headers["content-length"] == "10000000000"


def test_endless_stream_goes_on(client: Client, simulator: Simulator) -> None:
    simulator.faults.add("endless")
    url = client.predict().json()["output"][0]
    read = 0
    with client.plain.stream("GET", url) as answer:
        assert "content-length" not in answer.headers
        for chunk in answer.iter_raw():
            read += len(chunk)
            if read > 20_000_000:
                break
    assert simulator.bill.calls == 1  # and the simulator still answers


def test_playlist_zip_and_nothing_in_place_of_media(client: Client, simulator: Simulator) -> None:
    simulator.faults.extend([{"kind": kind, "nth": 1} for kind in ("playlist", "zip", "empty")])
    simulator.faults.clear()
    found: list[bytes] = []
    for kind in ("playlist", "zip", "empty"):
        simulator.faults.add(kind)
        found.append(client.output().content)
        simulator.faults.clear()
    assert found[0].startswith(b"#EXTM3U")
    assert zipfile.ZipFile(io.BytesIO(found[1])).namelist() == ["../../escaped.txt"]
    assert found[2] == b""


def test_path_traversing_names(client: Client, simulator: Simulator) -> None:
    simulator.faults.add("path-name")
    assert "..%2F..%2F" in client.predict().json()["output"][0]
    assert "../../../../tmp/" in client.output().headers["content-disposition"]
    assert client.fal("fal-ai/flux/dev", prompt="x")["images"][0]["file_name"].startswith("../../../../tmp/")
