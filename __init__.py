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
    from .media.signing.reading import ContentCredentials, read_credentials
    from .media.types import Audio, Image, Media, Video
    from .tasks.budgets import Budget
    from .tasks.captions import caption
    from .tasks.cuts import change_speed, fade_video, loop_video, resample_video, reverse_video, trim
    from .tasks.generate_audio import generate_music, generate_sound, generate_speech, transcribe
    from .tasks.generate_images import edit_image, generate_image, remove_background, upscale_image
    from .tasks.generate_videos import generate_video, lip_sync
    from .tasks.images import contact_sheet, fit_image, thumbnail
    from .tasks.imports import import_media
    from .tasks.looks import (
        chroma_key,
        edit_video,
        extract_audio,
        extract_frame,
        fit_video,
        reframe_video,
        remove_audio,
        transcode,
    )
    from .tasks.overlays import overlay, overlay_video
    from .tasks.records import sign_media, write_provenance
    from .tasks.retouch import adjust_image, convert_image, crop_image, flatten_image, rotate_image
    from .tasks.sounds import change_volume, convert_audio, fade_audio, mix, normalize_loudness, trim_silence
    from .tasks.videos import concat, ken_burns, merge, still_to_video

from . import errors as _errors

_HOMES = {
    ".flows.batch": ("batch",),
    ".flows.plan": ("Plan", "plan"),
    ".flows.results": ("Report",),
    ".flows.together": ("together",),
    ".media.signing.reading": ("ContentCredentials", "read_credentials"),
    ".media.types": ("Audio", "Image", "Media", "Video"),
    ".tasks.budgets": ("Budget",),
    ".tasks.captions": ("caption",),
    ".tasks.cuts": ("change_speed", "fade_video", "loop_video", "resample_video", "reverse_video", "trim"),
    ".tasks.generate_audio": ("generate_music", "generate_sound", "generate_speech", "transcribe"),
    ".tasks.generate_images": ("edit_image", "generate_image", "remove_background", "upscale_image"),
    ".tasks.generate_videos": ("generate_video", "lip_sync"),
    ".tasks.images": ("contact_sheet", "fit_image", "thumbnail"),
    ".tasks.imports": ("import_media",),
    ".tasks.looks": (
        "chroma_key",
        "edit_video",
        "extract_audio",
        "extract_frame",
        "fit_video",
        "reframe_video",
        "remove_audio",
        "transcode",
    ),
    ".tasks.overlays": ("overlay", "overlay_video"),
    ".tasks.records": ("sign_media", "write_provenance"),
    ".tasks.retouch": ("adjust_image", "convert_image", "crop_image", "flatten_image", "rotate_image"),
    ".tasks.sounds": ("change_volume", "convert_audio", "fade_audio", "mix", "normalize_loudness", "trim_silence"),
    ".tasks.videos": ("concat", "ken_burns", "merge", "still_to_video"),
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
