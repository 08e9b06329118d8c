"""Damaged videos through scan, fit, merge and join: an answer or a `MediaError`, in bounded time, and no torn file.

`PREFECT_MEDIA_FUZZ=2000` tries so many files instead of a few.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prefect_media.errors import MediaError
from prefect_media.media.container import scan
from prefect_media.media.videos.concat import concat_videos
from prefect_media.media.videos.edit import fit_video
from prefect_media.media.videos.extract import extract_frame
from prefect_media.media.videos.merge import merge

from .make_clips import VIDEOS, clip

FILES = int(os.environ.get("PREFECT_MEDIA_FUZZ", "48"))
GROUPS = 8
CALLS: tuple[tuple[str, Callable[[Path, Path], Any]], ...] = (
    ("fit.mp4", lambda source, target: fit_video(source, target, width=32, height=32)),
    ("merge.mp4", lambda source, target: merge(source, clip("short_voice.wav"), None, target, lufs=None)),
    ("join.mp4", lambda source, target: concat_videos([clip("plain.mp4"), source], target)),
    ("frame.png", lambda source, target: extract_frame(source, target, at="last")),
)


def damage(data: bytes, chance: random.Random) -> bytes:
    """Cut, flip bits, or overwrite bytes, half of the time where headers are."""
    damaged = bytearray(data)
    if chance.random() < 0.2:
        del damaged[chance.randrange(1, len(damaged)) :]
    for _ in range(chance.choice((1, 3, 10, 60))):
        near_start = chance.randrange(min(len(damaged), 600))
        near_end = len(damaged) - 1 - chance.randrange(min(len(damaged), 1500))
        place = chance.choice((near_start, near_end, chance.randrange(len(damaged)), chance.randrange(len(damaged))))
        damaged[place] = damaged[place] ^ (1 << chance.randrange(8)) if chance.random() < 0.5 else chance.randrange(256)
    return bytes(damaged)


@pytest.mark.parametrize("group", range(GROUPS))
def test_damaged_videos_are_handled_or_refused(group: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_MAX_DURATION_S", "60")
    monkeypatch.setenv("PREFECT_MEDIA_MEDIA_TIMEOUT_S", "30")
    chance = random.Random(group)
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    for number in range(group, FILES, GROUPS):
        name = chance.choice(VIDEOS)
        source = tmp_path / f"damaged{number}{Path(name).suffix}"
        source.write_bytes(damage(clip(name).read_bytes(), chance))
        written, call = CALLS[number % len(CALLS)]
        target = outputs / written
        target.unlink(missing_ok=True)
        try:
            call(source, target)
            assert target.suffix == ".png" or scan(target).video
        except MediaError:
            assert not target.exists()
        assert {path.name for path in outputs.iterdir()} <= {one for one, _ in CALLS}
        source.unlink()
