"""Sound as arrays: floats in [-1, 1], of shape (samples,) or (samples, channels), and how they become a WAV file."""

from __future__ import annotations

import hashlib
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import EncodeError, ParameterError
from ..control import check_not_cancelled
from ..scratch import scratch_beside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[Any]

__all__ = ["fade", "level", "random_of", "smoothed_noise", "write_wav"]


def random_of(*parts: object) -> Any:
    """Return a `numpy.random.RandomState` (whose stream numpy has frozen) seeded by the given values."""
    import numpy as np

    digest = hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "surrogatepass")).digest()
    return np.random.RandomState(int.from_bytes(digest[:4], "big"))


def smoothed_noise(random: Any, count: int, rate_hz: int, low_hz: float, high_hz: float) -> Samples:
    """Return noise of a frequency band with soft edges, with an rms of 1.

    Args:
        random: A `RandomState`.
        count: Number of samples.
        rate_hz: Samples per second.
        low_hz: Below it, the level falls by 12 dB per octave.
        high_hz: Above it, likewise.
    """
    import numpy as np

    check_not_cancelled("make the sound")
    spectrum = np.fft.rfft(random.standard_normal(count))
    hertz = np.fft.rfftfreq(count, 1 / rate_hz)
    spectrum *= 1 / (1 + (low_hz / np.maximum(hertz, 1e-3)) ** 2) / (1 + (hertz / high_hz) ** 2)
    noise = np.fft.irfft(spectrum, count)
    return (noise / max(1e-9, float(np.sqrt(np.mean(noise**2))))).astype(np.float32)


def fade(sound: Samples, rate_hz: int, start_s: float, end_s: float) -> Samples:
    """Fade in and out by raised cosines; each takes at most half of the sound."""
    import numpy as np

    shaped = sound.copy()
    for seconds, at_end in ((start_s, False), (end_s, True)):
        count = min(round(seconds * rate_hz), len(shaped) // 2)
        ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(count, dtype=np.float32) + 0.5) / max(1, count))).astype(
            np.float32
        )
        if shaped.ndim == 2:
            ramp = ramp[:, None]
        if at_end and count:
            shaped[-count:] *= ramp[::-1]
        else:
            shaped[:count] *= ramp
    return shaped


def level(sound: Samples, rms_db: float, peak_db: float = -1.5) -> Samples:
    """Bring the louder part of a sound to an rms level, softly limited below a peak.

    Blocks of 50 ms that are 20 dB under the loudest do not count, so pauses do not raise the rest. Silence stays.

    Args:
        sound: Samples; all channels get the same gain.
        rms_db: Wanted level of the counted blocks, in dB of full scale.
        peak_db: No sample goes over it.
    """
    import numpy as np

    block = 2400
    squared = sound.astype(np.float64) ** 2
    mono = squared if sound.ndim == 1 else squared.mean(axis=1)
    power = np.pad(mono, (0, -len(mono) % block)).reshape(-1, block).mean(axis=1)
    if not len(power) or power.max() < 1e-10:
        return sound
    rms = float(np.sqrt(power[power > power.max() / 100].mean()))
    limit = 10 ** (peak_db / 20)
    louder = sound * np.float32(10 ** (rms_db / 20) / rms)
    knee = 0.6 * limit
    over = np.abs(louder) > knee
    bent = np.sign(louder) * (knee + (limit - knee) * np.tanh((np.abs(louder) - knee) / (limit - knee)))
    return np.where(over, bent, louder).astype(np.float32)


def write_wav(target: Path, sound: Samples, rate_hz: int) -> None:
    """Write 16-bit PCM, whole or not at all.

    Raises:
        ParameterError: The target is not named .wav.
        EncodeError: It cannot be written.
    """
    import numpy as np

    if target.suffix.lower() != ".wav":
        raise ParameterError(f"Cannot write {target.name!r}: local sound is PCM in .wav. Name the target .wav.")
    frames = sound if sound.ndim == 2 else sound[:, None]
    data = np.round(np.clip(frames, -1, 1) * 32767).astype("<i2")
    try:
        with scratch_beside(target) as scratch:
            partial = scratch / target.name
            with wave.open(str(partial), "wb") as file:
                file.setnchannels(data.shape[1])
                file.setsampwidth(2)
                file.setframerate(rate_hz)
                file.writeframes(data.tobytes())
            partial.replace(target)
    except OSError as exc:
        raise EncodeError(f"Cannot write {target.name!r}: {exc}.") from exc
