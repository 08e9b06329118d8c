"""When a job is looked at again, by what its model's jobs were seen to take."""

from __future__ import annotations

from itertools import pairwise

import pytest

from prefect_media.tasks._pace import LONGEST_S, LONGEST_WAIT_S, Pace


def looks(pace: Pace, took_s: float) -> list[float]:
    """Return the ages at which a job that takes so long is looked at, the last one finds its end."""
    ages, age = [], 0.0
    while age < took_s:
        age += pace.pause_s(age)
        ages.append(age)
    return ages


def follow(pace: Pace, took_s: float) -> list[float]:
    """Follow a job to its end and learn from it."""
    ages = looks(pace, took_s)
    pace.learn(ages[-2] if len(ages) > 1 else 0.0, ages[-1])
    return ages


@pytest.mark.parametrize("took_s", [1, 7, 40, 120, 900])
def test_a_first_job_is_found_soon_after_its_end(took_s: float) -> None:
    ages = looks(Pace(expected_s=6), took_s)
    assert ages[-1] - took_s <= min(LONGEST_S, max(0.6 * took_s, 0.5))


@pytest.mark.parametrize("took_s", [1, 7, 40, 120, 900])
def test_what_has_ended_teaches_to_look_less_and_to_find_the_next_end_sooner(took_s: float) -> None:
    pace = Pace(expected_s=6)
    first = follow(pace, took_s)
    for _ in range(30):
        last = follow(pace, took_s)
    assert len(last) <= min(len(first) + 3, max(8, took_s / LONGEST_WAIT_S + 4))
    assert last[-1] - took_s <= max(0.5, 0.04 * took_s)


def test_jobs_of_very_different_length_are_all_found_without_countless_looks() -> None:
    pace = Pace(expected_s=6)
    for took_s in (2, 300, 40, 5, 120):
        follow(pace, took_s)
    assert looks(pace, 3)[-1] < 3 + LONGEST_S
    assert len(looks(pace, 300)) < 40


def test_a_model_that_becomes_faster_is_noticed() -> None:
    pace = Pace(expected_s=6)
    for _ in range(20):
        follow(pace, 120)
    for _ in range(20):
        follow(pace, 10)
    assert looks(pace, 10)[-1] < 13


def test_a_job_is_looked_at_every_half_minute_however_long_others_took() -> None:
    pace = Pace(expected_s=6)
    pace.learn(3000, 3600)
    ages = looks(pace, 3300)
    assert max(after - before for before, after in pairwise(ages)) <= LONGEST_WAIT_S
