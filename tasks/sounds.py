"""Local operations on sounds, as tasks. No model, no cost; results are cached by content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from ..errors import ParameterError
from ..media.sounds import edit as operations
from ..media.sounds import loudness, mixing, silence
from ..media.types import Audio, Video, Word
from ._keys import key_of
from ._kinds import checked
from ._loop import in_worker
from ._operate import operate
from ._suffixes import audio_suffix, sound_suffix
from ._task import media_task
from ._words import cut_words, moved_words

__all__ = ["change_volume", "convert_audio", "fade_audio", "mix", "normalize_loudness", "trim_silence"]


@media_task(key=key_of(mixing.mix, words=True))
@checked
async def mix(
    sounds: Sequence[Audio | Video],
    *,
    levels_db: Sequence[float] = (),
    offsets_s: Sequence[float] = (),
    speech: int | None = None,
    duck_db: float = 12.0,
    length: Literal["longest", "shortest", "first"] | float = "longest",
    fade_out_s: float = 0.0,
    loudness_lufs: float | None = None,
    true_peak_db: float = -1.0,
    format: str | None = None,
) -> Audio:
    """Mix sounds into one, under a ceiling of true peaks. Word timings move with their sounds.

    Args:
        sounds: Sounds, or videos whose sound is taken; rates and channels may differ.
        levels_db: Gain of each, -60 to 40; none leaves all as they are.
        offsets_s: When each begins, 0 or later; none begins all at 0.
        speech: Number (from 0) of the one under which the others go down; None for no ducking.
        duck_db: How far they go down, 0 to 40.
        length: `longest`, `shortest`, `first` (where that one ends), or seconds.
        fade_out_s: The whole mix fades out over its last seconds.
        loudness_lufs: Integrated loudness of the mix; None leaves it as it comes out.
        true_peak_db: Ceiling in dBTP. A lossy encoder may add some tenths.
        format: `wav`, `flac`, `mp3`, `m4a` or `ogg`; by default that of the first.

    Raises:
        ParameterError: No sound, a list of another length, or a value out of range.
        MediaError: A sound cannot be used.
    """
    if not sounds:
        raise ParameterError("mix: there is no sound. Give at least one.")
    made = await operate(
        mixing.mix, [list(sounds)], Audio, sound_suffix(sounds[0], format), _mixed_words(sounds, offsets_s),
        levels_db=levels_db, offsets_s=offsets_s, speech=speech, duck_db=duck_db, length=length, fade_out_s=fade_out_s,
        lufs=loudness_lufs, true_peak=true_peak_db,
    )  # fmt: skip
    return made.model_copy(update={"words": cut_words(made.words, 0.0, made.duration_s)}) if made.words else made


def _mixed_words(sounds: Sequence[Audio | Video], offsets_s: Sequence[float]) -> tuple[Word, ...]:
    if offsets_s and (len(offsets_s) != len(sounds) or min(offsets_s) < 0):
        return ()  # the operation says what is wrong
    offsets = offsets_s or [0.0] * len(sounds)
    words = [
        word
        for sound, offset in zip(sounds, offsets, strict=True)
        if isinstance(sound, Audio)
        for word in moved_words(sound.words, offset)
    ]
    return tuple(sorted(words, key=lambda word: word.start_s))


@media_task(key=key_of(loudness.normalize_loudness, words=True))
@checked
async def normalize_loudness(
    media: Audio | Video, *, loudness_lufs: float = -16.0, true_peak_db: float = -1.5
) -> Audio | Video:
    """Bring sound to an integrated loudness (EBU R 128), under a ceiling of true peaks that also holds after encoding.

    Silence and sound under 0.4 s stay as they are; the result's record says so. In a video the picture is copied.

    Args:
        media: A sound, or a video with sound.
        loudness_lufs: Wanted integrated loudness, -50 to -5.
        true_peak_db: Ceiling, -20 to 0 dBTP.

    Returns:
        Of the kind and in the format that came in.

    Raises:
        ParameterError: A value is out of range.
        UnsupportedMediaError: There is no sound.
        MediaError: The input cannot be used.
    """
    if isinstance(media, Video):
        return await operate(
            loudness.normalize_loudness, [media], Video, media.suffix, lufs=loudness_lufs, true_peak=true_peak_db
        )
    return await operate(
        loudness.normalize_loudness, [media], Audio, audio_suffix(media, None), media.words,
        lufs=loudness_lufs, true_peak=true_peak_db,
    )  # fmt: skip


@media_task(key=key_of(operations.change_volume, words=True))
@checked
async def change_volume(audio: Audio, *, gain_db: float) -> Audio:
    """Make a sound louder or softer. What would pass full scale is held just under it by a limiter.

    Args:
        audio: The sound.
        gain_db: -60 to 40.

    Raises:
        ParameterError: The gain is out of range.
        MediaError: The sound cannot be used.
    """
    return await operate(
        operations.change_volume, [audio], Audio, audio_suffix(audio, None), audio.words, gain_db=gain_db
    )


@media_task(key=key_of(operations.fade_audio, words=True))
@checked
async def fade_audio(
    audio: Audio,
    *,
    in_s: float = 0.0,
    out_s: float = 0.0,
    curve: Literal["linear", "smooth", "equal-power"] = "smooth",
) -> Audio:
    """Fade a sound in and out.

    Args:
        audio: The sound.
        in_s, out_s: Seconds that each fade takes; 0 for none. Together at most the length of the sound.
        curve: Shape of the fade.

    Raises:
        ParameterError: A fade is longer than the sound, or the curve is unknown.
        MediaError: The sound cannot be used.
    """
    return await operate(
        operations.fade_audio,
        [audio],
        Audio,
        audio_suffix(audio, None),
        audio.words,
        in_s=in_s,
        out_s=out_s,
        curve=curve,
    )


@media_task(key=key_of(operations.convert_audio, words=True))
@checked
async def convert_audio(
    audio: Audio,
    *,
    format: str | None = None,
    sample_rate_hz: int | None = None,
    channels: int | None = None,
    bit_rate_bps: int | None = None,
) -> Audio:
    """Convert a sound to another format, sample rate or number of channels; copy it where nothing changes.

    Args:
        audio: The sound.
        format: `wav`, `flac`, `mp3`, `m4a`, `aac` or `ogg`; by default its own.
        sample_rate_hz: None keeps it, or takes the nearest that the format has without loss.
        channels: None keeps them, or takes as many as the format has. Surround is mixed down to stereo or mono.
        bit_rate_bps: For mp3, aac and opus.

    Returns:
        The sound; its record notes what the format required without being asked for.

    Raises:
        ParameterError: The format cannot hold what is asked for.
        MediaError: The sound cannot be used.
    """
    return await operate(
        operations.convert_audio, [audio], Audio, audio_suffix(audio, format), audio.words,
        sample_rate_hz=sample_rate_hz, channels=channels, bit_rate_bps=bit_rate_bps,
    )  # fmt: skip


@media_task(key=key_of(silence.trim_silence, words=True))
@checked
async def trim_silence(
    audio: Audio, *, threshold_db: float = -50.0, keep_s: float = 0.1, max_pause_s: float | None = None
) -> Audio:
    """Cut the silence at both ends, and shorten long pauses inside. Word timings move along.

    Args:
        audio: The sound.
        threshold_db: Under this (dB of full scale) counts as silent, -90 to -10.
        keep_s: Silence that stays at either end.
        max_pause_s: Longer pauses inside become this long; None leaves them.

    Raises:
        ParameterError: A parameter is out of range.
        UnsupportedMediaError: There is nothing in it but silence.
        MediaError: The sound cannot be used.
    """
    words: tuple[Word, ...] = ()
    if audio.words:
        spans = await in_worker(
            silence.kept_spans, audio.path(), threshold_db=threshold_db, keep_s=keep_s, max_pause_s=max_pause_s
        )
        words = silence.words_after(audio.words, spans)
    return await operate(
        silence.trim_silence, [audio], Audio, audio_suffix(audio, None), words,
        threshold_db=threshold_db, keep_s=keep_s, max_pause_s=max_pause_s,
    )  # fmt: skip
