"""Speech in another tempo at the same pitch, and never further than 8 ms from its place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..control import check_not_cancelled

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["in_tempo"]

PIECE_S = 0.04
"""Long enough for three periods of a deep voice, short enough that no syllable is heard twice."""
REACH_S = 0.008
"""How far a piece may come from its place: half a period of 62 Hz, so that any voice finds one that fits."""
SILENT = 1e-6


def in_tempo(source: Path, target: Path, *, factor: float, sample_rate_hz: int, channels: int, what: str) -> None:
    """Play a sound faster or slower: windowed pieces of it, each taken from where it fits the one before (WSOLA).

    FFmpeg's `atempo` does the same, but its pieces drift: bursts came 21 ms early and speech up to 14 ms early or late, and
    no delay in front of it helps both.

    Args:
        source: Raw 32-bit floats, the channels of each sample side by side.
        target: Likewise, `round(samples / factor)` long.
        factor: 2 is twice as fast; 0.5 to 2.
        sample_rate_hz: Of both.
        channels: Of both.
        what: Completes "Cannot ..." in errors.

    Raises:
        EncodeError: It was cancelled.

    Source:
        Verhelst and Roelands, "An overlap-add technique based on waveform similarity" (ICASSP 1993).
    """
    import numpy as np

    sound = np.memmap(source, np.float32, "r").reshape(-1, channels)
    hop, reach = round(PIECE_S * sample_rate_hz / 2), round(REACH_S * sample_rate_hz)
    window = (0.5 - 0.5 * np.cos(np.pi * np.arange(2 * hop) / hop)).astype(np.float32)[:, None]
    left, follower = round(len(sound) / factor), None
    tail = np.zeros((hop, channels), np.float32)
    with target.open("wb") as file:
        for number in range(left // hop + 2):
            if number % 256 == 0:
                check_not_cancelled(what)
            at = min(len(sound), round(number * hop * factor)) - hop  # the middle of a piece is what is in its place
            if follower is not None:
                at += _best_fit(follower, _part(sound, at - reach, 2 * (hop + reach)))
            piece = _part(sound, at, 2 * hop) * window
            if number:  # before the first middle there is nothing
                done = (tail + piece[:hop])[:left]
                file.write(done.tobytes())
                left -= len(done)
            tail, follower = piece[hop:], _part(sound, at + hop, 2 * hop)


def _part(sound: NDArray[Any], first: int, count: int) -> NDArray[Any]:
    """Return so many samples from the first on, silence where there are none."""
    import numpy as np

    found = sound[max(0, first) : max(0, first + count)]
    before = min(count, max(0, -first))
    return np.pad(found, ((before, count - before - len(found)), (0, 0)))


def _best_fit(wanted: NDArray[Any], around: NDArray[Any]) -> int:
    """Return by how far from the middle of `around` begins what resembles `wanted` most."""
    import numpy as np

    model, field = wanted.mean(axis=1, dtype=np.float64), around.mean(axis=1, dtype=np.float64)
    size = 1 << (len(field) - 1).bit_length()
    shifts = len(field) - len(model) + 1
    alike = np.fft.irfft(np.fft.rfft(field, size) * np.conj(np.fft.rfft(model, size)), size)[:shifts]
    sums = np.concatenate([[0.0], np.cumsum(field**2)])
    energy = sums[len(model) :] - sums[:shifts]
    likeness = alike / np.sqrt(energy + SILENT)
    best = int(np.argmax(likeness))
    return best - shifts // 2 if likeness[best] > SILENT else 0
