"""What edits of one picture, video or sound make, from the facts of their input: the rest of `predictions`."""

from __future__ import annotations

from ...errors import ParameterError
from ..facts import Facts, Span
from ..signing.certificate import load_certificate
from ..signing.sign import check_signable
from .predictions import FORMATS, Inputs, Values, predicts

ANIMATED = ("gif", "webp")
SLACK_S = 0.05
CHANGED = {"size_bytes": None, "codec": None, "media_type": None}


def _longer(span: Span | None, factor: float, slack_s: float = SLACK_S) -> Span | None:
    if span is None:
        return None
    low, likely, high = (value * factor for value in (span.low, span.likely, span.high))
    return Span(low=max(0.0, low - slack_s), likely=likely, high=high + slack_s)


def _slack_s(facts: Facts) -> float:
    """Length that rounding to frames may move."""
    return max(SLACK_S, 1 / max(facts.frame_rate.low, 1.0)) if facts.frame_rate else 1.0


@predicts("rotate_image", "adjust_image", "crop_image")
def _retouched(inputs: Inputs, values: Values) -> Facts:
    facts: Facts = inputs["image"]
    name = values.get("format")
    update: dict[str, Span | str | None] = {"size_bytes": None, "frames": Span.exactly(1)}
    if name:
        update["media_type"] = FORMATS.get(name, f"image/{name}")
    if "left" in values or values.get("degrees", 0) % 180:  # cropped and turned pictures have another size
        update |= {"width_px": None, "height_px": None, "ratio": None}
    if "degrees" in values:  # corners may be transparent
        update |= {"has_alpha": None}
    return facts.model_copy(update=update)


@predicts("flatten_image")
def _flattened(inputs: Inputs, values: Values) -> Facts:
    return _retouched(inputs, values).model_copy(update={"has_alpha": False})


@predicts("fade_video", "reverse_video", "chroma_key", "overlay_video")
def _same_video(inputs: Inputs, values: Values) -> Facts:
    facts: Facts = inputs["video"]
    return facts.model_copy(update={**CHANGED, "duration_s": _longer(facts.duration_s, 1, _slack_s(facts))})


@predicts("change_speed")
def _faster(inputs: Inputs, values: Values) -> Facts:
    facts, factor = inputs["video"], float(values["factor"])
    if not 0.1 <= factor <= 20:
        raise ParameterError(f"factor={factor:g} is not between 0.1 and 20.")
    return facts.model_copy(update={**CHANGED, "duration_s": _longer(facts.duration_s, 1 / factor, _slack_s(facts))})


@predicts("loop_video")
def _looped(inputs: Inputs, values: Values) -> Facts:
    facts, times, seconds = inputs["video"], values.get("times"), values.get("seconds")
    if (times is None) == (seconds is None):
        raise ParameterError("Give one of times and seconds.")
    length = Span.exactly(float(seconds)) if seconds is not None else facts.duration_s
    slack = _slack_s(facts) * (times or 1)
    return facts.model_copy(update={**CHANGED, "duration_s": _longer(length, times or 1, slack)})


@predicts("reframe_video")
def _reframed(inputs: Inputs, values: Values) -> Facts:
    facts: Facts = inputs["video"]
    return facts.model_copy(update={**CHANGED, "width_px": None, "height_px": None, "ratio": None})


@predicts("edit_video")
def _edited(inputs: Inputs, values: Values) -> Facts:
    return Facts(kind="video", media_type="video/mp4", codec="h264" if inputs["video"].codec == "h264" else None)


@predicts("transcode")
def _transcoded(inputs: Inputs, values: Values) -> Facts:
    if values.get("to") in ANIMATED:
        return Facts(kind="image", media_type=f"image/{values['to']}")
    facts: Facts = inputs["video"]
    update = dict(CHANGED)
    if values.get("width") or values.get("height"):
        update |= {"width_px": None, "height_px": None, "ratio": None}
    if values.get("fps"):
        update |= {"frame_rate": None}
    return facts.model_copy(update={**update, "duration_s": _longer(facts.duration_s, 1, _slack_s(facts))})


@predicts("still_to_video")
def _still(inputs: Inputs, values: Values) -> Facts:
    seconds = float(values.get("seconds", 5.0))
    if not 0 < seconds <= 3600:
        raise ParameterError(f"seconds={seconds:g} is not above 0 and at most 3600.")
    length = _longer(Span.exactly(seconds), 1, 1.0)
    return Facts(kind="video", media_type="video/mp4", codec="h264", duration_s=length, has_audio=False)


@predicts("change_volume", "fade_audio", "convert_audio")
def _same_sound(inputs: Inputs, values: Values) -> Facts:
    facts: Facts = inputs["audio"]
    update = dict(CHANGED)
    if any(values.get(name) for name in ("format", "sample_rate_hz", "channels")):
        update |= {"sample_rate_hz": None, "channels": None}
    return facts.model_copy(update={**update, "duration_s": _longer(facts.duration_s, 1)})


@predicts("trim_silence")
def _shortened(inputs: Inputs, values: Values) -> Facts:
    facts: Facts = inputs["audio"]
    whole = facts.duration_s
    length = None if whole is None else Span(low=0.0, likely=whole.likely, high=whole.high + SLACK_S)
    return facts.model_copy(update={**CHANGED, "duration_s": length})


@predicts("write_provenance")
def _recorded(inputs: Inputs, values: Values) -> Facts:
    facts: Facts = inputs["media"]
    return facts.model_copy(update={"size_bytes": None})


@predicts("sign_media")
def _signed(inputs: Inputs, values: Values) -> Facts:
    facts: Facts = inputs["media"]
    load_certificate()  # what cannot be signed is to be known before anything is paid for
    if facts.media_type is not None:
        check_signable(facts.media_type, f"this {facts.kind}")
    return facts.model_copy(update={"size_bytes": None})
