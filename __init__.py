# pyright: reportUnusedImport=false, reportUnsupportedDunderAll=false
"""prefect-media: batch media pipelines on Prefect that chain generative models.

Checked before money is spent, nothing paid twice, nothing paid is lost. Everything that a pipeline needs is here:

    from prefect import flow
    from prefect_media import Video, generate_image, generate_speech, generate_video, merge, together
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import *  # noqa: F403
    from .flows.batch import batch
    from .flows.plan import Plan, plan
    from .flows.results import Report
    from .flows.together import together
    from .media.types import Audio, Image, Media, Video
    from .tasks.budgets import Budget
    from .tasks.generate import (
        edit_image,
        generate_image,
        generate_music,
        generate_sound,
        generate_speech,
        generate_video,
        lip_sync,
        remove_background,
        transcribe,
        upscale_image,
    )
    from .tasks.images import contact_sheet, fit_image, thumbnail
    from .tasks.imports import import_media
    from .tasks.videos import concat, ken_burns, merge

from . import errors as _errors

_HOMES = {
    ".flows.batch": ("batch",),
    ".flows.plan": ("Plan", "plan"),
    ".flows.results": ("Report",),
    ".flows.together": ("together",),
    ".media.types": ("Audio", "Image", "Media", "Video"),
    ".tasks.budgets": ("Budget",),
    ".tasks.generate": (
        "edit_image",
        "generate_image",
        "generate_music",
        "generate_sound",
        "generate_speech",
        "generate_video",
        "lip_sync",
        "remove_background",
        "transcribe",
        "upscale_image",
    ),
    ".tasks.images": ("contact_sheet", "fit_image", "thumbnail"),
    ".tasks.imports": ("import_media",),
    ".tasks.videos": ("concat", "ken_burns", "merge"),
    ".errors": tuple(_errors.__all__),
}
"""Public names by module. They are imported when they are first asked for: Prefect alone takes seconds to import."""

_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
