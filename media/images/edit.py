"""Operations that change what a picture shows: crop, rotate, adjust, overlay.

As in `images`, results are upright, in sRGB with 8 bits, without metadata of the source.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal, get_args

from PIL import Image, ImageEnhance

from ...errors import ParameterError
from ..operation import operation
from .colour import parse_colour
from .encoding import save_picture
from .fit import load_rgb, opaque_if_it_is
from .lettering import lettering
from .limits import check_result_size
from .resample import resample

__all__ = ["Position", "adjust_image", "crop_image", "overlay_image", "rotate_image"]

LEAST_LINE_PX = 6.0
"""Height of the smallest line of text that is written."""
Position = Literal[
    "center", "top", "bottom", "left", "right", "top-left", "top-right", "bottom-left", "bottom-right", "tile"
]


@operation(version=3)
def crop_image(
    source: Path, target: Path, *, left: float, top: float, right: float, bottom: float, quality: int | None = None
) -> None:
    """Cut a part out of a picture, pixel by pixel.

    Args:
        source: Any picture that is handled.
        target: File to write.
        left: Edges of the part. When all four lie between 0 and 1 they are fractions of the picture, else pixels.
        top: See `left`.
        right: See `left`; outside the part.
        bottom: See `left`; outside the part.
        quality: See `fit_image`.

    Raises:
        ParameterError: The part is empty or reaches outside the picture.
        MediaError: As for `fit_image`.
    """
    image = load_rgb(source)
    edges = (left, top, right, bottom)
    if all(0 <= edge <= 1 for edge in edges):
        edges = (left * image.width, top * image.height, right * image.width, bottom * image.height)
    box = (round(edges[0]), round(edges[1]), round(edges[2]), round(edges[3]))
    if not (0 <= box[0] < box[2] <= image.width and 0 <= box[1] < box[3] <= image.height):
        raise ParameterError(
            f"Cannot crop '{source.name}' to left={left}, top={top}, right={right}, bottom={bottom}: the picture is "
            f"{image.width}x{image.height}, and the part must lie inside it and hold at least one pixel."
        )
    part = resample(image, (box[2] - box[0], box[3] - box[1]), box)
    save_picture(opaque_if_it_is(part), target, quality=quality)


@operation(version=3)
def rotate_image(
    source: Path,
    target: Path,
    *,
    degrees: float = 0.0,
    flip: Literal["none", "horizontal", "vertical"] = "none",
    expand: bool = True,
    background: str = "#00000000",
    quality: int | None = None,
) -> None:
    """Turn a picture clockwise, and flip it first if asked for. Right angles keep every pixel.

    Args:
        source: Any picture that is handled.
        target: File to write.
        degrees: Clockwise.
        flip: `horizontal` exchanges left and right.
        expand: Make room for the turned corners; otherwise the size stays and they are cut off.
        background: Colour of the corners that come into view; transparent where the format can.
        quality: See `fit_image`.

    Raises:
        ParameterError: A parameter is not possible.
        MediaLimitError: The turned picture would be over the pixel limit of the settings.
        MediaError: As for `fit_image`.
    """
    if flip not in ("none", "horizontal", "vertical"):
        raise ParameterError(f"flip={flip!r} is unknown. Known: none, horizontal, vertical.")
    under = parse_colour(background)
    image = load_rgb(source)
    if flip != "none":
        horizontal = flip == "horizontal"
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT if horizontal else Image.Transpose.FLIP_TOP_BOTTOM)
    quarter, rest = divmod(degrees % 360, 90)
    quarter = int(quarter) % 4  # -1e-14 % 360 is 360
    if rest == 0 and (expand or quarter in (0, 2)):
        turns = (None, Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_90)
        turn = turns[quarter]
        turned = image.transpose(turn) if turn is not None else image
    else:
        check_result_size(source, _bounds(image.size, degrees) if expand else image.size)
        turned = image.convert("RGBA").rotate(
            -degrees, Image.Resampling.BICUBIC, expand=expand, fillcolor=(*under[:3], 0)
        )
        canvas = Image.new("RGBA", turned.size, under)
        canvas.alpha_composite(turned)
        turned = canvas
    save_picture(opaque_if_it_is(turned), target, quality=quality, background=under)


def _bounds(size: tuple[int, int], degrees: float) -> tuple[int, int]:
    across, along = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    return math.ceil(size[0] * across + size[1] * along), math.ceil(size[0] * along + size[1] * across)


@operation(version=3)
def adjust_image(
    source: Path,
    target: Path,
    *,
    brightness: float = 1.0,
    contrast: float = 1.0,
    saturation: float = 1.0,
    gamma: float = 1.0,
    sharpness: float = 1.0,
    quality: int | None = None,
) -> None:
    """Adjust colours and sharpness, in the order of the parameters: 1 leaves as it is, 0 takes all away, 2 doubles.

    Args:
        source: Any picture that is handled.
        target: File to write.
        brightness: 0 to 10. 0 is black.
        contrast: 0 to 10. 0 is one grey.
        saturation: 0 to 10. 0 is black and white.
        gamma: 0.1 to 10. Above 1 lifts the middle tones; black and white stay.
        sharpness: 0 to 10. 0 is soft.
        quality: See `fit_image`.

    Raises:
        ParameterError: A parameter is out of range.
        MediaError: As for `fit_image`.
    """
    factors = {"brightness": brightness, "contrast": contrast, "saturation": saturation, "sharpness": sharpness}
    problems = [f"{name}={value} is not between 0 and 10." for name, value in factors.items() if not 0 <= value <= 10]
    if not 0.1 <= gamma <= 10:
        problems.append(f"gamma={gamma} is not between 0.1 and 10.")
    if problems:
        raise ParameterError(" ".join(problems), problems)
    image = load_rgb(source)
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    result = image.convert("RGB")
    for enhance, factor in (
        (ImageEnhance.Brightness, brightness),
        (ImageEnhance.Contrast, contrast),
        (ImageEnhance.Color, saturation),
    ):
        result = enhance(result).enhance(factor) if factor != 1 else result
    if gamma != 1:
        result = result.point([round(255 * (level / 255) ** (1 / gamma)) for level in range(256)] * 3)
    if sharpness != 1:
        result = ImageEnhance.Sharpness(result).enhance(sharpness)
    if alpha:
        result.putalpha(alpha)
    save_picture(result, target, quality=quality)


@operation(version=3)
def overlay_image(
    source: Path,
    overlay: Path | None,
    target: Path,
    *,
    text: str | None = None,
    position: Position = "bottom-right",
    scale: float | None = None,
    opacity: float = 1.0,
    margin: float = 0.03,
    colour: str = "#ffffff",
    font: str | None = None,
    quality: int | None = None,
) -> None:
    """Lay a watermark over a picture: another picture, or text.

    Args:
        source: Any picture that is handled.
        overlay: The picture to lay over it; None with `text`.
        target: File to write.
        text: What to write instead; may have several lines.
        position: Where; `tile` repeats it all over.
        scale: Width of the overlay picture (0.2), or height of a line of text (0.05), as a fraction of the source's. Text that
            would be wider than the picture becomes smaller.
        opacity: 0 to 1.
        margin: Distance from the edges, and between the pieces of `tile`, as a fraction of the source's shorter side.
        colour: Of the text, which gets a soft dark edge so that it can be read on anything.
        font: Path of a font file; default the built-in Latin one, else one of the system's that covers the text.
        quality: See `fit_image`.

    Raises:
        ParameterError: Neither or both of `overlay` and `text` are given, or a parameter is not possible.
        MediaError: As for `fit_image`.
    """
    if (overlay is None) == (text is None or not text.strip()):
        raise ParameterError("overlay_image needs either a picture to lay over the other, or text=.")
    _check_overlay(position, scale, opacity, margin)
    image = load_rgb(source).convert("RGBA")
    if overlay is not None:
        mark = load_rgb(overlay).convert("RGBA")
        width = max(1, round(image.width * (scale or 0.2)))
        size = width, max(1, round(mark.height * width / mark.width))
        check_result_size(overlay, size)
        mark = resample(mark, size)
    else:
        line_px, ink = max(LEAST_LINE_PX, image.height * (scale or 0.05)), parse_colour(colour, "colour")
        mark = lettering(text or "", line_px, ink, font)
        if mark.width > image.width:
            mark = lettering(text or "", max(LEAST_LINE_PX, line_px * 0.98 * image.width / mark.width), ink, font)
    if opacity < 1:
        mark.putalpha(mark.getchannel("A").point([round(level * opacity) for level in range(256)]))
    _place(image, mark, position, round(margin * min(image.size)))
    save_picture(opaque_if_it_is(image), target, quality=quality)


def _check_overlay(position: str, scale: float | None, opacity: float, margin: float) -> None:
    problems: list[str] = []
    if position not in get_args(Position):
        problems.append(f"position={position!r} is unknown. Known: {', '.join(get_args(Position))}.")
    if scale is not None and not 0 < scale <= 4:
        problems.append(f"scale={scale} is not above 0 and at most 4.")
    if not 0 <= opacity <= 1:
        problems.append(f"opacity={opacity} is not between 0 and 1.")
    if not 0 <= margin <= 0.5:
        problems.append(f"margin={margin} is not between 0 and 0.5.")
    if problems:
        raise ParameterError(" ".join(problems), problems)


def _place(image: Image.Image, mark: Image.Image, position: Position, margin: int) -> None:
    if position == "tile":
        step_x, step_y = mark.width + max(1, margin), mark.height + max(1, margin)
        row = Image.new("RGBA", (image.width + step_x, mark.height))
        for x in range(0, row.width, step_x):
            row.paste(mark, (x, 0))
        for number, y in enumerate(range(0, image.height, step_y)):
            _composite(image, row, -(step_x // 2) * (number % 2), y)
        return
    x, y = (image.width - mark.width) // 2, (image.height - mark.height) // 2
    x = margin if "left" in position else image.width - mark.width - margin if "right" in position else x
    y = margin if "top" in position else image.height - mark.height - margin if "bottom" in position else y
    _composite(image, mark, x, y)


def _composite(image: Image.Image, mark: Image.Image, x: int, y: int) -> None:
    """Lay `mark` at any place; what hangs over an edge is cut off."""
    left, top = max(0, -x), max(0, -y)
    if left < mark.width and top < mark.height and x < image.width and y < image.height:
        image.alpha_composite(mark, (max(0, x), max(0, y)), (left, top))
