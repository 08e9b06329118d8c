"""What providers call things: the names that models give to prompts, pictures, lengths and the like.

Read from the schemas of some hundred models of both providers, 2026-11. A name that is not here is the model's own, and
becomes an option.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .schema import Field

__all__ = [
    "COUNT", "FORMAT", "FPS", "FRAMES", "LANGUAGE", "NEGATIVE", "PROMPT", "SCALE", "SECONDS", "SEED", "TEXT", "VOICE", "Role",
    "role_of", "words_in",
]  # fmt: skip

PROMPT = ("prompt", "text_prompt", "positive_prompt")
TEXT = ("text", "input_text", "text_input", "gen_text", "tts_text", "script", "input", "prompt")
NEGATIVE = ("negative_prompt",)
SEED = ("seed", "random_seed", "noise_seed")
VOICE = ("voice", "voice_id", "speaker", "speaker_id", "preset_speaker")
LANGUAGE = ("language", "language_code", "lang", "language_boost")
FORMAT = ("output_format", "format", "image_format", "audio_format", "video_format")
FPS = ("fps", "frames_per_second", "frame_rate", "output_fps")
SCALE = ("scale", "scale_factor", "upscale_factor", "upscaling_factor", "outscale")
COUNT = (
    "num_outputs", "num_images", "number_of_images", "num_videos", "num_samples", "images_per_prompt", "n", "batch_size",
    "max_images",
)  # fmt: skip
SECONDS = (
    "duration", "seconds", "duration_seconds", "length_seconds", "video_duration", "audio_duration", "seconds_total",
    "total_seconds", "video_length", "audio_length", "duration_s", "duration_ms", "music_length_ms", "length_ms",
)  # fmt: skip
FRAMES = ("num_frames", "number_of_frames", "max_frames", "video_frames", "frames")

ROLES: dict[str, tuple[str, ...]] = {
    "image": (
        "image", "input_image", "image_input", "start_image", "first_frame", "first_frame_image", "start_frame", "init_image",
        "source_image", "main_image", "face_image", "img", "picture", "photo",
    ),
    "last_image": (
        "last_image", "end_image", "last_frame", "last_frame_image", "end_frame", "tail_image", "final_frame",
    ),
    "images": ("images", "input_images", "reference_images", "image_inputs"),
    "mask": ("mask", "mask_image"),
    "video": ("video", "input_video", "video_input", "source_video"),
    "audio": ("audio", "input_audio", "audio_input", "source_audio", "reference_audio", "driving_audio", "speech", "audio_prompt"),
}  # fmt: skip
ENDING = re.compile(r"_?(urls?|uri|path)$")


@dataclass(frozen=True)
class Role:
    """What an input medium is for the model: our name, and whether a list of files is sent."""

    name: str
    many: bool

    @property
    def kind(self) -> str:
        """`image`, `video` or `audio`."""
        return self.name if self.name in ("video", "audio") else "image"


def role_of(field: Field) -> Role | None:
    """Return what input medium a field takes; None when it takes none that we have a name for."""
    address = field.is_uri or bool(re.search(r"_urls?$", field.name))
    if field.type not in ("text", "list") or not address:
        return None
    base = ENDING.sub("", field.name.lower())
    many = field.type == "list"
    for name, known in ROLES.items():
        if base in known:
            if many and name in ("image", "images"):
                return Role("images", True)
            return None if many else Role("image" if name == "images" else name, False)
    return None


def words_in(*texts: str) -> set[str]:
    """Return the words of names and descriptions, in small letters."""
    return set(
        re.findall(r"[a-z0-9]+", " ".join(texts).lower().replace("lip-sync", "lipsync").replace("lip sync", "lipsync"))
    )
