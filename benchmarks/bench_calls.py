"""1,000 calls in flight in one process, beside a bare Prefect task and bare asyncio + httpx doing the same requests.

The simulator runs in a process of its own; jobs take `--seconds`. Each way runs in a fresh process, so that CPU time and memory
are its own. Figures are ratios within one run; this machine's other work moves the absolute ones.

    python benchmarks/bench_calls.py --calls 1000 --seconds 120
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from prefect_media.cli._environment import QUIET

MODEL = "fal:fal-ai/flux/dev"
SIZE = "256x256"
WAYS = ("ours", "prefect", "httpx")


def memory_kb() -> int:
    """Return what this process holds now, in kB."""
    text = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS")))


async def by_hand(number: int, client: Any, folder: Path, every_s: float) -> str:
    """Do what a careful person writes with httpx: submit, poll, fetch, save."""
    base, headers = os.environ["FAL_BASE_URL"], {"Authorization": f"Key {os.environ['FAL_KEY']}"}
    body = {"prompt": f"picture {number}", "image_size": {"width": 256, "height": 256}, "output_format": "png"}
    job = (await client.post(f"{base}/fal-ai/flux/dev", json=body, headers=headers)).raise_for_status().json()
    while True:
        status = (await client.get(job["status_url"], headers=headers)).json()
        if status["status"] == "COMPLETED":
            break
        await asyncio.sleep(every_s)
    answer = (await client.get(job["response_url"], headers=headers)).raise_for_status().json()
    picture = (await client.get(answer["images"][0]["url"])).raise_for_status().content
    path = folder / f"{number}.png"
    path.write_bytes(picture)
    return str(path)


async def watch(figures: dict[str, float], before_kb: int) -> None:
    """Note the most memory that is held while the calls are in flight."""
    while True:
        figures["peak_kb"] = max(figures.get("peak_kb", 0), memory_kb() - before_kb)
        await asyncio.sleep(0.5)


async def measure(way: str, calls: int, every_s: float, folder: Path) -> dict[str, float]:
    """Run all calls one way; return wall and CPU seconds and the growth of memory."""
    import httpx

    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    if way == "ours":
        from prefect_media.tasks import generate_image

        async def one(number: int) -> Any:
            return await generate_image(f"picture {number}", model=MODEL, size=SIZE, format="png")

        await one(-1)  # adapter, ledger and store are set up once
        client = None
    else:
        client = httpx.AsyncClient(limits=limits, timeout=120, trust_env=False)

        async def one(number: int) -> Any:
            return await by_hand(number, client, folder, every_s)

        if way == "prefect":
            from prefect import task

            one = task(persist_result=True, cache_policy=None)(one)
        await one(-1)
    before, cpu = memory_kb(), time.process_time()
    figures: dict[str, float] = {}
    watching = asyncio.ensure_future(watch(figures, before))
    began = time.monotonic()
    results = await asyncio.gather(*(one(number) for number in range(calls)), return_exceptions=True)
    figures["wall_s"] = time.monotonic() - began
    figures["cpu_s"] = time.process_time() - cpu
    watching.cancel()
    figures["failed"] = sum(isinstance(result, BaseException) for result in results)
    for error in [result for result in results if isinstance(result, BaseException)][:3]:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    if client is not None:
        await client.aclose()
    return figures


def child(way: str, calls: int, every_s: float) -> None:
    """Measure one way in this process and print its figures."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    from prefect import flow

    with tempfile.TemporaryDirectory() as folder:

        @flow(name="bench", persist_result=False)
        async def bench() -> None:
            print(json.dumps(await measure(way, calls, every_s, Path(folder))), flush=True)

        asyncio.run(bench())


def table(calls: int, ideal_s: float, found: dict[str, dict[str, float]]) -> str:
    """Return the figures of every way, CPU also as a share of ours."""
    lines = [
        f"{calls} calls in flight, jobs of {ideal_s:g} s, {os.cpu_count()} cores",
        "",
        "| way | wall / ideal | of wall beyond ideal | looks a call | CPU ms a call | CPU / ours | kB a call in flight | failed "
        "| load of the machine |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for way, figures in found.items():
        wall, cpu = figures["wall_s"], figures["cpu_s"]
        cells = (
            f"{wall / ideal_s:.2f}", f"{1 - ideal_s / wall:.0%}", f"{figures['looks']:.1f}", f"{cpu / calls * 1000:.1f}",
            f"{cpu / found['ours']['cpu_s']:.2f}", f"{figures['peak_kb'] / calls:.0f}", f"{figures['failed']:.0f}",
            f"{figures['load']:.1f}",
        )  # fmt: skip
        lines.append(f"| {way} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run every way and print the table."""
    from prefect_media.testing.simulator import Simulator

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--every", type=float, default=5, help="seconds between polls of the two bare ways")
    parser.add_argument("--way", choices=WAYS)
    options = parser.parse_args()
    if options.way:
        child(options.way, options.calls, options.every)
        return
    found: dict[str, dict[str, float]] = {}
    for way in WAYS:
        with Simulator(process=True, latency=options.seconds) as simulator, tempfile.TemporaryDirectory() as home:
            environment = {
                **os.environ, **QUIET, **simulator.env, "PREFECT_MEDIA_HOME": home, "PREFECT_HOME": f"{home}/prefect",
                "PREFECT_LOGGING_LEVEL": "WARNING",
            }  # fmt: skip
            command = [
                sys.executable,
                __file__,
                "--way",
                way,
                "--calls",
                str(options.calls),
                "--every",
                str(options.every),
            ]
            run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if not run.stdout.strip():
                sys.exit(run.stderr[-3000:])
            found[way] = json.loads(run.stdout.splitlines()[-1])
            found[way]["looks"] = sum(job["polls"] for job in simulator.jobs) / len(simulator.jobs)
            found[way]["load"] = os.getloadavg()[0]
            if run.stderr.strip():
                print(run.stderr[-600:], file=sys.stderr)
    print(table(options.calls, options.seconds, found))


if __name__ == "__main__":
    main()
