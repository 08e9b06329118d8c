"""Regrading: colours follow the words, light and shade and transparency stay."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from prefect_media.media.painting.landscape import render_landscape
from prefect_media.media.painting.remix import LOOKS, remix_image


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.png"
    render_landscape("mountains and a lake in summer", 160, 90).save(path)
    return path


def _pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"), np.float64)


def _remixed(source: Path, prompt: str, seed: int = 0) -> np.ndarray:
    target = source.with_name("made.png")
    remix_image(source, target, prompt=prompt, seed=seed)
    return _pixels(target)


@pytest.mark.parametrize(
    "prompt", ["at sunset", "moonlit night", "vintage", "teal", "vivid", "black and white", "foggy"]
)
def test_colours_change_and_shapes_stay(source: Path, prompt: str) -> None:
    before, after = _pixels(source), _remixed(source, prompt)
    assert after.shape == before.shape
    assert np.abs(after - before).mean() > 4
    assert np.corrcoef(before.mean(axis=2).ravel(), after.mean(axis=2).ravel())[0, 1] > 0.93
    assert (after.min(axis=2) >= 255).mean() <= (before.min(axis=2) >= 250).mean() + 0.02


def test_words_choose_the_colours(source: Path) -> None:
    red, green, blue = range(3)
    mono = _remixed(source, "black and white")
    assert np.abs(mono[..., red] - mono[..., blue]).max() <= 3
    sunset, night, jade = (_remixed(source, words).mean(axis=(0, 1)) for words in ("sunset", "night", "jade"))
    assert sunset[red] - sunset[blue] > night[red] - night[blue] + 20
    assert jade[green] > max(jade[red], jade[blue])
    assert night.mean() < _pixels(source).mean()


@pytest.mark.parametrize("look", LOOKS)
def test_every_look_gives_a_picture_of_its_own(source: Path, look: str) -> None:
    words = {"mono": "monochrome", "faded": "film"}.get(look, look)
    others = [
        _remixed(source, {"mono": "monochrome", "faded": "film"}.get(name, name)) for name in LOOKS if name != look
    ]
    assert all(np.abs(_remixed(source, words) - other).mean() > 2 for other in others)


def test_transparency_and_size_stay_and_bytes_are_equal(tmp_path: Path) -> None:
    picture = render_landscape("hills", 33, 21).convert("RGBA")
    alpha = Image.linear_gradient("L").resize((33, 21))
    picture.putalpha(alpha)
    picture.save(tmp_path / "source.png")
    made = []
    for number in range(2):
        remix_image(tmp_path / "source.png", tmp_path / f"{number}.png", prompt="warm")
        made.append((tmp_path / f"{number}.png").read_bytes())
    assert made[0] == made[1]
    with Image.open(tmp_path / "0.png") as result:
        assert result.mode == "RGBA"
        assert np.array_equal(np.asarray(result.getchannel("A")), np.asarray(alpha))
