"""Bring a finished job's outputs into the store, and refuse what was not promised."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path
from typing import Any

from ..adapters.base import Job, Output, Snapshot
from ..errors import DegenerateOutputError, MediaError, OutputMismatchError, TransientProviderError
from ..media.facts import Span, facts_of
from ..media.intake import take_in
from ..media.quality import check_output
from ..media.store import Store
from ..media.types import Audio, Image, Media, Origin, Video
from ._loop import at_the_door
from ._work import Work, backoff

__all__ = ["collect"]

FETCH_TRIES = 5
FULL = (errno.ENOSPC, errno.EDQUOT)
SLACK_S = 0.6
SLACK_SHARE = 0.12
"""How far a length may be from what was promised: models round to frames, words and chunks."""


async def collect(work: Work, job: Job, snapshot: Snapshot, scratch: Path, origin: Origin) -> list[Any]:
    """Fetch, admit and check every output.

    Returns:
        Media values, or texts.

    Raises:
        OutputMismatchError: Missing, expired, of another kind or size than promised, or not readable.
        DegenerateOutputError: Black, silent, frozen or empty.
        TransientProviderError: It could not be fetched now; the job stays followed.
        OSError: It could not be stored; the job stays followed, so a later run fetches it again without paying where the provider still has it.
    """
    outputs = snapshot.outputs
    if not outputs:
        raise OutputMismatchError(f"{work.candidate.card.id}: job {job.remote_id} succeeded without any output.")
    made: list[Any] = []
    for number, output in enumerate(outputs):
        if output.text is not None:
            made.append(output.text)
            continue
        try:
            path = await _local(work, job, number, output, scratch)
            made.append(await at_the_door(_admitted, work, path, output, origin))
        except OSError as exc:
            if exc.errno not in FULL:
                raise
            raise OSError(
                exc.errno,
                f"{work.candidate.card.id}: the disk of the store {Store.current().place} is full. The result of job "
                f"{job.remote_id} is paid for: free some space and run the same again before it expires at "
                f"{work.adapter.name}; what is still there is fetched, not bought again.",
            ) from exc
    return made


async def _local(work: Work, job: Job, number: int, output: Output, scratch: Path) -> Path:
    """Return a local file of an output, fetched again when it is cut off, from a renewed URL when it has expired."""
    if output.path is not None:
        return output.path
    waits = backoff()
    renewed = False
    for attempt in range(FETCH_TRIES):
        target = scratch / f"output-{number}-{attempt}"
        try:
            await work.adapter.fetch(output, target)
            return target
        except TransientProviderError as exc:
            if attempt == FETCH_TRIES - 1:
                raise
            await asyncio.sleep(max(next(waits), exc.retry_after_s or 0.0))
        except OutputMismatchError:
            if renewed:
                raise
            renewed = True
            again = (await work.adapter.check(job, scratch)).outputs
            if number >= len(again) or again[number].url in (None, output.url):
                raise
            output = again[number]
    raise AssertionError("every try returns or raises")


def _admitted(work: Work, path: Path, output: Output, origin: Origin) -> Media:
    kind = work.candidate.card.output_kind
    name = work.candidate.card.id
    if output.notes:
        origin = origin.model_copy(update={"notes": (*origin.notes, *output.notes)})
    try:
        media, probed = take_in(path, kind=kind, origin=origin, words=output.words)
    except MediaError as exc:
        raise OutputMismatchError(f"{name}: the output is not usable {kind}: {exc}") from exc
    try:
        check_output(media, probed.picture)
        _as_promised(work, media)
    except DegenerateOutputError as exc:
        raise DegenerateOutputError(f"{name}: {exc} It is kept as {media.digest[:16]}{media.suffix}.") from exc
    return media


def _as_promised(work: Work, media: Media) -> None:
    """Hold an output against what the card promised for this request; what the card leaves open is not held."""
    expected, found = work.candidate.resolved.expected, facts_of(media)  # type: ignore[arg-type]
    problems: list[str] = []
    if isinstance(media, Image | Video):
        for side in ("width_px", "height_px"):
            span: Span | None = getattr(expected, side)
            have: Span | None = getattr(found, side)
            if span is not None and have is not None and not span.low <= have.likely <= span.high:
                problems.append(f"{side.removesuffix('_px')} {have.likely:g} px instead of {_shown(span)}")
    if isinstance(media, Video | Audio) and expected.duration_s is not None:
        span = expected.duration_s
        slack = max(SLACK_S, SLACK_SHARE * span.high)
        if not span.low - slack <= media.duration_s <= span.high + slack:
            problems.append(f"{media.duration_s:.2f} s instead of {_shown(span)} s")
    if problems:
        raise OutputMismatchError(
            f"{work.candidate.card.id}: the output has {', '.join(problems)}. It was paid for and is kept as "
            f"{media.digest[:16]}{media.suffix} in the store."
        )


def _shown(span: Span) -> str:
    return f"{span.low:g}" if span.low == span.high else f"{span.low:g} to {span.high:g}"
