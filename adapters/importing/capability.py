"""What a model does: said by the user, by the provider, or worked out from what it takes and returns."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...errors import CardError
from ..card import CAPABILITIES
from .names import Role, role_of, words_in
from .output import Shape, shape_of
from .published import Published
from .schema import Field

__all__ = ["Ability", "ability_of"]

SAID: dict[str, str] = {
    "text-to-image": "text-to-image",
    "image-to-image": "image-to-image",
    "text-to-video": "text-to-video",
    "image-to-video": "image-to-video",
    "text-to-speech": "speech",
    "text-to-music": "music",
    "speech-to-text": "transcribe",
    "audio-to-text": "transcribe",
    "video-to-audio": "sound",
}
"""fal's categories that say it all. `text-to-audio` is music or sound, `video-to-video` and others can be anything."""
NEEDS: dict[str, tuple[str, ...]] = {
    "image-to-image": ("image", "images"),
    "image-to-video": ("image", "images"),
    "upscale": ("image",),
    "remove-background": ("image",),
    "transcribe": ("audio",),
    "lip-sync": ("audio",),
}
"""Inputs of which a model needs one to do it at all."""
UPSCALE = frozenset({"upscale", "upscaler", "upscaling", "esrgan", "superresolution", "supir"})
CUTOUT = frozenset({"rembg", "birefnet", "rmbg", "matting", "cutout"})
SPEECH = frozenset({"speech", "tts", "voice", "voices", "speaker", "spoken", "narration"})
MUSIC = frozenset({"music", "musicgen", "song", "songs", "melody", "lyria", "lyrics", "instrumental", "soundtrack"})


@dataclass(frozen=True)
class Ability:
    """What a model does.

    Attributes:
        capability: One of `CAPABILITIES`.
        how: What told it, when that was a guess; empty when it was said.
        shape: What comes back.
    """

    capability: str
    how: str
    shape: Shape


def ability_of(published: Published, fields: tuple[Field, ...], said: str = "") -> Ability:
    """Work out what a model does.

    Args:
        published: What is published.
        fields: Its inputs.
        said: The capability that the user wants of it, if any.

    Raises:
        CardError: It cannot be told, or it cannot do what was said.
    """
    roles = _roles(fields)  # fal files upscalers under image-to-image, and talking pictures under image-to-video
    by_provider = SAID.get(published.category, "")
    shape = shape_of(published, fields, CAPABILITIES.get(said or by_provider, ""))
    capability, how = said or by_provider, ""
    loose = capability in ("", "image-to-image") or (capability == "image-to-video" and bool(roles.get("audio")))
    if not said and loose:
        capability, how = _guessed(published, roles, shape, fields)
        how = "" if capability == by_provider else how
    if not capability:
        raise CardError(_unclear(published, shape))
    needs = NEEDS.get(capability, ())
    if needs and not any(name in roles for name in needs):
        raise CardError(
            f"{published.document.about} takes no {' or '.join(needs)} that is known by its name, which {capability} needs; "
            f"its fields are {', '.join(field.name for field in fields[:30])}. Write the card by hand."
        )
    return Ability(capability, how, _fitting(published, capability, shape))


def _fitting(published: Published, capability: str, shape: Shape) -> Shape:
    """Return the shape with the kind that the capability has, when it was only guessed.

    Raises:
        CardError: The model surely returns something else.
    """
    kind = CAPABILITIES[capability]
    if shape.kind == kind or (capability == "sound" and shape.kind == "video"):
        return shape
    if shape.kind and not shape.how:
        raise CardError(f"{published.document.about} returns {shape.kind}, not {kind}, so it does not do {capability}.")
    return replace(shape, kind=kind, how="", format="")


def _roles(fields: tuple[Field, ...]) -> dict[str, bool]:
    """Return the input media that a model takes, and whether it needs them."""
    found: dict[str, bool] = {}
    for field in fields:
        role: Role | None = role_of(field)
        if role:
            found[role.name] = found.get(role.name, False) or field.required
    return found


def _unclear(published: Published, shape: Shape) -> str:
    about = published.document.about
    seen = f" It returns {shape.kind}" if shape.kind else " What it returns is not said"
    category = f", and its category is {published.category!r}." if published.category else "."
    return (
        f"What {about} does cannot be told from its schema.{seen}{category} Say it: {about}#CAPABILITY, with one of "
        f"{', '.join(CAPABILITIES)}."
    )


def _guessed(published: Published, roles: dict[str, bool], shape: Shape, fields: tuple[Field, ...]) -> tuple[str, str]:
    names = {field.name for field in fields}
    words = words_in(published.endpoint, published.title) | names
    because = f" (returns {shape.kind}: {shape.how})" if shape.how else ""
    if shape.kind == "image":
        capability, how = _of_image(roles, words, names)
    elif shape.kind == "video":
        capability, how = _of_video(roles, words)
    elif shape.kind == "audio":
        capability, how = _of_audio(roles, words, words_in(published.description), names)
    else:
        known = shape.kind == "text" and "audio" in roles
        capability, how = ("transcribe", "takes audio and returns text") if known else ("", "")
    return capability, how + because


def _of_image(roles: dict[str, bool], words: set[str], names: set[str]) -> tuple[str, str]:
    for telling, capability in ((UPSCALE, "upscale"), (CUTOUT, "remove-background")):
        if "image" in roles and words & telling:
            return capability, f"the word {sorted(words & telling)[0]!r} in its name"
    if "image" in roles and {"background", "remove"} <= words | (
        {"remove"} if words & {"remover", "removal"} else set()
    ):
        return "remove-background", "the word 'background' in its name"
    if roles.get("image") or roles.get("images") or "prompt" not in names:
        return ("image-to-image", "takes a picture and returns one") if roles else ("", "")
    return "text-to-image", "needs no picture and returns one"


def _of_video(roles: dict[str, bool], words: set[str]) -> tuple[str, str]:
    if "audio" in roles and ("video" in roles or roles.get("audio")) and not (roles.get("image") and "prompt" in words):
        return "lip-sync", "takes sound with a picture or video, and returns video"
    if "video" in roles:
        return (
            ("sound", "takes a video, and its name speaks of sound")
            if words & {"audio", "mmaudio", "sound", "foley"}
            else ("", "")
        )
    if roles.get("image") or roles.get("images"):
        return "image-to-video", "needs a picture and returns video"
    return "text-to-video", "needs no picture and returns video"


def _of_audio(roles: dict[str, bool], words: set[str], said: set[str], names: set[str]) -> tuple[str, str]:
    for where, found in (("name or fields", words), ("description", said)):
        for telling, capability in ((MUSIC, "music"), (SPEECH, "speech")):
            if known := sorted(found & telling):
                return capability, f"the word {known[0]!r} in its {where}"
    if "video" in roles or words & {"sound", "sounds", "sfx", "foley"}:
        return "sound", "speaks of sound" if "video" not in roles else "takes a video and returns sound"
    if "text" in names:
        return "speech", "takes a text and returns sound"
    return ("music", "takes a prompt and returns sound") if "prompt" in names else ("", "")
