"""Operations on one video: cut, fit, reframe, speed, fade, mute, several of them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import ParameterError
from ..container import scan
from ..images.fitting import Fit, Gravity
from ..operation import operation
from . import steps
from .chain import open_through, prepare
from .opening import open_reel, parse_rate
from .steps import Fill
from .writing import write_reel

__all__ = ["change_speed", "edit_video", "fade_video", "fit_video", "reframe_video"]


@operation(version=4)
def fit_video(
    source: Path,
    target: Path,
    *,
    width: int | None = None,
    height: int | None = None,
    fit: Fit = "cover",
    gravity: Gravity = "auto",
    focus: Sequence[float] | None = None,
    background: str = "black",
    fps: float | str | None = None,
) -> None:
    """Bring a video to a size and frame rate, with the vocabulary of `fit_image`.

    Args:
        source: Any video.
        target: `.mp4`, `.mov`, `.mkv` or `.webm`.
        width: In pixels, even. With only one of the two, the other follows from the aspect ratio.
        height: See `width`.
        fit: `cover` crops, `contain` fits inside, `pad` adds bars, `stretch` distorts, `exact` refuses another size.
        gravity: The part to keep when cropping, or where a padded picture goes. `smart` looks at frames across the video
            and chooses one place for all of it, the default one unless another holds much more of what stands out.
        focus: Point of the source (fractions of width and height) to keep in the middle; overrides `gravity`.
        background: Colour of bars.
        fps: Frame rate; by default the source's own.

    Raises:
        ParameterError: A value is not possible.
        MediaError: The source cannot be used, or the target not written.
    """
    reel = open_reel(source, fps=parse_rate(fps))
    fitted = steps.fit(reel, width=width, height=height, fit=fit, gravity=gravity, focus=focus, background=background)
    write_reel(fitted, target, what=f"fit '{source.name}' to {fitted.width}x{fitted.height}")


@operation(version=3)
def reframe_video(
    source: Path,
    target: Path,
    *,
    ratio: str = "9:16",
    height: int | None = None,
    fill: Fill = "blur",
    gravity: Gravity = "auto",
    focus: Sequence[float] | None = None,
    background: str = "black",
) -> None:
    """Give a video another aspect ratio, for example 16:9 to 9:16.

    Args:
        source: Any video.
        target: `.mp4`, `.mov`, `.mkv` or `.webm`.
        ratio: Width to height, as `9:16`.
        height: In pixels, even; by default the longer side of the source becomes the longer side of the result.
        fill: `blur` shows the whole picture on a blurred copy of itself, `crop` cuts, `pad` adds bars.
        gravity: The part to keep (`crop`), or the part that the blurred copy shows; `smart` as for `fit_video`.
        focus: Point of the source to keep in the middle; overrides `gravity`.
        background: Colour of bars.

    Raises:
        ParameterError: A value is not possible.
        MediaError: The source cannot be used, or the target not written.
    """
    reel = steps.reframe(
        open_reel(source), ratio=ratio, height=height, fill=fill, gravity=gravity, focus=focus, background=background
    )
    write_reel(reel, target, what=f"reframe '{source.name}' to {ratio}")


@operation(version=4)
def change_speed(source: Path, target: Path, *, factor: float) -> None:
    """Play a video faster or slower; its frame rate and the pitch of its sound stay.

    Args:
        source: Any video.
        target: `.mp4`, `.mov`, `.mkv` or `.webm`.
        factor: 2 is twice as fast, 0.5 half as fast; 0.1 to 20.

    Raises:
        ParameterError: A value is not possible.
        MediaError: The source cannot be used, or the target not written.
    """
    write_reel(steps.speed(open_reel(source), factor=factor), target, what=f"change the speed of '{source.name}'")


@operation(version=3)
def fade_video(source: Path, target: Path, *, in_s: float = 0.5, out_s: float = 0.5, colour: str = "black") -> None:
    """Fade picture and sound in at the start and out at the end.

    Args:
        source: Any video.
        target: `.mp4`, `.mov`, `.mkv` or `.webm`.
        in_s: Length of the fade-in in seconds; 0 for none. `out_s`: of the fade-out.
        out_s: See `in_s`.
        colour: What the picture comes from and goes to.

    Raises:
        ParameterError: A value is not possible.
        MediaError: The source cannot be used, or the target not written.
    """
    write_reel(
        steps.fade(open_reel(source), in_s=in_s, out_s=out_s, colour=colour), target, what=f"fade '{source.name}'"
    )


@operation(version=5)
def edit_video(source: Path, target: Path, *, steps: Sequence[Mapping[str, Any]]) -> None:
    """Do several steps with one decode and one encode, or undecoded where they leave the picture as it is.

    Args:
        source: Any video.
        target: `.mp4`, `.mov`, `.mkv` or `.webm`.
        steps: In order, each a mapping with `do` (`trim fit reframe speed fade mute frame_rate caption encode even`) and that step's parameters,
            for example `[{"do": "trim", "end_s": 5}, {"do": "fit", "width": 1080, "height": 1920}]`.

    Raises:
        ParameterError: A step or a value is not possible.
        MediaError: The source cannot be used, or the target not written.
    """
    if not steps:
        raise ParameterError("steps is empty. Give at least one, for example {'do': 'trim', 'end_s': 5}.")
    reel = open_through(source, scan(source), prepare(steps))
    write_reel(reel, target, what=f"edit '{source.name}'")
