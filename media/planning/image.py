"""Plan how a picture is made to satisfy a contract: size, format, bytes, transparency and animation in one step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..contracts import ImageContract, violations
from ..facts import Facts, Span, ratio_of
from ..types import suffix_of
from ._conversion import Conversion, Policy, Step, joined, likely_size, only, planned, refusal, size_limits, sized
from .image_targets import FORMATS, MEDIA_TYPES, Job, Target, allowed_kinds, choose_target, holds_alpha
from .size_choice import choose_size

__all__ = ["plan_image"]

LOSSES = {
    "webp": "re-encodes as WebP",
    "jpeg": "re-encodes as JPEG",
    "avif": "re-encodes as AVIF",
    "gif": "keeps 256 colours",
}
UNDER = "#ffffff"
"""Laid under transparency that may not stay."""


def plan_image(facts: Facts, contract: ImageContract, policy: Policy) -> Conversion:
    """Return what makes a picture satisfy a contract: no step, or one.

    Raises:
        ParameterError: Nothing local does.
    """
    broken = violations(contract, facts)
    if not broken:
        return planned((), facts, contract)
    _check_content(facts, contract, broken)
    resized = bool(violations(size_limits(contract), facts))
    job = Job(facts, contract, policy, likely_size(facts), resized)
    target = choose_target(job)
    if target is None:
        raise refusal(broken, _advice(job))
    conversion = planned((_step(job, target),), _after(job, target), contract, tuple(_doubts(job, target)))
    if resized and facts.size is None and len(contract.sizes) != 1:  # it will be another one
        return replace(conversion, facts=conversion.facts.model_copy(update={"width_px": None, "height_px": None}))
    return conversion


def _check_content(facts: Facts, contract: ImageContract, broken: Sequence[str]) -> None:
    """Refuse what no operation can add.

    Raises:
        ParameterError: Transparency or animation is missing or would be lost, or no allowed format can be written.
    """
    kinds = allowed_kinds(facts, contract)
    if contract.alpha == "required" and facts.has_alpha is False:
        raise refusal(broken, "Give a picture with transparency, for example from remove_background.")
    if contract.animation == "required":
        still = facts.frames is not None and facts.frames.high <= 1
        what = "Give an animation." if still else "Converting it would keep only its first picture. Give one that fits."
        raise refusal(broken, what)
    if not kinds:
        raise refusal(broken, f"None of these can be written; known are {', '.join(FORMATS)}.")
    if contract.alpha == "required" and not any(map(holds_alpha, kinds)):
        raise refusal(broken, "No allowed format can hold the transparency that is required.")


def _advice(job: Job) -> str:
    if job.own is None:
        return "No allowed format can be written within these limits."
    if choose_size(*job.own, job.room(), job.policy.fit) is not None:
        limit = job.contract.max_bytes
        return f"No allowed format gets a picture of an allowed size into {limit} bytes. Choose another model."
    found = {fit: choose_size(*job.own, job.room(), fit) for fit in ("cover", "pad", "stretch")}
    uses = [f"fit='{fit}' ({sized(job.own, size, Policy(fit))[1]})" for fit, size in found.items() if size]
    if uses:
        return f"fit='{job.policy.fit}' keeps its shape, and no allowed size has that. Use {' or '.join(uses)}."
    return "No size keeps all of these limits. Give another picture, or choose another model."


def _step(job: Job, target: Target) -> Step:
    facts, contract, policy = job.facts, job.contract, job.policy
    parameters: dict[str, Any] = {}
    change, loss = "", ""
    if job.own is None and job.resized:
        parameters = {"fit": policy.fit, **policy.placing()}
        change, loss = f"to an allowed size, {policy.fit}", _unsized_loss(job)
    elif job.own is not None and target.size is not None and target.size != job.own:
        change, loss, parameters = sized(job.own, target.size, policy)
    if not target.keeps_alpha and facts.has_alpha is not False:
        parameters["background"] = UNDER
        if holds_alpha(target.kind):
            parameters["transparent"] = False
    if contract.max_bytes and (target.kind in LOSSES or target.smallest or not target.is_certain):
        parameters["max_bytes"] = contract.max_bytes
    if not target.is_certain and "transparent" in parameters and target.size:  # or the writer would shrink it
        parameters |= {"width": target.size[0], "height": target.size[1]}
    fits = target.smallest or set(parameters) - {"background", "max_bytes"}
    own = FORMATS.get(facts.media_type or "")
    limit = f"within {contract.max_bytes} bytes" if "max_bytes" in parameters else ""
    return Step(
        operation="fit_image" if fits else "convert_image",
        parameters=parameters,
        suffix=suffix_of(MEDIA_TYPES[target.kind]),
        loss=joined([loss, *_losses(job, target)]),
        change=joined([change, "" if own == target.kind else f"{own or 'any format'} -> {target.kind}", limit]),
    )


def _unsized_loss(job: Job) -> str:
    """Return what a change of shape costs a picture of which only the aspect ratio is known."""
    contract, aspect = job.contract, job.facts.aspect
    texts = contract.ratios or tuple(text for text in (contract.min_ratio, contract.max_ratio) if text)
    if aspect is None or not texts:
        return "crops or scales as its size requires"
    kept = max(min(aspect.likely / ratio, ratio / aspect.likely) for ratio in (float(ratio_of(text)) for text in texts))
    share = f"{1 - kept:.0%}".replace("%", " %")
    return {"pad": f"adds bars over {share}", "stretch": f"distorts by {1 / kept - 1:.0%}".replace("%", " %")}.get(
        job.policy.fit, f"crops {share}"
    )


def _losses(job: Job, target: Target) -> Iterator[str]:
    frames = job.facts.frames
    if frames is not None and frames.likely > 1:
        yield f"keeps the first of {frames.likely:g} frames"
    if not target.keeps_alpha and job.facts.has_alpha:
        yield "drops transparency"
    yield LOSSES.get(target.kind, "")
    if target.smallest:
        yield f"shrinks as far as {job.contract.max_bytes} bytes require"


def _doubts(job: Job, target: Target) -> Iterator[str]:
    if job.resized and job.own is None:
        yield "size is not known, the step is planned without it"
    elif job.resized and job.facts.size is None and job.own:
        yield "size is not known exactly, the step is planned for the likely {}x{}".format(*job.own)
    if not target.is_certain and target.size:
        size = "{}x{}".format(*target.size)
        yield f"whether {size} as {target.kind} fits into {job.contract.max_bytes} bytes is known when it is written"
    if job.contract.alpha == "required":
        yield "whether any transparency is left after the step is not known"


def _after(job: Job, target: Target) -> Facts:
    """Return the facts of the written picture."""
    limit = job.contract.max_bytes
    return Facts(
        kind="image",
        **_sides(job, target),
        has_alpha=None if target.keeps_alpha and job.facts.has_alpha is not False else False,
        media_type=MEDIA_TYPES[target.kind],
        frames=Span.exactly(1),
        size_bytes=Span.within(1, limit) if limit else None,
    )


def _sides(job: Job, target: Target) -> dict[str, Any]:
    facts, own = job.facts, job.own
    if target.smallest and own:
        wide, high = (Span(low=low, high=most, likely=most) for low, most in zip(target.smallest, own, strict=True))
        return {"width_px": wide, "height_px": high, "ratio": Span.exactly(own[0] / own[1])}
    if target.size is None or (target.size == own and facts.size is None):
        ratio = only(job.contract.ratios)
        shape = {"ratio": Span.exactly(ratio_of(ratio))} if ratio else {}
        return (
            shape if job.resized else {"width_px": facts.width_px, "height_px": facts.height_px, "ratio": facts.ratio}
        )
    return {"width_px": Span.exactly(target.size[0]), "height_px": Span.exactly(target.size[1])}
