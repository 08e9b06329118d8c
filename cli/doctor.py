"""`doctor`: is everything there that pipelines need?"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ..settings import get_settings
from ._output import out, print_json
from ._running import require_api
from .main import Exit, app

Check = tuple[str, bool, str]


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,
) -> int:
    """Check ffmpeg, store, ledger, offline voice, Prefect API and credentials (present or not, never shown)."""
    checks = [_guarded(name, check) for name, check in CHECKS.items()]
    found = {name: _credential(name) for name in _providers()}
    if as_json:
        print_json(
            {
                "ok": all(fine for _, fine, _ in checks),
                "checks": [{"name": name, "ok": fine, "detail": detail} for name, fine, detail in checks],
                "credentials": found,
            }
        )
    else:
        for name, fine, detail in checks:
            mark = "[green]ok[/]  " if fine else "[red]bad[/] "
            out.print(mark, end=" ")
            out.print(f"{name}: {detail}", markup=False)
        for name, state in found.items():
            out.print(f"     {name}: {state}", markup=False)
    return Exit.DONE if all(fine for _, fine, _ in checks) else Exit.SOME_FAILED


def _guarded(name: str, check: Callable[[], str]) -> Check:
    try:
        return name, True, check()
    except Exception as exc:  # noqa: BLE001 - whatever is wrong is what is to be told, with the checks that follow
        return name, False, f"{type(exc).__name__}: {str(exc).partition(chr(10))[0]}"


def _ffmpeg() -> str:
    from ..media.ffmpeg import capabilities, ffmpeg_exe

    found = capabilities()
    return f"{ffmpeg_exe()} ({found.version})"


def _store() -> str:
    from ..media.store import Store

    store = Store.current()
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.bin"
        probe.write_bytes(b"prefect-media doctor")
        digest, _ = store.put(probe, ".bin")
        store.verify(digest, ".bin")
    if not store.is_local:
        return f"{store.url}, written and read back"
    free = shutil.disk_usage(Path(store.url.removeprefix("file://"))).free
    return f"{store.url}, written and read back, {free / 1e9:.0f} GB free"


def _ledger() -> str:
    from ..ledger import Ledger

    ledger = Ledger.current()
    held = sum(1 for _ in ledger.calls.listing(state="held"))
    return f"{ledger.place}" + (f", {held} held calls: `prefect-media calls --state held`" if held else "")


def _voice() -> str:
    from ..media.offline.voice import speak

    with tempfile.TemporaryDirectory() as folder:
        speech = speak("ready", Path(folder) / "voice.wav")
    if speech.engine == "tones":
        return "no espeak-ng: speech is marked by tones. Install the extra: pip install 'prefect-media[voice]'"
    return speech.engine


def _prefect() -> str:
    import prefect
    from prefect.settings import get_current_settings

    url = get_current_settings().api.url
    if url is None:
        return f"{prefect.__version__}, no PREFECT_API_URL: commands start a temporary server"
    require_api()
    return f"{prefect.__version__} at {url}"


def _providers() -> list[str]:
    from ..adapters import registry

    return [name for name in registry.names() if registry.entry(name).key_env]


def _credential(name: str) -> str:
    from ..adapters import registry

    line: Any = registry.entry(name)
    base = os.environ.get(line.base_url_env, "")
    where = f", base URL {base}" if base else ""
    variables = " or ".join(" and ".join(way) for way in line.key_env)
    return f"key present{where}" if registry.has_credentials(name) else f"no key ({variables}){where}"


CHECKS: dict[str, Callable[[], str]] = {
    "home": lambda: str(get_settings().home),
    "ffmpeg": _ffmpeg,
    "store": _store,
    "ledger": _ledger,
    "voice": _voice,
    "prefect": _prefect,
}
