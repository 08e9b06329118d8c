"""A client that asks the simulator as the providers' users do."""

from __future__ import annotations

from typing import Any

import httpx

__all__ = ["FLUX", "SPEECH", "Client"]

FLUX = "/replicate/v1/models/black-forest-labs/flux-schnell/predictions"
SPEECH = "/elevenlabs/v1/text-to-speech/21m00Tcm4TlvDq8ikWAM"


class Client:
    """A few requests in the providers' forms."""

    def __init__(self, root: str) -> None:
        headers = {"Authorization": "Bearer test-token", "xi-api-key": "test-token"}
        self.http = httpx.Client(base_url=root, headers=headers, timeout=5, verify=False)
        self.plain = httpx.Client(timeout=5, verify=False)

    def predict(self, prompt: str = "a lighthouse", **headers: str) -> httpx.Response:
        body = {"input": {"prompt": prompt, "output_format": "png"}}
        return self.http.post(FLUX, json=body, headers={"Prefer": "wait", **headers})

    def output(self, prompt: str = "a lighthouse") -> httpx.Response:
        return self.plain.get(self.predict(prompt).json()["output"][0])

    def status(self, job: str) -> dict[str, Any]:
        return self.http.get(f"/replicate/v1/predictions/{job}").json()

    def fal(self, endpoint: str, **payload: Any) -> dict[str, Any]:
        headers = {"Authorization": "Key test-token"}
        return self.http.post(f"/fal/_sync/{endpoint}", json=payload, headers=headers).raise_for_status().json()

    def speak(self, text: str = "hello there") -> httpx.Response:
        return self.http.post(SPEECH, json={"text": text})
