"""Plan the cheapest local operations that make media satisfy a contract, with what they lose.

    plan_conversion(facts_of(image), ImageContract(sizes=((1024, 576),))).steps
    # fit_image 1024x1024 -> 1024x576 cover, crops 44 %

Planning reads no file: facts may be predicted. Where they are not exact the plan is made for the likely ones, holds only
what is certain to be needed, and names the rest in `doubts`; with the real media it is made again.
"""

from __future__ import annotations

from typing import get_args

from ...errors import ParameterError
from ..contracts import Contract, violations
from ..facts import Facts
from ..images.fitting import Gravity
from ._conversion import Conversion, Policy, Step, refusal
from .audio import plan_audio
from .image import plan_image
from .video import plan_video

__all__ = ["FITS", "Conversion", "Step", "plan_conversion"]

FITS = ("cover", "contain", "pad", "stretch", "refuse")
TAKEN_OUT = {
    ("video", "image"): "Take a picture out of it with extract_frame.",
    ("video", "audio"): "Take its sound out with extract_audio.",
    ("image", "video"): "Make a video of it with ken_burns or generate_video.",
}
"""What to do about the wrong kind, by what is given and what is wanted."""


def plan_conversion(
    facts: Facts,
    contract: Contract | None,
    *,
    fit: str = "cover",
    gravity: str = "auto",
    focus: tuple[float, float] | None = None,
) -> Conversion:
    """Return what has to be done to media before it satisfies a contract.

    Args:
        facts: Of real or predicted media.
        contract: What it must be; None for anything.
        fit: Where the shape of a picture or video has to change: `cover` fills the allowed size and crops, `pad` adds bars,
            `stretch` distorts, `contain` only scales. `refuse` allows no conversion at all.
        gravity: The part to keep when cropping, as for `fit_image`.
        focus: Point (fractions of width and height) to keep in the middle; overrides `gravity`.

    Raises:
        ParameterError: Nothing local can make it fit, or `fit="refuse"` and something would have to be done: what was
            found, what is allowed, what to do.
    """
    _check(fit, gravity, focus)
    if contract is None:
        return Conversion((), facts)
    if facts.kind != contract.kind:
        advice = TAKEN_OUT.get((facts.kind, contract.kind), f"Give {contract.kind}.")
        raise refusal(violations(contract, facts), advice)
    policy = Policy(fit, gravity, focus)
    if fit == "refuse" and (broken := violations(contract, facts)):
        raise refusal(broken, f"fit='refuse' allows no conversion. {_instead(facts, contract)}")
    return _planned(facts, contract, policy)


def _planned(facts: Facts, contract: Contract, policy: Policy) -> Conversion:
    match contract.kind:
        case "image":
            return plan_image(facts, contract, policy)
        case "video":
            return plan_video(facts, contract, policy)
        case "audio":
            return plan_audio(facts, contract)


def _instead(facts: Facts, contract: Contract) -> str:
    """Say what would be done if it were allowed."""
    try:
        steps = _planned(facts, contract, Policy()).steps
    except ParameterError:
        return "Give media that fits."
    return f"fit='cover' would do this: {'; '.join(map(str, steps))}."


def _check(fit: str, gravity: str, focus: tuple[float, float] | None) -> None:
    if fit not in FITS:
        raise ParameterError(f"fit={fit!r} is unknown. Known: {', '.join(FITS)}.")
    if gravity not in get_args(Gravity):
        raise ParameterError(f"gravity={gravity!r} is unknown. Known: {', '.join(get_args(Gravity))}.")
    if focus is not None and not (len(focus) == 2 and all(0 <= part <= 1 for part in focus)):
        raise ParameterError(f"focus={focus!r} is not two fractions between 0 and 1.")
