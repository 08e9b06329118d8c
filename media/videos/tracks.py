"""Take the sound out of a video, or leave it out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import EncodeError, ParameterError, UnsupportedMediaError
from .. import ffmpeg
from ..container import scan
from ..operation import operation
from ..sounds._job import exactly, write_sound
from ..sounds.copying import copy_options
from ..sounds.formats import audio_shape, conform
from ..streams import AudioStream
from .opening import open_reel
from .writing import write_reel

__all__ = ["extract_audio", "remove_audio"]

COPIED = {
    ".m4a": ("aac", "alac"),
    ".aac": ("aac",),
    ".mp3": ("mp3",),
    ".flac": ("flac",),
    ".ogg": ("vorbis", "opus", "flac"),
    ".opus": ("opus",),
    ".weba": ("opus", "vorbis"),
    ".wav": ("pcm_s16le", "pcm_s24le", "pcm_f32le", "pcm_u8"),
}
"""Codecs that go into a file of this suffix as they are."""
LATE_S = 0.01
COPY_TOLERANCE_S = 0.1


@operation(version=2)
def extract_audio(source: Path, target: Path, *, stream: int = 0, exact: bool = False) -> None:
    """Take the sound of a video (or of any file) into an audio file.

    It is copied undecoded when the target can hold its codec, and encoded otherwise. Sound that begins after the picture
    gets silence in front, so that it still fits the picture.

    Args:
        source: Any file with sound.
        target: `.m4a .mp3 .wav .flac .ogg .opus .aac .weba`.
        stream: Which sound, from 0, when there are several.
        exact: Encode in any case, so that the length is exact to the sample and not to the coded frame.

    Raises:
        ParameterError: No such stream, or a suffix that is not one of audio.
        UnsupportedMediaError: There is no sound.
        MediaError: The source cannot be used, or the target not written.
    """
    found = scan(source)
    if not found.audio:
        raise UnsupportedMediaError(f"Cannot take the sound of '{source.name}': it has none.")
    if not 0 <= stream < len(found.audio):
        raise ParameterError(f"stream={stream} is not the number of a sound. Allowed: 0 to {len(found.audio) - 1}.")
    if target.suffix.lower() not in COPIED:
        raise ParameterError(f"Cannot write sound to '{target.name}'. Allowed: {', '.join(COPIED)}.")
    audio, what = found.audio[stream], f"take the sound of '{source.name}'"
    lead = audio.start_s - found.start_s if found.picture is not None else 0.0
    if not exact and lead < LATE_S and audio.codec in COPIED[target.suffix.lower()]:
        options = copy_options(source, audio, target.suffix, what=what)
        if options is not None:
            _copy(source, target, audio, options, what)
            return
    shape = audio_shape(target.suffix, audio)
    samples = max(1, round((audio.duration_s + max(0.0, lead)) * shape.sample_rate_hz))
    node = ffmpeg.source(source)[str(audio.index)]
    if found.picture is not None:  # fills the gap in front of a sound that starts after its picture
        node = node.filter("aresample", **{"async": 1, "first_pts": 0})
    node = conform(node.filter("asetpts", "PTS-STARTPTS"), audio, shape)
    write_sound(target, exactly(node, samples), samples, shape, what=what)


def _copy(source: Path, target: Path, audio: AudioStream, options: dict[str, Any], what: str) -> None:
    def check(part: Path) -> None:
        written = scan(part).sound
        if written is None or abs(written.duration_s - audio.duration_s) > COPY_TOLERANCE_S:
            length = written.duration_s if written else 0.0
            raise EncodeError(
                f"Cannot {what}: the copy lasts {length:.3f} s instead of {audio.duration_s:.3f} s.", reason="wrong"
            )

    ffmpeg.write(
        target,
        ffmpeg.source(source)[str(audio.index)],
        what=what,
        duration_s=audio.duration_s + 1,
        options=options,
        check=check,
    )


@operation(version=3)
def remove_audio(source: Path, target: Path) -> None:
    """Drop the sound of a video. The picture is copied undecoded where the target takes it.

    Args:
        source: Any video.
        target: `.mp4`, `.mov`, `.mkv` or `.webm`.

    Raises:
        MediaError: The source cannot be used, or the target not written.
    """
    what = f"remove the sound of '{source.name}'"
    write_reel(open_reel(source, keep_sound=False), target, what=what)
