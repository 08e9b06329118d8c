"""What captions are made of, and steps of a chain, as the operations take them: plain values and paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ParameterError
from ..media.types import Audio

__all__ = ["FILES", "caption_source", "plain_steps"]

FILES = ("subtitles", "font")
"""Parameters that name a file of the user."""


def caption_source(task: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a caption with a voice's words in place of the voice, and existing files.

    Raises:
        ParameterError: The voice has no word timings, or a file does not exist.
    """
    plain = dict(values)
    voice = plain.pop("voice", None)
    if voice is not None:
        if not isinstance(voice, Audio):
            found = f"{voice.kind}" if hasattr(voice, "kind") else f"{type(voice).__name__} {voice!r:.60}"
            raise ParameterError(f"{task}: voice: {found} was given, audio is wanted.")
        if not voice.words:
            raise ParameterError(
                f"{task}: the voice has no word timings ({voice.made.made_by}). Take speech from a model that gives them, "
                "or give subtitles, cues or words."
            )
        if plain.get("words"):
            raise ParameterError(f"{task}: voice and words are both given. Give one of them.")
        plain["words"] = voice.words
    for name in FILES:
        if plain.get(name) is not None:
            plain[name] = _file(task, name, plain[name])
    if plain.get("font") is not None:
        plain["font"] = str(plain["font"])
    return plain


def _file(task: str, name: str, value: Any) -> Path:
    path = Path(value).expanduser()
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise ParameterError(f"{task}: {name}={str(value)!r} {what}. Expected a file.")
    return path


def plain_steps(task: str, steps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return steps as `edit_video` of the media room takes them.

    Raises:
        ParameterError: A step is not a mapping, or what a caption is made of is not usable.
    """
    plain: list[dict[str, Any]] = []
    for number, step in enumerate(steps, 1):
        if not isinstance(step, Mapping):
            raise ParameterError(f"{task}: step {number} is {step!r:.60}. Expected a mapping such as {{'do': 'mute'}}.")
        plain.append(caption_source(f"{task}: step {number}", step) if step.get("do") == "caption" else dict(step))
    return plain
