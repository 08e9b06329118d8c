"""Videos that are encoded when their bytes are first asked for, so that a chain of operations is one encode.

Every operation that has a step (see `steps.py`) may answer with such a video. Another one that takes it adds its own step;
anything else, a save or a model, has it rendered: all steps in one decode and one encode. What is rendered depends on the
source and the steps alone, never on who asks first.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError, model_validator

from ...settings import get_settings
from ..container import scan
from ..control import check_not_cancelled
from ..durable import write_text
from ..making import make, origin_of
from ..types import Video
from .chain import open_through, prepare
from .copying import sound_as_is
from .edit import edit_video
from .fusing import version_of_steps
from .reel import Reel, evened
from .targets import Target, target_of
from .writing import is_copied
from .written import check_limits

__all__ = ["Deferred", "deferred", "steps_key"]

SUFFIX = ".mp4"
LOCKS = [threading.Lock() for _ in range(64)]
"""One rendering of the same video at a time; by key."""
POLL_S = 0.05


class Deferred(Video):
    """A video that is not encoded yet. Its size, length and rate are known; `digest` and `size_bytes` have it rendered.

    Attributes:
        source: What it is made from.
        steps: What is done to it, as `edit_video` takes them.
    """

    source: Video
    steps: tuple[dict[str, Any], ...]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name in ("digest", "size_bytes"):
                return getattr(self.rendered(), name)
            return super().__getattr__(name)

    @model_validator(mode="wrap")
    @classmethod
    def _plain(cls, value: Any, handler: Any) -> Any:  # a plain `Video`, which the types of validators do not foresee
        """As JSON it is what it became, which others store under the name of this class."""
        is_plain = isinstance(value, Mapping) and "source" not in value
        return Video.model_validate(value) if is_plain else handler(value)

    def path(self) -> Path:
        """As `Media.path`; it is encoded again where what it became was removed."""
        return self.rendered().path()

    def read(self) -> bytes:
        """As `Media.read`, likewise."""
        return self.rendered().read()

    def save(self, path: str | Path) -> Path:
        """As `Media.save`, likewise."""
        return self.rendered().save(path)

    def record(self) -> dict[str, Any]:
        """Return all of it as JSON values, without encoding it; `of_record` reads it back."""
        facts = {name: value for name, value in self.__dict__.items() if name in Video.model_fields}
        told = Video.model_construct(**facts, digest="", size_bytes=0).model_dump(mode="json")
        kept = {name: told[name] for name in facts}
        return {**kept, "source": self.source.model_dump(mode="json"), "steps": list(self.steps)}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Deferred:
        """Return what `record` told."""
        facts = {name: value for name, value in record.items() if name in Video.model_fields}
        told = Video.model_validate({"digest": "0" * 64, "size_bytes": 1, **facts})
        source, steps = Video.model_validate(record["source"]), tuple(record["steps"])
        return cls.model_construct(**{name: getattr(told, name) for name in facts}, source=source, steps=steps)

    @property
    def identity(self) -> str:
        """What stands for its content in keys: what it is made from, and how."""
        return steps_key(self.source, self.steps)

    def is_there(self) -> bool:
        """Whether it can be had: its source is in the store, or what it became."""
        return self.source.exists() or self.became() is not None

    def became(self) -> Video | None:
        """Return what it became, where that is in the store; nothing is encoded."""
        return _remembered(self.identity)

    @property
    def is_rendered(self) -> bool:
        """Whether its bytes are known."""
        return "digest" in self.__dict__

    def rendered(self) -> Video:
        """Return the video that it becomes, encoding it unless that was done before.

        Raises:
            MediaError: The source cannot be used, or is not in the store any more.
        """
        key = self.identity
        with _alone(key):
            made = self.became()
            if made is None:
                made = make(edit_video, [self.source], Video, SUFFIX, steps=[dict(step) for step in self.steps])
                _remember(key, made)
        origin = (self.origin or made.made).model_copy(update={"lost_credentials": made.made.lost_credentials})
        for name in ("digest", "size_bytes"):  # of a frozen value, whose content does not change by this
            object.__setattr__(self, name, getattr(made, name))
        return made.model_copy(update={"origin": origin})


@contextlib.contextmanager
def _alone(key: str) -> Generator[None]:
    """Let one thread at a time encode the same video; who waits can be cancelled."""
    lock = LOCKS[int(key[:8], 16) % len(LOCKS)]
    while not lock.acquire(timeout=POLL_S):
        check_not_cancelled("encode a video that was put off")
    try:
        yield
    finally:
        lock.release()


def deferred(source: Video, steps: Sequence[Mapping[str, Any]], name: str) -> Deferred | None:
    """Return a video that is made of another one by steps, when it is asked for.

    Args:
        source: In the store.
        steps: Of JSON values, as `edit_video` takes them.
        name: Of the last operation, for the record.

    Returns:
        None where nothing would be encoded: a copy costs too little to be put off.

    Raises:
        ParameterError: A step or a value is not possible.
        MediaError: The source cannot be used, or the result would be over a limit.
    """
    began, path, kind = time.monotonic(), source.path(), target_of(Path(f"made{SUFFIX}"))
    reel = open_through(path, scan(path), prepare(steps))
    if is_copied(reel, kind):
        return None
    ready = evened(reel)
    if (ready.width, ready.height) != (reel.width, reel.height):  # what follows begins with what a file would show
        steps = [*steps, {"do": "even"}]
    check_limits(f"{name} '{path.name}'", ready.width, ready.height, ready.duration)
    done = ", ".join(str(step["do"]) for step in steps)
    notes = (f"{done}: in one encode",) if len(steps) > 1 else ()
    return Deferred.model_construct(
        source=source,
        steps=tuple(dict(step) for step in steps),
        origin=origin_of(name, [source], time.monotonic() - began, notes),
        **_facts(ready, reel, kind),
    )


def _facts(ready: Reel, reel: Reel, kind: Target) -> dict[str, Any]:
    length = float(ready.duration)
    sound = sound_as_is(reel, kind)
    codec = None if reel.sound is None else "aac" if sound is None else sound.codec
    return {
        "media_type": "video/mp4",
        "width_px": ready.width,
        "height_px": ready.height,
        "duration_s": length,
        "frame_rate": ready.rate,
        "codec": "h264",
        "pixel_format": kind.pixels,
        "audio_codec": codec,
        "audio_duration_s": None if codec is None else length if sound is None else sound.duration_s,
    }


def steps_key(source: Video, steps: Sequence[Mapping[str, Any]]) -> str:
    """Return the key of what steps make of a video: equal for equal bytes."""
    content = json.dumps([source.digest, edit_video.version + version_of_steps(), list(steps)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _record(key: str) -> Path:
    return get_settings().home / "cache" / "rendered" / key[:2] / f"{key}.json"


def _remembered(key: str) -> Video | None:
    try:
        made = Video.model_validate_json(_record(key).read_bytes())
    except (FileNotFoundError, ValidationError):  # written by another version
        return None
    return made if made.exists() else None


def _remember(key: str, made: Video) -> None:
    write_text(_record(key), made.model_dump_json())
