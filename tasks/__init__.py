"""Prefect tasks: calls to models, and local media operations."""

from .generate import (
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
from .images import contact_sheet, fit_image, thumbnail
from .imports import import_media
from .videos import concat, ken_burns, merge

__all__ = [
    "concat",
    "contact_sheet",
    "edit_image",
    "fit_image",
    "generate_image",
    "generate_music",
    "generate_sound",
    "generate_speech",
    "generate_video",
    "import_media",
    "ken_burns",
    "lip_sync",
    "merge",
    "remove_background",
    "thumbnail",
    "transcribe",
    "upscale_image",
]
