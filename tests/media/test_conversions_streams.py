"""For awkward real videos and sounds and random contracts: carried out, a conversion keeps the contract, or was refused."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from prefect_media.errors import ParameterError
from prefect_media.media.contracts import AudioContract, Contract, VideoContract, violations
from prefect_media.media.facts import Facts, facts_of
from prefect_media.media.intake import admit
from prefect_media.media.operation import OPERATIONS
from prefect_media.media.planning.conversions import Conversion, plan_conversion
from prefect_media.media.sounds.edit import convert_audio, trim_audio
from prefect_media.media.videos.edit import edit_video, fit_video
from prefect_media.media.videos.timing import resample_video, trim_video
from prefect_media.media.videos.tracks import remove_audio
from prefect_media.media.videos.transcode import transcode

from .make_clips import clip, ffmpeg, folder

RUN = (convert_audio, edit_video, fit_video, remove_audio, resample_video, transcode, trim_audio, trim_video)
VIDEOS = (
    "plain.mp4", "silent.mp4", "ntsc.mp4", "vfr.mkv", "odd.mp4", "sar.mp4", "hevc.mp4", "webm.webm", "rotated.mp4",
    "long_sound.mp4", "late_picture.mp4", "plain.mov", "single.mp4",
)  # fmt: skip
PROLONGED = ("long_sound.mp4", "late_picture.mp4")
"""Sound without picture at one end: encoding shows the first or last picture with it, which facts do not foretell."""
SOUNDS = {
    "stereo.wav": "-ac 2 -c:a pcm_s16le", "deep.wav": "-ac 1 -c:a pcm_s24le", "surround.wav": "-ac 6 -c:a pcm_s16le",
    "plain.flac": "-ac 2", "plain.mp3": "-ac 1 -b:a 64k", "plain.m4a": "-ac 2", "lossless.m4a": "-ac 2 -c:a alac",
    "raw.aac": "-ac 2", "plain.ogg": "-ac 2 -c:a libopus", "vorbis.ogg": "-ac 2 -c:a libvorbis", "low.wav": "-ac 1 -ar 8000",
    "plain.weba": "-f webm -ac 1 -c:a libopus",
}  # fmt: skip
VIDEO_TYPES = ("video/mp4", "video/quicktime", "video/webm", "video/x-matroska")
AUDIO_TYPES = ("audio/wav", "audio/flac", "audio/mpeg", "audio/mp4", "audio/aac", "audio/ogg", "audio/webm")
SIZES = ((64, 48), (48, 64), (32, 32), (96, 40), (33, 21))


@cache
def sound(name: str) -> Path:
    """Return a noise of 0.7 s."""
    path = folder() / name
    rate = "" if "-ar" in SOUNDS[name] or "opus" in SOUNDS[name] else "-ar 44100"
    ffmpeg(f"-f lavfi -i anoisesrc=d=0.7:c=pink:a=0.4:r=48000:seed=2 {rate} {SOUNDS[name]} {path}")
    return path


def some(draw: st.DrawFn, values: tuple[Any, ...], *, rarely: int = 3) -> list[Any]:
    """Draw a few of the values, mostly none, which allows all."""
    if draw(st.integers(1, rarely)) > 1:
        return []
    return draw(st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True))


def limits(draw: st.DrawFn, name: str, values: st.SearchStrategy[Any], *, rarely: int = 3) -> dict[str, Any]:
    """Draw a lower and an upper limit, mostly none."""
    if draw(st.integers(1, rarely)) > 1:
        return {}
    low, high = sorted(draw(st.tuples(values, values)))
    return draw(
        st.sampled_from([{f"min_{name}": low}, {f"max_{name}": high}, {f"min_{name}": low, f"max_{name}": high}])
    )


seconds = st.integers(2, 16).map(lambda value: value / 20)


@st.composite
def video_contracts(draw: st.DrawFn) -> VideoContract:
    return VideoContract(
        media_types=tuple(some(draw, VIDEO_TYPES)),
        codecs=tuple(some(draw, ("h264", "vp9", "hevc"), rarely=4)),
        durations_s=tuple(some(draw, (0.2, 0.35, 0.4, 0.6, 0.8))),
        frame_rates=tuple(some(draw, (5.0, 12.0, 24.0, 29.97, 60.0), rarely=4)),
        sizes=tuple(some(draw, SIZES)),
        ratios=tuple(some(draw, ("1:1", "16:9", "9:16"), rarely=4)),
        multiple=draw(st.sampled_from([None, None, None, 8, 3])),
        max_bytes=draw(st.sampled_from([None, None, None, 3_000, 100_000])),
        audio=draw(st.sampled_from(["any", "any", "forbidden", "required"])),
        **limits(draw, "duration_s", seconds),
        **limits(draw, "frame_rate", st.integers(2, 60), rarely=4),
        **limits(draw, "width_px", st.integers(8, 100), rarely=4),
        **limits(draw, "pixels", st.integers(100, 6000), rarely=5),
    )


@st.composite
def audio_contracts(draw: st.DrawFn) -> AudioContract:
    return AudioContract(
        media_types=tuple(some(draw, AUDIO_TYPES, rarely=2)),
        codecs=tuple(some(draw, ("pcm_s16le", "pcm_s24le", "mp3", "aac", "opus", "flac"), rarely=4)),
        sample_rates_hz=tuple(some(draw, (8_000, 16_000, 22_050, 44_100, 48_000, 96_000))),
        channels=tuple(some(draw, (1, 2, 6))),
        max_bytes=draw(st.sampled_from([None, None, 3_000, 20_000, 60_000, 200_000])),
        **limits(draw, "duration_s", seconds, rarely=2),
    )


def attempted(facts: Facts, contract: Contract, fit: str = "cover") -> Conversion | ParameterError:
    """Return the plan, or why there is none."""
    try:
        return plan_conversion(facts, contract, fit=fit)
    except ParameterError as exc:
        return exc


def check(source: Path, contract: Contract, fit: str = "cover") -> None:
    """Plan, carry out, and hold the result against the contract and against what was foretold."""
    media: Any = admit(source)
    plan = attempted(facts_of(media), contract, fit)
    if isinstance(plan, ParameterError):
        assert set(violations(contract, media)) == {problem.split(". ")[0] for problem in plan.problems}
        return
    assert violations(contract, plan.facts) == []
    with tempfile.TemporaryDirectory() as scratch:
        for number, step in enumerate(plan.steps):
            target = Path(scratch) / f"{number}{step.suffix}"
            OPERATIONS[step.operation](media.path(), target, **step.parameters)
            media = admit(target)
    wrong = differing(facts_of(media), plan.facts)
    if source.name in PROLONGED:
        wrong = [line for line in wrong if not line.startswith("duration_s")]
    assert wrong == []
    broken = violations(contract, media)
    assert all(line.startswith("file ") and any(doubt.startswith("file ") for doubt in plan.doubts) for line in broken)
    assert broken or plan_conversion(facts_of(media), contract, fit="refuse").steps == ()


def differing(found: Facts, foretold: Facts) -> list[str]:
    """Return the facts that are not as foretold; lengths may be off by a coded frame of sound or half a frame of picture."""
    wrong: list[str] = []
    for name in ("width_px", "height_px", "duration_s", "frame_rate", "sample_rate_hz", "channels", "size_bytes"):
        actual, expected = getattr(found, name), getattr(foretold, name)
        slack = 0.05 if name == "duration_s" else 0.01 if name == "frame_rate" else 0
        if expected is not None and not expected.low - slack <= actual.low <= expected.high + slack:
            wrong.append(f"{name} is {actual}, not {expected}")
    for name in ("has_audio", "media_type", "codec"):
        actual, expected = getattr(found, name), getattr(foretold, name)
        if expected is not None and actual != expected:
            wrong.append(f"{name} is {actual}, not {expected}")
    return wrong


@given(st.sampled_from(VIDEOS), video_contracts(), st.sampled_from(["cover", "cover", "contain", "pad", "stretch"]))
@example("single.mp4", VideoContract(codecs=("h264",), frame_rates=(5.0,), min_width_px=8), "cover")
@example("single.mp4", VideoContract(codecs=("vp9",), frame_rates=(24.0,), min_width_px=8), "cover")
@example("hevc.mp4", VideoContract(media_types=("video/quicktime",), min_frame_rate=2.0), "cover")
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_converted_video_keeps_contract(name: str, contract: VideoContract, fit: str) -> None:
    check(clip(name), contract, fit)


@given(st.sampled_from(list(SOUNDS)), audio_contracts())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_converted_sound_keeps_contract(name: str, contract: AudioContract) -> None:
    check(sound(name), contract)
