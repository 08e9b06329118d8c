"""How long a plan of many rows takes, and how much memory: `python benchmarks/bench_plan.py [ROWS] [--music] [--local]`.

Nothing is sent: keys are made up, and the ledger is a new one.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time

MODELS = {
    "image_model": "fal:fal-ai/flux/schnell",
    "voice_model": "elevenlabs:eleven_multilingual_v2",
}


def rows(count: int, *, music: bool, local: bool) -> list[dict[str, object]]:
    """Return rows of `clip` that are all different."""
    models = {} if local else MODELS
    return [
        {
            "id": f"row-{number:06d}",
            "prompt": f"a lighthouse at dawn, number {number}",
            "narration": f"This is lighthouse number {number}, and it still watches over the sea.",
            "seconds": 4,
            **({"music": "calm piano"} if music else {}),
            **models,
        }
        for number in range(count)
    ]


def main() -> None:
    """Plan once, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=10_000)
    parser.add_argument(
        "--music", action="store_true", help="With music as long as the voice: three scenarios for each row."
    )
    parser.add_argument("--local", action="store_true", help="With the offline models.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(PREFECT_MEDIA_HOME=home, FAL_KEY="none", ELEVENLABS_API_KEY="none")
        from prefect_media import plan

        plan("clip", rows(20, music=given.music, local=given.local))
        many = rows(given.rows, music=given.music, local=given.local)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began, cpu = time.perf_counter(), time.process_time()
        found = plan("clip", many)
        took, used = time.perf_counter() - began, time.process_time() - cpu
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert found.ok, found.problems
    print(
        f"{given.rows} rows: {took:.1f} s ({used:.1f} s of CPU), {1000 * used / given.rows:.2f} ms a row, "
        f"{found.task_runs} task runs, peak memory +{grown:.1f} MB ({1024 * grown / given.rows:.2f} kB a row), expected {found.price.expected} USD"
    )


if __name__ == "__main__":
    main()
