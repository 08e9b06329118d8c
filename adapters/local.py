"""Local: pictures, videos, speech, music and sounds made on this machine. Free, offline, the same every time.

Endpoints and the keys of their payloads; a key that is left out has its default:

- `landscape`: `prompt`, `width` and `height` (1 to 4096; 1024), `seed`, `format` (png, jpeg, webp).
- `ken-burns`: media `image`; `seconds` (to 600; 5), `width` and `height` (even, 16 to 4096; 1280, 720), `fps` (1 to
  120; 24), `motion` (`auto` or one of `media.ken_burns.MOTIONS`), `zoom` (1.01 to 3; 1.15), `seed`; `prompt` is ignored.
- `voice`: `text` (to 10 000 characters), `voice` (en-us), `rate` (80 to 450; 165), `pitch` (0 to 99; 50).
- `score`: `prompt`, `seconds` (0.5 to 300; 10), `seed`.
- `ambience`: `prompt`, `seconds` (0.2 to 120; 5), `seed`.
- `remix`: media `image`; `prompt`, `seed`.
- `lanczos`: media `image`; `scale` (1 to 16; 2), `prompt` is ignored.

A request is worked off in a thread while `submit` is awaited. When the awaiting task is cancelled, the work stops.
"""

from __future__ import annotations

import asyncio
import contextvars
import difflib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

from ..errors import JobFailedError, MediaError, ParameterError, RequestRejectedError
from ..media.ffmpeg import cancellation
from ..media.types import AnyMedia, Image
from ..settings import get_settings
from .base import (
    CancelFacts,
    CancelOutcome,
    Job,
    JobStatus,
    Output,
    RecentJob,
    Request,
    Snapshot,
    Submission,
    Upload,
    Usage,
)

__all__ = ["LocalAdapter"]

FREE = Usage(cost_usd=Decimal(0))
SUFFIXES = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}

Payload = Mapping[str, Any]


def _landscape(payload: Payload, source: Path | None, scratch: Path) -> Output:
    from ..media.painting.landscape import paint_picture

    options = dict(payload)
    kind = options.pop("format", "png")
    if kind not in SUFFIXES:
        raise ParameterError(f"format is {kind!r}, allowed are {', '.join(SUFFIXES)}.")
    target = scratch / f"landscape{SUFFIXES[kind]}"
    paint_picture(target, **options)
    return Output(path=target, media_type=f"image/{kind}")


def _ken_burns(payload: Payload, source: Path | None, scratch: Path) -> Output:
    from ..media.videos.ken_burns import ken_burns

    assert source is not None
    target = scratch / "ken-burns.mp4"
    ken_burns(source, target, **{name: value for name, value in payload.items() if name != "prompt"})
    return Output(path=target, media_type="video/mp4")


def _voice(payload: Payload, source: Path | None, scratch: Path) -> Output:
    from ..media.offline.voice import speak

    options = dict(payload)
    target = scratch / "voice.wav"
    spoken = speak(options.pop("text"), target, **options)
    notes = (spoken.note,) if spoken.note else ()
    return Output(path=target, media_type="audio/wav", words=spoken.words, notes=notes)


def _score(payload: Payload, source: Path | None, scratch: Path) -> Output:
    from ..media.offline.score import compose

    options = dict(payload)
    target = scratch / "score.wav"
    compose(options.pop("prompt"), target, **options)
    return Output(path=target, media_type="audio/wav")


def _ambience(payload: Payload, source: Path | None, scratch: Path) -> Output:
    from ..media.offline.effects import ambience

    options = dict(payload)
    target = scratch / "ambience.wav"
    ambience(options.pop("prompt"), target, **options)
    return Output(path=target, media_type="audio/wav")


def _remix(payload: Payload, source: Path | None, scratch: Path) -> Output:
    from ..media.painting.remix import remix_image

    assert source is not None
    target = scratch / "remix.png"
    remix_image(source, target, **payload)
    return Output(path=target, media_type="image/png")


def _lanczos(payload: Payload, source: Path | None, scratch: Path) -> Output:
    from ..media.images.fit import convert_image, upscale_image

    assert source is not None
    target = scratch / "lanczos.png"
    factor = float(payload.get("scale", 2.0))
    if factor == 1:
        convert_image(source, target)
    else:
        upscale_image(source, target, factor=factor)
    return Output(path=target, media_type="image/png")


@dataclass(frozen=True)
class Generator:
    """One local model.

    Attributes:
        run: Takes the payload, the file of the input picture and a folder, and makes the output there.
        keys: Keys of the payload.
        required: Those that must be there.
        takes_image: Whether it needs the media `image`.
    """

    run: Callable[[Payload, Path | None, Path], Output]
    keys: frozenset[str]
    required: frozenset[str] = frozenset()
    takes_image: bool = False


def _generator(
    run: Callable[[Payload, Path | None, Path], Output], keys: str, required: str = "", *, takes_image: bool = False
) -> Generator:
    return Generator(run, frozenset(keys.split()), frozenset(required.split()), takes_image)


GENERATORS = {
    "landscape": _generator(_landscape, "prompt width height seed format", "prompt"),
    "ken-burns": _generator(_ken_burns, "prompt seconds width height fps motion zoom seed", takes_image=True),
    "voice": _generator(_voice, "text voice rate pitch", "text"),
    "score": _generator(_score, "prompt seconds seed", "prompt"),
    "ambience": _generator(_ambience, "prompt seconds seed", "prompt"),
    "remix": _generator(_remix, "prompt seed", "prompt", takes_image=True),
    "lanczos": _generator(_lanczos, "prompt scale", takes_image=True),
}


class LocalAdapter:
    """Adapter for the generators of this package. Nothing is billed."""

    name = "local"
    can_look_up = False
    cancellation = CancelFacts(
        queued=CancelOutcome.CANCELED,
        running=CancelOutcome.CANCELED,
        queued_billed=False,
        running_billed=False,
        note="A request is worked off while it is submitted; cancelling the task that awaits it stops the work at once.",
        source="this package",
    )

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None

    def can_find(self, request: Request) -> bool:
        """Return False: nothing is recorded."""
        return False

    def match(self, request: Request, found: RecentJob) -> Job | None:
        """Return None: nothing is recorded."""
        return None

    async def upload(self, media: AnyMedia) -> Upload | None:
        """Return None: files are read where they are."""
        return None

    async def submit(self, request: Request, scratch: Path) -> Submission:
        """Make the output in the scratch folder. Free.

        Raises:
            RequestRejectedError: There is no such endpoint, or a parameter is not possible.
            MediaMissingError: The store does not hold the input media any more.
        """
        job = Job(provider=self.name, remote_id=f"local-{uuid4().hex}", card_id=request.card_id)
        fields: dict[str, Any] = {"provider": self.name, "model": request.card_id, "remote_id": job.remote_id}
        try:
            generator = _checked(request)
            output = await self._work(partial(_run, generator, request, scratch))
        except ParameterError as exc:
            raise RequestRejectedError(f"{request.card_id}: {exc}", billed=False, **fields) from exc
        except MediaError as exc:
            error = JobFailedError(f"{request.card_id}: {exc}", billed=False, **fields)
            return Submission(job, Snapshot(JobStatus.FAILED, error=error, usage=FREE), reattachable=False)
        return Submission(job, Snapshot(JobStatus.SUCCEEDED, (output,), usage=FREE), reattachable=False)

    async def _work(self, work: Callable[[], Output]) -> Output:
        """Run in a thread; a cancellation of the awaiting task stops the thread's work before it is passed on."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(get_settings().workers, thread_name_prefix="local-model")
        stop = Event()
        context = contextvars.copy_context()
        future = self._pool.submit(context.run, partial(_stoppable, work, stop))
        waiter = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(waiter)
        except asyncio.CancelledError:
            stop.set()
            future.cancel()
            while not waiter.done():
                try:
                    await asyncio.wait([waiter])
                except asyncio.CancelledError:
                    continue  # a second cancellation does not make the thread end sooner
            if not waiter.cancelled():
                waiter.exception()  # seen, so that it is not reported as lost
            raise

    async def check(self, job: Job, scratch: Path) -> Snapshot:
        """Say that the result is gone: a local request ends with the process that made it."""
        text = f"{job.card_id}: its request ended with the process that made it. Send it again; it is free."
        error = JobFailedError(text, provider=self.name, model=job.card_id, remote_id=job.remote_id, billed=False)
        return Snapshot(JobStatus.FAILED, error=error, usage=FREE)

    async def cancel(self, job: Job) -> CancelOutcome:
        """Say that it is too late: a job exists only after its work has ended."""
        return CancelOutcome.TOO_LATE

    async def fetch(self, output: Output, target: Path) -> None:
        """Copy an output."""
        from ..media.durable import write_durably

        assert output.path is not None
        await asyncio.to_thread(write_durably, output.path, target)

    async def recent(self, card_id: str, since: datetime) -> list[RecentJob]:
        """Return nothing: nothing is recorded."""
        return []

    async def aclose(self) -> None:
        """End the threads."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await asyncio.to_thread(pool.shutdown)


def _checked(request: Request) -> Generator:
    generator = GENERATORS.get(request.endpoint)
    if generator is None:
        near = difflib.get_close_matches(request.endpoint, GENERATORS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ParameterError(f"There is no local model {request.endpoint!r}. Known: {', '.join(GENERATORS)}.{hint}")
    problems = [
        f"{name!r} is not a parameter of it; it has {', '.join(sorted(generator.keys))}."
        for name in sorted(set(request.payload) - generator.keys)
    ]
    problems += [f"{name!r} is missing." for name in sorted(generator.required - set(request.payload))]
    image = request.media.get("image")
    if generator.takes_image and not isinstance(image, Image):
        problems.append("it needs one picture as 'image'.")
    if problems:
        raise ParameterError(" ".join(problems), problems)
    return generator


def _run(generator: Generator, request: Request, scratch: Path) -> Output:
    image = request.media.get("image")
    source = image.path() if generator.takes_image and isinstance(image, Image) else None
    payload = {name: value for name, value in request.payload.items() if value is not None}
    return generator.run(payload, source, scratch)


def _stoppable(work: Callable[[], Output], stop: Event) -> Output:
    with cancellation(stop):
        return work()
