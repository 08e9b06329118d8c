"""The ffmpeg program: graphs built with ffmpeg-python, guarded inputs, pinned outputs.

ffmpeg-python only turns a graph into arguments. Every input is a local file in a known format (`source`) or made by
FFmpeg itself (`generated`); every output is written under a temporary name, checked, flushed to disk and renamed
(`write`). Equal arguments give equal bytes: threads are pinned, and encoders leave no version or random id behind.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError, EncodeError, MissingExtraError, ParameterError
from ..settings import get_settings
from .container import FORMATS
from .control import cancellation
from .runner import run
from .scratch import scratch_beside, writing

__all__ = [
    "Capabilities",
    "cancellation",
    "capabilities",
    "ffmpeg_exe",
    "generated",
    "graph_module",
    "measure",
    "number",
    "publish",
    "render",
    "require",
    "safe_path",
    "source",
    "write",
]

GLOBAL = (
    "-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+warning", "-progress", "pipe:1",
    "-stats_period", "0.25", "-filter_complex_threads", "2", "-xerror", "-y",
)  # fmt: skip
THREADS = 2
"""x264's bytes depend on its number of threads, so this is part of what an output is."""


@lru_cache(maxsize=1)
def graph_module() -> Any:
    """Return the module ffmpeg-python, after checking that it is not another one of the same name.

    Raises:
        ConfigurationError: `import ffmpeg` gives another distribution's module.
    """
    try:
        import ffmpeg
    except ImportError as exc:
        raise MissingExtraError("Media operations need ffmpeg-python. Install it: pip install ffmpeg-python.") from exc
    try:
        args = ffmpeg.input("a").filter("scale", 2, 2).output("b").get_args()
        found = args[:2] == ["-i", "a"] and "-filter_complex" in args
    except (AttributeError, TypeError):
        found = False
    if not found:
        raise ConfigurationError(
            "The module `ffmpeg` is not ffmpeg-python: another package (typed-ffmpeg, python-ffmpeg, ffmpeg) owns the "
            "same name. Uninstall it and reinstall ffmpeg-python."
        )
    return ffmpeg


def ffmpeg_exe() -> str:
    """Return the ffmpeg program: `IMAGEIO_FFMPEG_EXE`, else the one in the imageio-ffmpeg wheel, else from the PATH.

    Raises:
        ConfigurationError: There is none, or the variable names a file that is not there.
    """
    named = os.environ.get("IMAGEIO_FFMPEG_EXE")
    if named:
        if found := shutil.which(named):
            return found
        raise ConfigurationError(f"IMAGEIO_FFMPEG_EXE={named!r} is not a program. Correct or unset the variable.")
    return _default_exe()


@lru_cache(maxsize=1)
def _default_exe() -> str:
    import imageio_ffmpeg

    try:
        return imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as exc:
        raise ConfigurationError(
            "There is no ffmpeg program. Install one, or set IMAGEIO_FFMPEG_EXE to its path."
        ) from exc


@dataclass(frozen=True)
class Capabilities:
    """What an ffmpeg program can do."""

    exe: str
    version: str
    filters: frozenset[str]
    encoders: frozenset[str]


def capabilities() -> Capabilities:
    """Return version, filters and encoders of the ffmpeg program in use (asked once for each program)."""
    return _capabilities(ffmpeg_exe())


@lru_cache(maxsize=4)
def _capabilities(exe: str) -> Capabilities:
    def ask(option: str) -> str:
        try:
            done = subprocess.run([exe, "-hide_banner", option], capture_output=True, timeout=30, check=True, text=True)
        except (OSError, subprocess.SubprocessError) as exc:
            raise ConfigurationError(
                f"'{exe} {option}' does not run: {exc}. Set IMAGEIO_FFMPEG_EXE to one that does."
            ) from exc
        return done.stdout

    version = re.search(r"ffmpeg version (\S+)", ask("-version"))
    return Capabilities(
        exe=exe,
        version=version[1] if version else "unknown",
        filters=frozenset(re.findall(r"^ [A-Z.|]{2,3} +(\w+) +\S*->", ask("-filters"), re.MULTILINE)),
        encoders=frozenset(re.findall(r"^ [A-Z.]{6} +(\S+) ", ask("-encoders"), re.MULTILINE)),
    )


def require(*, filters: Sequence[str] = (), encoders: Sequence[str] = ()) -> None:
    """Refuse with a clear text when the ffmpeg program lacks something.

    Raises:
        ConfigurationError: It does.
    """
    able = capabilities()
    missing = [f"filter {name}" for name in filters if name not in able.filters]
    missing += [f"encoder {name}" for name in encoders if name not in able.encoders]
    if missing:
        raise ConfigurationError(
            f"ffmpeg {able.version} at {able.exe} lacks: {', '.join(missing)}. Use the program of the imageio-ffmpeg "
            "wheel (unset IMAGEIO_FFMPEG_EXE), or a full build."
        )


def safe_path(path: Path) -> str:
    """Return a file name that FFmpeg takes as nothing but a local file.

    Raises:
        ParameterError: It has a control character.
    """
    text = str(path.absolute())
    if any(ord(char) < 32 for char in text):
        raise ParameterError(f"File name {text!r} has a control character. Rename the file.")
    return "file:" + text


def number(value: float | Fraction) -> str:
    """Return a number as FFmpeg reads it: fractions exact (`30000/1001`), no exponent, no needless zeros."""
    if isinstance(value, Fraction):
        return str(value)
    return f"{value:.6f}".rstrip("0").rstrip(".") or "0"


def source(path: Path, *, formats: str = FORMATS, **options: Any) -> Any:
    """Return the input node of a local file, with every guard before its `-i`.

    Args:
        path: The file.
        formats: Demuxers that may open it; for a picture name one outright (`png_pipe`), here and as `f=`:
            `image2`, which FFmpeg would pick, takes the file name as a pattern.
        **options: Further input options of ffmpeg, for example `ss="1.5"`.
    """
    guards = {
        "protocol_whitelist": "file",
        "format_whitelist": formats,
        "max_pixels": get_settings().max_video_pixels,
        "threads": THREADS,
    }
    return graph_module().input(safe_path(path), **guards, **options)


def generated(filter_spec: str, **options: Any) -> Any:
    """Return an input node that FFmpeg makes itself (`lavfi`). Never pass text from outside as the specification."""
    return graph_module().input(filter_spec, f="lavfi", **options)


def _pinned(target: Path, duration_s: float | None) -> dict[str, Any]:
    limits = get_settings()
    options: dict[str, Any] = {
        "threads": THREADS,
        "fflags": "+bitexact",
        "flags:v": "+bitexact",
        "flags:a": "+bitexact",
        "map_metadata": -1,
        "max_muxing_queue_size": 4096,
        "t": number(limits.max_duration_s if duration_s is None else duration_s),
    }
    if target.suffix.lower() in (".mp4", ".mov", ".m4a"):
        options["movflags"] = "+faststart"
    return options


def write(
    target: Path,
    *streams: Any,
    what: str,
    duration_s: float | None = None,
    options: Mapping[str, Any] | None = None,
    check: Callable[[Path], object] | None = None,
) -> None:
    """Encode streams into a file, atomically: `target` is absent, its old self, or complete and on disk.

    Args:
        target: Its suffix decides the container, unless `options["f"]` says.
        *streams: Nodes of one graph, each mapped to one output stream.
        what: Completes "Cannot ..." in errors, for example `merge 'a.mp4'`.
        duration_s: End of the output. It is also the whole that progress is measured against.
        options: Output options of ffmpeg; they win over the pinned ones.
        check: Called with the finished temporary file; raises to refuse it.

    Raises:
        EncodeError: ffmpeg failed, hung, took too long or was cancelled.
    """
    with scratch_beside(target) as folder:
        part = folder / f"out{target.suffix.lower()}"
        render({part: (streams, options or {})}, what=what, duration_s=duration_s, shown={part: target})
        if check is not None:
            check(part)
        publish(part, target)


def render(
    outputs: Mapping[Path, tuple[Sequence[Any], Mapping[str, Any]]],
    *,
    what: str,
    duration_s: float | None = None,
    shown: Mapping[Path, Path] | None = None,
) -> None:
    """Run one graph into files of a scratch folder. They are neither checked nor made durable: see `write`.

    Args:
        outputs: Streams and options of each file.
        what: As for `write`; likewise `duration_s`.
        duration_s: See `what`.
        shown: Names by which the error's command shall call the files.

    Raises:
        EncodeError: ffmpeg failed, hung, took too long or was cancelled.
    """
    module = graph_module()
    nodes = [
        module.output(*streams, safe_path(path), **{**_pinned(path, duration_s), **options})
        for path, (streams, options) in outputs.items()
    ]
    node = nodes[0] if len(nodes) == 1 else module.merge_outputs(*nodes)
    argv = [ffmpeg_exe(), *GLOBAL, *node.get_args()]
    names = {safe_path(path): safe_path(final) for path, final in (shown or {}).items()}
    run(
        argv, what=what, shown=[names.get(arg, arg) for arg in argv], total_s=duration_s, cwd=next(iter(outputs)).parent
    )
    for path in outputs:
        if not path.is_file() or path.stat().st_size == 0:
            raise EncodeError(f"Cannot {what}: ffmpeg wrote nothing.", reason="wrong")


def publish(part: Path, target: Path) -> None:
    """Flush a finished file to disk and give it its name, in one step.

    Raises:
        EncodeError: The file system refuses.
    """
    with writing(target):
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.replace(target)


def measure(*streams: Any, what: str, duration_s: float | None = None) -> list[str]:
    """Run streams through their filters into nothing, and return the log that the filters wrote (level info).

    Raises:
        EncodeError: As for `write`.
    """
    options = {"f": "null", "t": number(get_settings().max_duration_s if duration_s is None else duration_s)}
    node = graph_module().output(*streams, "-", **options)
    settings = [arg.replace("level+warning", "level+info") for arg in GLOBAL]
    return run([ffmpeg_exe(), *settings, *node.get_args()], what=what, total_s=duration_s, keep_log=True)
