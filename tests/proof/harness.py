"""Kill the client at chosen or random moments, restart it until it is finished, and compare the bill.

`make proof` runs every moment and 200 random times and writes docs/proof.md; the tests run a reduced set.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefect_media.ledger import Ledger
from prefect_media.testing.simulator import Simulator
from tests.nothing_here import empty_api

ROWS = [
    ("replicate", 1),
    ("fal", 1),
    ("video", 1),
    ("openai", 1),
    ("speech", 1),
    ("replicate", 2),
    ("fal", 2),
    ("speech", 2),
]
RESTARTS = 12


@dataclass
class Outcome:
    """What one run with its kills came to."""

    name: str
    kills: int = 0
    accepted: int = 0
    extra: int = 0
    recorded: int = 0
    held: int = 0
    lost: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def fine(self) -> bool:
        """Whether nothing was bought twice unrecorded, nothing was lost, and the outputs are those of a quiet run."""
        return self.extra <= self.recorded and not self.lost and not self.wrong


class Zygote:
    """A process that has imported everything and forks clients as they are ordered."""

    def __init__(self) -> None:
        self._open = contextlib.ExitStack()
        api = self._open.enter_context(empty_api())
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("workload.py")), api],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._read() == "ready"

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def run(self, order: dict[str, Any], kill_after_s: float | None = None) -> int:
        """Run one client to its end or its death; return its exit code."""
        return self.run_all([order], kill_after_s)[0]

    def run_all(self, orders: list[dict[str, Any]], kill_after_s: float | None = None) -> list[int]:
        """Run clients at the same time, the first of which may be killed; return their exit codes."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(orders) + "\n")
        self._process.stdin.flush()
        pid = json.loads(self._read())[0]
        timer = threading.Timer(kill_after_s, _kill, [pid]) if kill_after_s is not None else None
        if timer:
            timer.start()
        codes = json.loads(self._read())
        if timer:
            timer.cancel()
        return codes

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=30)
        self._open.close()


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class Bench:
    """Runs the workload with kills against a simulator, each time from an empty home."""

    def __init__(self, folder: Path, rows: list[tuple[str, int]] | None = None, latency: float = 0.15) -> None:
        self.folder = folder
        self.rows = rows or ROWS
        self.zygote = Zygote()
        self.simulator = Simulator(latency=latency, allow_hooks=True, process=True)
        self.expected: dict[str, Any] = {}
        self.quiet_s = 0.0
        self._runs = 0

    def __enter__(self) -> Bench:
        self.simulator.__enter__()
        began = time.monotonic()
        quiet = self.run("quiet")
        self.quiet_s = time.monotonic() - began
        assert quiet.kills == 0, quiet
        self.expected = json.loads((self.folder / "run-1" / "outcome.json").read_text())
        assert all(len(made[0]) == 64 for made in self.expected.values()), self.expected
        self.calls = quiet.accepted
        return self

    def __exit__(self, *_: object) -> None:
        self.simulator.stop()
        self.zygote.close()

    def run(
        self, name: str, rules: list[dict[str, Any]] | None = None, random_kills: random.Random | None = None,
        before_sending: int = 0,
    ) -> Outcome:  # fmt: skip
        """Run the workload until it is finished, with the kills that are asked for."""
        self._runs += 1
        home = self.folder / f"run-{self._runs}"
        home.mkdir(parents=True)
        self.simulator.reset()
        outcome = Outcome(name)
        order: dict[str, Any] = {
            "environment": {**self.simulator.env, "PREFECT_MEDIA_HOME": str(home)}, "results": str(home / "results"),
            "rows": self.rows, "outcome": str(home / "outcome.json"), "pid_file": str(home / "pid"),
            "kill_before_sending": before_sending,
        }  # fmt: skip
        for rule in rules or ():
            self.simulator.faults.add("kill", pid_file=str(home / "pid"), **rule)
        for _ in range(RESTARTS):
            kill_after = None
            if random_kills is not None and outcome.kills < 3:
                kill_after = random_kills.uniform(0.05, self.quiet_s)
            code = self.zygote.run(order, kill_after)
            order["kill_before_sending"] = 0
            if code == -signal.SIGKILL:
                outcome.kills += 1
                continue
            assert code == 0, (home / "outcome.error").read_text()
            if not self._resolve_held(home, outcome):
                break
        else:
            outcome.wrong.append(f"not finished after {RESTARTS} restarts")
        self._judge(home, outcome)
        return outcome

    def run_twice_at_once(self, name: str) -> Outcome:
        """Run the workload in two processes with one home at the same time."""
        self._runs += 1
        home = self.folder / f"run-{self._runs}"
        home.mkdir(parents=True)
        self.simulator.reset()
        order: dict[str, Any] = {
            "environment": {**self.simulator.env, "PREFECT_MEDIA_HOME": str(home)}, "rows": self.rows,
        }  # fmt: skip
        orders = [
            {**order, "results": str(home / f"results-{n}"), "outcome": str(home / f"outcome{n}.json"), "pid_file": str(home / f"pid{n}")}
            for n in ("", "-2")
        ]  # fmt: skip
        codes = self.zygote.run_all(orders)
        outcome = Outcome(name)
        assert codes == [0, 0], codes
        self._judge(home, outcome)
        if json.loads((home / "outcome-2.json").read_text()) != self.expected:
            outcome.wrong.append("the second process got something else")
        return outcome

    def _resolve_held(self, home: Path, outcome: Outcome) -> bool:
        """Do what the error asks the user to do: look at the provider's list and say what happened."""
        ledger = Ledger(f"sqlite:///{home / 'ledger.db'}")
        held = list(ledger.calls.listing(state="held"))
        for call in held:
            outcome.held += 1
            known = {
                attempt.job.remote_id
                for found in ledger.calls.listing()
                for attempt in ledger.calls.attempts(found.key)
                if attempt.job
            }
            prompt = str(call.parameters.get("prompt") or call.parameters.get("text"))
            jobs = [
                job
                for job in self.simulator.jobs
                if prompt in json.dumps(job) and job["id"] not in known and job["provider"] == call.provider
            ]
            ledger.resolve(
                call.key,
                f"submitted:{jobs[0]['id']}"
                if jobs and call.provider == "fal"
                else "lost"
                if jobs
                else "not-submitted",
            )
            if jobs and call.provider != "fal":
                outcome.recorded += 1  # bought, and by the provider's nature not to be had any more
        ledger.close()
        return bool(held)

    def _judge(self, home: Path, outcome: Outcome) -> None:
        bill = self.simulator.bill
        outcome.accepted = bill.calls
        outcome.extra = bill.calls - self.calls if self.expected else 0
        ledger = Ledger(f"sqlite:///{home / 'ledger.db'}")
        for call in ledger.calls.listing():
            attempts = ledger.calls.attempts(call.key)
            outcome.recorded += sum(attempt.possible_duplicate for attempt in attempts)
            outcome.lost += call.state != "done"
        ledger.close()
        made = json.loads((home / "outcome.json").read_text())
        for name, expected in self.expected.items():
            if made.get(name) != expected:
                outcome.wrong.append(f"{name}: {made.get(name)}")


def at_moments(bench: Bench) -> list[Outcome]:
    """Kill once at each moment of each provider's protocol."""
    outcomes = [bench.run("before sending", before_sending=nth) for nth in (1, 4)]
    outcomes = [Outcome("before sending, all", kills=sum(o.kills for o in outcomes), accepted=outcomes[0].accepted,
                        extra=sum(o.extra for o in outcomes), recorded=sum(o.recorded for o in outcomes),
                        held=sum(o.held for o in outcomes), lost=sum(o.lost for o in outcomes),
                        wrong=[w for o in outcomes for w in o.wrong])]  # fmt: skip
    for provider, moments in PROTOCOLS.items():
        for moment in moments:
            rule: dict[str, Any] = {"provider": provider, "moment": moment, "count": 1}
            outcomes.append(bench.run(f"{moment}, {provider}", [rule]))
    # A video is dear enough to be held: whoever runs it looks at the provider's list and says what happened.
    for moment in ("received", "accepted"):
        rule = {"provider": "fal", "endpoint": "*kling*", "moment": moment, "count": 1}
        outcomes.append(bench.run(f"{moment}, fal video", [rule]))
    return outcomes


PROTOCOLS = {
    "replicate": ("received", "accepted", "answered", "poll", "download", "downloaded"),
    "fal": ("received", "accepted", "answered", "poll", "result", "download", "downloaded"),
    "openai": ("received", "accepted", "answered"),
    "elevenlabs": ("received", "accepted", "answered"),
}


def table(outcomes: list[Outcome]) -> str:
    """Return the outcomes as a markdown table."""
    lines = [
        "| killed at | kills | accepted | more than uninterrupted | recorded as possible duplicates | held, then resolved | lost results | verdict |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for o in outcomes:
        verdict = "as promised" if o.fine else "; ".join(o.wrong) or "WRONG"
        lines.append(
            f"| {o.name} | {o.kills} | {o.accepted} | {o.extra} | {o.recorded} | {o.held} | {o.lost} | {verdict} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Run the whole proof and write the page."""
    import tempfile

    parser = argparse.ArgumentParser()
    parser.add_argument("--random", type=int, default=200)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Bench(Path(folder)) as bench:
        outcomes = at_moments(bench)
        print(table(outcomes), flush=True)
        total = Outcome("random times")
        seeds = random.Random(7)
        runs = 0
        while total.kills < options.random:
            one = bench.run(f"random {runs}", random_kills=random.Random(seeds.random()))
            runs += 1
            for name, count in Counter(
                {key: getattr(one, key) for key in ("kills", "accepted", "extra", "recorded", "held", "lost")}
            ).items():
                setattr(total, name, getattr(total, name) + count)
            total.wrong += one.wrong
            if not one.fine:
                print(one, flush=True)
        total.name = f"random times, {runs} batches of {bench.calls} calls"
        outcomes.append(total)
    text = table(outcomes)
    print(text)
    if options.write:
        page = options.write.read_text()
        start, end = page.index("<!-- table -->"), page.index("<!-- end -->")
        options.write.write_text(page[:start] + "<!-- table -->\n\n" + text + "\n\n" + page[end:])
    return 0 if all(o.fine for o in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
