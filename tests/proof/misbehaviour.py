"""A batch of pictures, videos and speech against a simulator that misbehaves in every way it knows, each at 5 %.

    python tests/proof/misbehaviour.py --rows 300 --write docs/proof.md

It counts what must not happen: outputs that are wrong, purchases that the ledger does not know, results that were paid for
and are neither kept nor still to be had.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from workload import SETTINGS

FLUX = ["replicate:black-forest-labs/flux-schnell", "fal:fal-ai/flux/dev", "local:landscape"]
KLING = ["fal:fal-ai/kling-video/v2.5-turbo/pro/image-to-video", "local:ken-burns"]
SPEECH = ["elevenlabs:eleven_multilingual_v2", "openai:gpt-4o-mini-tts", "local:voice"]
NEVER_HANDED_OUT = "Cannot fetch an output"
"""The provider made it, but every try to fetch it met a broken file, an endless stream or a refused address."""
LEFT_OUT = {"mark", "pause", "kill", "no-money", "auth", "latency", "slow"}
"""Hooks; and what stops a whole account rather than one call, or is only slow."""


def impatient_cards(home: Path) -> None:
    """Lower the deadlines of the models in use, so that endless queues end within the test."""
    from prefect_media.adapters.catalogue import entries

    (home / "cards").mkdir(parents=True)
    for number, model in enumerate([*FLUX, *KLING, *SPEECH]):
        text = entries()[model].path.read_text()
        if model.startswith("local:"):
            continue
        text = re.sub(r"deadline_s = [\d.]+", "deadline_s = 25.0", text)
        if "[times]" not in text:
            text += "\n[times]\nexpected_s = 2.0\ndeadline_s = 25.0\n"
        (home / "cards" / f"{number}.toml").write_text(text)


async def row(number: int, gate: asyncio.Semaphore) -> Any:
    """Make one row: a picture, a video of a picture, or speech."""
    from prefect_media.tasks import generate_image, generate_speech, generate_video

    async with gate:
        prompt = f"row {number}"
        if number % 3 == 0:
            return await generate_image(prompt, model=FLUX, size="512x512")
        if number % 3 == 1:
            image = await generate_image(prompt, model="local:landscape", size="640x360")
            return await generate_video(prompt, image=image, model=KLING, seconds=5)
        return await generate_speech(f"This is {prompt}.", model=SPEECH)


async def run(rows: int, concurrency: int) -> list[Any]:
    """Run all rows; errors are results."""
    gate = asyncio.Semaphore(concurrency)
    return await asyncio.gather(*(row(number, gate) for number in range(rows)), return_exceptions=True)


def wrong(number: int, result: Any) -> str:
    """Return what is wrong with a row's output; empty when nothing is."""
    from prefect_media.media.quality import check_output

    if isinstance(result, BaseException):
        return ""
    try:
        check_output(result)
    except Exception as exc:
        return f"row {number}: {exc}"
    if number % 3 == 0 and result.size != (512, 512):
        return f"row {number}: size {result.size}"
    if number % 3 == 1 and abs(result.duration_s - 5) > 0.7:
        return f"row {number}: {result.duration_s} s"
    return ""


def judge(results: list[Any], simulator: Any) -> dict[str, Any]:
    """Compare results, ledger and bill."""
    from prefect_media.ledger import Ledger

    ledger = Ledger.current()
    attempts = [attempt for call in ledger.calls.listing() for attempt in ledger.calls.attempts(call.key)]
    known = {attempt.job.remote_id: attempt for attempt in attempts if attempt.job is not None}
    unanswered = sum(
        attempt.job is None and str(attempt.state) in ("abandoned", "held", "unknown") for attempt in attempts
    )
    jobs = simulator.jobs
    strangers = [job for job in jobs if job["id"] not in known and job["phase"] == "succeeded"]
    lost = [
        job for job in jobs
        if job["id"] in known and job["phase"] == "succeeded" and not job["faults"]
        and str(known[job["id"]].state) not in ("done", "submitted", "running", "canceled")
        and not str(known[job["id"]].error).startswith(NEVER_HANDED_OUT)
    ]  # fmt: skip
    return {
        "rows": len(results),
        "failed rows": sum(isinstance(result, BaseException) for result in results),
        "degraded rows": sum(bool(getattr(getattr(r, "made", None), "degraded_from", ())) for r in results),
        "accepted by the providers": len(jobs),
        "possible duplicates recorded": sum(attempt.possible_duplicate for attempt in attempts),
        "wrong outputs": [line for line in (wrong(*pair) for pair in enumerate(results)) if line],
        "purchases the ledger does not know": max(0, len(strangers) - unanswered),
        "lost paid results": [
            {**job, "payload": None, "ledger": str(known[job["id"]].state), "error": known[job["id"]].error}
            for job in lost
        ],
        "faults struck": simulator.faults.struck,
        "errors": Counter(f"{type(r).__name__}: {r}"[:160] for r in results if isinstance(r, BaseException)),
    }


def table(found: dict[str, Any]) -> str:
    """Return the counts for the page of proofs."""
    counted = {name: value for name, value in found.items() if name not in ("faults struck", "errors")}
    lines = ["| what | count |", "|---|---|"]
    lines += [f"| {name} | {len(value) if isinstance(value, list) else value} |" for name, value in counted.items()]
    struck = ", ".join(f"{kind} {count}" for kind, count in sorted(found["faults struck"].items()))
    return "\n".join([*lines, "", f"Faults that struck: {struck}."])


def publish(page: Path, text: str) -> None:
    """Put the counts into their place in a page."""
    start, end = "<!-- misbehaviour -->", "<!-- end misbehaviour -->"
    before, _, rest = page.read_text("utf-8").partition(start)
    page.write_text(f"{before}{start}\n\n{text}\n\n{end}{rest.partition(end)[2]}", "utf-8")


def main() -> int:
    """Run the batch and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--concurrency", type=int, default=24)
    parser.add_argument("--p", type=float, default=0.05)
    parser.add_argument("--write", type=Path, help="page to put the counts into")
    options = parser.parse_args()
    os.environ.update(SETTINGS)
    from prefect.events.clients import AssertingEventsClient
    from prefect.events.worker import EventsWorker
    from prefect.settings import PREFECT_LOCAL_STORAGE_PATH, temporary_settings

    from prefect_media.testing.faults import KINDS
    from prefect_media.testing.simulator import Simulator

    EventsWorker.set_client_override(AssertingEventsClient)
    with tempfile.TemporaryDirectory() as home, Simulator(process=True, latency=0.2) as simulator:
        os.environ.update(simulator.env, PREFECT_MEDIA_HOME=home, PREFECT_MEDIA_RESUBMIT_BELOW="1")
        impatient_cards(Path(home))
        for kind, moments in KINDS.items():
            if kind in LEFT_OUT:
                continue
            for moment in moments if moments != ("job",) else ("job",):
                if (kind, moment) == ("rate-limit", "accepted"):
                    continue  # a provider that refuses and charges all the same cannot be told from one that refuses
                simulator.faults.add(kind, p=options.p / len(moments), moment=moment, seconds=2, retry_after_s=1)
        began = time.monotonic()
        with temporary_settings({PREFECT_LOCAL_STORAGE_PATH: Path(home) / "results"}):
            results = asyncio.run(run(options.rows, options.concurrency))
        found = judge(results, simulator)
    found["seconds"] = round(time.monotonic() - began)
    print(json.dumps(found, indent=1, default=str))
    if options.write:
        publish(options.write, table(found))
    return int(
        bool(found["wrong outputs"] or found["purchases the ledger does not know"] or found["lost paid results"])
    )


if __name__ == "__main__":
    sys.exit(main())
