"""Sound that goes into a result as it is coded, because nothing of it changes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import EncodeError, ProbeError
from .. import ffmpeg
from ..container import open_guarded
from ..control import check_not_cancelled
from ..scratch import scratch_beside
from ..streams import AudioStream
from ._job import Sound, open_sound
from .unending import sound_source

__all__ = ["copy_options", "copy_sound"]

ISO = ("aac", "alac")
HELD: dict[str, tuple[str, ...]] = {
    ".wav": ("pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le", "pcm_u8"),
    ".flac": ("flac",),
    ".mp3": ("mp3",),
    ".m4a": ISO,
    ".mp4": ISO,
    ".mov": ISO,
    ".aac": ("aac",),
    ".ogg": ("opus", "vorbis", "flac"),
    ".opus": ("opus",),
    ".weba": ("opus", "vorbis"),
    ".webm": ("opus", "vorbis"),
}
"""Codecs that a file of this suffix holds as they are."""
CLOCK_S = 0.003
"""Matroska and WebM have whole milliseconds, and round both ends."""
GAP_S = 0.01
ADTS_PRIMING = 1024
"""A bare AAC file has no place to mark what an encoder put in front; ours puts so much, and a copy may have as much."""


def copy_sound(sound: Sound, target: Path, *, what: str) -> bool:
    """Copy a sound undecoded into a file of its own, if it then sounds as it did.

    The copy is read back: it holds the same packets, begins with the same sample (priming that the source marks is marked)
    and is as long.

    Args:
        sound: What to copy.
        target: Its suffix decides the container.
        what: Completes "Cannot ..." in errors.

    Returns:
        False where that is not possible. Then nothing is written, and the sound has to be encoded.

    Raises:
        EncodeError: The target cannot be written, or it was cancelled.
        MediaError: The source cannot be read.
    """
    suffix, stream = target.suffix.lower(), sound.stream
    if stream.codec not in HELD.get(suffix, ()) or abs(sound.duration_s - stream.duration_s) > 1e-6:
        return False  # a gap before the sound would have to be filled
    before = _read(sound.path, stream.index, what)
    if before.has_gaps and sound.found.picture is not None:
        return False  # what fits a picture only by its times
    options = _options(before, suffix)
    if options is None:
        return False
    with scratch_beside(target) as folder:
        part = folder / f"copied{suffix}"
        try:
            node = sound_source(sound.path, stream)[str(stream.index)]
            ffmpeg.render({part: ([node], options)}, what=what, duration_s=sound.duration_s + 1)
            copied = open_sound(part)
            is_same = _is_same(sound, before, copied, _read(part, copied.stream.index, what))
        except (EncodeError, ProbeError) as exc:
            if getattr(exc, "reason", "failed") != "failed":
                raise
            is_same = False  # the container refuses it
        if is_same:
            ffmpeg.publish(part, target)
    return is_same


def copy_options(path: Path, stream: AudioStream, suffix: str, *, what: str) -> dict[str, Any] | None:
    """Return ffmpeg's output options that copy a sound into a file of its own, None where it has to be encoded.

    Args:
        path: Where it is.
        stream: Which.
        suffix: Of the file, which holds its codec.
        what: Completes "Cannot ..." in errors.

    Raises:
        EncodeError: It was cancelled.
        MediaError: The source cannot be read.
    """
    return _options(_read(path, stream.index, what), suffix.lower())


def _options(coded: _Coded, suffix: str) -> dict[str, Any] | None:
    options: dict[str, Any] = {"c:a": "copy"}
    if suffix in (".weba", ".webm"):
        options["f"] = "webm"
    if suffix == ".mp3" and not coded.skipped:
        if not coded.is_even:
            return None  # without a header that counts its frames, players would guess a wrong length
        # FFmpeg's header makes every reader skip 529 samples and more. Where nothing was marked, those are sound.
        options["write_xing"] = 0
    return options


@dataclass(frozen=True)
class _Coded:
    """Sound as it is coded.

    Attributes:
        digest: Of all packets.
        skipped: Samples at the start that are marked as not to be heard.
        has_gaps: Whether packets do not follow each other in time.
        is_even: Whether all packets have one size, but for a byte of padding.
    """

    digest: str
    skipped: int
    has_gaps: bool
    is_even: bool


def _read(path: Path, index: int, what: str) -> _Coded:
    digest, skipped, has_gaps, sizes = hashlib.sha256(), 0, False, set[int]()
    with open_guarded(path) as container:
        stream, is_adts = container.streams[index], container.format.name == "aac"
        due: int | None = None
        for number, packet in enumerate(container.demux(stream)):
            if number % 1024 == 0:
                check_not_cancelled(what)
            if not packet.size:
                continue
            data = bytes(packet)
            digest.update(data[7 if data[1] & 1 else 9 :] if is_adts else data)  # ADTS repeats its header in each
            sizes.add(packet.size)
            skipped += sum(
                int.from_bytes(bytes(each)[:4], "little")
                for each in packet.iter_sidedata()
                if each.data_type == "skip_samples" and each.data_size >= 8
            )
            if packet.pts is not None:
                has_gaps |= due is not None and float((packet.pts - due) * stream.time_base) > GAP_S
                due = packet.pts + (packet.duration or 0)
    return _Coded(digest.hexdigest(), skipped, has_gaps, max(sizes, default=0) - min(sizes, default=0) <= 1)


def _is_same(sound: Sound, before: _Coded, copied: Sound, after: _Coded) -> bool:
    one, other = sound.stream, copied.stream
    is_alike = (one.codec, one.sample_rate_hz, one.channels) == (other.codec, other.sample_rate_hz, other.channels)
    longer_s = other.duration_s - one.duration_s
    if copied.path.suffix == ".aac" and before.skipped <= ADTS_PRIMING:
        is_in_place = abs(longer_s) <= 3 * ADTS_PRIMING / one.sample_rate_hz
    else:
        is_in_place = before.skipped == after.skipped and abs(longer_s) <= CLOCK_S
    return is_alike and is_in_place and before.digest == after.digest
