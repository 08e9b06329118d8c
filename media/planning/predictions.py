"""What a local operation makes, from the facts of its inputs and its parameters: computed, nothing is read.

    predict("merge", {"video": facts, "voice": facts, "music": None}, {"duration": "extend", ...})

A fact that depends on content stays unknown. Lengths allow for the rounding to whole frames and audio packets.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...errors import ParameterError
from ..facts import Facts, Span
from ..images.fitting import fitted_size

__all__ = ["PREDICTIONS", "predict"]

Inputs = Mapping[str, Any]
"""Facts, a list of facts, or None, by the task's parameter."""
Values = Mapping[str, Any]
Prediction = Callable[[Inputs, Values], Facts]

FORMATS = {"jpeg": "image/jpeg", "jpg": "image/jpeg"}
PREDICTIONS: dict[str, Prediction] = {}
"""By name of the task or operation."""


def predicts(*names: str) -> Callable[[Prediction], Prediction]:
    """Register a prediction."""

    def declare(function: Prediction) -> Prediction:
        PREDICTIONS.update(dict.fromkeys(names, function))
        return function

    return declare


def predict(name: str, inputs: Inputs, values: Values) -> Facts | None:
    """Return the facts of what an operation makes; None when there is no prediction for it.

    Raises:
        ParameterError: A parameter is not possible for these inputs.
    """
    from . import predicted_edits  # noqa: F401 - it registers more of them here  # pyright: ignore[reportUnusedImport]

    function = PREDICTIONS.get(name)
    return None if function is None else function(inputs, values)


def _exactly(value: float | None) -> Span | None:
    return None if value is None else Span.exactly(value)


def _sides(facts: Facts, **wanted: Any) -> tuple[Span | None, Span | None]:
    """Return the size that fitting gives."""
    size, asked = facts.size, (wanted.get("width"), wanted.get("height"))
    if size is None and (None in asked or wanted.get("fit") in ("contain", "exact")):
        return None, None
    width, height = size or asked
    if width is None or height is None:
        return None, None
    fitted = fitted_size(width, height, **wanted)
    return Span.exactly(fitted.width_px), Span.exactly(fitted.height_px)


def _picture(facts: Facts, **changed: Any) -> Facts:
    base: dict[str, Any] = {"media_type": facts.media_type, "has_alpha": facts.has_alpha, "frames": Span.exactly(1)}
    sides: dict[str, Any] = {"width_px": facts.width_px, "height_px": facts.height_px}
    return Facts(kind="image", **{**base, **sides, **changed})


def _image_type(name: str | None, facts: Facts) -> dict[str, Any]:
    media_type = FORMATS.get(name, f"image/{name}") if name else facts.media_type
    opaque = {"has_alpha": False} if media_type == "image/jpeg" else {}
    return {"media_type": media_type, **opaque}


@predicts("fit_image")
def _fit_image(inputs: Inputs, values: Values) -> Facts:
    facts: Facts = inputs["image"]
    names = ("width", "height", "fit", "gravity", "focus", "multiple", "max_megapixels")
    wide, high = _sides(facts, **{name: values[name] for name in names if name in values})
    if values.get("max_bytes") and (
        values.get("fit") == "contain" or not (values.get("width") or values.get("height"))
    ):
        wide = high = None  # it may shrink further
    kind = _image_type(values.get("format"), facts)
    if values.get("transparent") is False:
        kind["has_alpha"] = False
    return _picture(facts, width_px=wide, height_px=high, **kind)


@predicts("convert_image")
def _convert_image(inputs: Inputs, values: Values) -> Facts:
    return _picture(inputs["image"], **_image_type(values.get("format"), inputs["image"]))


@predicts("flatten")
def _flatten(inputs: Inputs, values: Values) -> Facts:
    return _picture(inputs["image"], **(_image_type(values.get("format"), inputs["image"]) | {"has_alpha": False}))


@predicts("thumbnail")
def _thumbnail(inputs: Inputs, values: Values) -> Facts:
    facts: Facts = inputs["media"]
    width, height, fit = values.get("width", 512), values.get("height", 512), values.get("fit", "contain")
    if fit == "contain" and facts.size and facts.size[0] <= width and facts.size[1] <= height:
        sides = facts.width_px, facts.height_px
    else:
        sides = _sides(facts, width=width, height=height, fit=fit)
    made = _image_type(values.get("format") or "jpeg", facts)
    if facts.kind == "video":
        made.setdefault("has_alpha", False)
    return Facts(kind="image", width_px=sides[0], height_px=sides[1], frames=Span.exactly(1), **made)


@predicts("contact_sheet")
def _contact_sheet(inputs: Inputs, values: Values) -> Facts:
    media, labels = inputs["media"], values.get("labels")
    if not media:
        raise ParameterError("Cannot make a contact sheet: there is no media. Give at least one picture or video.")
    if labels is not None and len(labels) != len(media):
        raise ParameterError(f"labels: {len(labels)} lines for {len(media)} pictures. Give one for each.")
    made = _image_type(values.get("format") or "jpeg", media[0])
    made["has_alpha"] = False
    return Facts(kind="image", frames=Span.exactly(1), **made)


def _rate(fps: Any) -> float:
    """A frame rate as the operations take it: a number, or a ratio such as `30000/1001`."""
    from ..videos.opening import parse_rate

    rate = parse_rate(fps)
    assert rate is not None
    return float(rate)


def _video(**facts: Any) -> Facts:
    given: dict[str, Any] = {"media_type": "video/mp4", "codec": "h264", **facts}
    return Facts(kind="video", **given)


@predicts("ken_burns")
def _ken_burns(inputs: Inputs, values: Values) -> Facts:
    from ..videos.ken_burns import _checked as check_move

    seconds, width, height = values.get("seconds", 5.0), values.get("width", 1280), values.get("height", 720)
    motion, zoom = values.get("motion", "auto"), values.get("zoom", 1.15)
    rate = check_move(seconds, width, height, values.get("fps", 24), motion, zoom)
    frames = max(1, round(seconds * float(rate)))
    return _video(
        width_px=Span.exactly(width), height_px=Span.exactly(height), duration_s=Span.exactly(frames / float(rate)),
        frame_rate=Span.exactly(rate), has_audio=False,
    )  # fmt: skip


def _even(span: Span | None) -> Span | None:
    """Round to what video can store."""
    if span is None:
        return None
    low, likely, high = (max(2, int(value) // 2 * 2) for value in (span.low, span.likely, span.high))
    return Span(low=low, high=high, likely=likely)


def _frame_s(facts: Facts, fps: Any = None) -> float:
    rate = _rate(fps) if fps else facts.frame_rate.likely if facts.frame_rate else 12.0
    return 1 / max(rate, 1.0)


def _about(span: Span | None, slack: float) -> Span | None:
    """Return a length that rounding may move."""
    if span is None:
        return None
    return Span(low=max(0.0, span.low - slack), high=span.high + slack, likely=span.likely)


def _most(first: Span, second: Span) -> Span:
    return Span(
        low=max(first.low, second.low), high=max(first.high, second.high), likely=max(first.likely, second.likely)
    )


def _least(first: Span, second: Span) -> Span:
    return Span(
        low=min(first.low, second.low), high=min(first.high, second.high), likely=min(first.likely, second.likely)
    )


MAX_TEMPO = 1.25
"""As `merge` has it."""


def _merged_length(video: Facts, voice: Facts | None, duration: str) -> Span | None:
    own = video.duration_s
    if voice is None or duration == "video":
        return own
    spoken = voice.duration_s
    if own is None or spoken is None:
        return None if duration != "trim" else own if own and not spoken else None
    if duration == "trim":
        return _least(own, spoken)
    return _most(own, spoken.scaled(1 / MAX_TEMPO)) if duration == "tempo" else _most(own, spoken)


@predicts("merge")
def _merge(inputs: Inputs, values: Values) -> Facts:
    from ..sounds.loudness import check_target

    video, voice, music = inputs["video"], inputs.get("voice"), inputs.get("music")
    if values.get("steps"):  # what they make of it is not foreseen
        video = Facts(kind="video", has_audio=video.has_audio)
    duration, fps = values.get("duration", "extend"), values.get("fps")
    modes = ("extend", "loop", "trim", "video", "tempo", "slow")
    if duration not in modes:
        raise ParameterError(f"duration={duration!r} is unknown. Known: {', '.join(modes)}.")
    _within("music_gain_db", values.get("music_gain_db", -9.0), -60, 20, "dB")
    _within("own_gain_db", values.get("own_gain_db", 0.0), -60, 20, "dB")
    _within("duck_db", values.get("duck_db", 12.0), 0, 40, "dB")
    lufs = values.get("loudness_lufs", values.get("lufs", -16.0))
    check_target(-16.0 if lufs is None else lufs, values.get("true_peak", -1.5))
    if voice is None and music is None and not (values.get("keep_audio") and video.has_audio is not False):
        raise ParameterError("There is no voice, no music, and the video's own sound is left out. Give one of them.")
    length = _merged_length(video, voice, duration)
    if voice is not None and length is not None and length != video.duration_s:
        length = _about(length, _frame_s(video, fps) + 0.05)
    rate = _exactly(_rate(fps)) if fps else video.frame_rate
    return _video(
        width_px=_even(video.width_px), height_px=_even(video.height_px), duration_s=length, frame_rate=rate, has_audio=True,
        codec=video.codec,
    )  # fmt: skip


def _within(name: str, value: float, low: float, high: float, unit: str) -> None:
    if not low <= value <= high:
        raise ParameterError(f"{name}={value:g} is not allowed: {low:g} to {high:g} {unit}.")


TRANSITIONS = ("cut", "crossfade", "dissolve", "fade-black", "fade-white", "wipe", "slide", "circle", "zoom")


@predicts("concat", "concat_videos")
def _concat(inputs: Inputs, values: Values) -> Facts:
    videos: Sequence[Facts] = inputs["media"] if "media" in inputs else inputs["videos"]
    if not videos:
        raise ParameterError("Cannot join videos: there are none. Give at least one.")
    if any(media.kind == "audio" for media in videos):
        return _concat_audio(videos, values)
    transition, overlap = values.get("transition", "cut"), float(values.get("transition_s", 0.5))
    if transition not in TRANSITIONS:
        raise ParameterError(f"transition={transition!r} is unknown. Known: {', '.join(TRANSITIONS)}.")
    sides = [_asked_side(name, values.get(name)) for name in ("width", "height")]
    lengths = [video.duration_s for video in videos]
    total: Span | None = None
    if all(span is not None for span in lengths):
        known = [span for span in lengths if span is not None]
        lost = 0.0 if transition == "cut" else overlap * (len(videos) - 1)
        shortest = min(span.high for span in known)
        if lost and 2 * overlap > shortest + 0.05:
            raise ParameterError(
                f"transition_s={overlap:g} does not fit a video that lasts {shortest:g} s. "
                "Allowed: from one frame to half of the shortest video."
            )
        frame = _frame_s(videos[0], values.get("fps"))
        ends = [max(frame, sum(getattr(span, end) for span in known) - lost) for end in ("low", "likely", "high")]
        total = Span(low=ends[0], likely=ends[1], high=ends[2])
        total = _about(total, frame * len(videos)) if len(videos) > 1 else total
    wide = sides[0] or (None if sides[1] else _even(videos[0].width_px))
    high = sides[1] or (None if sides[0] else _even(videos[0].height_px))
    sound = [video.has_audio for video in videos]
    rate = _exactly(_rate(values["fps"])) if values.get("fps") else videos[0].frame_rate
    return _video(
        width_px=wide, height_px=high, duration_s=total, frame_rate=rate,
        has_audio=True if True in sound else None if None in sound else False, codec=None,
    )  # fmt: skip


def _concat_audio(sounds: Sequence[Facts], values: Values) -> Facts:
    if any(media.kind != "audio" for media in sounds):
        raise ParameterError("media: videos and sounds are mixed. Join the videos, and merge the sound afterwards.")
    overlap = float(values.get("transition_s", 0.5)) if values.get("transition") == "crossfade" else 0.0
    between = (float(values.get("gap_s") or 0.0) - overlap) * (len(sounds) - 1)
    lengths = [sound.duration_s for sound in sounds]
    if None in lengths:
        return Facts(kind="audio")
    ends = [
        max(0.0, sum(getattr(span, end) for span in lengths) + between - slack)
        for end, slack in (("low", 0.05), ("likely", 0.0), ("high", -0.05))
    ]
    return Facts(kind="audio", duration_s=Span(low=ends[0], likely=ends[1], high=ends[2]))


def _asked_side(name: str, value: int | None) -> Span | None:
    if value is not None and (value < 2 or value % 2):
        raise ParameterError(
            f"{name}={value} is not even: video stores colour for blocks of 2x2 pixels. Add or take 1."
        )
    return _exactly(value)


@predicts("fit_video")
def _fit_video(inputs: Inputs, values: Values) -> Facts:
    facts: Facts = inputs["video"]
    asked = [_asked_side(name, values.get(name)) for name in ("width", "height")]
    if all(asked) and values.get("fit", "cover") != "contain":
        sides = asked[0], asked[1]
    else:
        names = ("width", "height", "fit", "gravity", "focus")
        wide, high = _sides(facts, **{name: values[name] for name in names if name in values})
        sides = _even(wide), _even(high)
    rate = _exactly(_rate(values["fps"])) if values.get("fps") else facts.frame_rate
    return facts.model_copy(
        update={
            "width_px": sides[0], "height_px": sides[1], "ratio": None, "frame_rate": rate, "size_bytes": None,
            "codec": _written(facts), "media_type": "video/mp4",
        }
    )  # fmt: skip


def _written(facts: Facts) -> str | None:
    """Return the codec of an mp4 that is encoded, or copied where nothing changes."""
    return "h264" if facts.codec == "h264" else None


def _cut(facts: Facts, values: Values) -> Span | None:
    start, end, seconds = float(values.get("start_s") or 0.0), values.get("end_s"), values.get("seconds")
    if end is not None and seconds is not None:
        raise ParameterError(f"end_s={end} and seconds={seconds} are both given. Give one of them.")
    whole = facts.duration_s
    if whole is not None and start >= whole.high:
        raise ParameterError(f"start_s={start:g} is not inside a file that lasts {whole} s. Begin earlier.")
    wished = float(seconds) if seconds is not None else float(end) - start if end is not None else None
    if wished is not None and (wished <= 0 or not math.isfinite(wished)):
        raise ParameterError(f"The part from {start:g} s would be {wished:g} s long. Allowed: more than 0.")
    if whole is None:
        return None if wished is None else Span(low=0.0, high=wished, likely=wished)
    ends = [max(0.0, end - start) for end in (whole.low, whole.likely, whole.high)]
    left = Span(low=ends[0], likely=ends[1], high=ends[2])
    return left if wished is None else _least(left, Span.exactly(wished))


@predicts("trim", "trim_video", "trim_audio")
def _trim(inputs: Inputs, values: Values) -> Facts:
    facts: Facts = inputs.get("media") or inputs.get("video") or inputs["audio"]
    slack = _frame_s(facts) if facts.kind == "video" else 0.05
    length = _cut(facts, values)
    if length != facts.duration_s:
        length = _about(length, slack)
    return facts.model_copy(update={"duration_s": length, "size_bytes": None})


@predicts("resample_video")
def _resample(inputs: Inputs, values: Values) -> Facts:
    facts: Facts = inputs["video"]
    fps = _rate(values["fps"])
    length, made = _about(facts.duration_s, 1 / fps), {"codec": _written(facts), "media_type": "video/mp4"}
    return facts.model_copy(update={"frame_rate": Span.exactly(fps), "duration_s": length, "size_bytes": None, **made})


@predicts("remove_audio")
def _remove_audio(inputs: Inputs, values: Values) -> Facts:
    return inputs["video"].model_copy(update={"has_audio": False, "size_bytes": None})


@predicts("caption", "overlay", "normalize_loudness")
def _same(inputs: Inputs, values: Values) -> Facts:
    """What keeps size and length."""
    facts: Facts = inputs.get("media") or inputs.get("video") or inputs.get("audio") or inputs["image"]
    loose = 0.05 if facts.kind == "audio" else _frame_s(facts)
    return facts.model_copy(
        update={"size_bytes": None, "codec": None, "duration_s": _about(facts.duration_s, loose), "media_type": None}
    )


@predicts("extract_frame")
def _extract_frame(inputs: Inputs, values: Values) -> Facts:
    facts: Facts = inputs["video"]
    return _picture(facts, **_image_type(values.get("format") or "png", facts))


@predicts("extract_audio")
def _extract_audio(inputs: Inputs, values: Values) -> Facts:
    facts: Facts = inputs["video"]
    if facts.has_audio is False:
        raise ParameterError("The video has no sound to take out. Give one that has some.")
    return Facts(kind="audio")


@predicts("mix")
def _mix(inputs: Inputs, values: Values) -> Facts:
    sounds: Sequence[Facts] = inputs.get("audios") or inputs.get("sounds") or inputs.get("media") or ()
    if not sounds:
        raise ParameterError("Cannot mix: there is no sound. Give at least one.")
    return Facts(kind="audio")
