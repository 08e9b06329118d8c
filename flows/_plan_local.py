"""Local operations in a plan: imports, operations, conversions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigurationError, MediaError
from ..media.facts import Facts, facts_of
from ..media.intake import VALUES
from ..media.planning.predictions import predict
from ..media.probe import probe
from ..media.signing.carried import carries_credentials
from ..media.types import Media, Video
from ..settings import get_settings
from ..tasks import local
from ..tasks._chains import STEPS
from ..tasks._task import content_key
from ._declared import media_parameters, returned_kind
from ._futures import CLOCK
from ._plan_calls import as_facts, described, stand_in
from ._plan_values import all_real, facts_in, holds_opaque, task_key
from ._symbolic import Opaque, PlannedText, Told, Unforeseen

if TYPE_CHECKING:
    from ._planner import Evaluation

__all__ = ["conversion_planned", "import_planned", "operation_planned"]

LOCAL_S = {"image": 0.2, "audio": 0.3, "video": 0.5}
LOCAL_FACTOR = {"image": 0.0, "audio": 0.05, "video": 0.2}
"""Rough: seconds a local operation takes, and for each second of its result, on two cores at 720p."""

STEP_S = 0.1
"""Likewise for a step that joins an encode."""


COPYING = ("trim", "remove_audio")
"""Steps that may leave the picture as it is, and then encode nothing that another one could join."""


def import_planned(run: Evaluation, task: Any, parameters: Mapping[str, Any]) -> Any:
    source, kind = str(parameters["source"]), parameters.get("kind")
    if "://" in source:
        if not source.startswith(("https://", "http://")):
            return _not_imported(run, task, kind, f"{source!r} is not supported. Expected a file or https://.")
        facts, digest, is_file, notes = Facts(kind=kind or "image"), stand_in("import", source), False, ()
        if kind is None:
            raise Unforeseen(f"import_media({source!r:.80}): what is behind a URL is not known before it runs")
    else:
        try:
            kind_found, facts, digest, notes = file_facts(Path(source).expanduser())
        except OSError as exc:
            problem = f"{source!r} cannot be read: {exc.strerror or exc}. Expected a file, or https://."
            return _not_imported(run, task, kind, problem)
        except MediaError as exc:
            return _not_imported(run, task, kind, str(exc))
        if kind is not None and kind_found != kind:
            return _not_imported(run, task, kind, f"{source!r} is {kind_found}, {kind} is wanted.")
        is_file = True
    number = run.add(
        "import_media", "local", "new", about=source, seconds=LOCAL_S["image"], makes=described(facts), notes=notes
    )
    return run.symbolic(Told("import_media", facts, run, CLOCK.get(), is_file), digest, "import", number)


def _not_imported(run: Evaluation, task: Any, kind: Any, problem: str) -> Any:
    """Refuse an import; what takes its result is no problem more."""
    made = run.refused(task, problem, facts=Facts(kind=kind or "image"))
    return made if kind is not None else Opaque(Told("import_media", Facts(kind="text"), run, CLOCK.get()))


def operation_planned(run: Evaluation, task: Any, name: str, parameters: dict[str, Any]) -> Any:
    kinds = media_parameters(task.fn)
    inputs = [parameters[key] for key in kinds if parameters.get(key) is not None]
    key = task_key(task, parameters)
    cached = None if task.refresh_cache or not all_real(inputs) else run.known.result(key)
    if cached is not None:
        number = run.add(
            name,
            "local",
            "cached",
            inputs=inputs,
            makes=described(as_facts(cached)) if isinstance(cached, Media) else "",
        )
        return run.real(cached, number)
    facts: Facts | None = Facts(kind=returned_kind(task.fn))  # type: ignore[arg-type]
    if not holds_opaque(inputs):
        given = {key: facts_in(parameters.get(key)) for key in kinds}
        try:
            facts = predict(name, given, {k: v for k, v in parameters.items() if k not in kinds}) or facts
        except (ConfigurationError, MediaError) as exc:
            return run.refused(task, str(exc), facts=facts)
        except TypeError as exc:
            return run.refused(task, f"a parameter is of the wrong type: {exc}.", facts=facts)
    assert facts is not None
    seconds, notes = local_seconds(facts), ()
    if (before := _step_before(run, name, inputs)) is not None:
        seconds, notes = STEP_S, (f"{name}: in one encode with {before}",)
    number = run.add(
        name, "local", "new", inputs=inputs, seconds=seconds, makes=described(facts), key=key or "", notes=notes
    )
    known = Told(name, facts, run, CLOCK.get())
    if facts.kind == "text":
        return PlannedText(known, 400)
    return run.symbolic(known, stand_in(key or f"{name} {run.row} {number}"), name, number)


def _step_before(run: Evaluation, name: str, inputs: Sequence[Any]) -> str | None:
    """Return the planned task whose encode this one shares."""
    if name not in STEPS or not get_settings().fuse or not isinstance(inputs[0], Video):
        return None
    number = run.makers.get(inputs[0].identity)
    before = None if number is None else run.items[number]
    if before is None or before.task not in STEPS or before.status != "new":
        return None
    return before.task if before.task not in COPYING or before.notes else None


def conversion_planned(run: Evaluation, media: Any, operation: str, values: Mapping[str, Any], suffix: str, *, about: str = "",
               facts: Facts | None = None) -> Any:  # fmt: skip
    """Plan one conversion as the run does it: a task run of its own."""
    parameters = {"media": media, "operation": operation, "parameters": dict(values), "suffix": suffix}
    key = content_key("convert", 1, parameters)
    if all_real([media]):
        key = task_key(local.convert, parameters)
        cached = run.known.result(key)
        if cached is not None:
            return run.real(cached, run.add(operation, "conversion", "cached", about=about, inputs=[media]))
    if facts is None:
        source = as_facts(media)
        try:
            facts = predict(operation, {"image": source, "video": source, "audio": source, "media": source}, values)
        except (ConfigurationError, MediaError) as exc:
            run.refuse(operation, str(exc))
        facts = facts or Facts(kind=media.kind)
    number = run.add(
        operation,
        "conversion",
        "new",
        about=about,
        inputs=[media],
        seconds=local_seconds(facts),
        makes=described(facts),
    )
    return run.symbolic(Told(operation, facts, run, CLOCK.get()), stand_in(str(key)), operation, number)


def local_seconds(facts: Facts) -> float:
    """Return about how long a local operation takes."""
    length = facts.duration_s.likely if facts.duration_s else 0.0
    return LOCAL_S.get(facts.kind, 0.2) + LOCAL_FACTOR.get(facts.kind, 0.0) * length


_files: dict[tuple[Path, int, int], tuple[str, Facts, str, tuple[str, ...]]] = {}


def file_facts(path: Path) -> tuple[str, Facts, str, tuple[str, ...]]:
    """Return kind, facts and digest of a local file that a run would import, and what is to be said of it.

    Raises:
        OSError: It cannot be read.
        MediaError: It is not media.
    """
    stat = path.stat()
    mark = (path.resolve(), stat.st_mtime_ns, stat.st_size)
    if mark not in _files:
        probed = probe(path, decode=False)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        media = VALUES[probed.kind](
            digest=digest, size_bytes=stat.st_size, media_type=probed.media_type, **probed.fields
        )
        if len(_files) > 4096:
            _files.clear()
        _files[mark] = (probed.kind, facts_of(media), digest, _credentials_note(path, probed.media_type))
    return _files[mark]


def _credentials_note(path: Path, media_type: str) -> tuple[str, ...]:
    if not carries_credentials(path, media_type):
        return ()
    return (
        f"'{path.name}' carries content credentials. Local operations do not carry them on; sign_media on what is made of "
        "it does.",
    )
