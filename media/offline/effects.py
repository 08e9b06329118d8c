"""Offline sound effects: weather, water, fire, creatures, machines and signals, chosen by words of a prompt."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ParameterError
from ..control import check_not_cancelled
from . import pcm

if TYPE_CHECKING:
    from .pcm import Samples

__all__ = ["LAYERS", "MAX_SECONDS", "ambience"]

RATE_HZ = 48_000
MIN_SECONDS, MAX_SECONDS = 0.2, 120.0
RMS_DB = -24.0

Layer = Callable[[Any, int], "Samples"]


def ambience(prompt: str, target: Path, *, seconds: float = 5.0, seed: int = 0) -> None:
    """Make a sound effect or an ambience into a stereo WAV file of 48 kHz.

    Args:
        prompt: Words name the layers (see `LAYERS`), mixed in the order found; without any it is a soft wind.
        target: The file to write, `.wav`.
        seconds: Exact length, 0.2 to 120.
        seed: Another rendering of the same prompt.

    Raises:
        ParameterError: `seconds` is out of range.
        EncodeError: The target cannot be written, or the work was cancelled.
    """
    import numpy as np

    if not (math.isfinite(seconds) and MIN_SECONDS <= seconds <= MAX_SECONDS):
        raise ParameterError(
            f"Cannot make a sound: seconds is {seconds}, allowed is {MIN_SECONDS:g} to {MAX_SECONDS:g}."
        )
    count = round(seconds * RATE_HZ)
    mixed = np.zeros((count, 2), np.float32)
    for name, gain in _chosen(prompt.lower()):
        check_not_cancelled(f"make the sound {target.name!r}")
        mixed += pcm.level(LAYERS[name][1](pcm.random_of("sound", name, prompt, seed), count), RMS_DB) * gain
    edge = min(0.15, seconds / 8)
    pcm.write_wav(target, pcm.fade(pcm.level(mixed, RMS_DB), RATE_HZ, edge / 6, edge), RATE_HZ)


def _chosen(prompt: str) -> list[tuple[str, float]]:
    found = [name for name, (words, _) in LAYERS.items() if re.search(words, prompt)]
    return [(name, 1 / (1 + 0.25 * place)) for place, name in enumerate(found[:4])] or [("wind", 1.0)]


def _drift(random: Any, count: int, period_s: float, low: float) -> Any:
    """A slow random curve from `low` to 1, that turns about once per period."""
    import numpy as np

    knots = max(4, round(count / RATE_HZ / period_s * 2) + 3)
    values = random.rand(knots)
    place = np.linspace(0, knots - 1.001, count)
    index = place.astype(np.int64)
    share = place - index
    share = share * share * (3 - 2 * share)
    return low + (1 - low) * (values[index] * (1 - share) + values[index + 1] * share)


def _stereo(left: Any, right: Any) -> Samples:
    import numpy as np

    return np.stack([left, right], 1).astype(np.float32)


def _wide(random: Any, count: int, low_hz: float, high_hz: float, shared: float = 0.5) -> Any:
    """Noise that is partly the same on both sides, shape (count, 2)."""
    import numpy as np

    middle, left, right = (pcm.smoothed_noise(random, count, RATE_HZ, low_hz, high_hz) for _ in range(3))
    a, b = math.sqrt(shared), math.sqrt(1 - shared)
    return np.stack([a * middle + b * left, a * middle + b * right], 1)


def _scatter(random: Any, count: int, per_second: float, make: Callable[[], Any]) -> Samples:
    """Place short sounds at random moments and sides."""
    import numpy as np

    made = np.zeros((count, 2), np.float32)
    for _ in range(max(1, round(per_second * count / RATE_HZ))):
        grain = make()[:count]
        begin = random.randint(0, max(1, count - len(grain)))
        side = random.rand() * math.pi / 2
        part = made[begin : begin + len(grain)]
        part += (grain[:, None] * np.array([math.cos(side), math.sin(side)]))[: len(part)]
    return made


def _time(seconds: float) -> Any:
    import numpy as np

    return np.arange(round(seconds * RATE_HZ)) / RATE_HZ


def _wind(random: Any, count: int) -> Samples:
    low = _wide(random, count, 60, 300) * _drift(random, count, 2.5, 0.25)[:, None]
    gusts = _drift(random, count, 1.7, 0.0)[:, None] ** 2
    return (low + 0.5 * gusts * _wide(random, count, 350, 900, 0.3)).astype("float32")


def _rain(random: Any, count: int) -> Samples:
    import numpy as np

    def drop() -> Any:
        time = _time(0.012 + 0.02 * random.rand())
        return 5 * random.rand() ** 2 * np.sin(2 * np.pi * (900 + 3500 * random.rand()) * time) * np.exp(-time * 320)

    hiss = _wide(random, count, 900, 7000, 0.2) * _drift(random, count, 3, 0.75)[:, None]
    return (hiss + _scatter(random, count, 90, drop)).astype(np.float32)


def _waves(random: Any, count: int) -> Samples:
    import numpy as np

    time = np.arange(count) / RATE_HZ
    phase = 2 * np.pi * (time / 6.5 + 0.06 * np.sin(time * 0.31) + random.rand() * 0.2)
    swell = (0.5 - 0.5 * np.cos(phase + 0.55 * np.sin(phase)))[:, None]
    surf = _wide(random, count, 250, 3800, 0.3) * (0.06 + swell**3)
    return (surf + 0.5 * _wide(random, count, 40, 220) * (0.4 + 0.6 * swell)).astype(np.float32)


def _stream(random: Any, count: int) -> Samples:
    import numpy as np

    def bubble() -> Any:
        time = _time(0.03 + 0.06 * random.rand())
        rise = 380 + 900 * random.rand() + 4200 * time
        return random.rand() * np.sin(2 * np.pi * rise * time) * np.exp(-time * 60) * np.minimum(1, time * 400)

    return (0.25 * _wide(random, count, 500, 3200, 0.3) + _scatter(random, count, 60, bubble)).astype(np.float32)


def _thunder(random: Any, count: int) -> Samples:
    import numpy as np

    def clap() -> Any:
        time = _time(min(4.5, count / RATE_HZ))
        rumble = pcm.smoothed_noise(random, len(time), RATE_HZ, 25, 130)
        crack = pcm.smoothed_noise(random, len(time), RATE_HZ, 200, 1800)
        rolls = _drift(random, len(time), 0.5, 0.25)
        return rolls * (rumble * np.exp(-time * 0.9) * 1.4 + crack * np.exp(-time * 7)) * np.minimum(1, time * 25)

    return _scatter(random, count, 0.2, clap)


def _fire(random: Any, count: int) -> Samples:
    import numpy as np

    def crackle() -> Any:
        time = _time(0.004 + 0.02 * random.rand() ** 2)
        return 9 * random.rand() ** 4 * random.standard_normal(len(time)) * np.exp(-time * 380)

    bed = _wide(random, count, 50, 420) * _drift(random, count, 0.4, 0.5)[:, None]
    return (0.7 * bed + _scatter(random, count, 22, crackle)).astype(np.float32)


def _birds(random: Any, count: int) -> Samples:
    import numpy as np

    def chirp() -> Any:
        base, notes, sweep = 2300 + 2600 * random.rand(), random.randint(2, 6), 500 + 1400 * random.rand()
        call = []
        for _ in range(notes):
            time = _time(0.05 + 0.06 * random.rand())
            span = time / time[-1]
            hertz = base * (1 + 0.1 * random.rand()) + sweep * np.sin(np.pi * span)
            call += [
                np.sin(2 * np.pi * np.cumsum(hertz) / RATE_HZ) * np.sin(np.pi * span) ** 1.5,
                np.zeros(len(time) // 2),
            ]
        return (0.3 + 0.7 * random.rand()) * np.concatenate(call)

    return (_scatter(random, count, 1.3, chirp) + 0.01 * _wide(random, count, 200, 1500)).astype(np.float32)


def _crickets(random: Any, count: int) -> Samples:
    import numpy as np

    time = np.arange(count) / RATE_HZ
    made = np.zeros((count, 2))
    for _ in range(4):
        hertz, pulse, side = 4100 + 700 * random.rand(), 26 + 8 * random.rand(), random.rand() * np.pi / 2
        trill = np.maximum(0, np.sin(2 * np.pi * pulse * time)) ** 2 * np.clip(
            5 * np.sin(2 * np.pi * (0.9 + 0.4 * random.rand()) * time) + 2, 0, 1
        )
        made += (trill * np.sin(2 * np.pi * hertz * time))[:, None] * np.array([np.cos(side), np.sin(side)])
    return (made * _drift(random, count, 3, 0.5)[:, None] + 0.03 * _wide(random, count, 100, 500)).astype(np.float32)


def _city(random: Any, count: int) -> Samples:
    import numpy as np

    def car() -> Any:
        time = _time(min(3.5, count / RATE_HZ))
        passing = np.exp(-(((time - time[-1] / 2) / (time[-1] / 5)) ** 2))
        return pcm.smoothed_noise(random, len(time), RATE_HZ, 120, 1300) * passing * 0.8

    return (_wide(random, count, 45, 260) + _scatter(random, count, 0.45, car)).astype(np.float32)


def _engine(random: Any, count: int) -> Samples:
    import numpy as np

    hertz = 42 + 18 * random.rand() + 3 * _drift(random, count, 2, 0.0)
    phase = 2 * np.pi * np.cumsum(hertz) / RATE_HZ
    tone = sum(np.sin(k * phase + k * k) / k**0.9 for k in range(1, 12))
    return (np.asarray(tone)[:, None] * 0.5 + 0.35 * _wide(random, count, 80, 700)).astype(np.float32)


def _beep(random: Any, count: int) -> Samples:
    import numpy as np

    time, hertz = np.arange(count) / RATE_HZ, (880, 988, 1047, 1175)[random.randint(4)]
    cycle = time % 0.6
    gate = np.clip(cycle / 0.008, 0, 1) * np.clip((0.22 - cycle) / 0.02, 0, 1)
    tone = gate * (np.sin(2 * np.pi * hertz * time) + 0.15 * np.sin(6 * np.pi * hertz * time))
    return _stereo(tone, tone)


def _bell(random: Any, count: int) -> Samples:
    import numpy as np

    def strike() -> Any:
        time = _time(min(3.5, count / RATE_HZ))
        hertz = 330 * 2 ** (random.choice([0, 2, 4, 7, 9, 12]) / 12)
        parts = ((0.5, 0.5, 0.7), (1, 1, 1.1), (1.19, 0.5, 1.6), (2.0, 0.6, 2.2), (2.74, 0.35, 3.2), (4.07, 0.2, 5.5))
        tone = sum(g * np.exp(-f * time) * np.sin(2 * np.pi * p * hertz * time) for p, g, f in parts)
        return np.asarray(tone) * np.minimum(1, time * 500)

    return _scatter(random, count, 0.7, strike)


def _heart(random: Any, count: int) -> Samples:
    import numpy as np

    cycle = (np.arange(count) / RATE_HZ) % (0.86 + 0.1 * random.rand())
    beat = np.zeros(count)
    for at, gain in ((0.05, 1.0), (0.30, 0.65)):
        after = np.maximum(0, cycle - at)
        beat += gain * np.sin(2 * np.pi * 52 * after) * np.exp(-after * 22) * np.minimum(1, after * 120)
    return _stereo(beat, beat)


def _clock(random: Any, count: int) -> Samples:
    import numpy as np

    cycle = (np.arange(count) / RATE_HZ) % 1.0
    ticks = np.zeros(count)
    for at, hertz in ((0.02, 2600), (0.52, 2100)):
        after = np.maximum(0, cycle - at)
        ticks += np.sin(2 * np.pi * hertz * after) * np.exp(-after * 260) * (cycle >= at)
    return _stereo(ticks, 0.8 * ticks)


def _whoosh(random: Any, count: int) -> Samples:
    import numpy as np

    span = np.linspace(0, 1, count)[:, None]
    shape = np.exp(-(((span - 0.55) / 0.17) ** 2))
    across = np.concatenate([np.cos(span * np.pi / 2), np.sin(span * np.pi / 2)], 1)
    low, high = _wide(random, count, 120, 700, 0.9), _wide(random, count, 700, 4500, 0.9)
    return ((low * (1 - span) + high * span) * shape * across).astype(np.float32)


def _boom(random: Any, count: int) -> Samples:
    import numpy as np

    time = np.arange(count) / RATE_HZ
    thump = (
        np.sin(2 * np.pi * (32 * time + 9 * (1 - np.exp(-time * 7)))) * np.exp(-time * 2.4) * np.minimum(1, time * 200)
    )
    debris = _wide(random, count, 60, 1100) * (np.exp(-time * 3.5) * np.minimum(1, time * 150))[:, None]
    return (1.6 * _stereo(thump, thump) + 0.7 * debris).astype(np.float32)


LAYERS: dict[str, tuple[str, Layer]] = {
    "thunder": (r"thunder|storm|lightning", _thunder),
    "rain": (r"\brain|drizzle|shower|storm|downpour", _rain),
    "waves": (r"wave|ocean|\bseas?\b|surf|beach|shore|coast|tide|lighthouse", _waves),
    "stream": (r"stream|river|brook|creek|waterfall|fountain|bubbl|drip", _stream),
    "fire": (r"\bfire|flame|campfire|crackl|burn", _fire),
    "boom": (r"\bboom|explo|blast|impact|thud|\bbang", _boom),
    "whoosh": (r"w?hoosh|swoosh|swish|sweep|transition|fly ?by", _whoosh),
    "birds": (r"bird|forest|morning|dawn|chirp|meadow|jungle", _birds),
    "crickets": (r"cricket|night|cicada|insect|evening", _crickets),
    "city": (r"\bcity\b|traffic|street|\bcars?\b|crowd|urban", _city),
    "engine": (r"engine|motor|machine|\bhum(ming)?\b|drone|generator|factory|\bship", _engine),
    "beep": (r"beep|alarm|alert|signal|notification|\bphone|\bring(ing|tone)?\b", _beep),
    "bell": (r"\bbells?\b|chime|gong|church", _bell),
    "heart": (r"heart", _heart),
    "clock": (r"clock|\btick|\bwatch", _clock),
    "wind": (r"\bwind|breeze|gust|blizzard|mountain|desert|\bair\b", _wind),
}
