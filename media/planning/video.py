"""Plan how a video is made to satisfy a contract: one operation, with one decode and one encode at most."""

from __future__ import annotations

from typing import Any

from ..contracts import VideoContract, violations
from ..facts import Facts, Span
from ..types import suffix_of
from ._conversion import Conversion, Policy, Step, joined, likely_size, planned, refusal, sized
from .video_edits import WRITTEN, Edit, choose_edit

__all__ = ["plan_video"]

OPERATIONS = {"trim": "trim_video", "fit": "fit_video", "frame_rate": "resample_video"}
"""Operation that does a single step of `edit_video`."""
QUALITY = {".mov": 80, ".mkv": 80, ".webm": 55}
"""Of `transcode` where the stream must not be copied: the encoders' defaults."""
NAMES = {"h264": "H.264", "vp9": "VP9"}
ROOM = 0.8
"""Share of a byte limit that a smaller version of a file over it may be expected to take."""


def plan_video(facts: Facts, contract: VideoContract, policy: Policy) -> Conversion:
    """Return what makes a video satisfy a contract: no step, or one.

    Raises:
        ParameterError: Nothing local does.
    """
    broken = violations(contract, facts)
    if not broken:
        return planned((), facts, contract)
    edit = choose_edit(facts, contract, policy, broken)
    _check_bytes(facts, contract, edit, broken)
    doubts = ["size is not known, the step is planned without it"] if edit.unsized else []
    if edit.size is not None and facts.size is None:
        doubts.append("size is not known exactly, the step is planned for the likely {}x{}".format(*_own(facts)))
    return planned((_step(facts, policy, edit),), _after(facts, edit), contract, doubts)


def _own(facts: Facts) -> tuple[int, int]:
    return likely_size(facts) or (1, 1)


def _check_bytes(facts: Facts, contract: VideoContract, edit: Edit, broken: list[str]) -> None:
    """Refuse a file over the byte limit, unless cutting and scaling down should bring it well below.

    Raises:
        ParameterError: It stays too large.
    """
    limit, size = contract.max_bytes, facts.size_bytes
    if limit is None or size is None or size.low <= limit:
        return
    share = 1.0
    if edit.seconds is not None and facts.duration_s:
        share *= edit.seconds / facts.duration_s.likely
    if edit.size is not None:
        own = _own(facts)
        share *= min(1.0, edit.size[0] * edit.size[1] / (own[0] * own[1]))
    if size.likely * share > limit * ROOM:
        raise refusal(
            broken,
            "No local operation writes a video within a number of bytes. Make it smaller before: trim, or transcode "
            "with a lower quality or width.",
        )


def _step(facts: Facts, policy: Policy, edit: Edit) -> Step:
    parts, changes, losses = _parts(facts, policy, edit)
    operation, parameters = _operation(edit, parts, facts.frame_rate.likely if facts.frame_rate else None)
    own, written = facts.media_type, edit.media_type
    if own != written:
        changes.append(f"{suffix_of(own)[1:] if own else 'any format'} -> {edit.suffix[1:]}")
    encoded = edit.encodes or (not edit.unsized and bool({"fit", "frame_rate"} & {part["do"] for part in parts}))
    name = NAMES[WRITTEN[edit.suffix]]
    losses.append(
        f"re-encodes as {name}" if encoded else "" if operation == "remove_audio" else f"may re-encode as {name}"
    )
    return Step(operation, parameters, edit.suffix, joined(losses), joined(changes))


def _parts(facts: Facts, policy: Policy, edit: Edit) -> tuple[list[dict[str, Any]], list[str], list[str]]:
    """Return the steps as `edit_video` takes them, what they do, and what they cost."""
    parts: list[dict[str, Any]] = []
    changes: list[str] = []
    losses: list[str] = []
    if edit.rate is not None:
        parts.append({"do": "frame_rate", "fps": edit.rate})
        own = facts.frame_rate.likely if facts.frame_rate else edit.rate
        if abs(own - edit.rate) > own * 1e-4:
            changes.append(f"{own:.4g} -> {edit.rate:.4g} fps")
            losses.append("repeats frames" if edit.rate > own else "leaves out frames")
    if edit.seconds is not None:
        parts.append({"do": "trim", "seconds": edit.seconds})
        length = facts.duration_s.likely if facts.duration_s else edit.seconds
        if length - edit.seconds > 0.04:
            changes.append(f"{length:.4g} s -> {edit.seconds:.4g} s")
            losses.append(f"trims {length - edit.seconds:.1f} s")
    if edit.unsized:
        parts.append({"do": "fit", "fit": "cover" if policy.fit == "contain" else policy.fit, **policy.placing()})
        changes.append(f"to an allowed size, {policy.fit}")
        losses.append("crops or scales as its size requires")
    elif edit.size is not None:
        change, loss, fitting = sized(_own(facts), edit.size, policy)
        parts.append({"do": "fit", **fitting})
        changes.append(change)
        losses.append(loss)
    if edit.mutes:
        parts.append({"do": "mute"})
        losses.append("drops the sound")
    return parts, changes, losses


def _operation(edit: Edit, parts: list[dict[str, Any]], own_rate: float | None) -> tuple[str, dict[str, Any]]:
    """Return the operation that does these steps, the cheapest first, and its parameters."""
    done = [part["do"] for part in parts]
    plain = [{name: value for name, value in part.items() if name != "do"} for part in parts]
    if not done or (done == ["frame_rate"] and (edit.encodes or own_rate == edit.rate)):
        rate = {"fps": edit.rate} if edit.rate is not None else {}
        forced = {"quality": QUALITY[edit.suffix]} if edit.encodes and edit.suffix in QUALITY else {}
        return "transcode", {"to": edit.suffix[1:], **rate, **forced}
    if edit.encodes:  # what turns out to change nothing would be copied
        return "edit_video", {"steps": [*parts, {"do": "encode"}]}
    if len(done) == 1:
        return OPERATIONS.get(done[0], "remove_audio"), plain[0]
    if done == ["frame_rate", "fit"]:
        return "fit_video", {**plain[1], **plain[0]}
    return "edit_video", {"steps": parts}


def _after(facts: Facts, edit: Edit) -> Facts:
    """Return the facts of the written video."""
    size = edit.size
    written = WRITTEN[edit.suffix]
    resampled = edit.rate is not None and (facts.frame_rate is None or facts.frame_rate.likely != edit.rate)
    encoded = edit.encodes or resampled or (size is not None and facts.size not in (None, size))
    sides = {
        "width_px": _evened(facts.width_px, encoded) if size is None else Span.exactly(size[0]),
        "height_px": _evened(facts.height_px, encoded) if size is None else Span.exactly(size[1]),
        "ratio": facts.ratio if size is None else None,
    }
    if edit.unsized or (size is not None and facts.size is None):
        sides = dict.fromkeys(sides)
    length = facts.duration_s if edit.seconds is None else Span.exactly(edit.seconds)
    if length is not None and edit.seconds is None and edit.rate is not None:  # it ends with a whole frame, and has one
        frame = 1 / edit.rate
        low, high, likely = length.low - frame / 2, length.high + frame / 2, length.likely
        length = Span(low=max(frame, low), high=max(frame, high), likely=max(frame, likely))
    return Facts(
        kind="video",
        **sides,
        duration_s=length,
        frame_rate=_kept_rate(facts) if edit.rate is None else Span.exactly(edit.rate),
        has_audio=False if edit.mutes else facts.has_audio,
        media_type=edit.media_type,
        codec=written if encoded or facts.codec == written else None,
    )


def _kept_rate(facts: Facts) -> Span | None:
    """Return the frame rate of the result; unknown when the video's is no usual one, and so may be the mean of several."""
    span = facts.frame_rate
    if span is None or not span.exact:
        return span
    return span if min(abs(span.low * factor - round(span.low * factor)) for factor in (1, 1.001)) < 1e-3 else None


def _evened(span: Span | None, encoded: bool) -> Span | None:
    """Return a side as video can store it; as it is, or like that, where the picture may be copied undecoded."""
    if span is None:
        return None
    low, likely, high = (max(2, int(value) // 2 * 2) for value in (span.low, span.likely, span.high))
    return (
        Span(low=low, high=high, likely=likely)
        if encoded
        else Span(low=min(low, span.low), high=span.high, likely=span.likely)
    )
