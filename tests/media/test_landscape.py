"""Procedural pictures: the same for the same words, different for others, at any size, without flaws one could measure."""

import hashlib
import itertools
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from prefect_media.errors import EncodeError, MediaLimitError, ParameterError
from prefect_media.media.ffmpeg import cancellation
from prefect_media.media.painting.canvas import Canvas
from prefect_media.media.painting.composition import compose_landscape
from prefect_media.media.painting.landscape import paint_picture, render_landscape
from prefect_media.media.painting.noise import Noise
from prefect_media.media.painting.scenery import FIGURES, GROUNDS, MOODS, WATERS, read_scene

PROMPTS = (
    "a lighthouse at dawn over a calm sea",
    "misty pine forest",
    "city skyline at night",
    "desert dunes",
    "snowy mountains by a lake",
    "aurora over a cabin",
    "flower meadow under blue sky",
    "a boat at sunset",
    "abstract stained glass",
    "bauhaus pattern",
    "galaxy with a planet",
    "perfume bottle on a podium",
    "tropical beach",
)

PROGRAM = """
import hashlib, sys
from prefect_media.media.painting.landscape import render_landscape
for prompt in sys.argv[1:]:
    print(hashlib.sha256(render_landscape(prompt, 96, 54, 3).tobytes()).hexdigest())
"""


def _dhash(picture: Image.Image) -> int:
    small = np.asarray(picture.convert("L").resize((9, 8), Image.Resampling.LANCZOS), np.int16)
    return int("".join("1" if bit else "0" for bit in (small[:, 1:] > small[:, :-1]).ravel()), 2)


def _gap(first: Image.Image, second: Image.Image) -> float:
    return float(np.abs(np.asarray(first, np.float32) - np.asarray(second, np.float32)).mean())


def test_same_prompt_and_seed_give_equal_pixels_in_every_process() -> None:
    expected = [hashlib.sha256(render_landscape(p, 96, 54, 3).tobytes()).hexdigest() for p in PROMPTS]
    other = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = os.environ | {"PYTHONHASHSEED": other}
    made = subprocess.run(
        [sys.executable, "-c", PROGRAM, *PROMPTS], env=environment, capture_output=True, text=True, check=True
    )
    assert made.stdout.split() == expected


def test_prompts_differ_visibly() -> None:
    pictures = {prompt: render_landscape(prompt, 160, 90) for prompt in PROMPTS}
    for first, second in itertools.combinations(PROMPTS, 2):
        bits = (_dhash(pictures[first]) ^ _dhash(pictures[second])).bit_count()
        assert bits >= 6 or _gap(pictures[first], pictures[second]) > 40, (first, second)
        assert _gap(pictures[first], pictures[second]) > 12, (first, second)


@pytest.mark.parametrize("prompt", ["", "a calm lake", "abstract", "山の上の灯台"])
def test_seeds_differ_visibly(prompt: str) -> None:
    pictures = [render_landscape(prompt, 96, 54, seed) for seed in range(4)]
    for first, second in itertools.combinations(pictures, 2):
        assert _gap(first, second) > 6


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 300), (300, 7), (33, 33), (201, 113), (4096, 8), (8, 4096)])
def test_every_size_is_met(size: tuple[int, int]) -> None:
    picture = render_landscape("storm over a city by the sea, boats and birds", *size)
    assert (picture.size, picture.mode) == (size, "RGB")


@pytest.mark.parametrize("prompt", ["", " ", "海の灯台 🌊", "x" * 5000, "\ud800 lone surrogate", "a\0b", "(((", "\n\n"])
def test_every_prompt_paints(prompt: str) -> None:
    assert len(set(render_landscape(prompt, 64, 36).resize((8, 8)).get_flattened_data())) > 8


@pytest.mark.parametrize("prompt", PROMPTS[:9])
def test_one_aspect_shows_one_composition(prompt: str) -> None:
    small = np.asarray(render_landscape(prompt, 240, 135).convert("L"), np.float64)
    large = render_landscape(prompt, 480, 270).convert("L").resize((240, 135), Image.Resampling.BOX)
    assert np.corrcoef(small.ravel(), np.asarray(large, np.float64).ravel())[0, 1] > 0.85


@pytest.mark.parametrize("prompt", PROMPTS)
def test_light_does_not_clip_and_gradients_do_not_band(prompt: str) -> None:
    pixels = np.asarray(render_landscape(prompt, 320, 180))
    assert (pixels.min(axis=2) == 255).mean() < 0.01
    assert pixels.std() > 12
    # A banded gradient has runs of equal pixels; grain leaves none that are long.
    rows = pixels[:40].astype(np.int16)
    equal = (np.diff(rows, axis=1) == 0).all(axis=2)
    assert equal.mean() < 0.75


@pytest.mark.parametrize(("width", "height"), [(0, 10), (10, 4097), (-1, 5)])
def test_sizes_out_of_range_are_refused(width: int, height: int) -> None:
    with pytest.raises(ParameterError, match=r"(width|height) is -?\d+, allowed are 1 to 4096 pixels"):
        render_landscape("x", width, height)


@pytest.mark.parametrize(("suffix", "kind"), [(".png", "PNG"), (".jpg", "JPEG"), (".webp", "WEBP")])
def test_the_suffix_decides_the_format(tmp_path: Path, suffix: str, kind: str) -> None:
    target = tmp_path / f"made{suffix}"
    paint_picture(target, prompt="a red boat", width=64, height=36, seed=1)
    with Image.open(target) as picture:
        assert (picture.format, picture.size) == (kind, (64, 36))
    first = target.read_bytes()
    paint_picture(target, prompt="a red boat", width=64, height=36, seed=1)
    assert target.read_bytes() == first
    assert list(tmp_path.iterdir()) == [target]


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"Cannot write 'made.gif': pictures are .png, .jpg, .jpeg, .webp"):
        paint_picture(tmp_path / "made.gif", prompt="x")


def test_cancelling_leaves_no_file(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with cancellation(stop), pytest.raises(EncodeError, match="cancelled") as caught:
        paint_picture(tmp_path / "made.png", prompt="x", width=64, height=64)
    assert caught.value.reason == "cancelled"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("prompt", "kind", "mood", "grounds", "water", "figures"),
    [
        ("A Lighthouse at dawn", "landscape", "dawn", (), "sea", ("lighthouse",)),
        ("forest below mountains in autumn", "landscape", "golden", ("forest", "mountains"), "", ()),
        ("rainbow over a green valley", "landscape", "day", ("hills",), "", ("rainbow",)),
        ("a train in the rain by a lake", "landscape", "mist", None, "lake", ()),
        ("夜の海", "landscape", "night", (), "sea", ()),
        ("abstract poster", "abstract", None, None, None, None),
        ("spiral galaxy", "space", None, None, None, None),
        ("sneaker, product photo", "studio", None, None, None, None),
    ],
)
def test_words_choose_the_scene(
    prompt: str,
    kind: str,
    mood: str | None,
    grounds: tuple[str, ...] | None,
    water: str | None,
    figures: tuple[str, ...] | None,
) -> None:
    scene = read_scene(prompt, Noise(prompt))
    wanted = {"kind": kind, "mood": mood, "grounds": grounds, "water": water, "figures": figures}
    assert {name: getattr(scene, name) for name, value in wanted.items() if value is not None} == {
        name: value for name, value in wanted.items() if value is not None
    }


@pytest.mark.parametrize("mood", MOODS)
def test_every_mood_paints_every_ground_and_figure(mood: str) -> None:
    word = {"tropical": "tropical", "warm": "mars"}.get(mood, mood)
    assert re.search(MOODS[mood].words, word)
    for ground in GROUNDS:
        canvas = Canvas(64, 36, Noise(mood, ground))
        compose_landscape(canvas, read_scene(f"{word} {ground} snow cabin tree", canvas.noise))
        assert np.isfinite(canvas.rgb).all()
    for water, figure in zip(itertools.cycle(WATERS), FIGURES, strict=False):
        canvas = Canvas(40, 22, Noise(mood, water, figure))
        compose_landscape(canvas, read_scene(f"{word} {water} {figure}", canvas.noise))
        assert np.isfinite(canvas.rgb).all()


def test_a_picture_over_the_byte_limit_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_MEDIA_MAX_MEDIA_BYTES", "500")
    with pytest.raises(MediaLimitError, match=r"Cannot write 'made\.png': it has \d+ bytes, at most 500 are allowed"):
        paint_picture(tmp_path / "made.png", prompt="x", width=64, height=64)
    assert not list(tmp_path.iterdir())
