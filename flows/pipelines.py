"""Find the flow that a name means: a ready flow, `module:flow`, or `path/to/file.py:flow`."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import importlib.util
import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from prefect import Flow

from ..errors import ConfigurationError

__all__ = ["READY", "Pipeline", "find_pipeline"]

READY = {
    "clip": "prefect_media.flows.clip:clip",
    "storyboard": "prefect_media.flows.storyboard:storyboard",
}
"""Ready flows by name."""


@dataclass(frozen=True)
class Pipeline:
    """A flow and how it was named.

    Attributes:
        flow: The Prefect flow.
        reference: A name that finds it again from another process, when there is one (`module:flow`).
        fingerprint: Changes when the file that defines the flow changes, so that rows finished by the old code are
            evaluated again (their unchanged calls are still reused).
    """

    flow: Flow[Any, Any]
    reference: str
    fingerprint: str


def find_pipeline(name: str | Flow[Any, Any]) -> Pipeline:
    """Return the flow that a name means.

    Raises:
        ConfigurationError: Nothing goes by that name, or it is not a flow.
    """
    if isinstance(name, Flow):
        return _described(name, f"{name.fn.__module__}:{name.fn.__qualname__}")
    target = READY.get(name, name)
    place, colon, attribute = target.rpartition(":")
    if not colon or not place or not attribute:
        known = ", ".join(READY)
        near = difflib.get_close_matches(name, READY, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ConfigurationError(
            f"Unknown pipeline {name!r}. Expected a ready flow ({known}), module:flow or path/to/file.py:flow.{hint}"
        )
    module = _load_file(Path(place), name) if place.endswith(".py") else _load_module(place, name)
    found = getattr(module, attribute, None)
    if isinstance(found, Flow):
        return _described(found, target)
    flows = ", ".join(sorted(key for key, value in vars(module).items() if isinstance(value, Flow))) or "none"
    what = "is not a Prefect flow (decorate it with @flow)" if found is not None else "does not exist"
    raise ConfigurationError(f"Pipeline {name!r}: {attribute!r} in {place} {what}. Flows found there: {flows}.")


def _described(flow: Flow[Any, Any], reference: str) -> Pipeline:
    source = inspect.getsourcefile(flow.fn)
    text = Path(source).read_bytes() if source and Path(source).is_file() else _code_of(flow)
    return Pipeline(flow, reference, hashlib.sha256(text).hexdigest()[:16])


def _code_of(flow: Flow[Any, Any]) -> bytes:
    code = flow.fn.__code__
    return code.co_code + repr(code.co_consts).encode()


def _load_module(name: str, asked: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as exc:
        if exc.name and name.startswith(exc.name):
            raise ConfigurationError(
                f"Pipeline {asked!r}: module {name!r} cannot be found. Install it, or name its file: path/to/file.py:flow."
            ) from exc
        raise ConfigurationError(f"Pipeline {asked!r}: importing {name!r} failed: {exc}.") from exc
    except Exception as exc:
        raise ConfigurationError(f"Pipeline {asked!r}: importing {name!r} failed: {type(exc).__name__}: {exc}") from exc


def _load_file(path: Path, asked: str) -> ModuleType:
    path = path.expanduser().resolve()
    if not path.is_file():
        raise ConfigurationError(f"Pipeline {asked!r}: there is no file {path}.")
    name = f"prefect_media_pipeline_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    # Files beside the pipeline may be imported by it, as when Python runs it as a script.
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as exc:
        del sys.modules[name]
        raise ConfigurationError(
            f"Pipeline {asked!r}: {path.name} failed to load: {type(exc).__name__}: {exc}"
        ) from exc
    return module
