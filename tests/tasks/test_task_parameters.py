"""Tasks over local operations take what the operations take: by the same names, with the same defaults."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from typing import Any

import pytest
from prefect import Task

from prefect_media import media, tasks
from prefect_media.media.intake import admit_bytes
from prefect_media.media.operation import OPERATIONS
from prefect_media.media.samples.making import sample_image
from prefect_media.media.types import Image

RENAMED = {
    "normalize_loudness": {"lufs": "loudness_lufs", "true_peak": "true_peak_db"},
    "mix": {"lufs": "loudness_lufs", "true_peak": "true_peak_db"},
    "merge": {"lufs": "loudness_lufs"},
    "concat": {"crossfade_s": "transition_s"},
}
"""Parameters of operations that a task names in another way."""
LEFT_OUT = {
    "overlay": {"layers"},  # those of one layer are parameters of the task
}
OWN = {
    "merge": {"music"},  # media, which the operation takes by position
    "overlay": {"start_s", "end_s", "fade_s", "repeat", "sound_db"},  # of the one layer
}
"""Parameters that only the task has, apart from `format`."""
OTHER_DEFAULTS = {
    ("concat", "transition_s"),  # sounds are crossfaded only where `transition` says so
    ("convert_image", "format"),  # required: a task has no target whose suffix could say it
    ("transcode", "to"),  # required of the operation, as its target has to have the suffix
}
WITHOUT_TASK = {
    "upscale_image",  # the task of that name asks a model; its default, `local:lanczos`, is this operation
    "remix_image",  # what the model `local:remix` does
    "write_provenance",  # tasks of their own shape: they take a recipe, a certificate
    "sign_media",
}


def keyword_only(function: Any) -> dict[str, inspect.Parameter]:
    found = inspect.signature(function).parameters.items()
    return {name: parameter for name, parameter in found if parameter.kind is parameter.KEYWORD_ONLY}


def operations_of(task: Task[Any, Any]) -> list[str]:
    """Names of the operations that a task declares in `key_of`; none for tasks over something else."""
    policy: Any = task.cache_policy
    key = inspect.getclosurevars(policy.cache_key_fn).nonlocals.get("key")
    name = inspect.getclosurevars(key).nonlocals.get("name", "") if inspect.isfunction(key) else ""
    return name.split("+") if name else []


PAIRS = {
    name: operations_of(task)
    for name in tasks.__all__
    if isinstance(task := getattr(tasks, name), Task) and operations_of(task)
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_task_takes_what_its_operation_takes(name: str) -> None:
    taken = keyword_only(inspect.unwrap(getattr(tasks, name).fn))
    other, wanted = RENAMED.get(name, {}), dict[str, inspect.Parameter]()
    for operation in PAIRS[name]:
        found = keyword_only(OPERATIONS[operation].run)
        wanted |= {other.get(each, each): parameter for each, parameter in found.items()}
    assert set(wanted) - set(taken) == LEFT_OUT.get(name, set())
    assert set(taken) - set(wanted) - {"format"} == OWN.get(name, set())
    defaults = {each for each in set(taken) & set(wanted) if taken[each].default != wanted[each].default}
    assert defaults == {each for task, each in OTHER_DEFAULTS if task == name}


def test_every_operation_has_a_task() -> None:
    for module in pkgutil.walk_packages(media.__path__, f"{media.__name__}."):
        import_module(module.name)
    assert len(PAIRS) > 30
    assert set(OPERATIONS) - {operation for pair in PAIRS.values() for operation in pair} == WITHOUT_TASK


def _cutout() -> Image:
    made = admit_bytes(sample_image(48, 32, look="cutout"))
    assert isinstance(made, Image)
    return made


async def test_pictures_take_quality_background_and_transparency() -> None:
    image = _cutout()
    sheets = [await tasks.contact_sheet.fn([image], quality=quality) for quality in (20, 95)]
    assert sheets[0].size_bytes < sheets[1].size_bytes
    assert image.has_alpha
    assert not (await tasks.fit_image.fn(image, width=24, height=16, transparent=False)).has_alpha
    light, dark = [await tasks.thumbnail.fn(image, width=24, height=24, background=each) for each in ("white", "black")]
    assert light.digest != dark.digest
