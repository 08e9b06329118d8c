"""Still pictures in video: made into one, or laid over one."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from PIL import Image

from ...errors import ParameterError
from .. import ffmpeg
from ..images.fit import fit_image, load_rgb
from ..images.fitting import Fit, Gravity
from ..operation import operation
from ..scratch import scratch_beside
from .opening import parse_rate
from .reel import Reel
from .steps import check_size, focus_point
from .writing import write_reel

__all__ = ["open_still", "still_to_video"]

MAX_SECONDS = 3600.0


@operation(version=1)
def still_to_video(
    source: Path,
    target: Path,
    *,
    seconds: float = 5.0,
    fps: float | str = 25,
    width: int | None = None,
    height: int | None = None,
    fit: Fit = "cover",
    gravity: Gravity = "auto",
    focus: Sequence[float] | None = None,
    background: str = "#000000",
) -> None:
    """Show a still picture for some time. For one with a camera move, see `ken_burns`.

    Args:
        source: Any picture that is handled.
        target: `.mp4`, `.mov`, `.mkv` or `.webm`.
        seconds: Length, up to an hour.
        fps: Frames per second, 1 to 240.
        width: In pixels; both sides are rounded down to even. By default the picture's own size.
        height: See `width`.
        fit: As for `fit_image`; likewise the next two.
        gravity: See `fit`.
        focus: See `fit`.
        background: Colour of bars, and under transparency.

    Raises:
        ParameterError: A value is not possible.
        MediaError: The picture cannot be used, or the target not written.
    """
    rate = parse_rate(fps)
    assert rate is not None
    frames = round(Fraction(seconds) * rate) if 0 < seconds <= MAX_SECONDS else 0
    if frames < 1:
        raise ParameterError(f"seconds={seconds} is not from one frame ({float(1 / rate):.3f} s) to {MAX_SECONDS:g}.")
    point = focus_point(focus)
    with scratch_beside(target) as scratch:
        fitted = scratch / "fitted.png"
        fit_image(
            source, fitted, width=width, height=height, fit=fit, gravity=gravity, focus=point, multiple=2,
            background=background, transparent=False,
        )  # fmt: skip
        picture = load_rgb(fitted)
        check_size(*picture.size)
        reel = open_still(picture, scratch / "still.png", name=source.name, rate=rate, frames=frames)
        write_reel(reel, target, what=f"make a video of '{source.name}'")


def open_still(image: Image.Image, scratch: Path, *, name: str, rate: Fraction, frames: int) -> Reel:
    """Return a reel that shows a picture, `RGB` or `RGBA`, for so many frames.

    Args:
        image: The picture, at the size that it will have.
        scratch: Where to write it for ffmpeg; must exist until the graph has run.
        name: Its name, for errors.
        rate: Frame rate.
        frames: How long it is shown.
    """
    image.save(scratch, format="PNG", compress_level=1)
    has_alpha = image.mode == "RGBA"
    node = ffmpeg.source(scratch, formats="png_pipe", f="png_pipe", framerate=str(rate))["v:0"]
    # Converted once, then repeated.
    node = node.filter("scale", flags="bicubic", out_color_matrix="bt709", out_range="tv").filter("setsar", 1)
    node = node.filter("format", "yuva420p" if has_alpha else "yuv420p")
    node = (
        node.filter("loop", loop=-1, size=1).filter("fps", fps=str(rate), start_time=0).filter("trim", end_frame=frames)
    )
    size = image.size
    return Reel(
        name=name, picture=node, sound=None, width=size[0], height=size[1], rate=rate, frames=frames,
        has_alpha=has_alpha, stored=size,
    )  # fmt: skip
