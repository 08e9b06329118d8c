"""Prefect tasks: calls to models, and local media operations.

The verbs that call a model take `model` (a card id, a family name, or a list: first choice, then fallbacks), unified parameters
that the card translates, the provider's own extras in `options`, and:

- `fit`: how input media is made to fit the model's contract (`cover`, `contain`, `pad`, `stretch`, `refuse`);
- `strict`: refuse local conversions of the result instead of planning them;
- `take`: another number is another sample of the same request;
- `budget`: most that this call may cost.

A call that was made before, by any flow in any process, is answered from the ledger and the store.
"""

from .captions import caption
from .cuts import change_speed, fade_video, loop_video, resample_video, reverse_video, trim
from .generate_audio import generate_music, generate_sound, generate_speech, transcribe
from .generate_images import edit_image, generate_image, remove_background, upscale_image
from .generate_videos import generate_video, lip_sync
from .images import contact_sheet, fit_image, thumbnail
from .imports import import_media
from .looks import (
    chroma_key,
    edit_video,
    extract_audio,
    extract_frame,
    fit_video,
    reframe_video,
    remove_audio,
    transcode,
)
from .overlays import overlay, overlay_video
from .records import sign_media, write_provenance
from .retouch import adjust_image, convert_image, crop_image, flatten_image, rotate_image
from .sounds import change_volume, convert_audio, fade_audio, mix, normalize_loudness, trim_silence
from .videos import concat, ken_burns, merge, still_to_video

__all__ = [
    "adjust_image",
    "caption",
    "change_speed",
    "change_volume",
    "chroma_key",
    "concat",
    "contact_sheet",
    "convert_audio",
    "convert_image",
    "crop_image",
    "edit_image",
    "edit_video",
    "extract_audio",
    "extract_frame",
    "fade_audio",
    "fade_video",
    "fit_image",
    "fit_video",
    "flatten_image",
    "generate_image",
    "generate_music",
    "generate_sound",
    "generate_speech",
    "generate_video",
    "import_media",
    "ken_burns",
    "lip_sync",
    "loop_video",
    "merge",
    "mix",
    "normalize_loudness",
    "overlay",
    "overlay_video",
    "reframe_video",
    "remove_audio",
    "remove_background",
    "resample_video",
    "reverse_video",
    "rotate_image",
    "sign_media",
    "still_to_video",
    "thumbnail",
    "transcode",
    "transcribe",
    "trim",
    "trim_silence",
    "upscale_image",
    "write_provenance",
]
