"""The batch that the kill tests run: calls to four providers, one of them fed by another, in one process without a server.

Run as a program it stays in the background and forks a child for each order of a line on standard input, side by side, so that a
restart costs milliseconds instead of the seconds that imports take. A child prints nothing; it writes what it made to a file.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

SETTINGS = {
    "PREFECT_API_URL": "http://127.0.0.1:9/api",
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "DO_NOT_TRACK": "1",
}

# What a child needs, some of it only while it works: imported once.
USED = (
    "PIL.ImageCms", "anyio._backends._asyncio", "av", "numpy", "prefect.events.worker", "prefect.task_engine",
    "prefect.telemetry.run_telemetry", "prefect.utilities.visualization", "prefect_media.adapters.elevenlabs",
    "prefect_media.adapters.fal", "prefect_media.adapters.openai", "prefect_media.adapters.replicate", "prefect_media.tasks",
)  # fmt: skip

FLUX_R = "replicate:black-forest-labs/flux-schnell"
FLUX_F = "fal:fal-ai/flux/dev"
KLING = "fal:fal-ai/kling-video/v2.5-turbo/pro/image-to-video"
GPT = "openai:gpt-image-2"
SPEECH = "elevenlabs:eleven_multilingual_v2"


async def one(kind: str, number: int) -> list[Any]:
    """Make everything of one row; the digests of the media are the outcome."""
    from prefect_media.tasks import generate_image, generate_speech, generate_video

    prompt = f"{kind} number {number}"
    match kind:
        case "replicate":
            made = [await generate_image(prompt, model=FLUX_R, aspect_ratio="1:1", format="png")]
        case "fal":
            made = [await generate_image(prompt, model=FLUX_F, size="512x512", format="png")]
        case "video":
            image = await generate_image(prompt, model=FLUX_R, aspect_ratio="16:9", format="png")
            made = [image, await generate_video(prompt, image=image, model=KLING, seconds=5)]
        case "openai":
            made = [await generate_image(prompt, model=GPT, size="1024x1024", options={"quality": "low"})]
        case _:
            made = [await generate_speech(prompt, model=SPEECH)]
    return [item.digest for item in made]


async def work(rows: list[tuple[str, int]], outcome: Path) -> None:
    """Run rows side by side and write what each came to: digests, or the error's class and text."""
    results = await asyncio.gather(*(one(kind, number) for kind, number in rows), return_exceptions=True)
    lines = {
        f"{kind}-{number}": result if isinstance(result, list) else [type(result).__name__, str(result)]
        for (kind, number), result in zip(rows, results, strict=True)
    }
    partial = outcome.with_suffix(".part")
    partial.write_text(json.dumps(lines))
    partial.replace(outcome)


def kill_before_sending(nth: int) -> None:
    """Kill this process after the nth intent is durable and before its request leaves."""
    from prefect_media.tasks import _submit

    answered, seen = _submit._answered, 0

    async def killed(*args: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return await answered(*args)

    _submit._answered = killed


def child(order: dict[str, Any]) -> None:
    """Run one order in this process."""
    os.environ.update(order["environment"])
    Path(order["pid_file"]).write_text(str(os.getpid()))
    from prefect.events.clients import AssertingEventsClient
    from prefect.events.worker import EventsWorker

    EventsWorker.set_client_override(AssertingEventsClient)
    from prefect_media.tasks import _reconcile

    _reconcile.LOOKS_S = (0.1, 0.4)  # the simulator lists at once; hundreds of restarts need not wait as for a provider
    _reconcile.LISTED_AFTER = 0.0
    if order.get("kill_before_sending"):
        kill_before_sending(order["kill_before_sending"])
    from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings

    with temporary_settings({PREFECT_LOCAL_STORAGE_PATH: Path(order["results"])}):
        asyncio.run(work([tuple(row) for row in order["rows"]], Path(order["outcome"])))


def forked(order: dict[str, Any]) -> int:
    """Run an order in a child and return its process id."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            child(order)
            code = 0
        except BaseException as exc:
            Path(order["outcome"]).with_suffix(".error").write_text(f"{type(exc).__name__}: {exc}")
        finally:
            os._exit(code)
    return pid


def main() -> None:
    """Fork a child for each order of a line; print their process ids, and at the end their exit codes.

    The argument is the address of a Prefect API, which may know nothing.
    """
    os.environ.update({**SETTINGS, "PREFECT_API_URL": sys.argv[1]})
    for name in USED:
        importlib.import_module(name)

    print("ready", flush=True)
    for line in sys.stdin:
        pids = [forked(order) for order in json.loads(line)]
        print(json.dumps(pids), flush=True)
        print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]), flush=True)


if __name__ == "__main__":
    main()
