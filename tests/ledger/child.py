"""Programs that tests run in processes of their own: `python child.py PROGRAM URL ...`. They speak in lines."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from random import Random

from prefect_media.adapters.base import Job
from prefect_media.errors import BudgetExceeded
from prefect_media.ledger import Budget, Busy, CallSpec, Claimed, Ledger


def say(*words: object) -> None:
    print(*words, flush=True)


def spec(number: int) -> CallSpec:
    return CallSpec(f"{number:064x}", "fal:m", "text-to-image", "fal", {"prompt": "x"})


def wait_for_start() -> None:
    say("ready")
    sys.stdin.readline()


def steps(url: str) -> None:
    """Take one call through its life; a line after each durable step, then wait to be told, or killed."""
    ledger = Ledger(url)
    claimed = ledger.calls.claim(spec(1))
    assert isinstance(claimed, Claimed)
    pause("claimed")
    attempt = ledger.journal.intend(claimed.claim, estimate=Decimal("0.5"), budgets=[Budget("cap", Decimal(10))])
    pause("intended")
    ledger.journal.submitted(attempt, Job(provider="fal", remote_id="job-1", card_id="fal:m"))
    pause("submitted")
    ledger.journal.progressed(claimed.claim, attempt)
    pause("running")
    ledger.journal.done(claimed.claim, attempt, ["text"], cost=Decimal("0.25"))
    pause("done")


def pause(word: str) -> None:
    say(word)
    sys.stdin.readline()


def race(url: str, calls: str) -> None:
    """Claim many calls as fast as possible; say which ones were won, and make them."""
    ledger = Ledger(url)
    wait_for_start()
    for number in range(int(calls)):
        outcome = ledger.calls.claim(spec(number))
        if isinstance(outcome, Claimed):
            attempt = ledger.journal.intend(outcome.claim, estimate=Decimal("0.01"))
            say("won", number)
            ledger.journal.done(outcome.claim, attempt, ["text"], cost=Decimal("0.01"))
        else:
            say("busy" if isinstance(outcome, Busy) else "done", number)
    ledger.close()


def spend(url: str, seed: str, threads: str, tries: str) -> None:
    """Spend from one budget in many threads until it is used up, with every kind of outcome."""
    ledger = Ledger(url)
    budget = Budget("shared", Decimal(3))
    counts = {"sent": 0, "exceeded": 0}
    lock = threading.Lock()
    wait_for_start()

    def work(thread: int) -> None:
        random = Random(f"{seed}/{thread}")
        for turn in range(int(tries)):
            number = (int(seed) * 100 + thread) * 1000 + turn
            claimed = ledger.calls.claim(spec(number))
            assert isinstance(claimed, Claimed)
            price = Decimal(random.randint(1, 200)) / 1000
            try:
                attempt = ledger.journal.intend(claimed.claim, estimate=price, budgets=[budget])
            except BudgetExceeded:
                with lock:
                    counts["exceeded"] += 1
                ledger.calls.release(claimed.claim)
                continue
            with lock:
                counts["sent"] += 1
            match random.choice(["done", "cheaper", "unknown cost", "free failure", "stays open"]):
                case "done":
                    ledger.journal.done(claimed.claim, attempt, ["x"], cost=price)
                case "cheaper":
                    ledger.journal.done(claimed.claim, attempt, ["x"], cost=price / 2)
                case "unknown cost":
                    ledger.journal.done(claimed.claim, attempt, ["x"], cost=None)
                case "free failure":
                    ledger.journal.failed(claimed.claim, attempt, RuntimeError("no"), billed=False)
                    ledger.calls.release(claimed.claim)
                case _:
                    pass

    with ThreadPoolExecutor(int(threads)) as pool:
        for future in [pool.submit(work, thread) for thread in range(int(threads))]:
            future.result()
    say(counts["sent"], counts["exceeded"])
    ledger.close()


def open_it(url: str) -> None:
    """Open the ledger at the same instant as others do."""
    wait_for_start()
    ledger = Ledger(url)
    say(len(list(ledger.calls.listing())))
    ledger.close()


def hold_then_finish(url: str) -> None:
    """Hold a call until told, then finish it."""
    ledger = Ledger(url)
    claimed = ledger.calls.claim(spec(1))
    assert isinstance(claimed, Claimed)
    attempt = ledger.journal.intend(claimed.claim, estimate=Decimal(0))
    say("holding")
    sys.stdin.readline()
    ledger.journal.done(claimed.claim, attempt, ["made elsewhere"], cost=Decimal(0))
    say("done")
    ledger.close()


def share(url: str, wanted: str) -> None:
    """Ask for a share of a limit each time a line comes in."""
    ledger = Ledger(url)
    for line in sys.stdin:
        part = ledger.limits.share("fal", limit=10, wanted=int(wanted), in_use=int(line))
        say(part.granted, part.limit, part.members)


def write_forever(url: str) -> None:
    """Write as fast as possible until killed; say each thing that was recorded."""
    ledger = Ledger(url)
    for number in range(1_000_000):
        ledger.uploads.remember("fal", f"{number:064x}", f"https://x/{number}")
        say(number)
        time.sleep(0)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
