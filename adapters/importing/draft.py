"""From what a provider publishes to the content of a card: each field in its place, and a list of what is left."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ...errors import CardError
from ..card import CAPABILITIES, FORMATS, INPUT_NAMES, PLAIN_NAMES, UNIFIED
from .capability import NEEDS, ability_of
from .lengths import place_seconds
from .names import COUNT, FORMAT, FPS, LANGUAGE, NEGATIVE, PROMPT, SCALE, SEED, TEXT, VOICE, role_of
from .output import format_of
from .price import priced
from .published import Published
from .schema import Field
from .sizes import place_size
from .sketch import LONGEST_SEED, Left, Sketch, parameter
from .words import slug

__all__ = ["Draft", "draft", "family_of"]

TIMES = {"image": (15, 300), "video": (120, 1800), "audio": (30, 600), "text": (30, 600)}
"""Expected time and deadline in seconds, for want of published ones."""
FEW = 4
"""Files that a list takes when the schema does not say how many."""
TAILS = ("text-to-image", "image-to-image", "text-to-video", "image-to-video", "text-to-speech", "text-to-audio")


@dataclass(frozen=True)
class Draft:
    """A card that has not been written yet.

    Attributes:
        content: The card, in the order of a file.
        left: What the schema does not say.
        remarks: What one should know of how it was made.
        how: What told the capability, when it was worked out.
    """

    content: dict[str, Any]
    left: tuple[Left, ...]
    remarks: tuple[str, ...]
    how: str


def draft(published: Published, card_id: str, *, said: str = "", family: str = "", version: int = 1) -> Draft:
    """Make a card from what is published.

    Args:
        published: What is published.
        card_id: Id of the card.
        said: The capability that the user wants, if any.
        family: Name that the card gets instead of one made from its id.
        version: Version of the card.

    Raises:
        CardError: It cannot be made, with what to do.
    """
    fields = published.document.fields(published.input)
    sketch = Sketch(published, ability_of(published, fields, said), {item.name: item for item in fields})
    _place_inputs(sketch)
    _place_parameters(sketch)
    place_size(sketch)
    place_seconds(sketch)
    _place_rest(sketch)
    _place_output(sketch)
    price = priced(sketch)
    times = _times(sketch)
    how = sketch.ability.how
    guessed = [f"The capability: {how}."] if how else []
    content: dict[str, Any] = {
        "id": card_id,
        "version": version,
        "family": family or family_of(published.endpoint),
        "title": published.title,
        "capability": sketch.capability,
        "source": published.source,
        "date": datetime.now(UTC).date(),
        "uncertain": [*guessed, *sketch.guessed],
        "notes": list(published.notes),
        "parameters": sketch.parameters,
        "size": sketch.size,
        "seconds": sketch.seconds,
        "options": sketch.options,
        "fixed": sketch.fixed,
        "inputs": sketch.inputs,
        "output": sketch.output,
        "price": price,
        "times": times,
        "extra": dict(published.extra),
    }
    if pinned := published.extra.get("version"):
        sketch.remarks.append(f"Calls run on version {str(pinned)[:12]}; import again for a newer one.")
    content = {key: value for key, value in content.items() if value not in (None, [], {})}
    return Draft(content, tuple(sketch.left), tuple(sketch.remarks), how)


def family_of(endpoint: str) -> str:
    """Return a short name for a model: its endpoint without the owner and without what it does."""
    owner, *parts = endpoint.split("/")
    kept = [part for part in parts if part not in TAILS] or parts
    return slug("-".join(kept)) or slug(owner) or "imported"


def _place_inputs(sketch: Sketch) -> None:
    """Place input media. What a model can do without a picture stays without one: that is another card's business."""
    from_nothing = sketch.capability.startswith("text-to-")
    unused: list[str] = []
    for item in list(sketch.rest.values()):
        role = role_of(item)
        if role is None or role.name in sketch.inputs:
            continue
        del sketch.rest[item.name]
        if from_nothing and role.kind != "audio" and not item.required:
            unused.append(item.name)
            continue
        found: dict[str, Any] = {"field": item.name} if item.name != role.name else {}
        found |= {"kind": role.kind} | ({"required": True} if item.required else {})
        if role.many:
            found["max_count"] = max(item.max_length or FEW, 2)
        found |= {"help": item.help} if item.help else {}
        sketch.inputs[role.name] = found
        if role.many and not item.max_length:
            sketch.miss(
                f"inputs.{role.name}",
                f"the schema does not say how many files {item.name} takes; {FEW} are allowed until then.",
            )
    _require(sketch)
    if unused:
        sketch.remarks.append(
            f"Made for use without pictures: {', '.join(unused)} can be had with a card of another capability."
        )
    if sketch.inputs:
        names = " and ".join(sketch.inputs)
        sketch.miss(
            "inputs", f"limits of {names} (sizes, ratios, bytes, lengths) are not in the schema; add a contract."
        )


def _require(sketch: Sketch) -> None:
    """An input without which the model does something else is required, whatever the schema says."""
    needs = NEEDS.get(sketch.capability, ())
    given = [name for name in needs if name in sketch.inputs]
    if given and not any(sketch.inputs[name].get("required") for name in given):
        item = sketch.inputs[given[0]]
        sketch.inputs[given[0]] = (
            {key: value for key, value in item.items() if key != "help"}
            | {"required": True}
            | ({"help": item["help"]} if "help" in item else {})
        )


def _place(sketch: Sketch, name: str, item: Field | None, **changes: Any) -> None:
    if item is None:
        return
    found, problems = parameter(item, name, **changes)
    sketch.parameters[name] = found
    sketch.remarks += [f"{item.name}: {problem}." for problem in problems]


def _place_parameters(sketch: Sketch) -> None:
    capability = sketch.capability
    if capability == "speech":
        item = sketch.take(TEXT, "text")
        if item is None:
            raise CardError(
                f"{sketch.published.document.about} takes no text that is known by its name. Write the card by hand."
            )
        _place(sketch, "text", item, required=True, default=None, min_length=max(item.min_length or 1, 1))
    if item := sketch.take(PROMPT, "text"):
        alone = not any(given.get("required") for given in sketch.inputs.values())
        always = capability.startswith("text-to-") or (capability in ("music", "sound") and alone)
        needed = always or (item.required and item.default is None)
        changes = {"required": True, "default": None, "min_length": max(item.min_length or 1, 1)} if needed else {}
        _place(sketch, "prompt", item, **changes)
    _place(sketch, "negative_prompt", sketch.take(NEGATIVE, "text"))
    _place_seed(sketch)
    _place(sketch, "voice", sketch.take(VOICE, "text", "choice"))
    if capability in ("speech", "transcribe", "lip-sync"):
        _place(sketch, "language", sketch.take(LANGUAGE, "text", "choice"))
    if capability == "upscale":
        _place_number(sketch, "scale", sketch.take(SCALE, "integer", "number", "choice"))
    if sketch.ability.shape.kind == "video":
        _place_number(sketch, "fps", sketch.take(FPS, "integer", "number", "choice"))
    _place_format(sketch)


def _place_number(sketch: Sketch, name: str, item: Field | None) -> None:
    """Place a number; one that is published as a choice of texts is asked for as a number all the same."""
    if item is None or not item.choices or not all(re.fullmatch(r"\d{1,6}", str(choice)) for choice in item.choices):
        _place(sketch, name, item)
        return
    numbers = [int(choice) for choice in item.choices]
    texts = {str(choice): choice for choice in item.choices if isinstance(choice, str)}
    default = int(item.default) if item.default in item.choices else None
    _place(sketch, name, item, type="integer", choices=numbers, default=default, map=texts or None)


def _place_seed(sketch: Sketch) -> None:
    item = sketch.take(SEED, "integer", "number")
    if item is None:
        return
    low = max(0, int(item.minimum or 0))
    high = int(item.maximum) if item.maximum is not None and item.maximum > low else LONGEST_SEED
    given = item.default if isinstance(item.default, int) and low <= item.default <= high else 0
    # What the provider draws at random cannot be asked for again; -1 and 0 commonly mean that it shall.
    seed = given if given > 0 else min(max(1, low), high)
    _place(sketch, "seed", item, type="integer", required=None, min=low, max=high, step=None, default=seed)


def _place_format(sketch: Sketch) -> None:
    """A choice of file formats by our names; another one stays an option."""
    item, kind = sketch.find(FORMAT, "choice"), sketch.ability.shape.kind
    if item is None:
        return
    ours = {value: format_of(value) for value in item.choices}
    ours = {value: name for value, name in ours.items() if name and FORMATS[name].startswith(kind)}
    names = list(dict.fromkeys(ours.values()))
    if not names or (item.default is not None and item.default not in ours):
        return
    sketch.take((item.name.lower(),))
    renamed = {name: value for value, name in ours.items() if value != name}
    default = ours[item.default] if item.default is not None else names[0]
    _place(sketch, "format", item, choices=names, default=default, required=None, map=renamed or None)
    if left_out := [str(value) for value in item.choices if value not in ours]:
        sketch.remarks.append(f"{item.name} may also be {', '.join(left_out)}, for which there is no name here.")


def _place_rest(sketch: Sketch) -> None:
    """One output a call, nothing inline; everything else is the model's own option."""
    if (item := sketch.find(COUNT, "integer", "choice")) and sketch.ability.shape.kind != "text":
        one = next((value for value in item.choices if str(value) == "1"), None if item.choices else 1)
        if one is not None and (item.minimum is None or item.minimum <= 1):
            sketch.take((item.name.lower(),))
            sketch.fixed[item.name] = one
    if sketch.take(("sync_mode",), "boolean"):
        sketch.fixed["sync_mode"] = False
    for item in sketch.rest.values():
        _place_option(sketch, item)


def _place_option(sketch: Sketch, item: Field) -> None:
    if item.type == "unknown" and not item.required:
        sketch.remarks.append(f"{item.name}: its type is not said; it is left out.")
        return
    if item.name in PLAIN_NAMES and item.name not in sketch.parameters:
        _place(sketch, item.name, item)
        return
    taken = item.name in UNIFIED
    name = f"{item.name}_option" if taken else item.name
    found, problems = parameter(item, name)
    sketch.options[name] = found
    sketch.remarks += [f"{item.name}: {problem}." for problem in problems]
    if taken and item.name in INPUT_NAMES and item.is_uri:
        sketch.remarks.append(f"{item.name} is an address that is given as the option {name}.")


def _place_output(sketch: Sketch) -> None:
    shape, published = sketch.ability.shape, sketch.published
    kind = shape.kind or CAPABILITIES[sketch.capability]
    found: dict[str, Any] = {} if kind == CAPABILITIES[sketch.capability] else {"kind": kind}
    found |= {"field": shape.field} if shape.field else {}
    if "format" not in sketch.parameters and kind != "text":
        if shape.format:
            found["format"] = shape.format
        else:
            sketch.miss("output", 'the file format is not published; write format = "..." when you know it.')
    if kind == "video":
        _of_video(sketch, found)
    if kind == "audio":
        sketch.miss("output", "sample rate and channels are not published.")
    found |= {"expires_s": published.expires_s} if published.expires_s else {}
    sketch.output = found


def _of_video(sketch: Sketch, found: dict[str, Any]) -> None:
    if "fps" in sketch.parameters:
        found["frame_rate"] = "fps"
    else:
        sketch.miss("output", "the frame rate is not published; write frame_rate = 24, or what it is.")
    sound = [
        name
        for name, option in sketch.options.items()
        if option["type"] == "boolean" and re.search(r"audio|sound", name)
    ]
    if sketch.capability in ("lip-sync", "sound"):
        found["has_audio"] = True
    elif "generate_audio" in sound or len(sound) == 1:
        found["has_audio"] = "generate_audio" if "generate_audio" in sound else sound[0]
    else:
        sketch.miss("output", "whether the video has sound is not published; write has_audio = true or false.")


def _times(sketch: Sketch) -> dict[str, Any]:
    expected, deadline = TIMES[sketch.ability.shape.kind or CAPABILITIES[sketch.capability]]
    example = sketch.published.example_s
    if example is not None and 0 < example < 24 * 3600:
        text = f"the published example took {example:.3g} s; the deadline is a guess."
        expected, deadline = round(max(example, 0.1), 1), max(deadline, round(10 * example))
    else:
        text = f"not published; {expected} s and a deadline of {deadline} s are guesses for {sketch.capability}."
    sketch.miss("times", text)
    sketch.guessed.append("The times.")
    return {"expected_s": expected, "deadline_s": deadline}
