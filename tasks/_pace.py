"""How long jobs of a model really take, learned by this process, and when to look at one again.

A card's expected time says little: the same model takes seconds or minutes by the load of its provider. Looking often all
the time costs more than everything else in a call's life; looking rarely finds a result late. So what has ended teaches
when the next ones may end: until then there are a few looks, and from then on many.
"""

from __future__ import annotations

from collections import deque

from ..adapters.card import Card

__all__ = ["Pace", "pace_of"]

SHORTEST_S = 0.5
LONGEST_S = 10.0
EARLY_SHARE, LATE_SHARE = 0.6, 0.2
"""Pause between two looks as a share of the time that a job has taken, while nothing is known of others."""
REMEMBERED = 20
STEP = 0.05
"""By how much sooner an end is looked for next time, when it was found at once."""
WAITING_LOOKS = 4
"""Looks at a job that cannot have ended yet by all that was seen; at least one every `LONGEST_WAIT_S`."""
LONGEST_WAIT_S = 30.0
END_SHARE = 0.03
END_LOOKS = 10
"""Looks over the span in which jobs were seen to end; two are at least `END_SHARE` of the job's time apart."""


class Pace:
    """What was seen of one model's jobs.

    Args:
        expected_s: What the card says, for as long as none has ended.
    """

    def __init__(self, expected_s: float) -> None:
        self._expected_s = expected_s
        self._took: deque[float] = deque(maxlen=REMEMBERED)

    def learn(self, running_s: float, ended_s: float) -> None:
        """Take note of a job that succeeded.

        Args:
            running_s: Age at which it was last seen under way.
            ended_s: Age at which it was found to have ended.
        """
        took = (running_s + ended_s) / 2
        if self._took and ended_s >= min(self._took):  # found at the first look that expected it: probably just ended
            took = max(took, ended_s * (1 - STEP))
        self._took.append(took)

    def pause_s(self, age_s: float) -> float:
        """Return how long to wait before the next look at a job of that age."""
        if not self._took:
            share = EARLY_SHARE if age_s < self._expected_s / 2 else LATE_SHARE
            return min(LONGEST_S, max(SHORTEST_S, age_s * share))
        soonest, latest = min(self._took), max(self._took)
        if age_s < soonest:
            waiting = max(SHORTEST_S, min(LONGEST_WAIT_S, soonest / WAITING_LOOKS))
            return min(waiting, soonest - age_s)
        share = END_SHARE if age_s < 2 * latest else LATE_SHARE
        return min(LONGEST_S, max(SHORTEST_S, age_s * share, (latest - soonest) / END_LOOKS))


_paces: dict[str, Pace] = {}


def pace_of(card: Card) -> Pace:
    """Return what this process knows of a model. Used on the loop for provider calls only."""
    return _paces.setdefault(card.id, Pace(card.times.expected_s))
